"""What the tests of the review room share: pictures, addresses, drawing by hand, waiting for the database."""

import time
from collections.abc import Callable
from typing import Any

from django.urls import reverse
from playwright.sync_api import Page, expect

from campaigns.models import Campaign
from generation.models import Generation
from review.models import Standing
from tests.factories import GenerationFactory, ShotFactory, picture, store_picture


def make_images(campaign: Campaign, count: int) -> list[Generation]:
    """Newest first, as the sheet shows them."""
    shot = ShotFactory(campaign=campaign, title="Hero")
    rows = []
    for _ in range(count):
        row = GenerationFactory(shot=shot, ready=True, scored=7.5)
        store_picture(row, content=picture(width=960, height=640, tint=len(rows))).save()
        rows.append(row)
    return rows[::-1]


def sheet(campaign: Campaign, query: str = "") -> str:
    return reverse("sheet", kwargs={"pk": campaign.pk}) + query


def loupe(generation: Generation) -> str:
    return reverse("loupe", kwargs={"pk": generation.pk})


def settled(check: Callable[[], Any], expected: Any) -> None:
    """Waits until the database says so: verdicts are sent behind."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and check() != expected:
        time.sleep(0.05)
    assert check() == expected


def standings(rows: list[Generation]) -> list[str]:
    known = dict(Standing.objects.values_list("pk", "decision"))
    return [known.get(row.pk, "") for row in rows]


def until(page: Page, expression: str) -> None:
    """Waits until a JavaScript expression is true; the page's policy forbids Playwright's own way of doing it."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"Never true: {expression}")


def note_decoded(page: Page) -> None:
    """From the next page on `wait_until_decoded` knows which pictures lie ready."""
    page.add_init_script(
        """const decode = HTMLImageElement.prototype.decode;
        window.decoded = "";
        HTMLImageElement.prototype.decode = async function () {
          await decode.call(this);
          window.decoded += this.src;
        };"""
    )


def wait_until_decoded(page: Page, *rows: Generation) -> None:
    """Until these pictures, fetched ahead, could be laid on the table at once."""
    for row in rows:
        until(page, f"window.decoded.includes('{row.pk}')")


def wait_until_still(page: Page) -> None:
    """Until what moves or fades has come to its end; what goes round for ever is left aside."""
    until(
        page,
        """document.getAnimations().every(each => each.playState !== "running"
          || each.effect.getComputedTiming().endTime === Infinity)""",
    )


def wait_until_stored(page: Page) -> None:
    """Until this browser keeps nothing that the server does not have."""
    until(page, "Object.keys(localStorage).every(name => !/^loupe\\.(verdict|marks|words)/.test(name))")


def here(page: Page) -> str:
    return str(page.evaluate("document.activeElement.closest('.frame')?.dataset.id ?? document.activeElement.tagName"))


def draw_rectangle(page: Page) -> None:
    box = page.locator("#print").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4, steps=4)
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5, steps=4)
    page.mouse.up()


def shape_in_picture(page: Page) -> list[float]:
    """Left, top, width, height of the drawn shape, in parts of the picture as it is on the screen."""
    found: list[float] = page.evaluate(
        """() => {
          const shape = document.querySelector(".a9s-annotation").getBoundingClientRect();
          const print = document.getElementById("print").getBoundingClientRect();
          return [(shape.x - print.x) / print.width, (shape.y - print.y) / print.height,
                  shape.width / print.width, shape.height / print.height];
        }"""
    )
    return found


def marks_are_open(page: Page) -> None:
    """Until the marks that the page knows are drawn and the tools work."""
    page.wait_for_selector(".a9s-annotationlayer", state="attached")
    marks = page.locator("#mark-list .mark-item")
    expect(page.locator("#pins .pin")).to_have_count(marks.count())
    expect(page.locator(".a9s-annotation")).to_have_count(marks.count() - page.locator("#pins .is-pin").count())


def place_in_picture(page: Page, mark: str) -> list[float]:
    """Left, top, right, bottom of a mark as it is drawn, unselected, in parts of the picture; a pin by its middle."""
    found: list[float] = page.evaluate(
        """id => {
          const pin = document.querySelector(`.pin.is-pin[data-show-mark="${id}"]`);
          const drawn = pin ?? document.querySelector(`.a9s-annotation[data-id="${id}"]`);
          const picture = document.getElementById("picture").getBoundingClientRect();
          let {left, top, right, bottom} = drawn.getBoundingClientRect();
          if (pin) { left = right = (left + right) / 2; top = bottom = (top + bottom) / 2; }
          return [(left - picture.x) / picture.width, (top - picture.y) / picture.height,
                  (right - picture.x) / picture.width, (bottom - picture.y) / picture.height];
        }""",
        mark,
    )
    return found
