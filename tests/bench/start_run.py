"""A batch of 100 shots: from the click to the queued answer, under 300 ms."""

import time
from collections.abc import Iterator

from generation.planning import runs
from tests.bench import bench_data
from tests.bench.measure import Measure, median

SHOTS = 100
ROUNDS = 7


def run(*, full: bool) -> Iterator[Measure]:
    """The median and the slowest of several starts on one connection."""
    del full
    waits = []
    for _ in range(ROUNDS):
        campaign = bench_data.make_campaign(shots=SHOTS)
        began = time.perf_counter()
        started = runs.start_run(campaign, by=campaign.created_by)
        waits.append((time.perf_counter() - began) * 1_000)
        assert len(started) == SHOTS
    yield Measure(name="start of 100 shots, queued answer, median", figure=median(waits), target=300, unit="ms")
    yield Measure(name="start of 100 shots, queued answer, slowest", figure=max(waits), target=300, unit="ms")
