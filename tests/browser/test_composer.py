"""The revision composer in a real browser: another model, words by Claude, a shot that is started again."""

from collections.abc import Callable, Iterator

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django import Settings

from campaigns.models import Campaign, User
from generation.models import Generation
from generation.providers import registry
from review.services.comments import add_comment
from tests.browser.conftest import LiveLoupe
from tests.browser.review_pages import make_images
from tests.factories import GenerationFactory, ShotFactory
from tests.fakes.running import RunningFake

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def providers(
    settings: Settings, fake_anthropic: RunningFake, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningFake]:
    registry.reset()
    settings.REPLICATE_API_TOKEN = "r8_test"
    settings.ANTHROPIC_API_KEY = "sk-test"
    monkeypatch.setenv("ANTHROPIC_BASE_URL", fake_anthropic.url)
    yield fake_anthropic
    registry.reset()


def test_a_revision_is_worded_given_to_a_chosen_model_and_sent(
    page: Page,
    live_loupe: LiveLoupe,
    campaign: Campaign,
    ana: User,
    providers: RunningFake,
    assert_accessible: Callable[[Page], None],
) -> None:
    [image] = make_images(campaign, 1)
    add_comment(generation=image, by=ana, text="Warmer, please")
    content = {"regions": [], "remarks": ["amber evening light"]}
    providers.script({"on": "message", "fault": "answer", "content": content})
    live_loupe.open(page, reverse("revise", args=[image.pk]))
    page.get_by_label("Model", exact=True).select_option("stability-ai/sdxl")
    expect(page.locator("#model-why")).to_have_text("You chose SDXL.")
    page.get_by_role("button", name="Have it worded").click()
    expect(page.get_by_label("What the model is told")).to_have_value(
        f"Revise the picture:\n- whole picture: change: amber evening light.\nKeep everything else unchanged.\n\n"
        f"The picture shows: {image.prompt}"
    )
    expect(page.locator("#model")).to_have_value("stability-ai/sdxl")
    assert_accessible(page)
    page.get_by_role("button", name="Send the revision").click()
    page.wait_for_url(lambda url: "revise" not in url)
    made = Generation.objects.exclude(pk=image.pk).get()
    assert (made.model, made.parent_id) == ("stability-ai/sdxl", image.pk)
    assert "amber evening light" in made.prompt


def test_what_was_refused_is_started_again_from_the_page(
    page: Page, live_loupe: LiveLoupe, campaign: Campaign, ana: User, assert_accessible: Callable[[Page], None]
) -> None:
    shot = ShotFactory(campaign=campaign, title="Skin", prompt="A person, calm", model="studio/comp")
    GenerationFactory(shot=shot, refused=True, followed_up=True, escalated=True)
    live_loupe.open(page, reverse("campaign", args=[campaign.pk]))
    assert_accessible(page)
    page.get_by_role("button", name="Start again").click()
    expect(page.get_by_text("Skin is started again.")).to_be_visible()
    assert Generation.objects.filter(shot=shot, state="queued").count() == 1
