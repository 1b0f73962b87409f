"""Two versions beside each other: the other picture, and what was asked differently."""

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from generation.models import Generation, GenerationState
from review.queries.loupe import Picture, picture_of
from review.queries.sheet import model_label

MODES = {"side": "Side by side", "wipe": "Wipe", "overlay": "Overlay", "blink": "Blink"}


# Settings in many words: what changed is shown within them.
PROSE = ("Prompt", "Not", "Direction")
MOST_WORDS = 1500
# Words that stand unchanged around a change are shown up to this many on each side.
AROUND = 6


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words: "same" in both, "gone" since the other version, or "new" here."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that is not the same: here and there, in words; prose as `pieces` too."""

    name: str
    here: str
    there: str
    pieces: tuple[Piece, ...] = ()


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
    return [
        Difference(name, one or "none", other or "none", _pieces(there=other, here=one) if name in PROSE else ())
        for name, one, other in pairs
        if one != other
    ]


def _pieces(*, there: str, here: str) -> tuple[Piece, ...]:
    """What was changed word by word; nothing where one of the two says nothing, or where both are very long."""
    before, after = there.split(), here.split()
    if not before or not after or len(before) + len(after) > MOST_WORDS:
        return ()
    pieces: list[Piece] = []
    steps = SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    for index, (step, from_there, to_there, from_here, to_here) in enumerate(steps):
        if step == "equal":
            first, last = index == 0, index == len(steps) - 1
            pieces.append(Piece("same", _shorten(after[from_here:to_here], first=first, last=last)))
            continue
        if to_there > from_there:
            pieces.append(Piece("gone", " ".join(before[from_there:to_there])))
        if to_here > from_here:
            pieces.append(Piece("new", " ".join(after[from_here:to_here])))
    return tuple(pieces)


def _shorten(words: list[str], *, first: bool, last: bool) -> str:
    """Unchanged words, those far from a change left out."""
    if len(words) <= 2 * AROUND + 1:
        return " ".join(words)
    lead = [] if first else words[:AROUND]
    end = [] if last else words[-AROUND:]
    return " ".join([*lead, "…", *end])


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
