"""What is asked of writers and critics: written down before it is sent, booked whatever becomes of it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from generation import catalogue
from generation.models import Inquiry
from generation.money import calls
from generation.providers.base import ProviderError, Usage
from generation.providers.metering import metered


class Answer(Protocol):
    """Whatever a writer or critic gives."""

    @property
    def usage(self) -> Usage:
        """What it consumed."""


Given = TypeVar("Given", bound=Answer)


def ask(question: Callable[[], Given], *, purpose: str, **where: Any) -> Given:
    """The answer to one question, paid for. `where` as in `inquiries.open_inquiry`.

    Not to be called inside a transaction: what was asked must stand in the table before it is sent. Raises what the
    provider raises, its bill booked, and ledger.NoHeadRoom where nothing was asked.
    """
    meter = _Meter(purpose=purpose, where=where)
    try:
        with metered(meter):
            answer = question()
    except ProviderError as error:
        meter.settle(error.usage, note=f"Not used: {error}")
        raise
    meter.settle(answer.usage)
    return answer


class _Meter:
    """Opens an inquiry at the first request that costs."""

    def __init__(self, *, purpose: str, where: dict[str, Any]) -> None:
        self.purpose, self.where = purpose, where
        self.inquiry: Inquiry | None = None

    def sending(self, at_most: Usage) -> None:
        if self.inquiry is None:
            self.inquiry = calls.open_inquiry(at_most, expected=_expected(at_most), purpose=self.purpose, **self.where)
        else:
            calls.ask_more(self.inquiry, at_most)

    def settle(self, usage: Usage | None, *, note: str = "") -> None:
        if self.inquiry is not None:
            units, requests = (usage.units, usage.requests) if usage else ({}, ())
            calls.settle_inquiry(self.inquiry, units, requests=requests, note=note)


def _expected(at_most: Usage) -> Decimal:
    """What one such question usually costs."""
    return catalogue.estimate_prompt_cost(at_most.model)
