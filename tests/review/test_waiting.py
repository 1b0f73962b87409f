"""How much waits for a person is one figure, and which version stands for a shot one image, on every page."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.models import Campaign, Membership, User
from generation.models import Generation
from review.models import Decision, Notice, Standing
from review.queries.campaigns import CampaignFilter, read_campaigns
from review.queries.queue import Queue, read_progress
from review.queries.sheet_filter import PLAIN
from review.services.verdicts import record_verdict, undo_verdict
from tests.factories import (
    CampaignFactory,
    GenerationFactory,
    MembershipFactory,
    ShotFactory,
    SignOffFactory,
    VerdictFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def membership(client: Client) -> Membership:
    found: Membership = MembershipFactory(user__name="Ana", approver=True)
    client.force_login(found.user)
    return found


@pytest.fixture
def campaign(membership: Membership) -> Campaign:
    return CampaignFactory(workspace=membership.workspace, started=True, title="Aurora")


def read(client: Client, name: str, *args: object, query: str = "") -> str:
    answer = client.get(reverse(name, args=args) + query)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def figure(pattern: str, page: str) -> int:
    found = re.search(pattern, page)
    return int(found[1]) if found else 0


def figures(client: Client, campaign: Campaign, viewer: User) -> dict[str, int]:
    """How many images of this campaign wait, by every page that says so."""
    inbox, sheet = read(client, "inbox"), read(client, "sheet", campaign.pk)
    page = read(client, "campaign", campaign.pk)
    chips = re.findall(r"(\d+) (?:more )?to review</span>", page)
    queue = Queue(campaign.workspace_id, viewer, campaign, PLAIN)
    return {
        "row of the inbox": figure(r"(\d+) pictures? to review", inbox),
        "heading of the inbox": figure(r"<h1>(\d+) things? need", inbox),
        "navigation": figure(r"Inbox\s*<span[^>]*>(\d+)<", page),
        "chip of the sheet": figure(r"To review\s*<span[^>]*>(\d+)<", sheet),
        "frames of the sheet": read(client, "sheet", campaign.pk, query="?unreviewed=1").count('id="frame-gen_'),
        "button of the campaign": figure(r"Review (\d+)<", page),
        "shots of the campaign": sum(map(int, chips)),
        "queue": read_progress(queue).left,
    }


@pytest.mark.parametrize("blind", [False, True])
def test_every_page_tells_the_same_figure(
    client: Client, campaign: Campaign, membership: Membership, blind: bool
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(independent_first_look=blind)
    campaign.refresh_from_db()
    hero, life, detail, square = (ShotFactory(campaign=campaign) for _ in range(4))
    GenerationFactory(shot=hero, ready=True, scored=5.0)  # followed up by the next one
    GenerationFactory(shot=hero, ready=True, scored=8.0)
    GenerationFactory(shot=hero, ready=True, scored=8.5)
    GenerationFactory(shot=life, ready=True, scored=5.1, escalated=True, attempt=3)
    GenerationFactory(shot=detail, ready=True)  # not scored
    GenerationFactory(shot=detail, rendering=True)
    VerdictFactory(
        generation=GenerationFactory(shot=square, ready=True, scored=9.0), by=membership.user, decision="changes"
    )
    assert figures(client, campaign, membership.user) == dict.fromkeys(figures(client, campaign, membership.user), 4)


def test_the_inbox_counts_everything_that_it_lists(client: Client, membership: Membership, campaign: Campaign) -> None:
    VerdictFactory(generation=GenerationFactory(shot__campaign=campaign, ready=True, scored=8))
    GenerationFactory(shot__campaign=campaign, ready=True, scored=8)
    GenerationFactory(shot__campaign=campaign, refused=True, escalated=True)
    Notice.objects.create(
        workspace=membership.workspace, user=membership.user, kind="mention", text="Ana asks you", campaign=campaign
    )
    page = read(client, "inbox")
    assert "4 things need you" in page
    for row in ("1 final to sign", "1 picture to review", "No picture of"):
        assert row in page


EVENTS = ["arrives", "arrives below", "escalates", "approve", "reject", "undo", "colleague", "sign"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 20)), max_size=14), blind=st.booleans())
def test_whatever_happens_the_figures_agree(client: Client, events: list[tuple[str, int]], blind: bool) -> None:
    membership = MembershipFactory(approver=True)
    client.force_login(membership.user)
    campaign = CampaignFactory(workspace=membership.workspace, started=True, independent_first_look=blind)
    ben = MembershipFactory(workspace=membership.workspace).user
    shots = [ShotFactory(campaign=campaign) for _ in range(3)]

    def decide(row: Generation, decision: str, by: User) -> None:
        seen = Standing.objects.filter(pk=row.pk).values_list("version", flat=True).first() or 0
        record_verdict(generation=row, decision=decision, by=by, seen_version=seen, reason="text")

    def undo(row: Generation) -> None:
        standing = Standing.objects.filter(pk=row.pk).first()
        if standing and row.verdicts.filter(by=membership.user, standing=True).exists():
            undo_verdict(generation=row, by=membership.user, seen_version=standing.version)

    on_image: dict[str, Callable[[Generation], object]] = {
        "escalates": lambda row: Generation.objects.filter(pk=row.pk).update(escalated=True),
        "approve": lambda row: decide(row, Decision.APPROVED, membership.user),
        "reject": lambda row: decide(row, Decision.REJECTED, membership.user),
        "undo": undo,
        "colleague": lambda row: decide(row, Decision.CHANGES, ben),
        "sign": lambda row: SignOffFactory(generation=row),
    }
    for event, number in events:
        if event.startswith("arrives"):
            GenerationFactory(shot=shots[number % 3], ready=True, scored=4.0 if "below" in event else 8.0)
            continue
        rows = list(Generation.objects.filter(campaign=campaign).exclude(shot__signoffs__isnull=False).order_by("pk"))
        if rows:
            on_image[event](rows[number % len(rows)])
    found = figures(client, campaign, membership.user)
    others = {name: found.pop(name) for name in ("heading of the inbox", "navigation")}
    assert len(set(found.values())) == 1, found
    assert len(set(others.values())) == 1, others
    assert others["navigation"] >= found["queue"]


def fronts(client: Client, campaign: Campaign, shot_title: str, viewer: User) -> dict[str, str]:
    """The image that stands for the only shot of a campaign, by every page that shows one."""
    workspace = campaign.workspace
    (card,) = read_campaigns(workspace, CampaignFilter(search=campaign.title), viewer=viewer).cards
    (thumb,) = card.thumbs
    inbox = read(client, "inbox")
    strip = re.search(r'<div class="strip".*?</div>', inbox, re.DOTALL)
    return {
        "card": image_in(thumb["src"]),
        "stack": re.findall(r'id="frame-(gen_\w+)"', read(client, "sheet", campaign.pk, query="?stack=1"))[0],
        "inbox": image_in(strip[0]) if strip else "",
    }


def image_in(text: str) -> str:
    found = re.search(r"gen_[0-9A-Z]{26}", text)
    assert found, text
    return found[0]


def test_a_rejected_newest_version_stands_for_its_shot_nowhere(
    client: Client, membership: Membership, campaign: Campaign
) -> None:
    shot = ShotFactory(campaign=campaign)
    good = GenerationFactory(shot=shot, ready=True, scored=8.0)
    newest = GenerationFactory(shot=shot, ready=True, scored=9.0)
    VerdictFactory(generation=newest, decision="rejected")
    assert set(fronts(client, campaign, shot.title, membership.user).values()) == {good.pk}
    VerdictFactory(generation=good)  # approved: now the inbox shows it as a final to sign
    assert set(fronts(client, campaign, shot.title, membership.user).values()) == {good.pk}


def test_an_independent_first_look_is_given_away_nowhere(
    client: Client, membership: Membership, campaign: Campaign
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(independent_first_look=True)
    shot = ShotFactory(campaign=campaign)
    approved = GenerationFactory(shot=shot, ready=True, scored=8.0)
    newest = GenerationFactory(shot=shot, ready=True, scored=7.5)
    VerdictFactory(generation=approved)  # by a colleague
    shown = fronts(client, campaign, shot.title, membership.user)
    assert shown["card"] == shown["stack"] == newest.pk
    page = read(client, "campaigns")
    assert "mark approved" not in page
    SignOffFactory(generation=approved)  # a signature is no secret
    shown = fronts(client, campaign, shot.title, membership.user)
    assert shown["card"] == shown["stack"] == approved.pk


def test_the_strip_of_the_inbox_begins_with_what_waits(
    client: Client, membership: Membership, campaign: Campaign
) -> None:
    for _ in range(5):
        done = GenerationFactory(shot__campaign=campaign, ready=True, scored=8.0)
        VerdictFactory(generation=done, by=membership.user, decision="changes")
    waiting = GenerationFactory(shot__campaign=campaign, ready=True, scored=8.0)
    strip = re.search(r'<div class="strip".*?</article>', read(client, "inbox"), re.DOTALL)
    assert strip and image_in(strip[0]) == waiting.pk
