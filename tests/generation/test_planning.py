"""A brief is read once, however many are told to read it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from campaigns.models import Campaign
from generation.providers import registry
from generation.services import planning
from tests.factories import CampaignFactory

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
