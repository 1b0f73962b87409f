"""Prices in force. The catalogue is the source of the first rows; a new price is a new row with its date."""

from datetime import datetime
from decimal import Decimal

from generation import catalogue
from generation.catalogue.providers import ANTHROPIC, PROVIDERS
from generation.models import Price


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
