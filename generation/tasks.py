"""Celery tasks: an id in, one step, the next one nudged. A lost nudge is found by the sweep."""

import logging
import os

from celery import Task, current_app, shared_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from generation.engine.heartbeats import record_heartbeat
from generation.engine.nudges import Nudge
from generation.engine.steps import take_step
from generation.engine.sweep import find_unfinished
from generation.providers import registry

logger = logging.getLogger(__name__)
HOLDER = f"worker:{os.getpid()}"
# Enough waiting nudges: more would only say the same again.
FULL_QUEUE = 200
STUDIO_KEEPS_SECONDS = 24 * 3600.0


@shared_task
def mirror_image(generation_id: str) -> None:
    """Fetch, verify, store, make renditions (CPU)."""
    _go_on(Nudge("mirror", generation_id))


@shared_task
def score_image(generation_id: str) -> None:
    """Ask the critic (I/O)."""
    _go_on(Nudge("score", generation_id))


@shared_task
def follow_up(generation_id: str) -> None:
    """Apply the ladder (I/O)."""
    _go_on(Nudge("follow_up", generation_id))


@shared_task
def handle_delivery(delivery_id: int) -> None:
    """Apply what a provider reported (I/O)."""
    _go_on(Nudge("delivery", delivery_id))


@shared_task
def plan_campaign(campaign_id: int) -> None:
    """Read the brief and write the prompts (I/O)."""
    _go_on(Nudge("plan", campaign_id))


@shared_task
def count_call(call_id: int) -> None:
    """Count a call as spent whose answer nobody waits for any more (I/O)."""
    _go_on(Nudge("count", call_id))


@shared_task
def sweep() -> None:
    """Nudge whatever is unfinished and in nobody's hands."""
    send_nudges(find_unfinished())


@shared_task
def tidy_studio() -> None:
    """Delete what the local studio drew more than a day ago; the mirror has its copies."""
    registry.tidy_studio(older_than_seconds=STUDIO_KEEPS_SECONDS)


@shared_task
def record_worker(name: str) -> None:
    """Record that a worker runs."""
    record_heartbeat(name)


BY_STEP: dict[str, Task] = {
    "mirror": mirror_image,
    "score": score_image,
    "follow_up": follow_up,
    "plan": plan_campaign,
    "delivery": handle_delivery,
    "count": count_call,
}
# As CELERY_TASK_ROUTES has it; all others are "io".
QUEUES = {"mirror": "cpu"}


def _go_on(nudge: Nudge) -> None:
    """Take a step, and what follows from it for this same queue: a way over Redis would cost as much as the step."""
    following = take_step(nudge, holder=HOLDER)
    send_nudges([other for other in following if queue_of(other) != queue_of(nudge)])
    for own in following:
        if queue_of(own) == queue_of(nudge):
            _go_on(own)


def queue_of(nudge: Nudge) -> str:
    """Where its step is taken: "cpu" or "io"."""
    return QUEUES.get(nudge.step, "io")


def send_nudge(nudge: Nudge) -> None:
    """Enqueue one step. Without Redis it is not lost: the table holds it and the sweep sends it again."""
    send_nudges([nudge])


def send_nudges(nudges: list[Nudge]) -> bool:
    """Enqueue steps, but none for a queue where enough is waiting; False, quietly, where Redis does not take them."""
    try:
        full = _full_queues() if len(nudges) > 1 else frozenset()
        for nudge in nudges:
            if queue_of(nudge) not in full:
                BY_STEP[nudge.step].apply_async((nudge.subject,), retry=False, ignore_result=True)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("Redis does not take nudges (%s); the sweep will come back to it.", error)
        return False
    return True


def _full_queues() -> frozenset[str]:
    with current_app.connection_for_write() as connection:
        client = connection.default_channel.client
        return frozenset(queue for queue in ("cpu", "io") if int(client.llen(queue)) > FULL_QUEUE)
