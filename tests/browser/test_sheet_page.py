"""The sheet before its pictures are there, and the filters that are fetched when they are wanted."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, User
from generation.pictures.placeholders import average_colour, placeholder_data_uri
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import make_images, sheet, until

pytestmark = pytest.mark.django_db(transaction=True)

PIXELS = """
async (box) => {
  const image = new Image();
  image.src = getComputedStyle(box).backgroundImage.slice(5, -2);
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  return [image.width, image.height, [...context.getImageData(0, 0, image.width, image.height).data]];
}
"""


def test_until_a_picture_is_there_its_hash_is_painted_as_the_server_would(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    row = make_images(campaign, 1)[0]
    page.route("**/files/**", lambda route: route.fulfill(content_type="image/webp", body=b""))
    live_loupe.open(page, sheet(campaign))
    box = page.locator(f"#frame-{row.pk} .thumb")
    red, green, blue = bytes.fromhex(average_colour(row.thumbhash)[1:])
    expect(box).to_have_css("background-color", f"rgb({red}, {green}, {blue})")
    until(page, f"getComputedStyle(document.querySelector('#frame-{row.pk} .thumb')).backgroundImage !== 'none'")
    width, height, pixels = box.evaluate(PIXELS)
    _, _, drawn_by_the_server = placeholder_data_uri(row.thumbhash).partition(",")
    expected = np.array(Image.open(BytesIO(base64.b64decode(drawn_by_the_server))).convert("RGBA"), int)
    assert (height, width) == expected.shape[:2]
    assert np.abs(np.array(pixels, int).reshape(expected.shape) - expected).max() <= 2


def test_the_filters_open_over_the_sheet_and_narrow_it(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    make_images(campaign, 2)
    live_loupe.open(page, sheet(campaign))
    page.get_by_role("link", name="Filter and sort").click()
    dialog = page.get_by_role("dialog", name="Filter and sort")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Order").select_option("worst")
    dialog.get_by_label("Not reviewed yet").check()
    dialog.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url(re.compile(r"sort=worst"))
    assert "unreviewed=1" in page.url
    assert "decision=" not in page.url
    expect(page.locator(".frame")).to_have_count(2)
