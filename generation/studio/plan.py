"""Turns a read prompt and a seed into concrete numbers: placement, light, exposure and the colour of every part.

A seed is a rough by an art director in a hurry. Some roughs stand too far to one side, some are under-lit, some drift
from the palette. That variety is real and measurable; a corrective instruction takes the named drift out again.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from generation.studio.colours import Floats, from_lab, hex_to_lab, hex_to_linear
from generation.studio.vocabulary import Composition, Direction, Light, Mood

# Palettes for prompts that name no colours, by the mood axis that is strongest.
_HOUSE_PALETTES: dict[str, tuple[tuple[str, ...], ...]] = {
    "warm": (("#e9d8c0", "#c98a5b", "#7a3f2a", "#f4ece0"), ("#efd9c3", "#d98f5f", "#8c5a3c", "#3d2b24")),
    "cool": (("#d7e3ea", "#7fa3b8", "#2e4a5f", "#f3f6f7"), ("#cfdbe0", "#8aa5a6", "#37555c", "#e9b384")),
    "dark": (("#26262b", "#5a4a42", "#c08a4e", "#8a8580"), ("#1f2a33", "#3f5866", "#b5764a", "#d9cfc2")),
    "vivid": (("#f3b33d", "#e2603f", "#2b5f8c", "#f6ead7"), ("#f29a8e", "#f6d35e", "#2f7f79", "#fbeee3")),
    "calm": (("#e7e2d9", "#b9bfae", "#8a9a8b", "#c9a58c"), ("#ece5dc", "#cdb8a8", "#9aa5a8", "#6c7a7d")),
}  # fmt: skip

# What the ground looks like out of doors: the palette colour nearest to it covers it.
_GROUNDS = {"sand": "#d2b48c", "grass": "#6f7a45", "water": "#a39a8c", "": "#a08f7c"}

# The wrong gel in the lamp, as directions in CIELAB: magenta, cyan, amber, a cold steel, green; never an arbitrary hue.
_GELS = ((0.1, 0.95, -0.2), (0.0, -0.75, -0.6), (-0.1, 0.55, 0.8), (-0.35, -0.15, -0.9), (-0.2, -0.5, 0.45))


@dataclass(frozen=True, slots=True)
class Drift:
    """How far this rough strays. Shares of the frame, stops, and CIELAB units; all zero is what was asked for."""

    x: float
    size: float
    stops: float
    warmth: float
    palette: float
    palette_turn: float
    contrast: float
    focus: float


@dataclass(frozen=True, slots=True)
class Colours:
    """Linear colours by role."""

    wall: Floats
    upper: Floats  # what the wall runs to at the top
    floor: Floats
    plinth: Floats
    subject: Floats
    accent: Floats
    all: tuple[Floats, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the stage needs. Angles in degrees, `exposure` in stops, `apparent`: the subject by the short side."""

    direction: Direction
    colours: Colours
    centre: tuple[float, float]
    apparent: float
    pitch: float
    yaw: float
    roll: float
    azimuth: float
    elevation: float
    softness: float
    light_warmth: float
    rim: float
    exposure: float
    contrast: float
    saturation: float
    shadows: float
    highlights: float
    focus: float
    grain: float


def generator_for(*parts: object) -> np.random.Generator:
    """A random generator that only depends on the parts (SHA-256, so the same on every machine)."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def draw_drift(rng: np.random.Generator) -> Drift:
    """Most roughs are near the mark, about one in three misses on something: each fault has its own chance."""

    def stray(chance: float, near: float, far: float) -> float:
        sign = 1.0 if rng.random() < 0.5 else -1.0
        missed = rng.random() < chance
        return sign * (float(rng.uniform(0.6, 1.0)) * far if missed else abs(float(rng.normal(0, near))))

    return Drift(
        x=stray(0.20, 0.012, 0.24),
        size=stray(0.12, 0.04, 0.42),
        stops=stray(0.21, 0.10, 1.25) - 0.02,
        warmth=stray(0.10, 0.05, 0.6),
        palette=abs(stray(0.20, 2.0, 27.0)),
        palette_turn=float(rng.uniform(0, 2 * np.pi)),
        contrast=stray(0.07, 0.05, 0.4),
        focus=max(0.0, stray(0.16, 0.05, 1.0)),
    )


def choose_palette(direction: Direction, rng: np.random.Generator) -> tuple[str, ...]:
    """The palette asked for; else a house palette by mood."""
    if len(direction.palette) >= 2:
        return direction.palette
    mood = direction.mood
    strongest = max(
        ("warm", mood.warmth), ("cool", -mood.warmth), ("dark", -mood.brightness), ("vivid", mood.saturation),
        ("calm", 0.05), key=lambda pair: pair[1],
    )[0]  # fmt: skip
    options = _HOUSE_PALETTES[strongest]
    return direction.palette + options[int(rng.integers(len(options)))]


def assign_colours(direction: Direction, drift: Drift, look: np.random.Generator, rng: np.random.Generator) -> Colours:
    """Backdrop by the brightness of the mood, subject by contrast with it, accent by chroma."""
    labs = [hex_to_lab(colour) for colour in choose_palette(direction, look)]
    wall_at = _choose_wall(direction, labs, rng)
    if wall_at is None:
        labs, wall_at = [*labs, hex_to_lab(direction.backdrop_colour or "#000000")], len(labs)
    wall = labs[wall_at]
    rest = [i for i in range(len(labs)) if i != wall_at]
    subject_at = max(rest, key=lambda i: float(np.linalg.norm(labs[i] - wall)) + 0.12 * (60 - float(labs[i][0])))
    others = [i for i in rest if i != subject_at] or [subject_at]
    accent_at = max(others, key=lambda i: float(np.hypot(labs[i][1], labs[i][2])))
    floor_at = min(others, key=lambda i: float(np.linalg.norm(labs[i] - wall))) if len(others) > 1 else wall_at
    turn = np.array(_GELS[int(drift.palette_turn * 0.79) % len(_GELS)])
    strayed = [lab + (drift.palette * turn).astype(np.float32) for lab in labs]
    subject = hex_to_linear(direction.subject_colour) if direction.subject_colour else from_lab(strayed[subject_at])
    floor = (
        0.55 * strayed[wall_at] + 0.45 * strayed[floor_at]
        if abs(wall[0] - labs[floor_at][0]) < 30
        else strayed[wall_at]
    )
    step = -9.0 if wall[0] > 55 else 10.0
    return Colours(
        wall=from_lab(strayed[wall_at]),
        upper=from_lab(0.35 * strayed[wall_at] + 0.65 * strayed[accent_at if labs[accent_at][0] > 35 else floor_at]),
        floor=from_lab(floor),
        plinth=from_lab(strayed[wall_at] + np.array([step * float(rng.uniform(-0.5, 1.0)), 0, 0], np.float32)),
        subject=subject,
        accent=from_lab(strayed[accent_at]),
        all=tuple(from_lab(lab) for lab in strayed),
    )


def _choose_wall(direction: Direction, labs: list[Floats], rng: np.random.Generator) -> int | None:
    """Which palette colour fills the frame; None where the words name a backdrop that is not in the palette."""
    wanted = 66 + (26 if direction.mood.brightness > 0 else 44) * direction.mood.brightness

    def distance_to(colour: Floats) -> list[float]:
        return [float(np.linalg.norm(lab - colour)) for lab in labs]

    cost = [abs(float(lab[0]) - wanted) + _chroma_cost(direction) * float(np.hypot(lab[1], lab[2])) for lab in labs]
    order = sorted(range(len(labs)), key=lambda i: cost[i])
    bolder = len(order) > 2 and rng.random() < 0.22 and _may_be_wall(labs[order[1]], wanted)
    if direction.kind == "outdoor":
        away = distance_to(hex_to_lab(_GROUNDS[direction.ground]))
        return away.index(min(away))
    if direction.backdrop_colour:
        away = distance_to(hex_to_lab(direction.backdrop_colour))
        return away.index(min(away)) if min(away) <= 8 else None
    return order[1] if bolder else order[0]


def _may_be_wall(lab: Floats, wanted: float) -> bool:
    """Whether a second choice of backdrop still suits the light the mood wants (CIELAB lightness)."""
    return float(np.hypot(lab[1], lab[2])) < 42 and abs(float(lab[0]) - wanted) < 30


def _chroma_cost(direction: Direction) -> float:
    """How much a loud colour is kept from filling the frame: a room should not shout, a vivid mood must."""
    base = {"poster": 0.1, "studio": 0.3, "macro": 0.3}.get(direction.kind, 0.45)
    return base - 0.75 * max(direction.mood.saturation, 0.0)


def make_plan(*, direction: Direction, drift: Drift, look: np.random.Generator, rng: np.random.Generator) -> Plan:
    """All numbers of one comp. `look` is shared by shots of one palette and mood, `rng` belongs to the seed."""
    fixed = direction.corrections
    light, mood = direction.light, direction.mood
    drift = _mend(drift, direction)
    colours = assign_colours(direction, drift, look, rng)
    azimuth, elevation = _aim_light(light, look, rng)
    stops = drift.stops + 0.30 * max(mood.brightness, 0) + 0.28 * min(mood.brightness, 0) + 0.32 * fixed.exposure
    return Plan(
        direction=direction,
        colours=colours,
        centre=_place(direction, drift, rng),
        apparent=_frame(direction, drift),
        pitch=_tilt(direction.composition, rng),
        yaw=float(rng.uniform(-5, 5)),
        roll=float(rng.choice([-7.0, 7.0])) if direction.composition.diagonal else 0.0,
        azimuth=azimuth,
        elevation=elevation,
        softness=light.softness,
        # White light shows paint as it is: a palette correction turns the coloured gels down.
        light_warmth=(0.35 if fixed.palette else 1.0)
        * float(np.clip(light.warmth + 0.55 * mood.warmth + drift.warmth + 0.3 * fixed.warmth, -1.3, 1.3)),
        rim=light.rim,
        exposure=stops,
        contrast=drift.contrast + 0.3 * mood.contrast + 0.28 * fixed.contrast,
        saturation=0.22 * mood.saturation + 0.25 * fixed.saturation,
        shadows=0.5 * fixed.shadows,
        highlights=0.5 * fixed.highlights,
        focus=drift.focus,
        grain=0.35 if fixed.clean else 1.0,
    )


def _mend(drift: Drift, direction: Direction) -> Drift:
    """Take out what was criticised. What nobody named gets smaller, not away: a second take is done with more care."""
    fixed = direction.corrections
    care = 0.4 if fixed.any else 1.0
    placed = fixed.place or fixed.shift != 0
    return Drift(
        x=0.0 if placed else care * drift.x,
        size=0.0 if placed or fixed.size else care * drift.size,
        stops=0.0 if fixed.exposure or fixed.shadows or fixed.highlights else care * drift.stops,
        warmth=0.0 if fixed.warmth or fixed.palette else care * drift.warmth,
        palette=0.0 if fixed.palette else care * drift.palette,
        palette_turn=drift.palette_turn,
        contrast=0.0 if fixed.contrast else care * drift.contrast,
        focus=0.0 if fixed.sharpness else care * drift.focus,
    )


def _aim_light(light: Light, look: np.random.Generator, rng: np.random.Generator) -> tuple[float, float]:
    side = -1.0 if look.random() < 0.5 else 1.0
    azimuth = light.azimuth if light.azimuth is not None else side * float(rng.uniform(36, 66))
    elevation = light.elevation if light.elevation is not None else float(rng.uniform(36, 52))
    return azimuth + float(rng.uniform(-9, 9)), elevation + float(rng.uniform(-4, 4))


def _place(direction: Direction, drift: Drift, rng: np.random.Generator) -> tuple[float, float]:
    composition, fixed = direction.composition, direction.corrections
    third = float(rng.choice([0.345, 0.655]))
    x = composition.x if composition.x is not None else (third if composition.thirds else 0.5)
    if fixed.shift and composition.x is None:
        # Where the words leave the side open the critic's side wins.
        x = 0.5 if not composition.thirds else (0.345 if fixed.shift < 0 else 0.655)
    if composition.framing in ("macro", "close"):
        x = 0.5 + (x - 0.5) * 0.6
    return float(np.clip(x + drift.x, 0.16, 0.84)), 0.5 + float(rng.uniform(-0.01, 0.015))


def _frame(direction: Direction, drift: Drift) -> float:
    share = {"macro": 1.18, "close": 0.82, "medium": 0.64, "wide": 0.52}[direction.composition.framing]
    if direction.kind == "flatlay":
        share = 0.5
    if direction.subjects[:1] == ("person",):
        share = {"wide": 0.62, "macro": 1.2}.get(direction.composition.framing, 0.86)
    return share * float(np.exp2(drift.size + 0.25 * direction.corrections.size))


def _tilt(composition: Composition, rng: np.random.Generator) -> float:
    base = {"eye": 7.0, "low": -4.0, "high": 30.0, "overhead": 86.0}[composition.view]
    return base + float(rng.uniform(-1.5, 2.5)) * (0.3 if composition.view == "overhead" else 1.0)


def look_generator(direction: Direction) -> np.random.Generator:
    """The look of a campaign: the same palette and mood give the same set vocabulary whatever the seed."""
    mood: Mood = direction.mood
    return generator_for("look", direction.palette, round(mood.brightness, 1), round(mood.warmth, 1))
