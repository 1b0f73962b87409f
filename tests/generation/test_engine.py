"""The life of a generation through the real engine and the local studio: from start to judged pictures."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from campaigns import services as campaigns
from campaigns.accounts import membership
from campaigns.models import Campaign, Shot, User
from generation import lifecycle
from generation.engine import doubts, endings, headless, outcomes, sender
from generation.engine.follow_up import follow_up
from generation.engine.nudges import Nudge
from generation.engine.results import is_settled
from generation.engine.scoring import record_score
from generation.engine.sweep import find_unfinished
from generation.models import Generation, GenerationEvent, GenerationState
from generation.planning import runs
from generation.providers import registry
from generation.rules.states import ASKED_TO_STOP, CANCELLED_AT_ONCE, FINISHED_ALL_THE_SAME, TERMINAL
from generation.rules.values import (
    CriticAnswer,
    DimensionScore,
    OutcomeUnknown,
    ProviderBusy,
    ProviderRefused,
    RenderProgress,
    RenderStatus,
    RewrittenPrompt,
    Usage,
)

PROMPT = "A stone plinth with a glass bottle, lit from the left, warm sand, charcoal and amber, centred."


@pytest.fixture
def campaign(db: None) -> Campaign:
    admin = User.objects.create_user(email="ada@example.com", name="Ada")
    workspace = membership.create_workspace(name="Aurora", admin=admin)
    campaign = campaigns.create_campaign(workspace=workspace, title="Launch", by=admin, ticket="MKT-2241")
    campaigns.add_shots(
        campaign=campaign,
        shots=[
            {"title": title, "prompt": PROMPT, "model": "studio/comp", "width": 320, "height": 256, "mood": "calm"}
            for title in ("Hero", "Detail")
        ],
    )
    campaigns.finish_planning(campaign=campaign)
    return campaign


def start(campaign: Campaign) -> list[Generation]:
    return runs.start_run(campaign, by=campaign.created_by)


def drive(campaign: Campaign) -> None:
    async def until_settled() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(60, stop.set)
        try:
            await headless.drive(campaign_id=campaign.pk, is_over=lambda: is_settled(campaign), stop=stop)
        finally:
            await registry.close()

    asyncio.run(until_settled())


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_shots_become_stored_and_judged_pictures(campaign: Campaign) -> None:
    start(campaign)
    registry.reset()
    drive(campaign)
    rows = list(Generation.objects.filter(campaign=campaign).order_by("created_at"))
    assert len(rows) >= 2
    for row in rows:
        assert row.state == GenerationState.READY
        assert (row.image_width, row.image_height) == (320, 256)
        assert len(row.sha256) == 64
        assert row.renditions and row.thumbhash
        assert row.average is not None and row.followed_up
        assert row.ticket == "MKT-2241"
        assert row.reservation.state == "released"
        steps = list(row.events.values_list("to", flat=True))
        assert steps == ["queued", "submitting", "rendering", "fetching", "scoring", "ready"]
    assert rows[0].seed == campaign.base_seed
    assert is_settled(campaign)


@pytest.mark.django_db
def test_a_second_start_starts_nothing_twice(campaign: Campaign) -> None:
    start(campaign)
    with pytest.raises(runs.CannotStart, match="started already"):
        start(campaign)
    assert Generation.objects.count() == 2


def answer(score: float, *, weakest: str = "mood_match") -> CriticAnswer:
    dimensions = {
        name: DimensionScore(score=score if name == weakest else 7.5, reason=f"{name}: make it warmer")
        for name in ("composition", "relevance", "coherence", "mood_match")
    }
    return CriticAnswer(dimensions=dimensions, usage=Usage(provider="local", model="test"), critic="test")


def bring_to(generation: Generation, state: GenerationState) -> Generation:
    path = [
        GenerationState.SUBMITTING,
        GenerationState.RENDERING,
        GenerationState.FETCHING,
        GenerationState.SCORING,
    ]
    for step in path[: path.index(state) + 1]:
        fields = {"sha256": "0" * 64} if step is GenerationState.SCORING else {}
        fields |= {"external_id": f"ext-{generation.pk}"} if step is GenerationState.RENDERING else {}
        lifecycle.move(generation, to=step, **fields)
    return generation


@pytest.mark.django_db
def test_below_the_bar_names_the_weakest_dimension_and_stops_after_three_attempts(campaign: Campaign) -> None:
    shot = campaign.shots.first()
    assert shot is not None
    row: Generation | None = start(campaign)[0]
    seeds = []
    for attempt in (1, 2, 3):
        assert row is not None and row.attempt == attempt
        seeds.append(row.seed)
        bring_to(row, GenerationState.SCORING)
        record_score(row, answer(3.0))
        following = follow_up(row.pk)
        assert follow_up(row.pk) is None
        row.refresh_from_db()
        if attempt < 3:
            assert following is not None
            assert following.parent_id == row.pk
            assert following.direction.startswith("Mood match: mood_match: make it warmer")
            assert "warmer" in following.prompt
            assert not row.escalated
        else:
            assert following is None and row.escalated
        row = following
    assert len(set(seeds)) == 3 and seeds[0] == campaign.base_seed
    assert Generation.objects.filter(shot=shot).count() == 3


@pytest.mark.django_db
def test_refused_twice_softened_then_no_other_model_then_a_person(campaign: Campaign) -> None:
    row: Generation | None = start(campaign)[0]
    prompts, seeds = [], []
    for _ in range(3):
        assert row is not None
        prompts.append(row.prompt)
        seeds.append(row.seed)
        bring_to(row, GenerationState.SUBMITTING)
        endings.end_submission(row, ProviderRefused("flagged as sensitive (E005)", kind="safety"))
        last, row = row, follow_up(row.pk)
    last.refresh_from_db()
    assert row is None and last.escalated
    assert len(set(seeds)) == 1
    assert all(step.attempt == 1 for step in Generation.objects.filter(shot=last.shot))


@pytest.mark.django_db
def test_busy_costs_no_strike_and_an_unknown_outcome_is_never_sent_blindly(campaign: Campaign) -> None:
    first, second = start(campaign)
    bring_to(first, GenerationState.SUBMITTING)
    endings.end_submission(first, ProviderBusy("slow down", retry_after=30))
    first.refresh_from_db()
    assert first.state == GenerationState.QUEUED and first.attempt == 1
    assert first.due_at is not None and first.due_at > timezone.now() + timedelta(seconds=25)
    bring_to(second, GenerationState.SUBMITTING)
    endings.end_submission(second, OutcomeUnknown("the line went dead"))
    second.refresh_from_db()
    assert second.state == GenerationState.IN_DOUBT
    assert second.reservation.state == "open"
    assert lifecycle.claim_queued(provider="local", holder="x", limit=10, seconds=30) == []
    outcomes.record_found(second, "ext-1")
    second.refresh_from_db()
    assert (second.state, second.external_id) == (GenerationState.RENDERING, "ext-1")


@pytest.mark.django_db
def test_a_submission_whose_process_died_is_in_doubt(campaign: Campaign) -> None:
    start(campaign)
    claimed = lifecycle.claim_queued(provider="local", holder="dead", limit=1, seconds=-1)
    assert doubts.doubt_abandoned_submissions() == 1
    assert Generation.objects.get(pk=claimed[0].pk).state == GenerationState.IN_DOUBT


@pytest.mark.django_db
def test_late_news_moves_nothing_back(campaign: Campaign) -> None:
    row = start(campaign)[0]
    bring_to(row, GenerationState.RENDERING)
    stale = Generation.objects.get(pk=row.pk)
    done = RenderProgress(status=RenderStatus.SUCCEEDED, output_urls=("studio:x",), metrics={"image_count": 1})
    assert outcomes.record_report(row, done)
    assert not outcomes.record_report(stale, done)
    assert not outcomes.record_report(stale, RenderProgress(status=RenderStatus.FAILED, error_text="late"))
    row.refresh_from_db()
    assert row.state == GenerationState.FETCHING
    assert GenerationEvent.objects.filter(generation=row, to="fetching").count() == 1


@pytest.mark.django_db
def test_a_shot_removed_while_it_renders_keeps_its_record_and_is_not_retried(campaign: Campaign) -> None:
    row = start(campaign)[0]
    shot = Shot.objects.get(pk=row.shot_id)
    bring_to(row, GenerationState.SCORING)
    campaigns.remove_shot(shot)
    record_score(row, answer(3.0))
    assert follow_up(row.pk) is None
    row.refresh_from_db()
    assert row.followed_up and row.average is not None and row.average < Decimal(7)
    assert Generation.objects.filter(shot=shot).count() == 1


@pytest.mark.django_db
def test_the_sweep_finds_what_nobody_holds(campaign: Campaign) -> None:
    fetching, scoring = start(campaign)
    bring_to(fetching, GenerationState.FETCHING)
    bring_to(scoring, GenerationState.SCORING)
    assert set(find_unfinished()) == {Nudge("mirror", fetching.pk), Nudge("score", scoring.pk)}
    assert lifecycle.claim(fetching.pk, state=GenerationState.FETCHING, holder="a", seconds=60)
    assert lifecycle.claim(fetching.pk, state=GenerationState.FETCHING, holder="b", seconds=60) is None
    assert find_unfinished() == [Nudge("score", scoring.pk)]


@pytest.mark.django_db
def test_cancel_releases_what_was_not_sent(campaign: Campaign) -> None:
    start(campaign)
    assert runs.cancel_run(campaign, by=campaign.created_by) == 2
    assert {row.state for row in Generation.objects.all()} == {"cancelled"}
    assert {row.reservation.state for row in Generation.objects.all()} == {"released"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "back_to_the_queue"),
    [
        (GenerationState.SUBMITTING, lambda row: endings.end_submission(row, ProviderBusy("Too many requests."))),
        (GenerationState.IN_DOUBT, lambda row: outcomes.record_found(row, None)),
        (
            GenerationState.RENDERING,
            lambda row: endings.end_render(row, RenderProgress(RenderStatus.INTERRUPTED, error_kind="interrupted")),
        ),
    ],
)
def test_what_is_cancelled_while_it_is_being_sent_is_not_sent_again(
    campaign: Campaign, state: GenerationState, back_to_the_queue: Callable[[Generation], Any]
) -> None:
    row = start(campaign)[0]
    bring_to(row, GenerationState.SUBMITTING)
    if state is not GenerationState.SUBMITTING:
        lifecycle.move(row, to=state)
    runs.cancel_run(campaign, by=campaign.created_by)
    row.refresh_from_db()
    assert row.cancel_asked
    back_to_the_queue(row)
    Generation.objects.update(due_at=None)
    assert lifecycle.claim_queued(provider="local", holder="x", limit=10, seconds=30) == []
    assert endings.cancel_returned() == 1
    row.refresh_from_db()
    assert (row.state, row.reservation.state) == (GenerationState.CANCELLED, "released")


def test_cancelling_says_what_becomes_of_every_state() -> None:
    said = [*TERMINAL, *CANCELLED_AT_ONCE, *ASKED_TO_STOP, *FINISHED_ALL_THE_SAME]
    assert sorted(said) == sorted(GenerationState), "one state is missing or named twice"


@pytest.mark.django_db
def test_paused_nothing_is_sent(campaign: Campaign) -> None:
    start(campaign)
    runs.pause_run(campaign)
    assert lifecycle.claim_queued(provider="local", holder="x", limit=10, seconds=30) == []
    assert sender.providers_with_queue() == []
    runs.resume_run(campaign)
    assert len(lifecycle.claim_queued(provider="local", holder="x", limit=10, seconds=30)) == 2


@pytest.mark.django_db
def test_a_start_takes_few_queries_however_many_shots(campaign: Campaign, django_assert_max_num_queries: Any) -> None:
    campaigns.add_shots(
        campaign=campaign,
        shots=[{"title": f"Shot {n}", "prompt": PROMPT, "model": "studio/comp"} for n in range(98)],
    )
    with django_assert_max_num_queries(20):
        rows = start(campaign)
    assert len(rows) == 100
    assert {row.version for row in rows} == {1}


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_one_refused_picture_ask_the_writer_once(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = start(campaign)[0]
    bring_to(row, GenerationState.SCORING)
    record_score(row, answer(3.0))
    asked = []
    writer = registry.prompt_writer()
    direct = writer.direct

    def slow(**wanted: str) -> RewrittenPrompt:
        asked.append(wanted)
        time.sleep(0.3)
        return direct(**wanted)

    monkeypatch.setattr(writer, "direct", slow)

    def step(_: int) -> None:
        try:
            follow_up(row.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(step, range(4)))
    assert len(asked) == 1
    assert Generation.objects.filter(parent=row).count() == 1
