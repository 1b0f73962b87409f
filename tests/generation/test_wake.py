"""A conductor that sleeps is woken by what is queued, and looks by itself where nobody could wake it."""

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from config import embedded
from generation.engine import conductor as conducting
from generation.engine.conductor import Conductor
from generation.lifecycle import wake
from generation.planning import runs
from generation.providers import registry
from tests.fakes.running import RunningFake
from tests.generation.test_conductor import make_campaign

FOR_EVER = 3_600.0


def listen(work: Callable[[wake.Listener], Awaitable[None]]) -> None:
    async def run() -> None:
        listener = wake.Listener()
        try:
            async with asyncio.timeout(60):
                await work(listener)
        finally:
            await listener.close()

    asyncio.run(run())


def test_a_message_ends_the_wait_and_one_that_came_before_it_counts(settings: Any, redis_url: str) -> None:
    settings.CELERY_BROKER_URL = redis_url

    async def hear(listener: wake.Listener) -> None:
        # the first ends when it is known that messages are heard from now on
        await listener.wait(asyncio.Event(), FOR_EVER)
        waiting = asyncio.create_task(listener.wait(asyncio.Event(), FOR_EVER))
        await asyncio.to_thread(wake.notify)
        await waiting
        await asyncio.to_thread(wake.notify)
        await asyncio.sleep(0.1)
        await listener.wait(asyncio.Event(), FOR_EVER)

    listen(hear)


def test_whoever_stops_is_not_waited_for(settings: Any, redis_url: str) -> None:
    settings.CELERY_BROKER_URL = redis_url

    async def stop(listener: wake.Listener) -> None:
        await listener.wait(asyncio.Event(), FOR_EVER)
        ended = asyncio.Event()
        waiting = asyncio.create_task(listener.wait(ended, FOR_EVER))
        await asyncio.sleep(0)
        ended.set()
        await waiting

    listen(stop)


def test_without_redis_nothing_is_raised_and_nobody_sleeps_long(settings: Any) -> None:
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{embedded.free_port()}/0"
    wake.notify()

    async def look(listener: wake.Listener) -> None:
        for _ in range(3):
            await listener.wait(asyncio.Event(), FOR_EVER)

    listen(look)


def test_a_redis_that_does_not_answer_is_not_asked_again_and_again(settings: Any) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        began = time.monotonic()
        wake.notify()
        first = time.monotonic() - began
        began = time.monotonic()
        for _ in range(20):
            wake.notify()
        assert time.monotonic() - began < first


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_a_conductor_asleep_sends_what_is_started(
    settings: Any, redis_url: str, fake_replicate: RunningFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CELERY_BROKER_URL = redis_url
    settings.REPLICATE_API_TOKEN, settings.REPLICATE_BASE_URL = "r8_test", fake_replicate.url
    registry.reset()
    monkeypatch.setattr(conducting, "SLEEP_SECONDS", FOR_EVER)
    campaign = make_campaign(shots=1)
    ended = threading.Event()

    async def conduct() -> None:
        halt = asyncio.Event()
        conductor = asyncio.create_task(Conductor(enqueue=lambda nudges: None).conduct(halt))
        await asyncio.to_thread(ended.wait, 90)
        halt.set()
        await conductor
        await registry.close()

    thread = threading.Thread(target=asyncio.run, args=(conduct(),))
    thread.start()
    try:
        time.sleep(1)  # it finds nothing to do, and goes to sleep
        runs.start_run(campaign, by=campaign.created_by)
        deadline = time.monotonic() + 60
        while not fake_replicate.state()["creates"] and time.monotonic() < deadline:
            time.sleep(0.02)
        assert fake_replicate.state()["creates"] == 1
    finally:
        ended.set()
        thread.join()
