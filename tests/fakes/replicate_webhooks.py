"""The fake Replicate's webhooks: signed as the provider signs, retried as it retries, spoilt on demand."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from standardwebhooks import Webhook

from tests.fakes.replicate_world import Prediction, World

Show = Callable[[Prediction, str], dict[str, Any]]
_running: set[asyncio.Task[None]] = set()


def schedule_webhook(world: World, prediction: Prediction, created: dict[str, Any], show: Show) -> None:
    """Send "completed" when the prediction ends (and "start" at once where it was asked for)."""
    host = urlsplit(created["urls"]["get"]).netloc
    task = asyncio.get_running_loop().create_task(_follow(world, prediction, host, show))
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _follow(world: World, prediction: Prediction, host: str, show: Show) -> None:
    if "start" in prediction.events:
        await _post(world, prediction, show(prediction, host), number=0)
    await asyncio.sleep(prediction.queue_seconds + prediction.latency + 0.01)
    while world.status(prediction) in ("starting", "processing"):  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    rule = world.script.take("webhook", prompt=str(prediction.input.get("prompt", "")), model=prediction.model)
    fault = rule.fault if rule else ""
    if fault == "lost":
        return
    if rule and fault == "late":
        await asyncio.sleep(float(rule.options.get("seconds", 2)))
    content = show(prediction, host)
    for _ in range(int(rule.options.get("count", 2)) if rule and fault == "twice" else 1):
        await _deliver(world, prediction, content, fault=fault)
    if fault == "reordered":
        early = {**content, "status": "starting", "output": None, "error": None}
        await _post(world, prediction, early, number=0)


async def _deliver(world: World, prediction: Prediction, content: dict[str, Any], *, fault: str) -> None:
    """One delivery, tried again with growing pauses while it is not accepted."""
    for attempt in range(world.settings.webhook_retries + 1):
        if await _post(world, prediction, content, number=1, fault=fault) or fault in ("forged", "old", "altered"):
            return
        await asyncio.sleep(0.25 * 2**attempt)


async def _post(world: World, prediction: Prediction, content: dict[str, Any], *, number: int, fault: str = "") -> bool:
    body = json.dumps(content)
    delivery = f"msg_{prediction.id}_{number}"
    at = datetime.now(UTC) - (timedelta(minutes=10) if fault == "old" else timedelta())
    signature = Webhook(world.settings.webhook_secret).sign(delivery, at, body)
    if fault == "forged":
        signature = "v1," + "A" * 43 + "="
    if fault == "altered":
        body = body.replace('"status"', '"status" ', 1)
    headers = {
        "webhook-id": delivery,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
        "content-type": "application/json",
    }
    world.webhooks_sent += 1
    accepted = 200 <= await post_once(prediction.webhook, body.encode(), headers) < 300
    world.webhooks_accepted += accepted
    return accepted


async def post_once(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Post to an http address; the status, or 0 where nobody answers."""
    parts = urlsplit(url)
    head = f"POST {parts.path or '/'}{'?' + parts.query if parts.query else ''} HTTP/1.1\r\nhost: {parts.netloc}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
            try:
                writer.write(head.encode() + body)
                line = await reader.readline()
            finally:
                writer.close()
        return int(line.split(b" ")[1])
    except (OSError, TimeoutError, IndexError, ValueError):
        return 0
