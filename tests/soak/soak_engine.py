"""`make soak`: the targets R1, R2 and R6, and a thousand in flight, with their whole numbers, in about twenty minutes.

Not named test_*, so that the suite leaves it aside; the same rounds in small are in the suite.
"""

from pathlib import Path

import pytest

from config.embedded import free_port
from generation.models import Generation
from tests.generation import test_faults_ground, test_ledger
from tests.generation.engine_fixtures import FLUX, SDXL, engine_room, make_campaign, reckon, start
from tests.soak import survival

KILLS = 1_000
ROUNDS = 1_000
QUEUED = 1_000


@pytest.mark.timeout(1_800)
def test_a_thousand_random_kills(process_environment: dict[str, str], redis_url: str, tmp_path: Path) -> None:
    """R1: 0 lost, 0 paid twice, 0 stuck over 60 s, the ledger equal to the provider's bill to the cent."""
    start(make_campaign(shots=1_000, models=(FLUX, SDXL)))
    port = str(free_port())
    room_for = engine_room(
        process_environment,
        folder=tmp_path,
        redis_url=redis_url,
        pace=4,
        crashes=survival.chances(),
        fake_settings={"latency": 2.0},
        REPLICATE_CREATES_PER_MINUTE="240",
        LOUPE_PUBLIC_URL=f"http://127.0.0.1:{port}",
        PORT=port,
    )
    with room_for as room:
        room.forker.start(*survival.ROLES)
        endured = survival.survive(room, kills=KILLS, seconds=600, drain_seconds=900)
        reckon(room.fake, unscored=20)
        print(f"\n{endured.kills} kills in {endured.seconds:.0f} s: {dict(room.forker.deaths)}")
        print(f"by point: {dict(room.forker.crashed())}")
        print(f"{Generation.objects.count()} pictures, {room.fake.state()['creates']} predictions, ${room.fake.bill}")


@pytest.mark.timeout(1_800)
@pytest.mark.django_db(transaction=True)
def test_a_thousand_rounds_of_fifty_starts() -> None:
    """R2: a budget for four, fifty starts at once: four start, every time."""
    started = test_ledger.start_fifty_at_once(rounds=ROUNDS)
    assert started == [4] * ROUNDS
    print(f"\n{ROUNDS} rounds x 50 starts: 4 started in each, nothing overspent")


@pytest.mark.timeout(300)
def test_redis_wiped_with_a_thousand_queued(process_environment: dict[str, str], tmp_path: Path) -> None:
    """R6: 0 lost, drained within 30 s of its return; a busy machine gets twice the time, and the figure is printed."""
    took = test_faults_ground.wipe_redis(process_environment, folder=tmp_path, count=QUEUED, seconds=60)
    print(f"\n{QUEUED} queued, Redis wiped: drained {took:.1f} s after its return (target 30)")


@pytest.mark.timeout(600)
def test_the_conductor_killed_with_a_thousand_in_flight(
    process_environment: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    """All finish within latency + 30 s of its return; a busy machine gets twice the time, and the figure is printed."""
    took = test_faults_ground.kill_in_flight(
        process_environment, folder=tmp_path, redis_url=redis_url, count=QUEUED, latency=9.0, pace=1
    )
    print(f"\nThe conductor killed with {QUEUED} in flight: all over {took:.1f} s after its return (target 39)")
