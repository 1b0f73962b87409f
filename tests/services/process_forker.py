"""Loupe's processes, born quickly, so that a test can afford to kill hundreds of them.

The forker is one process that has everything imported; each conductor, worker or web server is forked from it in a
few milliseconds, in a process group of its own, and is then exactly what the Procfile starts. Who dies is born again,
if so wished. When whoever started the forker goes, all of them go.

The test holds a `ProcessForker`; `python -m tests.services.process_forker` is the process itself, which reads lines
of JSON.
"""

import contextlib
import importlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
QUIET = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")
ALL = ("conductor", "worker-cpu", "worker-io")
LOOK_SECONDS = 0.02
IMPORTED = (
    "celery.apps.worker",
    "celery.bin.worker",
    "celery.concurrency.prefork",
    "celery.concurrency.thread",
    "config.celery",
    "generation.management.commands.conduct",
    "generation.studio.critic",
    "generation.studio.writer",
    "generation.providers.replicate.adapter",
    "generation.tasks",
    "gunicorn.app.wsgiapp",
    "tests.services.crashes",
)


class ProcessForker:
    """The test's side: start, kill and count processes. A role is conductor, worker-cpu, worker-io or web; a second
    of its kind is called with a number, such as conductor-2."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        folder: Path,
        pace: float = 1.0,
        crashes: Mapping[str, Mapping[str, Any]] | None = None,
        quick_critic: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.pids: dict[str, int] = {}
        self.deaths: Counter[str] = Counter()
        settings = {"folder": str(folder), "pace": pace, "crashes": crashes or {}, "quick_critic": quick_critic}
        with open(folder / "forker.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.services.process_forker", json.dumps(settings)],
                cwd=ROOT,
                env={**environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "ProcessForker":
        return self

    def __exit__(self, *anything: object) -> None:
        self.stop()

    def start(self, *roles: str, again: bool = True) -> None:
        """Give birth to these and wait until they live; `again`: they are born again whenever they die."""
        for role in roles:
            self._say({"start": role, "again": again})
        self._wait(lambda: all(role in self.pids for role in roles))

    def kill(self, role: str, *, group: bool = False) -> bool:
        """SIGKILL, to the process or to all of its group; False where it is not alive at the moment."""
        pid = self.pids.get(role)
        if pid is None:
            return False
        try:
            (os.killpg if group else os.kill)(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    @contextlib.contextmanager
    def held(self, role: str, *, seconds: float) -> Iterator[None]:
        """Stopped (SIGSTOP) for at least `seconds`, as by a machine that swaps; then it goes on."""
        pid = self.pids[role]
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            yield
            time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        finally:
            os.kill(pid, signal.SIGCONT)

    def dismiss(self, role: str) -> None:
        """Kill it with its group, and let it not be born again."""
        self._say({"dismiss": role})
        self._wait(lambda: role not in self.pids)

    def crashed(self) -> Counter[str]:
        """How often each point of the plan was met."""
        return Counter(path.name.rpartition(".")[0] for path in (self.folder / "crashes").glob("*.*"))

    def words(self) -> str:
        """The end of every log, for a test that failed."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)

    def stop(self) -> None:
        """End everything and wait until it is gone."""
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)
        if self.process.stdout:
            self.process.stdout.close()

    def _say(self, content: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(content) + "\n")
        self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told = json.loads(line)
            with self._changed:
                if "born" in told:
                    self.pids[told["born"]] = told["pid"]
                elif self.pids.get(told["died"]) == told["pid"]:
                    del self.pids[told["died"]]
                    self.deaths[told["died"]] += 1
                self._changed.notify_all()

    def _wait(self, until: Callable[[], bool], *, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        with self._changed:
            while not until():
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"The forker does not answer:\n{self.words()}")
                self._changed.wait(0.2)


# --- the process itself --------------------------------------------------------------------


class _House:
    def __init__(self, *, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.settings = settings
        self.alive: dict[int, str] = {}
        self.again: set[str] = set()
        (folder / "crashes").mkdir(exist_ok=True)

    def keep(self) -> None:
        """Until standard input ends."""
        buffer = b""
        while True:
            ready, _, _ = select.select([0], [], [], LOOK_SECONDS)
            if ready:
                data = os.read(0, 65_536)
                if not data:
                    break
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    self.obey(json.loads(line))
            self.bury()
        self.again.clear()
        for pid in list(self.alive):
            _kill_group(pid)
        while self.alive:
            self.bury()
            time.sleep(LOOK_SECONDS)

    def obey(self, said: dict[str, Any]) -> None:
        if role := said.get("start"):
            if said["again"]:
                self.again.add(role)
            self.bear(role)
        elif role := said.get("dismiss"):
            self.again.discard(role)
            for pid, name in list(self.alive.items()):
                if name == role:
                    _kill_group(pid)

    def bury(self) -> None:
        """Take note of who died; give birth again."""
        for pid, role in list(self.alive.items()):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
            del self.alive[pid]
            # what a dead worker left behind (the children of its pool) goes with it, as in a container
            _kill_group(pid)
            _tell({"died": role, "pid": pid})
            if role in self.again:
                self.bear(role)

    def bear(self, role: str) -> None:
        if role.startswith("web"):
            importlib.import_module("config.urls")
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.setpgid(0, 0)
                self.live(role)
                code = 0
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                os._exit(code)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        self.alive[pid] = role
        _tell({"born": role, "pid": pid})

    def live(self, role: str) -> None:
        log = os.open(self.folder / f"{role}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        random.seed()
        from tests.services import crashes

        if self.settings["pace"] != 1.0:
            crashes.hurry(self.settings["pace"])
        if self.settings["quick_critic"]:
            crashes.judge_quickly()
        if self.settings["crashes"]:
            crashes.Crashes(folder=self.folder / "crashes", plan=self.settings["crashes"]).arm()
        run(role)


def run(role: str) -> None:
    """Be what the Procfile starts under this name."""
    name = role.rstrip("-0123456789")
    if name == "conductor":
        from django.core.management import execute_from_command_line

        execute_from_command_line(["manage.py", "conduct"])
    elif name == "web":
        from gunicorn.app.wsgiapp import run as run_gunicorn

        port = os.environ["PORT"]
        sys.argv = ["gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "4"]
        sys.argv += ["--no-control-socket", "--log-level", "warning"]
        run_gunicorn()
    else:
        from config.celery import app

        pool = ("prefork", "1") if name == "worker-cpu" else ("threads", "4")
        queue = name.removeprefix("worker-")
        arguments = ["--quiet", "worker", "--pool", pool[0], "--concurrency", pool[1], "--queues", queue]
        app.worker_main([*arguments, "-n", f"{role}@{os.getpid()}", *QUIET])


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _tell(content: dict[str, Any]) -> None:
    print(json.dumps(content), flush=True)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    # everything that a process would import by itself, once for all of them
    for name in IMPORTED:
        importlib.import_module(name)
    settings = json.loads(sys.argv[1])
    _House(folder=Path(settings["folder"]), settings=settings).keep()


if __name__ == "__main__":
    main()
