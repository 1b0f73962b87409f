"""Sets: plinths, arches, discs, rocks, tables and what lies around a subject seen from above."""

import numpy as np

from generation.studio.colours import Floats
from generation.studio.furnishings import BUILDERS
from generation.studio.plan import Plan
from generation.studio.solids import Frame, Material, Solid, carve, cylinder, rounded_box, sphere, together, torus
from generation.studio.wardrobe import as_vector, dress, shade

LOOKS = ("round plinth", "box plinth", "steps", "arch", "disc", "spheres", "panels", "bare")


def chalk(colour: Floats, *, lightness: float = 0.0) -> Material:
    return Material(as_vector(shade(colour, lightness=lightness)), 0.8, 0.12)


def dress_set(look: str, plan: Plan, tall: float, wide: float, rng: np.random.Generator) -> tuple[list[Solid], float]:
    """Solids of a studio look and the height of its plinth."""
    plinth = chalk(plan.colours.plinth)
    reach = max(0.5, wide * 0.5) * 1.18
    low = float(rng.uniform(0.12, 0.3))
    side = float(rng.choice([-1.0, 1.0]))
    if look == "box plinth":
        top = float(rng.uniform(0.22, 0.42))
        block = rounded_box((reach, top / 2, reach * 0.8), 0.014, (0, top / 2, 0))
        return [
            Solid(block, (0, top / 2, 0), reach * 1.5, plinth, Frame.at(yaw=side * 18)),
            *_companions(plan, side, rng),
        ], top
    if look == "steps":
        return _steps(plan, reach, side), 0.24
    if look == "bare":
        return _companions(plan, side, rng), 0.0
    solids = [Solid(cylinder(reach, low / 2, 0.014, (0, low / 2, 0)), (0, low / 2, 0), reach * 1.1 + low, plinth)]
    if look == "arch":
        solids += _arch(plan, tall, side)
    elif look == "disc":
        solids += sun_disc(plan, tall + low, rng)
    elif look == "spheres":
        solids += _spheres(plan, side)
    elif look == "panels":
        solids += _panels(plan, tall, side)
    else:
        wider = Solid(
            cylinder(reach * 1.45, low * 0.2, 0.012, (0, low * 0.2, 0)),
            (0, 0.02, 0),
            reach * 1.6,
            chalk(plan.colours.plinth, lightness=5),
        )
        solids += [wider, *_companions(plan, side, rng)]
    return solids, low


def _companions(plan: Plan, side: float, rng: np.random.Generator) -> list[Solid]:
    """One or two quiet forms that give scale; none where the placement was criticised: nothing pulls to a side."""
    if plan.direction.corrections.place:
        return []
    accent, plinth = chalk(plan.colours.accent), chalk(plan.colours.plinth, lightness=-6)
    choice = int(rng.integers(4))
    if choice == 0:
        return [Solid(sphere(0.24, (side * 1.15, 0.24, 0.55)), (side * 1.15, 0.24, 0.55), 0.25, accent)]
    if choice == 1:
        ring = Solid(torus(0.42, 0.07, axis=2), (0, 0, 0), 0.52, accent, Frame.at(side * 1.1, 0.49, 0.7, yaw=side * 24))
        return [ring]
    if choice == 2:
        tall = Solid(cylinder(0.22, 0.5, 0.012, (side * 1.2, 0.5, 0.8)), (side * 1.2, 0.5, 0.8), 0.6, plinth)
        ball = Solid(sphere(0.16, (side * 1.2, 1.16, 0.8)), (side * 1.2, 1.16, 0.8), 0.17, accent)
        return [tall, ball]
    return []


def _steps(plan: Plan, reach: float, side: float) -> list[Solid]:
    solids = []
    for number, (x, high, deep) in enumerate(((0.0, 0.24, 0.0), (side * 0.95, 0.52, 0.35), (side * 1.62, 0.86, 0.6))):
        half = reach if number == 0 else 0.42
        shape = rounded_box((half, high / 2, half * 0.9), 0.012, (x, high / 2, deep))
        solids.append(
            Solid(shape, (x, high / 2, deep), half * 1.5 + high / 2, chalk(plan.colours.plinth, lightness=4.0 * number))
        )
    solids.append(
        Solid(sphere(0.15, (side * 0.95, 0.67, 0.25)), (side * 0.95, 0.67, 0.25), 0.16, chalk(plan.colours.accent))
    )
    return solids


def _spheres(plan: Plan, side: float) -> list[Solid]:
    """Three balls of different size around the plinth."""
    solids = []
    for x, z, radius in ((side * 0.98, 0.35, 0.3), (side * 0.62, -0.6, 0.12), (-side * 1.15, 0.7, 0.2)):
        material = chalk(plan.colours.accent if radius < 0.25 else plan.colours.plinth)
        solids.append(Solid(sphere(radius, (x, radius, z)), (x, radius, z), radius * 1.02, material))
    return solids


def _arch(plan: Plan, tall: float, side: float) -> list[Solid]:
    """A portal behind the subject, open to the wall."""
    high, half = tall * 0.95, 0.98
    hole = together(cylinder(half * 0.74, 0.6, 0.01, (0, high, 0), axis=2), rounded_box((half * 0.74, high, 0.6), 0.01))
    body = together(
        cylinder(half, 0.16, 0.02, (0, high, 0), axis=2), rounded_box((half, high / 2, 0.16), 0.02, (0, high / 2, 0))
    )
    return [
        Solid(
            carve(body, hole, 0.01),
            (0, high * 0.75, 0),
            high + 0.9,
            chalk(plan.colours.plinth, lightness=3),
            Frame.at(side * 0.12, 0, 1.0, yaw=side * 7),
        )
    ]


def sun_disc(plan: Plan, tall: float, rng: np.random.Generator) -> list[Solid]:
    """A large disc on the wall, the sun of the picture."""
    x, radius = float(rng.uniform(-0.35, 0.35)), float(rng.uniform(0.78, 1.0))
    y = tall * 0.62 + 0.1
    return [
        Solid(
            cylinder(radius, 0.05, 0.02, (x, y, 1.55), axis=2), (x, y, 1.55), radius * 1.03, chalk(plan.colours.accent)
        )
    ]


def _panels(plan: Plan, tall: float, side: float) -> list[Solid]:
    """Overlapping standing boards in palette colours."""
    solids = []
    for number, (x, z, half, high) in enumerate(
        ((side * 0.7, 1.25, 0.62, tall * 1.25), (-side * 0.55, 1.0, 0.42, tall * 0.85))
    ):
        colour = plan.colours.accent if number else plan.colours.plinth
        shape = rounded_box((half, high / 2, 0.035), 0.012, (0, high / 2, 0))
        solids.append(
            Solid(
                shape,
                (0, high / 2, 0),
                float(np.hypot(half, high / 2)) * 1.05,
                chalk(colour),
                Frame.at(x, 0, z, yaw=side * (8 - 14 * number)),
            )
        )
    return solids


def furnish(plan: Plan, wide: float, rng: np.random.Generator) -> tuple[list[Solid], float]:
    """Indoors a table with a prop at the side; outdoors a low rock. With the height the subject stands on."""
    side = float(rng.choice([-1.0, 1.0]))
    if plan.direction.kind == "outdoor":
        return _rocks(plan, side, rng), 0.3
    if len(plan.direction.subjects) > 1 and plan.direction.subjects[1] in BUILDERS:
        side = 1.0 if plan.centre[0] > 0.56 else (-1.0 if plan.centre[0] < 0.44 else side)
    wood = Material(as_vector(shade(plan.colours.floor, lightness=-6)), 0.5, 0.3)
    table = Solid(rounded_box((3.4, 0.05, 0.95), 0.02, (0, -0.05, 0.1)), (0, -0.05, 0.1), 3.6, wood, casts=False)
    return [table, *_table_prop(plan, side, wide, rng)], 0.0


def _rocks(plan: Plan, side: float, rng: np.random.Generator) -> list[Solid]:
    """One to stand on, three around."""
    stone = Material(as_vector(shade(plan.colours.plinth, lightness=-8)), 0.95, 0.05)
    slab = rounded_box((0.8, 0.15, 0.62), 0.1, (0, 0.15, 0))
    rocks = [Solid(slab, (0, 0.15, 0), 1.05, stone, Frame.at(yaw=side * 22))]
    for x, z, size in ((side * 1.3, 0.8, 0.3), (-side * 1.5, 1.6, 0.42), (side * 0.95, -0.5, 0.13)):
        shape = rounded_box((size, size * 0.55, size * 0.8), size * 0.3, (0, size * 0.4, 0))
        place = Frame.at(x, 0, z, yaw=float(rng.uniform(0, 90)))
        rocks.append(Solid(shape, (0, size * 0.4, 0), size * 1.5, stone, place))
    return rocks


def _table_prop(plan: Plan, side: float, wide: float, rng: np.random.Generator) -> list[Solid]:
    """A thing of the house that the prompt does not name, at the side and a little behind."""
    colours = plan.colours
    options = [prop for prop in ("plant", "book", "cup", "lamp") if prop not in plan.direction.subjects]
    prop = options[int(rng.integers(len(options)))]
    leaf = (np.array([0.054, 0.084, 0.036], np.float32) + 0.4 * colours.accent).astype(np.float32)
    accent = leaf if prop == "plant" else colours.accent
    companion = BUILDERS[prop](dress(main=shade(colours.plinth, lightness=5), accent=accent, finish="matte"), rng)
    size = 0.95 if prop in ("plant", "lamp") else 0.62
    place = Frame.at(
        side * (1.05 + 0.2 * wide), 0, float(rng.uniform(0.25, 0.55)), yaw=float(rng.uniform(-25, 25)),
        scale=size / max(companion.height, companion.width * 0.9),
    )  # fmt: skip
    return [solid.moved(place) for solid in companion.solids]


def lay_flat(plan: Plan, rng: np.random.Generator) -> list[Solid]:
    """Forms laid around the subject, seen from above."""
    colours = plan.colours
    solids = [
        Solid(
            rounded_box((0.5, 0.02, 0.68), 0.012, (0, 0.02, 0)),
            (0, 0.02, 0),
            0.9,
            chalk(colours.plinth),
            Frame.at(0.1, 0, 0.05, yaw=float(rng.uniform(-18, 18))),
        )
    ]
    places = [(-0.78, 0.5), (0.8, 0.46), (-0.82, -0.42), (0.76, -0.52), (-0.86, 0.02)]
    for number in rng.permutation(len(places))[: int(rng.integers(3, 5))]:
        x, z = places[int(number)]
        material = (chalk(colours.accent), chalk(colours.plinth, lightness=5), chalk(colours.subject, lightness=8))[
            int(rng.integers(3))
        ]
        shape = int(rng.integers(3))
        at = Frame.at(
            x + float(rng.uniform(-0.12, 0.12)), 0, z + float(rng.uniform(-0.1, 0.1)), yaw=float(rng.uniform(0, 90))
        )
        if shape == 0:
            solids.append(Solid(cylinder(0.19, 0.05, 0.02, (0, 0.05, 0)), (0, 0.05, 0), 0.22, material, at))
        elif shape == 1:
            solids.append(Solid(rounded_box((0.21, 0.04, 0.13), 0.02, (0, 0.04, 0)), (0, 0.04, 0), 0.28, material, at))
        else:
            solids.append(Solid(sphere(0.11, (0, 0.11, 0)), (0, 0.11, 0), 0.12, material, at))
    return solids
