"""Celery tasks of this room: an id in, one service. A lost nudge is found by the sweep."""

import logging
import os

from celery import Task, shared_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from review.exports import deliver
from review.services import notice_delivery
from review.services.exports import find_waiting_exports

logger = logging.getLogger(__name__)
HOLDER = f"worker:{os.getpid()}"


@shared_task
def run_export(export_id: int) -> None:
    """Carry one export to the store (I/O)."""
    deliver.run_export(export_id)


@shared_task
def sweep_exports() -> None:
    """Nudge every export that waits or was left by a dead worker."""
    for export_id in find_waiting_exports():
        nudge_export(export_id)


@shared_task
def deliver_notice(delivery_id: int) -> None:
    """Send one notice over its channel (I/O)."""
    notice_delivery.deliver_notice(delivery_id, holder=HOLDER)


@shared_task
def sweep_notices() -> None:
    """Nudge every notice that waits to be delivered or was left by a dead worker."""
    nudge_notices()


def nudge_export(export_id: int) -> None:
    """Enqueue one export. Without Redis it is not lost: the row waits and the sweep finds it."""
    _nudge(run_export, [export_id])


def nudge_notices() -> None:
    """Enqueue the deliveries that are due, as the table has them; the same holds for them."""
    _nudge(deliver_notice, notice_delivery.find_due_deliveries())


def _nudge(task: Task, subjects: list[int]) -> None:
    try:
        for subject in subjects:
            task.apply_async((subject,), retry=False, ignore_result=True)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("Redis does not answer (%s); the sweep will come back to it.", error)
