"""What the fake sends as webhooks is what we verify: signed, repeated, late, lost, forged."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from generation.providers.replicate.adapter import ReplicateProvider
from generation.providers.replicate.answers import read_prediction
from generation.providers.replicate.webhook_signature import WebhookRefused, verify_webhook
from generation.rules.values import RenderRequest, RenderStatus
from tests.fakes.replicate_world import Settings
from tests.fakes.running import RunningFake, run_in_thread
from tests.fakes.wire import Answer, Request

SECRET = Settings().webhook_secret


class Ear:
    """Hears deliveries; answers with `statuses` in turn, then 200."""

    def __init__(self, *statuses: int) -> None:
        self.heard: list[Request] = []
        self.statuses = list(statuses)
        self.changed = threading.Condition()

    def handle(self, request: Request) -> Answer:
        with self.changed:
            self.heard.append(request)
            self.changed.notify_all()
            return Answer(self.statuses.pop(0) if self.statuses else 200)

    def wait_for(self, number: int, seconds: float = 5.0) -> list[Request]:
        with self.changed:
            self.changed.wait_for(lambda: len(self.heard) >= number, timeout=seconds)
            return list(self.heard)


def send(fake: RunningFake, ear: Ear, *rules: dict[str, Any], wait: Callable[[Ear], Any]) -> Any:
    fake.script(*rules, latency=0.05)

    async def submit(url: str) -> None:
        provider = ReplicateProvider(token="r8_test", base_url=fake.url)
        request = RenderRequest(
            key="gen_01HOOK",
            model="black-forest-labs/flux-1.1-pro",
            prompt="Headphones",
            negative_prompt="",
            width=1024,
            height=1024,
            seed=1,
            webhook_url=f"{url}/webhooks/replicate/",
        )
        await provider.submit(request)
        await provider.aclose()

    with run_in_thread(ear.handle) as listener:
        asyncio.run(submit(listener.url))
        return wait(ear)


def test_a_delivery_is_believed_and_carries_our_key(fake_replicate: RunningFake) -> None:
    (delivery,) = send(fake_replicate, Ear(), wait=lambda ear: ear.wait_for(1))
    assert delivery.query == {"key": "gen_01HOOK"}
    content = verify_webhook(SECRET, delivery.headers, delivery.body)
    assert read_prediction(content).status is RenderStatus.SUCCEEDED


@pytest.mark.parametrize("fault", ["forged", "old", "altered"])
def test_what_is_not_right_is_refused(fake_replicate: RunningFake, fault: str) -> None:
    (delivery,) = send(fake_replicate, Ear(), {"on": "webhook", "fault": fault}, wait=lambda ear: ear.wait_for(1))
    with pytest.raises(WebhookRefused):
        verify_webhook(SECRET, delivery.headers, delivery.body, now=datetime.now(UTC))


def test_a_repeated_delivery_has_the_same_id(fake_replicate: RunningFake) -> None:
    rule = {"on": "webhook", "fault": "twice", "count": 5}
    deliveries = send(fake_replicate, Ear(), rule, wait=lambda ear: ear.wait_for(5))
    assert len(deliveries) == 5
    assert len({delivery.headers["webhook-id"] for delivery in deliveries}) == 1


def test_news_may_come_in_the_wrong_order(fake_replicate: RunningFake) -> None:
    rule = {"on": "webhook", "fault": "reordered"}
    deliveries = send(fake_replicate, Ear(), rule, wait=lambda ear: ear.wait_for(2))
    contents = [verify_webhook(SECRET, delivery.headers, delivery.body) for delivery in deliveries]
    assert [content["status"] for content in contents] == ["succeeded", "starting"]


def test_a_delivery_that_is_not_accepted_comes_again(fake_replicate: RunningFake) -> None:
    deliveries = send(fake_replicate, Ear(500, 503), wait=lambda ear: ear.wait_for(3))
    assert len(deliveries) == 3
    assert len({delivery.headers["webhook-id"] for delivery in deliveries}) == 1
    assert fake_replicate.state()["webhooks_accepted"] == 1


def test_a_lost_delivery_never_comes(fake_replicate: RunningFake) -> None:
    began = time.monotonic()
    assert send(fake_replicate, Ear(), {"on": "webhook", "fault": "lost"}, wait=lambda ear: ear.wait_for(1, 0.5)) == []
    assert time.monotonic() - began < 5
