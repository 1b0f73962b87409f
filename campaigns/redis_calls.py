"""Short calls to Redis for what nothing depends on: after one that failed nobody asks again for a while."""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

Answer = TypeVar("Answer")

# Seconds that an answer may take, and that nobody asks again after one that did not come.
ANSWER_SECONDS = 0.2
REST_SECONDS = 10.0
_rests_until: dict[str, float] = {}


def ask_redis(call: Callable[[Redis], Answer], otherwise: Answer) -> Answer:
    """Make one call to Celery's Redis; `otherwise` where it is away, full or slow, so that no page waits for it."""
    address = settings.CELERY_BROKER_URL
    if time.monotonic() < _rests_until.get(address, 0.0):
        return otherwise
    try:
        return call(_client(address))
    except (RedisError, OSError, ValueError):
        _rests_until[address] = time.monotonic() + REST_SECONDS
        return otherwise


def forget_failures() -> None:
    """Ask again at once. For tests."""
    _rests_until.clear()


@lru_cache(maxsize=4)
def _client(address: str) -> Redis:
    return Redis.from_url(
        address,
        decode_responses=True,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
