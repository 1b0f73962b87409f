"""Illustration: flat shapes in palette colours, the subject cut from three tones of paper."""

import numpy as np
from PIL import Image, ImageDraw

from generation.studio import finish
from generation.studio.colours import Floats, decode, encode, to_lab
from generation.studio.lighting import Lights
from generation.studio.plan import Plan
from generation.studio.product import CutOut, set_on_stage
from generation.studio.stage import Stage
from generation.studio.tracer import normals_of, shadow, soften_edges, trace
from generation.studio.wardrobe import shade

MOTIFS = ("sunrise", "arcs", "rays", "blocks")
# Shapes are drawn this much larger and shrunk: Pillow's drawing has no antialiasing of its own.
OVERSAMPLING = 2

Ink = tuple[int, int, int]


def draw_poster(plan: Plan, stage: Stage, lights: Lights, cut: CutOut | None, rng: np.random.Generator) -> Floats:
    """Linear picture (height, width, 3)."""
    camera = stage.camera
    ground = _draw_ground(plan, camera.width, camera.height, stage, rng)
    picture = np.ascontiguousarray(decode(np.asarray(ground)), dtype=np.float32)
    standing = "mountains" not in plan.direction.subjects[:1] and "skyline" not in plan.direction.subjects[:1]
    if standing or cut is not None:
        _paste_subject(stage, lights, picture)
    if cut is not None:
        set_on_stage(plan, stage, lights, cut, picture)
    return _paper(picture, rng)


def _paste_subject(stage: Stage, lights: Lights, picture: Floats) -> None:
    """Cel shading: light, body and shade of each material as flat tones."""
    solids = stage.solids
    hits = trace(stage.camera, solids)
    rows, columns = np.nonzero(hits.index >= 0)
    if not rows.size:
        return
    camera = stage.camera
    rays = camera.rays(columns.astype(np.float32) + 0.5, rows.astype(np.float32) + 0.5)
    points = camera.position[:, None] + rays * hits.depth[rows, columns]
    owner = hits.index[rows, columns]
    tones = np.empty((rows.size, 3), np.float32)
    for number in np.unique(owner):
        mine = np.flatnonzero(owner == number)
        normals = normals_of(solids[number], points[:, mine])
        lit = shadow(solids, points[:, mine] + normals * np.float32(0.01), lights.key, softness=0.0)
        facing = (lights.key @ normals) * lit
        body = np.array(solids[number].material.colour, np.float32)
        steps = np.stack([shade(body, lightness=-17), body, shade(body, lightness=13)])
        tones[mine] = steps[np.digitize(facing, (0.16, 0.8))]
    picture[rows, columns] = tones
    soften_edges(camera, solids, hits, picture)


def _inks(plan: Plan) -> list[Ink]:
    """Palette colours as 8-bit sRGB: the ground first, then by distance from it, nearest first."""
    wall = to_lab(plan.colours.wall)
    others = sorted(plan.colours.all, key=lambda colour: float(np.linalg.norm(to_lab(colour) - wall)))
    inks: list[Ink] = []
    for colour in [plan.colours.wall, *others]:
        red, green, blue = (int(value) for value in np.round(encode(np.asarray(colour, np.float32))))
        if (red, green, blue) not in inks:
            inks.append((red, green, blue))
    while len(inks) < 4:
        inks.append(inks[-1])
    return inks


def _draw_ground(plan: Plan, width: int, height: int, stage: Stage, rng: np.random.Generator) -> Image.Image:
    canvas = Image.new("RGB", (width * OVERSAMPLING, height * OVERSAMPLING))
    draw = ImageDraw.Draw(canvas)
    inks = _inks(plan)
    wide, high = canvas.size
    draw.rectangle((0, 0, wide, high), fill=inks[0])
    x = plan.centre[0] * wide
    _, foot, _ = stage.camera.project(np.array([0, 0, 0], np.float32))
    floor = float(np.clip(foot * OVERSAMPLING, 0.62 * high, 0.9 * high))
    scenery = {"mountains", "skyline"} & set(plan.direction.subjects)
    motif = "sunrise" if scenery else MOTIFS[int(rng.integers(len(MOTIFS)))]
    {"sunrise": _sunrise, "arcs": _arcs, "rays": _rays, "blocks": _blocks}[motif](draw, inks, x, floor, wide, high, rng)
    if "skyline" in scenery:
        _towers(draw, inks, x, floor, wide, rng)
    return canvas.resize((width, height), Image.Resampling.BOX)


def _disc(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, ink: Ink) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)


def _sunrise(
    draw: ImageDraw.ImageDraw, inks: list[Ink], x: float, floor: float, wide: int, high: int, rng: np.random.Generator
) -> None:
    """A sun behind peaks and rolling ground."""
    short = min(wide, high)
    warm = max(inks[1:], key=lambda ink: ink[0] - ink[2])
    _disc(draw, x, floor - 0.36 * short, 0.3 * short, warm)
    land = [ink for ink in inks[1:] if ink != warm] or inks[1:]
    for number in range(4):
        peak_x = x + (number - 1.5) * 0.34 * short + float(rng.uniform(-0.08, 0.08)) * short
        tall, half = float(rng.uniform(0.22, 0.5)) * short, float(rng.uniform(0.26, 0.42)) * short
        ink = land[number % len(land)]
        draw.polygon([(peak_x - half, floor), (peak_x, floor - tall), (peak_x + half, floor)], fill=ink)
        darker = tuple(int(value * 0.84) for value in ink)
        draw.polygon(
            [(peak_x, floor - tall), (peak_x + half, floor), (peak_x + 0.12 * half, floor)],
            fill=(darker[0], darker[1], darker[2]),
        )
    _waves(draw, inks, floor - 0.03 * high, wide, high, rng)


def _waves(
    draw: ImageDraw.ImageDraw, inks: list[Ink], top: float, wide: int, high: int, rng: np.random.Generator
) -> None:
    for number in range(3):
        phase, swing = float(rng.uniform(0, 6)), high * 0.018
        base = top + number * (high - top) * 0.32
        line = [(px, base + swing * np.sin(phase + 5.5 * px / wide)) for px in np.linspace(0, wide, 90)]
        draw.polygon([*line, (wide, high), (0, high)], fill=inks[(number + 1) % len(inks)] if number else inks[-1])


def _arcs(
    draw: ImageDraw.ImageDraw, inks: list[Ink], x: float, floor: float, wide: int, high: int, rng: np.random.Generator
) -> None:
    """Concentric arcs rising behind the subject."""
    largest = 0.62 * min(wide, high)
    for number in range(5):
        ink = inks[0] if number % 2 == 1 else inks[1 + (number // 2) % (len(inks) - 1)]
        _disc(draw, x, floor, largest * (1 - 0.17 * number), ink)
    draw.rectangle((0, floor, wide, high), fill=inks[-1] if inks[-1] != inks[0] else inks[1])


def _rays(
    draw: ImageDraw.ImageDraw, inks: list[Ink], x: float, floor: float, wide: int, high: int, rng: np.random.Generator
) -> None:
    """A sunburst from behind the subject, with a disc."""
    centre_y, reach = floor - 0.3 * min(wide, high), 2.0 * max(wide, high)
    start = float(rng.uniform(0, 0.3))
    soft = tuple(int(0.72 * a + 0.28 * b) for a, b in zip(inks[0], inks[1], strict=True))
    for number in range(12):
        first, last = start + number * np.pi / 6, start + (number + 0.5) * np.pi / 6
        points = [(x, centre_y)] + [
            (x + reach * np.cos(angle), centre_y + reach * np.sin(angle)) for angle in (first, last)
        ]
        draw.polygon(points, fill=(soft[0], soft[1], soft[2]))
    _disc(draw, x, centre_y, 0.36 * min(wide, high), inks[2])
    draw.rectangle((0, floor, wide, high), fill=inks[-1])


def _blocks(
    draw: ImageDraw.ImageDraw, inks: list[Ink], x: float, floor: float, wide: int, high: int, rng: np.random.Generator
) -> None:
    """Quarter discs and squares on a grid, after the Bauhaus; quiet behind the subject."""
    cell = min(wide, high) / 4
    for row in range(int(high / cell) + 1):
        for column in range(int(wide / cell) + 1):
            left, top = column * cell, row * cell
            if abs(left + cell / 2 - x) < 1.05 * cell and row > 0:
                continue
            if rng.random() < 0.4:
                continue
            ink = inks[1 + int(rng.integers(len(inks) - 1))]
            shape = int(rng.integers(3))
            if shape == 0:
                corner_x, corner_y = left + cell * int(rng.integers(2)), top + cell * int(rng.integers(2))
                quarter = 90 * ((1 if corner_x > left else 0) + (2 if corner_y > top else 0))
                turn = {0: 0, 90: 90, 180: 270, 270: 180}[quarter]
                draw.pieslice(
                    (corner_x - cell, corner_y - cell, corner_x + cell, corner_y + cell), turn, turn + 90, fill=ink
                )
            elif shape == 1:
                _disc(draw, left + cell / 2, top + cell / 2, cell * 0.36, ink)
            else:
                draw.polygon([(left, top), (left + cell, top), (left, top + cell)], fill=ink)
    draw.rectangle((0, floor, wide, high), fill=inks[-1])


def _towers(
    draw: ImageDraw.ImageDraw, inks: list[Ink], x: float, floor: float, wide: int, rng: np.random.Generator
) -> None:
    """A flat skyline with dots of light."""
    left = x - 0.36 * wide
    while left < x + 0.36 * wide:
        broad = float(rng.uniform(0.035, 0.08)) * wide
        tall = float(rng.uniform(0.12, 0.5)) * floor * float(np.exp(-(((left + broad / 2 - x) / (0.3 * wide)) ** 2)))
        ink = inks[1 + int(rng.integers(len(inks) - 1))]
        draw.rectangle((left, floor - tall, left + broad, floor), fill=ink)
        step = wide / 70
        for column in range(1, int(broad / step)):
            for row in range(1, int(tall / step)):
                if rng.random() < 0.35:
                    at_x, at_y = left + column * step, floor - tall + row * step
                    draw.rectangle((at_x, at_y, at_x + step * 0.4, at_y + step * 0.45), fill=inks[0])
        left += broad


def _paper(picture: Floats, rng: np.random.Generator) -> Floats:
    """The tooth of paper: a faint mottling, as in screen printing."""
    height, width = picture.shape[:2]
    fine = rng.normal(0, 1, (height // 2 + 1, width // 2 + 1)).astype(np.float32)
    coarse = rng.normal(0, 1, (height // 24 + 2, width // 24 + 2)).astype(np.float32)
    tooth = 0.014 * finish.resized(fine, width, height) + 0.012 * finish.resized(
        coarse, width, height, Image.Resampling.BICUBIC
    )
    return np.clip(picture * (1 + tooth[..., None]), 0, 1).astype(np.float32)
