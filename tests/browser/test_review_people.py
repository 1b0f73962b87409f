"""What reviewers say to each other, in a real browser: notes to rejections, by keys alone."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, User
from review.models import Verdict
from tests.browser.conftest import LiveLoupe
from tests.browser.review_room import loupe, make_images, settled, sheet, standings
from tests.factories import CampaignFactory, MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory(title="Aurora")


@pytest.fixture
def ana(campaign: Campaign, live_loupe: LiveLoupe, page: Page) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana Moreau", approver=True).user
    live_loupe.sign_in(page, user)
    return user


def test_rejected_as_other_with_a_note_by_keys_on_the_sheet(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 3)
    live_loupe.open(page, sheet(campaign))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("8")
    note = page.get_by_role("textbox", name="Other: what is wrong?")
    expect(note).to_be_focused()
    page.keyboard.press("Enter")  # other says too little by itself
    assert not Verdict.objects.exists()
    page.keyboard.type("Xmas 1 already")
    page.keyboard.press("Escape")  # back to the reasons, with the words kept
    expect(page.get_by_role("button", name="Other…")).to_be_focused()
    page.keyboard.press("Enter")
    expect(note).to_have_value("Xmas 1 already")
    page.keyboard.press("Enter")
    settled(lambda: list(Verdict.objects.values_list("reason", "note")), [("other", "Xmas 1 already")])
    assert page.evaluate("document.activeElement.closest('.frame').dataset.id") == rows[1].pk
    # any reason takes a note where one is wanted, and none where it is not
    for key in "xn2":
        page.keyboard.press(key)
    page.keyboard.type("Too blue")
    page.keyboard.press("Enter")
    page.keyboard.press("x")
    page.keyboard.press("2")
    settled(lambda: standings(rows), ["rejected"] * 3)
    assert list(Verdict.objects.order_by("pk").values_list("note", flat=True)) == ["Xmas 1 already", "Too blue", ""]


def test_rejected_with_a_note_by_keys_in_the_loupe_and_the_note_is_in_its_activity(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    rows = make_images(campaign, 2)
    live_loupe.open(page, loupe(rows[0]))
    page.keyboard.press("x")
    page.keyboard.press("8")
    page.keyboard.type("The season is wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#loupe")).to_have_attribute("data-id", rows[1].pk)
    assert page.evaluate("document.activeElement.id") == "stage"
    settled(lambda: standings(rows), ["rejected", ""])
    live_loupe.open(page, reverse("loupe", kwargs={"pk": rows[0].pk}))
    expect(page.get_by_role("region", name="Activity")).to_contain_text("rejected, other")
    expect(page.get_by_role("region", name="Activity")).to_contain_text("The season is wrong")
