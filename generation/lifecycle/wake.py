"""Wakes the conductor as soon as there is something to send, so that it need not look all the time.

A message on a channel of Redis, which nobody keeps: whoever misses it finds the work in the table at the next look.
"""

import asyncio
from contextlib import suppress

from django.conf import settings
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from campaigns.redis_calls import ask_redis

CHANNEL = "loupe:conductor"
# How often the table is looked at, and Redis tried again, while nobody would hear a message.
DEAF_SECONDS = 0.5


def notify() -> None:
    """Say that something is queued. Call it after the commit. Cheap; without Redis it does nothing."""
    ask_redis(lambda redis: redis.publish(CHANNEL, "queued"), None)


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
