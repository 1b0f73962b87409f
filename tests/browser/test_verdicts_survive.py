"""Verdicts in a real browser: thirty by keyboard, two people on one picture, a lost line, an expired sign-in."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from campaigns.models import Campaign, User
from review.models import Standing, Verdict
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import (
    here,
    loupe,
    make_images,
    marks_are_open,
    settled,
    sheet,
    standings,
    wait_until_stored,
)
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)

A_ROUND = ["approved", "rejected", "changes", "approved", "rejected"]
REASONS = ["composition", "anatomy"]


def decide_a_round(page: Page) -> None:
    """Five verdicts: approve, reject for composition, changes, approve, reject for anatomy."""
    for keys in ("a", "x1", "r", "a", "x5"):
        for key in keys:
            page.keyboard.press(key)


def test_thirty_verdicts_by_keyboard_with_undo_on_sheet_and_loupe(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 30)
    live_loupe.open(page, sheet(campaign))
    page.keyboard.press("ArrowRight")
    for _ in range(4):
        decide_a_round(page)
    assert here(page) == rows[20].pk
    for _ in range(4):
        page.keyboard.press("z")
    assert here(page) == rows[16].pk
    for key in "x1rax5":
        page.keyboard.press(key)
    assert here(page) == rows[20].pk
    page.keyboard.press("Enter")
    table = page.locator("#loupe")
    expect(table).to_have_attribute("data-id", rows[20].pk)
    marks_are_open(page)
    for number, key in enumerate(("a", "x1", "a", "a", "x5", "a", "x1", "a", "a"), start=21):
        for stroke in key:
            page.keyboard.press(stroke)
        expect(table).to_have_attribute("data-id", rows[number].pk)
    page.keyboard.press("x")
    page.keyboard.press("5")
    expect(page.locator("#toasts")).to_contain_text("Everything here is reviewed")
    page.keyboard.press("z")
    page.keyboard.press("z")
    expect(table).to_have_attribute("data-id", rows[28].pk)
    for number, key in enumerate(("x1", "a"), start=28):
        expect(table).to_have_attribute("data-id", rows[number].pk)
        for stroke in key:
            page.keyboard.press(stroke)
    on_loupe = ["approved", "rejected", "approved", "approved", "rejected", "approved", "rejected", "approved"]
    settled(lambda: standings(rows), A_ROUND * 4 + on_loupe + ["rejected", "approved"])
    assert Standing.objects.count() == 30
    reasons = Verdict.objects.filter(standing=True, decision="rejected").order_by("-generation_id")
    assert list(reasons.values_list("reason", flat=True)) == [*REASONS * 4, *REASONS, REASONS[0], REASONS[0]]
    assert Verdict.objects.filter(undoes__isnull=False).count() == 6
    expect(page.locator("#remaining")).to_have_text("0")


def test_a_verdict_that_is_stored_while_the_loupe_is_on_its_way_is_counted_there(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 3)
    live_loupe.open(page, sheet(campaign))
    held: dict[str, Route] = {}
    answered: set[str] = set()
    page.on("requestfinished", lambda request: answered.add(request.url))

    def hold(name: str) -> Callable[[Route], None]:
        return lambda route: held.update({name: route})

    def arrived(name: str) -> Route:
        while name not in held:
            page.wait_for_timeout(20)
        return held[name]

    page.route("**/verdict/", hold("verdict"))
    page.route(f"**{loupe(rows[1])}", hold("loupe"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("a")
    verdict = arrived("verdict")
    page.keyboard.press("Enter")
    way = arrived("loupe")
    drawn = way.fetch()  # before the server has the verdict
    verdict.continue_()
    while verdict.request.url not in answered:
        page.wait_for_timeout(20)
    page.wait_for_timeout(200)  # the script hears it; a page that goes before that tells the next one otherwise
    assert standings(rows)[0] == "approved"
    way.fulfill(response=drawn)
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    expect(page.locator("#remaining")).to_have_text("2")
    page.unroute_all()


@pytest.mark.parametrize("allowed_console_errors", [["409"]])
def test_two_reviewers_decide_on_one_picture_in_the_same_moment(
    new_page: Callable[..., Page], live_loupe: LiveLoupe, campaign: Campaign
) -> None:
    (row, _) = make_images(campaign, 2)
    pages = {}
    for name in ("Ana", "Ben"):
        pages[name] = new_page()
        live_loupe.sign_in(
            pages[name], MembershipFactory(workspace=campaign.workspace, user__name=f"{name} Moreau").user
        )
        live_loupe.open(pages[name], loupe(row))
        marks_are_open(pages[name])
    for key, page in zip("ax", pages.values(), strict=True):
        # both pages have what they need before either has an answer
        page.keyboard.press(key)
    pages["Ben"].keyboard.press("1")
    settled(lambda: Verdict.objects.filter(generation=row).count(), 1)
    first = Verdict.objects.get().by.name.split()[0]
    late = "Ben" if first == "Ana" else "Ana"
    ours, theirs = ("approved", "rejected") if late == "Ana" else ("rejected", "approved")
    late_page = pages[late]
    late_page.locator("#toasts").get_by_role("button", name="Look at it").click()
    problem = late_page.locator("#problem")
    expect(late_page.locator("#loupe")).to_have_attribute("data-id", row.pk)
    expect(late_page.locator("#standing-line")).to_contain_text(f"{first} Moreau")
    expect(late_page.locator(f"#stage-mark .mark.{theirs}")).to_be_visible()
    expect(problem).to_contain_text(f"{first} Moreau {theirs} it")
    assert standings([row]) == [theirs]
    problem.get_by_role("button", name="Decide as I did").click()
    settled(lambda: standings([row]), [ours])
    expect(problem).to_be_hidden()
    expect(late_page.locator(f"#stage-mark .mark.{ours}")).to_be_visible()
    assert list(Verdict.objects.order_by("pk").values_list("by__name", flat=True)) == [
        f"{first} Moreau",
        f"{late} Moreau",
    ]


@pytest.mark.parametrize("allowed_console_errors", [["ERR_INTERNET_DISCONNECTED", "ERR_FAILED"]])
def test_verdicts_given_without_a_line_show_it_survive_a_reload_and_are_sent(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 4)
    live_loupe.open(page, sheet(campaign))
    page.keyboard.press("ArrowRight")
    page.context.set_offline(True)
    page.keyboard.press("a")
    page.keyboard.press("x")
    page.keyboard.press("3")
    first, second = (page.locator(f"#frame-{row.pk}") for row in rows[:2])
    expect(first).to_contain_text("No connection. Your decision is kept")
    expect(second).to_contain_text("No connection. Your decision is kept")
    assert not Verdict.objects.exists()
    # the line is back, but the page goes before it has said so
    page.route("**/verdict/", lambda route: route.abort())
    page.context.set_offline(False)
    page.reload()
    expect(first.locator(".mark.approved")).to_be_visible()
    expect(second.locator(".mark.rejected")).to_be_visible()
    assert not Verdict.objects.exists()
    page.unroute_all()
    second.get_by_role("button", name="Try again").click()
    first.get_by_role("button", name="Try again").click()
    wait_until_stored(page)
    settled(lambda: standings(rows), ["approved", "rejected", "", ""])
    assert Verdict.objects.get(decision="rejected").reason == "artefacts"
    expect(page.locator(".frame-problem")).to_have_count(0)


@pytest.mark.parametrize("allowed_console_errors", [["ERR_FAILED"]])
def test_a_verdict_on_top_of_an_undo_that_was_just_answered_survives_leaving_the_page(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 3)
    live_loupe.open(page, sheet(campaign))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("a")
    wait_until_stored(page)
    held: list[Route] = []
    page.route("**/verdict/", lambda route: route.abort() if held else held.append(route))
    with page.expect_request("**/verdict/"):
        page.keyboard.press("z")
    page.keyboard.press("x")
    page.keyboard.press("1")
    # the undo gets its answer; the rejection is under way when the page goes, and is lost
    held[0].continue_()
    expect(page.locator(f"#frame-{rows[0].pk}")).to_contain_text("No connection. Your decision is kept")
    page.unroute_all()
    live_loupe.open(page, loupe(rows[2]))
    wait_until_stored(page)
    settled(lambda: standings(rows), ["rejected", "", ""])


@pytest.mark.parametrize("allowed_console_errors", [["401"]])
def test_the_words_about_a_verdict_that_waits_go_along_to_the_next_picture(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    (row, following) = make_images(campaign, 2)
    held: list[Route] = []
    page.route(f"**/images/{following.pk}/*", lambda route: route.continue_() if held else held.append(route))
    page.route("**/verdict/", lambda route: route.fulfill(status=401))
    live_loupe.open(page, loupe(row))
    marks_are_open(page)
    page.keyboard.press("a")
    expect(page.locator("#problem")).to_contain_text("Your sign-in has expired. Your decision is kept")
    held[0].continue_()
    expect(page.locator("#loupe")).to_have_attribute("data-id", following.pk)
    expect(page.locator("#toasts")).to_contain_text("Your sign-in has expired. Your decision is kept")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#loupe")).to_have_attribute("data-id", row.pk)
    expect(page.locator("#problem")).to_contain_text("Your sign-in has expired. Your decision is kept")
    page.unroute_all()
    page.locator("#problem").get_by_role("button", name="Try again").click()
    settled(lambda: standings([row]), ["approved"])
    expect(page.locator("#problem")).to_be_hidden()


@pytest.mark.parametrize("allowed_console_errors", [["401", "403"]])
def test_a_verdict_given_after_the_sign_in_expired_is_stored_after_signing_in_in_another_tab(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 2)
    live_loupe.open(page, loupe(rows[0]))
    marks_are_open(page)
    page.context.clear_cookies()
    page.keyboard.press("a")
    expect(page.locator("#toasts")).to_contain_text("Your sign-in has expired. Your decision is kept")
    with page.context.expect_page() as opened:
        page.locator("#toasts").get_by_role("link", name="Sign in").first.click()
    other = opened.value
    other.get_by_label("E-mail").fill(ana.email)
    other.get_by_label("Password").fill("a long enough password")
    other.get_by_role("button", name="Sign in", exact=True).click()
    other.wait_for_url(lambda address: "sign-in" not in address)
    other.close()
    page.bring_to_front()
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    settled(lambda: standings(rows), ["approved", ""])
