"""Wakes the conductor as soon as there is something to send, so that it need not look all the time.

A message on a channel of Redis, which nobody keeps: whoever misses it finds the work in the table at the next look.
"""

import asyncio
import logging
import time
from contextlib import suppress
from functools import lru_cache

from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

CHANNEL = "loupe:conductor"
# A page that starts renders waits no longer than this for Redis, and after that not again for a while.
ANSWER_SECONDS = 0.2
REST_SECONDS = 5.0
# How often the table is looked at, and Redis tried again, while nobody would hear a message.
DEAF_SECONDS = 0.5

_rests_until: dict[str, float] = {}


def notify() -> None:
    """Say that something is queued. Call it after the commit. Cheap; without Redis it does nothing."""
    url = settings.CELERY_BROKER_URL
    if time.monotonic() < _rests_until.get(url, 0.0):
        return
    try:
        _client(url).publish(CHANNEL, "queued")
    except (RedisError, OSError) as error:
        _rests_until[url] = time.monotonic() + REST_SECONDS
        logger.debug("The conductor could not be woken (%s); it looks by itself.", error)


@lru_cache(maxsize=1)
def _client(url: str) -> Redis:
    # no second try: the conductor looks by itself
    return Redis.from_url(
        url, socket_connect_timeout=ANSWER_SECONDS, socket_timeout=ANSWER_SECONDS, retry=Retry(NoBackoff(), 0)
    )


class Listener:
    """Hears `notify` from its first `wait` on, as long as Redis is there. It belongs to one event loop."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()
        self._is_listening = False
        self._task: asyncio.Task[None] | None = None

    async def wait(self, stop: asyncio.Event, seconds: float) -> None:
        """Return at the next message, when `stop` is set, or after `seconds`; sooner while no message would be heard.

        A message that came since the last call counts.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
        limit = seconds if self._is_listening else min(seconds, DEAF_SECONDS)
        waiting = [asyncio.create_task(event.wait()) for event in (stop, self._heard)]
        try:
            await asyncio.wait(waiting, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        self._heard.clear()

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _listen(self) -> None:
        while True:
            with suppress(RedisError, OSError):
                await self._hear_messages()
            self._is_listening = False
            await asyncio.sleep(DEAF_SECONDS)

    async def _hear_messages(self) -> None:
        client = AsyncRedis.from_url(settings.CELERY_BROKER_URL, retry=None)
        async with client, client.pubsub() as channel:
            await channel.subscribe(CHANNEL)
            async for _ in channel.listen():
                # the first says that we are subscribed: what was queued before that was not heard
                self._is_listening = True
                self._heard.set()
