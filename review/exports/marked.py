"""A picture with its marks burnt in and what they say below it, for people outside of the house. Pure: no database.

Lengths are pixels of the drawn picture. Text is set in the house's own typeface; what it lacks in DejaVu Sans; what
both lack becomes an empty box, never an error.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import groupby
from pathlib import Path

from django.conf import settings
from PIL import Image, ImageDraw, ImageFont, ImageOps

FONTS = (
    "instrument-sans/instrument-sans-latin-wght-normal.woff2",
    "instrument-sans/instrument-sans-latin-ext-wght-normal.woff2",
    "dejavu/DejaVuSans.ttf",
)
REGULAR, BOLD = 400, 600
# Larger pictures are drawn at this size: it is a proof to talk about, not the final.
LONGEST_EDGE = 2400
NARROWEST_PAPER = 560
# Lines are drawn this much larger and taken down again: Pillow draws them with hard edges.
FINER = 3
NO_GLYPH = "\u25a1"

PAPER, INK, QUIET, RULE = (244, 244, 244), (22, 22, 22), (100, 100, 100), (208, 208, 208)
AMBER, ON_AMBER, WHITE, BLACK = (255, 178, 36), (26, 18, 0), (247, 247, 242), (17, 17, 17)


@dataclass(frozen=True, slots=True)
class Pencil:
    """How a kind of mark looks: its line, what lies inside, and the disc with its number."""

    line: tuple[int, int, int]
    fill: tuple[int, int, int, int]
    disc: tuple[int, int, int]
    number: tuple[int, int, int]


PENCILS = {
    "keep": Pencil(WHITE, (*WHITE, 0), WHITE, BLACK),
    "change": Pencil(AMBER, (*AMBER, 13), AMBER, ON_AMBER),
    "remove": Pencil(AMBER, (0, 0, 0, 90), BLACK, AMBER),
}


@dataclass(frozen=True, slots=True)
class DrawnMark:
    """One mark: its outline and its number's place in pixels of the original, and what is said about it."""

    number: int
    kind: str
    title: str
    points: tuple[tuple[float, float], ...]
    at: tuple[float, float]
    words: tuple[str, ...]
    faint: bool = False


def draw_marked(content: bytes, *, title: str, marks: Sequence[DrawnMark], remarks: Sequence[str] = ()) -> bytes:
    """A PNG of the picture with its marks, and below it the numbered words and the remarks on the whole picture.

    Raises OSError where `content` is no picture.
    """
    with Image.open(BytesIO(content)) as opened:
        original = ImageOps.exif_transpose(opened).convert("RGB")
    scale = min(1.0, LONGEST_EDGE / max(original.size))
    size = (max(1, round(original.width * scale)), max(1, round(original.height * scale)))
    picture = original if scale == 1 else original.resize(size, Image.Resampling.LANCZOS)
    text = max(15, round(max(picture.width, NARROWEST_PAPER) / 66))
    for mark in marks:
        _draw_shape(picture, mark, scale=scale, width=text / 6)
    for mark in marks:
        _draw_number(picture, mark, centre=(mark.at[0] * scale, mark.at[1] * scale), radius=text * 0.85)
    panel = _draw_panel(max(picture.width, NARROWEST_PAPER), text, title=title, marks=marks, remarks=remarks)
    sheet = Image.new("RGB", (panel.width, picture.height + panel.height), PAPER)
    sheet.paste(picture, (0, 0))
    sheet.paste(panel, (0, picture.height))
    target = BytesIO()
    sheet.save(target, "PNG", compress_level=4)
    return target.getvalue()


# --- the marks ------------------------------------------------------------------------------------


def _draw_shape(picture: Image.Image, mark: DrawnMark, *, scale: float, width: float) -> None:
    """The outline over a darker one, so that it is seen on any ground. A pin has none but its number."""
    if len(mark.points) < 3:
        return
    pencil = PENCILS[mark.kind]
    points = [(x * scale, y * scale) for x, y in mark.points]
    margin = width * 2
    left, top = (int(min(axis) - margin) for axis in zip(*points, strict=True))
    right, bottom = (int(max(axis) + margin) + 1 for axis in zip(*points, strict=True))
    layer = Image.new("RGBA", ((right - left) * FINER, (bottom - top) * FINER), (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    ring = [((x - left) * FINER, (y - top) * FINER) for x, y in points]
    pen.polygon(ring, fill=pencil.fill)
    closed = [*ring, ring[0], ring[1]]
    pen.line(closed, fill=(0, 0, 0, 140), width=round(width * 1.9 * FINER), joint="curve")
    pen.line(closed, fill=(*pencil.line, 255), width=round(width * FINER), joint="curve")
    _lay(picture, layer, at=(left, top), faint=mark.faint)


def _draw_number(picture: Image.Image, mark: DrawnMark, *, centre: tuple[float, float], radius: float) -> None:
    pencil = PENCILS[mark.kind]
    edge = int(radius * 1.25) + 1
    layer = Image.new("RGBA", (2 * edge * FINER, 2 * edge * FINER), (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    middle = edge * FINER
    for reach, colour in ((1.18, (0, 0, 0, 178)), (1.0, (*pencil.disc, 255))):
        r = radius * reach * FINER
        pen.ellipse((middle - r, middle - r, middle + r, middle + r), fill=colour)
    if mark.kind == "remove":
        r = radius * FINER
        pen.ellipse((middle - r, middle - r, middle + r, middle + r), outline=(*AMBER, 255), width=round(r / 8))
    font = _font(FONTS[0], round(radius * 1.15 * FINER), BOLD)
    pen.text((middle, middle), str(mark.number), font=font, fill=(*pencil.number, 255), anchor="mm")
    # what lies at the picture's edge is moved in, so that its number can be read
    x = min(max(centre[0], edge * 0.8), max(picture.width - edge * 0.8, edge * 0.8))
    y = min(max(centre[1], edge * 0.8), max(picture.height - edge * 0.8, edge * 0.8))
    _lay(picture, layer, at=(round(x) - edge, round(y) - edge), faint=mark.faint)


def _lay(picture: Image.Image, layer: Image.Image, *, at: tuple[int, int], faint: bool) -> None:
    fine = layer.resize((layer.width // FINER, layer.height // FINER), Image.Resampling.BOX)
    alpha = fine.getchannel("A")
    picture.paste(fine.convert("RGB"), at, alpha.point(lambda value: value * 2 // 5) if faint else alpha)


# --- the words ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the panel: its words, where it begins, how it looks, and the mark whose number stands before it."""

    words: str
    left: int
    top: int
    size: int
    weight: int = REGULAR
    colour: tuple[int, int, int] = INK
    mark: DrawnMark | None = None


def _draw_panel(
    width: int, text: int, *, title: str, marks: Sequence[DrawnMark], remarks: Sequence[str]
) -> Image.Image:
    lines = list(_set_lines(width, text, title=title, marks=marks, remarks=remarks))
    panel = Image.new("RGB", (width, lines[-1].top + round(text * 3)), PAPER)
    pen = ImageDraw.Draw(panel)
    for line in lines:
        if line.mark is not None:
            centre = (line.left - text * 1.7, line.top + text * 0.62)
            _draw_number(panel, line.mark, centre=centre, radius=text * 0.75)
        _write(pen, line)
    return panel


def _set_lines(
    width: int, text: int, *, title: str, marks: Sequence[DrawnMark], remarks: Sequence[str]
) -> Iterator[Line]:
    """The lines from top to bottom."""
    edge, step = round(text * 1.5), round(text * 1.45)
    indent, top = edge + round(text * 2.6), edge
    for words in wrap(title, size=round(text * 1.15), width=width - 2 * edge, weight=BOLD):
        yield Line(words, edge, top, round(text * 1.15), BOLD)
        top += step
    top += round(text * 0.4)
    if not marks and not remarks:
        yield Line("No marks and no comments.", edge, top, text, colour=QUIET)
    for mark in marks:
        top += round(text * 0.7)
        yield Line(mark.title, indent, top, text, BOLD, QUIET if mark.faint else INK, mark)
        for said in mark.words:
            for words in wrap(said, size=text, width=width - indent - edge):
                top += step
                yield Line(words, indent, top, text, colour=QUIET if mark.faint else INK)
        top += step
    if remarks:
        top += round(text * 0.7)
        yield Line("On the whole picture", edge, top, text, BOLD)
        for said in remarks:
            for words in wrap(said, size=text, width=width - 2 * edge):
                top += step
                yield Line(words, edge, top, text)
            top += round(text * 0.3)


def wrap(words: str, *, size: int, width: int, weight: int = REGULAR) -> list[str]:
    """The text in lines that are no wider than `width`; a word that is too long is broken."""
    lines: list[str] = []
    for paragraph in printable(words).splitlines() or [""]:
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if measure(longer, size=size, weight=weight) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            *broken, line = _break(word, size=size, width=width, weight=weight)
            lines += broken
        lines.append(line)
    return lines


def _break(word: str, *, size: int, width: int, weight: int) -> list[str]:
    pieces, piece = [], ""
    for sign in word:
        if piece and measure(piece + sign, size=size, weight=weight) > width:
            pieces.append(piece)
            piece = ""
        piece += sign
    return [*pieces, piece]


def printable(words: str) -> str:
    """The text without signs that only steer, such as the joiners of emoji; line breaks stay."""
    tidy = unicodedata.normalize("NFC", words).replace("\r\n", "\n").replace("\t", " ")
    return "".join(sign for sign in tidy if sign == "\n" or unicodedata.category(sign) not in STEERING)


STEERING = ("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me")


def measure(words: str, *, size: int, weight: int = REGULAR) -> float:
    """How wide the text is."""
    return sum(_font(name, size, weight).getlength(run) for name, run in _runs(words))


def _write(pen: ImageDraw.ImageDraw, line: Line) -> None:
    left = float(line.left)
    # every typeface stands on the same line
    foot = line.top + line.size
    for name, run in _runs(line.words):
        font = _font(name, line.size, line.weight)
        pen.text((left, foot), run, font=font, fill=line.colour, anchor="ls")
        left += font.getlength(run)


def _runs(words: str) -> Iterator[tuple[str, str]]:
    """The text in runs of one typeface each."""
    set_in = [(_typeface(sign), sign) for sign in words]
    for name, signs in groupby(set_in, key=lambda pair: pair[0]):
        run = "".join(sign for _, sign in signs)
        yield (name, run) if name else (FONTS[-1], NO_GLYPH * len(run))


@lru_cache(maxsize=4096)
def _typeface(sign: str) -> str:
    """The first typeface that has this sign, "" where none has."""
    for name in FONTS:
        font = _font(name, 16, REGULAR)
        if sign.isspace() or bytes(font.getmask(sign)) != bytes(font.getmask("\uffff")):
            return name
    return ""


@lru_cache(maxsize=256)
def _font(name: str, size: int, weight: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(Path(settings.BASE_DIR) / "static" / "vendor" / name, size)
    if name.startswith("instrument"):
        font.set_variation_by_axes([weight])
    return font
