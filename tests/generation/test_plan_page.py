"""The plan: cards, preflight, one start. Through HTTP."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from campaigns.models import Campaign, Membership, Shot
from generation.models import Generation, Heartbeat, Reservation
from generation.money import ledger
from generation.money.pricing import BUFFER
from generation.planning import runs
from generation.planning.estimates import estimate_start
from tests import factories

pytestmark = pytest.mark.django_db

FLUX = "black-forest-labs/flux-1.1-pro"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def member(client: Client) -> Membership:
    membership: Membership = factories.MembershipFactory()
    client.force_login(membership.user)
    return membership


@pytest.fixture
def campaign(member: Membership) -> Campaign:
    made: Campaign = factories.CampaignFactory(workspace=member.workspace, title="Aurora launch")
    return made


def fields_of(shot: Shot, **changes: str) -> dict[str, str]:
    """The form of a card as the browser sends it."""
    fields = {
        "title": shot.title,
        "description": shot.description,
        "kind": shot.kind,
        "mood": shot.mood,
        "ratio": "16:9",
        "prompt": shot.prompt,
        "negative_prompt": shot.negative_prompt,
        "model": shot.model if shot.model_overridden else "",
        **changes,
    }
    action = {"action": fields.pop("action")} if "action" in fields else {}
    return action | {f"shot-{shot.pk}-{name}": value for name, value in fields.items()}


def address(shot: Shot) -> str:
    return reverse("edit-shot", args=[shot.campaign_id, shot.pk])


def test_while_the_brief_is_read_the_page_polls_and_then_reloads_itself(client: Client, campaign: Campaign) -> None:
    Campaign.objects.update(planning=Campaign.Planning.WAITING)
    page = reverse("plan", args=[campaign.pk])
    assert "Reading the brief" in client.get(page).content.decode()
    fragment = client.get(page, headers=HTMX).content.decode()
    assert 'hx-trigger="every 2s"' in fragment
    assert "<html" not in fragment
    factories.ShotFactory(campaign=campaign)
    factories.ShotFactory(campaign=campaign, unwritten=True)
    assert "1 of 2" in client.get(page, headers=HTMX).content.decode()
    Campaign.objects.update(planning=Campaign.Planning.PLANNED)
    assert client.get(page, headers=HTMX)["HX-Refresh"] == "true"


def test_the_page_says_when_the_worker_is_not_running(client: Client, campaign: Campaign) -> None:
    Campaign.objects.update(planning=Campaign.Planning.WAITING)
    page = reverse("plan", args=[campaign.pk])
    assert "Nothing is rendered" in client.get(page, headers=HTMX).content.decode()
    for name in ("conductor", "worker-cpu", "worker-io"):
        Heartbeat.objects.create(name=name, at=timezone.now())
    assert "Nobody" not in client.get(page, headers=HTMX).content.decode()


def test_a_brief_that_could_not_be_read_is_tried_again(
    client: Client,
    campaign: Campaign,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("generation.views.plan.send_nudge", sent.append)
    Campaign.objects.update(planning=Campaign.Planning.FAILED, planning_note="The writer was out of order.")
    page = client.get(reverse("plan", args=[campaign.pk])).content.decode()
    assert "The writer was out of order." in page
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("plan-again", args=[campaign.pk]))
    campaign.refresh_from_db()
    assert campaign.planning == Campaign.Planning.WAITING
    assert [nudge.subject for nudge in sent] == [campaign.pk]
    client.post(reverse("plan-again", args=[campaign.pk]), {"by_hand": "yes"})
    campaign.refresh_from_db()
    assert campaign.planning == Campaign.Planning.WAITING  # only a failed one is taken over by hand


def test_a_card_saves_by_itself_and_the_price_follows(client: Client, campaign: Campaign, settings: Any) -> None:
    settings.REPLICATE_API_TOKEN = "r8_test"
    shot = factories.ShotFactory(campaign=campaign)
    assert "free" in client.get(reverse("plan", args=[campaign.pk])).content.decode()
    answer = client.post(address(shot), fields_of(shot, title="New title", model=FLUX, ratio="1:1"), headers=HTMX)
    shot.refresh_from_db()
    assert answer.status_code == 200
    assert (shot.title, shot.model, shot.model_overridden) == ("New title", FLUX, True)
    assert (shot.width, shot.height) == (1024, 1024)
    assert "chose FLUX 1.1 pro" in shot.model_reason
    page = answer.content.decode()
    assert page.count("hx-swap-oob") == 3
    assert "$0.04" in page
    # back to the router's own choice
    client.post(address(shot), fields_of(shot, model="", kind="draft", ratio="1:1"), headers=HTMX)
    shot.refresh_from_db()
    assert not shot.model_overridden
    assert shot.model != FLUX


def test_a_card_saves_without_javascript(client: Client, campaign: Campaign) -> None:
    shot = factories.ShotFactory(campaign=campaign)
    answer = client.post(address(shot), fields_of(shot, prompt="A better prompt"))
    assert answer.status_code == 302
    assert answer["Location"].endswith(f"#shot-{shot.pk}")
    shot.refresh_from_db()
    assert shot.prompt == "A better prompt"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("title", "", "required"),
        ("title", "t" * 161, "at most 160"),
        ("prompt", "p" * 4001, "4,000 is the limit"),
        ("model", "no/such", "cannot be asked here"),
        ("kind", "poem", "not one of the available choices"),
        ("ratio", "17:3", "not one of the available choices"),
    ],
)
def test_a_bad_card_is_refused_and_says_why(
    client: Client, campaign: Campaign, field: str, value: str, words: str
) -> None:
    shot = factories.ShotFactory(campaign=campaign)
    for headers in ({}, HTMX):
        answer = client.post(
            address(shot), fields_of(shot, description="Typed just now", **{field: value}), headers=headers
        )
        assert answer.status_code == 422
        assert words in answer.content.decode()
        if not headers:
            assert "Typed just now" in answer.content.decode()
    before = shot.description
    shot.refresh_from_db()
    assert shot.description == before


def test_a_prompt_is_rewritten_from_the_words_of_the_card(client: Client, campaign: Campaign) -> None:
    shot = factories.ShotFactory(campaign=campaign, prompt="old")
    fields = fields_of(shot, description="The headphones on wet slate in the rain", action="rewrite")
    page = client.post(address(shot), fields, headers=HTMX).content.decode()
    shot.refresh_from_db()
    assert "slate" in shot.prompt
    assert f'id="shot-{shot.pk}"' in page


def test_a_shot_is_removed_and_added(client: Client, campaign: Campaign) -> None:
    shot = factories.ShotFactory(campaign=campaign)
    page = client.post(address(shot), {"action": "remove"}, headers=HTMX).content.decode()
    shot.refresh_from_db()
    assert shot.removed_at
    assert "Nothing to start" in page
    assert client.post(address(shot), fields_of(shot)).status_code == 404
    added = {"new-title": "Square", "new-kind": "social", "new-ratio": "1:1", "new-description": "Flat on linen"}
    client.post(reverse("add-shot", args=[campaign.pk]), added)
    new = campaign.shots.get(title="Square")
    assert new.prompt
    assert new.model
    assert (new.width, new.height) == (1024, 1024)
    refused = client.post(reverse("add-shot", args=[campaign.pk]), {**added, "new-title": ""})
    assert refused.status_code == 422
    assert "Flat on linen" in refused.content.decode()


def test_references_are_added_or_refused_with_a_reason(client: Client, campaign: Campaign) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    page = reverse("add-references", args=[campaign.pk])
    assert client.post(page, {"references": SimpleUploadedFile("a.png", factories.picture())}).status_code == 302
    assert campaign.references.count() == 1
    refused = client.post(page, {"references": SimpleUploadedFile("a.png", b"words")})
    assert refused.status_code == 422
    assert "a.png:" in refused.content.decode()
    assert client.post(page).status_code == 422


def test_start_is_one_decision(client: Client, campaign: Campaign) -> None:
    for _ in range(4):
        factories.ShotFactory(campaign=campaign)
    page = client.get(reverse("plan", args=[campaign.pk])).content.decode()
    assert "Start 4 shots" in page
    answer = client.post(reverse("start-run", args=[campaign.pk]))
    assert answer.status_code == 302
    assert Generation.objects.filter(campaign=campaign, state="queued").count() == 4
    again = client.post(reverse("start-run", args=[campaign.pk]), headers=HTMX)
    assert again.status_code == 409
    assert "Every shot has been started already" in again.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_without_head_room_nothing_starts_and_the_page_says_what_to_do(
    client: Client, campaign: Campaign, headers: dict[str, str]
) -> None:
    factories.ShotFactory.create_batch(4, campaign=campaign, model=FLUX, model_overridden=True)
    ledger.set_limit(workspace=campaign.workspace, campaign=campaign, limit=Decimal("0.10"))
    page = client.get(reverse("plan", args=[campaign.pk])).content.decode()
    assert re.search(r'id="start"\s+disabled', page)
    assert "raise the budget" in page
    answer = client.post(reverse("start-run", args=[campaign.pk]), headers=headers)
    assert answer.status_code == 409
    assert "has $0.10 left and $0.25 are asked for" in answer.content.decode()
    assert not Generation.objects.exists()
    assert not Reservation.objects.exists()
    client.post(reverse("campaign-budget", args=[campaign.pk]), {"limit": "1"})
    assert client.post(reverse("start-run", args=[campaign.pk])).status_code == 302


def test_a_budget_of_zero_is_shown_and_lets_only_free_work_start(client: Client, campaign: Campaign) -> None:
    ledger.set_limit(workspace=campaign.workspace, campaign=campaign, limit=Decimal(0))
    shot = factories.ShotFactory(campaign=campaign)
    page = client.get(reverse("plan", args=[campaign.pk])).content.decode()
    assert "The budget is $0.00" in page
    assert not re.search(r'id="start"\s+disabled', page)
    Shot.objects.filter(pk=shot.pk).update(model=FLUX)
    assert re.search(r'id="start"\s+disabled', client.get(reverse("plan", args=[campaign.pk])).content.decode())
    refused = client.post(reverse("campaign-budget", args=[campaign.pk]), {"limit": "-3"})
    assert refused.status_code == 422


def test_the_estimate_is_the_engine_s_own(campaign: Campaign) -> None:
    factories.ShotFactory.create_batch(3, campaign=campaign, model=FLUX)
    factories.ShotFactory(campaign=campaign, model="ideogram-ai/ideogram-v3-turbo", width=1000, height=777)
    factories.ShotFactory(campaign=campaign, removed=True)
    factories.ShotFactory(campaign=campaign, unwritten=True)
    factories.GenerationFactory(shot__campaign=campaign)
    estimate = estimate_start(campaign)
    assert (estimate.shots, estimate.unwritten) == (4, 1)
    started = runs.start_run(campaign, by=campaign.created_by)
    assert len(started) == 4
    promised = Reservation.objects.aggregate(total=Sum("amount"))["total"]
    assert promised == (estimate.total * BUFFER).quantize(promised)
    assert estimate.seconds == max(row.estimated_seconds for row in started)
    ideogram = next(row for row in started if "ideogram" in row.model)
    (notice,) = {line.notice for line in estimate.lines if line.notice}
    assert f"{ideogram.width} × {ideogram.height}" in notice


def test_four_photoreal_shots_ask_for_a_quarter_dollar(campaign: Campaign) -> None:
    factories.ShotFactory.create_batch(4, campaign=campaign, model=FLUX, width=1024, height=1024)
    estimate = estimate_start(campaign)
    assert (estimate.renders, estimate.asked) == (Decimal("0.16"), Decimal("0.25"))


def test_a_size_that_the_model_cannot_draw_is_said(client: Client, campaign: Campaign) -> None:
    factories.ShotFactory(campaign=campaign, model=FLUX, width=4000, height=1000)
    assert "cannot draw 4000 × 1000" in client.get(reverse("plan", args=[campaign.pk])).content.decode()


def test_cards_come_by_the_fifty(client: Client, campaign: Campaign) -> None:
    factories.ShotFactory.create_batch(120, campaign=campaign)
    page = client.get(reverse("plan", args=[campaign.pk])).content.decode()
    seen = re.findall(r'<article id="shot-(\d+)"', page)
    while more := re.search(r'hx-get="([^"]+after=[^"]+)"', page):
        page = client.get(more[1], headers=HTMX).content.decode()
        seen += re.findall(r'<article id="shot-(\d+)"', page)
    assert seen == [str(pk) for pk in campaign.shots.values_list("pk", flat=True)]
    assert "Start 120 shots" in client.get(reverse("plan", args=[campaign.pk]) + "?after=nonsense").content.decode()


@pytest.mark.parametrize("name", ["plan", "plan-again", "add-shot", "add-references", "campaign-budget", "start-run"])
def test_a_campaign_of_another_house_does_not_exist(client: Client, member: Membership, name: str) -> None:
    foreign = factories.CampaignFactory()
    method = client.get if name == "plan" else client.post
    assert method(reverse(name, args=[foreign.pk])).status_code == 404
    shot = factories.ShotFactory(campaign=foreign)
    assert client.post(address(shot), fields_of(shot)).status_code == 404


def test_a_shot_is_edited_in_its_own_campaign_only(client: Client, campaign: Campaign, member: Membership) -> None:
    other = factories.ShotFactory(campaign__workspace=member.workspace)
    assert client.post(reverse("edit-shot", args=[campaign.pk, other.pk]), fields_of(other)).status_code == 404


def test_queries_do_not_grow_with_the_shots(client: Client, campaign: Campaign) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("plan", args=[campaign.pk])).status_code == 200
        return len(captured)

    factories.ShotFactory.create_batch(6, campaign=campaign)
    few = count()
    factories.ShotFactory.create_batch(54, campaign=campaign)
    assert count() == few <= 13
