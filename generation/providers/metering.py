"""A writer or critic says what a request can cost at most, before it sends it. Who listens decides what is kept.

Adapters know no models: whoever asks them puts a meter in force for the thread, and they tell it. Without one nobody
is told, which is right for what costs nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from generation.rules.values import Usage


class Meter(Protocol):
    """Is told before each request. What it raises keeps the request from being sent."""

    def sending(self, at_most: Usage) -> None:
        """A request is about to leave; with it, all that was sent for this question can have consumed `at_most`."""


_in_force: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """Whatever is asked inside tells `meter`."""
    token = _in_force.set(meter)
    try:
        yield
    finally:
        _in_force.reset(token)


def tell(at_most: Usage) -> None:
    """A request is about to leave."""
    meter = _in_force.get()
    if meter is not None:
        meter.sending(at_most)
