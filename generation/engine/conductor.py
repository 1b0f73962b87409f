"""The conductor: one asyncio process that sends what is queued and looks after what is rendering.

It works from the table alone. Two may run: a lease says who leads, claims say whose a
submission is, and every write is a compare-and-set. Network waits never hold a database
connection or a worker slot; the database is asked from one thread, in short transactions,
and what the requests bring home is written in rounds, many rows in each.
"""

import asyncio
import gc
import logging
import os
import random
import socket
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any

from django.db import DatabaseError, IntegrityError, InterfaceError

from generation import lifecycle
from generation.engine import leases, outcomes, render_requests, rounds, send_queue, throttle
from generation.engine.outbox import ROWS_A_ROUND, Hands, Outbox, in_database, leave_database
from generation.engine.rounds import Look, Sent
from generation.engine.sweep import Nudge, find_unfinished, record_pulse
from generation.lifecycle import Sending
from generation.models import Generation
from generation.providers import registry
from generation.providers.base import OutcomeUnknown, ProviderBusy, ProviderError, RenderRequest
from generation.providers.replicate.transport import CONNECTIONS

__all__ = ["Conductor", "in_database", "leave_database"]

logger = logging.getLogger(__name__)

LEASE = "conductor"
LEASE_SECONDS = 15.0
# The lease is renewed long before it ends; between renewals our own clock says whether we still lead.
RENEW_SECONDS = 3.0
LEASE_MARGIN_SECONDS = 3.0
TICK_SECONDS = 0.1
IDLE_TICK_SECONDS = 0.5
LOOK_SECONDS = 0.1
ASK_SECONDS = 1.0
MOST_ASKED = 200  # of what is in doubt; a kill in a burst may leave a thousand
PULSE_SECONDS = 5.0
SWEEP_SECONDS = 5.0
# While Redis takes nothing: work goes on within a second of its return.
SWEEP_AGAIN_SECONDS = 1.0
# The POST ends well before its claim does: a late answer is in doubt, never sent twice.
SUBMIT_TIMEOUT_SECONDS = 15.0
LOOK_TIMEOUT_SECONDS = 15.0
MOST_AT_ONCE = {"local": 4, "cog": 8}
# Claimed and not yet answered: those on the wire, and a stock that leaves while the database is asked for more.
MOST_CLAIMED = 800
MOST_LOOKS = 1_000
# So many failures in a row, none of them about the request itself, and the provider is left alone for a while;
# then one sending tries whether it works again.
CIRCUIT_FAILURES = 5
CIRCUIT_SECONDS, LONGEST_CIRCUIT_SECONDS = 10.0, 60.0
OUT_OF_ORDER = {"unavailable", "unreachable"}
# A provider that tells of many in one call is asked so for this many or more.
MANY = 5
MANY_A_CALL = 250
# New objects between two collections of garbage. Thousands of rows and answers come and go in each round without a
# cycle among them; at Python's own 700 a sixth of the processor time goes into looking for one.
COLLECT_AFTER = 50_000
# The database's thread waits so long for the loop's to let it go on, at each answer of the database: at Python's own
# 5 ms it waits longer than it works.
HAND_OVER_SECONDS = 0.0005


def settle_in() -> None:
    """For a process that conducts and does nothing else: little garbage collection, quick turns for its threads."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    sys.setswitchinterval(HAND_OVER_SECONDS)


class Conductor:
    """Sends and looks until told to stop. `hands` takes the nudges for what comes after a render."""

    def __init__(self, *, hands: Hands) -> None:
        self.holder = f"{socket.gethostname()[:30]}:{os.getpid()}:{random.randrange(10**6)}"
        self.outbox = Outbox(hands=hands)
        self.tasks: set[asyncio.Task[None]] = set()
        # claimed, with the time at which we asked for them; each leaves when a connection is free
        self.at_hand: deque[tuple[Sending, float]] = deque()
        self.submitting = 0
        self.asking: set[str] = set()
        self.failures: Counter[str] = Counter()
        self._closed_again_at: dict[str, float] = {}
        self._slowed_until: dict[str, float] = {}
        # the next beat comes at once: to stop, or because there is room again for more of a long queue
        self._wake = asyncio.Event()
        self._more_waiting = False
        self._leads_until = self._renewed_at = float("-inf")
        self._done_at: dict[str, float] = {}

    # --- the loop --------------------------------------------------------------------------

    async def conduct(self, stop: asyncio.Event) -> None:
        """Run until `stop`; then finish what is on the wire and give the lease back."""
        logger.info("The conductor %s is at work.", self.holder)
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
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS if busy else IDLE_TICK_SECONDS):
                    await self._wake.wait()
        await self.finish()

    async def finish(self) -> None:
        """Let open requests end (each has its own time limit), write what they brought, then hand over."""
        self.outbox.unsent += [sending for sending, _ in self.at_hand]
        self.at_hand.clear()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=SUBMIT_TIMEOUT_SECONDS + 1)
        await self.outbox.flush()
        while self.outbox.seen:
            await self.outbox.flush()
        await in_database(leases.end_lease, name=LEASE, holder=self.holder)
        await leave_database()

    async def beat(self) -> bool:
        """One round; True while there is something in flight."""
        leads = await self._lead()
        # first what the provider can work on and tell while we write
        sent = await self._send_queued() if leads else 0
        looked = await self._look() if leads and self._is_time("look", LOOK_SECONDS) else 0
        self._cancel_orphans(await self.outbox.flush(hurried=self._more_waiting))
        self._wake_for_news()
        if not leads:
            return False
        # each question to the database costs a turn of the busy loop: while a long queue leaves, these come rarely
        if self._more_waiting and not self._is_time("rest", ASK_SECONDS):
            return True
        await self._keep_house()
        asked = await self._ask_in_doubt() if self._is_time("ask", ASK_SECONDS) else 0
        return bool(sent or asked or looked or self.tasks or await in_database(outcomes.anything_in_flight))

    @property
    def leads(self) -> bool:
        """Whether the lease is surely still ours, however long this process was held up."""
        return asyncio.get_running_loop().time() < self._leads_until

    async def _lead(self) -> bool:
        now = asyncio.get_running_loop().time()
        if not self.leads or now - self._renewed_at > RENEW_SECONDS:
            token = await in_database(leases.hold_lease, name=LEASE, holder=self.holder, seconds=LEASE_SECONDS)
            # counted from before the question: the lease cannot end sooner than we believe
            self._renewed_at = now
            self._leads_until = now + LEASE_SECONDS - LEASE_MARGIN_SECONDS if token is not None else float("-inf")
        return self.leads

    async def _keep_house(self) -> None:
        if self._is_time("pulse", PULSE_SECONDS):
            await in_database(record_pulse, "conductor")
        if self._is_time("sweep", SWEEP_SECONDS if self.outbox.taken else SWEEP_AGAIN_SECONDS):
            await self.outbox.hand_on(await in_database(find_unfinished))

    def _is_time(self, chore: str, seconds: float) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._done_at.get(chore, float("-inf")) < seconds:
            return False
        self._done_at[chore] = now
        return True

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # --- sending ---------------------------------------------------------------------------

    async def _send_queued(self) -> int:
        claimed: list[Sending] = []
        asked_at = asyncio.get_running_loop().time()
        self._more_waiting = False
        try:
            self._more_waiting = await in_database(
                send_queue.claim_next, holder=self.holder, most=self._room_of, into=claimed
            )
        finally:
            self.at_hand.extend((sending, asked_at) for sending in claimed)
            self._fill_lines()
        return len(claimed)

    def _room_of(self, provider: str) -> int:
        """How many more of it may be claimed."""
        most = min(MOST_AT_ONCE.get(provider, MOST_CLAIMED), MOST_CLAIMED - self._claimed)
        if self.failures[provider] >= CIRCUIT_FAILURES:
            return 0 if self._claimed else min(most, 1)
        return most

    @property
    def _claimed(self) -> int:
        return self.submitting + len(self.at_hand)

    def _fill_lines(self) -> None:
        """Let what is at hand leave, as far as there are connections for it."""
        while self.at_hand and self.submitting < CONNECTIONS:
            sending, claimed_at = self.at_hand.popleft()
            self.submitting += 1
            self._spawn(self._submit(sending, claimed_at=claimed_at))

    def _may_leave(self, sending: Sending, *, claimed_at: float) -> bool:
        """False where the claim may end during the POST, another process leads by now, or the provider wants a rest."""
        now = asyncio.get_running_loop().time()
        held_up = now - claimed_at
        if held_up > outcomes.SUBMIT_LEASE_SECONDS - SUBMIT_TIMEOUT_SECONDS or now >= self._leads_until:
            return False
        name = sending.provider
        return now >= max(self._slowed_until.get(name, now), self._closed_again_at.get(name, now))

    async def _submit(self, sending: Sending, *, claimed_at: float) -> None:
        try:
            request = await self._prepare(sending)
            provider = registry.image_provider(sending.provider)
            if not self._may_leave(sending, claimed_at=claimed_at):
                self.outbox.unsent.append(sending)
                return
            async with asyncio.timeout(SUBMIT_TIMEOUT_SECONDS):
                submission = await provider.submit(request)
        except TimeoutError:
            unknown = OutcomeUnknown("The provider did not answer in time.")
            self.outbox.write(outcomes.record_failed_sending, sending, unknown)
        except ProviderError as error:
            self._record_refusal(sending, error)
        except (DatabaseError, InterfaceError):
            # nothing was sent: the claim ends by itself and is asked about
            logger.warning("%s could not be prepared without a database.", sending.pk)
        except Exception:
            # before the POST (a missing file, a mistake of ours): nothing was bought
            logger.exception("Sending %s failed", sending.pk)
            parked = ProviderError(traceback.format_exc(limit=8), kind="parked")
            self.outbox.write(outcomes.record_failed_sending, sending, parked)
        else:
            del self.failures[sending.provider]
            self.outbox.sent.append(Sent(sending, submission, time.monotonic()))
        finally:
            self.submitting -= 1
            self._fill_lines()
            if self._more_waiting and self._claimed <= MOST_CLAIMED / 2:
                self._wake.set()

    async def _prepare(self, sending: Sending) -> RenderRequest:
        if not render_requests.needs_pictures(sending):
            return render_requests.plain_request(sending)
        row = await in_database(sending.row)
        if row is None:
            raise ProviderBusy("Its claim ended before it was sent.", kind="held_up", retry_after=0.5)
        return await in_database(render_requests.build_request, row)

    def _record_refusal(self, sending: Sending, error: ProviderError) -> None:
        if isinstance(error, ProviderBusy) and error.kind == "throttled":
            seconds = error.retry_after or 5.0
            self._slowed_until[sending.provider] = asyncio.get_running_loop().time() + seconds
            self.outbox.write(throttle.slow_down, sending.provider, seconds=seconds, note=str(error))
        if isinstance(error, ProviderBusy) and error.kind in OUT_OF_ORDER:
            self._open_circuit(sending.provider, error)
        self.outbox.write(outcomes.record_failed_sending, sending, error)

    def _open_circuit(self, provider: str, error: ProviderBusy) -> None:
        """Leave a provider alone that fails again and again: longer each time, a minute at most."""
        now = asyncio.get_running_loop().time()
        if now < self._closed_again_at.get(provider, 0.0):
            return  # sent before the circuit was opened
        self.failures[provider] += 1
        beyond = self.failures[provider] - CIRCUIT_FAILURES
        if beyond >= 0:
            seconds = min(CIRCUIT_SECONDS * 2.0 ** min(beyond, 10), LONGEST_CIRCUIT_SECONDS)
            self._closed_again_at[provider] = now + seconds
            note = f"{error} Nothing new is sent for {seconds:.0f} s; what is queued waits and costs nothing."
            self.outbox.write(throttle.pause, provider, seconds=seconds, note=note)

    def _cancel_orphans(self, orphans: Sequence[tuple[str, str]]) -> None:
        """Predictions of sendings that were given up meanwhile: nobody waits for them, so they shall not cost."""
        for provider, external_id in orphans:
            logger.warning("%s at %s came too late and is cancelled.", external_id, provider)
            self._spawn(self._cancel(provider, external_id))

    async def _cancel(self, provider: str, external_id: str) -> None:
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_SECONDS):
                await registry.image_provider(provider).cancel(external_id)
        except (ProviderError, TimeoutError) as error:
            logger.warning("%s at %s could not be cancelled: %s", external_id, provider, error)

    # --- asking about what is in doubt -----------------------------------------------------

    async def _ask_in_doubt(self) -> int:
        await in_database(outcomes.doubt_abandoned_submissions)
        doubtful = await in_database(outcomes.take_in_doubt, limit=MOST_ASKED)
        fresh = [generation for generation in doubtful if generation.pk not in self.asking]
        for generation in fresh:
            self.asking.add(generation.pk)
            self._spawn(self._ask(generation))
        return len(fresh)

    async def _ask(self, generation: Generation) -> None:
        try:
            request = await in_database(render_requests.build_request, generation)
            provider = registry.image_provider(generation.provider)
            taken = await in_database(outcomes.ids_taken, generation.provider, besides=generation)
            async with asyncio.timeout(LOOK_TIMEOUT_SECONDS):
                found = await provider.find(
                    request=request, sent_at=generation.submitted_at or generation.created_at, exclude=taken
                )
            await in_database(outcomes.record_found, generation, found)
        except OutcomeUnknown as error:
            await in_database(outcomes.give_up_doubt, generation, error)
            await self.outbox.hand_on([Nudge("follow_up", generation.pk)])
        except IntegrityError:
            # another row has just been given this prediction: ask again, with its id left out
            await in_database(lifecycle.postpone, generation, seconds=1.0, note="It belongs to another render.")
        except (ProviderError, TimeoutError) as error:
            await in_database(lifecycle.postpone, generation, seconds=5.0, note=str(error))
        finally:
            self.asking.discard(generation.pk)

    # --- looking ---------------------------------------------------------------------------

    async def _look(self) -> int:
        room = MOST_LOOKS - len(self.outbox.looks)
        due = await in_database(rounds.due_looks, limit=room, besides=tuple(self.outbox.looks)) if room > 0 else []
        self.outbox.looks.update(look.generation_id for look in due)
        for name, group in groupby(sorted(due, key=lambda look: look.provider), key=lambda look: look.provider):
            looks = list(group)
            if len(looks) < MANY or not self._tells_of_many(name):
                for look in looks:
                    self._spawn(self._look_at(look))
                continue
            for start in range(0, len(looks), MANY_A_CALL):
                self._spawn(self._look_at_many(name, looks[start : start + MANY_A_CALL]))
        return len(due)

    def _tells_of_many(self, name: str) -> bool:
        try:
            return hasattr(registry.image_provider(name), "look_many")
        except ProviderError:
            return False

    async def _look_at_many(self, name: str, looks: list[Look]) -> None:
        """One call for many; those that it does not tell of are asked about by themselves."""
        told = {}
        try:
            provider: Any = registry.image_provider(name)
            async with asyncio.timeout(LOOK_TIMEOUT_SECONDS):
                told = await provider.look_many([look.external_id for look in looks if not look.cancel_asked])
        except (ProviderError, TimeoutError) as error:
            logger.info("Many could not be asked about at once: %s", error)
        except Exception:
            logger.exception("Many could not be asked about at once")
        for look in looks:
            if look.external_id in told:
                self.outbox.seen.append((look, told[look.external_id]))
            else:
                self._spawn(self._look_at(look))
        self._wake_for_news()

    async def _look_at(self, look: Look) -> None:
        try:
            provider = registry.image_provider(look.provider)
            async with asyncio.timeout(LOOK_TIMEOUT_SECONDS):
                if look.cancel_asked:
                    await provider.cancel(look.external_id)
                progress = await provider.look(look.external_id)
            self.outbox.seen.append((look, progress))
        except ProviderError as error:
            self.outbox.missed.append((look, error))
        except TimeoutError:
            self.outbox.missed.append((look, ProviderBusy("The provider did not answer in time.")))
        except Exception:
            logger.exception("Looking at %s failed", look.generation_id)
            self.outbox.missed.append((look, ProviderBusy("It could not be looked at: a mistake of ours.")))
        self._wake_for_news()

    def _wake_for_news(self) -> None:
        """Write at once what fills a round, or what is the last that was asked for."""
        told = len(self.outbox.seen) + len(self.outbox.missed)
        if told and told >= min(ROWS_A_ROUND, len(self.outbox.looks)):
            self._wake.set()
