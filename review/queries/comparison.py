"""Two versions beside each other: the other picture, and what was asked differently."""

from dataclasses import dataclass
from typing import Any

from generation.models import Generation
from generation.states import GenerationState
from review.queries.loupe import Picture, picture_of
from review.queries.sheet import model_label

MODES = {"side": "Side by side", "wipe": "Wipe", "overlay": "Overlay", "blink": "Blink"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that is not the same: here and there, in words."""

    name: str
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The other version, how the two are laid, and where they differ."""

    id: str
    version: int
    name: str
    picture: Picture
    mode: str
    mode_words: str
    differences: list[Difference]


def read_comparison(generation: Generation, *, other_id: str, mode: str) -> Comparison | None:
    """The comparison that an address names; None where there is no such finished image in the house. One query."""
    if not other_id or "\x00" in other_id or other_id == generation.pk:
        return None
    other = (
        Generation.objects.filter(pk=other_id[:30], workspace_id=generation.workspace_id, state=GenerationState.READY)
        .select_related("shot")
        .first()
    )
    if other is None:
        return None
    mode = mode if mode in MODES else "side"
    return Comparison(
        id=other.pk,
        version=other.version,
        name=f"{other.shot.title}, version {other.version}",
        picture=picture_of(other),
        mode=mode,
        mode_words=MODES[mode],
        differences=find_differences(generation, other),
    )


def find_differences(here: Generation, there: Generation) -> list[Difference]:
    """What was asked differently of two images, in the order of the page."""
    pairs = [(name, one, other) for (name, one), (_, other) in zip(_settings(here), _settings(there), strict=True)]
    return [Difference(name, one or "none", other or "none") for name, one, other in pairs if one != other]


def _settings(generation: Generation) -> list[tuple[str, str]]:
    def words(value: Any) -> str:
        return "" if value is None else str(value)

    return [
        ("Prompt", generation.prompt),
        ("Not", generation.negative_prompt),
        ("Model", model_label(generation.model)),
        ("Seed", words(generation.seed)),
        ("Size", f"{generation.image_width or generation.width} × {generation.image_height or generation.height}"),
        ("Guidance", words(generation.guidance)),
        ("Steps", words(generation.steps)),
        ("Direction", generation.direction),
    ]
