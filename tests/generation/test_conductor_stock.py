"""What the conductor has at hand: claimed before there is a connection for it, given back where it does not leave."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from campaigns.models import Campaign
from generation import lifecycle
from generation.engine import outbox, outcomes, sender, throttle
from generation.engine.background import in_database, leave_database
from generation.engine.conductor import Conductor
from generation.engine.outbox import Outbox
from generation.engine.outcomes import Submitted
from generation.lifecycle import ClaimedGeneration
from generation.models import Generation, GenerationState, LedgerEntry
from generation.providers import registry
from generation.rules.values import RenderProgress, RenderStatus, Submission
from tests.fakes.running import RunningFake
from tests.generation.test_conductor import claim, make_campaign, rendering, states, taken

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def campaign(db: None) -> Campaign:
    return make_campaign(shots=6)


def conduct(settings: Any, fake: RunningFake, work: Callable[[Conductor], Awaitable[None]]) -> None:
    """A leading conductor does `work`, and what it brought is written."""
    settings.REPLICATE_API_TOKEN, settings.REPLICATE_BASE_URL = "r8_test", fake.url
    registry.reset()

    async def lead() -> None:
        conductor = Conductor(enqueue=lambda nudges: None)
        assert await conductor.lead()
        await work(conductor)
        await conductor.finish()
        await registry.close()

    asyncio.run(lead())


def take(conductor: Conductor, claimed: list[ClaimedGeneration]) -> None:
    conductor.sender.take(claimed, asked_at=asyncio.get_running_loop().time())


def test_no_more_leave_at_once_than_there_are_connections(
    campaign: Campaign, settings: Any, fake_replicate: RunningFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed = claim(campaign)
    monkeypatch.setattr(sender, "CONNECTIONS", 2)

    async def send(conductor: Conductor) -> None:
        take(conductor, claimed)
        assert (conductor.sender.submitting, len(conductor.sender.stock)) == (2, 4)
        await conductor.tasks.wait()
        assert (conductor.sender.submitting, len(conductor.sender.stock)) == (0, 0)

    conduct(settings, fake_replicate, send)
    assert fake_replicate.state()["creates"] == 6
    assert states(campaign) == {"rendering": 6}


def test_what_is_at_hand_stays_when_the_provider_wants_fewer(
    campaign: Campaign, settings: Any, fake_replicate: RunningFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One 429, and what was claimed with it is not sent after it: it goes back, and that was no try."""
    claimed = claim(campaign)
    monkeypatch.setattr(sender, "CONNECTIONS", 1)
    fake_replicate.script({"on": "create", "fault": "429", "retry_after": 30})

    async def send(conductor: Conductor) -> None:
        take(conductor, claimed)
        await conductor.tasks.wait()

    conduct(settings, fake_replicate, send)
    assert fake_replicate.state()["calls"]["create"] == 1
    assert states(campaign) == {"queued": 6}
    refused, *others = claimed
    assert Generation.objects.get(pk=refused.pk).tries == 1
    for row in Generation.objects.filter(pk__in=[sending.pk for sending in others]):
        assert (row.tries, row.error_kind, row.claimed_by, row.claimed_until) == (0, "held_up", "", None)
        assert list(row.events.values_list("to", flat=True)) == ["queued", "submitting", "queued"]
    assert not LedgerEntry.objects.exists()


def test_who_ends_gives_back_what_has_not_left(
    campaign: Campaign, settings: Any, fake_replicate: RunningFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed = claim(campaign)
    monkeypatch.setattr(sender, "CONNECTIONS", 0)

    async def end(conductor: Conductor) -> None:
        take(conductor, claimed)

    conduct(settings, fake_replicate, end)
    assert fake_replicate.state()["creates"] == 0
    assert states(campaign) == {"queued": 6}


def test_only_our_own_claim_is_given_back(campaign: Campaign) -> None:
    """Another one claimed it since, and one was sent meanwhile: both stay as they are."""
    first, second, third, *_ = claim(campaign)
    Generation.objects.filter(pk=first.pk).update(claimed_by="heir")
    outcomes.record_submissions([taken(second, "pred2")])
    assert lifecycle.give_back([first, second, third], seconds=1, note="held up") == 1
    stood = {row.pk: row.state for row in Generation.objects.all()}
    assert stood[first.pk] == GenerationState.SUBMITTING
    assert stood[second.pk] == GenerationState.RENDERING
    assert stood[third.pk] == GenerationState.QUEUED


def test_while_more_waits_not_all_is_written_and_never_much_is_left(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "ROWS_A_ROUND", 1)
    monkeypatch.setattr(outbox, "MOST_UNWRITTEN", 4)
    claimed = claim(campaign)

    async def write() -> None:
        box = Outbox(enqueue=lambda nudges: None)
        box.submitted += [taken(row, f"pred{n}") for n, row in enumerate(claimed)]
        await box.flush(hurried=True)
        assert len(box.submitted) == 3, "written down to less than may be left"
        await box.flush(hurried=True)
        assert len(box.submitted) == 2
        await box.flush()
        assert box.submitted == []
        await leave_database()

    asyncio.run(write())
    assert states(campaign) == {"rendering": 6}


def test_news_are_written_round_by_round_and_all_of_them_before_the_end(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two rounds others may be looked at; who ends leaves nothing unwritten."""
    monkeypatch.setattr(outbox, "ROWS_A_ROUND", 2)
    rendering(campaign)
    done = RenderProgress(RenderStatus.SUCCEEDED, output_urls=("https://replicate.delivery/a.png",))

    async def write() -> None:
        conductor = Conductor(enqueue=lambda nudges: None)
        due = await in_database(outcomes.due_polls, limit=10)
        conductor.outbox.polling.update(poll.generation_id for poll in due)
        conductor.outbox.polled += [(poll, done) for poll in due]
        await conductor.outbox.flush()
        assert (len(conductor.outbox.polled), len(conductor.outbox.polling)) == (4, 4)
        await conductor.finish()

    asyncio.run(write())
    assert states(campaign) == {"fetching": 6}


def test_the_estimate_counts_from_the_answer(campaign: Campaign) -> None:
    """However long the answer waited to be written."""
    row, *_ = claim(campaign)
    outcomes.record_submissions([Submitted(row, Submission("pred1", 60.0), time.monotonic() - 20)])
    due_at = Generation.objects.get(pk=row.pk).due_at
    assert due_at is not None
    assert timedelta(seconds=30) < due_at - timezone.now() < timedelta(seconds=41)


def test_a_look_that_breaks_comes_again_and_none_is_looked_at_twice_at_once(
    campaign: Campaign, settings: Any, fake_replicate: RunningFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendering(campaign)
    asked: list[str] = []

    async def break_down(self: Any, external_ids: Any) -> dict[str, RenderProgress]:
        asked.extend(external_ids)
        raise KeyError("a mistake of ours")

    async def break_down_alone(self: Any, external_id: str) -> RenderProgress:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr("generation.providers.replicate.adapter.ReplicateProvider.poll_many", break_down)
    monkeypatch.setattr("generation.providers.replicate.adapter.ReplicateProvider.poll", break_down_alone)

    async def look(conductor: Conductor) -> None:
        assert await conductor.poller.poll_due() == 6
        assert await conductor.poller.poll_due() == 0, "they are being asked about"
        await conductor.tasks.wait()
        assert await conductor.poller.poll_due() == 0, "it is not yet written how that went"
        await conductor.outbox.flush()
        assert conductor.outbox.polling == set()
        assert await in_database(outcomes.due_polls, limit=10) == []

    conduct(settings, fake_replicate, look)
    assert len(asked) == 6
    assert states(campaign) == {"rendering": 6}
    assert not Generation.objects.filter(due_at=None).exists(), "they come again"


def test_an_account_that_was_never_used_begins_at_its_rate(db: None, settings: Any) -> None:
    settings.REPLICATE_CREATES_PER_MINUTE = 600
    # what leaves at once and what leaves a little late would be more than the provider allows in that second
    assert throttle.take_permits("replicate", wanted=100) == 1
