"""The working half of Loupe as real processes: conductor, a worker for pixels, a worker for words."""

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.services.kept import Kept

ROOT = Path(__file__).resolve().parents[2]
CELERY = (sys.executable, "-m", "celery", "--quiet", "--workdir", str(ROOT), "--app", "config", "worker")
QUIET = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "conductor": (sys.executable, str(ROOT / "manage.py"), "conduct"),
    "worker-cpu": (*CELERY, "--pool", "prefork", "--concurrency", "1", "--queues", "cpu", "-n", "cpu@%h", *QUIET),
    "worker-io": (*CELERY, "--pool", "threads", "--concurrency", "4", "--queues", "io", "-n", "io@%h", *QUIET),
}


def start(*, environment: Mapping[str, str], folder: Path) -> dict[str, Kept]:
    """Starts the three with their logs in `folder`; they end with us, or by `stop()`."""
    return {
        name: Kept(command, log=folder / f"{name}.log", environment=environment) for name, command in COMMANDS.items()
    }
