"""The revision prompt: what people marked and said, one line a region, in a form that editing models follow. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

KEEP = "keep"
# What a mark without words means.
WORDLESS = {"keep": "as it is", "change": "improve it", "remove": "fill the place from its surroundings"}
STAYS = "Keep everything else unchanged."


@dataclass(frozen=True, slots=True)
class RevisionNote:
    """One marked region. `where` in words and per cent; `kind`: keep, change, remove; `words`: what was said of it."""

    where: str
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Revision:
    """What people want changed: the prompt as it was, the regions, and what was said of the whole picture."""

    prompt: str
    regions: tuple[RevisionNote, ...]
    remarks: tuple[str, ...] = ()


def in_order(regions: Sequence[RevisionNote]) -> list[RevisionNote]:
    """Sort what changes first, what is kept last."""
    return sorted(regions, key=lambda note: note.kind == KEEP)


def write_revision(
    revision: Revision, *, regions: Sequence[str] | None = None, remarks: Sequence[str] | None = None
) -> str:
    """Write one line a region, the remarks on the whole, then what must stay.

    `regions`: the instructions of `in_order(revision.regions)`, `remarks`: those of the whole; by default people's
    own words.
    """
    if regions is None:
        regions = [note.words for note in in_order(revision.regions)]
    if remarks is None:
        remarks = revision.remarks
    lines = [
        f"- {note.where}: {note.kind}: {_line(words) or WORDLESS.get(note.kind, WORDLESS['change'])}."
        for note, words in zip(in_order(revision.regions), regions, strict=True)
    ]
    lines += [f"- whole picture: change: {_line(words)}." for words in remarks if _line(words)]
    head = ["Revise the picture:", *lines] if lines else []
    return "\n".join([*head, STAYS, "", f"The picture shows: {revision.prompt.strip()}"])


def _line(words: str) -> str:
    return " ".join(words.split()).rstrip(".")
