"""How a Celery worker waits for Redis: until it comes back, however long that takes, and half a second more at most.

Celery's own waits grow to half a minute, and it gives up in the end; where Redis is there but refuses (its memory is
full), it would try again and again without any wait.
"""

import time
from functools import partial
from typing import Any

from celery.worker.consumer import Consumer

RETRY_SECONDS = 0.5


class PatientConsumer(Consumer):
    """The part of a worker that takes messages; named in CELERY_WORKER_CONSUMER."""

    def ensure_connected(self, conn: Any) -> Any:
        """Connected, by equal and short waits."""
        steady = {"interval_start": RETRY_SECONDS, "interval_step": 0, "interval_max": RETRY_SECONDS}
        conn.ensure_connection = partial(conn.ensure_connection, **steady)
        return super().ensure_connected(conn)

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """Refused at once: said, and tried again a little later."""
        super().on_connection_error_before_connected(exc)
        time.sleep(RETRY_SECONDS)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Lost, or refused in the middle: the same."""
        super().on_connection_error_after_connected(exc)
        time.sleep(RETRY_SECONDS)
