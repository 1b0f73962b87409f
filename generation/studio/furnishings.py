"""Larger subjects: furniture, plants, a bust, and the abstract volumes that stand in for what is not known by name."""

import numpy as np

from generation.studio.solids import (
    Frame,
    Material,
    Solid,
    capped_cone,
    capsule,
    carve,
    cylinder,
    ellipsoid,
    melt,
    rounded_box,
    sphere,
    together,
    torus,
)
from generation.studio.subjects import (
    Builder,
    Subject,
    bag,
    book,
    bottle,
    box,
    cup,
    earbuds,
    fruit,
    headphones,
    jar,
    laptop,
    phone,
    shoe,
    speaker,
    watch,
)
from generation.studio.wardrobe import Wardrobe


def lamp(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A table lamp, its shade alight."""
    warm = tuple(
        0.35 * tone + 0.65 * lamp for tone, lamp in zip(wardrobe.accent.colour, (1.0, 0.74, 0.42), strict=True)
    )
    lit = Material((warm[0], warm[1], warm[2]), 0.7, 0.1, glow=1.0, translucency=0.8)
    if rng.random() < 0.5:
        base = melt(cylinder(0.2, 0.03, 0.02, (0, 0.03, 0)), capsule((0, 0.05, 0), (0, 0.6, 0), 0.022), 0.05)
        shade = capped_cone(0.34, 0.19, 0.17, 0.02, (0, 0.78, 0))
        return Subject(
            [Solid(base, (0, 0.3, 0), 0.4, wardrobe.metal), Solid(shade, (0, 0.78, 0), 0.42, lit, casts=False)],
            0.96,
            0.68,
        )
    base = melt(cylinder(0.16, 0.14, 0.04, (0, 0.14, 0)), capsule((0, 0.2, 0), (0, 0.5, 0), 0.05, 0.04), 0.06)
    globe = sphere(0.3, (0, 0.72, 0))
    return Subject(
        [Solid(base, (0, 0.25, 0), 0.36, wardrobe.main), Solid(globe, (0, 0.72, 0), 0.32, lit, casts=False)], 1.02, 0.6
    )


def chair(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A lounge chair: shell, cushion and four legs."""
    shell = melt(
        rounded_box((0.36, 0.05, 0.34), 0.045, (0, 0.42, 0)),
        rounded_box((0.36, 0.32, 0.05), 0.045, (0, 0.74, 0.3)),
        0.16,
    )
    legs = together(
        *(capsule((x * 0.26, 0.4, z * 0.24), (x * 0.34, 0.02, z * 0.3), 0.026, 0.018) for x in (-1, 1) for z in (-1, 1))
    )
    solids = [
        Solid(shell, (0, 0.62, 0.1), 0.62, wardrobe.main),
        Solid(rounded_box((0.32, 0.06, 0.3), 0.055, (0, 0.5, -0.02)), (0, 0.5, 0), 0.46, wardrobe.second),
        Solid(legs, (0, 0.2, 0), 0.52, wardrobe.metal),
    ]
    return Subject(solids, 1.06, 0.78, yaw=float(rng.choice([-36.0, 36.0])))


def plant(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A vase with a few broad leaves."""
    vase = melt(ellipsoid((0.2, 0.2, 0.2), (0, 0.19, 0)), capped_cone(0.09, 0.075, 0.1, 0.02, (0, 0.4, 0)), 0.12)
    solids = [Solid(vase, (0, 0.24, 0), 0.36, wardrobe.main)]
    for number in range(7):
        yaw, lean = number * 137.5 + float(rng.uniform(-15, 15)), float(rng.uniform(14, 52))
        stem = Frame.at(0, 0.46, 0, yaw=yaw).inside(Frame.at(pitch=lean))
        length = float(rng.uniform(0.3, 0.5))
        blade = melt(
            ellipsoid((0.11, 0.2, 0.014), (0, length + 0.1, 0)), capsule((0, 0, 0), (0, length, 0), 0.011, 0.008), 0.03
        )
        solids.append(Solid(blade, (0, length * 0.62, 0), length * 0.75 + 0.1, wardrobe.accent, stem))
    return Subject(solids, 1.06, 0.75)


def person(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """A calm, abstract bust: head, neck, shoulders. No face, as on a tailor's dummy."""
    skin = (
        Material((0.5, 0.34, 0.26), 0.75, 0.1)
        if wardrobe.main.colour[0] < 0.4
        else Material((0.22, 0.14, 0.11), 0.75, 0.1)
    )
    head = melt(ellipsoid((0.2, 0.255, 0.225), (0, 1.02, 0)), ellipsoid((0.13, 0.13, 0.15), (0, 0.88, -0.06)), 0.14)
    head = melt(head, ellipsoid((0.034, 0.075, 0.05), (0, 0.985, -0.205)), 0.09)
    head = melt(head, ellipsoid((0.08, 0.06, 0.07), (0, 0.815, -0.13)), 0.09)
    hair = carve(
        ellipsoid((0.232, 0.272, 0.255), (0, 1.06, 0.035)), ellipsoid((0.3, 0.42, 0.26), (0, 0.84, -0.2)), 0.03
    )
    neck = capsule((0, 0.92, 0.03), (0, 0.52, 0.06), 0.1, 0.115)
    trunk = melt(
        ellipsoid((0.5, 0.17, 0.19), (0, 0.4, 0.06)), capsule((0, 0.22, 0.06), (0, -1.6, 0.06), 0.3, 0.34), 0.24
    )
    collar = torus(0.13, 0.035, (0, 0.56, 0.06))
    solids = [
        Solid(melt(head, neck, 0.06), (0, 0.9, 0), 0.52, skin),
        Solid(hair, (0, 1.05, 0.03), 0.32, wardrobe.soft),
        Solid(trunk, (0, -0.6, 0.06), 1.45, wardrobe.second),
        Solid(collar, (0, 0.56, 0.06), 0.18, wardrobe.main),
    ]
    return Subject(solids, 1.3, 1.0, yaw=float(rng.choice([-64.0, 64.0, -50.0, 50.0])))


def wearing_headphones(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """The bust with the headphones on."""
    bust = person(wardrobe, rng)
    pair = headphones(wardrobe, rng)
    worn = Frame.at(0, 0.76, 0.02, pitch=3, scale=0.56)
    return Subject(bust.solids + [solid.moved(worn) for solid in pair.solids], 1.34, bust.width, yaw=bust.yaw)


def abstract(wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """Volumes in balance for a subject that no silhouette is known for."""
    choice = int(rng.integers(3))
    if choice == 0:
        solids = [
            Solid(rounded_box((0.26, 0.3, 0.22), 0.05, (0, 0.3, 0)), (0, 0.3, 0), 0.5, wardrobe.main),
            Solid(sphere(0.2, (0.0, 0.8, 0)), (0, 0.8, 0), 0.21, wardrobe.accent),
        ]
        return Subject(solids, 1.0, 0.6, yaw=28.0)
    if choice == 1:
        ring = Solid(torus(0.36, 0.1, (0, 0.46, 0), axis=2), (0, 0.46, 0), 0.48, wardrobe.main)
        return Subject(
            [ring, Solid(sphere(0.15, (0.06, 0.15, -0.28)), (0.06, 0.15, -0.28), 0.16, wardrobe.accent)],
            0.92,
            0.94,
            yaw=24.0,
        )
    arch = carve(
        rounded_box((0.34, 0.42, 0.16), 0.02, (0, 0.42, 0)),
        together(cylinder(0.19, 0.4, 0.01, (0, 0.42, 0), axis=2), rounded_box((0.19, 0.42, 0.4), 0.01)),
        0.01,
    )
    return Subject(
        [
            Solid(arch, (0, 0.42, 0), 0.58, wardrobe.main),
            Solid(sphere(0.14, (0, 0.14, -0.02)), (0, 0.14, 0), 0.15, wardrobe.accent),
        ],
        0.86,
        0.7,
        yaw=22.0,
    )


BUILDERS: dict[str, Builder] = {
    "headphones": headphones, "earbuds": earbuds, "bottle": bottle, "jar": jar, "bag": bag, "cup": cup, "shoe": shoe,
    "phone": phone, "laptop": laptop, "watch": watch, "speaker": speaker, "lamp": lamp, "chair": chair, "book": book,
    "box": box, "fruit": fruit, "plant": plant, "person": person,
}  # fmt: skip


def build_subject(names: tuple[str, ...], wardrobe: Wardrobe, rng: np.random.Generator) -> Subject:
    """The first known subject; a person together with headphones wears them."""
    if "person" in names and "headphones" in names:
        return wearing_headphones(wardrobe, rng)
    for name in names:
        if name in BUILDERS:
            return BUILDERS[name](wardrobe, rng)
    return abstract(wardrobe, rng)
