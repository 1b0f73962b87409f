"""What the conductor's requests brought home and is still to be written, in rounds; and its one database thread.

Nothing leaves the outbox before it is in the database: without one it waits, and every write
may be repeated, for each is a compare-and-set.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection

from generation import lifecycle
from generation.engine import rounds
from generation.engine.rounds import Missed, Seen, Sent
from generation.engine.sweep import Nudge
from generation.lifecycle import Sending

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")
Hands = Callable[[list[Nudge]], bool | None]

# Rows in one transaction: long enough to be cheap, short enough to lock nobody out.
ROWS_A_ROUND = 250
MOST_UNWRITTEN = 1_000
# What was claimed and not sent may be claimed again after so long.
GIVEN_BACK_SECONDS = 0.5
HELD_UP = "It was claimed and not sent: the conductor was held up, ended, or the provider wants fewer."
# Asking the database whether it is there before each call would be a third of all that it is asked.
TEND_SECONDS = 1.0


async def in_database(function: Callable[..., Answer], *args: Any, **kwargs: Any) -> Answer:
    """Call a synchronous database function in the one database thread."""

    def call() -> Answer:
        _tend_connection()
        return function(*args, **kwargs)

    return await sync_to_async(call, thread_sensitive=True)()


class _Tended(threading.local):
    """When this thread's connection was last looked after, by our own clock."""

    at = float("-inf")


_tended = _Tended()


def _tend_connection() -> None:
    """As at the beginning of a web request, once a second, and at once after a failure: is the connection alive?"""
    now = time.monotonic()
    if connection.errors_occurred or now - _tended.at > TEND_SECONDS:
        close_old_connections()
        _tended.at = now


async def leave_database() -> None:
    """Close the database thread's connection, when its loop is about to end."""
    # the attribute is looked up in that thread: connections belong to theirs
    await sync_to_async(lambda: connection.close(), thread_sensitive=True)()  # noqa: PLW0108


class Outbox:
    """Results in the order of their arrival. `hands` takes what follows from them; it may block, so it has a thread.

    It returns False where it could not.
    """

    def __init__(self, *, hands: Hands) -> None:
        self.sent: list[Sent] = []
        # claimed, and not sent after all
        self.unsent: list[Sending] = []
        # being looked at, or looked at and not yet written: they are not due for another look
        self.looks: set[str] = set()
        self.seen: list[Seen] = []
        self.missed: list[Missed] = []
        self._rare: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []
        self._hands = hands
        # whether the latest nudges were taken: without Redis the sweep must not wait long
        self.taken = True

    async def flush(self, *, hurried: bool = False) -> list[tuple[str, str]]:
        """Write everything, but of what was seen one round; returns (provider, external id) of predictions that nobody
        waits for.

        After that round others may be looked at, whose news come while the next one is written.
        `hurried`: more waits to be sent, and the database is needed to claim it. One round of what was sent then, as
        long as not too much is left: what a killed process had not written is in doubt, and has to be asked about.
        """
        orphans: list[tuple[str, str]] = []
        while self.sent:
            batch = self.sent[:ROWS_A_ROUND]
            orphans += await in_database(rounds.record_submissions, batch)
            del self.sent[: len(batch)]
            if hurried and len(self.sent) < MOST_UNWRITTEN:
                break
        while self.unsent:
            unsent = self.unsent[:ROWS_A_ROUND]
            await in_database(lifecycle.give_back, unsent, seconds=GIVEN_BACK_SECONDS, note=HELD_UP)
            del self.unsent[: len(unsent)]
        while self._rare:
            function, args, kwargs = self._rare[0]
            await in_database(function, *args, **kwargs)
            del self._rare[0]
        if self.seen:
            seen = self.seen[:ROWS_A_ROUND]
            nudges = await in_database(rounds.record_progresses, seen)
            self._done_with(self.seen, len(seen))
            await self.hand_on(nudges)
        while self.missed:
            missed = self.missed[:ROWS_A_ROUND]
            await in_database(rounds.record_missed, missed)
            self._done_with(self.missed, len(missed))
        return orphans

    def _done_with(self, looked: list[Seen] | list[Missed], count: int) -> None:
        self.looks.difference_update(look.generation_id for look, _ in looked[:count])
        del looked[:count]

    def write(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Keep a rare write (a refusal, a doubt) for the next round."""
        self._rare.append((function, args, kwargs))

    async def hand_on(self, nudges: list[Nudge]) -> None:
        """Say what follows. A nudge that is lost is found by the sweep."""
        if not nudges:
            return
        try:
            self.taken = await asyncio.to_thread(self._hands, nudges) is not False
        except Exception:
            self.taken = False
            logger.exception("Nudges were not taken; the sweep sends them again.")
