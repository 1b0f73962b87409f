"""What the engine books where things end badly: doubts that nobody can clear, deadlines, calls that came to nothing."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from campaigns.database.claims import keep_claim_alive
from campaigns.models import Campaign
from config import environment
from generation import lifecycle
from generation.engine import doubts, mirror, outcomes
from generation.engine.conductor import Conductor, leave_database
from generation.engine.follow_up import follow_up
from generation.engine.nudges import Nudge
from generation.engine.render_requests import plain_request
from generation.engine.retry import retry_generation
from generation.engine.scoring import build_score_request, score_image
from generation.engine.sweep import find_unfinished
from generation.models import Generation, GenerationState, Lease, LedgerEntry
from generation.money import ledger
from generation.planning.planning import plan_campaign
from generation.providers import registry
from generation.rules import retries
from generation.rules.values import OutcomeUnknown, ProviderBusy, RenderProgress, RenderStatus
from tests.fakes.pictures import draw_picture
from tests.fakes.running import RunningFake
from tests.generation.engine_fixtures import FLUX, SDXL, balanced, make_campaign, start

TO_FETCHING = (GenerationState.SUBMITTING, GenerationState.RENDERING, GenerationState.FETCHING)


@pytest.fixture(autouse=True)
def _build_anew() -> Iterator[None]:
    registry.reset()
    yield
    registry.reset()


@pytest.fixture
def replicate(settings: Settings, fake_replicate: RunningFake) -> RunningFake:
    settings.REPLICATE_API_TOKEN = "r8_test"
    settings.REPLICATE_BASE_URL = fake_replicate.url
    settings.LOUPE_OUTPUT_HOSTS = [fake_replicate.place]
    fake_replicate.script(latency=0.0)
    return fake_replicate


@pytest.fixture
def claude(settings: Settings, fake_anthropic: RunningFake, monkeypatch: pytest.MonkeyPatch) -> RunningFake:
    settings.ANTHROPIC_API_KEY = "sk-test"
    monkeypatch.setenv("ANTHROPIC_BASE_URL", fake_anthropic.url)
    return fake_anthropic


def bring_to(row: Generation, *states: GenerationState, **fields: Any) -> Generation:
    for state in states[:-1]:
        assert lifecycle.move(row, to=state)
    assert lifecycle.move(row, to=states[-1], **fields)
    return row


def with_picture(row: Generation, *, size: int = 64) -> Generation:
    """In scoring, with a stored picture."""
    name = default_storage.save(f"generations/{row.pk}.png", ContentFile(draw_picture(size, size, 1)))
    return bring_to(
        row,
        GenerationState.SUBMITTING,
        GenerationState.RENDERING,
        GenerationState.FETCHING,
        GenerationState.SCORING,
        image=name,
        sha256="0" * 64,
        media_type="image/png",
    )


def spent(**where: Any) -> Decimal:
    return sum(LedgerEntry.objects.filter(**where).values_list("amount", flat=True), Decimal(0))


# --- in doubt ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_doubt_that_nobody_can_clear_is_counted_as_spent_and_a_person_decides() -> None:
    campaign = make_campaign(shots=1)
    [row] = start(campaign)
    bring_to(row, GenerationState.SUBMITTING, GenerationState.IN_DOUBT)
    doubts.give_up_doubt(row, OutcomeUnknown("Replicate has removed the inputs.", kind="too_late"))
    follow_up(row.pk)
    row.refresh_from_db()
    assert (row.state, row.error_kind, row.escalated) == ("failed", "outcome_unknown", True)
    assert "counted as spent" in row.error_text
    entry = LedgerEntry.objects.get()
    assert (entry.amount, entry.note) == (Decimal("0.04"), "Outcome unknown, counted as spent.")
    balanced()
    # taken up again it is a new sending, booked by itself
    assert campaign.created_by is not None
    retry_generation(row, by=campaign.created_by)
    assert row.state == GenerationState.QUEUED
    assert row.reservation.__class__.objects.get(generation=row).state == "open"


@pytest.mark.django_db(transaction=True)
def test_a_prediction_of_another_row_is_not_taken_for_ours(replicate: RunningFake) -> None:
    """Two rows that look alike to the provider: what one of them has is never given to the other."""
    campaign = make_campaign(shots=2)
    ours, other = start(campaign)
    Generation.objects.update(prompt="the same", seed=7, submitted_at=timezone.now())
    other.refresh_from_db()
    request = plain_request(other)

    async def send() -> str:
        submission = await registry.image_provider("replicate").submit(request)
        await registry.close()
        return submission.external_id

    external_id = asyncio.run(send())
    bring_to(other, GenerationState.SUBMITTING, GenerationState.RENDERING, external_id=external_id)
    ours.refresh_from_db()
    bring_to(ours, GenerationState.SUBMITTING, GenerationState.IN_DOUBT)
    assert doubts.ids_taken("replicate", besides=ours) == [external_id]
    conductor = Conductor(enqueue=lambda nudges: None)

    async def ask() -> None:
        await conductor.doubts.ask()
        await conductor.tasks.wait()
        await leave_database()
        await registry.close()

    asyncio.run(ask())
    ours.refresh_from_db()
    assert (ours.state, ours.external_id) == ("queued", "")


# --- renders that end badly ----------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "paid"), [(SDXL, Decimal("0.002925")), (FLUX, Decimal(0))])
def test_what_met_our_deadline_is_paid_by_the_second_and_sent_again(model: str, paid: Decimal) -> None:
    [row] = start(make_campaign(shots=1, models=(model,)))
    bring_to(row, GenerationState.SUBMITTING, GenerationState.RENDERING, external_id="p1")
    late = RenderProgress(
        RenderStatus.INTERRUPTED, error_kind="deadline", error_text="Too slow.", metrics={"predict_time": 3.0}
    )
    assert outcomes.record_report(row, late) == []
    row.refresh_from_db()
    assert (row.state, row.attempt, row.earlier_ids) == ("queued", 1, ["p1"])
    assert spent() == paid == ledger.cost_of(row)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("metrics", "note"), [({"image_count": 1.0}, ""), ({}, "Deleted at the provider, counted as spent.")]
)
def test_a_picture_deleted_at_the_provider_was_paid(metrics: dict[str, float], note: str) -> None:
    [row] = start(make_campaign(shots=1))
    bring_to(row, GenerationState.SUBMITTING, GenerationState.RENDERING, external_id="p1")
    outcomes.record_report(row, RenderProgress(RenderStatus.GONE, metrics=metrics))
    row.refresh_from_db()
    assert row.state == GenerationState.FAILED
    assert LedgerEntry.objects.get().note == note
    assert spent() == Decimal("0.04")
    balanced()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("times", "state"), [(3, "scoring"), (None, "failed")])
def test_a_download_that_is_cut_is_tried_three_times_more(
    replicate: RunningFake, times: int | None, state: str
) -> None:
    [row] = start(make_campaign(shots=1))

    async def render() -> tuple[str, str]:
        provider = registry.image_provider("replicate")
        submission = await provider.submit(plain_request(row))
        progress = await provider.poll(submission.external_id)
        await registry.close()
        return submission.external_id, progress.output_urls[0]

    external_id, url = asyncio.run(render())
    replicate.script({"on": "delivery", "fault": "truncated", "times": times})
    bring_to(
        row,
        GenerationState.SUBMITTING,
        GenerationState.RENDERING,
        GenerationState.FETCHING,
        external_id=external_id,
        provider_url=url,
    )
    for _ in range(mirror.TRUNCATED_RETRIES + 1):
        Generation.objects.update(due_at=None)
        mirror.mirror_image(row.pk, holder="test")
    row.refresh_from_db()
    assert row.state == state
    assert row.error_kind == ("truncated" if state == "failed" else "")


# --- words and scores that came to nothing --------------------------------------------------


@pytest.mark.django_db
def test_a_score_that_cannot_be_used_is_paid_all_the_same(claude: RunningFake) -> None:
    [row] = start(make_campaign(shots=1))
    with_picture(row)
    claude.script({"on": "message", "fault": "not_json", "times": None})
    assert score_image(row.pk, holder="test")
    row.refresh_from_db()
    assert (row.state, row.error_kind, row.escalated) == ("ready", "unscored", True)
    assert spent(purpose="score", generation=row) == claude.bill > 0
    balanced()


@pytest.mark.django_db
def test_every_try_is_booked_by_itself(claude: RunningFake) -> None:
    """The first answer is malformed, its repair meets an overload: paid, and tried again later."""
    [row] = start(make_campaign(shots=1))
    with_picture(row)
    claude.script(*[{"on": "message", "fault": fault} for fault in ("not_json", "529", "not_json", "529")])
    for _ in range(3):
        Generation.objects.update(due_at=None)
        score_image(row.pk, holder="test")
    row.refresh_from_db()
    assert (row.state, row.passed) == ("ready", True)
    assert spent(purpose="score") == claude.bill
    asked = {key.rpartition(":")[0] for key in LedgerEntry.objects.values_list("key", flat=True)}
    assert len(asked) == 3
    assert LedgerEntry.objects.filter(note__startswith="Not used: Claude is busy").exists()


@pytest.mark.django_db
def test_planning_that_fails_is_paid(claude: RunningFake) -> None:
    campaign = make_campaign(shots=1)
    Campaign.objects.update(planning=Campaign.Planning.WAITING)
    campaign.shots.update(prompt="")
    claude.script({"on": "message", "fault": "missing", "times": None})
    plan_campaign(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.planning == Campaign.Planning.FAILED
    assert spent(purpose="prompt") == claude.bill > 0


@pytest.mark.django_db
def test_a_writer_that_is_busy_is_left_alone_for_as_long_as_it_says_and_the_page_says_so(
    claude: RunningFake, client: Client
) -> None:
    campaign = make_campaign(shots=1)
    Campaign.objects.update(planning=Campaign.Planning.WAITING)
    campaign.shots.update(prompt="")
    claude.script({"on": "message", "fault": "529", "retry_after": 60})
    with pytest.raises(ProviderBusy):
        plan_campaign(campaign.pk)
    plan_campaign(campaign.pk)
    assert claude.state()["calls"] == 1
    assert campaign.created_by is not None
    client.force_login(campaign.created_by)
    page = client.get(reverse("plan", args=[campaign.pk])).content.decode()
    assert "Claude is busy (529). It is asked again by itself" in page
    Lease.objects.update(claimed_until=timezone.now())
    plan_campaign(campaign.pk)
    campaign.refresh_from_db()
    assert (campaign.planning, campaign.planning_note) == ("planned", "")


@pytest.mark.django_db
def test_a_correction_that_fails_is_paid_and_a_person_decides(claude: RunningFake) -> None:
    [row] = start(make_campaign(shots=1, bar="9.5"))
    with_picture(row)
    assert score_image(row.pk, holder="test")
    claude.script({"on": "message", "fault": "529", "retry_after": 40})
    with pytest.raises(ProviderBusy):
        follow_up(row.pk)
    row.refresh_from_db()
    # nobody asks before the time that the provider named
    assert row.claimed_until is not None
    assert row.claimed_until > timezone.now() + timedelta(seconds=30)
    assert Nudge("follow_up", row.pk) not in find_unfinished()
    Generation.objects.update(claimed_until=None)
    claude.script({"on": "message", "fault": "not_json", "times": None})
    assert follow_up(row.pk) is None
    row.refresh_from_db()
    assert row.escalated
    assert spent() == claude.bill
    balanced()


# --- ends that nobody asked for ---------------------------------------------------------------


@pytest.mark.django_db
def test_a_model_that_always_breaks_off_is_not_sent_for_ever() -> None:
    [row] = start(make_campaign(shots=1))
    broken = RenderProgress(RenderStatus.INTERRUPTED, error_kind="infrastructure", error_text="Prediction failed.")
    waits = []
    for sending in range(retries.MAX_INTERRUPTIONS + 1):
        bring_to(row, GenerationState.SUBMITTING, GenerationState.RENDERING, external_id=f"p{sending}")
        outcomes.record_report(row, broken)
        row.refresh_from_db()
        if row.state == "queued":
            assert row.due_at is not None
            waits.append((row.due_at - timezone.now()).total_seconds())
    assert (row.state, row.error_kind, row.attempt) == ("failed", "interrupted", 1)
    assert "interrupted it 6 times" in row.error_text
    assert waits[-1] > waits[0]
    assert spent() == 0
    balanced()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "kind", "state", "paid"),
    [
        (True, "cancelled", "cancelled", Decimal("0.002925")),
        (True, "aborted", "cancelled", Decimal(0)),
        (False, "aborted", "queued", Decimal(0)),
        (False, "cancelled", "failed", Decimal("0.002925")),
    ],
)
def test_a_cancelling_that_nobody_here_asked_for_does_not_end_in_silence(
    asked: bool, kind: str, state: str, paid: Decimal
) -> None:
    [row] = start(make_campaign(shots=1, models=(SDXL,)))
    bring_to(row, GenerationState.SUBMITTING, GenerationState.RENDERING, external_id="p1", cancel_asked=asked)
    metrics = {} if kind == "aborted" else {"predict_time": 3.0}
    outcomes.record_report(row, RenderProgress(RenderStatus.CANCELLED, error_kind=kind, metrics=metrics))
    row.refresh_from_db()
    assert (row.state, spent()) == (state, paid)
    if state == "failed":
        assert "not by Loupe" in row.error_text
        assert Nudge("follow_up", row.pk) in find_unfinished()
    if state != "queued":
        balanced()


@pytest.mark.django_db
def test_a_step_that_fails_by_a_mistake_of_ours_is_parked_with_its_traceback(
    claude: RunningFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    [row] = start(make_campaign(shots=1, bar="9.5"))
    with_picture(row)
    assert score_image(row.pk, holder="test")

    def stumble(*_: Any, **__: Any) -> None:
        raise LookupError("the drawer is empty")

    monkeypatch.setattr(registry.prompt_writer(), "direct", stumble)
    for _ in range(retries.MAX_TRIES + 1):
        assert follow_up(row.pk) is None
        Generation.objects.update(claimed_until=None)
    row.refresh_from_db()
    assert (row.state, row.error_kind, row.escalated, row.followed_up) == ("ready", "parked", True, True)
    assert "the drawer is empty" in row.error_text
    assert row.campaign.created_by is not None
    assert retry_generation(row, by=row.campaign.created_by) == Nudge("follow_up", row.pk)
    monkeypatch.undo()


# --- smaller things ------------------------------------------------------------------------


@pytest.mark.django_db
def test_each_critic_sees_the_picture_in_the_size_it_wants(claude: RunningFake, settings: Settings) -> None:
    [row] = start(make_campaign(shots=1))
    with_picture(row, size=1600)
    assert len(build_score_request(row).image) < len(draw_picture(1600, 1600, 1))
    settings.ANTHROPIC_API_KEY = ""
    registry.reset()
    assert build_score_request(row).image == draw_picture(1600, 1600, 1)


def test_deployments_are_named_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATE_DEPLOYMENTS", "stability-ai/sdxl=acme/sdxl-prod, a/b=acme/c")
    assert environment.pairs("REPLICATE_DEPLOYMENTS") == {"stability-ai/sdxl": "acme/sdxl-prod", "a/b": "acme/c"}
    for wrong in ("sdxl=acme/prod", "a/b", "a/b=", "a/b=c/d/e"):
        monkeypatch.setenv("REPLICATE_DEPLOYMENTS", wrong)
        with pytest.raises(ImproperlyConfigured, match="REPLICATE_DEPLOYMENTS"):
            environment.pairs("REPLICATE_DEPLOYMENTS")


@pytest.mark.django_db(transaction=True)
def test_a_deployment_takes_the_place_of_its_model(replicate: RunningFake, settings: Settings) -> None:
    settings.REPLICATE_DEPLOYMENTS = {FLUX: "acme/flux-prod"}
    [row] = start(make_campaign(shots=1))

    async def send() -> None:
        await registry.image_provider("replicate").submit(plain_request(row))
        await registry.close()

    asyncio.run(send())
    assert replicate.entries()[0]["model"] == "acme/flux-prod"


@pytest.mark.django_db(transaction=True)
def test_a_long_step_keeps_its_claim_and_a_short_one_asks_nothing(django_assert_num_queries: Any) -> None:
    [row] = start(make_campaign(shots=1))
    bring_to(row, *TO_FETCHING)
    claimed = lifecycle.claim(row.pk, state=GenerationState.FETCHING, holder="a", seconds=0.6)
    assert claimed is not None
    with keep_claim_alive(claimed, holder="a", seconds=0.6):
        time.sleep(1.2)
        assert lifecycle.claim(row.pk, state=GenerationState.FETCHING, holder="b", seconds=1) is None
    with django_assert_num_queries(0), keep_claim_alive(claimed, holder="a", seconds=60):
        pass
    Generation.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert lifecycle.claim(row.pk, state=GenerationState.FETCHING, holder="b", seconds=1) is not None


@pytest.mark.django_db
def test_two_who_follow_up_at_once_ask_the_writer_once(claude: RunningFake) -> None:
    [row] = start(make_campaign(shots=1, bar="9.5"))
    with_picture(row)
    assert score_image(row.pk, holder="test")
    asked = claude.state()["calls"]
    assert lifecycle.claim(row.pk, state=GenerationState.READY, holder="another", seconds=20)
    assert follow_up(row.pk) is None
    assert Nudge("follow_up", row.pk) not in find_unfinished()
    Generation.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert Nudge("follow_up", row.pk) in find_unfinished()
    assert follow_up(row.pk) is not None
    assert claude.state()["calls"] == asked + 1
