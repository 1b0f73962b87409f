"""Saved views: one's own and the workspace's, opened by address, changed by whoever may, in plain forms."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign, Membership
from review.models import SavedView
from tests.factories import CampaignFactory, GenerationFactory, MembershipFactory, ShotFactory

pytestmark = pytest.mark.django_db
WEAK = "weakest=mood_match&unreviewed=1&sort=worst"


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory(title="Aurora")


@pytest.fixture
def ana(campaign: Campaign, client: Client) -> Membership:
    membership = MembershipFactory(workspace=campaign.workspace, user__name="Ana")
    client.force_login(membership.user)
    return membership


def save(client: Client, campaign: Campaign, name: str, *, query: str = WEAK, whose: str = "me") -> int:
    form = {"name": name, "query": query, "whose": whose}
    return int(client.post(reverse("saved-views", args=[campaign.pk]), form).status_code)


def change(client: Client, campaign: Campaign, view: SavedView, **form: str) -> int:
    return int(client.post(reverse("saved-view", args=[campaign.pk, view.pk]), {"query": WEAK, **form}).status_code)


def sheet(client: Client, campaign: Campaign, query: str = "") -> str:
    return client.get(f"{reverse('sheet', args=[campaign.pk])}?{query}").content.decode()


def views(client: Client, campaign: Campaign, query: str = "") -> str:
    """The list, as the sheet's dialog fetches it."""
    address = f"{reverse('saved-views', args=[campaign.pk])}?{query}"
    page = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    return page


def test_a_filter_is_saved_opened_in_any_campaign_and_named_where_it_is_shown(
    client: Client, campaign: Campaign, ana: Membership
) -> None:
    shot = ShotFactory(campaign=campaign)
    assert save(client, campaign, " Weak \n in mood ", query=f"{WEAK}&shot={shot.pk}&density=large&page=9") == 302
    view = SavedView.objects.get()
    assert (view.user, view.made_by, view.name) == (ana.user, ana.user, "Weak in mood")
    other = CampaignFactory(workspace=campaign.workspace)
    GenerationFactory(shot=ShotFactory(campaign=other), ready=True)
    page = views(client, other, "density=small")
    link = re.search(r'href="([^"]+)"[^>]*>Weak in mood', page)
    assert link
    opened = client.get(link[1].replace("&amp;", "&"))
    assert opened.status_code == 200
    shown = opened.content.decode()
    assert 'data-density="small"' in shown or "No image matches" in shown
    assert '<span class="view-name">Weak in mood</span>' in shown
    assert 'class="view-name"' not in sheet(client, other, "unreviewed=1")


def test_one_s_own_are_hidden_from_colleagues_and_everybody_s_are_not(
    client: Client, campaign: Campaign, ana: Membership
) -> None:
    save(client, campaign, "Only mine")
    save(client, campaign, "Ours", whose="everybody")
    save(client, campaign, "Only mine", whose="everybody")  # one name for each list
    client.force_login(MembershipFactory(workspace=campaign.workspace).user)
    page = views(client, campaign)
    assert page.count(">Only mine<") == 1
    assert ">Ours<" in page
    assert "by Ana" in page
    mine = SavedView.objects.get(user=ana.user)
    assert change(client, campaign, mine, do="delete") == 404
    client.force_login(MembershipFactory(workspace=CampaignFactory().workspace).user)
    assert change(client, campaign, SavedView.objects.get(name="Ours"), do="delete") == 404
    theirs = CampaignFactory(workspace=Membership.objects.latest("pk").workspace)
    assert change(client, theirs, SavedView.objects.get(name="Ours"), do="delete") == 404
    assert "Ours" not in views(client, theirs)
    assert SavedView.objects.count() == 3


@pytest.mark.parametrize(("role", "status"), [({}, 403), ({"approver": True}, 302), ({"admin": True}, 302)])
def test_everybody_s_are_changed_by_approvers_and_their_maker(
    client: Client, campaign: Campaign, ana: Membership, role: dict[str, bool], status: int
) -> None:
    save(client, campaign, "Ours", whose="everybody")
    view = SavedView.objects.get()
    assert change(client, campaign, view, do="rename", name="Ours, for the launch") == 302
    client.force_login(MembershipFactory(workspace=campaign.workspace, **role).user)
    assert change(client, campaign, view, do="rename", name="Theirs") == status
    assert change(client, campaign, view, do="delete") == status
    assert SavedView.objects.count() == (1 if status == 403 else 0)
    if status == 403:
        assert SavedView.objects.get().name == "Ours, for the launch"
        client.force_login(ana.user)
        assert change(client, campaign, view, do="delete") == 302
    assert change(client, campaign, view, do="delete") == 404


@pytest.mark.parametrize(
    ("name", "query", "words"),
    [
        ("", WEAK, "Give the view a name"),
        ("\x00 ", WEAK, "Give the view a name"),
        ("x" * 61, WEAK, "longer than 60"),
        ("taken", WEAK, "is called “taken” already"),
        ("Plain", "density=large&shot=3&sort=sideways", "plain sheet"),
    ],
)
def test_what_cannot_be_saved_is_said_and_kept(
    client: Client, campaign: Campaign, ana: Membership, name: str, query: str, words: str
) -> None:
    save(client, campaign, "Taken")
    answer = client.post(reverse("saved-views", args=[campaign.pk]), {"name": name, "query": query})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert SavedView.objects.count() == 1
    if query == WEAK and name.strip("\x00 "):
        view = SavedView.objects.get()
        save(client, campaign, "Second")
        second = SavedView.objects.exclude(pk=view.pk).get()
        assert change(client, campaign, second, do="rename", name=name) == 422


def test_the_list_has_a_page_of_its_own_and_an_end(
    client: Client, campaign: Campaign, ana: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review.services.saved_views.MOST_VIEWS", 1)
    save(client, campaign, "Weak")
    assert save(client, campaign, "One too many") == 422
    assert save(client, campaign, "Everybody's first", whose="everybody") == 302
    page = client.get(f"{reverse('saved-views', args=[campaign.pk])}?{WEAK}").content.decode()
    assert "shown now" in page
    assert 'name="query" value="weakest=mood_match&amp;unreviewed=1&amp;sort=worst"' in page
    assert client.get(reverse("saved-views", args=[CampaignFactory().pk])).status_code == 404
    client.logout()
    assert client.get(reverse("saved-views", args=[campaign.pk])).status_code == 302
