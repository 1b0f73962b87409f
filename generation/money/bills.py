"""Bills: prices in force, the lines of a bill, and the bill of a render from the figures that the provider sent.

The catalogue is the source of the first prices; a new price is a new row with its date.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from generation import catalogue
from generation.catalogue.providers import ANTHROPIC, PROVIDERS
from generation.models import Price
from generation.rules.values import RenderProgress

# The columns that a bill is made from.
BILLED_BY = (
    "pk",
    "provider",
    "model",
    "width",
    "height",
    "purpose",
    "external_id",
    "ticket",
    "workspace_id",
    "campaign_id",
    "shot_id",
    "requested_by_id",
)


class NoPrice(LookupError):
    """Nothing says what this costs: the step fails rather than book a wrong amount."""


def store_catalogue_prices() -> int:
    """Insert the catalogue's dated prices that are not yet stored; returns how many were new."""
    known = set(Price.objects.values_list("provider", "model", "unit", "valid_from"))
    rows = [
        Price(
            provider=price.provider,
            model=price.model,
            unit=price.unit,
            amount=price.amount,
            valid_from=price.valid_from,
            source="catalogue",
        )
        for price in catalogue.list_prices()
        if (price.provider, price.model, price.unit, price.valid_from) not in known
    ]
    Price.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def price_in_force(*, provider: str, model: str, unit: str, at: datetime) -> Decimal:
    """Give USD for one unit at `at`; what has no price list costs nothing. Raises NoPrice."""
    if PROVIDERS[provider].free:
        return Decimal(0)
    price = (
        Price.objects.filter(provider=provider, model=model, unit=unit, valid_from__lte=at)
        .order_by("-valid_from")
        .values_list("amount", flat=True)
        .first()
    )
    if price is None and provider == ANTHROPIC.name:
        # a model that the list does not name is booked at the dearest tariff rather than not at all
        return catalogue.token_price(catalogue.token_prices(model), unit)
    if price is None:
        raise NoPrice(f"No price for a {unit} of {model} ({provider}) on {at:%Y-%m-%d}.")
    return price


def after_migration(**_: object) -> None:
    """Signal receiver: after each migration the catalogue's prices stand in the table."""
    store_catalogue_prices()


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of a bill, by ids, so that nothing is read to book it.

    `bills`: what of `quantity` is on each bill, where there were several; the provider rounds each by itself.
    """

    key: str
    unit: str
    quantity: Decimal
    provider: str
    model: str
    purpose: str
    workspace_id: int
    campaign_id: int | None = None
    shot_id: int | None = None
    generation_id: str | None = None
    ticket: str = ""
    by_id: int | None = None
    note: str = ""
    bills: tuple[Decimal, ...] = ()


def bill_of(generation: Any, progress: RenderProgress, *, key: str = "", note: str = "") -> list[Charge]:
    """Make the bill of one submission, to be booked once: under the provider's id, or under `key` where it has none.

    `generation` is a Generation, or a row of its columns `BILLED_BY`.
    """
    model = catalogue.get_model(generation.model)
    lines = catalogue.bill_lines(model, progress.metrics, generation.width, generation.height, outcome=progress.status)
    return [
        Charge(
            key=f"render:{generation.pk}:{key or generation.external_id}:{line.unit}",
            unit=line.unit,
            quantity=line.quantity,
            provider=generation.provider,
            model=generation.model,
            purpose="upscale" if generation.purpose == "upscale" else "render",
            workspace_id=generation.workspace_id,
            campaign_id=generation.campaign_id,
            shot_id=generation.shot_id,
            generation_id=generation.pk,
            ticket=generation.ticket,
            by_id=generation.requested_by_id,
            note=note,
        )
        for line in lines
    ]
