"""What the engine's benchmarks stand on: a house with a campaign, and the fake Replicate set up as the provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.core.management import call_command
from django.test import override_settings
from ulid import ULID

from campaigns import services as campaigns
from campaigns.accounts import membership
from campaigns.models import Campaign, User
from generation.money import ledger
from generation.money.bills import store_catalogue_prices
from generation.providers import registry
from tests.fakes.running import RunningFake, run_as_process

MODEL = "black-forest-labs/flux-1.1-pro"
PROMPT = (
    "A matt black pair of headphones on a raw stone plinth, low sun from the left, warm sand, charcoal and amber, "
    "rule of thirds with empty space at the right, view {number}"
)


def make_campaign(*, shots: int, model: str = MODEL, size: int = 1024) -> Campaign:
    """A planned campaign with prompts, ready to start, and a budget that reaches."""
    store_catalogue_prices()
    # another benchmark may have left its people in the same database
    admin = User.objects.create_user(email=f"{ULID()}@example.com", name="Bench")
    workspace = membership.create_workspace(name=f"Bench {ULID()}", admin=admin)
    campaign = campaigns.create_campaign(workspace=workspace, title="Aurora", by=admin, ticket="MKT-2241")
    campaigns.add_shots(
        campaign=campaign,
        shots=[
            {
                "title": f"Shot {number}",
                "prompt": PROMPT.format(number=number),
                "model": model,
                "width": size,
                "height": size,
            }
            for number in range(shots)
        ],
    )
    ledger.set_limit(workspace=workspace, campaign=None, limit=Decimal(1_000_000))
    ledger.set_limit(workspace=workspace, campaign=campaign, limit=Decimal(1_000_000))
    campaigns.finish_planning(campaign=campaign)
    return campaign


@contextmanager
def fake_replicate(**world: Any) -> Iterator[RunningFake]:
    """The fake in a process of its own, and the settings that make it the provider."""
    per_minute = world.pop("creates_per_minute", 600)
    # a new fake numbers its predictions from one: the database must know none of another's
    call_command("flush", interactive=False, verbosity=0)
    with run_as_process("replicate") as fake:
        fake.script(**world)
        with override_settings(
            REPLICATE_API_TOKEN="r8_bench",
            REPLICATE_BASE_URL=fake.url,
            LOUPE_OUTPUT_HOSTS=[fake.place],
            REPLICATE_CREATES_PER_MINUTE=per_minute,
        ):
            registry.reset()
            yield fake
        registry.reset()
