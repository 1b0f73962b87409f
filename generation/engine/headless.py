"""The engine in one process: conductor, mirror, scoring and ladder, without Redis, workers or a web server.

It drives the same table by the same claims, so it may run beside a living Loupe: whoever
claims a step takes it, the other finds nothing to do.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections, connection

from generation.engine.background import in_database, leave_database
from generation.engine.conductor import Conductor
from generation.engine.nudges import Nudge
from generation.engine.steps import take_step
from generation.engine.sweep import find_unfinished

HOLDER = f"headless:{os.getpid()}"
CHECK_SECONDS = 0.5


class InlineWorkers:
    """Takes steps in threads of this process; a step that is already under way here is not taken twice."""

    def __init__(self, *, threads: int = 4) -> None:
        self.pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="worker")
        self.busy: set[Nudge] = set()

    def __call__(self, nudges: list[Nudge]) -> None:
        for nudge in nudges:
            if nudge not in self.busy:
                self.busy.add(nudge)
                self.pool.submit(self._work, nudge)

    def _work(self, nudge: Nudge) -> None:
        close_old_connections()
        try:
            following = take_step(nudge, holder=HOLDER)
        finally:
            self.busy.discard(nudge)
            connection.close()
        self(following)

    def close(self) -> None:
        """Let what is under way end; start nothing more."""
        self.pool.shutdown(wait=True, cancel_futures=True)


async def drive(*, campaign_id: int, is_over: Callable[[], bool], stop: asyncio.Event) -> None:
    """Run the engine until `is_over()` (asked in the database thread) or `stop`.

    Where a running Loupe leads the dispatch, its conductor sends; this process still takes
    the steps of its campaign that nobody holds.
    """
    workers = InlineWorkers()
    halt = asyncio.Event()
    conducting = asyncio.create_task(Conductor(enqueue=workers).conduct(halt))
    try:
        while not stop.is_set() and not await in_database(is_over):
            workers(await in_database(find_unfinished, campaign_id=campaign_id))
            try:
                await asyncio.wait_for(stop.wait(), timeout=CHECK_SECONDS)
            except TimeoutError:
                continue
    finally:
        halt.set()
        await conducting
        await asyncio.to_thread(workers.close)
        await leave_database()
