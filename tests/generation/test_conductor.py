"""Rounds: many rows in a statement, by the same rules as one; late, doubled or foreign news moves nothing."""

import asyncio
import time
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import Sum
from django.utils import timezone

from campaigns import services as campaigns
from campaigns.accounts import membership
from campaigns.models import Budget, Campaign, User
from generation import lifecycle
from generation.engine import doubts, outcomes, render_requests
from generation.engine.background import in_database, leave_database
from generation.engine.conductor import Conductor
from generation.engine.nudges import Nudge
from generation.engine.outbox import Outbox
from generation.engine.outcomes import Submitted
from generation.lifecycle import ClaimedGeneration
from generation.models import Generation, GenerationEvent, GenerationState, LedgerEntry, Reservation
from generation.money import ledger
from generation.planning import runs
from generation.providers import registry
from generation.rules.values import ProviderBusy, RenderProgress, RenderStatus, Submission
from tests.fakes.running import RunningFake

pytestmark = pytest.mark.both_engines
MODEL = "black-forest-labs/flux-1.1-pro"
DONE = RenderProgress(RenderStatus.SUCCEEDED, output_urls=("https://x/1.png",), metrics={"image_count": 1})


@pytest.fixture
def campaign(db: None) -> Campaign:
    return make_campaign(shots=6)


def make_campaign(*, shots: int) -> Campaign:
    admin = User.objects.create_user(email="ada@example.com", name="Ada")
    workspace = membership.create_workspace(name="Aurora", admin=admin)
    campaign = campaigns.create_campaign(workspace=workspace, title="Launch", by=admin, ticket="MKT-2241")
    campaigns.add_shots(
        campaign=campaign,
        shots=[{"title": f"Shot {n}", "prompt": f"A plinth, view {n}", "model": MODEL} for n in range(shots)],
    )
    ledger.set_limit(workspace=workspace, campaign=None, limit=Decimal(1_000))
    ledger.set_limit(workspace=workspace, campaign=campaign, limit=Decimal(1_000))
    campaigns.finish_planning(campaign=campaign)
    return campaign


def claim(campaign: Campaign, *, holder: str = "test") -> list[ClaimedGeneration]:
    runs.start_run(campaign, by=campaign.created_by)
    return lifecycle.claim_queued(provider="replicate", holder=holder, limit=100, seconds=30)


def taken(sending: ClaimedGeneration, external_id: str) -> Submitted:
    """The provider took it, a moment ago."""
    return Submitted(sending, Submission(external_id, 4.0), time.monotonic())


def rendering(campaign: Campaign) -> list[Generation]:
    claimed = claim(campaign)
    outcomes.record_submissions([taken(row, f"pred{n}") for n, row in enumerate(claimed)])
    Generation.objects.filter(campaign=campaign).update(due_at=None)
    return list(Generation.objects.filter(campaign=campaign).order_by("pk"))


def states(campaign: Campaign) -> Counter[str]:
    return Counter(Generation.objects.filter(campaign=campaign).values_list("state", flat=True))


@pytest.mark.django_db
def test_a_round_of_submissions_and_ends_is_booked_to_the_cent(campaign: Campaign) -> None:
    rendering(campaign)
    looks = outcomes.due_polls(limit=100)
    assert len(looks) == 6
    nudges = outcomes.record_polls([(look, DONE) for look in looks])
    assert {nudge.step for nudge in nudges} == {"mirror"}
    assert states(campaign) == {"fetching": 6}
    assert LedgerEntry.objects.aggregate(total=Sum("amount"))["total"] == Decimal("0.24")
    for budget in Budget.objects.all():
        assert budget.spent == Decimal("0.24")
        assert budget.reserved == Reservation.objects.aggregate(total=Sum("remaining"))["total"]
    assert set(ledger.costs_of(Generation.objects.all()).values()) == {Decimal("0.04")}
    assert {entry.ticket for entry in LedgerEntry.objects.all()} == {"MKT-2241"}
    # the same news once more: nothing moves, nothing is paid
    assert outcomes.record_polls([(look, DONE) for look in looks]) == []
    assert LedgerEntry.objects.count() == 6
    assert GenerationEvent.objects.filter(to="fetching").count() == 6


@pytest.mark.django_db
def test_a_round_is_the_same_as_one_by_one(campaign: Campaign) -> None:
    first, second, *_ = rendering(campaign)
    outcomes.record_report(first, DONE)
    look = next(look for look in outcomes.due_polls(limit=100) if look.generation_id == second.pk)
    outcomes.record_polls([(look, DONE)])
    ours = [
        Generation.objects.filter(pk=row.pk)
        .values("state", "metrics", "provider_url", "claimed_by", "tries", "due_at", "error_text")
        .get()
        for row in (first, second)
    ]
    assert ours[0] == ours[1]
    entries = [
        LedgerEntry.objects.filter(generation=row).values("amount", "unit", "quantity", "purpose", "by", "note").get()
        for row in (first, second)
    ]
    assert entries[0] == entries[1]
    steps = [list(row.events.values_list("origin", "to")) for row in (first, second)]
    assert steps[0] == steps[1]


@pytest.mark.django_db
def test_mixed_news_each_by_its_rule(campaign: Campaign) -> None:
    rendering(campaign)
    looks = outcomes.due_polls(limit=100)
    news = [
        DONE,
        RenderProgress(RenderStatus.RUNNING),
        RenderProgress(RenderStatus.REFUSED, error_kind="safety", error_text="flagged (E005)"),
        RenderProgress(RenderStatus.FAILED, error_kind="model_error", error_text="CMYK"),
        RenderProgress(RenderStatus.INTERRUPTED, error_kind="infrastructure", error_text="please retry"),
        RenderProgress(RenderStatus.CANCELLED, error_kind="aborted"),
    ]
    nudges = outcomes.record_polls(list(zip(looks, news, strict=True)))
    once = dict.fromkeys(["fetching", "rendering", "refused", "failed"], 1)
    # broken off, and aborted before it ran without our asking: both are sent again
    assert states(campaign) == {**once, "queued": 2}
    assert Counter(nudge.step for nudge in nudges) == {"mirror": 1, "follow_up": 2}
    waiting = Generation.objects.get(pk=looks[1].generation_id)
    assert waiting.polls == 1
    assert waiting.due_at is not None
    assert waiting.due_at > timezone.now() + timedelta(seconds=3)
    assert LedgerEntry.objects.count() == 1


@pytest.mark.django_db
def test_one_bad_row_does_not_hold_up_the_others(campaign: Campaign) -> None:
    claimed = claim(campaign)
    # a provider that gives one id twice: the second cannot be true
    ids = ["pred0", "pred0", *(f"pred{n}" for n in range(2, 6))]
    outcomes.record_submissions([taken(row, name) for row, name in zip(claimed, ids, strict=True)])
    assert states(campaign) == {"rendering": 5, "submitting": 1}
    Generation.objects.filter(campaign=campaign).update(due_at=None)
    looks = outcomes.due_polls(limit=100)
    absurd = RenderProgress(RenderStatus.SUCCEEDED, output_urls=("https://x",), metrics={"image_count": 1e300})
    outcomes.record_polls([(look, absurd if n == 0 else DONE) for n, look in enumerate(looks)])
    assert states(campaign) == {"fetching": 4, "rendering": 1, "submitting": 1}


@pytest.mark.django_db
def test_a_sending_under_an_old_claim_is_not_taken_for_the_new_one(campaign: Campaign) -> None:
    runs.start_run(campaign, by=campaign.created_by)
    [zombie, *_] = lifecycle.claim_queued(provider="replicate", holder="zombie", limit=1, seconds=-1)
    assert doubts.doubt_abandoned_submissions() == 1
    outcomes.record_found(Generation.objects.get(pk=zombie.pk), None)
    again = lifecycle.claim_queued(provider="replicate", holder="heir", limit=100, seconds=30)
    assert zombie.pk in {row.pk for row in again}
    assert outcomes.record_submissions([taken(zombie, "late")]) == [("replicate", "late")]
    assert Generation.objects.get(pk=zombie.pk).state == GenerationState.SUBMITTING
    heir = next(row for row in again if row.pk == zombie.pk)
    assert outcomes.record_submissions([taken(heir, "new")]) == []
    assert Generation.objects.get(pk=zombie.pk).external_id == "new"


@pytest.mark.django_db
def test_a_late_answer_resolves_the_doubt_over_it(campaign: Campaign) -> None:
    runs.start_run(campaign, by=campaign.created_by)
    [row] = lifecycle.claim_queued(provider="replicate", holder="slow", limit=1, seconds=-1)
    doubts.doubt_abandoned_submissions()
    assert outcomes.record_submissions([taken(row, "pred1")]) == []
    stored = Generation.objects.get(pk=row.pk)
    assert (stored.state, stored.external_id) == (GenerationState.RENDERING, "pred1")
    # written twice because the database went away after the first time: no harm
    assert outcomes.record_submissions([taken(row, "pred1")]) == []


@pytest.mark.django_db
def test_looks_that_could_not_be_had_come_again(campaign: Campaign) -> None:
    rendering(campaign)
    looks = outcomes.due_polls(limit=100)
    outcomes.record_failed_polls([(look, ProviderBusy("later", retry_after=7.0)) for look in looks])
    assert outcomes.due_polls(limit=100) == []
    for row in Generation.objects.all():
        assert row.due_at is not None
        assert timedelta(seconds=5) < row.due_at - timezone.now() < timedelta(seconds=9)


@pytest.mark.django_db(transaction=True)
def test_the_outbox_keeps_what_no_database_took(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed = claim(campaign)
    record, tries = outcomes.record_submissions, []

    def away_at_first(sent: Any) -> Any:
        tries.append(len(sent))
        if len(tries) == 1:
            raise OperationalError("gone")
        return record(sent)

    monkeypatch.setattr(outcomes, "record_submissions", away_at_first)

    async def write() -> None:
        outbox = Outbox(enqueue=lambda nudges: None)
        outbox.submitted += [taken(row, f"pred{n}") for n, row in enumerate(claimed)]
        with pytest.raises(OperationalError):
            await outbox.flush()
        assert len(outbox.submitted) == 6
        await outbox.flush()
        assert outbox.submitted == []
        await leave_database()

    asyncio.run(write())
    assert tries == [6, 6]
    assert states(campaign) == {"rendering": 6}


@pytest.mark.django_db(transaction=True)
def test_forty_through_a_real_provider_in_rounds(
    db: None, settings: Any, fake_replicate: RunningFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REPLICATE_API_TOKEN, settings.REPLICATE_BASE_URL = "r8_test", fake_replicate.url
    settings.REPLICATE_CREATES_PER_MINUTE = 60_000
    monkeypatch.setattr(outcomes, "wait_before_poll", lambda provider, **_: 0.6)
    fake_replicate.script(latency=0.5)
    registry.reset()
    campaign = make_campaign(shots=40)
    runs.start_run(campaign, by=campaign.created_by)
    nudged: list[Nudge] = []

    async def conduct() -> None:
        stop = asyncio.Event()
        working = asyncio.create_task(Conductor(enqueue=nudged.extend).conduct(stop))
        async with asyncio.timeout(30):
            while await in_database(states, campaign) != {"fetching": 40}:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        stop.set()
        await working
        await registry.close()
        await leave_database()

    asyncio.run(conduct())
    state = fake_replicate.state()
    assert state["creates"] == 40
    assert state["calls"].get("list", 0) > 0, "many are asked about in one call"
    assert state["calls"].get("get", 0) < 40
    assert LedgerEntry.objects.aggregate(total=Sum("amount"))["total"] == fake_replicate.bill
    assert len({nudge.subject for nudge in nudged if nudge.step == "mirror"}) == 40


@pytest.mark.django_db(transaction=True)
def test_who_no_longer_leads_sends_nothing(campaign: Campaign, settings: Any, fake_replicate: RunningFake) -> None:
    """Held up until somebody else leads (a process stopped, a machine asleep): the claim is given back unsent."""
    settings.REPLICATE_API_TOKEN, settings.REPLICATE_BASE_URL = "r8_test", fake_replicate.url
    registry.reset()
    [sending, *_] = claim(campaign)

    async def wake_up() -> None:
        zombie = Conductor(enqueue=lambda nudges: None)
        assert not zombie.leads
        zombie.sender.take([sending], asked_at=asyncio.get_running_loop().time())
        await zombie.tasks.wait()
        await zombie.outbox.flush()
        await registry.close()
        await leave_database()

    asyncio.run(wake_up())
    assert fake_replicate.state()["creates"] == 0
    row = Generation.objects.get(pk=sending.pk)
    assert (row.state, row.error_kind) == (GenerationState.QUEUED, "held_up")


@pytest.mark.django_db(transaction=True)
def test_a_preparation_that_breaks_is_parked_with_its_traceback_and_costs_nothing(
    campaign: Campaign, settings: Any, fake_replicate: RunningFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REPLICATE_API_TOKEN, settings.REPLICATE_BASE_URL = "r8_test", fake_replicate.url
    registry.reset()
    [sending, *_] = claim(campaign)

    def break_down(sending: ClaimedGeneration) -> None:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(render_requests, "plain_request", break_down)

    async def send() -> None:
        conductor = Conductor(enqueue=lambda nudges: None)
        conductor.sender.take([sending], asked_at=asyncio.get_running_loop().time())
        await conductor.tasks.wait()
        await conductor.outbox.flush()
        await registry.close()
        await leave_database()

    asyncio.run(send())
    assert fake_replicate.state()["creates"] == 0
    row = Generation.objects.get(pk=sending.pk)
    assert (row.state, row.error_kind, ledger.cost_of(row)) == (GenerationState.FAILED, "parked", 0)
    assert "Traceback (most recent call last)" in row.error_text and "a mistake of ours" in row.error_text
