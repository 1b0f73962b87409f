"""The sheet as stacks in a real browser: a stack that turns shows its new top without moving the others."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, User
from generation.models import Generation
from review.models import Decision
from review.services.verdicts import record_verdict
from tests.browser.conftest import LiveLoupe
from tests.browser.test_review_keys import make_images, settled, sheet, standings
from tests.factories import CampaignFactory, GenerationFactory, MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory()


@pytest.fixture
def ana(campaign: Campaign, live_loupe: LiveLoupe, page: Page) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana Moreau").user
    live_loupe.sign_in(page, user)
    return user


def frames(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all("#sheet .frame", "all => all.map(frame => frame.dataset.id)")
    return found


def test_a_stack_that_turns_shows_its_new_top_in_its_place(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User
) -> None:
    hero = make_images(campaign, 3)
    detail = make_images(campaign, 1)
    live_loupe.open(page, sheet(campaign))
    assert len(frames(page)) == 4
    page.get_by_role("link", name="Stacks").click()
    page.wait_for_url("**stack=1")
    assert frames(page) == [detail[0].pk, hero[0].pk]
    expect(page.locator(f"#frame-{hero[0].pk}")).to_contain_text("3 versions")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("1")
    settled(lambda: standings(hero), ["rejected", "", ""])
    expect(page.locator(f"#frame-{hero[1].pk}")).to_be_visible()
    assert frames(page) == [detail[0].pk, hero[1].pk]
    page.locator(f"#open-{hero[1].pk}").click()
    page.wait_for_url(f"**/images/{hero[1].pk}/?stack=1")
    expect(page.locator(".loupe-film a")).to_have_count(3)
    page.keyboard.press("Escape")
    page.wait_for_url(f"**stack=1#frame-{hero[1].pk}")


@pytest.mark.parametrize("width", [390, 1440])
def test_stacks_are_accessible(
    new_page: Callable[..., Page],
    live_loupe: LiveLoupe,
    campaign: Campaign,
    assert_accessible: Callable[[Page], None],
    width: int,
) -> None:
    user = MembershipFactory(workspace=campaign.workspace).user
    rows: list[Generation] = make_images(campaign, 3)
    GenerationFactory(ready=True, scored=8, shot__campaign=campaign)
    record_verdict(generation=rows[1], decision=Decision.APPROVED, by=user, seen_version=0)
    for theme in ("dark", "light"):
        page = new_page(viewport={"width": width, "height": 844})
        live_loupe.sign_in(page, user)
        page.context.add_cookies([{"name": "theme", "value": theme, "url": live_loupe.url}])
        live_loupe.open(page, sheet(campaign, "?stack=1"))
        assert len(frames(page)) == 2
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
