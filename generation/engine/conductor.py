"""The conductor: one asyncio process that sends what is queued and polls what is rendering.

It works from the table alone. Two may run: a lease says who leads, claims say whose a submission is, and every write
is a compare-and-set. Network waits never hold a database connection or a worker slot; the database is asked from one
thread, in short transactions, and what the requests told is written in rounds, many rows in each.
"""

import asyncio
import gc
import logging
import os
import random
import socket
import sys
from contextlib import suppress

from django.db import DatabaseError, InterfaceError
from django.db.models import Q

from generation.engine.background import BackgroundTasks, in_database, leave_database
from generation.engine.doubts import DoubtResolver
from generation.engine.endings import cancel_returned
from generation.engine.heartbeats import record_heartbeat
from generation.engine.outbox import Enqueue, Outbox
from generation.engine.poller import Poller
from generation.engine.sender import SUBMIT_TIMEOUT_SECONDS, Sender
from generation.engine.sweep import find_unfinished, is_anything_unfinished
from generation.lifecycle import wake
from generation.models import AT_THE_PROVIDERS, Generation, GenerationState, Lease

logger = logging.getLogger(__name__)

LEASE = "conductor"
LEASE_SECONDS = 15.0
# The lease is renewed long before it ends; between renewals our own clock says whether we still lead.
RENEW_SECONDS = 3.0
LEASE_MARGIN_SECONDS = 3.0
TICK_SECONDS = 0.1
IDLE_TICK_SECONDS = 0.5
# Nothing is in flight, nothing is unfinished: until somebody queues something (`wake`), or this long.
SLEEP_SECONDS = 10.0
POLL_SECONDS = 0.1
ASK_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
SWEEP_SECONDS = 5.0
# While Redis takes nothing: work goes on within a second of its return.
SWEEP_AGAIN_SECONDS = 1.0
# New objects between two collections of garbage. Thousands of rows and answers come and go in each round without a
# cycle among them; at Python's own 700 a sixth of the processor time goes into looking for one.
COLLECT_AFTER = 50_000
# The database's thread waits so long for the loop's to let it go on, at each answer of the database: at Python's own
# 5 ms it waits longer than it works.
SWITCH_SECONDS = 0.0005


def tune_interpreter() -> None:
    """For a process that conducts and does nothing else: little garbage collection, quick turns for its threads."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    sys.setswitchinterval(SWITCH_SECONDS)


class Conductor:
    """Sends and polls until told to stop. `enqueue` takes the nudges for what comes after a render."""

    def __init__(self, *, enqueue: Enqueue) -> None:
        self.holder = f"{socket.gethostname()[:30]}:{os.getpid()}:{random.randrange(10**6)}"
        self.outbox = Outbox(enqueue=enqueue)
        self.tasks = BackgroundTasks()
        # the next beat comes at once: to stop, or because there is room again for more of a long queue
        self._wake = asyncio.Event()
        self._listener = wake.Listener()
        self._is_unfinished = self._has_slept = False
        self._leads_until = self._renewed_at = float("-inf")
        self._done_at: dict[str, float] = {}
        self.sender = Sender(
            holder=self.holder,
            outbox=self.outbox,
            tasks=self.tasks,
            leads_until=lambda: self._leads_until,
            wake=self._wake.set,
        )
        self.poller = Poller(outbox=self.outbox, tasks=self.tasks, wake=self._wake.set)
        self.doubts = DoubtResolver(outbox=self.outbox, tasks=self.tasks)

    async def conduct(self, stop: asyncio.Event) -> None:
        """Run until `stop`; then finish what is on the wire and give the lease back."""
        logger.info("The conductor %s runs.", self.holder)
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._wake.set())
        while not stop.is_set():
            self._wake.clear()
            try:
                busy = await self.beat()
            except (DatabaseError, InterfaceError) as error:
                # a minute without a database: nothing is lost, everything is in the table or the outbox
                logger.warning("The database does not answer (%s); trying again.", error)
                busy = False
            except Exception:
                logger.exception("A beat failed; the next one follows.")
                busy = False
            pause = self._pause(busy=busy)
            await self._listener.wait(self._wake, pause)
            self._has_slept = pause == SLEEP_SECONDS
        await self._listener.close()
        await self.finish()

    def _pause(self, *, busy: bool) -> float:
        """Seconds until the next beat, if nobody wakes us."""
        if busy:
            return TICK_SECONDS
        watchful = self._is_unfinished or not self.leads or not self.outbox.taken
        return IDLE_TICK_SECONDS if watchful else SLEEP_SECONDS

    async def finish(self) -> None:
        """Let open requests end (each has its own time limit), write what they told, then give the lease back."""
        self.sender.give_back_stock()
        with suppress(TimeoutError):
            await self.tasks.wait(seconds=SUBMIT_TIMEOUT_SECONDS + 1)
        await self.outbox.flush()
        while self.outbox.polled:
            await self.outbox.flush()
        await in_database(Lease.objects.end, name=LEASE, holder=self.holder)
        await leave_database()

    async def beat(self) -> bool:
        """Do one round; True while there is something in flight."""
        leads = await self.lead()
        if leads and self._has_slept and not await in_database(_anything_in_flight):
            await self._tend()
            return False
        # first what the provider can work on and tell while we write
        sent = await self.sender.send_queued() if leads else 0
        polled = await self.poller.poll_due() if leads and self._is_time("poll", POLL_SECONDS) else 0
        more_waiting = leads and self.sender.more_waiting
        self.sender.cancel_orphans(await self.outbox.flush(hurried=more_waiting))
        self.poller.wake_for_news()
        if not leads:
            return False
        # each question to the database costs a turn of the busy loop: while a long queue leaves, these come rarely
        if more_waiting and not self._is_time("rest", ASK_SECONDS):
            return True
        await self._tend()
        asked = await self.doubts.ask() if self._is_time("ask", ASK_SECONDS) else 0
        return bool(sent or asked or polled or self.tasks or await in_database(_anything_in_flight))

    @property
    def leads(self) -> bool:
        """Whether the lease is surely still ours, however long this process was held up."""
        return asyncio.get_running_loop().time() < self._leads_until

    async def lead(self) -> bool:
        """Take or renew the lease where it is time to; returns whether we lead."""
        now = asyncio.get_running_loop().time()
        if not self.leads or now - self._renewed_at > RENEW_SECONDS:
            token = await in_database(Lease.objects.hold, name=LEASE, holder=self.holder, seconds=LEASE_SECONDS)
            # counted from before the question: the lease cannot end sooner than we believe
            self._renewed_at = now
            self._leads_until = now + LEASE_SECONDS - LEASE_MARGIN_SECONDS if token is not None else float("-inf")
        return self.leads

    async def _tend(self) -> None:
        if self._is_time("heartbeat", HEARTBEAT_SECONDS):
            await in_database(record_heartbeat, "conductor")
        if self._is_time("sweep", SWEEP_SECONDS if self.outbox.taken else SWEEP_AGAIN_SECONDS):
            await in_database(cancel_returned)
            unfinished = await in_database(find_unfinished)
            self._is_unfinished = bool(unfinished) or await in_database(is_anything_unfinished)
            await self.outbox.hand_on(unfinished)

    def _is_time(self, task: str, seconds: float) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._done_at.get(task, float("-inf")) < seconds:
            return False
        self._done_at[task] = now
        return True


def _anything_in_flight() -> bool:
    # what is queued in a paused campaign waits for a person
    paused = Q(state=GenerationState.QUEUED, campaign__paused_at__isnull=False)
    return Generation.objects.filter(~paused, state__in=AT_THE_PROVIDERS).exists()
