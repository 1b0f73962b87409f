"""Builds the set: plinths, arches, discs and props around the subject, and puts the camera in front of it."""

from dataclasses import dataclass

import numpy as np

from generation.providers.local.colours import Floats
from generation.providers.local.furnishings import BUILDERS, Subject, build_subject
from generation.providers.local.plan import Plan
from generation.providers.local.solids import (
    Frame,
    Material,
    Solid,
    carve,
    cylinder,
    rounded_box,
    sphere,
    together,
    torus,
)
from generation.providers.local.tracer import Camera
from generation.providers.local.wardrobe import as_vector, dress, shade

LOOKS = ("round plinth", "box plinth", "steps", "arch", "disc", "spheres", "panels", "bare")


@dataclass(frozen=True, slots=True)
class Stage:
    """A set ready to be shot. `top` is the height the subject stands on; `card` where a cut-out product stands."""

    camera: Camera
    solids: list[Solid]
    wall_distance: float
    top: float
    subject_height: float
    subject_width: float
    waves: float
    gradient: float

    @property
    def middle(self) -> Floats:
        """The middle of the subject, which is the plane of focus."""
        return np.array([0, self.top + self.subject_height / 2, 0], np.float32)


def build_stage(
    plan: Plan, *, width: int, height: int, look: np.random.Generator, rng: np.random.Generator, card: float | None
) -> Stage:
    """`card` is the aspect (width / height) of a product photograph that takes the subject's place, or None."""
    direction, colours = plan.direction, plan.colours
    wardrobe = dress(main=colours.subject, accent=colours.accent, finish=direction.finish)
    subject = build_subject(direction.subjects, wardrobe, rng)
    if card is not None:
        subject = _card_subject(card)
    scale = 1.0 / max(subject.height, subject.width * 0.82)
    tall, wide = subject.height * scale, subject.width * scale
    options = [LOOKS[i] for i in look.permutation(len(LOOKS))[:4]]
    chosen = options[int(rng.integers(len(options)))]
    if direction.corrections.place and chosen in ("steps", "spheres", "panels"):
        chosen = "box plinth"
    if direction.kind == "flatlay":
        solids, top = _flatlay(plan, rng), 0.0
    elif "person" in direction.subjects[:1]:
        # People stand: the floor is far below the frame.
        top = 1.6
        solids = (
            _disc(plan, top + tall * 1.25, rng) if rng.random() < 0.6 and direction.kind in ("studio", "macro") else []
        )
    elif direction.kind in ("interior", "outdoor"):
        solids, top = _furnish(plan, wide, rng)
    else:
        solids, top = _dress_set(chosen, plan, tall, wide, rng)
    turn = subject.yaw * (1 if plan.azimuth < 0 else -1) + float(rng.uniform(-10, 10))
    if direction.kind == "flatlay" and direction.subjects[:1] == ("phone",):
        subject = Subject(subject.solids[:2], 1.0, 0.5)
    frame = Frame.at(0, top, 0, yaw=turn if card is None else 0.0, scale=scale)
    if direction.kind == "flatlay":
        askew = float(rng.uniform(-14, 14)) if card is None else 0.0
        frame = Frame.at(0, 0.14, -0.5 * tall, yaw=askew).inside(Frame.at(pitch=90, scale=scale))
    solids = [solid.moved(frame) for solid in subject.solids] + solids + _second_subject(plan, wide, rng)
    aim = (0.0, tall / 2)
    if direction.kind == "macro" and subject.detail is not None and card is None:
        aim = (subject.detail[0] * scale * (1 if turn > 0 else -1), subject.detail[1] * scale)
    camera = _aim_camera(plan, tall=tall, wide=wide, top=top, aim=aim, width=width, height=height)
    return Stage(
        camera=camera,
        solids=solids,
        wall_distance=2.3 + float(rng.uniform(0, 0.6)),
        top=top,
        subject_height=tall,
        subject_width=wide,
        waves=float(rng.uniform(0.5, 1.0)) if direction.kind == "studio" and look.random() < 0.3 else 0.0,
        gradient=float(look.uniform(0.0, 0.55)),
    )


def _second_subject(plan: Plan, wide: float, rng: np.random.Generator) -> list[Solid]:
    """What else the prompt names stands a little behind, or lies beside it in a flat lay."""
    direction, colours = plan.direction, plan.colours
    names = [name for name in direction.subjects[1:] if name in BUILDERS and name != "person"]
    if not names or direction.subjects[0] == "person" or direction.kind == "macro":
        return []
    finish = direction.finish if direction.finish != "glass" else "glossy"
    second = BUILDERS[names[0]](
        dress(main=shade(colours.plinth, lightness=7), accent=colours.accent, finish=finish), rng
    )
    size = 0.5 / max(second.height, second.width * 0.8)
    side = -1.0 if plan.centre[0] > 0.56 else (1.0 if plan.centre[0] < 0.44 else float(rng.choice([-1.0, 1.0])))
    if direction.kind == "flatlay":
        place = Frame.at(side * 0.78, 0.06, -0.3, yaw=float(rng.uniform(-30, 30)))
        if names[0] not in ("cup", "jar", "fruit", "plant", "book"):
            place = place.inside(Frame.at(pitch=90))
        return [solid.moved(place.inside(Frame.at(scale=size))) for solid in second.solids]
    place = Frame.at(
        side * (0.5 * wide + 0.42),
        0,
        -0.22 if direction.kind == "interior" else 0.25,
        yaw=second.yaw * -side,
        scale=size,
    )
    return [solid.moved(place) for solid in second.solids]


def _card_subject(aspect: float) -> Subject:
    """A stand-in that throws the shadow of a cut-out product and is not seen itself."""
    tall, wide = (1.0, aspect) if aspect < 1.15 else (1.15 / aspect, 1.15)
    proxy = rounded_box((wide * 0.42, tall * 0.47, 0.16), 0.12, (0, tall * 0.48, 0))
    unseen = Material((0.5, 0.5, 0.5))
    return Subject(
        [Solid(proxy, (0, tall * 0.5, 0), 0.62 * float(np.hypot(tall, wide)), unseen, seen=False)], tall, wide
    )


def _aim_camera(
    plan: Plan, *, tall: float, wide: float, top: float, aim: tuple[float, float], width: int, height: int
) -> Camera:
    short = min(width, height)
    focal = {"macro": 3.6, "wide": 1.9}.get(plan.direction.composition.framing, 2.3)
    size = max(tall, wide * 0.82)
    distance = size * focal * height / (plan.apparent * short)
    centre = plan.centre
    target = (aim[0], top + aim[1], 0.0)
    pitch = plan.pitch
    if plan.direction.subjects[:1] == ("person",):
        target = (0.0, top + tall * 0.62, 0.0)
    if plan.direction.kind == "flatlay":
        target = (0.0, 0.1, 0.0)
    elif plan.direction.composition.framing in ("medium", "wide"):
        # A standing subject needs floor under it: its middle sits a little above the frame's middle.
        centre = (centre[0], centre[1] + 0.02)
    lowest = (0.12 - target[1]) / distance
    pitch = max(pitch, float(np.degrees(np.arcsin(np.clip(lowest, -0.9, 0.9)))))
    return Camera.aimed(
        target, distance=distance, yaw=plan.yaw, pitch=pitch, focal=focal, width=width, height=height, centre=centre,
        roll=plan.roll,
    )  # fmt: skip


def _chalk(colour: Floats, *, lightness: float = 0.0) -> Material:
    return Material(as_vector(shade(colour, lightness=lightness)), 0.8, 0.12)


def _dress_set(look: str, plan: Plan, tall: float, wide: float, rng: np.random.Generator) -> tuple[list[Solid], float]:
    """Solids of a studio look and the height of its plinth."""
    plinth, accent = _chalk(plan.colours.plinth), _chalk(plan.colours.accent)
    reach = max(0.5, wide * 0.5) * 1.18
    low = float(rng.uniform(0.12, 0.3))
    side = float(rng.choice([-1.0, 1.0]))
    if look == "box plinth":
        top = float(rng.uniform(0.22, 0.42))
        solids = [
            Solid(
                rounded_box((reach, top / 2, reach * 0.8), 0.014, (0, top / 2, 0)),
                (0, top / 2, 0),
                reach * 1.5,
                plinth,
                Frame.at(yaw=side * 18),
            )
        ]
        return solids + _companions(plan, side, rng), top
    if look == "steps":
        return _steps(plan, reach, side), 0.24
    if look == "bare":
        return _companions(plan, side, rng), 0.0
    solids = [Solid(cylinder(reach, low / 2, 0.014, (0, low / 2, 0)), (0, low / 2, 0), reach * 1.1 + low, plinth)]
    if look == "arch":
        solids += _arch(plan, tall, side)
    elif look == "disc":
        solids += _disc(plan, tall + low, rng)
    elif look == "spheres":
        for x, z, radius in ((side * 0.98, 0.35, 0.3), (side * 0.62, -0.6, 0.12), (-side * 1.15, 0.7, 0.2)):
            solids.append(
                Solid(
                    sphere(radius, (x, radius, z)), (x, radius, z), radius * 1.02, accent if radius < 0.25 else plinth
                )
            )
    elif look == "panels":
        solids += _panels(plan, tall, side)
    else:
        wider = Solid(
            cylinder(reach * 1.45, low * 0.2, 0.012, (0, low * 0.2, 0)),
            (0, 0.02, 0),
            reach * 1.6,
            _chalk(plan.colours.plinth, lightness=5),
        )
        solids += [wider, *_companions(plan, side, rng)]
    return solids, low


def _companions(plan: Plan, side: float, rng: np.random.Generator) -> list[Solid]:
    """One or two quiet forms that give scale; none where the placement was criticised: nothing pulls to a side."""
    if plan.direction.corrections.place:
        return []
    accent, plinth = _chalk(plan.colours.accent), _chalk(plan.colours.plinth, lightness=-6)
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
            Solid(
                shape, (x, high / 2, deep), half * 1.5 + high / 2, _chalk(plan.colours.plinth, lightness=4.0 * number)
            )
        )
    solids.append(
        Solid(sphere(0.15, (side * 0.95, 0.67, 0.25)), (side * 0.95, 0.67, 0.25), 0.16, _chalk(plan.colours.accent))
    )
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
            _chalk(plan.colours.plinth, lightness=3),
            Frame.at(side * 0.12, 0, 1.0, yaw=side * 7),
        )
    ]


def _disc(plan: Plan, tall: float, rng: np.random.Generator) -> list[Solid]:
    """A large disc on the wall, the sun of the picture."""
    x, radius = float(rng.uniform(-0.35, 0.35)), float(rng.uniform(0.78, 1.0))
    y = tall * 0.62 + 0.1
    return [
        Solid(
            cylinder(radius, 0.05, 0.02, (x, y, 1.55), axis=2), (x, y, 1.55), radius * 1.03, _chalk(plan.colours.accent)
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
                _chalk(colour),
                Frame.at(x, 0, z, yaw=side * (8 - 14 * number)),
            )
        )
    return solids


def _furnish(plan: Plan, wide: float, rng: np.random.Generator) -> tuple[list[Solid], float]:
    """Indoors a table with a prop at the side; outdoors a low rock."""
    side = float(rng.choice([-1.0, 1.0]))
    colours = plan.colours
    if plan.direction.kind == "outdoor":
        stone = Material(as_vector(shade(colours.plinth, lightness=-8)), 0.95, 0.05)
        rocks = [
            Solid(rounded_box((0.8, 0.15, 0.62), 0.1, (0, 0.15, 0)), (0, 0.15, 0), 1.05, stone, Frame.at(yaw=side * 22))
        ]
        for x, z, size in ((side * 1.3, 0.8, 0.3), (-side * 1.5, 1.6, 0.42), (side * 0.95, -0.5, 0.13)):
            rocks.append(
                Solid(
                    rounded_box((size, size * 0.55, size * 0.8), size * 0.3, (0, size * 0.4, 0)),
                    (0, size * 0.4, 0),
                    size * 1.5,
                    stone,
                    Frame.at(x, 0, z, yaw=float(rng.uniform(0, 90))),
                )
            )
        return rocks, 0.3
    if len(plan.direction.subjects) > 1 and plan.direction.subjects[1] in BUILDERS:
        side = 1.0 if plan.centre[0] > 0.56 else (-1.0 if plan.centre[0] < 0.44 else side)
    wood = Material(as_vector(shade(colours.floor, lightness=-6)), 0.5, 0.3)
    table = Solid(rounded_box((3.4, 0.05, 0.95), 0.02, (0, -0.05, 0.1)), (0, -0.05, 0.1), 3.6, wood, casts=False)
    props = ["plant", "book", "cup", "lamp"]
    taken = plan.direction.subjects
    options = [prop for prop in props if prop not in taken]
    prop = options[int(rng.integers(len(options)))]
    dressed = dress(main=shade(colours.plinth, lightness=6), accent=colours.accent, finish="matte")
    if prop == "plant":
        dressed = dress(
            main=shade(colours.plinth, lightness=4),
            accent=np.array([0.09, 0.14, 0.06], np.float32) * 0.6 + 0.4 * colours.accent,
            finish="matte",
        )
    companion = BUILDERS[prop](dressed, rng)
    place = Frame.at(
        side * (1.05 + 0.2 * wide),
        0,
        float(rng.uniform(0.25, 0.55)),
        yaw=float(rng.uniform(-25, 25)),
        scale=(0.95 if prop in ("plant", "lamp") else 0.62) / max(companion.height, companion.width * 0.9),
    )
    return [table] + [solid.moved(place) for solid in companion.solids], 0.0


def _flatlay(plan: Plan, rng: np.random.Generator) -> list[Solid]:
    """Forms laid around the subject, seen from above."""
    colours = plan.colours
    solids = [
        Solid(
            rounded_box((0.5, 0.02, 0.68), 0.012, (0, 0.02, 0)),
            (0, 0.02, 0),
            0.9,
            _chalk(colours.plinth),
            Frame.at(0.1, 0, 0.05, yaw=float(rng.uniform(-18, 18))),
        )
    ]
    places = [(-0.78, 0.5), (0.8, 0.46), (-0.82, -0.42), (0.76, -0.52), (-0.86, 0.02)]
    for number in rng.permutation(len(places))[: int(rng.integers(3, 5))]:
        x, z = places[int(number)]
        material = (_chalk(colours.accent), _chalk(colours.plinth, lightness=5), _chalk(colours.subject, lightness=8))[
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
