"""A closer look in a real browser: to 400 % and over the picture by mouse, wheel, keys and two fingers."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, User
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import loupe, make_images, marks_are_open, until
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)

WIDTH = 960  # of the picture, in its own pixels


def box(page: Page) -> dict[str, float]:
    found: dict[str, float] = page.evaluate("document.getElementById('picture').getBoundingClientRect().toJSON()")
    return found


def middle_of_stage(page: Page) -> tuple[float, float]:
    stage = page.locator("#stage").bounding_box()
    assert stage
    return stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2


def level(page: Page) -> str:
    return page.locator("#zoom-level").inner_text()


def test_to_400_per_cent_and_over_the_picture_by_keys_wheel_and_mouse(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    (row, other) = make_images(campaign, 2)
    live_loupe.open(page, loupe(row))
    marks_are_open(page)
    fitted = box(page)
    assert level(page) == "Fit"
    page.get_by_role("button", name="Fit: show at 100 %").click()
    assert level(page) == "100 %"
    assert box(page)["width"] == pytest.approx(WIDTH, abs=1)
    page.get_by_role("button", name="100 %: fit to the table").click()
    assert box(page) == fitted
    page.locator("#stage").focus()
    for _ in range(12):
        page.keyboard.press("+")
    assert level(page) == "400 %"
    assert box(page)["width"] == pytest.approx(4 * WIDTH, abs=2)

    # keys move over the picture, to its edge and no further; the neighbours wait
    before = box(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert box(page)["x"] < before["x"]
    assert box(page)["y"] < before["y"]
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    stage = page.locator("#stage").bounding_box()
    assert stage
    assert box(page)["right"] >= stage["x"] + stage["width"] - 60
    assert page.locator("#loupe").get_attribute("data-id") == row.pk

    # the mouse takes it along
    page.mouse.move(*middle_of_stage(page))
    before = box(page)
    page.mouse.down()
    across, down = middle_of_stage(page)
    page.mouse.move(across + 120, down + 40, steps=6)
    page.mouse.up()
    assert box(page)["x"] - before["x"] == pytest.approx(120, abs=2)
    assert box(page)["y"] - before["y"] == pytest.approx(40, abs=2)

    # the wheel enlarges where the pointer is, and with Shift moves sideways
    page.keyboard.press("0")
    assert level(page) == "Fit"
    at = (fitted["x"] + fitted["width"] * 0.25, fitted["y"] + fitted["height"] * 0.25)
    page.mouse.move(*at)
    page.mouse.wheel(0, -700)
    until(page, "document.getElementById('zoom-level').textContent !== 'Fit'")
    grown = box(page)
    assert (at[0] - grown["x"]) / grown["width"] == pytest.approx(0.25, abs=0.02)
    assert (at[1] - grown["y"]) / grown["height"] == pytest.approx(0.25, abs=0.02)
    page.mouse.wheel(60, 0)
    until(page, f"document.getElementById('picture').getBoundingClientRect().x < {grown['x'] - 50}")

    # a smaller window shows the same part at the same percentage, and the arrows go on once it fits
    page.keyboard.press("0")
    page.set_viewport_size({"width": 1100, "height": 700})
    expect(page.locator("#zoom-level")).to_have_text("Fit")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#loupe")).to_have_attribute("data-id", other.pk)


def fingers(page: Page) -> Callable[..., None]:
    """`touch(kind, *points)`: fingers on the screen, as the browser gets them from the hardware."""
    session: Any = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    return touch


def test_two_fingers_enlarge_and_one_moves_or_turns_the_page(
    new_page: Callable[..., Page], live_loupe: LiveLoupe, campaign: Campaign
) -> None:
    rows = make_images(campaign, 2)
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    live_loupe.sign_in(page, MembershipFactory(workspace=campaign.workspace).user)
    live_loupe.open(page, loupe(rows[0]))
    marks_are_open(page)
    fitted = box(page)
    x, y = middle_of_stage(page)
    touch = fingers(page)
    touch("touchStart", (x - 20, y), (x + 20, y))
    for reach in (30, 50, 70, 90):
        touch("touchMove", (x - reach, y), (x + reach, y))
    touch("touchEnd")
    until(page, f"document.getElementById('picture').getBoundingClientRect().width > {fitted['width'] * 2}")
    before = box(page)
    touch("touchStart", (x, y))
    for step in (15, 30, 45, 60):
        touch("touchMove", (x - step, y))
    touch("touchEnd")
    until(page, f"document.getElementById('picture').getBoundingClientRect().x < {before['x'] - 30}")
    assert page.locator("#loupe").get_attribute("data-id") == rows[0].pk
    assert page.evaluate("scrollY") == 0
    # one finger across the whole picture goes to the neighbour
    for _ in range(8):
        page.keyboard.press("-")
    expect(page.locator("#zoom-level")).to_have_text("Fit")
    touch("touchStart", (x + 100, y))
    for step in (20, 60, 120, 180):
        touch("touchMove", (x + 100 - step, y))
    touch("touchEnd")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
