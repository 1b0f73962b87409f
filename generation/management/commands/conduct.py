"""`manage.py conduct`: the conductor, until SIGTERM or Ctrl-C."""

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand

from generation.engine.conductor import Conductor, tune_interpreter
from generation.providers import registry
from generation.tasks import send_nudges


class Command(BaseCommand):
    help = "Send queued generations and look after what is rendering. Two may run; one of them leads."

    def handle(self, *args: Any, **options: Any) -> None:
        tune_interpreter()
        asyncio.run(self.conduct())

    async def conduct(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        try:
            await Conductor(enqueue=send_nudges).conduct(stop)
        finally:
            await registry.close()
