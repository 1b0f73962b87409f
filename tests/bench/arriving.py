"""P8: ten renders a second are done, and each is visible within a second, by the processes of the Procfile.

A conductor, a worker for pixels and one for words over Redis, a fake Replicate in a process of its own. Visible: the
renditions are stored and the row names them, which is what a sheet shows a card by.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from generation.models import Generation, GenerationEvent, GenerationState
from generation.planning import runs
from tests.bench import bench_data
from tests.bench.measure import Measure, median
from tests.services import engine, redis

RENDERS = 200
PER_MINUTE = 600
LATENCY = 9.0
# Its typical time is the latency, so that the conductor looks when the render is done, as it would in life.
MODEL = "recraft-ai/recraft-v3"
LONGEST_SECONDS = 120.0


def run(*, full: bool) -> Iterator[Measure]:
    """The slowest of twenty from being known as done, and what the provider's end adds."""
    del full
    with (
        bench_data.fake_replicate(latency=LATENCY, creates_per_minute=PER_MINUTE) as fake,
        tempfile.TemporaryDirectory(prefix="loupe-bench-") as folder,
    ):
        url, kept = redis.start(folder=Path(folder))
        environment = {
            **os.environ,
            "REPLICATE_API_TOKEN": "r8_bench",
            "REPLICATE_BASE_URL": fake.url,
            "REPLICATE_CREATES_PER_MINUTE": str(PER_MINUTE),
            "LOUPE_OUTPUT_HOSTS": fake.place,
        }
        try:
            with engine.at_work(environment=environment, folder=Path(folder), redis_url=url):
                campaign = bench_data.make_campaign(shots=RENDERS, model=MODEL)
                # what follows a low score is not the question here
                campaign.bar, campaign.max_attempts = 1, 1
                campaign.save(update_fields=["bar", "max_attempts"])
                runs.start_run(campaign, by=campaign.created_by)
                wait_for_all(campaign_id=campaign.pk)
        finally:
            kept.stop()
    yield from waits(campaign_id=campaign.pk)


def wait_for_all(*, campaign_id: int) -> None:
    """Until every picture is scored, or too long."""
    ends = time.monotonic() + LONGEST_SECONDS
    rows = Generation.objects.filter(campaign=campaign_id)
    while rows.exclude(state=GenerationState.READY).exists() and time.monotonic() < ends:
        time.sleep(0.5)


def waits(*, campaign_id: int) -> Iterator[Measure]:
    """From the rows and their events."""
    known, whole, done = [], [], []
    for row in Generation.objects.filter(campaign=campaign_id).exclude(renditions={}):
        at = dict(GenerationEvent.objects.filter(generation=row).values_list("to", "at"))
        known.append((at["scoring"] - at["fetching"]).total_seconds())
        whole.append((at["scoring"] - at["rendering"]).total_seconds() - LATENCY)
        done.append(at["scoring"])
    yield Measure("P8 renders that never became visible", RENDERS - len(known), 0, "renders")
    pace = (len(done) - 1) / (max(done) - min(done)).total_seconds()
    yield Measure(
        f"P8 done to visible at {pace:.1f} a second, p95",
        sorted(known)[int(0.95 * len(known))],
        1.0,
        "s",
        note=f"p50 {median(known):.2f} s, slowest {max(known):.2f} s; from the provider's own end, the look that finds "
        f"it included: p50 {median(whole):.2f} s, p95 {sorted(whole)[int(0.95 * len(whole))]:.2f} s",
    )
