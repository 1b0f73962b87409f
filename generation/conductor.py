"""The conductor: one asyncio process that sends what is queued and looks after what is rendering.

It works from the table alone. Two may run: a lease says who leads, claims say whose a
submission is, and every write is a compare-and-set. Network waits never hold a database
connection or a worker slot; the database is asked from one thread, in short transactions.
"""

import asyncio
import logging
import os
import random
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from generation import leases, lifecycle, throttle
from generation.models import Generation
from generation.providers import registry
from generation.providers.base import OutcomeUnknown, ProviderBusy, ProviderError
from generation.services import dispatch
from generation.services.sweep import Nudge, find_unfinished, record_pulse
from generation.states import GenerationState

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")

LEASE = "conductor"
LEASE_SECONDS = 15.0
TICK_SECONDS = 0.25
IDLE_TICK_SECONDS = 1.0
PULSE_SECONDS = 5.0
SWEEP_SECONDS = 10.0
# The POST ends well before its claim does: a late answer is in doubt, never sent twice.
SUBMIT_TIMEOUT_SECONDS = 20.0
LOOK_TIMEOUT_SECONDS = 15.0
MOST_AT_ONCE = {"local": 4, "cog": 8}
MOST_SUBMISSIONS = 200
MOST_LOOKS = 400


async def in_database(function: Callable[..., Answer], *args: Any, **kwargs: Any) -> Answer:
    """Call a synchronous database function in the one database thread."""

    def call() -> Answer:
        close_old_connections()
        return function(*args, **kwargs)

    return await sync_to_async(call, thread_sensitive=True)()


async def leave_database() -> None:
    """Close the database thread's connection, when its loop is about to end."""
    # the attribute is looked up in that thread: connections belong to theirs
    await sync_to_async(lambda: connection.close(), thread_sensitive=True)()


class Conductor:
    """Sends and looks until told to stop. `hands` takes the nudges for what comes after a render."""

    def __init__(self, *, hands: Callable[[Nudge], None]) -> None:
        self.holder = f"{socket.gethostname()[:30]}:{os.getpid()}:{random.randrange(10**6)}"
        self.hands = hands
        self.tasks: set[asyncio.Task[None]] = set()
        self.looking: set[str] = set()
        self.asking: set[str] = set()
        self.leads = False
        self._pulsed_at = self._swept_at = float("-inf")

    async def conduct(self, stop: asyncio.Event) -> None:
        """Run until `stop`; then finish what is on the wire and give the lease back."""
        logger.info("The conductor %s is at work.", self.holder)
        while not stop.is_set():
            try:
                busy = await self.beat()
            except (DatabaseError, InterfaceError) as error:
                # a minute without a database: nothing is lost, everything is in the table
                logger.warning("The database does not answer (%s); trying again.", error)
                busy = False
            except Exception:
                logger.exception("A beat failed; the next one follows.")
                busy = False
            try:
                await asyncio.wait_for(stop.wait(), timeout=TICK_SECONDS if busy else IDLE_TICK_SECONDS)
            except TimeoutError:
                continue
        await self.finish()

    async def finish(self) -> None:
        """Let open requests end (each has its own time limit), then hand over."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=SUBMIT_TIMEOUT_SECONDS + 1)
        await in_database(leases.end_lease, name=LEASE, holder=self.holder)
        await leave_database()

    async def beat(self) -> bool:
        """One round; True while there is something in flight."""
        token = await in_database(leases.hold_lease, name=LEASE, holder=self.holder, seconds=LEASE_SECONDS)
        self.leads = token is not None
        now = asyncio.get_running_loop().time()
        if not self.leads:
            return False
        if now - self._pulsed_at > PULSE_SECONDS:
            self._pulsed_at = now
            await in_database(record_pulse, "conductor")
            await in_database(dispatch.doubt_abandoned_submissions)
        if now - self._swept_at > SWEEP_SECONDS:
            self._swept_at = now
            for nudge in await in_database(find_unfinished):
                self.hands(nudge)
        sent = await self._send_queued()
        asked = await self._ask_in_doubt()
        looked = await self._look()
        return bool(sent or asked or looked or self.tasks or await in_database(dispatch.anything_in_flight))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _send_queued(self) -> int:
        sent = 0
        for provider in await in_database(dispatch.providers_with_queue):
            room = min(MOST_AT_ONCE.get(provider, MOST_SUBMISSIONS), MOST_SUBMISSIONS - len(self.tasks))
            wanted = await in_database(dispatch.room_for, provider, most=room)
            permits = await in_database(throttle.take_permits, provider, wanted=wanted)
            if permits <= 0:
                continue
            claimed = await in_database(
                lifecycle.claim_queued,
                provider=provider,
                holder=self.holder,
                limit=permits,
                seconds=dispatch.SUBMIT_LEASE_SECONDS,
            )
            for generation in claimed:
                self._spawn(self._submit(generation))
            sent += len(claimed)
        return sent

    async def _submit(self, generation: Generation) -> None:
        claimed_at = asyncio.get_running_loop().time()
        try:
            request = await in_database(dispatch.build_request, generation)
            provider = registry.image_provider(generation.provider)
            if asyncio.get_running_loop().time() - claimed_at > dispatch.SUBMIT_LEASE_SECONDS - SUBMIT_TIMEOUT_SECONDS:
                # held up too long: the claim may end during the POST, so it is not sent at all
                raise ProviderBusy("The conductor was held up before sending.", retry_after=0.5)
            submission = await asyncio.wait_for(provider.submit(request), timeout=SUBMIT_TIMEOUT_SECONDS)
        except TimeoutError:
            unknown = OutcomeUnknown("The provider did not answer in time.")
            await in_database(dispatch.record_submission_error, generation, unknown)
        except ProviderError as error:
            if isinstance(error, ProviderBusy) and error.kind == "throttled":
                await in_database(
                    throttle.slow_down, generation.provider, seconds=error.retry_after or 5.0, note=str(error)
                )
            await in_database(dispatch.record_submission_error, generation, error)
        except Exception as error:
            # before the POST (a missing file, a mistake of ours): nothing was bought
            logger.exception("Sending %s failed", generation.pk)
            await in_database(dispatch.fail, generation, kind="parked", text=f"It could not be sent: {error!r}")
        else:
            await in_database(dispatch.record_submission, generation, submission)

    async def _ask_in_doubt(self) -> int:
        doubtful = await in_database(dispatch.take_in_doubt, limit=50)
        fresh = [generation for generation in doubtful if generation.pk not in self.asking]
        for generation in fresh:
            self.asking.add(generation.pk)
            self._spawn(self._ask(generation))
        return len(fresh)

    async def _ask(self, generation: Generation) -> None:
        try:
            request = await in_database(dispatch.build_request, generation)
            provider = registry.image_provider(generation.provider)
            found = await asyncio.wait_for(
                provider.find(request=request, sent_at=generation.submitted_at or generation.created_at),
                timeout=LOOK_TIMEOUT_SECONDS,
            )
            await in_database(dispatch.record_found, generation, found)
        except (ProviderError, TimeoutError) as error:
            await in_database(lifecycle.postpone, generation, seconds=5.0, note=str(error))
        finally:
            self.asking.discard(generation.pk)

    async def _look(self) -> int:
        due = await in_database(dispatch.take_looks, limit=MOST_LOOKS)
        fresh = [generation for generation in due if generation.pk not in self.looking]
        for generation in fresh:
            self.looking.add(generation.pk)
            self._spawn(self._look_at(generation))
        return len(fresh)

    async def _look_at(self, generation: Generation) -> None:
        try:
            provider = registry.image_provider(generation.provider)
            if generation.cancel_asked:
                await asyncio.wait_for(provider.cancel(generation.external_id), timeout=LOOK_TIMEOUT_SECONDS)
            progress = await asyncio.wait_for(provider.look(generation.external_id), timeout=LOOK_TIMEOUT_SECONDS)
            if await in_database(dispatch.record_progress, generation, progress):
                self.hands(Nudge("mirror", generation.pk))
            elif generation.state in {GenerationState.REFUSED, GenerationState.FAILED}:
                self.hands(Nudge("follow_up", generation.pk))
        except ProviderError as error:
            await in_database(dispatch.record_look_error, generation, error)
        except TimeoutError:
            await in_database(
                dispatch.record_look_error, generation, ProviderBusy("The provider did not answer in time.")
            )
        finally:
            self.looking.discard(generation.pk)
