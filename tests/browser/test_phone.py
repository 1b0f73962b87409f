"""Review from a phone of 390 px with the thumb: approve, reject, comment and mark, on sheet and loupe."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from campaigns.models import Campaign
from review.models import Annotation, Assignment, Comment, Verdict
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import loupe, make_images, marks_are_open, settled, sheet, standings
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)

THUMB = 44  # pixels that a thumb asks for


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def assert_for_a_thumb(*controls: Locator) -> None:
    for control in controls:
        box = control.bounding_box()
        assert box
        assert box["height"] >= THUMB, control
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, control


def test_a_phone_approves_rejects_comments_and_marks(
    new_page: Callable[..., Page], live_loupe: LiveLoupe, campaign: Campaign
) -> None:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana Moreau").user
    rows = make_images(campaign, 4)
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    live_loupe.sign_in(page, user)
    live_loupe.open(page, sheet(campaign))
    assert_fits(page)
    page.locator(f"#frame-{rows[0].pk} .pick").tap()
    approve = page.get_by_role("button", name="Approve")
    reject = page.get_by_role("button", name="Reject")
    assert_for_a_thumb(approve, reject)
    approve.tap()
    settled(lambda: standings(rows)[0], "approved")
    page.locator(f"#frame-{rows[1].pk} .pick").tap()
    reject.tap()
    composition = page.get_by_role("button", name="Composition")
    assert_for_a_thumb(composition)
    assert_fits(page)
    composition.tap()
    settled(lambda: standings(rows)[1], "rejected")

    page.locator(f"#open-{rows[2].pk}").tap()
    page.wait_for_url(f"**{loupe(rows[2])}")
    marks_are_open(page)
    assert_fits(page)
    assert_for_a_thumb(approve, reject, page.get_by_role("button", name="Changes"))
    whole = page.get_by_role("textbox", name="Words on the whole picture")
    whole.tap()
    whole.fill("Nearly there")
    page.get_by_role("button", name="Send").tap()
    settled(lambda: list(Comment.objects.values_list("text", flat=True)), ["Nearly there"])
    page.get_by_role("button", name="Pin").tap()
    picture = page.locator("#picture").bounding_box()
    assert picture
    page.touchscreen.tap(picture["x"] + picture["width"] / 2, picture["y"] + picture["height"] / 2)
    settled(Annotation.objects.count, 1)
    words = page.get_by_role("textbox", name="Words on mark 1")
    assert page.locator(".toast").count() == 0  # nothing lies over the field or the decision
    words.fill("Lift the shadow")
    page.get_by_role("button", name="Save").tap()
    settled(Comment.objects.count, 2)
    assert_fits(page)
    reject.tap()
    page.get_by_role("button", name="Legal").tap()
    settled(lambda: standings(rows)[2], "rejected")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[3].pk)
    approve.tap()
    settled(lambda: standings(rows), ["approved", "rejected", "rejected", "approved"])
    assert Verdict.objects.count() == 4
    assert_fits(page)


def test_a_phone_takes_a_bulk_verdict_back_and_keeps_review_in_sight(
    new_page: Callable[..., Page], live_loupe: LiveLoupe, campaign: Campaign
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(title="Aurora, the whole of the winter and the early spring")
    user = MembershipFactory(workspace=campaign.workspace).user
    rows = make_images(campaign, 3)
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    live_loupe.sign_in(page, user)
    live_loupe.open(page, sheet(campaign))
    assert_fits(page)
    for control in ("#start-review", "#stacks", "#views-open", ".sheet-campaign"):
        box = page.locator(control).bounding_box()
        assert box
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, control
    for row in rows[:2]:
        page.locator(f"#frame-{row.pk} .pick").tap()
    page.get_by_role("button", name="Reject").tap()
    page.get_by_role("button", name="Composition").tap()
    bar = page.get_by_role("region", name="Decide")
    expect(bar).to_contain_text("Rejected: 2 images")
    settled(lambda: standings(rows), ["rejected", "rejected", ""])
    undo = bar.get_by_role("button", name="Undo")
    assert_for_a_thumb(undo)
    undo.tap()
    expect(bar).to_contain_text("Taken back: 2 images")
    settled(lambda: standings(rows), ["undecided", "undecided", ""])


def test_a_phone_takes_a_bulk_assignment_back(
    new_page: Callable[..., Page], live_loupe: LiveLoupe, campaign: Campaign
) -> None:
    ana = MembershipFactory(workspace=campaign.workspace, user__name="Ana Moreau").user
    rows = make_images(campaign, 3)
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    live_loupe.sign_in(page, ana)
    live_loupe.open(page, sheet(campaign))
    for row in rows[:2]:
        page.locator(f"#frame-{row.pk} .pick").tap()
    bar = page.get_by_role("region", name="Decide")
    bar.get_by_role("button", name="Assign").tap()
    page.get_by_role("button", name="Ana Moreau").tap()
    expect(bar).to_contain_text("Ana Moreau is asked to look at 2 images")
    assert Assignment.objects.count() == 2
    undo = bar.get_by_role("button", name="Undo")
    assert_for_a_thumb(undo)
    undo.tap()
    settled(Assignment.objects.exists, False)
