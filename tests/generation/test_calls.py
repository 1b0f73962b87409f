"""What Claude is asked stands in the table before it is sent: whatever becomes of the answer, its bill is on record."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Sum
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from campaigns.models import Budget, Campaign
from generation.catalogue import bill_usage
from generation.engine import rescoring
from generation.engine.follow_up import follow_up
from generation.engine.nudges import Nudge
from generation.engine.scoring import score_image
from generation.engine.steps import take_step
from generation.engine.sweep import find_unfinished
from generation.models import Generation, LedgerEntry, ModelCall
from generation.money import calls, ledger
from generation.planning.planning import plan_campaign
from generation.providers import registry
from generation.providers.anthropic.client import add_units
from generation.rules.values import OutcomeUnknown, ProviderBusy, ProviderRefused, RewrittenPrompt, Usage
from tests.fakes.pictures import draw_picture
from tests.fakes.running import RunningFake, run_as_process
from tests.generation.engine_fixtures import balanced, engine_room, make_campaign, start
from tests.services.process_forker import ALL


@pytest.fixture
def claude(settings: Settings, fake_anthropic: RunningFake, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningFake]:
    registry.reset()
    settings.ANTHROPIC_API_KEY = "sk-test"
    monkeypatch.setenv("ANTHROPIC_BASE_URL", fake_anthropic.url)
    yield fake_anthropic
    registry.reset()


def waiting_for_its_score(*, bar: str = "1.0") -> Generation:
    [row] = start(make_campaign(shots=1, bar=bar))
    picture = default_storage.save("generations/one.png", ContentFile(draw_picture(64, 64, 1)))
    Generation.objects.filter(pk=row.pk).update(state="scoring", image=picture, sha256="0" * 64, media_type="image/png")
    row.refresh_from_db()
    return row


def spent(provider: str = "anthropic") -> Decimal:
    rows = LedgerEntry.objects.filter(provider=provider)
    return rows.aggregate(total=Sum("amount"))["total"] or Decimal(0)


def let_time_pass() -> None:
    """As if everybody who asked had died long ago."""
    ModelCall.objects.filter(settled_at=None).update(alive_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.both_engines
@pytest.mark.django_db
def test_an_answer_costs_what_the_provider_bills_and_leaves_nothing_open(claude: RunningFake) -> None:
    row = waiting_for_its_score()
    assert score_image(row.pk, holder="test")
    call = ModelCall.objects.get()
    assert call.settled_at is not None
    assert call.generation_id == row.pk
    assert spent() == claude.bill > 0
    # the most that was written down before lies above what came
    for entry in LedgerEntry.objects.filter(provider="anthropic"):
        assert entry.quantity <= call.at_most[entry.unit]
    balanced()


@pytest.mark.django_db
@pytest.mark.parametrize("fault", ["drop_after", "html"])
def test_an_answer_that_was_lost_is_counted_as_spent_and_asked_for_again(claude: RunningFake, fault: str) -> None:
    row = waiting_for_its_score()
    claude.script({"on": "message", "fault": fault})
    assert not score_image(row.pk, holder="test")
    assert spent() > claude.bill >= 0
    assert LedgerEntry.objects.filter(note__startswith="Not used: Claude's answer").exists()
    Generation.objects.update(due_at=None)
    assert score_image(row.pk, holder="test")
    assert spent() > claude.bill > 0
    balanced()


@pytest.mark.django_db
def test_where_nobody_listens_nothing_is_counted(
    claude: RunningFake, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    registry.reset()
    row = waiting_for_its_score()
    assert not score_image(row.pk, holder="test")
    assert spent() == 0
    assert ModelCall.objects.get().settled_at is not None


@pytest.mark.both_engines
@pytest.mark.django_db
def test_a_question_whose_process_died_is_counted_once_and_an_answer_after_all_corrects_it() -> None:
    campaign = make_campaign(shots=1)
    most = Usage("anthropic", "claude-haiku-5-5", {"input_token": 4_000, "output_token": 4_000})
    call = calls.open_call(
        most, expected=Decimal("0.01"), purpose="prompt", workspace=campaign.workspace, campaign=campaign
    )
    assert set(Budget.objects.values_list("reserved", flat=True)) == {Decimal("0.01")}
    assert Nudge("count", call.pk) not in find_unfinished()
    take_step(Nudge("count", call.pk), holder="test")
    assert spent() == 0
    let_time_pass()
    assert Nudge("count", call.pk) in find_unfinished()
    for _ in range(2):
        take_step(Nudge("count", call.pk), holder="test")
    assert spent() == Decimal("0.0024")
    assert set(LedgerEntry.objects.values_list("note", flat=True)) == {"Outcome unknown, counted as spent."}
    balanced()
    for _ in range(2):
        calls.settle_call(call, {"input_token": 1_000, "output_token": 100, "cache_read_token": 1_000})
    assert spent() == Decimal("0.00016")
    balanced()


UNITS = ("input_token", "output_token", "cache_read_token", "cache_write_token")


@pytest.mark.both_engines
@pytest.mark.django_db
@given(
    requests=st.lists(st.dictionaries(st.sampled_from(UNITS), st.integers(1, 5_000)), min_size=1, max_size=3),
    died=st.booleans(),
)
def test_an_answer_of_several_requests_costs_what_their_bills_come_to(
    requests: list[dict[str, int]], died: bool
) -> None:
    """To the micro-dollar: each request is rounded by itself, also where it was counted as spent before."""
    campaign = Campaign.objects.first() or make_campaign(shots=1)
    LedgerEntry.objects.all().delete()
    usage = Usage("anthropic", "claude-haiku-5-5")
    for request in requests:
        usage = add_units(usage, request)
    call = calls.open_call(
        add_units(usage, {"output_token": 777}),
        expected=Decimal("0.01"),
        purpose="prompt",
        workspace=campaign.workspace,
        campaign=campaign,
    )
    if died:
        let_time_pass()
        calls.count_as_spent(call.pk)
    calls.settle_call(call, usage.units, requests=usage.requests)
    bills = [bill_usage(Usage("anthropic", "claude-haiku-5-5", request)) for request in requests]
    assert spent() == sum((line.amount for bill in bills for line in bill), Decimal(0))


@pytest.mark.both_engines
@pytest.mark.django_db
def test_an_answer_that_was_mended_is_booked_as_it_was_billed(claude: RunningFake) -> None:
    """Two requests, two bills; their tokens taken together would round to another millionth now and then."""
    campaign = make_campaign(shots=1)
    for number in range(8):
        claude.script({"on": "message", "fault": "not_json"})
        calls.ask(
            lambda number=number: registry.prompt_writer().soften(prompt="Headphones " * number, refusal="flagged"),
            purpose="prompt",
            workspace=campaign.workspace,
            campaign=campaign,
        )
        assert spent() == claude.bill
    assert len(claude.entries("calls")) == 16


@pytest.mark.django_db
def test_it_stands_in_the_table_before_it_is_sent(claude: RunningFake) -> None:
    campaign = make_campaign(shots=1)
    writer = registry.prompt_writer()
    seen: list[Decimal] = []

    def ask_and_look() -> RewrittenPrompt:
        answer = writer.soften(prompt="Headphones", refusal="flagged")
        assert ModelCall.objects.get().settled_at is None
        seen.extend(Budget.objects.values_list("reserved", flat=True))
        return answer

    calls.ask(ask_and_look, purpose="prompt", workspace=campaign.workspace, campaign=campaign)
    assert len(seen) == 2
    assert min(seen) > 0
    balanced()


# --- budgets -------------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.django_db
def test_where_the_budget_is_spent_no_words_are_bought(claude: RunningFake) -> None:
    campaign = make_campaign(shots=2)
    campaign.shots.update(prompt="")
    Campaign.objects.update(planning=Campaign.Planning.WAITING)
    ledger.set_limit(workspace=campaign.workspace, campaign=campaign, limit=Decimal("0.001"))
    plan_campaign(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.planning == Campaign.Planning.FAILED
    assert "budget of this campaign" in campaign.planning_note
    assert claude.state()["calls"] == 0
    assert spent() == 0
    balanced()


@pytest.mark.django_db
def test_no_correction_is_written_for_a_render_that_the_budget_does_not_allow(claude: RunningFake) -> None:
    row = waiting_for_its_score(bar="9.5")
    assert score_image(row.pk, holder="test")
    ledger.set_limit(workspace=row.workspace, campaign=row.campaign, limit=Decimal("0.03"))
    asked = claude.state()["calls"]
    assert follow_up(row.pk) is None
    row.refresh_from_db()
    assert (row.escalated, row.error_kind) == (True, "budget")
    assert claude.state()["calls"] == asked
    assert spent() == claude.bill


# --- batches -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_batch_whose_id_was_lost_is_counted_and_one_that_is_collected_costs_its_bill(claude: RunningFake) -> None:
    row = waiting_for_its_score()
    assert score_image(row.pk, holder="test")
    before = spent()
    next(rescoring.send_rescoring([row.pk], campaign=row.campaign))
    ModelCall.objects.filter(settled_at=None).update(batch="")  # the process died before it wrote the id
    let_time_pass()
    for nudge in find_unfinished():
        take_step(nudge, holder="test")
    assert spent() > claude.bill > before
    batch = next(rescoring.send_rescoring([row.pk], campaign=row.campaign))
    counted = spent()
    for _ in range(2):
        assert [done.problem for done in rescoring.collect_rescoring(batch, campaign=row.campaign, pause=print)] == [""]
    assert counted < spent() < counted + Decimal("0.001")
    assert not ModelCall.objects.filter(settled_at=None).exists()
    balanced()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "error", "open_"), [("401", ProviderRefused, 0), ("529", ProviderBusy, 0), ("drop", OutcomeUnknown, 1)]
)
def test_a_batch_that_was_not_taken_costs_nothing_and_one_that_may_have_been_stays_open(
    claude: RunningFake, fault: str, error: type[Exception], open_: int
) -> None:
    row = waiting_for_its_score()
    claude.script({"on": "batch", "fault": fault})
    with pytest.raises(error):
        next(rescoring.send_rescoring([row.pk], campaign=row.campaign))
    assert spent() == 0
    assert ModelCall.objects.filter(settled_at=None).count() == open_


# --- kill -9 -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_killed_between_claudes_answer_and_our_commit(
    process_environment: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    """Real processes: the worker dies with the answer in its hands, and once before it. No charge is lost."""
    start(make_campaign(shots=6, bar="7.5"))
    crashes = {"after_answer": {"times": 4}, "before_answer": {"times": 1}}
    with run_as_process("anthropic") as claude:
        # every picture is too weak once: scores and corrections are asked for
        weak = {
            name: {"score": 4, "reason": "Weak."} for name in ("composition", "relevance", "coherence", "mood_match")
        }
        claude.script({"on": "message", "model": "haiku", "fault": "answer", "content": weak, "times": 5})
        room_for = engine_room(
            process_environment,
            folder=tmp_path,
            redis_url=redis_url,
            pace=8,
            crashes=crashes,
            ANTHROPIC_API_KEY="sk-test",
            ANTHROPIC_BASE_URL=claude.url,
        )
        with room_for as room:
            room.forker.start(*ALL)
            room.drain(seconds=60)
            assert room.forker.crashed() == {"after_answer": 4, "before_answer": 1}
            left = ModelCall.objects.filter(settled_at=None).count()
            assert left >= 1
            let_time_pass()
            room.wait_for(lambda: not ModelCall.objects.filter(settled_at=None).exists())
            billed = claude.bill
        exact = spent() - (LedgerEntry.objects.filter(note=calls.COUNTED).aggregate(t=Sum("amount"))["t"] or 0)
        assert exact < billed <= spent()
        assert Generation.objects.filter(state="ready").exists()
    balanced()
