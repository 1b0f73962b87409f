"""Sends what is queued: claims it, prepares each request, and hands what came of it to the outbox."""

import asyncio
import logging
import time
import traceback
from collections import deque
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError

from campaigns.database.clock import database_now
from generation import lifecycle
from generation.catalogue.providers import IMAGE_PROVIDERS
from generation.engine import outcomes, render_requests, throttle
from generation.engine.background import BackgroundTasks, in_database
from generation.engine.circuit import Circuit
from generation.engine.outbox import Outbox
from generation.engine.outcomes import Submitted
from generation.lifecycle import ClaimedGeneration
from generation.models import Generation, GenerationState
from generation.providers import registry
from generation.providers.replicate.transport import CONNECTIONS
from generation.rules.values import OutcomeUnknown, ProviderBusy, ProviderError, RenderRequest

logger = logging.getLogger(__name__)

# The POST ends well before its claim does: a late answer is in doubt, never sent twice.
SUBMIT_TIMEOUT_SECONDS = 15.0
CANCEL_TIMEOUT_SECONDS = 15.0
# Claimed and not yet answered: those on the wire, and a stock that leaves while the database is asked for more.
MOST_CLAIMED = 800


class Sender:
    """Sends for one conductor. `leads_until`: until when, by the loop's clock, the lease is surely held.

    `wake`: makes the loop claim more at once.
    """

    def __init__(
        self,
        *,
        holder: str,
        outbox: Outbox,
        tasks: BackgroundTasks,
        leads_until: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        self.holder = holder
        self.outbox = outbox
        self.tasks = tasks
        self.circuit = Circuit()
        # claimed, with the time at which we asked for them; each leaves when a connection is free
        self.stock: deque[tuple[ClaimedGeneration, float]] = deque()
        self.submitting = 0
        # whether as many as may be claimed were claimed, so that more may be queued
        self.more_waiting = False
        self._leads_until = leads_until
        self._wake = wake

    async def send_queued(self) -> int:
        """Claim what may leave now and start sending it; returns how many were claimed."""
        claimed: list[ClaimedGeneration] = []
        asked_at = asyncio.get_running_loop().time()
        self.more_waiting = False
        try:
            self.more_waiting = await in_database(claim_next, holder=self.holder, most=self._room_of, into=claimed)
        finally:
            self.take(claimed, asked_at=asked_at)
        return len(claimed)

    def take(self, claimed: list[ClaimedGeneration], *, asked_at: float) -> None:
        """Send these as connections become free. `asked_at`: when their claim was asked for, by the loop's clock."""
        self.stock.extend((each, asked_at) for each in claimed)
        self._fill_connections()

    def give_back_stock(self) -> None:
        """Return to the queue what has not left."""
        self.outbox.unsent += [claimed for claimed, _ in self.stock]
        self.stock.clear()

    def cancel_orphans(self, orphans: list[tuple[str, str]]) -> None:
        """Cancel predictions (provider, external id) of submissions that were given up meanwhile: nobody waits for
        them, so they shall not cost.
        """
        for provider, external_id in orphans:
            logger.warning("%s at %s came too late and is cancelled.", external_id, provider)
            self.tasks.start(self._cancel(provider, external_id))

    def _room_of(self, provider: str) -> int:
        """How many more of it may be claimed."""
        most = min(IMAGE_PROVIDERS[provider].at_once or MOST_CLAIMED, MOST_CLAIMED - self._claimed)
        if self.circuit.is_open(provider):
            return 0 if self._claimed else min(most, 1)
        return most

    @property
    def _claimed(self) -> int:
        return self.submitting + len(self.stock)

    def _fill_connections(self) -> None:
        while self.stock and self.submitting < CONNECTIONS:
            claimed, asked_at = self.stock.popleft()
            self.submitting += 1
            self.tasks.start(self._submit(claimed, asked_at=asked_at))

    def _may_leave(self, claimed: ClaimedGeneration, *, asked_at: float) -> bool:
        """False where the claim may end during the POST, another process leads by now, or the provider is paused."""
        now = asyncio.get_running_loop().time()
        if now - asked_at > outcomes.SUBMIT_LEASE_SECONDS - SUBMIT_TIMEOUT_SECONDS or now >= self._leads_until():
            return False
        return self.circuit.may_send(claimed.provider, now=now)

    async def _submit(self, claimed: ClaimedGeneration, *, asked_at: float) -> None:
        try:
            request = await self._prepare(claimed)
            provider = registry.image_provider(claimed.provider)
            if not self._may_leave(claimed, asked_at=asked_at):
                self.outbox.unsent.append(claimed)
                return
            async with asyncio.timeout(SUBMIT_TIMEOUT_SECONDS):
                submission = await provider.submit(request)
        except TimeoutError:
            unknown = OutcomeUnknown("The provider did not answer in time.")
            self.outbox.write(outcomes.record_failed_submission, claimed, unknown)
        except ProviderError as error:
            self._record_refusal(claimed, error)
        except (DatabaseError, InterfaceError):
            # nothing was sent: the claim ends by itself and is asked about
            logger.warning("%s could not be prepared without a database.", claimed.pk)
        except Exception:
            # before the POST (a missing file, a mistake of ours): nothing was bought
            logger.exception("Sending %s failed", claimed.pk)
            parked = ProviderError(traceback.format_exc(limit=8), kind="parked")
            self.outbox.write(outcomes.record_failed_submission, claimed, parked)
        else:
            self.circuit.record_success(claimed.provider)
            self.outbox.submitted.append(Submitted(claimed, submission, time.monotonic()))
        finally:
            self.submitting -= 1
            self._fill_connections()
            if self.more_waiting and self._claimed <= MOST_CLAIMED / 2:
                self._wake()

    async def _prepare(self, claimed: ClaimedGeneration) -> RenderRequest:
        if not render_requests.needs_images(claimed):
            return render_requests.plain_request(claimed)
        row: Generation | None = await in_database(claimed.row)
        if row is None:
            raise ProviderBusy("Its claim ended before it was sent.", kind="held_up", retry_after=0.5)
        return await in_database(render_requests.build_request, row)

    def _record_refusal(self, claimed: ClaimedGeneration, error: ProviderError) -> None:
        name, now = claimed.provider, asyncio.get_running_loop().time()
        if (seconds := self.circuit.record_throttled(error, name, now=now)) is not None:
            self.outbox.write(throttle.slow_down, name, seconds=seconds, note=str(error))
        if (seconds := self.circuit.record_failure(error, name, now=now)) is not None:
            note = f"{error} Nothing new is sent for {seconds:.0f} s; what is queued waits and costs nothing."
            self.outbox.write(throttle.pause, name, seconds=seconds, note=note)
        self.outbox.write(outcomes.record_failed_submission, claimed, error)

    async def _cancel(self, provider: str, external_id: str) -> None:
        try:
            async with asyncio.timeout(CANCEL_TIMEOUT_SECONDS):
                await registry.image_provider(provider).cancel(external_id)
        except (ProviderError, TimeoutError) as error:
            logger.warning("%s at %s could not be cancelled: %s", external_id, provider, error)


def claim_next(*, holder: str, most: Callable[[str], int], into: list[ClaimedGeneration]) -> bool:
    """Claim what may be sent now, at most `most` of a provider; True where as many as that left and more may wait.

    One call, because each that the conductor makes costs a turn of its busy loop. What is claimed is in `into` even
    where a later provider's turn fails.
    """
    more = False
    for provider in providers_with_queue():
        room = most(provider)
        permits = throttle.take_permits(provider, wanted=room_for(provider, most=room))
        if permits > 0:
            claimed = lifecycle.claim_queued(
                provider=provider, holder=holder, limit=permits, seconds=outcomes.SUBMIT_LEASE_SECONDS
            )
            into += claimed
            more |= len(claimed) == room
    return more


def providers_with_queue() -> list[str]:
    """Providers for which something is queued and due."""
    # mostly nothing is: one look at the queue's own index, which the question below would not take
    if not Generation.objects.filter(state=GenerationState.QUEUED).exists():
        return []
    queued = Generation.objects.due(database_now()).filter(
        state=GenerationState.QUEUED, campaign__paused_at__isnull=True
    )
    return list(queued.order_by().values_list("provider", flat=True).distinct())


def room_for(provider: str, *, most: int) -> int:
    """Give how many more may be sent now. One that runs beside us takes only so many: what it renders counts."""
    if most <= 0:
        return 0
    if IMAGE_PROVIDERS[provider].at_once is None:
        waiting = Generation.objects.filter(provider=provider, state=GenerationState.QUEUED)[: most + 1].count()
        return min(most, waiting)
    in_flight = Generation.objects.filter(
        provider=provider, state__in=[GenerationState.SUBMITTING, GenerationState.RENDERING]
    ).count()
    return max(0, most - in_flight)
