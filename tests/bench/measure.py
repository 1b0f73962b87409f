"""What a benchmark gives back, and how time, processor and memory are read."""

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure beside its target. `at_least`: the figure must reach the target instead of staying under it."""

    name: str
    figure: float
    target: float
    unit: str
    at_least: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the target was reached."""
        return self.figure >= self.target if self.at_least else self.figure <= self.target

    @property
    def ratio(self) -> float:
        """The figure by its target; for a target of zero, 0 where it is met."""
        if self.target == 0:
            return 0.0 if self.met else float("inf")
        return self.figure / self.target

    def as_line(self) -> str:
        """For the process that collects."""
        return json.dumps(asdict(self))


@dataclass(slots=True)
class Spent:
    """What a stretch of this process took. Seconds; `largest` is its largest resident size meanwhile, `grown` how much
    that is above the size before, in MB."""

    wall: float = 0.0
    processor: float = 0.0
    grown: float = 0.0
    largest: float = 0.0
    marks: dict[str, float] = field(default_factory=dict)


@contextmanager
def spending() -> Iterator[Spent]:
    """Measures what happens inside: wall, processor time of this process alone, and its memory."""
    spent = Spent()
    forget_largest()
    before, began, size = os.times(), time.perf_counter(), resident_mb()
    yield spent
    after = os.times()
    spent.wall = time.perf_counter() - began
    spent.processor = after.user - before.user + after.system - before.system
    spent.largest = largest_mb()
    spent.grown = max(0.0, spent.largest - size)


def resident_mb() -> float:
    """Resident memory of this process now; its largest so far where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError):
        return largest_mb()
    return pages * resource.getpagesize() / 1e6


def forget_largest() -> None:
    """Let the largest resident size begin anew, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def largest_mb() -> float:
    """The largest resident size so far, or since `forget_largest`."""
    with suppress(OSError, StopIteration):
        told = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in told if line.startswith("VmHWM:")).split()[1]) * 1_024 / 1e6
    kept = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kept / 1e6 if sys.platform == "darwin" else kept / 1e3


def processor_of(pid: int) -> float:
    """Processor seconds so far of a process and of everything below it that lives."""
    process = psutil.Process(pid)
    spent = 0.0
    for member in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            spent += times.user + times.system
    return spent


def median(values: list[float]) -> float:
    """The middle one."""
    return sorted(values)[len(values) // 2]
