"""Marks of every shape, drawn with the mouse: the same pixels in every window, enlargement, screen and file."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, User
from generation.models import Generation
from review.models import Annotation, Verdict
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import loupe, marks_are_open, place_in_picture, settled
from tests.factories import GenerationFactory, MembershipFactory, ShotFactory, picture, store_picture

pytestmark = pytest.mark.django_db(transaction=True)

WIDTH, HEIGHT = 1280, 720
# What the hand draws, in parts of the picture.
PIN = (0.82, 0.2)
RECTANGLE = [(0.1, 0.15), (0.3, 0.45)]
POLYGON = [(0.45, 0.1), (0.65, 0.16), (0.6, 0.42), (0.42, 0.38)]
FREEHAND = [(0.2, 0.6), (0.35, 0.55), (0.5, 0.62), (0.48, 0.85), (0.25, 0.88)]
DRAWN = {"pin": [PIN], "rectangle": RECTANGLE, "polygon": POLYGON, "freehand": FREEHAND}


@pytest.fixture
def image(campaign: Campaign) -> Generation:
    row = GenerationFactory(shot=ShotFactory(campaign=campaign, title="Hero"), ready=True)
    store_picture(row, content=picture(width=WIDTH, height=HEIGHT)).save()
    return row


def box_of(points: list[tuple[float, float]]) -> list[float]:
    """Left, top, right, bottom."""
    across, down = [point[0] for point in points], [point[1] for point in points]
    return [min(across), min(down), max(across), max(down)]


def draw_all(page: Page) -> None:
    """The four shapes, each with its tool in the hand."""
    for count, (shape, points) in enumerate(DRAWN.items(), start=1):
        page.get_by_role("button", name=shape.title(), exact=True).click()
        box = page.locator("#picture").bounding_box()
        assert box
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        if shape == "pin":
            page.mouse.click(*at[0])
        elif shape == "polygon":
            for point in at:
                page.mouse.click(*point)
            page.mouse.dblclick(*at[-1])
        else:
            page.mouse.move(*at[0])
            page.mouse.down()
            for point in [*at[1:], *(at[:1] if shape == "freehand" else [])]:
                page.mouse.move(*point, steps=12)
            page.mouse.up()
        settled(Annotation.objects.count, count)
        expect(page.locator("#mark-list .mark-item")).to_have_count(count)


def kept(mark: Annotation) -> list[float]:
    """Left, top, right, bottom of a mark as it is stored, in parts of the picture."""
    selector = mark.target["selector"]
    numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", selector["value"].split("points=")[-1])]
    if selector["type"] == "FragmentSelector":
        left, top, across, down = numbers
        points = [(left, top), (left + across, top + down)]
    else:
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
    return box_of([(x / WIDTH, y / HEIGHT) for x, y in points])


def assert_on_their_pixels(page: Page) -> None:
    """Every drawn element lies, measured on the screen, where the stored mark says."""
    marks_are_open(page)
    for mark in Annotation.objects.all():
        assert place_in_picture(page, mark.pk) == pytest.approx(kept(mark), abs=0.006), mark.shape


def test_marks_of_every_shape_stay_on_their_pixels(
    page: Page, new_page: Callable[..., Page], live_loupe: LiveLoupe, image: Generation, ana: User
) -> None:
    live_loupe.open(page, loupe(image))
    marks_are_open(page)
    draw_all(page)
    for shape, points in DRAWN.items():
        assert kept(Annotation.objects.get(shape=shape)) == pytest.approx(box_of(points), abs=0.01), shape
    assert_on_their_pixels(page)

    page.set_viewport_size({"width": 1100, "height": 640})
    assert_on_their_pixels(page)
    page.locator("#stage").focus()
    for _ in range(3):
        page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#zoom-level")).not_to_have_text("Fit")
    assert_on_their_pixels(page)
    page.reload()
    assert_on_their_pixels(page)

    # the file of another size behind the same picture, on a finer screen
    image.renditions = {"640": image.renditions["640"], "320": image.renditions["320"]}
    image.save()
    fine = new_page(device_scale_factor=2, viewport={"width": 1280, "height": 800})
    live_loupe.sign_in(fine, ana)
    live_loupe.open(fine, loupe(image))
    marks_are_open(fine)
    assert fine.evaluate("document.getElementById('print').naturalWidth") == 640
    assert_on_their_pixels(fine)

    # moved there by hand it is kept in pixels of the whole picture again
    rectangle = Annotation.objects.get(shape="rectangle")
    before = kept(rectangle)
    box = fine.locator("#picture").bounding_box()
    assert box
    middle = ((before[0] + before[2]) / 2, (before[1] + before[3]) / 2)
    fine.mouse.click(box["x"] + middle[0] * box["width"], box["y"] + middle[1] * box["height"])
    expect(fine.locator(f"#mark-{rectangle.pk}.is-shown")).to_be_visible()
    fine.mouse.move(box["x"] + middle[0] * box["width"], box["y"] + middle[1] * box["height"])
    fine.mouse.down()
    fine.mouse.move(
        box["x"] + (middle[0] + 0.05) * box["width"], box["y"] + (middle[1] + 0.1) * box["height"], steps=10
    )
    fine.mouse.up()
    settled(lambda: Annotation.objects.get(shape="rectangle").version > rectangle.version, True)
    fine.locator("#stage").focus()
    fine.keyboard.press("Escape")
    moved = [before[0] + 0.05, before[1] + 0.1, before[2] + 0.05, before[3] + 0.1]
    assert kept(Annotation.objects.get(shape="rectangle")) == pytest.approx(moved, abs=0.01)
    assert_on_their_pixels(fine)


def test_two_people_drawing_at_the_same_moment_keep_and_see_both_marks(
    new_page: Callable[..., Page], live_loupe: LiveLoupe, image: Generation
) -> None:
    pages = []
    for name in ("Ana Moreau", "Ben Weber"):
        page = new_page()
        live_loupe.sign_in(page, MembershipFactory(workspace=image.workspace, user__name=name).user)
        live_loupe.open(page, loupe(image))
        marks_are_open(page)
        page.keyboard.press("e")
        pages.append(page)
    starts = []
    for page, (left, top) in zip(pages, ((0.1, 0.1), (0.6, 0.5)), strict=True):
        box = page.locator("#picture").bounding_box()
        assert box
        page.mouse.move(box["x"] + left * box["width"], box["y"] + top * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + (left + 0.2) * box["width"], box["y"] + (top + 0.2) * box["height"], steps=8)
        starts.append((left, top))
    for page in pages:
        page.mouse.up()
    settled(Annotation.objects.count, 2)
    for page, words in zip(pages, ("Lift the shadow", "Less sky"), strict=True):
        expect(page.locator("#mark-list textarea:focus")).to_have_count(1)
        page.keyboard.type(words)
        page.keyboard.press("Enter")
    for page in pages:
        # the words leave the field, and what the colleague did comes by itself
        page.locator("#stage").focus()
        expect(page.locator("#mark-list .mark-item")).to_have_count(2)
        expect(page.locator("#mark-list")).to_contain_text("Lift the shadow")
        expect(page.locator("#mark-list")).to_contain_text("Less sky")
        expect(page.locator("#pins .pin")).to_have_count(2)
        expect(page.locator(".a9s-annotation")).to_have_count(2)
        assert_on_their_pixels(page)
    lefts = sorted(box[0] for box in (place_in_picture(pages[0], mark.pk) for mark in Annotation.objects.all()))
    assert lefts == pytest.approx([start[0] for start in starts], abs=0.01)


def test_an_unfinished_polygon_is_closed_by_enter_dropped_by_escape_and_lost_by_no_key(
    page: Page, live_loupe: LiveLoupe, image: Generation, ana: User
) -> None:
    live_loupe.open(page, loupe(image))
    marks_are_open(page)
    told = page.locator("#toasts .toast")

    def begin() -> None:
        page.get_by_role("button", name="Polygon", exact=True).click()
        box = page.locator("#picture").bounding_box()
        assert box
        for x, y in POLYGON:
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.8 * box["height"])

    begin()
    line = page.locator(".a9s-rubberband polygon.a9s-inner")
    assert line.evaluate("each => getComputedStyle(each).stroke") == "rgb(255, 178, 36)"
    for key in ("r", "a", "ArrowRight"):
        page.keyboard.press(key)
        expect(told).to_contain_text("Enter closes it, Escape drops it")
        expect(line).to_be_visible()
    for way_out in (page.locator(".loupe-bar a[href]").first, page.get_by_role("button", name="Approve")):
        way_out.click()
        expect(told).to_contain_text("Enter closes it, Escape drops it")
        expect(line).to_be_visible()
    assert not Verdict.objects.exists()
    page.keyboard.press("Escape")
    expect(line).to_have_count(0)
    begin()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Words on mark 1")).to_be_focused()
    assert told.count() == 0
    assert kept(Annotation.objects.get()) == pytest.approx(box_of(POLYGON), abs=0.01)
    assert_on_their_pixels(page)
    assert page.url.endswith(loupe(image))
