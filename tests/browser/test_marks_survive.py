"""Marks and the words on them, drawn and written while the line is gone or the sign-in has expired: nothing is lost."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from campaigns.models import Campaign, User
from review.models import Annotation, Comment
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import draw_rectangle, loupe, make_images, marks_are_open, settled, wait_until_stored
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

OFFLINE = ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "Failed to fetch"]


def said() -> list[tuple[str | None, str]]:
    """Shape of the mark and words, in the order in which they were stored."""
    return list(Comment.objects.order_by("pk").values_list("annotation__shape", "text"))


def cut(page: Page) -> None:
    """Nothing of marks and words reaches the server any more, a reload does."""
    page.route("**/marks/", lambda route: route.abort())
    page.route("**/comments/", lambda route: route.abort())


def draw_mark(page: Page) -> Locator:
    """A first mark by key and hand. Returns the field of its words, which has the focus."""
    page.keyboard.press("e")
    draw_rectangle(page)
    field = page.get_by_role("textbox", name="Words on mark 1")
    expect(field).to_be_focused()
    return field


@pytest.mark.parametrize("allowed_console_errors", [OFFLINE])
def test_a_mark_and_its_words_without_a_line_survive_a_reload_and_are_sent(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    (row,) = make_images(campaign, 1)
    live_loupe.open(page, loupe(row))
    marks_are_open(page)
    page.context.set_offline(True)
    draw_mark(page)
    expect(page.locator("#unsaved-words")).to_contain_text("1 not saved yet: no connection")
    page.keyboard.type("Lift the shadow")
    page.keyboard.press("Enter")
    expect(page.locator("#unsaved-marks")).to_contain_text("Kept in this browser: sent with the mark.")
    page.get_by_role("textbox", name="Words on the whole picture").click()
    page.keyboard.type("Nearly there")
    page.keyboard.press("Enter")
    expect(page.locator("#talk")).to_contain_text("Not sent yet: no connection.")
    assert not Annotation.objects.exists()
    cut(page)
    page.context.set_offline(False)
    page.reload()
    expect(page.get_by_role("textbox", name="Words on mark 1")).to_have_value("Lift the shadow")
    expect(page.get_by_role("textbox", name="Words on the whole picture")).to_have_value("Nearly there")
    expect(page.locator("#unsaved-words")).to_contain_text("1 not saved yet")
    assert not Annotation.objects.exists()
    page.unroute_all()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    wait_until_stored(page)
    assert set(said()) == {("rectangle", "Lift the shadow"), (None, "Nearly there")}
    assert len(said()) == 2
    expect(page.locator("#mark-list")).to_contain_text("Lift the shadow")
    expect(page.get_by_role("textbox", name="Words on mark 1")).to_have_value("")
    expect(page.locator("#unsaved-words")).to_be_empty()


def test_words_whose_answer_finds_the_list_drawn_anew_leave_their_field_and_stand_once(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    (row,) = make_images(campaign, 1)
    live_loupe.open(page, loupe(row))
    marks_are_open(page)
    first, whole = draw_mark(page), page.get_by_role("textbox", name="Words on the whole picture")
    held: list[Route] = []
    let_through: list[bool] = []
    page.route("**/comments/", lambda route: route.continue_() if let_through else held.append(route))
    page.keyboard.type("Lift the shadow")
    with page.expect_request("**/comments/"):
        page.keyboard.press("Enter")
    whole.click()
    page.keyboard.type("Nearly there")
    page.keyboard.press("Enter")
    first.click()
    page.keyboard.type(", a little")
    page.locator("[data-tool=pin]").click()
    page.locator("#picture").click(position={"x": 60, "y": 60})
    expect(page.locator("#mark-list .mark-item")).to_have_count(2)
    assert len(held) == 1
    let_through.append(True)
    held[0].continue_()
    expect(page.locator("#talk")).to_contain_text("Nearly there")
    assert said() == [("rectangle", "Lift the shadow"), (None, "Nearly there")]
    expect(whole).to_have_value("")
    expect(page.locator("#mark-list")).to_contain_text("Lift the shadow")
    expect(page.locator("#mark-list .mark-item")).to_have_count(2)
    expect(first).to_have_value("Lift the shadow, a little")
    page.reload()
    expect(first).to_have_value("Lift the shadow, a little")
    expect(whole).to_have_value("")


@pytest.mark.parametrize("tool", ["Rectangle", "Freehand"])
def test_a_shape_under_the_hand_survives_the_answer_about_the_marks(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User, tool: str
) -> None:
    (row,) = make_images(campaign, 1)
    held: list[Route] = []
    page.route("**/marks/", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request("**/marks/"):
        live_loupe.open(page, loupe(row))
    page.get_by_role("button", name=tool).click()
    box = page.locator("#print").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3, steps=4)
    with page.expect_response("**/marks/"):
        held[0].continue_()
    page.unroute_all()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5, steps=4)
    page.mouse.up()
    settled(lambda: list(Annotation.objects.values_list("shape", flat=True)), [tool.lower()])


@pytest.mark.parametrize("allowed_console_errors", [OFFLINE])
def test_what_waits_on_a_picture_that_one_has_left_is_sent_from_the_next(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 2)
    live_loupe.open(page, loupe(rows[0]))
    marks_are_open(page)
    cut(page)
    draw_mark(page)
    page.keyboard.type("Lift the shadow")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    page.unroute_all()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    wait_until_stored(page)
    assert said() == [("rectangle", "Lift the shadow")]
    assert Annotation.objects.get().generation == rows[0]


@pytest.mark.parametrize("allowed_console_errors", [["401", "403"]])
@pytest.mark.parametrize("where", ["another tab", "the same tab"])
def test_a_sign_in_that_expired_in_the_middle_of_a_mark_loses_nothing(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User, where: str
) -> None:
    (row,) = make_images(campaign, 1)
    live_loupe.open(page, loupe(row))
    marks_are_open(page)
    page.keyboard.press("e")
    page.context.clear_cookies()
    draw_rectangle(page)
    expect(page.locator("#unsaved-words")).to_contain_text("your sign-in has expired")
    page.get_by_role("textbox", name="Words on mark 1").fill("Lift the shadow")
    page.keyboard.press("Enter")
    assert not Annotation.objects.exists()
    if where == "another tab":
        with page.context.expect_page() as opened:
            page.locator("#unsaved-words").get_by_role("link", name="Sign in").click()
        sign_in(opened.value, ana)
        opened.value.close()
        page.evaluate("window.dispatchEvent(new Event('focus'))")
    else:
        page.reload()
        sign_in(page, ana)
        page.wait_for_url(f"**{loupe(row)}")
    settled(said, [("rectangle", "Lift the shadow")])
    expect(page.locator("#mark-list")).to_contain_text("Lift the shadow")
    wait_until_stored(page)


def sign_in(page: Page, user: User) -> None:
    page.get_by_label("E-mail").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda address: "sign-in" not in address)


@pytest.mark.parametrize("allowed_console_errors", [OFFLINE])
def test_a_mark_that_waits_can_be_dropped_and_words_half_typed_are_kept(
    page: Page, new_page: Callable[..., Page], live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    (row,) = make_images(campaign, 1)
    live_loupe.open(page, loupe(row))
    marks_are_open(page)
    cut(page)
    page.keyboard.press("e")
    draw_rectangle(page)
    page.get_by_role("button", name="Drop this mark").click()
    expect(page.locator("#unsaved-marks li")).to_have_count(0)
    expect(page.locator("#stage")).to_be_focused()
    page.unroute_all()
    page.get_by_role("textbox", name="Words on the whole picture").fill("Half a thou")
    page.reload()
    expect(page.get_by_role("textbox", name="Words on the whole picture")).to_have_value("Half a thou")
    marks_are_open(page)
    assert not Comment.objects.exists()
    assert not Annotation.objects.exists()
