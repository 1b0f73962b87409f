"""The nearest size that a model can draw, and the words that say so. Pure."""

import math
from dataclasses import dataclass
from functools import lru_cache

from generation.catalogue.schema import AspectSize, CatalogueModel, FreeSize, InputSize, ListedSize


@dataclass(frozen=True, slots=True)
class SnappedSize:
    """Pixels that will be drawn. `aspect_ratio` where the model takes one; `notice` is empty if nothing changed."""

    width: int
    height: int
    aspect_ratio: str | None = None
    notice: str = ""


def snap_size(model: CatalogueModel, width: int, height: int) -> SnappedSize:
    """The legal size nearest to `width` by `height` pixels: nearest in shape first, then in area.

    Raises ValueError for a width or height below 1.
    """
    if width < 1 or height < 1:
        raise ValueError("A picture is at least one pixel wide and high.")
    rule = model.size
    ratio: str | None = None
    if isinstance(rule, FreeSize):
        snapped = _snap_free(rule, width, height)
    elif isinstance(rule, InputSize):
        snapped = _snap_to_input(rule, width, height)
    elif isinstance(rule, ListedSize):
        snapped = _nearest(rule.sizes, (width, height))
    else:
        ratio, snapped = _snap_to_ratio(rule, width, height)
    return SnappedSize(*snapped, aspect_ratio=ratio, notice=_notice(model, (width, height), snapped, ratio))


def _snap_free(rule: FreeSize, width: int, height: int) -> tuple[int, int]:
    """Scale into the range with the shape kept, then round each side to the multiple."""
    scale = min(1.0, rule.maximum / max(width, height))
    scale = max(scale, rule.minimum / min(width, height))
    return _round_side(rule, width * scale), _round_side(rule, height * scale)


def _round_side(rule: FreeSize, side: float) -> int:
    lowest = math.ceil(rule.minimum / rule.multiple) * rule.multiple
    highest = rule.maximum // rule.multiple * rule.multiple
    return min(highest, max(lowest, int(side / rule.multiple + 0.5) * rule.multiple))


def _snap_to_input(rule: InputSize, width: int, height: int) -> tuple[int, int]:
    """What comes back for an input of this size (before scaling)."""
    scale = min(1.0, rule.longest / max(width, height)) * rule.scale
    return max(1, round(width * scale)), max(1, round(height * scale))


def _snap_to_ratio(rule: AspectSize, width: int, height: int) -> tuple[str, tuple[int, int]]:
    def distance(name: str) -> tuple[float, float]:
        across, down = (int(part) for part in name.split(":"))
        area = rule.pixels[name][0] * rule.pixels[name][1]
        return round(abs(math.log(across / down) - math.log(width / height)), 6), abs(area - width * height)

    name = min(rule.pixels, key=distance)
    return name, rule.pixels[name]


@lru_cache(maxsize=512)
def _nearest(sizes: tuple[tuple[int, int], ...], wanted: tuple[int, int]) -> tuple[int, int]:
    return min(sizes, key=lambda size: _distance(size, wanted))


def _distance(size: tuple[int, int], wanted: tuple[int, int]) -> tuple[float, float]:
    shape = abs(math.log(size[0] / size[1]) - math.log(wanted[0] / wanted[1]))
    return round(shape, 2), abs(size[0] * size[1] - wanted[0] * wanted[1])


def _notice(model: CatalogueModel, wanted: tuple[int, int], snapped: tuple[int, int], ratio: str | None) -> str:
    if isinstance(model.size, InputSize) and model.size.scale > 1:
        return ""
    if wanted == snapped:
        return ""
    drawn = f"{snapped[0]} × {snapped[1]}"
    asked = f"{wanted[0]} × {wanted[1]}"
    if ratio is not None:
        return f"{model.label} draws by aspect ratio: {ratio}, about {drawn}, is the nearest to {asked}."
    return f"{model.label} cannot draw {asked}: {drawn} is the nearest size it takes."
