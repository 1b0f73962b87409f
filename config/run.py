"""`make run`: Loupe with everything it needs on one machine, until Ctrl-C or SIGTERM.

Brings up a Redis of its own where REDIS_URL names none, prepares the tables, the static files and
the demo workspace, then starts three processes and says where Loupe is once it is ready: the web
server, the engine (conductor, scheduler and the worker for words in one), and the worker for
pixels. They are forks of this process, which has imported what they run. The Procfile and
compose.yaml run the same parts as separate commands.
Exit code 0 after Ctrl-C or SIGTERM, 1 where something could not start or be kept running.
"""

import gc
import http.client
import importlib
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from django.core.exceptions import ImproperlyConfigured

from config import embedded
from config.supervisor import STOP_SIGNALS, Supervisor

READY_HINT_SECONDS = 120.0
REDIS_START_SECONDS = 10.0
KEPT = "No work is lost: it is kept in the database."
# In this order: the first sets how many threads NumPy may start.
PRELOADED = (
    "config.celery",
    "celery.apps.worker",
    "config.urls",
    "generation.management.commands.run_engine",
    "generation.tasks",
    "gunicorn.app.wsgiapp",
    "review.tasks",
)
# Who else is there and who lives is asked of nobody: Loupe writes its own heartbeats into the database.
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def check_port(port: int) -> None:
    """Refuse a port that someone else holds."""
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


def start_redis(supervisor: Supervisor, redis: embedded.EmbeddedRedis, *, folder: Path) -> None:
    """Start a Redis for this run alone and return once it answers."""
    executable = embedded.redis_executable()
    supervisor.start(
        "Redis",
        lambda: redis.run(executable=executable, folder=folder),
        kept_words=KEPT,
        is_quiet=True,
        ends_last=True,
    )
    deadline = time.monotonic() + REDIS_START_SECONDS
    while not redis.answers():
        if time.monotonic() > deadline:
            raise ImproperlyConfigured(
                f"{executable} did not start. Try it by hand, or name a running Redis in REDIS_URL."
            )
        time.sleep(0.02)


def note_address(path: Path, url: str, *, closing: ExitStack) -> None:
    """Leave the address in `var/redis-url` for commands started by hand, until this run ends."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(url)

    def forget() -> None:
        if path.exists() and path.read_text() == url:
            path.unlink(missing_ok=True)

    closing.callback(forget)


def preload() -> None:
    """Import what every process needs, once for all of them."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    for name in PRELOADED:
        importlib.import_module(name)
    # objects that no collection touches stay in memory that the forks share
    gc.collect()
    gc.freeze()


def prepare() -> str:
    """Bring tables, static files and the demo workspace in place, in a process of its own; give the demo sign-ins."""
    from config import prepare as preparing

    context = multiprocessing.get_context("fork")
    answer, sender = context.Pipe(duplex=False)
    # no daemon, for it may have children: the demo workspace is drawn by the studio
    process = context.Process(target=preparing.main, args=(sender,), daemon=False)
    process.start()
    sender.close()
    try:
        sign_ins: str = answer.recv()
    except EOFError:
        raise ImproperlyConfigured("Loupe could not be prepared; why is above. No data was lost.") from None
    except BaseException:
        process.terminate()
        raise
    finally:
        process.join()
    return sign_ins


def serve(*, port: int, workers: int) -> None:
    """Be the web server. Raises SystemExit at its end."""
    from gunicorn.app.wsgiapp import run as run_gunicorn

    address = ["--bind", f"127.0.0.1:{port}"]
    size = ["--workers", str(workers), "--threads", "4"]
    sys.argv = ["gunicorn", "config.wsgi", *address, *size, "--no-control-socket", "--log-level", "warning"]
    run_gunicorn()


def work_on_pictures(*, port: int, processes: int, log_level: str) -> None:
    """Be the worker for pixels. Raises SystemExit at its end."""
    from config.celery import app

    size = ["--pool", "prefork", "--concurrency", str(processes)]
    name = ["--queues", "cpu", "--hostname", f"cpu@%h-{port}"]
    app.worker_main(["--quiet", "worker", *size, *name, *QUIET, "--loglevel", log_level])


def run_engine() -> None:
    """Be the engine. Raises SystemExit at its end."""
    from django.core.management import call_command

    call_command("run_engine")


class Readiness:
    """Says where Loupe is as soon as it answers, and once that it takes long."""

    def __init__(self, *, port: int, sign_ins: str) -> None:
        self.port = port
        self.sign_ins = sign_ins
        self.hint_at = time.monotonic() + READY_HINT_SECONDS

    def look(self) -> bool:
        """Ask the web server; True as long as it has to be asked again."""
        if self._is_ready():
            print(f"\nLoupe is ready at http://127.0.0.1:{self.port}\n{self.sign_ins}", flush=True)
            return False
        if time.monotonic() > self.hint_at:
            self.hint_at = float("inf")
            print("Loupe is still not ready; /readyz says what is missing.", flush=True)
        return True

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def run() -> int:
    """Everything from the settings to the last process; raises ImproperlyConfigured with one line for a person."""
    redis = embedded.EmbeddedRedis()
    os.environ["LOUPE_EMBEDDED_REDIS_URL"] = redis.url
    # The settings complain on import, and this module must be able to say it in one line.
    from config import settings

    check_port(settings.PORT)
    folder = settings.VAR_DIR / "run" / str(settings.PORT)
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(settings.BASE_DIR)
    supervisor = Supervisor()
    with ExitStack() as closing:
        closing.callback(supervisor.stop)
        if not settings.REDIS_URL:
            start_redis(supervisor, redis, folder=folder)
            note_address(settings.VAR_DIR / "redis-url", redis.url, closing=closing)
        preload()
        sign_ins = prepare()
        processes: dict[str, Callable[[], None]] = {
            "web": lambda: serve(port=settings.PORT, workers=settings.WEB_CONCURRENCY),
            "engine": run_engine,
            "pictures": lambda: work_on_pictures(
                port=settings.PORT, processes=settings.LOUPE_PICTURE_WORKERS, log_level=settings.LOG_LEVEL
            ),
        }
        supervisor.listen()
        for name, process in processes.items():
            supervisor.start(name, process, kept_words=KEPT)
        return supervisor.watch(tick=Readiness(port=settings.PORT, sign_ins=sign_ins).look)


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
