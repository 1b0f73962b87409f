"""The working half of Loupe as real processes: conductor, a worker for pixels, a worker for words."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config.celery import app as celery_app
from tests.services.service_process import ServiceProcess

ROOT = Path(__file__).resolve().parents[2]
CELERY = (sys.executable, "-m", "celery", "--quiet", "--workdir", str(ROOT), "--app", "config", "worker")
QUIET = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "conductor": (sys.executable, str(ROOT / "manage.py"), "conduct"),
    "worker-cpu": (*CELERY, "--pool", "prefork", "--concurrency", "2", "--queues", "cpu", "-n", "cpu@%h", *QUIET),
    "worker-io": (*CELERY, "--pool", "threads", "--concurrency", "4", "--queues", "io", "-n", "io@%h", *QUIET),
}


def start(*, environment: Mapping[str, str], folder: Path) -> dict[str, ServiceProcess]:
    """Starts the three with their logs in `folder`; they end with us, or by `stop()`."""
    return {
        name: ServiceProcess(command, log=folder / f"{name}.log", environment=environment)
        for name, command in COMMANDS.items()
    }


@contextmanager
def at_work(*, environment: Mapping[str, str], folder: Path, redis_url: str) -> Iterator[dict[str, ServiceProcess]]:
    """The three over this Redis, nudged over it by this process too, whatever it nudged before."""
    before = celery_app.conf.broker_url
    _nudge_over(redis_url)
    running = start(environment={**environment, "REDIS_URL": redis_url}, folder=folder)
    try:
        yield running
    finally:
        for process in running.values():
            process.stop()
        _nudge_over(before)


def _nudge_over(redis_url: str) -> None:
    celery_app.conf.broker_url = redis_url
    # Celery keeps the connections of whoever nudged first
    celery_app.amqp._producer_pool = None
