"""`make run`: Loupe with everything it needs, under one process manager, until Ctrl-C or SIGTERM.

Brings up a Redis of its own where REDIS_URL names none, prepares the tables, the static files and
the demo workspace, starts the processes of the Procfile and says where Loupe is once it is ready.
Exit code 0 after Ctrl-C or SIGTERM, 1 where something could not start or ended by itself.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import honcho.manager
from django.core.exceptions import ImproperlyConfigured
from honcho.compat import ProcessManager
from honcho.environ import parse_procfile
from honcho.manager import Manager

from config import embedded

STOP_SECONDS = 15
READY_HINT_SECONDS = 120
WATCH_SECONDS = 0.2
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A Redis that dies this often within a minute does not come back by starting it again.
REDIS_RESTARTS_A_MINUTE = 5

# How long honcho waits for the others once one has ended: a worker may be in the middle of an image.
honcho.manager.KILL_WAIT = STOP_SECONDS


class GentleProcesses(ProcessManager):  # type: ignore[misc]  # honcho has no types
    """Ends a process by telling its leader alone: Celery and gunicorn let their own children finish."""

    def terminate(self, pid: int) -> None:
        """Asks one process to end."""
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return


class House(Manager):  # type: ignore[misc]  # honcho has no types
    """Honcho's manager, which also says when Loupe is ready, keeps Redis up and names whoever ended by itself."""

    def __init__(self, *, port: int, sign_ins: str, redis: embedded.EmbeddedRedis | None) -> None:
        super().__init__()
        self._procmgr = GentleProcesses()
        self.port = port
        self.sign_ins = sign_ins
        self.redis = redis
        self.stop_asked = False
        self.ended_by_itself = ""
        self._redis_restarts: list[float] = []

    def run(self) -> int:
        """Starts everything, stays until it ends, leaves no process behind; gives the exit code."""
        self.loop()
        for facts in self._processes.values():
            # What a process that crashed may have left behind in its group.
            self._procmgr.kill(facts["pid"])
        if self.stop_asked and not self.ended_by_itself:
            return 0
        print(
            f"Loupe stopped, because {self.ended_by_itself or 'a process'} ended by itself; why is above.", flush=True
        )
        return 1

    def terminate(self) -> None:
        """Ends everything. Honcho calls this at the first process that ends, so that it can be named."""
        if not self.stop_asked and not self.ended_by_itself:
            ended = [name for name, facts in self._processes.items() if facts.get("returncode") is not None]
            self.ended_by_itself = ended[0] if ended else ""
        super().terminate()

    def _start(self) -> None:
        # Called by loop() after it set handlers that print and kill from inside a signal: ours only leave word.
        for number in STOP_SIGNALS:
            signal.signal(number, self._note_stop)
        super()._start()
        # After the forks: a process that is forked beside a thread may hang.
        threading.Thread(target=self._watch, daemon=True).start()

    def _note_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_asked = True

    def _watch(self) -> None:
        started = time.monotonic()
        ready = hinted = False
        while not self._all_started():
            time.sleep(WATCH_SECONDS)
        while not self.stop_asked:
            if self.ended_by_itself:
                return
            self._keep_redis()
            if not ready and self._answers_ready():
                ready = True
                print(f"\nLoupe is ready at http://127.0.0.1:{self.port}\n{self.sign_ins}", flush=True)
            if not ready and not hinted and time.monotonic() - started > READY_HINT_SECONDS:
                hinted = True
                print("Loupe is still not ready; /readyz says what is missing.", flush=True)
            time.sleep(WATCH_SECONDS)
        self.terminate()
        time.sleep(STOP_SECONDS)
        self.kill()

    def _keep_redis(self) -> None:
        if self.redis is None or self.redis.is_running:
            return
        now = time.monotonic()
        self._redis_restarts = [then for then in self._redis_restarts if now - then < 60] + [now]
        if len(self._redis_restarts) > REDIS_RESTARTS_A_MINUTE:
            self.ended_by_itself = "redis"
            self.stop_asked = True
            return
        print("Redis ended by itself; starting it again. No work is lost: it is kept in the database.", flush=True)
        try:
            self.redis.start()
        except ImproperlyConfigured as error:
            print(error, flush=True)

    def _answers_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def check_port(port: int) -> None:
    """Refuses a port that someone else holds."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise ImproperlyConfigured(
                f"Port {port} is for root alone. Choose a higher one: make run PORT=8001"
            ) from None
        except OSError:
            raise ImproperlyConfigured(f"Port {port} is in use. Choose another: make run PORT={port + 1}") from None


def stop_before_start(number: int, frame: FrameType | None) -> None:
    """Ctrl-C or SIGTERM while things are being prepared: leave through every `finally`."""
    raise SystemExit(0)


def prepare(environment: dict[str, str]) -> str:
    """Brings tables, static files and the demo workspace in place; returns the demo sign-ins as text."""
    finished = subprocess.run(
        [sys.executable, "-m", "config.prepare"], env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if finished.returncode != 0:
        raise ImproperlyConfigured("Loupe could not be prepared; why is above. No data was lost.")
    return finished.stdout


def start_redis(*, var_dir: Path, folder: Path, closing: ExitStack) -> embedded.EmbeddedRedis:
    """A Redis for this run alone; its address is left in `var/redis-url` for commands started by hand."""
    redis = embedded.EmbeddedRedis(folder=folder)
    closing.callback(redis.stop)
    redis.start()
    address = var_dir / "redis-url"
    address.unlink(missing_ok=True)
    address.touch(mode=0o600)
    address.write_text(redis.url)

    def forget_address() -> None:
        if address.exists() and address.read_text() == redis.url:
            address.unlink(missing_ok=True)

    closing.callback(forget_address)
    return redis


def run() -> int:
    """Everything from the settings to the last process; raises ImproperlyConfigured with one line for a person."""
    # The settings complain on import, and this module must be able to say it in one line.
    from config import settings

    check_port(settings.PORT)
    folder = settings.VAR_DIR / "run" / str(settings.PORT)
    folder.mkdir(parents=True, exist_ok=True)
    search_path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    # PATH: the Procfile says `python` and means the one of .venv.
    environment = {**os.environ, "PATH": search_path, "PORT": str(settings.PORT), "LOUPE_RUN_DIR": str(folder)}
    with ExitStack() as closing:
        redis = None
        if not settings.REDIS_URL:
            redis = start_redis(var_dir=settings.VAR_DIR, folder=folder, closing=closing)
            environment["LOUPE_EMBEDDED_REDIS_URL"] = redis.url
        house = House(port=settings.PORT, sign_ins=prepare(environment), redis=redis)
        procfile = parse_procfile((settings.BASE_DIR / "Procfile").read_text())
        for name, command in procfile.processes.items():
            house.add_process(name, command, env=environment, cwd=str(settings.BASE_DIR))
        return house.run()


def main() -> int:
    """One line for whatever a person can mend, the exit code for whoever started us."""
    for number in STOP_SIGNALS:
        signal.signal(number, stop_before_start)
    try:
        return run()
    except ImproperlyConfigured as error:
        print(error, file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
