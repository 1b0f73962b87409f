"""The asyncio tasks that a conductor has under way."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class BackgroundTasks:
    """Tasks that run beside the loop; each handles its own errors."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside the loop and keep it from being collected."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def wait(self, *, seconds: float | None = None) -> None:
        """Wait until all have ended, those that start meanwhile included; `seconds` at most."""
        async with asyncio.timeout(seconds):
            while self._running:
                await asyncio.wait(self._running)
