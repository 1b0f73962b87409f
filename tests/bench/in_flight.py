"""P9: 5,000 renders of 9 s in flight at one conductor, over real HTTP and PostgreSQL.

The throttle is set to a pace at which all are in flight together (the real account's 600 a
minute never allows that): the ideal is the last create that it lets go, plus 9 s.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Max

from generation.clock import database_now
from generation.conductor import Conductor, in_database, leave_database, spare_collector
from generation.models import Generation, GenerationEvent, LedgerEntry
from generation.providers import registry
from generation.services import runs
from generation.services.sweep import Nudge
from generation.states import GenerationState
from tests.bench import ground
from tests.bench.measure import Measure, spending
from tests.fakes.running import RunningFake

RENDERS = 5_000
LATENCY = 9.0
PER_MINUTE = 40_000
# Its typical time is the 9 s of the target, so that the first look comes as it would in life.
MODEL = "recraft-ai/recraft-v3"
LONGEST_SECONDS = 150.0
WAITING = [GenerationState.QUEUED, GenerationState.SUBMITTING, GenerationState.IN_DOUBT, GenerationState.RENDERING]


def run(*, full: bool, renders: int = RENDERS) -> Iterator[Measure]:
    """Wall, processor time, memory, and that nothing was lost or paid twice."""
    del full
    with ground.fake_replicate(latency=LATENCY, creates_per_minute=PER_MINUTE) as fake:
        campaign = ground.make_campaign(shots=renders, model=MODEL)
        runs.start_run(campaign, by=campaign.created_by)
        # as `manage.py conduct` does
        spare_collector()
        with spending() as spent:
            began, nudged = asyncio.run(conduct_until_collected(campaign.pk))
        yield from judge(fake, campaign_id=campaign.pk, renders=renders, began=began, nudged=nudged)
    yield Measure("P9 processor time a job, dispatch and poll", spent.processor / renders * 1_000, 1.0, "ms")
    yield Measure("P9 memory grown", spent.grown, 100, "MB")


def judge(
    fake: RunningFake, *, campaign_id: int, renders: int, began: datetime, nudged: Counter[str]
) -> Iterator[Measure]:
    """Wall against the ideal; rows, bill and creates against each other."""
    fetched = GenerationEvent.objects.filter(generation__campaign=campaign_id, to=GenerationState.FETCHING)
    ended = fetched.aggregate(last=Max("at"))["last"]
    sent = GenerationEvent.objects.filter(generation__campaign=campaign_id, to=GenerationState.SUBMITTING)
    last_sent = sent.aggregate(last=Max("at"))["last"]
    wall = (ended - began).total_seconds()
    ramp = (renders - 1) / (PER_MINUTE / 60)
    state = fake.state()
    calls = {name: count / renders for name, count in state["calls"].items()}
    yield Measure(
        f"P9 {renders:,} in flight, wall",
        wall,
        1.10 * (ramp + LATENCY),
        "s",
        note=f"ideal {ramp:.1f} s of creates + {LATENCY:g} s; the last create left after "
        f"{(last_sent - began).total_seconds():.1f} s; calls a job: "
        + ", ".join(f"{name} {count:.2f}" for name, count in sorted(calls.items())),
    )
    arrived = Generation.objects.filter(campaign=campaign_id, state=GenerationState.FETCHING)
    lost = renders - min(arrived.count(), len(nudged), fetched.count())
    yield Measure("P9 lost", lost, 0, "renders")
    paid = LedgerEntry.objects.filter(campaign=campaign_id).count()
    doubled = state["creates"] - renders + max(0, fetched.count() - renders) + max(0, paid - renders)
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
    conducting = asyncio.create_task(Conductor(hands=take).conduct(stop))
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
