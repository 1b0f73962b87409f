"""`manage.py run_engine`: conductor, scheduler and the worker for words in one process, for Loupe on one machine."""

import asyncio
import heapq
import logging
import os
import signal
import threading
import time
from typing import Any

from celery import bootsteps, current_app
from django.conf import settings
from django.core.management.base import BaseCommand
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from generation.engine.conductor import Conductor
from generation.providers import registry
from generation.tasks import send_nudges

logger = logging.getLogger(__name__)

THREADS = 8


class ConductorStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """The conductor as a part of the worker, in a thread with an event loop of its own."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.loop = asyncio.new_event_loop()
        self.halt = asyncio.Event()
        self.thread = threading.Thread(target=self._conduct, name="conductor")

    def start(self, worker: Any) -> None:
        """Begin to conduct."""
        self.thread.start()

    def stop(self, worker: Any) -> None:
        """Let open requests end, and hand the lease back."""
        self.loop.call_soon_threadsafe(self.halt.set)
        self.thread.join()

    terminate = stop

    def _conduct(self) -> None:
        try:
            self.loop.run_until_complete(self._run())
        except Exception:
            logger.exception("The conductor broke down.")
        finally:
            if not self.halt.is_set():
                # an engine that sends nothing is none: whoever watches over this process starts it again
                os.kill(os.getpid(), signal.SIGTERM)

    async def _run(self) -> None:
        try:
            await Conductor(enqueue=send_nudges).conduct(self.halt)
        finally:
            await registry.close()


class SchedulerStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """What Celery's beat does, as a part of the worker: each entry of CELERY_BEAT_SCHEDULE, at the start and then by
    its interval. It keeps no file and costs a tenth.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.halt = threading.Event()
        self.thread = threading.Thread(target=self._send_due, args=(worker.app,), name="scheduler")

    def start(self, worker: Any) -> None:
        """Begin to send what is due."""
        self.thread.start()

    def stop(self, worker: Any) -> None:
        """Send nothing more."""
        self.halt.set()
        self.thread.join()

    terminate = stop

    def _send_due(self, app: Any) -> None:
        # the conductor beside it looks for what is unfinished anyway
        entries = [entry for name, entry in app.conf.beat_schedule.items() if name != "sweep"]
        due = [(time.monotonic(), number) for number in range(len(entries))]
        while not self.halt.wait(due[0][0] - time.monotonic()):
            at, number = heapq.heappop(due)
            entry = entries[number]
            try:
                app.send_task(entry["task"], args=entry.get("args", ()), retry=False, **entry.get("options", {}))
            except (OperationalError, RedisError, OSError) as error:
                logger.warning("Redis does not take %s (%s); it comes again.", entry["task"], error)
            heapq.heappush(due, (max(at + entry["schedule"], time.monotonic()), number))


class Command(BaseCommand):
    help = "Conductor, scheduler and the worker for words in one process, for Loupe on one machine."

    def handle(self, *args: Any, **options: Any) -> None:
        steps = current_app.steps["worker"]
        steps.update((ConductorStep, SchedulerStep))
        size = ["--pool", "threads", "--concurrency", str(THREADS)]
        name = ["--queues", "io", "--hostname", f"io@%h-{settings.PORT}"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", settings.LOG_LEVEL]
        current_app.worker_main(["--quiet", "worker", *size, *name, *quiet])
