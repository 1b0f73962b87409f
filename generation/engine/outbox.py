"""What the conductor's requests told and is still to be written, in rounds of many rows.

Nothing leaves the outbox before it is in the database: without one it waits, and every write may be repeated, for
each is a compare-and-set.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from generation import lifecycle
from generation.engine import outcomes
from generation.engine.background import in_database
from generation.engine.nudges import Nudge
from generation.engine.outcomes import Polled, PollFailed, Submitted
from generation.lifecycle import ClaimedGeneration

logger = logging.getLogger(__name__)
# Enqueues the steps that follow; False where it could not.
Enqueue = Callable[[list[Nudge]], bool | None]

# Rows in one transaction: long enough to be cheap, short enough to lock nobody out.
ROWS_A_ROUND = 250
MOST_UNWRITTEN = 1_000
# What was claimed and not sent may be claimed again after so long.
GIVEN_BACK_SECONDS = 0.5
HELD_UP = "It was claimed and not sent: the conductor was held up, ended, or the provider wants fewer."


class Outbox:
    """Results in the order of their arrival. `enqueue` takes what follows from them; it may block: it has a thread."""

    def __init__(self, *, enqueue: Enqueue) -> None:
        self.submitted: list[Submitted] = []
        # claimed, and not sent after all
        self.unsent: list[ClaimedGeneration] = []
        # being asked about, or asked about and not yet written: they are not due for another poll
        self.polling: set[str] = set()
        self.polled: list[Polled] = []
        self.failed_polls: list[PollFailed] = []
        self._rare: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []
        self._enqueue = enqueue
        # whether the latest nudges were taken: without Redis the sweep must not wait long
        self.taken = True

    async def flush(self, *, hurried: bool = False) -> list[tuple[str, str]]:
        """Write everything, but of what was polled one round; returns (provider, external id) of predictions that
        nobody waits for.

        After that round others may be polled, whose news come while the next one is written.
        `hurried`: more waits to be sent, and the database is needed to claim it. One round of what was sent then, as
        long as not too much is left: what a killed process had not written is in doubt, and has to be asked about.
        """
        orphans: list[tuple[str, str]] = []
        while self.submitted:
            batch = self.submitted[:ROWS_A_ROUND]
            orphans += await in_database(outcomes.record_submissions, batch)
            del self.submitted[: len(batch)]
            if hurried and len(self.submitted) < MOST_UNWRITTEN:
                break
        while self.unsent:
            unsent = self.unsent[:ROWS_A_ROUND]
            await in_database(lifecycle.give_back, unsent, seconds=GIVEN_BACK_SECONDS, note=HELD_UP)
            del self.unsent[: len(unsent)]
        while self._rare:
            function, args, kwargs = self._rare[0]
            await in_database(function, *args, **kwargs)
            del self._rare[0]
        if self.polled:
            polled = self.polled[:ROWS_A_ROUND]
            nudges = await in_database(outcomes.record_polls, polled)
            self._done_with(self.polled, len(polled))
            await self.hand_on(nudges)
        while self.failed_polls:
            failed = self.failed_polls[:ROWS_A_ROUND]
            await in_database(outcomes.record_failed_polls, failed)
            self._done_with(self.failed_polls, len(failed))
        return orphans

    def _done_with(self, results: list[Polled] | list[PollFailed], count: int) -> None:
        self.polling.difference_update(poll.generation_id for poll, _ in results[:count])
        del results[:count]

    def write(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Keep a rare write (a refusal, a doubt) for the next round."""
        self._rare.append((function, args, kwargs))

    async def hand_on(self, nudges: list[Nudge]) -> None:
        """Say what follows. A nudge that is lost is found by the sweep."""
        if not nudges:
            return
        try:
            self.taken = await asyncio.to_thread(self._enqueue, nudges) is not False
        except Exception:
            self.taken = False
            logger.exception("Nudges were not taken; the sweep sends them again.")
