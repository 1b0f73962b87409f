"""Keyboard and screen reader in a real browser: focus is never nowhere, and what happens is said."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, User
from generation.models import Generation
from review.models import Annotation, Decision, Verdict
from review.services.annotations import save_marks
from review.services.verdicts import record_verdict
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import draw_rectangle, loupe, make_images, marks_are_open, settled, sheet, standings
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

MODIFIERS = ("Control", "Alt", "Meta")
PLACE = """(() => {
  const {left, right, top, bottom} = document.activeElement.getBoundingClientRect();
  return {left, right, top: top + scrollY, bottom: bottom + scrollY};
})()"""
MOVING = """() => [...document.querySelectorAll("*")].flatMap(each => [null, "::before", "::after"].map(part => {
    const style = getComputedStyle(each, part);
    return [style.transitionDuration, style.animationName === "none" ? "0s" : style.animationDuration].join(", ");
  })).filter(durations => durations.split(", ").some(each => parseFloat(each) > 0)).length"""


def focused(page: Page) -> str:
    """What has the focus once the browser has drawn: its id, else its tag."""
    found: str = page.evaluate(
        """() => new Promise(resolve => requestAnimationFrame(() => setTimeout(() => {
          const element = document.activeElement;
          resolve(element.id || element.closest("[id]")?.id || element.tagName);
        })))"""
    )
    return found


def mark(image: Generation, by: User) -> str:
    selector = {"type": "FragmentSelector", "value": "xywh=pixel:100,100,300,200"}
    item = {"id": "mark-of-ana", "shape": "rectangle", "kind": "change", "target": {"selector": selector}}
    save_marks(generation=image, by=by, additions=[{**item, "text": "Lift the shadow"}])
    return str(item["id"])


@pytest.mark.parametrize("allowed_console_errors", [["409"]])
def test_on_the_sheet_focus_is_never_lost_and_what_happens_is_said(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 6)
    said = page.locator("#announce")
    live_loupe.open(page, sheet(campaign))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("a")
    assert focused(page) == f"open-{rows[1].pk}"
    expect(said).to_contain_text("Approved: Hero, version 6")
    page.keyboard.press("x")
    expect(said).to_contain_text("Why?")
    page.keyboard.press("Escape")
    assert focused(page) == f"open-{rows[1].pk}"

    # by buttons: the one that was pressed goes away
    page.get_by_role("button", name="Reject").press("Enter")
    assert page.evaluate("document.activeElement.dataset.reason") == "composition"
    page.keyboard.press("Escape")
    assert focused(page) == f"open-{rows[1].pk}"
    page.get_by_role("button", name="Reject").press("Enter")
    page.keyboard.press("Enter")
    assert focused(page) == f"open-{rows[2].pk}"
    page.get_by_role("button", name="Undo").press("Enter")
    assert focused(page) == f"open-{rows[1].pk}"
    expect(said).to_contain_text("Taken back")

    # several at once: the bar's buttons go with the selection
    page.keyboard.press("s")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    expect(said).to_contain_text("2 in all")
    page.get_by_role("button", name="Clear selection").press("Enter")
    assert focused(page) == f"open-{rows[2].pk}"
    page.keyboard.press("s")
    page.get_by_role("button", name="Approve").press("Enter")
    assert focused(page).startswith("open-")

    # a colleague was faster: the words go with their buttons
    record_verdict(generation=rows[4], decision=Decision.REJECTED, by=UserFactory(), seen_version=0, reason="legal")
    page.locator(f"#open-{rows[4].pk}").focus()
    page.keyboard.press("a")
    card = page.locator(f"#frame-{rows[4].pk}")
    card.get_by_role("button", name="Keep theirs").press("Enter")
    assert focused(page) == f"open-{rows[4].pk}"

    # the list of keys, a toast, a filter
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    assert focused(page) == f"open-{rows[4].pk}"
    page.evaluate("window.loupe.toast({words: 'Something happened', level: 'warning'})")
    page.get_by_role("button", name="Dismiss").last.press("Enter")
    assert focused(page) == f"open-{rows[4].pk}"
    page.get_by_role("link", name="To review").press("Enter")
    page.wait_for_url("**unreviewed=1*")
    expect(page.locator("#sheet")).to_be_focused()
    expect(said).to_contain_text("shown")


def test_in_the_loupe_focus_is_never_lost_and_what_happens_is_said(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 4)
    name = mark(rows[1], ana)
    said = page.locator("#announce")
    live_loupe.open(page, loupe(rows[0]))
    marks_are_open(page)
    page.get_by_role("button", name="Reject").press("Enter")
    page.keyboard.press("1")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    assert focused(page) != "BODY"
    page.keyboard.press("z")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[0].pk)
    expect(said).to_contain_text("Hero, version 4")
    assert focused(page) != "BODY"
    page.keyboard.press("ArrowRight")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    assert focused(page) != "BODY"

    marks_are_open(page)
    page.get_by_role("button", name="Remove", exact=True).press("Enter")
    settled(lambda: Annotation.objects.get().kind, "remove")
    expect(page.locator("#mark-list .is-remove")).to_be_visible()
    assert focused(page) == f"kind-remove-{name}"
    page.get_by_role("button", name="Resolve mark 1").press("Enter")
    expect(page.get_by_role("button", name="Reopen mark 1")).to_be_focused()
    page.get_by_role("button", name="Delete mark 1").press("Enter")
    settled(lambda: Annotation.objects.filter(deleted_at=None).count(), 0)
    expect(page.locator("#no-marks")).to_be_visible()
    expect(page.locator("#stage")).to_be_focused()
    page.keyboard.press("e")
    expect(said).to_contain_text("drag on the picture")
    draw_rectangle(page)
    expect(page.get_by_role("textbox", name="Words on mark 1")).to_be_focused()
    page.keyboard.press("Escape")
    assert focused(page) == "stage"
    page.get_by_role("textbox", name="Words on the whole picture").fill("Good")
    page.keyboard.press("Enter")
    expect(page.locator("#talk")).to_contain_text("Ana Moreau")
    expect(page.get_by_role("textbox", name="Words on the whole picture")).to_be_focused()

    page.get_by_role("button", name="Compare with another version").press("Enter")
    expect(page.locator("#pair")).to_be_visible()
    assert focused(page) == "compare"
    page.get_by_role("button", name="Wipe").press("Enter")
    expect(page.locator("#pair.is-wipe")).to_be_visible()
    assert focused(page) == "mode-wipe"
    page.keyboard.press("Escape")
    expect(page.locator("#pair")).to_have_count(0)
    assert focused(page) == "stage"
    page.go_back()
    expect(page.locator("#pair")).to_be_visible()
    assert focused(page) != "BODY"


def test_up_and_down_go_to_the_frame_above_and_below(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 8)
    page.set_viewport_size({"width": 1100, "height": 900})
    live_loupe.open(page, sheet(campaign))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    above = page.evaluate(PLACE)
    page.keyboard.press("ArrowUp")  # there is nothing above
    assert focused(page) == f"open-{rows[1].pk}"
    page.keyboard.press("j")
    below = page.evaluate(PLACE)
    assert below["top"] > above["bottom"]
    assert below["left"] <= (above["left"] + above["right"]) / 2 <= below["right"]
    page.keyboard.press("k")
    assert focused(page) == f"open-{rows[1].pk}"


def test_no_key_with_a_modifier_does_anything(page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User) -> None:
    rows = make_images(campaign, 3)
    mark(rows[0], ana)
    live_loupe.open(page, sheet(campaign))
    page.keyboard.press("ArrowRight")
    # not those that the browser answers itself: N, T, W, Enter on a link, arrows that go through the history
    for key in ("a", "x", "r", "z", "s", "m", "e", "c", "o", "b", "v", "j", "k", "1", "2", "[", "]", "+", "-"):
        for modifier in MODIFIERS:
            page.keyboard.press(f"{modifier}+{key}")
    assert page.evaluate("document.querySelectorAll('.is-selected, .mark').length") == 0
    assert focused(page) == f"open-{rows[0].pk}"
    live_loupe.open(page, loupe(rows[0]))
    marks_are_open(page)
    page.locator("#stage").focus()
    for key in ("a", "x", "r", "z", "y", "m", "e", "c", "o", "b", "v", "j", "k", "1", "2", "[", "]", "Delete"):
        for modifier in MODIFIERS:
            page.keyboard.press(f"{modifier}+{key}")
    page.get_by_role("textbox", name="Words on mark 1").fill("Not yet")
    page.keyboard.press("Control+Enter")
    marks_are_open(page)
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[0].pk)
    expect(page.locator("[data-tool][aria-pressed=true]")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    assert not Verdict.objects.exists()
    assert Annotation.objects.get().comments.count() == 1
    assert standings(rows) == ["", "", ""]


@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing_in_any_room_and_nothing_moves_where_motion_is_unwelcome(
    new_page: Callable[..., Page],
    live_loupe: LiveLoupe,
    campaign: Campaign,
    assert_accessible: Callable[[Page], None],
    width: int,
) -> None:
    user = MembershipFactory(workspace=campaign.workspace, approver=True).user
    newest, older = make_images(campaign, 2)
    mark(newest, user)
    record_verdict(generation=older, decision=Decision.APPROVED, by=user, seen_version=0)
    compare = f"{loupe(newest)}?compare={older.pk}&mode="
    revise = reverse("revise", kwargs={"pk": newest.pk})
    rooms = (sheet(campaign), loupe(newest), f"{compare}side", f"{compare}wipe", revise, f"{revise}?as=variation")
    for theme in ("dark", "light"):
        page = new_page(viewport={"width": width, "height": 844}, reduced_motion="reduce")
        live_loupe.sign_in(page, user)
        page.context.add_cookies([{"name": "theme", "value": theme, "url": live_loupe.url}])
        for address in rooms:
            live_loupe.open(page, address)
            page.wait_for_load_state("load")
            if address == loupe(newest):
                marks_are_open(page)
                page.evaluate("window.loupe.toast({words: 'Something happened', detail: 'And this'})")
            assert page.evaluate(MOVING) == 0, address
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
