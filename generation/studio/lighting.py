"""Light: key, fill, rim, window patterns, and how backdrop and solids answer them. Linear light throughout.

Diffuse is Lambert with a soft terminator, highlights come from a rectangular softbox reflected in the surface, Fresnel
by Schlick (1994). The fall-off of the key is that of a near softbox, which is what gives a studio its pool of light.
"""

from dataclasses import dataclass

import numpy as np

from generation.studio.colours import Floats
from generation.studio.plan import Plan
from generation.studio.solids import Solid
from generation.studio.stage import Stage
from generation.studio.tracer import BLOCK, Hits, normals_of, occlusion, shadow


@dataclass(frozen=True, slots=True)
class Lights:
    """Directions point from the surface to the lamp; colours are linear and include intensity."""

    key: Floats
    key_colour: Floats
    fill_colour: Floats
    bounce_colour: Floats
    rim: Floats
    rim_colour: Floats
    softness: float
    pattern: str
    across: Floats
    up: Floats
    phase: float
    halo: tuple[float, float, float]  # x and y on the wall, strength


def tint(warmth: float) -> Floats:
    """A light colour of luminance about one: orange for 1, blue for -1 (roughly 3200 K and 9000 K around D65)."""
    warm = np.array([1.22, 0.98, 0.66], np.float32)
    cool = np.array([0.84, 1.0, 1.24], np.float32)
    target = warm if warmth > 0 else cool
    return (1 + (target - 1) * min(abs(warmth), 1.2)).astype(np.float32)


def direction_of(azimuth: float, elevation: float) -> Floats:
    """Unit vector to a lamp: azimuth 0 stands by the camera, 90 to the right (degrees)."""
    a, e = np.radians(azimuth), np.radians(elevation)
    return np.array([np.sin(a) * np.cos(e), np.sin(e), -np.cos(a) * np.cos(e)], np.float32)


def hang_lights(plan: Plan, stage: Stage, rng: np.random.Generator) -> Lights:
    """Lamps for a plan. Behind the subject the key becomes a rim and the camera side gets more fill."""
    key = direction_of(plan.azimuth, plan.elevation)
    behind = abs(plan.azimuth) > 105
    warm = tint(plan.light_warmth)
    cool = tint(-0.35 * plan.light_warmth - 0.08)
    power = 0.92 / max(0.42, float(key[1])) ** 0.5
    ambient = 0.45 if behind else 0.36
    ambient *= 1 + 0.9 * plan.shadows - 0.25 * min(plan.contrast, 0.8)
    side = -1.0 if plan.azimuth > 0 else 1.0
    rim = direction_of(side * 140, 38) if not behind else key
    across = np.cross(np.array([0, 1, 0], np.float32), key)
    across /= np.linalg.norm(across) + 1e-6
    pattern = plan.direction.light.pattern
    if not pattern and plan.direction.kind == "interior":
        pattern = ("window", "leaves", "blinds")[int(rng.integers(3))]
    halo = (
        float(-0.5 * key[0]) if not behind else 0.0,
        stage.top + 0.7 * stage.subject_height,
        0.85 if behind else 0.5,
    )
    if plan.direction.subjects[:1] == ("lamp",):
        # The lamp lights the wall behind it.
        halo = (0.0, stage.top + 0.8 * stage.subject_height, 1.7)
    return Lights(
        key=key,
        key_colour=(power * (1.25 if pattern else 1.0) * warm).astype(np.float32),
        fill_colour=(ambient * cool).astype(np.float32),
        bounce_colour=(0.34 * plan.colours.floor * warm).astype(np.float32),
        rim=rim,
        rim_colour=((0.5 + 1.5 * plan.rim) * (warm if behind else tint(0.4 * plan.light_warmth))).astype(np.float32),
        softness=plan.softness,
        pattern=pattern,
        across=across.astype(np.float32),
        up=np.cross(key, across).astype(np.float32),
        phase=float(rng.uniform(0, 1)),
        halo=halo,
    )


def gobo(lights: Lights, points: Floats) -> Floats:
    """The shadow pattern of a window, blinds or leaves between lamp and set, 0..1 per point (3, n)."""
    if not lights.pattern:
        return np.ones(points.shape[1], np.float32)
    a, b = lights.across @ points, lights.up @ points
    if lights.pattern == "blinds":
        wave = np.sin((b * 1.02 + 0.16 * a + lights.phase) * 2 * np.pi / 0.34)
        return (0.22 + 0.78 * _ease(wave, -0.35, 0.35)).astype(np.float32)
    if lights.pattern == "leaves":
        field = np.zeros_like(a)
        for number in range(5):
            angle = lights.phase * 6.28 + number * 1.13
            u, v = a * np.cos(angle) + b * np.sin(angle), b * np.cos(angle) - a * np.sin(angle)
            field += np.sin(3.1 * u + number * 2.1 + 0.9 * np.sin(1.7 * v + number)) * np.cos(1.4 * v + number * 0.7)
        return (0.34 + 0.66 * _ease(field, -1.1, 0.7)).astype(np.float32)
    x, y = np.abs(a + 0.25 * (lights.phase - 0.5)), b - 0.05
    frame = _ease(x, 1.02, 0.94) * _ease(np.abs(y - 0.35), 1.02, 0.94)
    bars = _ease(x, 0.03, 0.07) * _ease(np.abs(np.mod(y + 0.65, 0.68) - 0.34), 0.31, 0.27)
    return (0.3 + 0.7 * frame * bars).astype(np.float32)


def _ease(value: Floats, low: float, high: float) -> Floats:
    share = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return share * share * (3 - 2 * share)


def pool(stage: Stage, points: Floats) -> Floats:
    """Fall-off of the near softbox around the subject, 1 at the subject."""
    x, y, z = points[0], points[1] - np.float32(stage.top + 0.5), points[2]
    return (1 / (1 + (x * x + y * y * 0.7 + z * z) / np.float32(13.0))).astype(np.float32)


def shade_backdrop(plan: Plan, stage: Stage, lights: Lights, *, step: int) -> tuple[Floats, Floats]:
    """Radiance (h, w, 3) and distance (h, w) of floor and wall at one ray per `step` pixels."""
    camera = stage.camera
    columns, rows = np.meshgrid(
        np.arange(step / 2, camera.width + step, step, dtype=np.float32),
        np.arange(step / 2, camera.height + step, step, dtype=np.float32),
    )
    rays = camera.rays(columns.ravel(), rows.ravel())
    origin = camera.position
    far = np.float32(80.0 if plan.direction.kind == "outdoor" else stage.wall_distance)
    with np.errstate(divide="ignore", over="ignore"):
        floor_at = np.where(rays[1] < -1e-4, -origin[1] / np.minimum(rays[1], -1e-4), np.float32(1e4))
        wall_at = np.where(rays[2] > 1e-3, (far - origin[2]) / np.maximum(rays[2], 1e-3), np.float32(1e4))
    near, share = _sweep(floor_at, wall_at, 0.9)
    points = origin[:, None] + rays * near
    normals = np.stack([np.zeros_like(share), 1 - share, -share])
    if stage.waves:
        normals[0] += (
            stage.waves * 0.34 * share * np.sin(points[0] * 5.2 + 1.3 * np.sin(points[1] * 1.1) + lights.phase * 6)
        )
    normals /= np.sqrt((normals * normals).sum(axis=0))
    albedo = plan.colours.floor[:, None] * (1 - share) + _wall_colour(plan, stage, points) * share
    direct = np.clip(lights.key @ normals, 0, None)
    lit = shadow(stage.solids, points, lights.key, softness=lights.softness)
    ambient = occlusion(stage.solids, points, normals)
    fall = pool(stage, points)
    pattern = gobo(lights, points)
    x, y, strength = lights.halo
    glow = np.exp(-((points[0] - x) ** 2 + (points[1] - y) ** 2) / np.float32(2.4)) * share
    irradiance = lights.key_colour[:, None] * (direct * lit * fall * pattern) + lights.fill_colour[:, None] * (
        ambient * (0.5 + 0.75 * fall)
    )
    wall_light = lights.key_colour[:, None] * (
        share * (0.3 + np.float32(strength) * glow) * (0.45 + 0.55 * pattern) * (0.4 + 0.6 * lit)
    )
    radiance = albedo * (irradiance + wall_light)
    shape = columns.shape
    return np.moveaxis(radiance.reshape(3, *shape), 0, -1).astype(np.float32), near.reshape(shape)


def _wall_colour(plan: Plan, stage: Stage, points: Floats) -> Floats:
    """Paint of the wall (3, n): running towards the floor's colour upwards where the look has a gradient."""
    up = np.clip((points[1] - stage.top) / np.float32(2.6), 0, 1) * np.float32(stage.gradient)
    return plan.colours.wall[:, None] * (1 - up) + plan.colours.upper[:, None] * up


def _sweep(floor_at: Floats, wall_at: Floats, softness: float) -> tuple[Floats, Floats]:
    """Smooth union of floor and wall distances: distance and the share of wall. The curve of a paper sweep."""
    difference = np.clip((floor_at - wall_at) / np.float32(softness) * 0.5 + 0.5, 0, 1)
    near = (
        np.minimum(floor_at, 1e4) * (1 - difference)
        + wall_at * difference
        - np.float32(softness) * difference * (1 - difference)
    )
    return near.astype(np.float32), (difference * difference * (3 - 2 * difference)).astype(np.float32)


def shade_solids(plan: Plan, stage: Stage, lights: Lights, hits: Hits, picture: Floats) -> None:
    """Colour every pixel that shows a solid, in place. `picture` is (height, width, 3)."""
    rows, columns = np.nonzero(hits.index >= 0)
    if not rows.size:
        return
    camera = stage.camera
    rays = camera.rays(columns.astype(np.float32) + 0.5, rows.astype(np.float32) + 0.5)
    points = camera.position[:, None] + rays * hits.depth[rows, columns]
    owner = hits.index[rows, columns]
    normals = np.empty_like(points)
    surface = np.empty((8, rows.size), np.float32)
    for number in np.unique(owner):
        solid = stage.solids[number]
        mine = np.flatnonzero(owner == number)
        normals[:, mine] = normals_of(solid, points[:, mine])
        surface[:, mine] = _surface_of(solid)[:, None]
    for first in range(0, rows.size, BLOCK):
        part = slice(first, first + BLOCK)
        answer = _answer(plan, stage, lights, points[:, part], normals[:, part], rays[:, part], surface[:, part])
        picture[rows[part], columns[part]] = answer.T


def _surface_of(solid: Solid) -> Floats:
    material = solid.material
    return np.array(
        [*material.colour, material.roughness, material.gloss, material.metal, material.glow, material.translucency],
        np.float32,
    )


def _answer(
    plan: Plan, stage: Stage, lights: Lights, points: Floats, normals: Floats, rays: Floats, surface: Floats
) -> Floats:
    """Radiance (3, n) towards the camera."""
    albedo, roughness, gloss, metal, glow, through = (
        surface[:3],
        surface[3],
        surface[4],
        surface[5],
        surface[6],
        surface[7],
    )
    lifted = points + normals * np.float32(0.006)
    lit = shadow(stage.solids, lifted, lights.key, softness=lights.softness * 0.8, steps=12)
    ambient = occlusion(stage.solids, points, normals, reach=0.3)
    floor_share = np.clip(1 - points[1] / np.float32(0.5), 0, 1)
    ambient *= 1 - 0.35 * floor_share * np.clip(0.4 - normals[1], 0, 1)
    facing = lights.key @ normals
    wrap = np.float32(0.08 + 0.22 * lights.softness)
    direct = np.clip((facing + wrap) / (1 + wrap), 0, None) * (lit * pool(stage, points) * gobo(lights, points))
    direct += through * np.clip(-facing, 0, 1) * 0.6
    upward = normals[1] * 0.5 + 0.5
    sky = lights.fill_colour[:, None] * (0.35 + 0.75 * upward) + lights.bounce_colour[:, None] * (1 - upward)
    diffuse = albedo * (lights.key_colour[:, None] * direct + sky * ambient) * (1 - 0.82 * metal) * (1 - 0.6 * glow)
    look = -(rays * normals).sum(axis=0)
    grazing = np.clip(1 - look, 0, 1)
    base = 0.04 + 0.66 * metal
    fresnel = (base + (1 - base) * grazing**5 * (1 - 0.6 * roughness)) * gloss
    mirrored = rays + 2 * look * normals
    seen = reflected_room(plan, lights, mirrored, roughness) * (0.35 + 0.65 * ambient)
    coat = np.where(metal > 0.3, albedo * 1.5, 1.0)
    behind = np.float32(4.2 if abs(plan.azimuth) > 105 else 1.0)
    edge = behind * grazing**2.6 * np.clip(lights.rim @ normals * 0.8 + 0.25, 0, 1) * (0.25 + 0.6 * gloss)
    edge_colour = lights.rim_colour[:, None] * (0.25 + 0.75 * np.sqrt(albedo))
    return diffuse + seen * fresnel * coat * 1.3 + edge * edge_colour * ambient * 0.75 + albedo * glow * 1.15


def reflected_room(plan: Plan, lights: Lights, mirrored: Floats, roughness: Floats) -> Floats:
    """What a mirror on the set would show: backdrop gradient, the key softbox, a strip light behind the subject."""
    height = mirrored[1] * 0.5 + 0.5
    room = plan.colours.floor[:, None] * (1 - height) * 0.6 + plan.colours.wall[:, None] * height * 0.7 + 0.08 * height
    blur = 0.05 + 0.55 * roughness
    strength = 1 / (1 + 5.5 * roughness)
    forward = lights.key @ mirrored
    a, b = np.abs(lights.across @ mirrored), np.abs(lights.up @ mirrored)
    box = _falloff(a, 0.34, blur) * _falloff(b, 0.5, blur) * (forward > 0)
    strip = _falloff(np.abs(mirrored[0] - np.float32(-0.75 * np.sign(lights.key[0] + 1e-6))), 0.1, blur) * _falloff(
        np.abs(mirrored[1] - 0.15), 0.7, blur
    )
    return (
        room
        + lights.key_colour[:, None] * (box * 9.0 * strength)
        + lights.rim_colour[:, None] * (strip * 1.6 * strength)
    )


def _falloff(value: Floats, half: float, blur: Floats) -> Floats:
    share = np.clip((half + blur - value) / (2 * blur), 0, 1)
    return share * share * (3 - 2 * share)
