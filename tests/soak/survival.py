"""The long test of endurance (`make soak`): random kill -9 over every step of a run, and the reckoning after.

`survive` is the round itself; the suite runs a small one. Kills come from outside at random moments and from inside at
the points of `tests.services.crashes`; both are counted. Nothing may be paid twice, lost, or stuck.
"""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.generation.engine_fixtures import EngineRoom
from tests.services.process_forker import ProcessForker

ROLES = ("conductor", "conductor-2", "worker-cpu", "worker-io", "web")
# A worker's child alone, or the worker with its children: both happen, to a process that runs out of memory for one.
GROUP_SHARE = 0.5
# Chances at each point of one generation's life; with the kills from outside every step is met many times.
CHANCES: Mapping[str, float] = {
    "before_post": 0.01,
    "after_post": 0.01,
    "after_save": 0.03,
    "during_fetch": 0.02,
    "after_download": 0.02,
    "after_renditions": 0.02,
    "after_store": 0.01,
    "before_score": 0.02,
    "after_score": 0.02,
    "after_ready": 0.02,
    "before_follow_up": 0.02,
}


@dataclass(frozen=True, slots=True)
class Endured:
    """What one round came to. Seconds."""

    kills: int
    seconds: float
    longest_after_last_kill: float


def chances(*, scale: float = 1.0) -> dict[str, dict[str, float]]:
    """A plan for `ProcessForker`."""
    return {point: {"probability": chance * scale, "times": 100_000} for point, chance in CHANCES.items()}


def count_kills(forker: ProcessForker) -> int:
    """Processes that died so far: ours, and the children of the pool that died at a point."""
    children = sum(
        times
        for point, times in forker.crashed().items()
        if point in {"during_fetch", "after_download", "after_renditions", "after_store"}
    )
    return forker.deaths.total() + children


def survive(room: EngineRoom, *, kills: int, seconds: float, drain_seconds: float) -> Endured:
    """Kill at random until `kills` processes have died, at most `seconds`; then all must be over in `drain_seconds`."""
    chance = random.Random(2241)
    began = time.monotonic()
    while (killed := count_kills(room.forker)) < kills:
        passed = time.monotonic() - began
        assert passed < seconds, f"Only {killed} of {kills} kills in {passed:.0f} s.\n{room.forker.words()}"
        if killed < kills * passed / (seconds * 0.7):
            room.forker.kill(chance.choice(ROLES), group=chance.random() < GROUP_SHARE)
        time.sleep(0.05)
    after = room.drain(seconds=drain_seconds)
    return Endured(count_kills(room.forker), time.monotonic() - began, after)
