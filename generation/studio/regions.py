"""Which part of a mask each line of a revision speaks of. Pure.

A revision has one line a region: where in per cent, keep, change or remove, what. A region of the mask answers to its
own line alone, so that a mark which removes one thing takes nothing else with it.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

REMOVE = re.compile(r"\b(?:remove|erase|take out|get rid of|clean up|clear away|delete)\b", re.IGNORECASE)
# A change that begins so removes, unless it is light or a finish that is to go.
_REMOVES = re.compile(
    rf"\s*(?:please )?{REMOVE.pattern}"
    r"(?!.*\b(?:shin\w+|gloss\w*|glar\w+|glint\w*|reflect\w*|lights?|highlights?|shadows?|hot ?spots?|noise|grain"
    r"|blur\w*|colou?rs?|tints?|casts?|haze|fog)\b)",
    re.IGNORECASE,
)
_LINE = re.compile(r"^\s*- (?P<where>.+?): (?P<kind>keep|change|remove): (?P<words>.*)$", re.IGNORECASE | re.MULTILINE)
_AT = re.compile(r"(\d+) % from the left, (\d+) % from the top")
_SIZE = re.compile(r"(\d+) % wide, (\d+) % high")
# What follows describes the picture as it is and asks for nothing.
_DESCRIBED = re.compile(r"^\s*(?:The picture shows:|Keep everything else unchanged\.).*", re.MULTILINE | re.DOTALL)
# Regions are told apart on a copy this long: finer gaps than its pixels do not part them.
_GRID = 192

Places = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a revision. `box`: left, top, right, bottom in parts of the frame; None for the whole picture."""

    kind: str
    words: str
    box: tuple[float, float, float, float] | None

    @property
    def is_point(self) -> bool:
        """Whether it names a point, which has no area to change."""
        return self.box is not None and self.box[0] == self.box[2]


@dataclass(frozen=True, slots=True)
class Part:
    """Pixels that change together (as large as the mask), and what is asked of them."""

    where: Places
    removes: bool
    words: str


def read_lines(prompt: str) -> list[Line]:
    """The lines of a revision; none where the prompt is plain words."""
    return [
        Line(found["kind"].lower(), found["words"].strip(), _box_of(found["where"])) for found in _LINE.finditer(prompt)
    ]


def instruction_of(prompt: str) -> str:
    """What a prompt asks for, without places and without the description of the picture as it is."""
    lines = read_lines(prompt)
    if lines:
        return " ".join(line.words for line in lines if line.kind != "keep")
    return _DESCRIBED.sub("", prompt).strip()


def parts_of(prompt: str, changing: Places) -> list[Part]:
    """The mask by what is asked of each region. Plain words ask the same of the whole mask."""
    lines = read_lines(prompt)
    areas = [line for line in lines if line.box and not line.is_point and line.kind != "keep"]
    if not areas:
        words = instruction_of(prompt)
        removes = not lines and REMOVE.search(words) is not None
        return [Part(changing, removes, words)]
    owner = _owners(areas, changing)
    height, width = changing.shape
    everywhere = [line.words for line in lines if line.box is None and line.kind != "keep"]
    parts = []
    for number, line in enumerate(areas):
        where = owner == number
        points = [
            point.words for point in lines
            if point.box and point.is_point and point.kind != "keep"
            and where[min(height - 1, int(point.box[1] * height)), min(width - 1, int(point.box[0] * width))]
        ]  # fmt: skip
        if where.any():
            removes = line.kind == "remove" or _REMOVES.match(line.words) is not None
            parts.append(Part(where, removes, ". ".join([line.words, *points, *everywhere])))
    return parts


def _box_of(where: str) -> tuple[float, float, float, float] | None:
    at, size = _AT.search(where), _SIZE.search(where)
    if at is None:
        return None
    left, top = int(at[1]) / 100, int(at[2]) / 100
    wide, high = (int(size[1]) / 100, int(size[2]) / 100) if size else (0.0, 0.0)
    return left, top, left + wide, top + high


def _owners(areas: list[Line], changing: Places) -> npt.NDArray[np.intp]:
    """For each pixel the number of its line, -1 where the mask is black.

    A connected region goes whole to the line whose box lies in it; where several lie in one, each pixel goes to the
    smallest box around it. A region that no box claims goes by pixel as well.
    """
    labels = _connected(changing)
    distance = np.stack([_distance(line, changing.shape) for line in areas])
    claims: dict[int, list[int]] = {}
    for number in range(len(areas)):
        inside = labels[(distance[number] <= 0) & (labels > 0)]
        if inside.size:
            claims.setdefault(int(np.bincount(inside).argmax()), []).append(number)
    owner = distance.argmin(axis=0)
    for label, numbers in claims.items():
        if len(numbers) == 1:
            owner[labels == label] = numbers[0]
    return np.where(changing, owner, -1)


def _distance(line: Line, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Parts of the frame to the box of a line; inside it negative, the more so the smaller the box."""
    left, top, right, bottom = line.box or (0.0, 0.0, 1.0, 1.0)
    x = ((np.arange(shape[1], dtype=np.float32) + 0.5) / shape[1])[None, :]
    y = ((np.arange(shape[0], dtype=np.float32) + 0.5) / shape[0])[:, None]
    away = np.hypot(np.maximum(np.maximum(left - x, x - right), 0), np.maximum(np.maximum(top - y, y - bottom), 0))
    area = max(1e-4, (right - left) * (bottom - top))
    return np.where(away > 0, away, -1 / np.float32(area)).astype(np.float32)


def _connected(changing: Places) -> npt.NDArray[np.int32]:
    """Connected regions numbered from one; zero where the mask is black."""
    height, width = changing.shape
    step = max(1, -(-max(height, width) // _GRID))
    padded = np.pad(changing, ((0, -height % step), (0, -width % step)))
    coarse = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step).any(axis=(1, 3))
    canvas = Image.fromarray(-coarse.astype(np.int32))
    label = 0
    while (left := np.argwhere(np.asarray(canvas) < 0)).size:
        label += 1
        ImageDraw.floodfill(canvas, (int(left[0][1]), int(left[0][0])), label)
    labels = np.repeat(np.repeat(np.asarray(canvas, dtype=np.int32), step, axis=0), step, axis=1)
    return np.where(changing, labels[:height, :width], 0).astype(np.int32)
