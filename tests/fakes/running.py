"""Starts a fake: in a thread beside the test (quick), or as a process of its own (benchmarks, demonstrations)."""

import asyncio
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.anthropic_server import FakeAnthropic
from tests.fakes.cog_server import FakeCog
from tests.fakes.replicate_server import FakeReplicate
from tests.fakes.wire import Handler, HttpServer

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class RunningFake:
    """A fake that listens. `url` without a path; `place` is its "host:port", as LOUPE_OUTPUT_HOSTS wants it."""

    url: str

    @property
    def place(self) -> str:
        return urlsplit(self.url).netloc

    def script(self, *rules: dict[str, Any], **settings: Any) -> None:
        """Add rules (see the server's docstring) and change settings."""
        self._call("/_script", {"rules": list(rules), "settings": settings})

    def reset(self) -> None:
        """Forget everything, rules included."""
        self._call("/_reset", {})

    def state(self) -> dict[str, Any]:
        """What it has counted so far."""
        content: dict[str, Any] = self._call("/_state")
        return content

    def entries(self, name: str = "predictions") -> list[dict[str, Any]]:
        """Everything it was asked for: predictions, or calls."""
        content: list[dict[str, Any]] = self._call(f"/_{name}")
        return content

    @property
    def bill(self) -> Decimal:
        """USD that it has charged."""
        return Decimal(self.state()["bill"])

    def _call(self, path: str, content: Any = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        asked = urllib.request.Request(self.url + path, data=data, headers={"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def run_in_thread(handler: Handler) -> Iterator[RunningFake]:
    """Serve `handler` from a thread with an event loop of its own; fails at the end if the fake itself was wrong."""
    loop = asyncio.new_event_loop()
    server = HttpServer(handler)
    thread = threading.Thread(target=loop.run_forever, name="fake", daemon=True)
    thread.start()
    port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    try:
        yield RunningFake(f"http://127.0.0.1:{port}")
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
    assert not server.mistakes, f"The fake itself failed: {server.mistakes}"


async def _stop(server: HttpServer) -> None:
    await server.stop()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def run_as_process(name: str, *, port: int = 0) -> Iterator[RunningFake]:
    """Serve the fake `name` (replicate, anthropic, cog) from a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.fakes.{name}_server", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if not line.startswith("http://"):
            raise RuntimeError(f"The fake {name} did not start: {line!r}")
        yield RunningFake(line)
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def running_replicate() -> Any:
    """A fake Replicate in a thread."""
    return run_in_thread(FakeReplicate().handle)


def running_anthropic() -> Any:
    """A fake Anthropic in a thread."""
    return run_in_thread(FakeAnthropic().handle)


def running_cog() -> Any:
    """A fake Cog container in a thread."""
    return run_in_thread(FakeCog().handle)
