"""A brief is read once, however many are told to read it; what is promised covers what will be billed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection
from pytest_django import Settings

from campaigns.models import Campaign
from generation.catalogue import bill, get_model
from generation.planning import planning
from generation.planning.estimates import estimate_start
from generation.planning.references import check_reference, keep_reference
from generation.providers import registry
from tests.factories import CampaignFactory, ShotFactory
from tests.fakes.pictures import draw_picture
from tests.generation.engine_fixtures import make_campaign, start

BRIEF = "Aurora headphones.\nFour launch shots: hero, lifestyle, detail and social square. Mood: calm, warm."


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_two_workers_told_at_once_plan_once() -> None:
    registry.reset()
    campaign = CampaignFactory(waiting=True, brief=BRIEF)
    gate = threading.Barrier(4)

    def plan(_: int) -> None:
        gate.wait()
        try:
            planning.plan_campaign(campaign.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(plan, range(4)))
    campaign.refresh_from_db()
    assert campaign.planning == Campaign.Planning.PLANNED
    assert campaign.shots.count() == 4
    assert all(campaign.shots.values_list("prompt", flat=True))


@pytest.mark.django_db
def test_pictures_that_go_along_are_in_the_price_where_the_model_charges_for_them() -> None:
    """FLUX 2 charges begun megapixels of what it is handed; the preflight says so, and the promise covers the bill."""
    campaign = make_campaign(shots=1, models=("black-forest-labs/flux-2-pro",), size=1024)
    assert campaign.created_by is not None
    alone = estimate_start(campaign).renders
    photo = check_reference(content=draw_picture(1200, 1000, 1), name="product.png")
    keep_reference(campaign=campaign, picture=photo, role="product", by=campaign.created_by)
    with_photo = estimate_start(campaign)
    assert with_photo.renders - alone == Decimal("0.030000")
    [row] = start(campaign)
    metrics = {"image_output_megapixel_count": 1.048576, "image_input_megapixel_count": 1.2}
    assert row.reservation.amount >= bill(get_model(row.model), metrics, 1024, 1024)


@pytest.mark.django_db
def test_a_written_prompt_carries_the_usual_constraints_of_its_model(settings: Settings) -> None:
    settings.REPLICATE_API_TOKEN = "r8_test"
    registry.reset()
    shot = ShotFactory(title="Hero", description="Headphones on slate", kind="hero", prompt="", model="")
    planning.write_shot_prompt(shot=shot, campaign=shot.campaign, brand=None)
    assert shot.model == "black-forest-labs/flux-1.1-pro"
    for word in ("watermark", "hands", "person", "low quality", "deformed"):
        assert word in shot.negative_prompt
