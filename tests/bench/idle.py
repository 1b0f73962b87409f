"""P13: what Loupe on one machine costs while nobody uses it, and how soon it is there again.

`make run` is started on an empty folder with the demo workspace, ended, started a second time and left alone. Memory
is proportional set size (PSS): a page that several processes share counts once. Processor time is that of the whole
family, the embedded Redis included.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from config import embedded
from tests.bench.measure import Measure, processor_of

ROOT = Path(__file__).resolve().parents[2]
READY = "Loupe is ready at"
LONGEST_START_SECONDS = 240
# What a start leaves behind (caches filled, garbage collected) is over by then.
SETTLE_SECONDS = 30
IDLE_SECONDS = 60


def run(*, full: bool) -> Iterator[Measure]:
    """Seconds of both starts, then memory and processor time of a minute at rest."""
    del full
    with tempfile.TemporaryDirectory(prefix="loupe-idle-") as folder:
        with running(Path(folder)) as (_, seconds):
            first = seconds
        with running(Path(folder)) as (process, seconds):
            yield Measure("second start", seconds, 5.0, "s", note=f"The first, with the demo workspace: {first:.1f} s.")
            time.sleep(SETTLE_SECONDS)
            before, began = processor_of(process.pid), time.monotonic()
            time.sleep(IDLE_SECONDS)
            spent = (processor_of(process.pid) - before) / (time.monotonic() - began)
            sizes = list(sizes_mb(process))
            yield Measure("idle, processor", spent * 100, 0.5, "% of one")
            note = ", ".join(f"{name} {size:.0f}" for name, size in sizes)
            yield Measure("idle, memory", sum(size for _, size in sizes), 400, "MB", note=f"{len(sizes)}: {note}")


@contextmanager
def running(folder: Path) -> Iterator[tuple[psutil.Process, float]]:
    """One `make run` with its data in `folder`, and the seconds until it was ready; ended as by Ctrl-C."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {
        **clean,
        "LOUPE_ENV_FILE": "",
        "LOUPE_VAR_DIR": str(folder),
        "PORT": str(embedded.free_port()),
        "PYTHONUNBUFFERED": "1",
    }
    log = folder / "run.log"
    began = time.monotonic()
    with open(log, "wb") as output:
        process = psutil.Popen(
            [sys.executable, "-m", "config.run"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while READY not in log.read_text():
            if process.poll() is not None or time.monotonic() - began > LONGEST_START_SECONDS:
                raise RuntimeError(f"Loupe did not start:\n{log.read_text()}")
            time.sleep(0.05)
        yield process, time.monotonic() - began
    finally:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT)
        process.wait(60)


def sizes_mb(process: psutil.Process) -> Iterator[tuple[str, float]]:
    """Name and proportional size in MB of each process of the family."""
    for member in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            facts = member.memory_full_info()
            yield short_name(member.cmdline()), getattr(facts, "pss", facts.uss) / 1e6


def short_name(command: list[str]) -> str:
    """What tells this process from the others, in a word or two."""
    words = [Path(word).name for word in command if word and not word.startswith("-")]
    return " ".join(words[:2]) if words else "?"
