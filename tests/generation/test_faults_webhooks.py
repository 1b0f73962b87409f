"""Everything that can go wrong with a provider's reports, each to one shot of the same run, with real processes."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from config.embedded import free_port
from generation.models import Generation, GenerationEvent, WebhookDelivery
from tests.generation.engine_fixtures import engine_room, make_campaign, reckon, start
from tests.services.process_forker import ALL
from tests.services.service_process import accepts

pytestmark = pytest.mark.slow

# What the fake does to a shot, and how many of its reports our web process must accept.
CASES: dict[str, tuple[dict[str, Any], int]] = {
    "as it should": ({}, 1),
    "fifty times": ({"on": "webhook", "fault": "twice", "count": 50}, 50),
    "out of order": ({"on": "webhook", "fault": "reordered"}, 2),
    "late": ({"on": "webhook", "fault": "late", "seconds": 3}, 1),
    # refused at the door, or never sent: looking completes it
    "lost": ({"on": "webhook", "fault": "lost"}, 0),
    "forged": ({"on": "webhook", "fault": "forged"}, 0),
    "too old": ({"on": "webhook", "fault": "old"}, 0),
    "altered": ({"on": "webhook", "fault": "altered"}, 0),
    # the create's answer is lost: the report carries our own key
    "before our id": ({"on": "create", "fault": "drop_after"}, 1),
    "before our id, silently": ({"on": "create", "fault": "hang_after"}, 1),
}


@pytest.mark.timeout(150)
def test_every_fault_of_a_report_has_its_end(
    process_environment: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    start(make_campaign(shots=len(CASES)))
    port = free_port()
    room_for = engine_room(
        process_environment,
        folder=tmp_path,
        redis_url=redis_url,
        pace=8,
        fake_settings={"latency": 0.5},
        LOUPE_PUBLIC_URL=f"http://127.0.0.1:{port}",
        PORT=str(port),
    )
    rules = [{**rule, "prompt": f"number {number}, "} for number, (rule, _) in enumerate(CASES.values()) if rule]
    with room_for as room:
        # nobody can be found by asking: what is in doubt has its report alone
        room.fake.script(*rules, {"on": "list", "fault": "500", "times": None})
        room.forker.start("web")
        room.wait_for(lambda: accepts(port))
        room.forker.start(*ALL)
        room.drain(seconds=60)
        accepted = sum(reports for _, reports in CASES.values())
        room.wait_for(lambda: room.fake.state()["webhooks_accepted"] == accepted)
        reckon(room.fake)
    expect_one_life_each()


def expect_one_life_each() -> None:
    """However many reports came, each picture came home once; what was refused at the door left no row."""
    arrived = Counter(GenerationEvent.objects.filter(to="fetching").values_list("generation_id", flat=True))
    assert set(arrived.values()) == {1}
    stored = Counter(WebhookDelivery.objects.values_list("generation_id", flat=True))
    for row, (name, (_, reports)) in zip(Generation.objects.order_by("shot__position"), CASES.items(), strict=True):
        # the same delivery, however often it comes, is one row
        assert stored[row.pk] == min(reports, 2 if name == "out of order" else 1), name
