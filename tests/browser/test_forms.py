"""Forms under a hasty hand: one sending per click storm, and the question that is meant in sight."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, User
from tests.browser.conftest import LiveLoupe
from tests.factories import GenerationFactory, ShotFactory, VerdictFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_double_click_sends_the_new_campaign_once(
    live_loupe: LiveLoupe, page: Page, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generation.views.new_campaign.send_nudge", lambda nudge: None)
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    live_loupe.open(page, "/campaigns/new/")
    page.get_by_label("Brief", exact=True).fill("Two shots for the Aurora case.")
    page.locator("#create-campaign").dblclick()
    page.wait_for_url("**/plan/")
    assert len(sent) == 1
    assert Campaign.objects.filter(brief="Two shots for the Aurora case.").count() == 1


def test_an_unanswered_question_is_scrolled_to_below_the_header(
    live_loupe: LiveLoupe, page: Page, campaign: Campaign, ana: User
) -> None:
    row = GenerationFactory(ready=True, scored=8.2, shot=ShotFactory(campaign=campaign))
    VerdictFactory(generation=row)
    page.set_viewport_size({"width": 1440, "height": 420})
    live_loupe.open(page, f"/images/{row.pk}/sign-off/")
    page.get_by_label("Alt text").fill("Headphones on a plinth.")
    page.get_by_role("button", name="Sign this final").click()
    asked = page.locator("[name=synthetic_performer]").first
    expect(asked).to_be_focused()
    header = page.locator(".house-header").bounding_box()
    question = page.get_by_text("Does a synthetic person appear", exact=False).bounding_box()
    assert header and question
    assert question["y"] >= header["y"] + header["height"]
