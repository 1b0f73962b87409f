"""The place of a mark as a W3C Web Annotation target in pixels of the image. Pure: no database.

What a browser sends is read number by number and written anew, so nothing of its text is kept.
Selectors: FragmentSelector with `xywh=pixel:` (Media Fragments 1.0) for pins and rectangles,
SvgSelector with one polygon for polygons and freehand loops.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

FRAGMENTS = "http://www.w3.org/TR/media-frags/"
SVG = "http://www.w3.org/2000/svg"
SHAPES = ("pin", "rectangle", "polygon", "freehand")
MOST_POINTS = 1000
LONGEST_SELECTOR = 40_000
SMALLEST_EDGE = 1.0

_NUMBER = r"-?\d{1,6}(?:\.\d{1,12})?"
_FRAGMENT = re.compile(rf"xywh=(?:pixel:)?({_NUMBER}),({_NUMBER}),({_NUMBER}),({_NUMBER})")
_POLYGON = re.compile(
    rf'<svg(?: xmlns="{re.escape(SVG)}")?><polygon points="({_NUMBER},{_NUMBER}(?: {_NUMBER},{_NUMBER})*)" ?/?>'
    r"(?:</polygon>)?</svg>"
)


class NoTarget(ValueError):
    """This is no place on the image. The message is for people."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mark is: its corner points in pixels, and the box around them."""

    shape: str
    points: tuple[tuple[float, float], ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width, height in pixels."""
        across, down = [point[0] for point in self.points], [point[1] for point in self.points]
        return min(across), min(down), max(across) - min(across), max(down) - min(down)


def read_place(*, shape: Any, target: Any, width: int, height: int) -> Place:
    """The place that a W3C target names, cut to the image of `width` x `height` pixels. Raises NoTarget."""
    if shape not in SHAPES:
        raise NoTarget("A mark is a pin, a rectangle, a polygon or a freehand line.")
    selector = target.get("selector") if isinstance(target, dict) else None
    value = selector.get("value") if isinstance(selector, dict) else None
    if not isinstance(selector, dict) or not isinstance(value, str) or len(value) > LONGEST_SELECTOR:
        raise NoTarget("The mark does not say where on the image it is.")
    if shape in ("pin", "rectangle"):
        points = _read_fragment(selector, value)
    else:
        points = _read_polygon(selector, value)
    place = Place(shape, tuple((_cut(x, width), _cut(y, height)) for x, y in points))
    _, _, across, down = place.box
    if shape != "pin" and (across < SMALLEST_EDGE or down < SMALLEST_EDGE):
        raise NoTarget("The mark is too small to be seen, or lies outside the image.")
    return place


def write_target(*, place: Place, source: str) -> dict[str, Any]:
    """The W3C target of a place on the image `source`."""
    if place.shape in ("pin", "rectangle"):
        box = ",".join(_plain(number) for number in place.box)
        selector = {"type": "FragmentSelector", "conformsTo": FRAGMENTS, "value": f"xywh=pixel:{box}"}
    else:
        points = " ".join(f"{_plain(x)},{_plain(y)}" for x, y in place.points)
        selector = {"type": "SvgSelector", "value": f'<svg xmlns="{SVG}"><polygon points="{points}" /></svg>'}
    return {"source": source, "selector": selector}


def _read_fragment(selector: dict[str, Any], value: str) -> list[tuple[float, float]]:
    match = _FRAGMENT.fullmatch(value) if selector.get("type") == "FragmentSelector" else None
    if match is None:
        raise NoTarget("The mark does not say where on the image it is.")
    left, top, across, down = (_finite(number) for number in match.groups())
    if across < 0 or down < 0:
        raise NoTarget("The mark has no size.")
    return [(left, top), (left + across, top + down)]


def _read_polygon(selector: dict[str, Any], value: str) -> list[tuple[float, float]]:
    match = _POLYGON.fullmatch(value.strip()) if selector.get("type") == "SvgSelector" else None
    if match is None:
        raise NoTarget("The outline of the mark cannot be read.")
    points = []
    for pair in match.group(1).split(" "):
        x, y = pair.split(",")
        points.append((_finite(x), _finite(y)))
    if not 3 <= len(points) <= MOST_POINTS:
        raise NoTarget(f"An outline has 3 to {MOST_POINTS} points.")
    return points


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NoTarget("The mark lies outside the image.")
    return number


def _cut(number: float, edge: int) -> float:
    return round(min(max(number, 0.0), float(edge)), 2)


def _plain(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
