"""Builds the set: plinths, arches, discs and props around the subject, and puts the camera in front of it."""

from dataclasses import dataclass

import numpy as np

from generation.studio.colours import Floats
from generation.studio.furnishings import BUILDERS, Subject, build_subject
from generation.studio.plan import Plan
from generation.studio.sets import LOOKS, dress_set, furnish, lay_flat, sun_disc
from generation.studio.solids import Frame, Material, Solid, rounded_box
from generation.studio.tracer import Camera
from generation.studio.wardrobe import dress, shade


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
    solids, top = _build_set(plan, tall, wide, look, rng)
    turn = subject.yaw * (1 if plan.azimuth < 0 else -1) + float(rng.uniform(-10, 10))
    if direction.kind == "flatlay" and direction.subjects[:1] == ("phone",):
        subject = Subject(subject.solids[:2], 1.0, 0.5)
    frame = Frame.at(0, top, 0, yaw=turn if card is None else 0.0, scale=scale)
    if direction.kind == "flatlay":
        askew = float(rng.uniform(-14, 14)) if card is None else 0.0
        frame = Frame.at(0, 0.14, -0.5 * tall, yaw=askew).inside(Frame.at(pitch=90, scale=scale))
    aim = (0.0, tall / 2)
    if direction.kind == "macro" and subject.detail is not None and card is None:
        aim = (subject.detail[0] * scale * (1 if turn > 0 else -1), subject.detail[1] * scale)
    standing = [solid.moved(frame) for solid in subject.solids]
    return Stage(
        camera=_aim_camera(plan, tall=tall, wide=wide, top=top, aim=aim, width=width, height=height),
        solids=[*standing, *solids, *_second_subject(plan, wide, rng)],
        wall_distance=2.3 + float(rng.uniform(0, 0.6)),
        top=top,
        subject_height=tall,
        subject_width=wide,
        waves=float(rng.uniform(0.5, 1.0)) if direction.kind == "studio" and look.random() < 0.3 else 0.0,
        gradient=float(look.uniform(0.0, 0.55)),
    )


def _build_set(
    plan: Plan, tall: float, wide: float, look: np.random.Generator, rng: np.random.Generator
) -> tuple[list[Solid], float]:
    """Everything but the subject, and the height it stands on."""
    direction = plan.direction
    options = [LOOKS[i] for i in look.permutation(len(LOOKS))[:4]]
    chosen = options[int(rng.integers(len(options)))]
    if direction.corrections.place and chosen in ("steps", "spheres", "panels"):
        chosen = "box plinth"
    if direction.kind == "flatlay":
        return lay_flat(plan, rng), 0.0
    if "person" in direction.subjects[:1]:
        # People stand: the floor is far below the frame.
        with_disc = rng.random() < 0.6 and direction.kind in ("studio", "macro")
        return (sun_disc(plan, 1.6 + tall * 1.25, rng) if with_disc else []), 1.6
    if direction.kind in ("interior", "outdoor"):
        return furnish(plan, wide, rng)
    return dress_set(chosen, plan, tall, wide, rng)


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
