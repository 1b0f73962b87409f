"""While one writes, `@` offers the colleagues: by keys, by a tap, and for those who do not see the list."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, User
from review.models import Comment, Notice
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import loupe, make_images, marks_are_open, settled
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def colleagues(campaign: Campaign) -> list[User]:
    names = ("Ben Okafor", "Benita Sørensen", "Zoë Marchetti")
    return [MembershipFactory(workspace=campaign.workspace, user__name=name).user for name in names]


def test_a_sign_offers_colleagues_and_keys_take_one(
    page: Page,
    live_loupe: LiveLoupe,
    campaign: Campaign,
    ana: User,
    colleagues: list[User],
    assert_accessible: Callable[[Page], None],
) -> None:
    (row,) = make_images(campaign, 1)
    live_loupe.open(page, loupe(row))
    marks_are_open(page)
    field = page.get_by_role("textbox", name="Words on the whole picture")
    offered = page.get_by_role("listbox", name="Colleagues").get_by_role("option")
    field.click()
    page.keyboard.type("@")
    expect(offered).to_have_text([person.name for person in colleagues])  # not oneself
    page.keyboard.press("Escape")
    page.keyboard.press("Backspace")
    page.keyboard.type("ben@okafor.example is no name, @be")
    expect(offered).to_have_text(["Ben Okafor", "Benita Sørensen"])
    expect(page.locator("#announce")).to_contain_text("2 colleagues")
    assert_accessible(page)
    page.keyboard.press("ArrowDown")
    expect(offered.nth(1)).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", "mention-1")
    page.keyboard.press("Escape")
    expect(offered).to_have_count(0)
    expect(field).to_be_focused()
    page.keyboard.type("n")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(field).to_have_value("ben@okafor.example is no name, @BenOkafor ")
    expect(offered).to_have_count(0)
    page.keyboard.type("and @marc")
    page.keyboard.press("Tab")
    expect(field).to_be_focused()
    page.keyboard.type("please look")
    page.keyboard.press("Enter")
    settled(Comment.objects.count, 1)
    expect(page.locator("#talk")).to_contain_text("Told: Ben Okafor, Zoë Marchetti.")
    assert Comment.objects.get().text.endswith("@BenOkafor and @ZoëMarchetti please look")
    assert set(Notice.objects.values_list("user__name", flat=True)) == {"Ben Okafor", "Zoë Marchetti"}


def test_on_a_phone_a_tap_takes_a_colleague(
    new_page: Callable[..., Page], live_loupe: LiveLoupe, campaign: Campaign, ana: User, colleagues: list[User]
) -> None:
    (row,) = make_images(campaign, 1)
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    live_loupe.sign_in(page, ana)
    live_loupe.open(page, loupe(row))
    marks_are_open(page)
    field = page.get_by_role("textbox", name="Words on the whole picture")
    field.tap()
    page.keyboard.type("@zo")
    page.get_by_role("option", name="Zoë Marchetti").tap()
    expect(field).to_have_value("@ZoëMarchetti ")
    expect(field).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
