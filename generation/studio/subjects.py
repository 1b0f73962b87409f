"""Subjects as simple volumes: recognisable silhouettes, not models of real goods.

Each builder stands its subject with the feet at y = 0, facing the camera (-z), and returns solids in the subject's
own frame with its height and width, so that the stage can scale and place it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from generation.studio.solids import (
    Frame,
    Material,
    Solid,
    arc_band,
    capped_cone,
    capsule,
    carve,
    cylinder,
    ellipsoid,
    melt,
    rounded_box,
    sphere,
    tapered_slab,
    together,
    torus,
)
from generation.studio.wardrobe import Wardrobe


@dataclass(frozen=True, slots=True)
class Subject:
    """Solids with their extent in scene units; `yaw` is the angle in degrees from which it looks best."""

    solids: list[Solid]
    height: float
    width: float
    yaw: float = 0.0
    detail: tuple[float, float] | None = None  # what a macro looks at: x (towards the camera's side) and y


Builder = Callable[[Wardrobe, np.random.Generator], Subject]


def headphones(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """Over-ear headphones standing on their cups: band, padded arc, yokes, two shells with a ring, cushions."""
    solids = [
        Solid(arc_band(0.46, 0.085, 0.026, 0.02), (0, 0.22, 0), 0.62, wardrobe.main, Frame.at(0, 0.47, 0)),
        Solid(arc_band(0.425, 0.07, 0.024, 0.022), (0, 0.22, 0), 0.6, wardrobe.soft, Frame.at(0, 0.485, 0)),
    ]
    tilt = float(rng.uniform(3, 8))
    for side in (-1, 1):
        cup = Frame.at(side * 0.455, 0.245, 0.0, roll=-side * tilt)
        shell = cylinder(0.235, 0.075, 0.05, (side * 0.02, 0, 0), axis=0)
        plate = ellipsoid((0.034, 0.168, 0.168), (side * 0.082, 0, 0))
        ring = torus(0.188, 0.014, (side * 0.092, 0, 0), axis=0)
        cushion = torus(0.165, 0.082, (-side * 0.1, 0, 0), axis=0)
        yoke = capsule((side * 0.02, 0.2, 0.0), (-side * 0.022, 0.4, 0.0), 0.03, 0.026)
        solids += [
            Solid(shell, (0, 0, 0), 0.28, wardrobe.main, cup),
            Solid(plate, (side * 0.096, 0, 0), 0.19, wardrobe.second, cup),
            Solid(ring, (side * 0.09, 0, 0), 0.21, wardrobe.accent, cup),
            Solid(cushion, (-side * 0.1, 0, 0), 0.27, wardrobe.soft, cup),
            Solid(yoke, (side * 0.016, 0.3, 0), 0.16, wardrobe.metal, cup),
        ]
    return Subject(solids, 0.96, 1.12, yaw=34.0, detail=(0.4, 0.3))


def earbuds(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """An open charging case with two buds standing before it."""
    case = Solid(rounded_box((0.42, 0.26, 0.2), 0.19, (0, 0.26, 0.12)), (0, 0.26, 0.12), 0.55, wardrobe.main)
    lid = Solid(
        rounded_box((0.42, 0.24, 0.06), 0.055, (0, 0.24, 0)),
        (0, 0.24, 0),
        0.5,
        wardrobe.second,
        Frame.at(0, 0.5, 0.3, pitch=-14),
    )
    solids = [case, lid]
    for side in (-1, 1):
        bud = melt(
            sphere(0.105, (0, 0.36, 0)), capsule((side * 0.03, 0.3, 0.02), (side * 0.05, 0.06, 0.05), 0.05, 0.045), 0.06
        )
        solids.append(Solid(bud, (0, 0.22, 0), 0.32, wardrobe.accent, Frame.at(side * 0.26, 0, -0.28, yaw=side * 20)))
    return Subject(solids, 0.95, 0.95, yaw=16.0)


def bottle(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A flacon: body with soft shoulders, collar, cap; tall, pump or dropper by seed."""
    shape = int(rng.integers(3))
    radius, tall = ((0.2, 0.34), (0.235, 0.29), (0.215, 0.26))[shape]
    body = melt(
        cylinder(radius, tall, 0.05, (0, tall, 0)),
        capped_cone(radius * 0.7, 0.075, 0.07, 0.02, (0, 2 * tall + 0.03, 0)),
        0.12,
    )
    neck = 2 * tall + 0.1
    label = cylinder(radius + 0.004, tall * 0.5, 0.004, (0, tall * 0.92, 0))
    solids = [
        Solid(body, (0, tall, 0), tall + 0.28, wardrobe.main),
        Solid(label, (0, tall * 0.92, 0), tall * 0.5 + radius, wardrobe.second),
        Solid(cylinder(0.086, 0.022, 0.01, (0, neck, 0)), (0, neck, 0), 0.1, wardrobe.metal),
    ]
    if shape == 0:
        cap = cylinder(0.095, 0.12, 0.02, (0, neck + 0.13, 0))
        solids.append(Solid(cap, (0, neck + 0.13, 0), 0.17, wardrobe.accent))
        return Subject(solids, neck + 0.25, radius * 2, yaw=12.0)
    if shape == 1:
        pump = together(
            cylinder(0.03, 0.1, 0.008, (0, neck + 0.1, 0)), cylinder(0.075, 0.03, 0.02, (0, neck + 0.2, 0)),
            capsule((0, neck + 0.2, 0), (-0.2, neck + 0.185, 0), 0.028, 0.018),
        )  # fmt: skip
        solids.append(Solid(pump, (-0.06, neck + 0.12, 0), 0.25, wardrobe.accent))
        return Subject(solids, neck + 0.23, radius * 2, yaw=24.0)
    bulb = melt(
        cylinder(0.08, 0.05, 0.015, (0, neck + 0.06, 0)), ellipsoid((0.062, 0.12, 0.062), (0, neck + 0.18, 0)), 0.03
    )
    solids.append(Solid(bulb, (0, neck + 0.14, 0), 0.2, wardrobe.accent))
    return Subject(solids, neck + 0.3, radius * 2, yaw=0.0)


def jar(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A cream jar with its lid leaning against it, or closed."""
    body = Solid(cylinder(0.36, 0.2, 0.07, (0, 0.2, 0)), (0, 0.2, 0), 0.45, wardrobe.main)
    lid_shape = cylinder(0.365, 0.085, 0.025)
    if rng.random() < 0.45:
        cream = Solid(ellipsoid((0.29, 0.07, 0.29), (0, 0.4, 0)), (0, 0.4, 0), 0.32, wardrobe.soft)
        lid = Solid(lid_shape, (0, 0, 0), 0.4, wardrobe.accent, Frame.at(0.5, 0.36, 0.02, yaw=-12, roll=-74))
        return Subject([body, cream, lid], 0.62, 1.1, yaw=8.0)
    lid = Solid(lid_shape, (0, 0, 0), 0.4, wardrobe.accent, Frame.at(0, 0.49, 0))
    return Subject([body, lid], 0.58, 0.74, yaw=0.0)


def cup(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A cup with handle and drink on a saucer."""
    outer = capped_cone(0.2, 0.31, 0.2, 0.03, (0, 0.25, 0))
    hollow = capped_cone(0.16, 0.285, 0.2, 0.02, (0, 0.285, 0))
    handle = torus(0.12, 0.032, (0.34, 0.26, 0), axis=2)
    drink = Material((0.055, 0.022, 0.01), 0.15, 0.8)
    solids = [
        Solid(
            melt(carve(outer, hollow, 0.02), carve(handle, hollow, 0.01), 0.03), (0.08, 0.25, 0), 0.46, wardrobe.main
        ),
        Solid(cylinder(0.262, 0.01, 0.004, (0, 0.395, 0)), (0, 0.395, 0), 0.28, drink),
        Solid(capped_cone(0.26, 0.44, 0.022, 0.018, (0, 0.024, 0)), (0, 0.03, 0), 0.46, wardrobe.second),
    ]
    return Subject(solids, 0.46, 0.94, yaw=float(rng.uniform(-34, -16)))


def bag(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A stand-up pouch with a folded top, a label and a valve."""

    def pouch(p: np.ndarray) -> np.ndarray:
        depth = 0.17 * np.clip(1.02 - p[1] / 1.08, 0.06, 1).astype(np.float32) ** 0.6
        box = rounded_box((0.31, 0.5, 0.17), 0.035, (0, 0.5, 0))
        squeezed = np.stack([p[0], p[1], p[2] * (np.float32(0.17) / np.maximum(depth, 0.02))])
        return box(squeezed) * np.float32(0.42)

    fold = Solid(rounded_box((0.315, 0.035, 0.035), 0.014, (0, 0.985, 0)), (0, 0.985, 0), 0.34, wardrobe.second)
    label = Solid(
        rounded_box((0.17, 0.19, 0.006), 0.004), (0, 0, 0), 0.27, wardrobe.accent, Frame.at(0, 0.45, -0.138, pitch=7)
    )
    valve = Solid(
        cylinder(0.03, 0.008, 0.004, axis=2), (0, 0, 0), 0.035, wardrobe.metal, Frame.at(0.0, 0.76, -0.098, pitch=11)
    )
    return Subject([Solid(pouch, (0, 0.5, 0), 0.64, wardrobe.main), fold, label, valve], 1.02, 0.64, yaw=22.0)


_SHOE_SIDE = (
    (-0.5, 0.1), (-0.53, 0.26), (-0.5, 0.5), (-0.42, 0.54), (-0.3, 0.45), (-0.14, 0.47), (-0.04, 0.5), (0.06, 0.42),
    (0.3, 0.27), (0.5, 0.22), (0.58, 0.15), (0.56, 0.1),
)  # fmt: skip
_SHOE_SOLE = (
    (-0.56, 0.0),
    (-0.58, 0.07),
    (-0.52, 0.15),
    (0.1, 0.11),
    (0.5, 0.13),
    (0.64, 0.12),
    (0.6, 0.03),
    (0.4, 0.0),
)


def shoe(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A trainer from the side: sole, upper with collar and toe, heel patch, laces and a stripe."""
    upper = tapered_slab(_SHOE_SIDE, 0.14, 0.11, narrowing=0.5)
    upper = carve(upper, ellipsoid((0.2, 0.16, 0.085), (-0.26, 0.54, 0)), 0.03)
    sole = tapered_slab(_SHOE_SOLE, 0.17, 0.05, narrowing=-0.2)
    laces = together(
        *(
            capsule((0.0 + 0.075 * i, 0.47 - 0.062 * i, -0.085), (0.02 + 0.075 * i, 0.465 - 0.062 * i, 0.085), 0.017)
            for i in range(4)
        )
    )
    stripe = Solid(
        rounded_box((0.032, 0.15, 0.15), 0.03), (0, 0, 0), 0.22, wardrobe.accent, Frame.at(0.04, 0.24, 0, roll=-32)
    )
    second = Solid(
        rounded_box((0.032, 0.12, 0.152), 0.03), (0, 0, 0), 0.2, wardrobe.accent, Frame.at(0.16, 0.21, 0, roll=-32)
    )
    solids = [
        Solid(sole, (0.03, 0.08, 0), 0.68, wardrobe.second), Solid(upper, (0, 0.28, 0), 0.66, wardrobe.main),
        Solid(laces, (0.12, 0.38, 0), 0.28, wardrobe.second), stripe, second,
    ]  # fmt: skip
    return Subject(solids, 0.56, 1.2, yaw=float(rng.uniform(-26, 26)))


def phone(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A phone leaning back, its screen alight, a second one showing its back."""
    glow = Material(wardrobe.accent.colour, 0.1, 0.9, glow=0.5)
    front, back = Frame.at(0.12, 0.0, -0.08, yaw=-16, pitch=8), Frame.at(-0.22, 0.0, 0.2, yaw=26, pitch=8)
    slab = rounded_box((0.25, 0.5, 0.028), 0.026, (0, 0.5, 0))
    screen = rounded_box((0.232, 0.482, 0.004), 0.003, (0, 0.5, -0.028))
    camera = together(
        cylinder(0.05, 0.016, 0.006, (-0.13, 0.87, -0.034), axis=2),
        cylinder(0.05, 0.016, 0.006, (-0.13, 0.74, -0.034), axis=2),
    )
    solids = [
        Solid(slab, (0, 0.5, 0), 0.57, wardrobe.main, front), Solid(screen, (0, 0.5, -0.028), 0.54, glow, front),
        Solid(slab, (0, 0.5, 0), 0.57, wardrobe.second, back),
        Solid(camera, (-0.13, 0.8, -0.03), 0.14, wardrobe.metal, back),
    ]  # fmt: skip
    return Subject(solids, 1.0, 0.95, yaw=4.0)


def laptop(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """An open laptop with a lit screen."""
    glow = Material(wardrobe.accent.colour, 0.15, 0.7, glow=0.5)
    hinge = Frame.at(0, 0.035, 0.3, pitch=16)
    solids = [
        Solid(rounded_box((0.55, 0.022, 0.37), 0.018, (0, 0.022, -0.06)), (0, 0.02, -0.06), 0.68, wardrobe.main),
        Solid(rounded_box((0.45, 0.006, 0.16), 0.004, (0, 0.044, 0.04)), (0, 0.04, 0.04), 0.5, wardrobe.soft),
        Solid(rounded_box((0.55, 0.36, 0.014), 0.012, (0, 0.36, 0)), (0, 0.36, 0), 0.68, wardrobe.main, hinge),
        Solid(rounded_box((0.52, 0.33, 0.004), 0.003, (0, 0.365, -0.014)), (0, 0.36, -0.014), 0.64, glow, hinge),
    ]
    return Subject(solids, 0.76, 1.12, yaw=float(rng.uniform(-30, 30)))


def watch(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A wristwatch standing on its closed strap."""
    strap = carve(
        cylinder(0.36, 0.14, 0.02, (0, 0.38, 0), axis=0), cylinder(0.325, 0.3, 0.01, (0, 0.38, 0), axis=0), 0.01
    )
    face = Frame.at(0, 0.42, -0.37, pitch=8)
    hands = together(
        capsule((0, 0, -0.085), (0.07, 0.12, -0.085), 0.009), capsule((0, 0, -0.085), (-0.11, 0.05, -0.085), 0.009)
    )
    solids = [
        Solid(strap, (0, 0.38, 0), 0.42, wardrobe.soft),
        Solid(cylinder(0.24, 0.065, 0.03, axis=2), (0, 0, 0), 0.27, wardrobe.metal, face),
        Solid(cylinder(0.205, 0.006, 0.003, (0, 0, -0.066), axis=2), (0, 0, -0.066), 0.22, wardrobe.main, face),
        Solid(hands, (0, 0, -0.08), 0.17, wardrobe.accent, face),
        Solid(cylinder(0.03, 0.03, 0.01, (0.26, 0, 0), axis=0), (0.26, 0, 0), 0.05, wardrobe.metal, face),
    ]
    return Subject(solids, 0.76, 0.56, yaw=float(rng.uniform(18, 34)), detail=(0.0, 0.42))


def speaker(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A loudspeaker: cabinet, two cones, ring."""
    solids = [Solid(rounded_box((0.3, 0.5, 0.26), 0.06, (0, 0.5, 0)), (0, 0.5, 0), 0.68, wardrobe.main)]
    for height, radius in ((0.34, 0.2), (0.76, 0.1)):
        cone = carve(
            cylinder(radius, 0.02, 0.012, (0, height, -0.262), axis=2),
            ellipsoid((radius * 0.8, radius * 0.8, 0.06), (0, height, -0.29)),
            0.02,
        )
        solids.append(Solid(cone, (0, height, -0.26), radius + 0.03, wardrobe.soft))
        solids.append(
            Solid(
                torus(radius * 1.02, 0.014, (0, height, -0.268), axis=2),
                (0, height, -0.268),
                radius + 0.04,
                wardrobe.accent,
            )
        )
        solids.append(
            Solid(sphere(radius * 0.3, (0, height, -0.24)), (0, height, -0.24), radius * 0.32, wardrobe.metal)
        )
    return Subject(solids, 1.0, 0.62, yaw=26.0)


def box(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A gift box: body, lid and a ribbon."""
    solids = [
        Solid(rounded_box((0.36, 0.24, 0.3), 0.012, (0, 0.24, 0)), (0, 0.24, 0), 0.55, wardrobe.main),
        Solid(rounded_box((0.375, 0.07, 0.315), 0.012, (0, 0.5, 0)), (0, 0.5, 0), 0.52, wardrobe.second),
        Solid(rounded_box((0.05, 0.292, 0.321), 0.006, (0, 0.288, 0)), (0, 0.288, 0), 0.46, wardrobe.accent),
    ]
    return Subject(solids, 0.58, 0.8, yaw=float(rng.choice([-32.0, 32.0])))


def book(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A small stack of books, the top one standing out by colour."""
    solids: list[Solid] = []
    height = 0.0
    for number, (material, half) in enumerate(
        ((wardrobe.second, 0.06), (wardrobe.soft, 0.045), (wardrobe.main, 0.055))
    ):
        frame = Frame.at(0, height + half, 0, yaw=float(rng.uniform(-16, 16)))
        size = 0.46 - 0.04 * number
        solids.append(Solid(rounded_box((size, half, size * 0.72), 0.012), (0, 0, 0), size * 1.3, material, frame))
        solids.append(
            Solid(
                rounded_box((size - 0.02, half * 0.72, size * 0.72 + 0.004), 0.004, (0.03, 0, 0)),
                (0, 0, 0),
                size * 1.3,
                Material((0.78, 0.74, 0.66), 0.9, 0.05),
                frame,
            )
        )
        height += half * 2
    return Subject(solids, height, 0.92, yaw=24.0)


def fruit(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """Three round fruits, one of them cut."""
    solids = []
    for x, z, radius, material in (
        (-0.24, 0.05, 0.27, wardrobe.main),
        (0.3, 0.16, 0.24, wardrobe.accent),
        (0.12, -0.24, 0.22, wardrobe.main),
    ):
        solids.append(
            Solid(
                ellipsoid((radius, radius * 0.94, radius), (x, radius * 0.94, z)),
                (x, radius, z),
                radius * 1.05,
                material,
            )
        )
        solids.append(
            Solid(
                capsule((x, radius * 1.8, z), (x + 0.02, radius * 1.8 + 0.09, z), 0.014),
                (x, radius * 1.95, z),
                0.1,
                wardrobe.soft,
            )
        )
    return Subject(solids, 0.55, 1.0)
