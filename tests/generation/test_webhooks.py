"""The webhook door: what is believed, what is stored, and that nothing hostile, late or doubled moves anything."""

import itertools
import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from standardwebhooks import Webhook

from campaigns import services as campaigns
from campaigns.accounts import membership
from campaigns.models import Budget, Campaign, User
from generation import lifecycle
from generation.engine import deliveries, endings, outcomes
from generation.engine.nudges import Nudge
from generation.engine.outcomes import Submitted
from generation.engine.render_requests import plain_request
from generation.engine.steps import take_step
from generation.engine.sweep import find_unfinished
from generation.lifecycle import ClaimedGeneration
from generation.models import Generation, GenerationEvent, GenerationState, LedgerEntry, WebhookDelivery
from generation.money import ledger
from generation.planning import runs
from generation.providers import registry
from generation.rules.values import OutcomeUnknown, ProviderBusy, RenderProgress, RenderStatus, Submission
from generation.views import webhooks
from tests.fakes.running import RunningFake

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MODEL = "black-forest-labs/flux-1.1-pro"
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def door(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[Nudge]:
    """Replicate is set up; nudges are collected instead of sent."""
    settings.REPLICATE_API_TOKEN = "r8_test"
    settings.REPLICATE_WEBHOOK_SECRET = SECRET
    settings.LOUPE_PUBLIC_URL = "https://loupe.example"
    sent: list[Nudge] = []
    monkeypatch.setattr(webhooks, "send_nudge", sent.append)
    registry.reset()
    webhooks.secrets.forget()
    yield sent
    registry.reset()
    webhooks.secrets.forget()


@pytest.fixture
def campaign(db: None) -> Campaign:
    return make_campaign(shots=2)


def make_campaign(*, shots: int, name: str = "Aurora") -> Campaign:
    admin = User.objects.create_user(email=f"ada{next(_numbers)}@example.com", name="Ada")
    workspace = membership.create_workspace(name=name, admin=admin)
    campaign = campaigns.create_campaign(workspace=workspace, title="Launch", by=admin)
    campaigns.add_shots(
        campaign=campaign,
        shots=[{"title": f"Shot {n}", "prompt": f"A plinth, view {n}", "model": MODEL} for n in range(shots)],
    )
    ledger.set_limit(workspace=workspace, campaign=None, limit=Decimal(10_000))
    campaigns.finish_planning(campaign=campaign)
    return campaign


def start(campaign: Campaign) -> list[Generation]:
    return runs.start_run(campaign, by=campaign.created_by)


def send(row: Generation, *, external_id: str) -> Generation:
    """Bring a queued generation to rendering."""
    lifecycle.move(row, to=GenerationState.SUBMITTING)
    taken(row, external_id)
    row.refresh_from_db()
    return row


def taken(row: Generation, external_id: str) -> list[tuple[str, str]]:
    """The provider took it: the answer of the POST is written."""
    values = [getattr(row, name) for name in ClaimedGeneration._fields]
    submission = Submission(external_id=external_id, estimated_seconds=4.0)
    return outcomes.record_submissions([Submitted(ClaimedGeneration(*values), submission, time.monotonic())])


def body_of(row: Generation, *, external_id: str = "", status: str = "succeeded", **fields: Any) -> dict[str, Any]:
    external_id = external_id or row.external_id
    return {
        "id": external_id,
        "model": row.model,
        "version": "hidden",
        "status": status,
        "input": {"prompt": row.prompt, "seed": row.seed},
        "output": f"https://replicate.delivery/{external_id}.png" if status == "succeeded" else None,
        "error": None,
        "metrics": {"image_count": 1, "predict_time": 3.5},
        **fields,
    }


def deliver(
    content: dict[str, Any],
    *,
    attempt: str,
    number: str = "",
    secret: str = SECRET,
    age: timedelta = timedelta(),
    spoil: Callable[[bytes], bytes] = bytes,
    headers: dict[str, str] | None = None,
) -> int:
    body = json.dumps(content)
    at = datetime.now(UTC) - age
    number = number or f"msg_{next(_numbers)}"
    signed = {
        "webhook-id": number,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(number, at, body),
        **(headers or {}),
    }
    query = f"?attempt={attempt}" if attempt else ""
    return (
        Client(enforce_csrf_checks=True)
        .post(
            reverse("replicate-webhook") + query,
            spoil(body.encode()),
            content_type="application/json",
            headers=signed,
        )
        .status_code
    )


def handle_all() -> list[Nudge]:
    following = [
        take_step(Nudge("delivery", pk), holder="test") for pk in deliveries.unhandled_deliveries(limit=10_000)
    ]
    return [nudge for step in following for nudge in step]


@pytest.mark.django_db
def test_the_end_of_a_render_is_stored_then_applied_once(
    campaign: Campaign, door: list[Nudge], django_capture_on_commit_callbacks: Any
) -> None:
    row, _ = start(campaign)
    send(row, external_id="pred1")
    with django_capture_on_commit_callbacks(execute=True):
        assert deliver(body_of(row), attempt=row.pk, number="msg_a") == 200
    stored = WebhookDelivery.objects.get()
    assert door == [Nudge("delivery", stored.pk)]
    row.refresh_from_db()
    assert row.state == GenerationState.RENDERING, "the door itself moves nothing"
    assert handle_all() == [Nudge("mirror", row.pk)]
    row.refresh_from_db()
    assert row.state == GenerationState.FETCHING
    assert ledger.cost_of(row) == Decimal("0.04")
    assert "input" not in stored.body or "prompt" not in stored.body["input"]
    for _ in range(50):
        assert deliver(body_of(row), attempt=row.pk, number="msg_a") == 200
    assert WebhookDelivery.objects.count() == 1
    assert handle_all() == []
    assert take_step(Nudge("delivery", stored.pk), holder="test") == []
    assert LedgerEntry.objects.count() == 1


@pytest.mark.django_db
def test_a_lost_nudge_is_found_by_the_sweep(campaign: Campaign) -> None:
    row, _ = start(campaign)
    send(row, external_id="pred1")
    deliver(body_of(row), attempt=row.pk)
    assert find_unfinished() == [Nudge("delivery", WebhookDelivery.objects.get().pk)]
    handle_all()
    assert find_unfinished() == [Nudge("mirror", row.pk)]


@pytest.mark.django_db
def test_forged_old_altered_and_malformed_are_refused(campaign: Campaign) -> None:
    row, _ = start(campaign)
    send(row, external_id="pred1")
    content = body_of(row)
    assert deliver(content, attempt=row.pk, secret="whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD") == 401
    assert deliver(content, attempt=row.pk, age=timedelta(minutes=6)) == 401
    assert deliver(content, attempt=row.pk, age=-timedelta(minutes=6)) == 401
    assert deliver(content, attempt=row.pk, spoil=lambda body: body.replace(b"succeeded", b"failed   ")) == 401
    assert deliver(content, attempt=row.pk, headers={"webhook-signature": "v1,"}) == 401
    assert deliver(content, attempt=row.pk, headers={"webhook-timestamp": "nan"}) == 401
    assert deliver(content, attempt=row.pk, headers={"webhook-id": "x" * 121}) == 401
    assert deliver(content, attempt=row.pk, spoil=lambda body: b"x" * 3_000_000) == 413
    assert Client().get(reverse("replicate-webhook")).status_code == 405
    assert not WebhookDelivery.objects.exists()


@pytest.mark.django_db
def test_an_unknown_attempt_touches_no_row(campaign: Campaign) -> None:
    row, _ = start(campaign)
    send(row, external_id="pred1")
    content = body_of(row)
    for attempt in ("gen_01ARZ3NDEKTSV4RRFFQ69G5FAV", "gen_%00", "1 OR 1=1", "../../etc"):
        assert deliver(content, attempt=attempt) == 404
    assert deliver(body_of(row, external_id="unknown"), attempt="") == 404
    assert deliver({**content, "id": ["pred1"]}, attempt="") == 404
    assert deliver({**content, "id": "pred\0"}, attempt=row.pk) == 404
    assert not WebhookDelivery.objects.exists()
    assert deliver(content, attempt="") == 200, "by the provider's id alone"


@pytest.mark.django_db
def test_one_generation_cannot_be_given_anothers_prediction(campaign: Campaign) -> None:
    row, other = start(campaign)
    send(row, external_id="pred1")
    [foreign] = start(make_campaign(shots=1, name="Borealis"))
    send(foreign, external_id="pred9")
    assert deliver(body_of(foreign), attempt=row.pk) == 404
    assert deliver(body_of(row), attempt=foreign.pk) == 404
    # waiting for its answer, and offered what belongs to a colleague, or what it never asked for
    lifecycle.move(other, to=GenerationState.SUBMITTING)
    assert deliver(body_of(row), attempt=other.pk) == 404
    assert deliver(body_of(other, external_id="pred5", model="google/imagen-4"), attempt=other.pk) == 404
    assert deliver(body_of(other, external_id="pred5", input={"prompt": "a cat", "seed": 1}), attempt=other.pk) == 404
    assert deliver(body_of(other, external_id="pred5", input={}), attempt=other.pk) == 404
    assert not WebhookDelivery.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("state", [GenerationState.SUBMITTING, GenerationState.IN_DOUBT, GenerationState.QUEUED])
def test_a_report_before_our_id_is_saved_attaches_it(campaign: Campaign, state: GenerationState) -> None:
    row, _ = start(campaign)
    lifecycle.move(row, to=GenerationState.SUBMITTING)
    held = Generation.objects.select_related("workspace", "campaign", "shot").get(pk=row.pk)
    if state is not GenerationState.SUBMITTING:
        endings.end_submission(row, OutcomeUnknown("cut"))
    if state is GenerationState.QUEUED:
        outcomes.record_found(row, None)
    assert deliver(body_of(row, external_id="pred1"), attempt=row.pk) == 200
    assert handle_all() == [Nudge("mirror", row.pk)]
    row.refresh_from_db()
    assert (row.state, row.external_id, ledger.cost_of(row)) == (GenerationState.FETCHING, "pred1", Decimal("0.04"))
    # and the answer of the POST, when it comes at last, finds it done
    assert taken(held, "pred1") == []
    row.refresh_from_db()
    assert row.state == GenerationState.FETCHING


@pytest.mark.django_db
def test_late_news_of_an_earlier_sending_is_not_taken_for_the_present_one(campaign: Campaign) -> None:
    row, _ = start(campaign)
    send(row, external_id="pred1")
    outcomes.record_report(row, RenderProgress(RenderStatus.INTERRUPTED, error_text="please retry"))
    row.refresh_from_db()
    assert (row.state, row.external_id, row.earlier_ids) == (GenerationState.QUEUED, "", ["pred1"])
    lifecycle.move(row, to=GenerationState.SUBMITTING)
    assert (
        deliver(body_of(row, external_id="pred1", status="failed", error="Prediction failed."), attempt=row.pk) == 200
    )
    assert handle_all() == []
    row.refresh_from_db()
    assert row.state == GenerationState.SUBMITTING
    taken(row, "pred2")
    row.refresh_from_db()
    assert deliver(body_of(row, external_id="pred1"), attempt=row.pk) == 200
    assert handle_all() == []
    row.refresh_from_db()
    assert (row.state, row.external_id) == (GenerationState.RENDERING, "pred2")


@pytest.mark.django_db
def test_out_of_order_and_unreadable_news_moves_nothing_back(campaign: Campaign) -> None:
    row, _ = start(campaign)
    send(row, external_id="pred1")
    for status in ("dancing", "processing", "succeeded", "starting", "processing", "failed", "canceled", "succeeded"):
        assert deliver(body_of(row, status=status), attempt=row.pk) == 200
        handle_all()
    row.refresh_from_db()
    assert row.state == GenerationState.FETCHING
    assert LedgerEntry.objects.count() == 1
    assert not WebhookDelivery.objects.filter(handled_at__isnull=True).exists()


@pytest.mark.django_db
def test_a_body_that_no_database_takes_is_kept_harmlessly(campaign: Campaign) -> None:
    row, other = start(campaign)
    send(row, external_id="pred1")
    send(other, external_id="pred2")
    strange = body_of(row, error="nul \0 and \ud800", metrics={"image_count": float("nan"), "a\0": 1e999})
    assert deliver(strange, attempt=row.pk) == 200
    assert handle_all() == [Nudge("mirror", row.pk)]
    absurd = body_of(other, metrics={"image_count": 1e300})
    assert deliver(absurd, attempt=other.pk) == 200
    handle_all()
    assert find_unfinished() == [Nudge("mirror", row.pk)], "given up here; a look will tell"


@pytest.mark.django_db
def test_the_secret_is_fetched_once_where_the_settings_have_none(
    campaign: Campaign, settings: Any, fake_replicate: RunningFake
) -> None:
    settings.REPLICATE_WEBHOOK_SECRET = ""
    settings.REPLICATE_BASE_URL = fake_replicate.url
    row, _ = start(campaign)
    send(row, external_id="pred1")
    assert deliver(body_of(row), attempt=row.pk) == 200
    settings.REPLICATE_API_TOKEN = ""
    webhooks.secrets.forget()
    assert deliver(body_of(row), attempt=row.pk) == 503, "without a secret nothing is believed"


@pytest.mark.django_db
def test_reports_are_asked_for_only_where_the_provider_can_reach_us(campaign: Campaign, settings: Any) -> None:
    row, _ = start(campaign)
    settings.LOUPE_PUBLIC_URL = "https://loupe.example"
    assert plain_request(row).webhook_url == f"https://loupe.example/webhooks/replicate/?attempt={row.pk}"
    settings.LOUPE_PUBLIC_URL = ""
    assert plain_request(row).webhook_url is None


@pytest.mark.django_db
def test_with_reports_the_looks_are_rarer_but_come(campaign: Campaign, settings: Any) -> None:
    reported = [outcomes.wait_before_poll("replicate", polls=n, estimated_seconds=4.0) for n in range(6)]
    settings.LOUPE_PUBLIC_URL = ""
    polled = [outcomes.wait_before_poll("replicate", polls=n, estimated_seconds=4.0) for n in range(6)]
    assert polled[0] == 4.0
    assert max(polled) == 8.0
    assert all(later > sooner for later, sooner in zip(reported, polled, strict=True))
    assert max(reported) <= 30
    row, _ = start(campaign)
    send(row, external_id="pred1")
    Generation.objects.filter(pk=row.pk).update(due_at=None)
    assert [look.generation_id for look in outcomes.due_polls(limit=5)] == [row.pk]
    assert outcomes.due_polls(limit=5, besides=[row.pk]) == [], "it is being looked at"


def hostile_delivery(rng: random.Random, rows: list[Generation], sent: list[tuple[str, dict[str, Any], str]]) -> int:
    """One delivery of a hostile crowd; what is genuine about it is that the sender never has the secret."""
    row = rng.choice(rows)
    status = rng.choice(["succeeded", "failed", "canceled", "aborted", "processing", "starting", "x"])
    content = body_of(row, external_id=row.external_id or f"guess{rng.randrange(10**6)}", status=status)
    kind = rng.choice(["forged", "old", "altered", "swapped", "replayed", "redirected", "unsigned", "garbage"])
    if kind == "replayed" and sent:
        number, genuine, attempt = rng.choice(sent)
        return deliver(genuine, attempt=attempt, number=number)
    if kind == "redirected" and sent:
        number, genuine, attempt = rng.choice(sent)
        return deliver(genuine, attempt=rng.choice([other.pk for other in rows if other.pk != attempt]), number=number)
    if kind == "old":
        return deliver(content, attempt=row.pk, age=timedelta(seconds=rng.randrange(301, 10**6)))
    if kind == "altered":
        place = rng.randrange(10, 60)
        flip = lambda body: body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]  # noqa: E731
        return deliver(content, attempt=row.pk, spoil=flip)
    if kind == "swapped":
        return deliver(content, attempt=row.pk, headers={"webhook-id": f"msg_{rng.random()}"})
    if kind == "unsigned":
        return deliver(content, attempt=row.pk, headers={"webhook-signature": ""})
    if kind == "garbage":
        return deliver(content, attempt=row.pk, spoil=lambda body: rng.randbytes(rng.randrange(2_000)))
    return deliver(content, attempt=row.pk, secret="whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")


def attack(*, deliveries_sent: int, seed: int = 20) -> dict[str, int]:
    """Hostile deliveries over generations in every state, genuine ones between them: R5 of the reliability targets.

    Returns counts; raises AssertionError at the first wrong transition.
    """
    rng = random.Random(seed)
    campaign = make_campaign(shots=60)
    rows = start(campaign)
    for number, row in enumerate(rows[:50]):
        send(row, external_id=f"pred{number}")
    for row in rows[50:55]:
        lifecycle.move(row, to=GenerationState.SUBMITTING)
    sent: list[tuple[str, dict[str, Any], str]] = []
    finished: dict[str, str] = {}
    answers: dict[int, int] = {}
    for number in range(deliveries_sent):
        status = hostile_delivery(rng, rows, sent)
        answers[status] = answers.get(status, 0) + 1
        if number % max(1, deliveries_sent // 40) == 0 and len(finished) < 40:
            row = rows[len(finished)]
            outcome = rng.choice(["succeeded", "failed", "canceled"])
            genuine = body_of(row, status=outcome, error="CUDA out of memory (E1001)" if outcome == "failed" else None)
            assert deliver(genuine, attempt=row.pk, number=f"genuine{number}") == 200
            sent.append((f"genuine{number}", genuine, row.pk))
            finished[row.pk] = {"succeeded": "fetching", "failed": "failed", "canceled": "failed"}[outcome]
        handle_all()
    before = {row.pk: row.state for row in rows}
    wrong = [
        row.pk
        for row in Generation.objects.filter(campaign=campaign)
        if row.state != finished.get(row.pk, before[row.pk])
    ]
    assert not wrong
    paid = sum(state == "fetching" for state in finished.values())
    assert LedgerEntry.objects.filter(campaign=campaign).count() == paid
    assert WebhookDelivery.objects.count() == len(finished)
    last_steps = GenerationEvent.objects.filter(generation__campaign=campaign, to__in=set(finished.values())).count()
    assert last_steps == len(finished)
    budget = Budget.objects.get(workspace=campaign.workspace)
    assert budget.spent == Decimal("0.04") * paid
    return answers


@pytest.mark.django_db
def test_a_thousand_hostile_deliveries_move_nothing() -> None:
    answers = attack(deliveries_sent=1_000)
    assert set(answers) <= {200, 401, 404}
    assert answers[401] > 500


@pytest.mark.django_db
def test_a_provider_that_cannot_be_asked_for_its_secret_is_not_asked_by_every_stranger(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REPLICATE_WEBHOOK_SECRET = ""
    asked = []

    async def refuse() -> str:
        asked.append(1)
        raise ProviderBusy("later")

    monkeypatch.setattr(webhooks, "_ask_for_secret", refuse)
    for _ in range(20):
        assert deliver({"id": "x"}, attempt="") == 503
    assert len(asked) == 1
