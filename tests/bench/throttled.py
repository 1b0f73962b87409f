"""P10: the shared rate. 1,000 renders at the account's limit, hardly a 429, and four shots as quick as one.

The usual run takes ten times the limit on both sides, with the same ratio; `--full` the real 600 a minute.
"""

import asyncio
from collections.abc import Iterator

from generation.engine import headless
from generation.engine.results import is_settled
from generation.models import Generation
from generation.planning import runs
from generation.providers import registry
from tests.bench import bench_data
from tests.bench.in_flight import conduct_until_collected, seconds_to
from tests.bench.measure import Measure

RENDERS = 1_000
PER_MINUTE = 600
QUICKER = 10
MODEL = "recraft-ai/recraft-v3"
LATENCY = 9.0


def run(*, full: bool) -> Iterator[Measure]:
    """The rate first, then four shots from the click to their scores."""
    yield from at_the_limit(per_minute=PER_MINUTE * (1 if full else QUICKER))
    yield four_shots()


def at_the_limit(*, per_minute: int) -> Iterator[Measure]:
    """Wall against (N - 1) / rate + latency, and the share of creates that the provider turned away."""
    limits = {"per_minute": float(per_minute), "burst": max(10.0, per_minute / 60)}
    with bench_data.fake_replicate(latency=LATENCY, creates_per_minute=per_minute, **limits) as fake:
        campaign = bench_data.make_campaign(shots=RENDERS, model=MODEL)
        runs.start_run(campaign, by=campaign.created_by)
        began, _ = asyncio.run(conduct_until_collected(campaign.pk))
        calls = fake.state()["calls"]["create"]
        created = fake.state()["creates"]
    ideal = 1.05 * (RENDERS - 1) / (per_minute / 60) + LATENCY
    took = seconds_to("fetching", campaign_id=campaign.pk, began=began)
    yield Measure(f"P10 {RENDERS:,} renders at {per_minute:,} a minute, wall", took, ideal, "s")
    yield Measure("P10 answers 429", (calls - created) / calls * 100, 0.1, "%")


def four_shots() -> Measure:
    """Four together, from the start to the last score, by the slowest render with its own fetching and scoring."""
    with bench_data.fake_replicate(latency=LATENCY) as fake:
        del fake
        campaign = bench_data.make_campaign(shots=4, model=MODEL)
        # what four pictures cost in bars and retries is not the question here
        campaign.bar, campaign.max_attempts = 1, 1
        campaign.save(update_fields=["bar", "max_attempts"])
        runs.start_run(campaign, by=campaign.created_by)

        async def drive() -> None:
            stop = asyncio.Event()
            asyncio.get_running_loop().call_later(90, stop.set)
            await headless.drive(campaign_id=campaign.pk, is_over=lambda: is_settled(campaign), stop=stop)
            await registry.close()

        asyncio.run(drive())
    waits, alone = [], []
    for row in Generation.objects.filter(campaign=campaign):
        at = dict(row.events.values_list("to", "at"))
        waits.append((at["ready"] - at["queued"]).total_seconds())
        alone.append(LATENCY + (at["ready"] - at["fetching"]).total_seconds())
    return Measure(
        "P10 four shots, from the start to the last score",
        max(waits),
        1.15 * max(alone),
        "s",
        note=f"the slowest render with its fetching and scoring: {max(alone):.2f} s",
    )
