"""The inbox and the list of campaigns: what needs me now, and nothing else."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Budget, Membership
from generation.money import ledger
from review.models import Notice
from review.queries.progress import seconds_left
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(client: Client) -> Membership:
    membership: Membership = factories.MembershipFactory()
    client.force_login(membership.user)
    return membership


def become(client: Client, member: Membership, role: str) -> None:
    member.role = role
    member.save()


def inbox(client: Client) -> str:
    answer = client.get(reverse("inbox"))
    assert answer.status_code == 200
    return answer.content.decode()


def render(member: Membership, **traits: object) -> object:
    return factories.GenerationFactory(shot__campaign__workspace=member.workspace, **traits)


def test_an_empty_inbox_says_so(client: Client, member: Membership) -> None:
    assert "All done" in inbox(client)
    assert "Nothing needs you" in inbox(client)


def test_images_wait_for_eyes_but_attempts_that_were_followed_up_do_not(client: Client, member: Membership) -> None:
    campaign = factories.CampaignFactory(workspace=member.workspace, title="Aurora launch", ticket="MKT-2241")
    shot = factories.ShotFactory(campaign=campaign)
    factories.GenerationFactory(shot=shot, ready=True, scored=5.0)
    assert "to review" not in inbox(client)
    good = factories.GenerationFactory(shot=shot, ready=True, scored=8.0)
    page = inbox(client)
    assert "1 picture to review" in page
    assert "Aurora launch · MKT-2241" in page
    factories.VerdictFactory(generation=good, by=member.user)
    assert "to review" not in inbox(client)


def test_where_first_looks_are_independent_a_colleague_s_verdict_leaves_mine_open(
    client: Client, member: Membership
) -> None:
    campaign = factories.CampaignFactory(workspace=member.workspace, independent_first_look=True)
    good = factories.GenerationFactory(shot__campaign=campaign, ready=True, scored=8.0)
    factories.VerdictFactory(generation=good)
    assert "1 picture to review" in inbox(client)
    factories.VerdictFactory(generation=good, by=member.user)
    assert "to review" not in inbox(client)


def test_finals_wait_for_approvers_only(client: Client, member: Membership) -> None:
    good = render(member, ready=True, scored=8.0)
    factories.VerdictFactory(generation=good, by=member.user)
    assert "to sign" not in inbox(client)
    become(client, member, "approver")
    page = inbox(client)
    assert "1 final to sign" in page
    assert '>1<span class="visually-hidden"> finals to sign<' in page
    factories.SignOffFactory(generation=good)
    assert "to sign" not in inbox(client)


def test_an_escalation_says_why(client: Client, member: Membership) -> None:
    row = render(member, ready=True, scored=5.1, escalated=True, attempt=3, shot__title="Detail")
    page = inbox(client)
    assert "1 picture to review" in page
    assert "Detail: attempt 3 still below the bar: 5.1, needs 7.0" in page
    assert "1 thing needs you" in page
    factories.VerdictFactory(generation=row, decision="rejected")
    assert "still below" not in inbox(client)
    refused = render(member, refused=True, escalated=True, shot__title="Hero")
    assert "No picture of Hero" in inbox(client)
    render(member, ready=True, shot=refused.shot)
    assert "No picture of Hero" not in inbox(client)


def test_a_notice_is_opened_and_gone(client: Client, member: Membership) -> None:
    row = render(member, ready=True)
    notice = Notice.objects.create(
        workspace=member.workspace,
        user=member.user,
        kind="mention",
        text="Ana asks you about the strap",
        generation=row,
    )
    page = inbox(client)
    assert "Ana asks you about the strap" in page
    assert "just now</time>" in page
    assert "2 things need you" in page
    Notice.objects.update(created_at=timezone.now() - timedelta(hours=2, minutes=5))
    assert "2\xa0hours ago</time>" in inbox(client)
    answer = client.post(reverse("open-notice", args=[notice.pk]))
    assert answer["Location"] == reverse("loupe", args=[row.pk])
    assert "Ana asks" not in inbox(client)
    foreign = Notice.objects.create(
        workspace=member.workspace, user=factories.UserFactory(), kind="mention", text="Not mine"
    )
    assert "Not mine" not in inbox(client)
    assert client.post(reverse("open-notice", args=[foreign.pk])).status_code == 404


def test_a_tight_budget_is_an_admin_s_business(client: Client, member: Membership) -> None:
    campaign = factories.CampaignFactory(workspace=member.workspace, title="Aurora launch")
    ledger.set_limit(workspace=member.workspace, campaign=campaign, limit=Decimal(10))
    Budget.objects.update(spent=Decimal("8.50"))
    assert "nearly used" not in inbox(client)
    become(client, member, "admin")
    page = inbox(client)
    assert "The budget of Aurora launch is nearly used" in page
    assert "$1.50 of $10.00 left" in page


def test_a_run_shows_its_bar_and_the_list_polls_until_it_is_over(client: Client, member: Membership) -> None:
    row = render(member, rendering=True, shot__campaign__title="Aurora launch")
    page = inbox(client)
    assert "Aurora launch is running" in page
    assert "0 of 1 rendered" in page
    assert 'hx-trigger="every 4s"' in page
    fragment = client.get(reverse("inbox"), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    type(row).objects.update(state="cancelled")
    assert "hx-trigger" not in client.get(reverse("inbox"), headers={"HX-Request": "true"}).content.decode()


def test_nothing_of_another_house_is_seen(client: Client, member: Membership) -> None:
    foreign = factories.GenerationFactory(ready=True, scored=8.0, shot__campaign__title="Secret")
    factories.VerdictFactory(generation=foreign)
    factories.GenerationFactory(rendering=True, shot__campaign__title="Secret too")
    become(client, member, "admin")
    assert "Secret" not in inbox(client)
    assert "Secret" not in client.get(reverse("campaigns")).content.decode()


@pytest.mark.parametrize("name", ["inbox", "campaigns"])
def test_queries_do_not_grow(client: Client, member: Membership, name: str) -> None:
    become(client, member, "admin")

    def fill(number: int) -> None:
        for _ in range(number):
            row = render(member, ready=True, scored=8.0)
            render(member, rendering=True)
            render(member, ready=True, scored=4.0, escalated=True)
            factories.VerdictFactory(generation=render(member, ready=True, scored=9.0))
            Notice.objects.create(
                workspace=member.workspace, user=member.user, kind="mention", text="Look", generation=row
            )

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse(name)).status_code == 200
        return len(captured)

    fill(2)
    few = count()
    fill(15)
    assert count() == few <= 25


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("", {"Planned one", "Running one", "Review one", "Signed one", "Late one"}),
        ("planned", {"Planned one"}),
        ("running", {"Running one"}),
        ("review", {"Review one", "Late one"}),
        ("signed", {"Signed one"}),
        ("overdue", {"Late one"}),
        ("nonsense", {"Planned one", "Running one", "Review one", "Signed one", "Late one"}),
    ],
)
def test_campaigns_are_filtered_by_the_address(client: Client, member: Membership, state: str, shown: set[str]) -> None:
    house = {"workspace": member.workspace}
    factories.ShotFactory(campaign=factories.CampaignFactory(**house, title="Planned one"))
    started = {**house, "started": True}
    factories.GenerationFactory(
        shot__campaign=factories.CampaignFactory(**started, title="Running one"), rendering=True
    )
    factories.GenerationFactory(shot__campaign=factories.CampaignFactory(**started, title="Review one"), ready=True)
    signed = factories.GenerationFactory(
        shot__campaign=factories.CampaignFactory(**started, title="Signed one"), ready=True
    )
    factories.SignOffFactory(generation=signed)
    late = factories.CampaignFactory(**started, title="Late one", due_on=timezone.localdate() - timedelta(days=2))
    factories.GenerationFactory(shot__campaign=late, ready=True)
    page = client.get(reverse("campaigns"), {"state": state}).content.decode()
    assert {
        title
        for title in ("Planned one", "Running one", "Review one", "Signed one", "Late one")
        if f">{title}</a>" in page
    } == shown


def test_campaigns_are_found_by_title_and_ticket(client: Client, member: Membership) -> None:
    factories.CampaignFactory(workspace=member.workspace, title="Aurora launch", ticket="MKT-2241")
    factories.CampaignFactory(workspace=member.workspace, title="Winter", ticket="MKT-9")
    for words in ("aurora", "2241"):
        page = client.get(reverse("campaigns"), {"q": words}).content.decode()
        assert "Aurora launch" in page
        assert "Winter" not in page
    assert "No campaign like this" in client.get(reverse("campaigns"), {"q": "%_\0'"}).content.decode()


def test_campaigns_come_by_keyset(client: Client, member: Membership) -> None:
    made = factories.CampaignFactory.create_batch(30, workspace=member.workspace)
    first = client.get(reverse("campaigns")).content.decode()
    assert made[-1].title in first
    assert f">{made[0].title}<" not in first
    rest = client.get(reverse("campaigns"), {"after": made[6].pk}, headers={"HX-Request": "true"}).content.decode()
    assert f">{made[0].title}<" in rest
    assert "<html" not in rest


def test_seconds_left() -> None:
    def left(**facts: float) -> float:
        usual = {"unfinished": 4, "queued": 0, "longest": 9.0, "sent_seconds_ago": 3.0, "finished": 0, "within": 0.0}
        return seconds_left(**{**usual, **facts})  # type: ignore[arg-type]

    assert left() == 6.0
    assert left(queued=2) == 9.0
    assert left(sent_seconds_ago=60) == 1.0
    assert left(unfinished=100, finished=10, within=20) == 200.0
    assert left(unfinished=0) == 0.0
