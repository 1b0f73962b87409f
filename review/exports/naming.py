"""File names that people can read. Pure: no models, no clock.

Only `a-z A-Z 0-9 . _ -` ever come out, so a name is safe in a path, a header, a zip and a bucket.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime

STEM = "{ticket}_{campaign}_{shot}_v{version}"
PATTERN = STEM + "_{channel}_{width}x{height}.{extension}"
MANIFEST = "manifest.json"
# Names that Windows keeps for devices: a zip with one of them cannot be unpacked there.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
_LONGEST_PART = 60
# What Unicode does not take apart by itself.
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "œ": "oe", "Œ": "OE",
     "þ": "th", "Þ": "Th", "ı": "i"}
)  # fmt: skip


def slug(text: str, *, otherwise: str = "untitled", keep_case: bool = False) -> str:
    """Plain ASCII words joined by hyphens; `otherwise` where nothing readable is left."""
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS)).encode("ascii", "ignore").decode("ascii")
    words = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:_LONGEST_PART].strip("-")
    words = words if keep_case else words.lower()
    if not words:
        return otherwise
    return f"{words}-file" if words.lower() in _DEVICES else words


def stem(*, ticket: str, campaign: str, shot: str, version: int) -> str:
    """What all files of one final begin with; without a ticket it begins with the campaign. Holds no full stop."""
    return STEM.format(
        ticket=slug(ticket, otherwise="", keep_case=True), campaign=slug(campaign), shot=slug(shot), version=version
    ).lstrip("_")


def complete(*, beginning: str, width: int, height: int, extension: str) -> str:
    """A stem with its channel becomes a file's name: PATTERN's ending is added."""
    return f"{beginning}_{width}x{height}.{slug(extension, otherwise='bin')}"


def is_complete(name: str) -> bool:
    """Whether size and ending are there already; a stem holds no full stop."""
    return "." in name


def size_in(name: str) -> tuple[int, int] | None:
    """Width and height as the name says, None for a sidecar."""
    found = re.search(r"_(\d+)x(\d+)\.[a-z0-9]+$", name)
    return (int(found[1]), int(found[2])) if found else None


def folder_name(*, workspace: str, ticket: str, campaign: str, at: datetime, export_id: int) -> str:
    """The folder of one export: `workspace/ticket_campaign/2026-11-21_091400_export-7`.

    Time and number together are never given twice, so an export writes into no older folder.
    """
    subject = "_".join(part for part in (slug(ticket, otherwise="", keep_case=True), slug(campaign)) if part)
    return f"{slug(workspace)}/{subject}/{at:%Y-%m-%d_%H%M%S}_export-{export_id}"


def make_unique(stems: Iterable[str]) -> list[str]:
    """The same stems in order; one that was there before (in any case) gets `-2`, `-3` at its end."""
    taken: set[str] = set()
    unique = []
    for wanted in stems:
        candidate, number = wanted, 2
        while candidate.lower() in taken:
            candidate = f"{wanted}-{number}"
            number += 1
        taken.add(candidate.lower())
        unique.append(candidate)
    return unique
