"""Two versions beside each other in a real browser: by keys, by address, enlarged together, told apart in words."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, User
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import loupe, make_images, marks_are_open
from tests.browser.test_phone import assert_fits, assert_for_a_thumb

pytestmark = pytest.mark.django_db(transaction=True)


def boxes(page: Page) -> list[list[float]]:
    """Width, height and place within its half of both pictures, whole pixels."""
    found: list[list[float]] = page.evaluate(
        """[...document.querySelectorAll("#pair .loupe-picture")].map(each => {
          const box = each.getBoundingClientRect();
          const half = each.parentElement.getBoundingClientRect();
          return [box.width, box.height, box.x - half.x, box.y - half.y].map(Math.round);
        })"""
    )
    return found


def test_versions_are_compared_in_every_way_by_keys_and_by_address(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    newest, older, oldest = make_images(campaign, 3)
    older.prompt = "Headphones on raw oak."
    older.save()
    live_loupe.open(page, loupe(newest))
    marks_are_open(page)
    pair = page.locator("#pair")
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile(f"compare={older.pk}"))
    expect(pair).to_have_class(re.compile("is-side"))
    differences = page.get_by_role("region", name="Against version 2")
    expect(differences.locator("del").filter(has_text="oak")).to_have_count(1)
    expect(differences.locator("ins").filter(has_text="stone plinth")).to_have_count(1)
    expect(differences).to_contain_text(f"v2 {older.seed}")
    expect(differences).not_to_contain_text("Model")

    # both are enlarged and moved as one
    fitted = boxes(page)[0]
    for _ in range(6):
        page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    there, here = boxes(page)
    assert there == here
    assert here[0] > fitted[0] * 2
    assert here[2:] != fitted[2:]
    page.keyboard.press("0")
    assert boxes(page)[0] == fitted

    for key, mode in (("w", "wipe"), ("o", "overlay"), ("b", "blink")):
        page.keyboard.press(key)
        expect(pair).to_have_class(re.compile(f"is-{mode}"))
        expect(page).to_have_url(re.compile(f"mode={mode}"))
        expect(page.get_by_role("button", name=mode.title())).to_have_attribute("aria-pressed", "true")
    expect(pair).to_have_class(re.compile("is-other"))  # it turns by itself
    page.go_back()
    expect(pair).to_have_class(re.compile("is-overlay"))
    assert page.evaluate("getComputedStyle(document.querySelector('#pair .here')).opacity") == "0.5"
    page.go_back()
    expect(pair).to_have_class(re.compile("is-wipe"))
    wiper = page.get_by_role("slider", name="Where the two pictures meet")
    wiper.focus()
    wiper.press("Home")
    assert page.evaluate("getComputedStyle(document.querySelector('#pair .here')).clipPath").endswith(" 0%)")

    # the same by its address, another pair, and out again
    live_loupe.open(page, f"{loupe(newest)}?compare={oldest.pk}&mode=wipe")
    expect(pair).to_have_class(re.compile("is-wipe"))
    expect(page.get_by_role("region", name="Against version 1")).to_be_visible()
    page.get_by_role("button", name="Side by side").click()
    expect(pair).to_have_class(re.compile("is-side"))
    page.keyboard.press("Escape")
    expect(pair).to_have_count(0)
    expect(page).to_have_url(re.compile(rf"{newest.pk}/$"))
    expect(page.locator("#stage, #compare, #mode-side").locator(":scope:focus")).to_have_count(1)


def test_where_motion_is_unwelcome_blinking_is_turned_by_hand(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    newest, older = make_images(campaign, 2)
    page.emulate_media(reduced_motion="reduce")
    live_loupe.open(page, f"{loupe(newest)}?compare={older.pk}&mode=blink")
    expect(page.locator("#zoom-level")).to_have_attribute("aria-label", re.compile("Fit"))
    pair = page.locator("#pair")
    expect(pair).not_to_have_class(re.compile("is-other"))
    page.locator("#stage").press(" ")
    expect(pair).to_have_class(re.compile("is-other"))
    page.locator("#stage").press(" ")
    expect(pair).not_to_have_class(re.compile("is-other"))


def test_a_revision_is_laid_beside_what_it_was_made_from_and_the_film_strip_changes_the_other_side(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    newest, _, origin, oldest = make_images(campaign, 4)
    newest.parent = origin
    newest.save()
    live_loupe.open(page, loupe(newest))
    marks_are_open(page)
    page.keyboard.press("c")
    expect(page.get_by_role("region", name="Against version 2")).to_be_visible()
    page.keyboard.press("w")
    expect(page.locator("#pair")).to_have_class(re.compile("is-wipe"))
    page.locator(f"#film-link-{oldest.pk}").click()
    expect(page.get_by_role("region", name="Against version 1")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"{newest.pk}/\?compare={oldest.pk}&mode=wipe"))
    page.keyboard.press("c")
    expect(page.locator("#pair")).to_have_count(0)
    page.locator(f"#film-link-{oldest.pk}").click()
    expect(page.locator("#loupe")).to_have_attribute("data-id", oldest.pk)


def test_a_phone_lays_the_two_in_every_way(
    new_page: Callable[..., Page], live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    newest, older = make_images(campaign, 2)
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    live_loupe.sign_in(page, ana)
    live_loupe.open(page, loupe(newest))
    page.get_by_role("button", name="Compare with another version").tap()
    expect(page).to_have_url(re.compile(f"compare={older.pk}"))
    for way in ("Wipe", "Overlay", "Blink", "Side by side"):
        button = page.get_by_role("group", name="How the two are laid").get_by_role("button", name=way)
        assert_for_a_thumb(button)
        button.tap()
        expect(button).to_have_attribute("aria-pressed", "true")
    assert_fits(page)
