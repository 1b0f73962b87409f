"""What words and scores cost that came to nothing: a call that failed after tokens were used is billed all the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ulid import ULID

from generation import ledger
from generation.providers.base import ProviderError, Usage


@contextmanager
def charging_failures(*, key: str, purpose: str, **where: Any) -> Iterator[None]:
    """Book what a failing call inside consumed, then let its error go on. `where` as in `ledger.charge`."""
    try:
        yield
    except ProviderError as error:
        if error.usage is not None:
            charge_in_vain(error.usage, key=key, purpose=purpose, why=str(error), **where)
        raise


def charge_in_vain(usage: Usage, *, key: str, purpose: str, why: str, **where: Any) -> None:
    """Book a call whose answer was not used. The key is unique for each try: every one of them is billed."""
    ledger.charge_usage(
        key=f"vain:{key}:{ULID()}", usage=usage, purpose=purpose, note=f"Not used: {why}"[:240], **where
    )
