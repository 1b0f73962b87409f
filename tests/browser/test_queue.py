"""The review queue in real browsers: two people walk it at once, the next one is there at once, nothing is lost."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from campaigns.database.clock import database_now
from campaigns.models import Campaign, User
from review.models import Decision, ReviewLease, Verdict
from review.services.decision_status import ensure_standing
from review.services.verdicts import read_standing, record_verdict, undo_verdict
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import note_decoded, wait_until_decoded, wait_until_still
from tests.browser.test_review_keys import make_images, settled, sheet, standings
from tests.factories import CampaignFactory, MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory(title="Aurora launch")


@pytest.fixture
def ana(campaign: Campaign, live_loupe: LiveLoupe, page: Page) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana Moreau").user
    live_loupe.sign_in(page, user)
    return user


@pytest.fixture
def ben(campaign: Campaign) -> User:
    return MembershipFactory(workspace=campaign.workspace, user__name="Ben Okafor").user


def shown(page: Page) -> str:
    return page.locator("#loupe").get_attribute("data-id") or ""


def held_by(user: User) -> set[str]:
    return set(ReviewLease.objects.filter(user=user, until__gt=database_now()).values_list("pk", flat=True))


def start(page: Page, live_loupe: LiveLoupe, campaign: Campaign) -> None:
    live_loupe.open(page, sheet(campaign))
    page.get_by_role("button", name="Review", exact=True).click()
    page.wait_for_url("**/images/**queue=campaign**")


def test_two_people_walk_one_queue_and_never_meet(
    page: Page, new_page: Callable[..., Page], live_loupe: LiveLoupe, campaign: Campaign, ana: User, ben: User
) -> None:
    rows = make_images(campaign, 9)
    other = new_page()
    live_loupe.sign_in(other, ben)
    start(page, live_loupe, campaign)
    start(other, live_loupe, campaign)
    expect(page.locator("#queue-place")).to_contain_text("1 of 9")
    for person in (page, other, page, other, page, other):
        before = shown(person)
        person.keyboard.press("a")
        person.wait_for_function("before => !document.querySelector(`#loupe[data-id=${before}]`)", arg=before)
    for person in (page, other):
        while "/images/" in person.url:
            before = shown(person)
            person.keyboard.press("a")
            person.wait_for_function("before => !document.querySelector(`#loupe[data-id=${before}]`)", arg=before)
            person.wait_for_load_state()
    settled(lambda: standings(rows), ["approved"] * 9)
    assert Verdict.objects.count() == 9
    assert set(Verdict.objects.values_list("by", flat=True)) == {ana.pk, ben.pk}
    expect(other.get_by_role("heading", name="All done")).to_be_visible()
    expect(other.locator(".queue-last a").first).to_be_visible()


def test_the_next_one_is_on_the_table_two_frames_later(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 6)
    note_decoded(page)
    start(page, live_loupe, campaign)
    assert shown(page) == rows[0].pk
    settled(lambda: held_by(ana), {row.pk for row in rows[:4]})
    wait_until_decoded(page, *rows[1:4])
    painted = page.evaluate(
        """async () => {
          document.dispatchEvent(new KeyboardEvent("keydown", {key: "a", bubbles: true}));
          await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
          const print = document.getElementById("print");
          return [document.getElementById("loupe").dataset.id, print.complete && print.naturalWidth > 0];
        }"""
    )
    assert painted == [rows[1].pk, True]
    expect(page.locator("#queue-place")).to_contain_text("2 of 6")
    settled(lambda: rows[4].pk in held_by(ana), True)
    page.keyboard.press("z")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[0].pk)
    expect(page.locator("#queue-place")).to_contain_text("1 of 6")
    settled(lambda: standings(rows)[0], "undecided")
    page.keyboard.press("x")
    page.keyboard.press("1")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    settled(lambda: standings(rows)[0], "rejected")


def test_reload_and_back_keep_ones_place_and_what_is_passed_over_waits(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User, ben: User
) -> None:
    rows = make_images(campaign, 3)
    start(page, live_loupe, campaign)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    settled(lambda: rows[0].pk in held_by(ana), False)
    page.reload()
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    settled(lambda: held_by(ana), {rows[1].pk, rows[2].pk})
    page.keyboard.press("a")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[2].pk)
    page.go_back()
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    expect(page.locator("#standing-line")).to_contain_text("Approved")
    page.keyboard.press("m")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[2].pk)
    page.keyboard.press("a")
    page.wait_for_url(f"**{reverse('queue', args=[campaign.pk])}")
    expect(page.get_by_role("heading", name="1 picture to review")).to_be_visible()
    page.get_by_role("button", name="Go on reviewing").click()
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[0].pk)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile(r"/sheet/"))
    settled(lambda: rows[0].pk in held_by(ana), False)


def test_a_colleague_who_got_an_ended_lease_is_named_and_nothing_is_lost(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User, ben: User
) -> None:
    rows = make_images(campaign, 2)
    start(page, live_loupe, campaign)
    settled(lambda: held_by(ana), {row.pk for row in rows})
    page.wait_for_load_state("networkidle")
    ends = database_now() + timedelta(minutes=2)
    ReviewLease.objects.filter(pk=rows[0].pk).update(user=ben, until=ends)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    problem = page.locator("#problem")
    expect(problem).to_contain_text("Ben Okafor has this picture in hand now. Your marks and words are kept.")
    record_verdict(generation=rows[0], decision=Decision.REJECTED, by=ben, seen_version=0, reason="legal")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(problem).to_contain_text("Rejected by Ben Okafor while you were looking.")
    expect(page.locator("#stage-mark .mark.rejected")).to_be_visible()
    problem.get_by_role("button", name="Next picture").click()
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    expect(page.locator("#queue-place")).to_contain_text("2 of 2")
    assert Verdict.objects.count() == 1


@pytest.mark.parametrize("width", [390, 1440])
def test_every_state_of_the_queue_is_accessible(
    new_page: Callable[..., Page],
    live_loupe: LiveLoupe,
    campaign: Campaign,
    ben: User,
    assert_accessible: Callable[[Page], None],
    width: int,
) -> None:
    rows = make_images(campaign, 2)
    for theme in ("dark", "light"):
        page = new_page(viewport={"width": width, "height": 844})
        live_loupe.sign_in(page, ben)
        page.context.add_cookies([{"name": "theme", "value": theme, "url": live_loupe.url}])
        for address in (reverse("house-queue"), reverse("queue", args=[campaign.pk])):
            live_loupe.open(page, address)
            assert_accessible(page)
        page.get_by_role("button", name=re.compile("eview")).click()
        page.wait_for_url("**/images/**")
        expect(page.locator("#queue-place")).to_be_visible()
        wait_until_still(page)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for row in rows:
            ensure_standing(row)
            seen = read_standing(row).version
            record_verdict(generation=row, decision=Decision.APPROVED, by=ben, seen_version=seen)
        live_loupe.open(page, reverse("queue", args=[campaign.pk]))
        expect(page.get_by_role("heading", name="All done")).to_be_visible()
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for row in rows:
            undo_verdict(generation=row, by=ben, seen_version=read_standing(row).version)
