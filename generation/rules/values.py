"""Values that rules, prices and providers share. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class RenderStatus(StrEnum):
    """Where a submitted render stands at the provider."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"  # safety
    FAILED = "failed"  # for good
    INTERRUPTED = "interrupted"  # infrastructure: may be sent again, no strike
    CANCELLED = "cancelled"
    GONE = "gone"  # the provider no longer knows it, or has removed its data


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call consumed, for the ledger. Units: input_token, output_token, cache_read_token, cache_write_token.

    `requests`: the units of each request, where an answer took several; each is billed, and rounded, by itself.
    """

    provider: str
    model: str
    units: dict[str, int] = field(default_factory=dict)
    requests: tuple[Mapping[str, int], ...] = ()

    def billed(self, unit: str) -> tuple[int, ...]:
        """How much of a unit is on each bill."""
        return tuple(request[unit] for request in self.requests if unit in request) or (self.units.get(unit, 0),)


@dataclass(frozen=True, slots=True)
class DimensionScore:
    """1 to 10 with one line of reason."""

    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """A price in force: USD for one `unit` (image, second, megapixel, input_token ...)."""

    provider: str
    model: str
    unit: str
    amount: Decimal
    valid_from: datetime
