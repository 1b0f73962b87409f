"""Marks become the next version, in a browser with conductor and workers at work: drawn, priced, made, answered."""

import re
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, User
from generation.models import Generation, Purpose
from generation.money import ledger
from generation.pictures.files import read_file
from review.models import Annotation, Standing
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import draw_rectangle, loupe, make_images, marks_are_open, settled
from tests.services import engine

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

PATIENCE = 120_000


@pytest.fixture
def engine_at_work(process_environment: dict[str, str], redis_url: str, tmp_path: Path) -> Iterator[None]:
    """Conductor and workers as processes of their own; this process nudges them over that Redis."""
    with engine.at_work(environment=process_environment, folder=tmp_path, redis_url=redis_url):
        yield


def test_marks_become_a_new_version_that_is_answered_mark_by_mark(
    page: Page, engine_at_work: None, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    ledger.set_limit(workspace=campaign.workspace, campaign=None, limit=Decimal(5))
    (row,) = make_images(campaign, 1)
    mark_it(page, live_loupe, row)
    compose(page, row)
    made = see_it_arrive(page, row)
    assert_only_the_mark_changed(row, made)
    answer_the_mark(page, row, made)


def mark_it(page: Page, live_loupe: LiveLoupe, row: Generation) -> None:
    """A rectangle with words, and R."""
    live_loupe.open(page, loupe(row))
    marks_are_open(page)
    page.keyboard.press("e")
    draw_rectangle(page)
    expect(page.get_by_role("textbox", name="Words on mark 1")).to_be_focused()
    page.keyboard.type("Warmer light on the plinth")
    page.keyboard.press("Enter")
    expect(page.locator("#mark-list .words")).to_have_text("Warmer light on the plinth")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.wait_for_url("**/revise/")


def compose(page: Page, row: Generation) -> None:
    """Words, mask, model, price and balance are on one page; the words are edited and sent."""
    words = page.get_by_role("textbox", name="What the model is told")
    expect(words).to_have_value(re.compile("Warmer light on the plinth"))
    expect(words).to_have_value(re.compile("[Kk]eep everything else unchanged"))
    expect(page.get_by_role("img", name="Only the bright regions change")).to_be_visible()
    mask = page.evaluate(
        """() => {
          const open = document.querySelector("#open-regions polygon").getAttribute("points").match(/[\\d.]+/g);
          return open.map(Number);
        }"""
    )
    assert [min(mask[::2]), min(mask[1::2]), max(mask[::2]), max(mask[1::2])] == pytest.approx(
        [240, 160, 480, 320], abs=8
    )
    before = page.get_by_role("complementary", name="Before it is sent")
    for told in ("Local studio", "Render and score, at most", "$0.00", "Left in the budget", "$5.00"):
        expect(before).to_contain_text(told)
    words.fill(f"{words.input_value()}\nNo gloss.")
    page.get_by_role("button", name="Send the revision").click()
    page.wait_for_url(f"**{loupe(row)}")


def see_it_arrive(page: Page, row: Generation) -> Generation:
    """The film shows it while it is made, and then lets one look, without a reload."""
    made = Generation.objects.exclude(pk=row.pk).get()
    assert (made.parent, made.purpose, made.version) == (row, Purpose.INPAINT, 2)
    assert made.prompt.endswith("No gloss.")
    assert Standing.objects.get(pk=row.pk).decision == "changes"
    frame = page.locator(f"#film-{made.pk}")
    expect(frame.locator("a img")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#announce")).to_contain_text("Version 2 is here")
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1
    page.locator("#toasts").get_by_role("button", name="Look at it").click()
    expect(page.locator("#loupe")).to_have_attribute("data-id", made.pk)
    made.refresh_from_db()
    return made


def assert_only_the_mark_changed(row: Generation, made: Generation) -> None:
    """Outside the mark every pixel is the old one."""
    was, now = (
        np.asarray(Image.open(BytesIO(read_file(each.image.name))).convert("RGB")).astype(int) for each in (row, made)
    )
    different = np.abs(was - now).max(axis=2) > 8
    assert different[170:310, 250:470].any()
    different[150:330, 230:490] = False
    assert not different.any()


def answer_the_mark(page: Page, row: Generation, made: Generation) -> None:
    """Before and after of the mark's place; resolved by this version, and opened again."""
    asked = page.get_by_role("region", name="Asked of version 1")
    expect(asked).to_contain_text("Warmer light on the plinth")
    cuts = asked.locator(".cut img")
    expect(cuts).to_have_count(2)
    shown = page.evaluate(
        """() => [...document.querySelectorAll(".answers .cut")].map(cut => {
          const [frame, image] = [cut.getBoundingClientRect(), cut.querySelector("img").getBoundingClientRect()];
          return [(frame.x - image.x) / image.width, (frame.right - image.x) / image.width];
        })"""
    )
    for left, right in shown:  # the mark from a quarter to a half, with a quarter of its width around it
        assert (left, right) == pytest.approx((0.1875, 0.5625), abs=0.02)
    asked.get_by_role("button", name="Mark as resolved").click()
    settled(lambda: Annotation.objects.get().resolved_in, made)
    reopen = asked.get_by_role("button", name="Reopen")
    expect(reopen).to_be_focused()
    reopen.press("Enter")
    settled(lambda: Annotation.objects.get().resolved_at, None)
    expect(asked.get_by_role("button", name="Mark as resolved")).to_be_focused()
