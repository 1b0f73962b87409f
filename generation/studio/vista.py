"""Paints what lies far away: sky, ridges in haze, dunes, water, a skyline. Linear light, shape (height, width, 3).

Distance is shown as painters show it (aerial perspective): each layer is nearer to the colour of the haze the
further away it lies.
"""

from dataclasses import dataclass

import numpy as np

from generation.studio import finish
from generation.studio.colours import Floats, from_lab, to_lab
from generation.studio.lighting import tint
from generation.studio.plan import Plan


@dataclass(frozen=True, slots=True)
class Air:
    """Colours of a scene from the zenith down to the nearest ridge, and where the sun stands (shares of the frame)."""

    zenith: Floats
    middle: Floats
    horizon: Floats
    haze: Floats
    near: Floats
    sun: tuple[float, float]
    sun_colour: Floats


def mix_air(plan: Plan, horizon: float, rng: np.random.Generator) -> Air:
    """Palette colours by lightness: the warmest glows at the horizon, the middle one is haze, the darkest is near."""
    labs = sorted((to_lab(colour) for colour in plan.colours.all), key=lambda lab: float(lab[0]))
    dark, light = labs[0].copy(), labs[-1].copy()
    middle = labs[len(labs) // 2] if len(labs) > 2 else 0.5 * (dark + light)
    warmest = max(labs[1:] or labs, key=lambda lab: float(lab[2] + 0.5 * lab[1] + 0.15 * lab[0]))
    coolest = min(labs, key=lambda lab: float(lab[2]) - 0.1 * float(lab[0]))
    dark[0] = min(dark[0], 24.0)
    night = plan.direction.mood.brightness < -0.3
    zenith = 0.8 * coolest + 0.2 * (dark if night else middle)
    zenith[0] = float(np.clip(zenith[0], 12 if night else 48, 40 if night else 74))
    glow = 0.8 * warmest + 0.2 * light
    glow[0] = float(np.clip(glow[0], 46 if night else 74, 66 if night else 90))
    haze = 0.4 * glow + 0.6 * middle
    veil = middle.copy()
    veil[0] = float(np.clip(veil[0], 24 if night else 58, 56 if night else 80))
    side = -0.24 if plan.azimuth < 0 else 0.24
    x = plan.centre[0] + side + float(rng.uniform(-0.05, 0.05))
    return Air(
        zenith=from_lab(zenith), middle=from_lab(veil),
        horizon=from_lab(glow), haze=from_lab(haze), near=from_lab(dark),
        sun=(float(np.clip(x, 0.08, 0.92)), horizon - float(rng.uniform(0.06, 0.2))),
        sun_colour=(tint(0.4 + 0.5 * plan.light_warmth) * (0.75 if night else 1.15)).astype(np.float32),
    )  # fmt: skip


def wander(count: int, rng: np.random.Generator, *, octaves: int, roughness: float, start: int = 3) -> Floats:
    """A random line of `count` values about -1..1: value noise with cosine interpolation, summed over octaves."""
    line = np.zeros(count, np.float32)
    position = np.linspace(0, 1, count, dtype=np.float32)
    weight, knots = 1.0, start
    for _ in range(octaves):
        values = rng.uniform(-1, 1, knots + 2).astype(np.float32)
        at = position * knots
        index = at.astype(np.int32)
        share = at - index
        share = share * share * (3 - 2 * share)
        line += weight * (values[index] * (1 - share) + values[index + 1] * share)
        weight, knots = weight * roughness, knots * 2
    return line


def paint_sky(air: Air, width: int, height: int, horizon: float, rng: np.random.Generator) -> Floats:
    """Gradient, glow and disc of the sun, thin bands of cloud."""
    y = (np.arange(height, dtype=np.float32) + 0.5)[:, None] / height
    x = (np.arange(width, dtype=np.float32) + 0.5)[None, :] / width
    aspect = width / height
    up = np.clip((horizon - y) / max(horizon, 0.1), 0, 1) ** 0.75
    low, high = np.clip(up * 2, 0, 1)[..., None], np.clip(up * 2 - 1, 0, 1)[..., None]
    low, high = low * low * (3 - 2 * low), high * high * (3 - 2 * high)
    sky = (air.horizon * (1 - low) + air.middle * low) * (1 - high) + air.zenith * high
    away = np.sqrt(((x - air.sun[0]) * aspect) ** 2 + (y - air.sun[1]) ** 2)
    sky = sky + (0.5 * np.exp(-away * 4.2) + 0.22 * np.exp(-away * 1.6))[..., None] * air.sun_colour * (
        0.35 + 0.65 * air.horizon
    )
    clouds = np.zeros((24, 64), np.float32)
    for size in (4, 8, 16):
        coarse = rng.uniform(-1, 1, (size + 2, size // 2 + 2)).astype(np.float32)
        clouds += finish.resized(coarse, 64, 24) * (4.0 / size)
    bands = finish.resized(clouds, width, height)
    veil = np.clip((bands - 0.15) * 0.9, 0, 1) * np.clip((horizon - y) * 4, 0, 1) * np.clip(1.15 - up, 0, 1)
    lit = air.sun_colour * (0.55 * air.horizon + 0.45)
    sky = sky * (1 - 0.55 * veil[..., None]) + lit * (0.55 * veil * (0.65 + 0.5 * np.exp(-away * 2)))[..., None]
    radius = 0.045
    disc = np.clip((radius - away) * height / 1.5 + 0.5, 0, 1)[..., None]
    return (sky * (1 - disc) + disc * np.minimum(air.sun_colour * (0.75 + 0.6 * air.horizon), 1.6)).astype(np.float32)


def paint_ridges(picture: Floats, air: Air, plan: Plan, horizon: float, rng: np.random.Generator, *, kind: str) -> None:
    """Layers of land from far to near, in place. `kind`: mountains, dunes, hills."""
    height, width = picture.shape[:2]
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    rows = np.arange(height, dtype=np.float32)[:, None] + 0.5
    layers = 6 if kind != "dunes" else 5
    for number in range(layers):
        share = number / (layers - 1)
        octaves, rough = (6, 0.52) if kind == "mountains" else ((2, 0.3) if kind == "dunes" else (4, 0.42))
        line = wander(width, rng, octaves=octaves, roughness=rough, start=3 + number % 3)
        if kind == "mountains":
            line = (0.9 - 1.6 * np.abs(line) if number < 3 else 0.6 * line).astype(np.float32)
        lift = (0.15 - 0.1 * share) * line
        if number == 1 and kind != "dunes":
            # The peak is the subject: it stands where the composition wants it.
            skew = float(rng.uniform(0.75, 1.3))
            aside = np.where(x < plan.centre[0], (plan.centre[0] - x) * skew, (x - plan.centre[0]) / skew)
            crags = wander(width, rng, octaves=7, roughness=0.6, start=7)
            lift = (
                lift * 0.5
                + 0.27 * np.exp(-((aside / 0.17) ** 1.1)) * (1 + 0.1 * line)
                + 0.022 * crags * np.exp(-aside / 0.2)
            )
        base = horizon - 0.02 + (1.06 - horizon) * share**1.5 * 0.86
        ridge = (base - lift) * height
        colour = air.haze * (1 - share) ** 1.3 + air.near * (1 - (1 - share) ** 1.3)
        depth = np.clip((rows - ridge[None, :]) / (height * (0.2 + 0.12 * share)), 0, 1)
        mist = (1 - share) * 0.62
        body = colour * (1 - depth * mist)[..., None] + air.horizon * (depth * mist)[..., None]
        soft = max(3, width // 60)
        smooth = np.convolve(
            np.pad(ridge, soft, mode="edge"), np.ones(2 * soft + 1, np.float32) / (2 * soft + 1), mode="valid"
        )
        slope = (0.75 * np.gradient(smooth) + 0.25 * np.gradient(ridge)) * (1 if plan.azimuth < 0 else -1)
        sunny = np.clip(-slope * 0.5, -0.6, 1)[None, :] * np.exp(-depth * 4.5) * (0.55 - 0.3 * share)
        glow = np.exp(-(((x - air.sun[0]) * 2.4) ** 2))[None, :] * np.exp(-depth * 9) * 0.35 * (1 - 0.6 * share)
        body = body * (1 + sunny)[..., None] + glow[..., None] * air.sun_colour * 0.5
        cover = np.clip(rows - ridge[None, :] + 0.5, 0, 1)[..., None]
        picture *= 1 - cover
        picture += np.maximum(body, 0) * cover


def paint_water(picture: Floats, air: Air, shore: float, rng: np.random.Generator) -> None:
    """Everything below `shore` becomes water: the picture above it, mirrored, rippled and a little darker. In place."""
    height = picture.shape[0]
    top = round(shore * height)
    rows = np.arange(top, height)
    depth = (rows - top) / max(1, height - top)
    jitter = rng.normal(0, 1, len(rows)) * (0.4 + depth * height * 0.012)
    # Low water mirrors more of the sky than there is picture: squeeze it rather than repeat the last row.
    squeeze = min(0.9, 0.92 * top / max(1, height - top))
    mirrored = np.clip(np.round(top - 1 - (rows - top) * squeeze + jitter), 0, top - 1).astype(int)
    blend = np.float32(0.72) - np.float32(0.25) * depth[:, None, None].astype(np.float32)
    picture[top:] = finish.blurred(picture[mirrored], 3.0) * blend + air.near * (0.9 - blend)
    line = np.exp(-((rows - top) ** 2) / (2 * (0.0035 * height + 0.8) ** 2))[:, None, None]
    picture[top:] += line * air.horizon * 0.35


def paint_city(picture: Floats, air: Air, plan: Plan, horizon: float, rng: np.random.Generator) -> None:
    """Three rows of towers in haze, windows alight in the nearest ones. In place."""
    height, width = picture.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None] + 0.5
    for number in range(4):
        share = number / 3
        colour = air.haze * 0.85 * (1 - share) ** 1.2 + air.near * (1 - (1 - share) ** 1.2)
        roof = np.full(width, horizon * height + 0.02 * height, np.float32)
        x = -int(rng.integers(10, 40))
        while x < width:
            wide = int(width * rng.uniform(0.022, 0.06) * (0.8 + 0.5 * share))
            middle = (x + wide / 2) / width
            crowd = float(np.exp(-((middle - plan.centre[0]) ** 2) / 0.045))
            tall = (0.06 + 0.14 * rng.random() + (0.34 * rng.random() + 0.1) * crowd) * (1.0 - 0.35 * share)
            top = (horizon + 0.05 * share - tall) * height
            left, right = max(0, x), min(width, x + wide)
            roof[left:right] = np.minimum(roof[left:right], top)
            if rng.random() < 0.22 * crowd and right > left:
                mast = min(width - 1, max(0, (left + right) // 2))
                roof[mast : mast + max(2, width // 700)] = top - 0.05 * height
            x += wide + int(width * rng.uniform(-0.006, 0.012))
        depth = np.clip((rows - roof[None, :]) / (height * 0.45), 0, 1)
        body = (
            colour * (1 - 0.5 * depth * (1 - share))[..., None] + air.horizon * (0.5 * depth * (1 - share))[..., None]
        )
        if number:
            body = body + _windows(width, height, roof, air, share, rng)
        cover = np.clip(rows - roof[None, :] + 0.5, 0, 1)[..., None]
        picture *= 1 - cover
        picture += body * cover


def _windows(width: int, height: int, roof: Floats, air: Air, share: float, rng: np.random.Generator) -> Floats:
    pitch_x, pitch_y = max(5, round(width / 210)), max(6, round(height / 95))
    lit = (rng.random((height // pitch_y + 1, width // pitch_x + 1)) < 0.24).astype(np.float32) * rng.uniform(
        0.3, 1, (height // pitch_y + 1, width // pitch_x + 1)
    )
    grid = np.kron(lit.astype(np.float32), np.ones((pitch_y, pitch_x), np.float32))[:height, :width]
    y, x = np.arange(height) % pitch_y, np.arange(width) % pitch_x
    pane = ((y > pitch_y * 0.35) & (y < pitch_y * 0.85))[:, None] * ((x > pitch_x * 0.25) & (x < pitch_x * 0.8))[
        None, :
    ]
    below = np.arange(height)[:, None] > roof[None, :] + pitch_y
    return (
        (grid * pane * below)[..., None] * (air.sun_colour * 0.6 + air.horizon * 0.5) * np.float32(0.25 + 0.5 * share)
    )


def paint_vista(plan: Plan, *, width: int, height: int, horizon: float, rng: np.random.Generator) -> tuple[Floats, Air]:
    """The whole far view and the air it was painted with. `horizon` as a share of the height."""
    air = mix_air(plan, horizon, rng)
    picture = paint_sky(air, width, height, horizon, rng)
    subjects, ground = plan.direction.subjects, plan.direction.ground
    if "skyline" in subjects:
        paint_city(picture, air, plan, horizon + 0.1, rng)
        paint_water(picture, air, min(0.9, horizon + 0.14), rng)
        return picture, air
    if subjects[:1] == ("person",):
        ground = ground or "grass"
    kind = "dunes" if ground == "sand" else ("hills" if ground == "grass" else "mountains")
    paint_ridges(picture, air, plan, horizon, rng, kind=kind)
    if ground == "water" or (not ground and kind == "mountains" and rng.random() < 0.4):
        paint_water(picture, air, min(0.9, horizon + 0.13), rng)
    return picture, air
