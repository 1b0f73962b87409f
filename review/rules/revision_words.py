"""Marks, comments and verdict reasons as one structured instruction, and as the mask of what may change. Pure.

One line a region: where (in words and per cent), keep, change or remove, what. Then what must stay.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from generation.rules.revisions import KEEP, Revision, RevisionNote
from review.rules.places import Place

# The soft edge of the mask lies inside the region: this part of the picture's longer edge.
FEATHER = 0.008
_MENTION = re.compile(r"(?<!\S)@\S+")


@dataclass(frozen=True, slots=True)
class Region:
    """One mark that is still open, as the revision speaks of it."""

    number: int
    kind: str
    words: str
    place: Place


def describe_place(place: Place, *, width: int, height: int) -> str:
    """Where on the picture, in words and per cent: "upper left (22 % from the left, 30 % from the top, 24 × 34 %)"."""
    left, top, across, down = place.box
    column = _third((left + across / 2) / width, "left", "centre", "right")
    row = _third((top + down / 2) / height, "upper", "middle", "lower")
    name = "centre" if (row, column) == ("middle", "centre") else f"{row} {column}"
    at = f"{_percent(left, width)} from the left, {_percent(top, height)} from the top"
    if place.shape == "pin":
        return f"{name} (point at {at})"
    return f"{name} ({at}, {_percent(across, width)} wide, {_percent(down, height)} high)"


def build_revision(
    *, regions: Sequence[Region], notes: Sequence[str], prompt: str, width: int, height: int
) -> Revision:
    """Put what people marked and said into the form that is compiled; `width` and `height` of the image in pixels."""
    return Revision(
        prompt=prompt,
        regions=tuple(
            RevisionNote(
                describe_place(region.place, width=width, height=height), region.kind, without_mentions(region.words)
            )
            for region in regions
        ),
        remarks=tuple(map(without_mentions, notes)),
    )


def write_reason(*, words: str, hint: str, note: str) -> str:
    """Why an image was turned down, as an instruction: what the reason is called, what it asks for, what was said."""
    told = "; ".join(part for part in (without_mentions(hint), without_mentions(note)) if part)
    return ": ".join(part for part in (words.lower(), told) if part)


def draw_mask(*, regions: Sequence[Region], width: int, height: int) -> bytes | None:
    """A PNG (L) as large as the picture, white where it may change, softened inwards; None without such a region.

    Regions of kind keep are cut out again; pins are instructions, not regions.
    """
    mask = Image.new("L", (width, height), 0)
    pencil = ImageDraw.Draw(mask)
    areas = [region for region in regions if region.place.shape != "pin"]
    for region in sorted(areas, key=lambda region: region.kind == KEEP):
        _fill(pencil, region.place, 0 if region.kind == KEEP else 255)
    if mask.getbbox() is None:
        return None
    # the minimum of mask and blurred mask: soft at the edge, and nothing outside the region
    soft = ImageChops.darker(mask, mask.filter(ImageFilter.GaussianBlur(FEATHER * max(width, height))))
    target = BytesIO()
    soft.save(target, "PNG")
    return target.getvalue()


def _fill(pencil: ImageDraw.ImageDraw, place: Place, value: int) -> None:
    if place.shape == "rectangle":
        left, top, across, down = place.box
        pencil.rectangle((left, top, left + across, top + down), fill=value)
    else:
        pencil.polygon(list(place.points), fill=value)


def without_mentions(words: str) -> str:
    """Make one line without the colleagues that it mentions and without its last full stop."""
    return " ".join(_MENTION.sub("", words).split()).rstrip(".")


def _third(part: float, first: str, second: str, third: str) -> str:
    return first if part < 1 / 3 else second if part <= 2 / 3 else third


def _percent(part: float, whole: int) -> str:
    return f"{round(part / whole * 100)} %"
