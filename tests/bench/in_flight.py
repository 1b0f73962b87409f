"""P9: 5,000 renders of 9 s in flight at one conductor, over real HTTP and PostgreSQL.

The throttle is lifted (the real account's 600 a minute never lets 5,000 be in flight together). The ideal is measured
in the same run: a bare loop that sends the same creates over as many connections to a fake of its own, writes nothing
down, and has every picture 9 s after its create. What is above it is the table's price: claims, events, bills.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from multiprocessing import get_context

import aiohttp
from django.db import connections
from django.db.models import Max

from campaigns.database.clock import database_now
from generation.engine.background import in_database, leave_database, settle_in
from generation.engine.conductor import Conductor
from generation.engine.nudges import Nudge
from generation.models import Generation, GenerationEvent, GenerationState, LedgerEntry, Throttle
from generation.planning import runs
from generation.providers import registry
from generation.providers.replicate.transport import CONNECTIONS
from tests.bench import bench_data
from tests.bench.measure import Measure, Spent, spending
from tests.fakes.running import RunningFake

RENDERS = 5_000
LATENCY = 9.0
PER_MINUTE = 6_000_000
# Its typical time is the 9 s of the target, so that the first look comes as it would in life.
MODEL = "recraft-ai/recraft-v3"
LONGEST_SECONDS = 150.0
WAITING = [GenerationState.QUEUED, GenerationState.SUBMITTING, GenerationState.IN_DOUBT, GenerationState.RENDERING]


def run(*, full: bool, renders: int = RENDERS) -> Iterator[Measure]:
    """Wall, processor time, memory, and that nothing was lost or paid twice."""
    del full
    with bench_data.fake_replicate(latency=LATENCY) as fake:
        bare = asyncio.run(send_bare(fake.url, renders=renders))
        fakes_own = fake.state()["processor"] / renders * 1_000
    with (
        bench_data.fake_replicate(latency=LATENCY, creates_per_minute=PER_MINUTE) as fake,
        # forked before there are rows in memory: what it grows by is the conductor's own
        own_process() as elsewhere,
    ):
        campaign = bench_data.make_campaign(shots=renders, model=MODEL)
        runs.start_run(campaign, by=campaign.created_by)
        # an account that was used before, as nearly always: a new one begins with a single create
        Throttle.objects.create(account="replicate", per_minute=PER_MINUTE, next_at=database_now() - timedelta(hours=1))
        began, nudged, spent = elsewhere.submit(conduct, campaign.pk).result()
        sent, ended = (seconds_to(state, campaign_id=campaign.pk, began=began) for state in ("submitting", "fetching"))
        yield Measure(
            f"P9 {renders:,} in flight, wall",
            ended,
            1.10 * (bare + LATENCY),
            "s",
            note=f"ideal {bare + LATENCY:.2f} s: a bare loop sent {renders:,} in {bare:.2f} s (the fake takes "
            f"{fakes_own:.2f} ms of processor time for each), and {LATENCY:g} s; {ended / LATENCY:.2f} x the "
            f"{LATENCY:g} s alone; the last create left after {sent:.2f} s",
        )
        yield from whole(fake, campaign_id=campaign.pk, renders=renders, nudged=nudged)
    yield Measure("P9 processor time a job, dispatch and poll", spent.processor / renders * 1_000, 1.0, "ms")
    yield Measure("P9 memory grown", spent.grown, 100, "MB", note=f"{spent.largest:.0f} MB in all, Django included")


@contextmanager
def own_process() -> Iterator[ProcessPoolExecutor]:
    """A process to conduct in, born now."""
    connections.close_all()
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as elsewhere:
        elsewhere.submit(settle_in).result()
        yield elsewhere


def conduct(campaign_id: int) -> tuple[datetime, Counter[str], Spent]:
    """What happens in that process."""
    with spending() as spent:
        began, nudged = asyncio.run(conduct_until_collected(campaign_id))
    return began, nudged, spent


def seconds_to(state: str, *, campaign_id: int, began: datetime) -> float:
    """From `began` to the last step into a state."""
    steps = GenerationEvent.objects.filter(generation__campaign=campaign_id, to=state)
    last = steps.aggregate(last=Max("at"))["last"]
    return float((last - began).total_seconds()) if last else float("inf")


async def send_bare(url: str, *, renders: int) -> float:
    """The same creates without a table; the seconds until the last one was answered."""
    gate = asyncio.Semaphore(CONNECTIONS)
    headers = {"Authorization": "Bearer r8_bench", "Content-Type": "application/json", "Cancel-After": "900s"}
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def send(number: int) -> None:
            content = {"prompt": bench_data.PROMPT.format(number=number), "size": "1024x1024"}
            async with (
                gate,
                session.post(f"{url}/v1/models/{MODEL}/predictions", data=json.dumps({"input": content})) as answer,
            ):
                assert (await answer.json())["id"]

        began = time.perf_counter()
        await asyncio.gather(*(send(number) for number in range(renders)))
        return time.perf_counter() - began


def whole(fake: RunningFake, *, campaign_id: int, renders: int, nudged: Counter[str]) -> Iterator[Measure]:
    """Rows, bill and creates against each other; how often the provider was asked."""
    fetched = GenerationEvent.objects.filter(generation__campaign=campaign_id, to=GenerationState.FETCHING)
    arrived = Generation.objects.filter(campaign=campaign_id, state=GenerationState.FETCHING)
    lost = renders - min(arrived.count(), len(nudged), fetched.count())
    calls = {name: count / renders for name, count in sorted(fake.state()["calls"].items())}
    asked = ", ".join(f"{name} {count:.2f}" for name, count in calls.items())
    yield Measure("P9 lost", lost, 0, "renders", note=f"calls a job: {asked}")
    paid = LedgerEntry.objects.filter(campaign=campaign_id).count()
    doubled = fake.state()["creates"] - renders + max(0, fetched.count() - renders) + max(0, paid - renders)
    yield Measure("P9 sent, moved or booked twice", abs(doubled), 0, "renders")


async def conduct_until_collected(campaign_id: int) -> tuple[datetime, Counter[str]]:
    """Run a conductor until nothing of the campaign is at the provider; when it began, and what it handed on."""
    nudged: Counter[str] = Counter()

    def take(nudges: list[Nudge]) -> None:
        nudged.update(str(nudge.subject) for nudge in nudges)

    def over() -> bool:
        return not Generation.objects.filter(campaign=campaign_id, state__in=WAITING).exists()

    stop = asyncio.Event()
    began = await in_database(database_now)
    conducting = asyncio.create_task(Conductor(enqueue=take).conduct(stop))
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            while not await in_database(over):  # noqa: ASYNC110
                await asyncio.sleep(0.5)
    except TimeoutError:
        pass  # the counts say what is missing
    stop.set()
    await conducting
    await registry.close()
    await leave_database()
    return began, nudged
