"""R5: 10,000 hostile webhooks (forged, replayed, altered, old, redirected) between genuine ones: nothing moves."""

import logging
import time
from collections.abc import Iterator

from django.core.management import call_command
from django.test import override_settings

from generation.money.bills import store_catalogue_prices
from generation.providers import registry
from generation.views import webhooks
from tests.bench.measure import Measure
from tests.generation import test_webhooks

DELIVERIES = 10_000


def run(*, full: bool) -> Iterator[Measure]:
    """The attack of the suite at full length; it counts what is in the rows and the ledger afterwards."""
    del full
    # every refusal is logged, as it should be; ten thousand of them are not for reading
    logging.getLogger("django.request").setLevel(logging.ERROR)
    call_command("flush", interactive=False, verbosity=0)
    store_catalogue_prices()
    send, webhooks.send_nudge = webhooks.send_nudge, lambda nudge: None
    try:
        with override_settings(
            REPLICATE_API_TOKEN="r8_bench",
            REPLICATE_WEBHOOK_SECRET=test_webhooks.SECRET,
            LOUPE_PUBLIC_URL="https://loupe.example",
            ALLOWED_HOSTS=["testserver"],
        ):
            registry.reset()
            began = time.perf_counter()
            try:
                answers = test_webhooks.attack(deliveries_sent=DELIVERIES)
                wrong, note = 0, ", ".join(f"{count:,} answered {status}" for status, count in sorted(answers.items()))
            except AssertionError as error:
                wrong, note = 1, str(error)[:200]
            spent = time.perf_counter() - began
    finally:
        webhooks.send_nudge = send
    yield Measure(f"R5 wrong transitions of {DELIVERIES:,} hostile webhooks", wrong, 0, "rows", note=note)
    yield Measure("R5 a delivery, verified, stored, applied", spent / DELIVERIES * 1_000, 20, "ms")
