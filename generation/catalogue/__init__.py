"""The models that Loupe knows: abilities, sizes, prices, typical seconds. Data in one place; pure.

`available_models` says which of them can be asked with the providers that are live.
"""

from datetime import UTC, date, datetime

from generation.catalogue.models import ASKED, MODELS
from generation.catalogue.own_models import COG, describe_self_hosted
from generation.catalogue.prices import (
    BillLine,
    bill,
    bill_lines,
    bill_usage,
    estimate_cost,
    estimate_prompt_cost,
    estimate_score_cost,
    image_tokens,
    token_price,
    token_prices,
    token_unit_prices,
)
from generation.catalogue.providers import PROVIDERS
from generation.catalogue.schema import Ability, CatalogueModel, InputFields, UnknownModel
from generation.catalogue.sizes import SnappedSize, snap_size
from generation.rules.values import UnitPrice

_BY_KEY = {model.key: model for model in MODELS}


def get_model(key: str) -> CatalogueModel:
    """The model named "owner/name", retired ones included. Raises UnknownModel."""
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownModel(f"There is no model “{key}” in the catalogue.") from None


def available_models(live: frozenset[str], *, self_hosted: CatalogueModel = COG) -> tuple[CatalogueModel, ...]:
    """The models that can be asked now: enabled, and their provider live. In the order of the catalogue.

    `self_hosted`: a container of one's own, as its owner describes it.
    """
    return tuple(model for model in _models(self_hosted) if model.enabled and model.provider in live)


def catalogue(
    *, live_providers: frozenset[str], self_hosted: CatalogueModel = COG
) -> tuple[tuple[CatalogueModel, str], ...]:
    """Every model with the reason why it cannot be asked now ("" if it can), for the settings page and the choosers.

    A self-hosted model is listed only where one is set up.
    """
    return tuple(
        (model, why_unavailable(model, live=live_providers))
        for model in _models(self_hosted)
        if model.provider != "cog" or "cog" in live_providers
    )


def _models(self_hosted: CatalogueModel) -> tuple[CatalogueModel, ...]:
    return tuple(self_hosted if model is COG else model for model in MODELS)


def why_unavailable(model: CatalogueModel, *, live: frozenset[str]) -> str:
    """In words for people; "" if it can be asked."""
    if not model.enabled:
        return model.disabled_reason
    if model.provider not in live:
        return f"Set {PROVIDERS[model.provider].setting} to use it."
    return ""


def list_prices() -> list[UnitPrice]:
    """List every price in force, one row for each provider, model and unit, for the price table."""
    prices = [
        UnitPrice(model.provider, model.key, part.unit, part.amount, _midnight(model.price.priced_on))
        for model in ASKED
        for part in model.price.parts
    ]
    return [*prices, *token_unit_prices()]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), tzinfo=UTC)


__all__ = [
    "COG",
    "MODELS",
    "Ability",
    "BillLine",
    "CatalogueModel",
    "InputFields",
    "SnappedSize",
    "UnknownModel",
    "available_models",
    "bill",
    "bill_lines",
    "bill_usage",
    "catalogue",
    "describe_self_hosted",
    "estimate_cost",
    "estimate_prompt_cost",
    "estimate_score_cost",
    "get_model",
    "image_tokens",
    "list_prices",
    "snap_size",
    "token_price",
    "token_prices",
    "why_unavailable",
]
