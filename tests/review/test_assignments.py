"""Asking a colleague to look: idempotent, told once, taken back whole, seen on card, loupe, filter and in the inbox."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign, User
from generation.models import Generation
from review.models import Assignment, Notice
from review.services.assignments import AssignmentRefused, assign_images, unassign_images
from tests.factories import CampaignFactory, GenerationFactory, MembershipFactory, ShotFactory, UserFactory

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory(title="Aurora")


@pytest.fixture
def maya(campaign: Campaign, client: Client) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Maya Lind").user
    client.force_login(user)
    return user


@pytest.fixture
def ben(campaign: Campaign) -> User:
    return MembershipFactory(workspace=campaign.workspace, user__name="Ben Okri").user


def images(campaign: Campaign, count: int = 1) -> list[Generation]:
    shot = ShotFactory(campaign=campaign, title="Hero")
    return [GenerationFactory(shot=shot, ready=True) for _ in range(count)]


def ask(client: Client, campaign: Campaign, rows: list[Generation], to: User, **fields: str) -> Any:
    form = {"to": str(to.pk), "image": [row.pk for row in rows], **fields}
    return client.post(reverse("assignments", args=[campaign.pk]), form, headers=JSON)


def test_many_are_asked_for_at_once_and_told_once(client: Client, campaign: Campaign, maya: User, ben: User) -> None:
    rows = images(campaign, 12)
    answer = ask(client, campaign, rows, ben)
    assert sorted(answer.json()["changed"]) == sorted(row.pk for row in rows)
    assert "Assigned to Ben Okri" in answer.json()["cards"][rows[0].pk]
    assert ask(client, campaign, rows, ben).json()["changed"] == []
    assert Assignment.objects.filter(to=ben, by=maya).count() == 12
    notice = Notice.objects.get()
    assert (notice.user, notice.text) == (ben, "Maya Lind asked you to look at 12 images of Aurora")
    client.force_login(ben)
    assert notice.text in client.get(reverse("inbox")).content.decode()
    opened = client.post(reverse("open-notice", args=[notice.pk]))
    assert opened["Location"] == f"{reverse('sheet', args=[campaign.pk])}?assigned={ben.pk}"
    assert client.get(opened["Location"]).content.decode().count('class="frame"') == 12


def test_one_image_leads_to_the_loupe_and_nobody_is_told_by_themselves(
    client: Client, campaign: Campaign, maya: User, ben: User
) -> None:
    (row,) = images(campaign)
    ask(client, campaign, [row], maya)
    assert not Notice.objects.exists()
    ask(client, campaign, [row], ben)
    notice = Notice.objects.get()
    assert notice.text == "Maya Lind asked you to look at Hero, version 1, of Aurora"
    assert notice.generation == row


def test_who_is_asked_is_on_card_and_loupe_and_in_the_filters(
    client: Client, campaign: Campaign, maya: User, ben: User
) -> None:
    rows = images(campaign, 3)
    ask(client, campaign, rows[:1], ben)
    ask(client, campaign, rows[1:2], maya)
    sheet = reverse("sheet", args=[campaign.pk])
    page = client.get(sheet).content.decode()
    assert 'title="Assigned to Ben Okri"' in page
    assert '<span class="initials" aria-hidden="true">BO</span>' in page
    for query, shown in ((f"assigned={ben.pk}", rows[0]), ("mine=1", rows[1]), (f"assigned={maya.pk}&mine=1", rows[1])):
        page = client.get(f"{sheet}?{query}").content.decode()
        assert [row.pk for row in rows if f"frame-{row.pk}" in page] == [shown.pk]
    assert "Ask Ben Okri no more" in client.get(reverse("loupe", args=[rows[0].pk])).content.decode()
    assert "Nobody in particular" in client.get(reverse("loupe", args=[rows[2].pk])).content.decode()


def test_taken_back_the_unread_notice_goes_and_a_read_one_stays(
    client: Client, campaign: Campaign, maya: User, ben: User
) -> None:
    rows = images(campaign, 3)
    ask(client, campaign, rows, ben)
    ask(client, campaign, rows[:1], ben, do="unassign")
    assert Notice.objects.count() == 1  # two are still asked for
    answer = ask(client, campaign, rows, ben, do="unassign")
    assert len(answer.json()["changed"]) == 2
    assert answer.json()["cards"][rows[0].pk].strip() == ""
    assert not Notice.objects.exists()
    ask(client, campaign, rows, ben)
    Notice.objects.update(read_at="2026-11-20T10:00Z")
    ask(client, campaign, rows, ben, do="unassign")
    assert (Notice.objects.count(), Assignment.objects.count()) == (1, 0)


def test_without_a_script_the_loupe_asks_by_form(client: Client, campaign: Campaign, maya: User, ben: User) -> None:
    (row,) = images(campaign)
    answer = client.post(reverse("assignments", args=[campaign.pk]), {"to": ben.pk, "image": row.pk})
    assert answer["Location"] == reverse("loupe", args=[row.pk])
    assert Assignment.objects.get().to == ben


def test_what_is_not_there_is_404_and_nothing_is_done_by_half(
    client: Client, campaign: Campaign, maya: User, ben: User
) -> None:
    rows = images(campaign, 2)
    foreign, stranger = images(CampaignFactory()), UserFactory()
    other_campaign = images(CampaignFactory(workspace=campaign.workspace))
    assert ask(client, campaign, rows + foreign, ben).status_code == 404
    assert ask(client, campaign, rows + other_campaign, ben).status_code == 404
    assert ask(client, campaign, rows, stranger).status_code == 404
    assert ask(client, foreign[0].campaign, foreign, ben).status_code == 404
    for bad in ({"to": "x"}, {"to": "9" * 30}, {"image": ["\x00"]}, {"image": []}, {"image": "gen_none"}):
        form = {"to": str(ben.pk), "image": [rows[0].pk], **bad}
        assert client.post(reverse("assignments", args=[campaign.pk]), form, headers=JSON).status_code == 404
    assert not Assignment.objects.exists()
    client.logout()
    assert ask(client, campaign, rows, ben).status_code == 401


def test_too_many_and_a_former_member_are_refused_in_words(
    campaign: Campaign, maya: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = images(campaign, 3)
    ben.memberships.all().delete()
    with pytest.raises(AssignmentRefused, match="no member"):
        assign_images(rows, to=ben, by=maya)
    monkeypatch.setattr("review.services.assignments.MOST_IMAGES", 2)
    for act in (lambda: assign_images(rows, to=maya, by=maya), lambda: unassign_images(rows, to=maya, by=maya)):
        with pytest.raises(AssignmentRefused, match="At most 2"):
            act()


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_the_same_request_ten_times_at_once_asks_and_tells_once() -> None:
    campaign = CampaignFactory()
    maya, ben = (MembershipFactory(workspace=campaign.workspace).user for _ in range(2))
    rows = images(campaign, 3)

    def request(_: int) -> list[str]:
        try:
            return assign_images(rows, to=ben, by=maya)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=10) as pool:
        answers = list(pool.map(request, range(10)))
    assert sorted(len(answer) for answer in answers) == [0] * 9 + [3]
    assert (Assignment.objects.count(), Notice.objects.count()) == (3, 1)
