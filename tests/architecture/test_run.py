"""`make run` as a person meets it: real processes, from the first line to the last, and nothing left behind."""

import http.client
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import psutil
import pytest

from config import embedded
from tests.services.service_process import GUARD

HOUSE = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 90

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Running:
    """One `python -m config.run` on data of its own, with every process that came of it."""

    def __init__(self, *, folder: Path, port: int, **variables: str) -> None:
        self.folder = folder
        self.port = port
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.log = folder / "run.log"
        with open(self.log, "ab") as output:
            # Under a guard: where the tests are killed, it ends Loupe too.
            self.guard = subprocess.Popen(
                [sys.executable, str(GUARD), "--directory", str(HOUSE), "--", sys.executable, "-m", "config.run"],
                cwd=HOUSE,
                env={
                    **clean,
                    "LOUPE_ENV_FILE": "",
                    "LOUPE_VAR_DIR": str(folder),
                    "LOUPE_DEMO": "false",
                    "PORT": str(port),
                    **variables,
                },
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                # As a terminal would: signals to the group reach this run alone.
                start_new_session=True,
            )

    def exit_code(self) -> int:
        """Waits for the end."""
        code = self.guard.wait(60)
        self.close()
        return code

    def close(self) -> None:
        """Ends it where it still runs."""
        assert self.guard.stdin is not None
        self.guard.stdin.close()
        self.guard.wait(60)

    def said(self) -> str:
        """Everything that was printed so far."""
        return self.log.read_text()

    def status_of(self, path: str) -> int:
        """The HTTP status of a page; 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def wait_until(self, happened: Callable[[], bool]) -> None:
        """Waits for it; fails with what was printed."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            assert time.monotonic() < deadline, self.said()
            assert self.guard.poll() is None, self.said()
            time.sleep(0.1)

    def wait_until_ready(self) -> None:
        """Until the line is printed for which people wait."""
        self.wait_until(lambda: f"Loupe is ready at http://127.0.0.1:{self.port}\n" in self.said())

    def family(self) -> list[psutil.Process]:
        """Every process that came of this run and lives."""
        return [child for child in psutil.Process(self.guard.pid).children(recursive=True) if child.is_running()]

    def find(self, words: str) -> psutil.Process:
        """The first process of the family whose command line has these words."""
        return next(process for process in self.family() if words in " ".join(process.cmdline()))

    def named(self, name: str) -> list[psutil.Process]:
        """Those of the family that go by this name, the oldest first."""
        return sorted(
            (process for process in self.family() if process.name() == f"loupe-{name}"), key=lambda each: each.pid
        )


def left(family: list[psutil.Process]) -> list[str]:
    """Those of a family that still live."""
    return [str(process) for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def start(tmp_path: Path) -> Generator[Callable[..., Running]]:
    """Starts Loupe; whatever a failed test leaves running is ended."""
    runs: list[Running] = []

    def run(**variables: str) -> Running:
        folder = tmp_path / "with a space"
        folder.mkdir(exist_ok=True)
        runs.append(Running(folder=folder, port=embedded.free_port(), **variables))
        return runs[-1]

    yield run
    for running in runs:
        running.close()


def test_it_starts_survives_a_dead_redis_and_stops_cleanly(start: Callable[..., Running]) -> None:
    running = start()
    running.wait_until_ready()
    assert running.status_of("/healthz") == 200
    assert running.status_of("/sign-in/") == 200

    running.find("redis-server").kill()
    running.wait_until(lambda: "Redis ended by itself; starting it again." in running.said())
    assert running.status_of("/sign-in/") == 200
    running.wait_until(lambda: any("redis-server" in " ".join(process.cmdline()) for process in running.family()))

    family = running.family()
    assert len(family) >= 6
    os.killpg(running.guard.pid, signal.SIGINT)
    assert running.exit_code() == 0
    assert left(family) == []
    assert not (running.folder / "redis-url").exists()

    again = start()
    again.wait_until_ready()
    assert (again.folder / "loupe.sqlite3").stat().st_size > 0
    family = again.family()
    again.find("config.run").terminate()
    assert again.exit_code() == 0
    assert left(family) == []


@pytest.mark.skipif(sys.platform != "linux", reason="forks show a name of their own on Linux alone")
def test_whoever_ends_by_itself_is_started_again(start: Callable[..., Running]) -> None:
    running = start()
    running.wait_until_ready()
    for name in ("engine", "pictures", "web"):
        killed = running.named(name)[0]
        killed.kill()
        running.wait_until(lambda name=name: f"{name} ended by itself; starting it again." in running.said())  # type: ignore[misc]
        running.wait_until(lambda name=name: any(running.named(name)))  # type: ignore[misc]
    running.wait_until(lambda: running.status_of("/sign-in/") == 200)
    family = running.family()
    os.killpg(running.guard.pid, signal.SIGHUP)
    assert running.exit_code() == 0
    assert left(family) == []


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        running = Running(folder=tmp_path, port=port)
        assert running.exit_code() == 1
        assert running.said() == f"Port {port} is in use. Choose another: make run PORT={port + 1}\n"


def test_no_redis_server_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(embedded.ImproperlyConfigured, match=r"^No redis-server was found\. Install one"):
        embedded.redis_executable()
