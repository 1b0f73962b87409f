"""USD as whole micro-dollars in the database, as Decimal everywhere else.

Integers add and compare exactly on PostgreSQL and on SQLite alike; SQLite keeps decimals
as floats, and a budget must not be wrong by the last bit.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import models
from django.db.models.expressions import Combinable

MICRO = Decimal("0.000001")


def round_usd(amount: Decimal) -> Decimal:
    """To the micro-dollar, half up."""
    return amount.quantize(MICRO, rounding=ROUND_HALF_UP)


if TYPE_CHECKING:
    # to the type checker it takes and gives Decimal, whatever the database holds
    WholeNumbers = models.Field[Decimal | int | Combinable, Decimal]
else:
    WholeNumbers = models.BigIntegerField


class UsdField(WholeNumbers):
    """An amount in USD with six places, stored as an integer."""

    description = "USD"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        return None if value is None else (Decimal(value) * MICRO).quantize(MICRO)

    def to_python(self, value: Any) -> Decimal | None:
        return None if value in (None, "") else round_usd(Decimal(str(value)))

    def get_prep_value(self, value: Any) -> Any:
        if value is None or hasattr(value, "resolve_expression"):
            return value
        return int(round_usd(Decimal(str(value))) / MICRO)

    def formfield(self, **kwargs: Any) -> Any:
        return models.Field.formfield(
            self, **{"form_class": forms.DecimalField, "min_value": 0, "max_digits": 12, "decimal_places": 2, **kwargs}
        )
