"""The quality gate: rubric, average, pass, weakest dimension. Pure, and never the model's word.

The seed pipeline took `min()` over a dict that also held `pass`, a boolean, which is
always the smallest; here only rubric dimensions compete for "weakest".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from generation.rules.values import DimensionScore

RUBRIC = ("composition", "relevance", "coherence", "mood_match")
BRAND_DIMENSION = "brand_fit"
LABELS = {
    "composition": "Composition",
    "relevance": "Relevance",
    "coherence": "Coherence",
    "mood_match": "Mood match",
    "brand_fit": "Brand fit",
}
DEFAULT_BAR = Decimal("7.0")
DEFAULT_ATTEMPTS = 3


class MalformedScore(ValueError):
    """A dimension is missing or out of range: the image is unscored and needs a person."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gate says of one image. `average` has two places: half up, or down where it misses the bar."""

    average: Decimal
    passed: bool
    weakest: str
    reason: str


def judge(*, dimensions: Mapping[str, DimensionScore], bar: Decimal, with_brand: bool) -> Judgement:
    """Average over the rubric (brand fit as a fifth where a brand kit is set), pass at `bar`, weakest with its reason.

    Ties go to the dimension that stands first in the rubric. Raises MalformedScore.
    """
    expected = (*RUBRIC, BRAND_DIMENSION) if with_brand else RUBRIC
    for name in expected:
        if name not in dimensions:
            raise MalformedScore(f"The critic did not score {LABELS[name].lower()}.")
        if not 1 <= dimensions[name].score <= 10:
            raise MalformedScore(f"{LABELS[name]} is {dimensions[name].score}; the rubric goes from 1 to 10.")
    total = sum((Decimal(str(dimensions[name].score)) for name in expected), Decimal(0))
    exact = total / len(expected)
    weakest = min(expected, key=lambda name: dimensions[name].score)
    passed = exact >= bar
    return Judgement(
        average=exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP if passed else ROUND_DOWN),
        passed=passed,
        weakest=weakest,
        reason=dimensions[weakest].reason,
    )


def show_average(average: Decimal, *, passed: bool | None) -> str:
    """An average for people, one decimal; one that misses the bar is rounded down, never up to read as the bar."""
    rounding = ROUND_DOWN if passed is False else ROUND_HALF_UP
    return str(average.quantize(Decimal("0.1"), rounding=rounding))
