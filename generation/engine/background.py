"""What an asyncio process does beside its loop: the one thread that asks the database, and tasks under way."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection

Result = TypeVar("Result")

# Checking the connection before each call would be a third of all statements.
CHECK_SECONDS = 1.0


async def in_database(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Call a synchronous database function in the database thread."""

    def call() -> Result:
        _check_connection()
        return function(*args, **kwargs)

    return await sync_to_async(call, thread_sensitive=True)()


async def leave_database() -> None:
    """Close the connection of the database thread, when its loop is about to end."""
    # the attribute is looked up in that thread: connections belong to theirs
    await sync_to_async(lambda: connection.close(), thread_sensitive=True)()  # noqa: PLW0108


class _Checked(threading.local):
    """When the connection of this thread was checked last, by our own clock."""

    at = float("-inf")


_checked = _Checked()


def _check_connection() -> None:
    """Drop a dead connection, as at the beginning of a web request: once a second, and at once after a failure."""
    now = time.monotonic()
    if connection.errors_occurred or now - _checked.at > CHECK_SECONDS:
        close_old_connections()
        _checked.at = now


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
