"""The revision prompt: what people marked and said, one line a region, in a form that editing models follow. Pure."""

from collections.abc import Sequence

from generation.providers.base import Revision, RevisionNote

KEEP = "keep"
# What a mark without words means.
WORDLESS = {"keep": "as it is", "change": "improve it", "remove": "fill the place from its surroundings"}
STAYS = "Keep everything else unchanged."


def in_order(regions: Sequence[RevisionNote]) -> list[RevisionNote]:
    """What changes first, what is kept last."""
    return sorted(regions, key=lambda note: note.kind == KEEP)


def put_together(revision: Revision, *, regions: Sequence[str], remarks: Sequence[str]) -> str:
    """The whole text: `regions` are the instructions of `in_order(revision.regions)`, `remarks` those of the whole."""
    lines = [
        f"- {note.where}: {note.kind}: {_line(words) or WORDLESS.get(note.kind, WORDLESS['change'])}."
        for note, words in zip(in_order(revision.regions), regions, strict=True)
    ]
    lines += [f"- whole picture: change: {_line(words)}." for words in remarks if _line(words)]
    head = ["Revise the picture:", *lines] if lines else []
    return "\n".join([*head, STAYS, "", f"The picture shows: {revision.prompt.strip()}"])


def _line(words: str) -> str:
    return " ".join(words.split()).rstrip(".")
