"""The one thread in which the asyncio processes ask the database."""

import threading
import time
from collections.abc import Callable
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
