"""Two browsers at one image: each sees the other, on the loupe and on the sheet, until one goes."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from campaigns.redis_calls import forget_failures
from review.services import presence
from tests.browser.conftest import LiveLoupe
from tests.browser.test_review_keys import loupe, make_images, settled, sheet
from tests.factories import CampaignFactory, MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)
# Milliseconds of a page's own clock after which it has surely asked again.
NEXT_LOOK = 16_000


def test_colleagues_at_a_picture_are_shown_until_they_go(
    new_page: Callable[..., Page],
    live_loupe: LiveLoupe,
    settings: Settings,
    redis_url: str,
    assert_accessible: Callable[[Page], None],
) -> None:
    settings.CELERY_BROKER_URL = redis_url
    forget_failures()
    campaign = CampaignFactory()
    rows = make_images(campaign, 2)
    pages = []
    for name in ("Ana Moreau", "Ben Okafor"):
        page = new_page()
        page.clock.install()
        live_loupe.sign_in(page, MembershipFactory(workspace=campaign.workspace, user__name=name).user)
        pages.append(page)
    ana, ben = pages
    with ana.expect_response("**/presence/"):
        live_loupe.open(ana, loupe(rows[0]))
    live_loupe.open(ben, loupe(rows[0]))
    also = ben.get_by_role("list", name="Also looking at this picture")
    expect(also.get_by_role("listitem")).to_have_text("AMAna Moreau")
    ana.clock.fast_forward(NEXT_LOOK)
    expect(ana.get_by_role("list", name="Also looking at this picture")).to_contain_text("Ben Okafor")
    assert_accessible(ben)
    live_loupe.open(ben, sheet(campaign))
    ben.clock.fast_forward(NEXT_LOOK)
    expect(ben.locator(f"#frame-{rows[0].pk} .present")).to_contain_text("Ana Moreau")
    assert_accessible(ben)
    ana.goto("about:blank")
    settled(lambda: presence.read_places(campaign.workspace_id), {})
    ben.clock.fast_forward(NEXT_LOOK)
    expect(ben.locator(".frame > .present")).to_have_count(0)
