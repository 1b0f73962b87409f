"""kill -9 at every step, with real processes on PostgreSQL and Redis: nothing paid twice, nothing lost or stuck."""

from pathlib import Path

import pytest

from config.embedded import free_port
from generation.engine import retry
from generation.engine.nudges import Nudge
from generation.models import Generation, GenerationEvent
from generation.rules import retries
from tests.generation.engine_fixtures import FLUX, SDXL, engine_room, make_campaign, reckon, start
from tests.services.process_forker import ALL
from tests.soak import survival

pytestmark = pytest.mark.slow

POINTS = (
    "before_post",
    "after_post",
    "after_save",
    "during_fetch",
    "after_download",
    "after_renditions",
    "after_store",
    "before_score",
    "after_score",
    "after_ready",
    "before_follow_up",
)


def test_killed_once_at_every_step(process_environment: dict[str, str], redis_url: str, tmp_path: Path) -> None:
    """Each point of a generation's life once: the process that came there dies, and the work goes on at that step."""
    start(make_campaign(shots=16, models=(FLUX, SDXL)))
    crashes = {point: {"times": 1} for point in POINTS}
    with engine_room(process_environment, folder=tmp_path, redis_url=redis_url, pace=8, crashes=crashes) as room:
        room.forker.start(*ALL)
        room.drain(seconds=60)
        # all of them were on the wire when the first kills came, and were found by asking: these are saved as sent
        start(make_campaign(shots=8, models=(FLUX, SDXL)))
        room.drain(seconds=60)
        assert set(room.forker.crashed()) == set(POINTS)
        reckon(room.fake)
    # what was sent without our knowing it was found again by asking, not sent once more
    assert GenerationEvent.objects.filter(note="Found at the provider.").exists()


@pytest.mark.timeout(240)
def test_sixty_random_kills(process_environment: dict[str, str], redis_url: str, tmp_path: Path) -> None:
    """R1 in small: 60 generations, 60 kills of conductors, workers and web over every step. `make soak` has 1,000."""
    start(make_campaign(shots=60, models=(FLUX, SDXL)))
    port = str(free_port())
    room_for = engine_room(
        process_environment,
        folder=tmp_path,
        redis_url=redis_url,
        pace=8,
        crashes=survival.chances(),
        fake_settings={"latency": 1.0},
        REPLICATE_CREATES_PER_MINUTE="300",
        LOUPE_PUBLIC_URL=f"http://127.0.0.1:{port}",
        PORT=port,
    )
    with room_for as room:
        room.forker.start(*survival.ROLES)
        endured = survival.survive(room, kills=60, seconds=40, drain_seconds=60)

        reckon(room.fake, unscored=2)
    assert endured.kills >= 60


def test_a_picture_that_kills_its_worker_is_parked_and_can_be_taken_up_again(
    process_environment: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    """Out of memory on a hostile image: the child dies, others go on, after eight times nobody touches it any more."""
    campaign = make_campaign(shots=1)
    start(campaign)
    crashes = {"after_download": {"times": retries.MAX_DEATHS}}
    with engine_room(process_environment, folder=tmp_path, redis_url=redis_url, pace=16, crashes=crashes) as room:
        room.forker.start(*ALL)
        room.drain(seconds=60)
        row = Generation.objects.get()
        assert (row.state, row.error_kind, row.escalated) == ("failed", "parked", True)
        assert "ended its process" in row.error_text
        assert room.forker.crashed()["after_download"] == retries.MAX_DEATHS
        # it is paid for, so it is fetched again, not rendered again
        assert retry.retry_generation(row, by=campaign.created_by) == Nudge("mirror", row.pk)
        room.drain(seconds=30)
        reckon(room.fake, renders=1)
