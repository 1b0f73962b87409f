"""Pictures scored anew, one by one or in batches at half the price: new scores, same states, every token booked."""

from collections.abc import Iterator
from decimal import Decimal
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db.models import Sum
from pytest_django import Settings

from campaigns.models import Campaign
from generation.models import Generation, GenerationEvent, LedgerEntry
from generation.providers import registry
from generation.providers.anthropic import batches
from tests.fakes.pictures import draw_picture
from tests.fakes.running import RunningFake
from tests.generation.engine_fixtures import make_campaign, start


@pytest.fixture
def campaign(db: None) -> Campaign:
    campaign = make_campaign(shots=3)
    picture = default_storage.save("generations/one.png", ContentFile(draw_picture(64, 64, 1)))
    for row in start(campaign):
        Generation.objects.filter(pk=row.pk).update(
            state="ready", image=picture, sha256="0" * 64, media_type="image/png", average="3.00", passed=False
        )
    return campaign


@pytest.fixture
def claude(settings: Settings, fake_anthropic: RunningFake, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningFake]:
    registry.reset()
    settings.ANTHROPIC_API_KEY = "sk-test"
    monkeypatch.setenv("ANTHROPIC_BASE_URL", fake_anthropic.url)
    monkeypatch.setattr(batches, "POLL_SECONDS", 0.01)
    yield fake_anthropic
    registry.reset()


def rescore(campaign: Campaign, *options: str) -> str:
    said = StringIO()
    call_command("rescore", "--campaign", str(campaign.pk), *options, stdout=said)
    return said.getvalue()


def spent() -> Decimal:
    return LedgerEntry.objects.filter(purpose="score").aggregate(total=Sum("amount"))["total"] or Decimal(0)


@pytest.mark.parametrize("options", [(), ("--batch",)])
def test_new_scores_same_states(campaign: Campaign, claude: RunningFake, options: tuple[str, ...]) -> None:
    events = GenerationEvent.objects.count()
    assert "3 of 3 pictures scored anew." in rescore(campaign, *options)
    for row in Generation.objects.all():
        assert (row.state, row.average, row.passed) == ("ready", Decimal("8.00"), True)
        assert row.scores.count() == 1
    assert GenerationEvent.objects.count() == events
    assert abs(spent() - claude.bill) < Decimal("0.00001")


def test_a_batch_costs_half_and_is_booked_once(campaign: Campaign, claude: RunningFake) -> None:
    rescore(campaign, "--batch")
    half = spent()
    assert rescore(campaign, "--resume", "msgbatch_fake0001").strip().endswith("3 of 3 pictures scored anew.")
    assert spent() == half
    rescore(campaign)
    # the same pictures and the same words once more; only the rubric is in the cache by now
    assert spent() - half > half


def test_an_answer_that_cannot_be_used_leaves_the_old_score(campaign: Campaign, claude: RunningFake) -> None:
    claude.script({"on": "message", "fault": "out_of_range"}, {"on": "message", "fault": "529"})
    said = rescore(campaign, "--batch")
    assert "1 of 3 pictures scored anew." in said
    assert said.count("keeps its old score") == 2
    assert Generation.objects.filter(average="3.00").count() == 2
    assert abs(spent() - claude.bill) < Decimal("0.00001")


def test_the_local_critic_needs_no_batches(campaign: Campaign) -> None:
    registry.reset()
    with pytest.raises(CommandError, match="leave --batch away"):
        rescore(campaign, "--batch")
    assert "3 of 3" in rescore(campaign)
    assert spent() == 0
    with pytest.raises(CommandError, match="no campaign 999"):
        call_command("rescore", "--campaign", "999")
