"""What arrives while one looks moves nothing, and the way back leads to the frame one came from, however deep."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, User
from generation.models import Generation, GenerationState
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import loupe, make_images, marks_are_open, sheet, until
from tests.factories import GenerationFactory, ShotFactory, store_picture

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = 60


def place_of(page: Page, row: Generation) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(
        "id => document.getElementById(id).getBoundingClientRect().toJSON()", f"frame-{row.pk}"
    )
    return found


def make_many(campaign: Campaign, count: int) -> list[Generation]:
    """Small ones of one picture, newest first."""
    shot = ShotFactory(campaign=campaign, title="Hero")
    first = store_picture(GenerationFactory(shot=shot, ready=True))
    files = {
        "sha256": first.sha256,
        "renditions": first.renditions,
        "thumbhash": first.thumbhash,
        "image_width": 96,
        "image_height": 64,
    }
    rows = [
        Generation(
            shot=shot, campaign=campaign, workspace=campaign.workspace, version=number, key=f"many:{number}",
            state="ready", provider="local", model=first.model, prompt="x", width=96, height=64, purpose="create",
            image=first.image.name, **files,
        )
        for number in range(2, count + 1)
    ]  # fmt: skip
    Generation.objects.bulk_create(rows)
    return list(Generation.objects.order_by("-pk"))


def test_new_pictures_move_nothing_until_one_asks_for_them(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 8)
    page.set_viewport_size({"width": 900, "height": 500})
    live_loupe.open(page, sheet(campaign))
    page.locator(f"#open-{rows[6].pk}").focus()
    page.evaluate("window.scrollBy(0, 40)")
    before = place_of(page, rows[6])
    fresh = make_images(campaign, 2)
    button = page.get_by_role("button", name="2 new pictures")
    expect(button).to_be_visible()
    assert place_of(page, rows[6]) == before
    assert page.locator(".frame").count() == 8
    assert page.evaluate("document.activeElement.id") == f"open-{rows[6].pk}"
    button.click()
    expect(page.locator(".frame")).to_have_count(10)
    expect(page.locator("#sheet > .frame").first).to_have_id(f"frame-{fresh[0].pk}")
    expect(page.locator(f"#open-{fresh[0].pk}")).to_be_focused()


def test_a_version_that_arrives_is_counted_and_told_until_it_is_looked_at(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 2)
    coming = GenerationFactory(shot=rows[0].shot)
    live_loupe.open(page, loupe(rows[0]))
    expect(page.locator("#remaining")).to_have_text("2")
    page.keyboard.press("m")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    coming.state = GenerationState.READY
    store_picture(coming).save()
    arrived = page.locator("#toasts .toast").filter(has_text=f"Version {coming.version} is here")
    expect(arrived).to_be_visible(timeout=15_000)
    expect(page.locator("#remaining")).to_have_text("3")
    page.wait_for_timeout(5_500)  # longer than any other good news stays
    expect(arrived).to_be_visible()
    page.locator(f"#film-link-{coming.pk}").click()
    expect(page.locator("#loupe")).to_have_attribute("data-id", coming.pk)
    expect(arrived).to_have_count(0)


def place_at_rest(page: Page, row: Generation) -> dict[str, float]:
    """Where a frame lies once the frames above it have taken their true heights."""
    before, place = {}, place_of(page, row)
    while place != before:
        page.wait_for_timeout(300)
        before, place = place, place_of(page, row)
    return place


def test_back_from_a_picture_far_down_the_same_frame_is_in_view(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_many(campaign, 3 * PAGE)
    live_loupe.open(page, sheet(campaign))
    deep = rows[2 * PAGE + 40]
    while not page.locator(f"#frame-{deep.pk}").count():
        page.mouse.wheel(0, 3000)
        page.wait_for_timeout(50)
    page.locator(f"#open-{deep.pk}").focus()
    for way_back in ("the browser's", "the loupe's"):
        settled_place = place_at_rest(page, deep)
        assert 0 <= settled_place["top"] < 900
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{loupe(deep)}")
        marks_are_open(page)
        if way_back == "the browser's":
            page.go_back()
        else:
            page.keyboard.press("Escape")
        page.wait_for_url("**/sheet/**")
        expect(page.locator(f"#open-{deep.pk}")).to_be_focused()
        moved = f"document.getElementById('frame-{deep.pk}').getBoundingClientRect().top - {settled_place['top']}"
        until(page, f"Math.abs({moved}) < 8")
