"""Who looks at which image now. Kept in Redis alone: one hash a workspace, a person's place in it, gone after 30 s.

Nothing depends on it. Where Redis is away, full or slow nobody is shown, and for a while nobody asks it again, so
that no page waits for it.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from campaigns.models import User
from generation.models import Generation

# Seconds that a sign of life counts.
EXPIRY = 30
# Seconds that an answer may take, and that nobody asks again after one that did not come.
PATIENCE = 0.2
REST = 10
_rests: dict[str, float] = {}
Answer = TypeVar("Answer")


def look(*, generation: Generation, by: User) -> None:
    """A person looks at this image now, and at no other."""

    def write(redis: Redis) -> None:
        key = _key(generation.workspace_id)
        pipeline = redis.pipeline(transaction=False)
        pipeline.hset(key, str(by.pk), f"{generation.pk} {time.time():.0f}")
        pipeline.expire(key, 2 * EXPIRY)
        pipeline.execute()

    _ask(write, None)


def leave(*, generation: Generation, by: User) -> None:
    """A person went away from this image; where they look at another by now, that stays."""

    def write(redis: Redis) -> None:
        place: Any = redis.hget(_key(generation.workspace_id), str(by.pk))
        if place and place.startswith(f"{generation.pk} "):
            redis.hdel(_key(generation.workspace_id), str(by.pk))

    _ask(write, None)


def read_places(workspace_id: int) -> dict[int, str]:
    """Which image each person of a workspace looks at now: ids by person; empty where Redis does not say."""

    def read(redis: Redis) -> dict[int, str]:
        key, now = _key(workspace_id), time.time()
        places, gone = {}, []
        answer: Any = redis.hgetall(key)
        for person, place in answer.items():
            generation_id, _, at = place.partition(" ")
            if now - float(at) < EXPIRY:
                places[int(person)] = generation_id
            else:
                gone.append(person)
        if gone:
            redis.hdel(key, *gone)
        return places

    return _ask(read, {})


def _key(workspace_id: int) -> str:
    return f"loupe:presence:{workspace_id}"


def _ask(call: Callable[[Redis], Answer], otherwise: Answer) -> Answer:
    address = settings.CELERY_BROKER_URL
    if time.monotonic() < _rests.get(address, 0):
        return otherwise
    try:
        return call(_redis(address))
    except (RedisError, OSError, ValueError):
        _rests[address] = time.monotonic() + REST
        return otherwise


@lru_cache(maxsize=4)
def _redis(address: str) -> Redis:
    return Redis.from_url(
        address,
        decode_responses=True,
        socket_connect_timeout=PATIENCE,
        socket_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )
