"""The review room in a real browser: verdicts by keyboard, refused and unsent ones, marks that stay on their pixels."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from campaigns.models import Campaign, User
from review.models import Annotation, Comment, Decision, Verdict
from review.services.verdicts import record_verdict
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import (
    draw_rectangle,
    here,
    loupe,
    make_images,
    note_decoded,
    settled,
    shape_in_picture,
    sheet,
    standings,
    wait_until_decoded,
    wait_until_still,
)
from tests.factories import GenerationFactory, MembershipFactory, ShotFactory, SignOffFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_sheet_is_reviewed_by_keyboard_with_undo(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 6)
    live_loupe.open(page, sheet(campaign))
    page.keyboard.press("ArrowRight")
    assert here(page) == rows[0].pk
    page.keyboard.press("a")
    assert here(page) == rows[1].pk  # at once, whatever the server does
    expect(page.locator(f"#frame-{rows[0].pk} .mark.approved")).to_be_visible()
    page.keyboard.press("x")
    expect(page.get_by_role("group", name="Reason")).to_be_visible()
    page.keyboard.press("3")
    assert here(page) == rows[2].pk
    page.keyboard.press("r")
    page.keyboard.press("a")
    settled(lambda: standings(rows), ["approved", "rejected", "changes", "approved", "", ""])
    assert Verdict.objects.get(generation=rows[1]).reason == "artefacts"
    page.keyboard.press("z")
    page.keyboard.press("z")
    settled(lambda: standings(rows), ["approved", "rejected", "undecided", "undecided", "", ""])
    assert here(page) == rows[2].pk
    expect(page.locator("#announce")).to_contain_text("Taken back")
    expect(page.locator(f"#frame-{rows[2].pk} .mark")).to_have_count(0)
    expect(page.locator("#reviewed")).to_have_text("2")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("m")
    assert here(page) == rows[2].pk
    page.keyboard.press("Control+a")  # the browser's own
    settled(lambda: standings(rows)[2], "undecided")


def test_several_are_decided_and_undone_at_once(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 4)
    live_loupe.open(page, sheet(campaign))
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("s")
    expect(page.locator("#bar-words")).to_have_text("3 selected")
    page.get_by_role("button", name="Approve").click()
    settled(lambda: standings(rows), ["approved"] * 3 + [""])
    page.keyboard.press("z")
    settled(lambda: standings(rows), ["undecided"] * 3 + [""])


@pytest.mark.parametrize("allowed_console_errors", [["409"]])
def test_a_colleague_was_faster(page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User) -> None:
    rows = make_images(campaign, 2)
    live_loupe.open(page, sheet(campaign))
    record_verdict(
        generation=rows[0], decision=Decision.REJECTED, by=UserFactory(name="Ben"), seen_version=0, reason="legal"
    )
    page.keyboard.press("ArrowRight")
    page.keyboard.press("a")
    card = page.locator(f"#frame-{rows[0].pk}")
    expect(card).to_contain_text("Ben rejected it (legal) while you were looking.")
    expect(card.locator(".mark.rejected")).to_be_visible()
    card.get_by_role("button", name="Decide as I did").click()
    settled(lambda: standings(rows)[0], "approved")
    expect(card.locator(".mark.approved")).to_be_visible()
    expect(card.locator(".frame-problem")).to_have_count(0)


@pytest.mark.parametrize("allowed_console_errors", [["ERR_FAILED", "401", "403", "Failed to fetch"]])
def test_unsent_verdicts_survive_a_lost_line_a_reload_and_an_expired_sign_in(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 3)
    live_loupe.open(page, sheet(campaign))

    def cut(route: Route) -> None:
        route.abort()

    page.route("**/verdict/", cut)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("a")
    card = page.locator(f"#frame-{rows[0].pk}")
    expect(card).to_contain_text("No connection. Your decision is kept")
    page.reload()
    expect(card.locator(".mark.approved")).to_be_visible()
    assert standings(rows)[0] == ""
    page.unroute("**/verdict/", cut)
    page.context.clear_cookies()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(card).to_contain_text("Your sign-in has expired. Your decision is kept")
    live_loupe.sign_in(page, ana)
    card.get_by_role("button", name="Try again").click()
    settled(lambda: standings(rows)[0], "approved")
    expect(card.locator(".frame-problem")).to_have_count(0)


def test_the_loupe_goes_on_to_the_next_in_the_same_moment(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 5)
    note_decoded(page)
    live_loupe.open(page, sheet(campaign))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{loupe(rows[0])}")
    wait_until_decoded(page, rows[1])
    painted = page.evaluate(
        """async () => {
          document.dispatchEvent(new KeyboardEvent("keydown", {key: "a", bubbles: true}));
          await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
          return document.getElementById("loupe").dataset.id;
        }"""
    )
    # two frames later the next one stands there, before any answer of the server could have come
    assert painted == rows[1].pk
    expect(page).to_have_url(re.compile(rows[1].pk))
    page.keyboard.press("x")
    page.keyboard.press("1")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[2].pk)
    settled(lambda: standings(rows), ["approved", "rejected", "", "", ""])
    page.keyboard.press("z")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    settled(lambda: standings(rows), ["approved", "undecided", "", "", ""])
    expect(page.locator("#stage-mark .mark")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[2].pk)
    page.keyboard.press("]")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)  # one version newer
    assert page.evaluate("document.activeElement.id") == "stage"
    page.go_back()
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[2].pk)
    page.keyboard.press("Escape")
    page.wait_for_url(f"**{sheet(campaign)}#frame-{rows[2].pk}")
    expect(page.locator(f"#open-{rows[2].pk}")).to_be_focused()


def test_the_last_one_reviewed_says_so(page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User) -> None:
    rows = make_images(campaign, 2)
    live_loupe.open(page, loupe(rows[0]))
    page.keyboard.press("a")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    page.keyboard.press("a")
    expect(page.locator("#toasts")).to_contain_text("Everything here is reviewed")
    settled(lambda: standings(rows), ["approved", "approved"])
    expect(page.locator("#remaining")).to_have_text("0")


def test_versions_are_compared_by_key_and_by_address(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 3)
    live_loupe.open(page, loupe(rows[0]))
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile(f"compare={rows[1].pk}"))
    expect(page.locator("#pair .loupe-picture")).to_have_count(2)
    page.keyboard.press("+")
    widths = page.evaluate(
        "[...document.querySelectorAll('#pair .loupe-picture')].map(each => each.getBoundingClientRect().width)"
    )
    assert widths[0] == pytest.approx(widths[1])
    page.keyboard.press("w")
    expect(page.get_by_role("slider", name="Where the two pictures meet")).to_be_visible()
    page.reload()
    expect(page.locator("#pair.is-wipe")).to_have_count(1)
    page.locator("#stage").focus()
    page.keyboard.press("c")
    expect(page.locator("#pair")).to_have_count(0)
    expect(page).to_have_url(re.compile(f"{rows[0].pk}/$"))


def test_a_mark_is_saved_at_once_and_stays_on_its_pixels(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    (row,) = make_images(campaign, 1)
    live_loupe.open(page, loupe(row))
    page.wait_for_selector(".a9s-annotationlayer")
    page.keyboard.press("e")
    draw_rectangle(page)
    settled(Annotation.objects.count, 1)
    left, top, width, height = (
        float(number)
        for number in Annotation.objects.get().target["selector"]["value"][len("xywh=pixel:") :].split(",")
    )
    assert [left, top, width, height] == pytest.approx([240, 160, 240, 160], abs=8)
    field = page.get_by_role("textbox", name="Words on mark 1")
    expect(field).to_be_focused()
    page.keyboard.type("Lift the shadow xazs")  # letters, not keys
    page.keyboard.press("Enter")
    settled(lambda: [comment.text for comment in Comment.objects.all()], ["Lift the shadow xazs"])
    assert not Verdict.objects.exists()
    page.locator("#mark-list").get_by_role("button", name="Keep").click()
    settled(lambda: Annotation.objects.get().kind, "keep")
    page.set_viewport_size({"width": 1000, "height": 700})
    page.reload()
    page.wait_for_selector(".a9s-annotation")
    assert shape_in_picture(page) == pytest.approx([0.25, 0.25, 0.25, 0.25], abs=0.02)
    page.locator("#stage").focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    wait_until_still(page)
    assert shape_in_picture(page) == pytest.approx([0.25, 0.25, 0.25, 0.25], abs=0.02)
    page.get_by_role("button", name="Resolve").click()
    settled(lambda: Annotation.objects.get().resolved_by, ana)


@pytest.mark.parametrize("allowed_console_errors", [["ERR_FAILED", "401", "Failed to fetch"]])
def test_pins_and_lines_drawn_offline_are_saved_later(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    (row,) = make_images(campaign, 1)
    live_loupe.open(page, loupe(row))
    page.wait_for_selector(".a9s-annotationlayer")
    page.route("**/marks/", lambda route: route.abort())
    page.get_by_role("button", name="Pin").click()
    box = page.locator("#print").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#unsaved-words")).to_contain_text("1 not saved yet")
    page.get_by_role("button", name="Freehand").click()
    draw_rectangle(page)
    expect(page.locator("#unsaved-words")).to_contain_text("2 not saved yet")
    page.unroute_all()
    page.reload()
    settled(lambda: sorted(Annotation.objects.values_list("shape", flat=True)), ["freehand", "pin"])
    expect(page.locator("#mark-list .mark-item")).to_have_count(2)
    pin = Annotation.objects.get(shape="pin").target["selector"]["value"]
    assert [float(number) for number in pin[len("xywh=pixel:") :].split(",")] == pytest.approx([480, 320, 0, 0], abs=3)


@pytest.mark.parametrize("width", [390, 1440])
def test_both_screens_are_accessible(
    new_page: Callable[..., Page],
    live_loupe: LiveLoupe,
    campaign: Campaign,
    assert_accessible: Callable[[Page], None],
    width: int,
) -> None:
    user = MembershipFactory(workspace=campaign.workspace).user
    rows = make_images(campaign, 3)
    record_verdict(generation=rows[1], decision=Decision.APPROVED, by=user, seen_version=0)
    for theme in ("dark", "light"):
        page = new_page(viewport={"width": width, "height": 844})
        live_loupe.sign_in(page, user)
        page.context.add_cookies([{"name": "theme", "value": theme, "url": live_loupe.url}])
        for address in (sheet(campaign), loupe(rows[1])):
            live_loupe.open(page, address)
            page.keyboard.press("x")
            wait_until_still(page)
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_chip_of_the_approved_says_what_its_filter_shows(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 3)
    SignOffFactory(generation=GenerationFactory(shot=ShotFactory(campaign=campaign), ready=True, scored=9))
    live_loupe.open(page, sheet(campaign))
    approved = page.locator("#approved")
    expect(approved).to_have_text("1")  # the signed one
    page.locator(f"#open-{rows[0].pk}").focus()
    page.keyboard.press("a")
    page.keyboard.press("a")
    expect(approved).to_have_text("3")
    page.keyboard.press("z")
    expect(approved).to_have_text("2")
    settled(lambda: standings(rows), ["approved", "undecided", ""])
    page.get_by_role("link", name=re.compile("^Approved")).click()
    expect(page.locator(".frame")).to_have_count(2)
    expect(approved).to_have_text("2")


def test_approve_from_a_phone(new_page: Callable[..., Page], live_loupe: LiveLoupe, campaign: Campaign) -> None:
    user = MembershipFactory(workspace=campaign.workspace).user
    rows = make_images(campaign, 2)
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    live_loupe.sign_in(page, user)
    live_loupe.open(page, sheet(campaign))
    page.locator(f"#frame-{rows[0].pk} .pick").tap()
    page.get_by_role("button", name="Approve").tap()
    settled(lambda: standings(rows), ["approved", ""])
    page.locator(f"#open-{rows[1].pk}").tap()
    page.wait_for_url(f"**{loupe(rows[1])}")
    page.get_by_role("button", name="Reject").tap()
    page.get_by_role("button", name="Composition").tap()
    settled(lambda: standings(rows), ["approved", "rejected"])
