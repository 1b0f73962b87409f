"""Who looks at which image now. Kept in Redis alone: one hash a workspace, a person's place in it, gone after 30 s.

Nothing depends on it: where Redis does not answer nobody is shown.
"""

import time
from typing import Any

from redis import Redis

from campaigns.models import User
from campaigns.redis_calls import ask_redis
from generation.models import Generation

# Seconds that a sign of life counts.
EXPIRY = 30


def look(*, generation: Generation, by: User) -> None:
    """A person looks at this image now, and at no other."""

    def write(redis: Redis) -> None:
        key = _key(generation.workspace_id)
        pipeline = redis.pipeline(transaction=False)
        pipeline.hset(key, str(by.pk), f"{generation.pk} {time.time():.0f}")
        pipeline.expire(key, 2 * EXPIRY)
        pipeline.execute()

    ask_redis(write, None)


def leave(*, generation: Generation, by: User) -> None:
    """A person went away from this image; where they look at another by now, that stays."""

    def write(redis: Redis) -> None:
        place: Any = redis.hget(_key(generation.workspace_id), str(by.pk))
        if place and place.startswith(f"{generation.pk} "):
            redis.hdel(_key(generation.workspace_id), str(by.pk))

    ask_redis(write, None)


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

    return ask_redis(read, {})


def read_present(workspace_id: int, *, viewer: User) -> dict[str, list[dict[str, str]]]:
    """Who else looks at which image: names and initials by the image's id; only members of the workspace."""
    places = {person: place for person, place in read_places(workspace_id).items() if person != viewer.pk}
    if not places:
        return {}
    present: dict[str, list[dict[str, str]]] = {}
    for user in User.objects.filter(pk__in=places, memberships__workspace_id=workspace_id).order_by("pk").distinct():
        present.setdefault(places[user.pk], []).append({"name": str(user), "initials": user.initials})
    return present


def _key(workspace_id: int) -> str:
    return f"loupe:presence:{workspace_id}"
