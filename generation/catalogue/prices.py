"""What a render or a call costs: before (estimate) and after (bill). USD, Decimal, six places. Pure.

Replicate tells no price and has no bill to ask: official models cost list price times outputs, community models
seconds of their hardware, failed and aborted runs nothing, cancelled runs the time they ran (its pricing page).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from generation.catalogue.builders import READ_ON
from generation.catalogue.providers import ANTHROPIC as CLAUDE
from generation.catalogue.schema import CatalogueModel, PricePart
from generation.rules.values import RenderStatus, UnitPrice, Usage

PLACES = Decimal("0.000001")
MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """USD for a million tokens."""

    input_token: Decimal
    output_token: Decimal
    cache_write_token: Decimal
    cache_read_token: Decimal


def _tokens(reading: str, writing: str, *, cache_write: str = "", cache_read: str = "") -> TokenPrices:
    """Cache writes cost 1.25 and reads 0.1 of an input token, unless the list says otherwise."""
    price = Decimal(reading)
    return TokenPrices(
        input_token=price,
        output_token=Decimal(writing),
        cache_write_token=Decimal(cache_write) if cache_write else price * Decimal("1.25"),
        cache_read_token=Decimal(cache_read) if cache_read else price / 10,
    )


# Anthropic's price list, read 2026-11; prompts above 100,000 tokens cost more and are never sent by us.
ANTHROPIC = {
    "claude-haiku-5-5": _tokens("0.10", "0.50", cache_write="0.125", cache_read="0.01"),
    "claude-sonnet-5-5": _tokens("2", "10", cache_write="2.5", cache_read="0.10"),
    "claude-opus-5-5": _tokens("4", "20", cache_read="0.20"),
    "claude-opus-5": _tokens("5", "25"),
    "claude-fable-5-1": _tokens("10", "50"),
    "claude-haiku-4-5": _tokens("1", "5"),
}
# A model that the list does not name is counted at the dearest: an estimate may be too high, never too low.
DEAREST = ANTHROPIC["claude-fable-5-1"]

# What our own calls take, measured on our prompts: tokens sent (rubric or instructions and the shot) and written.
SCORE_INPUT_TOKENS, SCORE_OUTPUT_TOKENS = 1_600, 700
PROMPT_INPUT_TOKENS, PROMPT_OUTPUT_TOKENS = 1_400, 900


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a bill: `quantity` units at `unit_price` USD; `amount` has six places."""

    unit: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


def estimate_cost(model: CatalogueModel, width: int, height: int, *, input_megapixels: float = 0.0) -> Decimal:
    """What one render of this size is expected to cost in USD, six places; seconds are the model's typical ones."""
    metrics = {"predict_time": model.typical_seconds, "image_input_megapixel_count": input_megapixels}
    return bill(model, metrics, width, height)


def bill(
    model: CatalogueModel,
    metrics: Mapping[str, float],
    width: int,
    height: int,
    *,
    outcome: RenderStatus = RenderStatus.SUCCEEDED,
) -> Decimal:
    """What a finished render costs in USD, six places, from the provider's metrics (see `bill_lines`)."""
    return sum((line.amount for line in bill_lines(model, metrics, width, height, outcome=outcome)), Decimal(0))


def bill_lines(
    model: CatalogueModel,
    metrics: Mapping[str, float],
    width: int,
    height: int,
    *,
    outcome: RenderStatus = RenderStatus.SUCCEEDED,
) -> tuple[BillLine, ...]:
    """The bill, line by line.

    `metrics` as the provider sent them: `image_output_count` or `image_count`, `predict_time` in seconds,
    `image_output_megapixel_count`, `image_input_megapixel_count`; where one is missing, one image of `width` by
    `height` pixels and the typical seconds are taken. A cancelled run costs its seconds only; anything else that
    did not succeed costs nothing.
    """
    parts = model.price.parts
    if outcome is RenderStatus.CANCELLED:
        parts = tuple(part for part in parts if part.unit == "second" and "predict_time" in metrics)
    elif outcome is not RenderStatus.SUCCEEDED:
        parts = ()
    return tuple(_line(part, _quantity(part, model, metrics, width, height)) for part in parts)


def _line(part: PricePart, quantity: Decimal) -> BillLine:
    return BillLine(part.unit, quantity, part.amount, _round(part.amount * quantity))


def _quantity(part: PricePart, model: CatalogueModel, metrics: Mapping[str, float], width: int, height: int) -> Decimal:
    images = _number(metrics.get("image_output_count", metrics.get("image_count", 1)))
    if part.unit == "image":
        return images
    if part.unit == "second":
        return _number(metrics.get("predict_time", model.typical_seconds))
    if part.unit == "megapixel":
        drawn = Decimal(width * height) / MILLION * images
        return _number(metrics["image_output_megapixel_count"]) if "image_output_megapixel_count" in metrics else drawn
    if part.unit == "input_megapixel":
        # begun input megapixels are charged as whole ones
        return Decimal(math.ceil(metrics.get("image_input_megapixel_count", 0)))
    return Decimal(1)


def _number(value: float) -> Decimal:
    """A metric as the provider wrote it: through its text, so that 0.1 stays 0.1."""
    return max(Decimal(0), Decimal(str(value)))


def _round(amount: Decimal) -> Decimal:
    return amount.quantize(PLACES, rounding=ROUND_HALF_UP)


# --- words -------------------------------------------------------------------------------


def token_prices(model: str) -> TokenPrices:
    """USD for a million tokens of a Claude model; dated ids ("claude-haiku-4-5-20251001") count as their family."""
    if model in ANTHROPIC:
        return ANTHROPIC[model]
    family = next((name for name in ANTHROPIC if model.startswith(f"{name}-20")), None)
    return ANTHROPIC[family] if family else DEAREST


def bill_usage(usage: Usage) -> tuple[BillLine, ...]:
    """The bill of a writer's or critic's answer: a line for each kind of token. Local calls cost nothing.

    An answer that took several requests costs what their bills come to, each rounded by itself.
    """
    if usage.provider != CLAUDE.name:
        return ()
    prices = token_prices(usage.model)
    lines = []
    for unit, count in usage.units.items():
        price = token_price(prices, unit)
        amount = sum((_round(price * part) for part in usage.billed(unit)), Decimal(0))
        lines.append(BillLine(unit, Decimal(count), price, amount))
    return tuple(lines)


def token_price(prices: TokenPrices, unit: str) -> Decimal:
    """USD for one token; one in a batch ("batch_input_token") costs half (Anthropic's price list)."""
    whole = Decimal(getattr(prices, unit.removeprefix("batch_"))) / MILLION
    return whole / 2 if unit.startswith("batch_") else whole


def image_tokens(width: int, height: int) -> int:
    """Tokens of one image: patches of 28 by 28 pixels, at most 4,784 (Anthropic's vision documentation)."""
    return min(4_784, math.ceil(width / 28) * math.ceil(height / 28))


def estimate_score_cost(model: str, width: int, height: int) -> Decimal:
    """What scoring one image of this size (as sent, after downscaling) is expected to cost in USD."""
    return _estimate_tokens(model, SCORE_INPUT_TOKENS + image_tokens(width, height), SCORE_OUTPUT_TOKENS)


def estimate_prompt_cost(model: str) -> Decimal:
    """What one written, softened or directed prompt is expected to cost in USD."""
    return _estimate_tokens(model, PROMPT_INPUT_TOKENS, PROMPT_OUTPUT_TOKENS)


def _estimate_tokens(model: str, read: int, written: int) -> Decimal:
    units = {"input_token": read, "output_token": written}
    return sum((line.amount for line in bill_usage(Usage(CLAUDE.name, model, units))), Decimal(0))


def token_unit_prices() -> Iterator[UnitPrice]:
    """Give what each known model of the Anthropic API costs, by unit, for the price table."""
    since = datetime.combine(READ_ON, datetime.min.time(), tzinfo=UTC)
    for name, prices in ANTHROPIC.items():
        for unit in ("input_token", "output_token", "cache_write_token", "cache_read_token"):
            for form in (unit, f"batch_{unit}"):
                yield UnitPrice(CLAUDE.name, name, form, token_price(prices, form), since)
