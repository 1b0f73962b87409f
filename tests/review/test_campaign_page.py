"""One campaign, live: stacks, progress, what was tried, repair. Through HTTP."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks

from campaigns.models import Budget, Campaign, Membership, Shot
from generation.engine.nudges import Nudge
from generation.models import Generation, GenerationEvent, Reservation
from generation.money import ledger
from tests import factories

pytestmark = pytest.mark.django_db

FLUX = "black-forest-labs/flux-1.1-pro"


@pytest.fixture
def member(client: Client) -> Membership:
    membership: Membership = factories.MembershipFactory(admin=True)
    client.force_login(membership.user)
    return membership


@pytest.fixture
def campaign(member: Membership) -> Campaign:
    made: Campaign = factories.CampaignFactory(workspace=member.workspace, title="Aurora launch", started=True)
    return made


def show(client: Client, campaign: Campaign, **headers: str) -> str:
    answer = client.get(reverse("campaign", args=[campaign.pk]), headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_shots_are_stacks_with_their_newest_version_first(client: Client, campaign: Campaign) -> None:
    shot = factories.ShotFactory(campaign=campaign, title="Hero")
    factories.GenerationFactory(shot=shot, ready=True, scored=5.2)
    factories.GenerationFactory(shot=shot, ready=True, scored=8.2)
    page = show(client, campaign)
    assert page.index("Hero, version 2: Passed") < page.index("Hero, version 1: Below the bar: mood match")
    assert "hx-trigger" not in page.split('id="campaign-live"')[1].split(">")[0]


def test_it_polls_while_anything_is_in_flight(client: Client, campaign: Campaign) -> None:
    factories.GenerationFactory(shot__campaign=campaign, rendering=True, estimated_seconds=30)
    page = show(client, campaign, **{"HX-Request": "true"})
    assert "<html" not in page
    assert 'hx-trigger="every 2s"' in page
    assert "0 of 1 rendered" in page
    assert "s left" in page
    assert "Nothing is rendered" in page
    Generation.objects.update(state="cancelled")
    assert 'hx-trigger="every 2s"' not in show(client, campaign, **{"HX-Request": "true"})


def test_a_finished_render_that_the_ladder_has_not_seen_keeps_it_polling(client: Client, campaign: Campaign) -> None:
    factories.GenerationFactory(shot__campaign=campaign, ready=True, scored=5, followed_up=False)
    assert 'hx-trigger="every 2s"' in show(client, campaign)


def test_pause_go_on_and_cancel(client: Client, campaign: Campaign) -> None:
    row = factories.GenerationFactory(shot__campaign=campaign, queued=True)
    control = reverse("control-run", args=[campaign.pk])
    client.post(control, {"action": "pause"})
    assert "Paused: nothing new is sent" in show(client, campaign)
    client.post(control, {"action": "resume"})
    assert "Paused: nothing" not in show(client, campaign)
    client.post(control, {"action": "cancel"})
    row.refresh_from_db()
    assert row.state == "cancelled"
    assert client.get(control).status_code == 405


def test_everything_tried_stands_on_one_page(client: Client, campaign: Campaign) -> None:
    shot = factories.ShotFactory(campaign=campaign, title="Skin")
    factories.GenerationFactory(shot=shot, refused=True, prompt="a woman, eyes closed")
    factories.GenerationFactory(
        shot=shot, refused=True, prompt="a person, calm", direction="Softer words after a refusal", escalated=True
    )
    page = show(client, campaign)
    assert "Everything tried" in page
    assert page.index("a woman, eyes closed") < page.index("a person, calm")
    assert "Softer words after a refusal" in page
    assert "Needs a person" in page


def test_a_traceback_is_for_admins_and_words_are_for_everybody(
    client: Client, campaign: Campaign, member: Membership
) -> None:
    row = factories.GenerationFactory(shot__campaign=campaign, failed=True)
    page = show(client, campaign)
    assert "set aside" in page
    assert "the disk was full" in page
    assert reverse("retry-generation", args=[row.pk]) in page
    member.role = "reviewer"
    member.save()
    page = show(client, campaign)
    assert "set aside" in page
    assert "Traceback" not in page
    assert reverse("retry-generation", args=[row.pk]) not in page
    assert client.post(reverse("retry-generation", args=[row.pk])).status_code == 403


def failed(campaign: Campaign, **fields: Any) -> Generation:
    """A failed render whose promise was given back."""
    row: Generation = factories.GenerationFactory(
        shot__campaign=campaign, failed=True, model=FLUX, width=1024, height=1024, **fields
    )
    ledger.reserve(amounts=[(row, Decimal("0.044"))])
    ledger.close(row)
    return row


@pytest.mark.parametrize(
    ("saved", "to", "step"),
    [
        ({}, "queued", None),
        ({"provider_url": "https://p.example/x.png"}, "fetching", "mirror"),
        ("picture", "scoring", "score"),
    ],
)
def test_a_failed_render_goes_on_from_what_is_saved(
    client: Client,
    campaign: Campaign,
    saved: Any,
    to: str,
    step: str | None,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("review.views.campaigns.send_nudge", sent.append)
    ledger.set_limit(workspace=campaign.workspace, campaign=campaign, limit=Decimal(1))
    row = failed(campaign, **({"pictured": True} if saved == "picture" else saved))
    assert Budget.objects.get().reserved == 0
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("retry-generation", args=[row.pk]))
    row.refresh_from_db()
    assert (row.state, row.error_text, row.followed_up, row.escalated) == (to, "", False, False)
    assert [nudge.step for nudge in sent] == ([step] if step else [])
    reservation = Reservation.objects.get()
    assert reservation.state == "open"
    assert reservation.ended_at is None
    assert Budget.objects.get().reserved == reservation.remaining
    assert reservation.remaining == (Decimal("0.044") if to == "queued" else 0)
    ledger.close(row)
    assert Budget.objects.get().reserved == 0


def test_a_retry_without_head_room_changes_nothing(client: Client, campaign: Campaign) -> None:
    row = failed(campaign)
    ledger.set_limit(workspace=campaign.workspace, campaign=campaign, limit=Decimal("0.01"))
    answer = client.post(reverse("retry-generation", args=[row.pk]), follow=True)
    assert "Not retried. The budget of this campaign has $0.01 left" in answer.content.decode()
    row.refresh_from_db()
    assert row.state == "failed"
    assert Reservation.objects.get().state != "open"


def test_a_second_retry_is_harmless(client: Client, campaign: Campaign) -> None:
    row = failed(campaign)
    ledger.set_limit(workspace=campaign.workspace, campaign=campaign, limit=Decimal(1))
    for _ in range(2):
        client.post(reverse("retry-generation", args=[row.pk]))
    assert Budget.objects.get().reserved == Decimal("0.044")
    assert row.events.count() == 1


def again(client: Client, shot: Shot) -> str:
    return client.post(reverse("start-again", args=[shot.campaign_id, shot.pk]), follow=True).content.decode()


@pytest.mark.parametrize("state", ["refused", "failed", "cancelled"])
def test_a_shot_of_which_no_picture_came_is_started_again_with_the_words_of_the_plan(
    client: Client, campaign: Campaign, member: Membership, state: str
) -> None:
    """By whoever may start one: an admin is not needed."""
    member.role = "reviewer"
    member.save()
    shot = factories.ShotFactory(campaign=campaign, title="Skin", model=FLUX, width=1024, height=1024)
    old = factories.GenerationFactory(shot=shot, state=state, followed_up=True, escalated=True)
    page = show(client, campaign)
    assert "Change words or model" in page
    assert "Start again, about" in page
    Shot.objects.update(prompt="A person, calm")
    assert "Skin is started again." in again(client, shot)
    made = Generation.objects.exclude(pk=old.pk).get()
    assert (made.state, made.attempt, made.purpose, made.version) == ("queued", 1, "create", old.version + 1)
    assert made.prompt.startswith("A person, calm")
    assert made.reservation.state == "open"
    assert "Not started." in again(client, shot)
    old.refresh_from_db()
    assert not old.escalated
    assert "Start again" not in show(client, campaign)


def test_a_shot_with_a_picture_is_not_started_again(client: Client, campaign: Campaign) -> None:
    shot = factories.ShotFactory(campaign=campaign)
    factories.GenerationFactory(shot=shot, ready=True, scored=8.0)
    factories.GenerationFactory(shot=shot, refused=True, followed_up=True)
    assert "Start again" not in show(client, campaign)
    assert "This shot has a picture" in again(client, shot)
    foreign = factories.ShotFactory()
    assert client.post(reverse("start-again", args=[foreign.campaign_id, foreign.pk])).status_code == 404
    assert Generation.objects.count() == 2


def test_without_head_room_it_is_not_started_again(client: Client, campaign: Campaign) -> None:
    shot = factories.ShotFactory(campaign=campaign, model=FLUX, width=1024, height=1024)
    factories.GenerationFactory(shot=shot, refused=True, followed_up=True)
    ledger.set_limit(workspace=campaign.workspace, campaign=campaign, limit=Decimal("0.01"))
    assert "Not started. The budget of this campaign has $0.01 left" in again(client, shot)
    assert Generation.objects.count() == 1


def test_what_stopped_a_picture_that_exists_is_said(client: Client, campaign: Campaign) -> None:
    """No budget for a further attempt, no score, a step that was parked: the picture is there, the reason too."""
    for kind, text in (("budget", "No further attempt: the budget has $0.01 left."), ("unscored", "x")):
        factories.GenerationFactory(
            shot__campaign=campaign, ready=True, scored=5.0, escalated=True, error_kind=kind, error_text=text
        )
    page = show(client, campaign)
    assert "No further attempt: the budget has $0.01 left." in page
    assert "It could not be scored, so a person decides." in page
    assert "Retry" not in page


def test_a_step_that_was_parked_after_the_picture_is_taken_up_again(
    client: Client,
    campaign: Campaign,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("review.views.campaigns.send_nudge", sent.append)
    row = factories.GenerationFactory(
        shot__campaign=campaign,
        refused=True,
        followed_up=True,
        escalated=True,
        error_kind="parked",
        error_text="Traceback (most recent call last): the writer's door is missing",
    )
    GenerationEvent.objects.create(generation=row, origin="rendering", to="refused", note="flagged (E005)")
    assert "the writer&#x27;s door is missing" in show(client, campaign)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("retry-generation", args=[row.pk]))
    row.refresh_from_db()
    assert (row.state, row.followed_up, row.escalated, row.error_text) == ("refused", False, False, "flagged (E005)")
    assert sent == [Nudge("follow_up", row.pk)]


def test_independent_looks_stay_independent(client: Client, campaign: Campaign, member: Membership) -> None:
    Campaign.objects.update(independent_first_look=True)
    row = factories.GenerationFactory(shot__campaign=campaign, ready=True, scored=8.4)
    other = factories.UserFactory(name="Colleague")
    factories.VerdictFactory(generation=row, by=other)
    page = show(client, campaign)
    assert "8.4" not in page
    assert "Colleague" not in page
    factories.VerdictFactory(generation=row, by=member.user, decision="rejected")
    assert "8.4" in show(client, campaign)


def test_money_and_activity(client: Client, campaign: Campaign) -> None:
    ledger.set_limit(workspace=campaign.workspace, campaign=campaign, limit=Decimal(5))
    row = factories.GenerationFactory(shot__campaign=campaign, shot__title="Hero", ready=True, scored=8)
    row.events.create(origin="scoring", to="ready")
    factories.book(campaign, row, key="one", model=FLUX, quantity=Decimal(2))
    factories.VerdictFactory(generation=row, by=factories.UserFactory(name="Ana"))
    page = show(client, campaign)
    assert "$0.08" in page
    assert "Ana approved" in page
    assert "arrived" in page


def test_many_shots_come_in_pages(client: Client, campaign: Campaign) -> None:
    factories.ShotFactory.create_batch(45, campaign=campaign)
    assert show(client, campaign).count('class="shot-row"') == 20
    answer = client.get(reverse("campaign", args=[campaign.pk]), {"after": "40"}).content.decode()
    assert answer.count('class="shot-row"') == 5
    assert client.get(reverse("campaign", args=[campaign.pk]), {"after": "x'"}).status_code == 200


def test_another_house_s_campaign_does_not_exist(client: Client, member: Membership) -> None:
    foreign = factories.GenerationFactory(failed=True)
    assert client.get(reverse("campaign", args=[foreign.campaign_id])).status_code == 404
    assert client.post(reverse("control-run", args=[foreign.campaign_id]), {"action": "cancel"}).status_code == 404
    assert client.post(reverse("retry-generation", args=[foreign.pk])).status_code == 404


def test_a_picture_on_the_page_can_be_fetched(client: Client, campaign: Campaign) -> None:
    row = factories.GenerationFactory(shot__campaign=campaign, ready=True)
    address = show(client, campaign).split('<img src="')[1].split('"')[0]
    answer = client.get(address)
    answer.close()
    assert answer.status_code == 200
    assert default_storage.exists(row.image.name)


def test_queries_do_not_grow(client: Client, campaign: Campaign) -> None:
    def fill(shots: int) -> None:
        for _ in range(shots):
            shot = factories.ShotFactory(campaign=campaign)
            factories.GenerationFactory(shot=shot, ready=True, scored=4)
            row = factories.GenerationFactory(shot=shot, ready=True, scored=4, escalated=True)
            factories.VerdictFactory(generation=row, decision="withdrawn")
            factories.SignOffFactory(generation=factories.GenerationFactory(shot__campaign=campaign, ready=True))

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            show(client, campaign)
        return len(captured)

    fill(2)
    few = count()
    fill(6)
    assert count() == few <= 22
