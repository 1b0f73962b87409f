"""The parent of Loupe's processes, with children that misbehave: a real parent, a real fork, a real signal."""

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30
HEAD = """
import signal, sys, time
from config import supervisor
supervisor.FIRST_BACKOFF_SECONDS = 0.01
supervisor.STOP_SECONDS = 2.0

def sleep():
    print("here", flush=True)
    time.sleep(60)

def fail():
    print("no luck today", flush=True)
    raise OSError("the disk is away")

def refuse_to_end():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleep()

def end_politely():
    def note(number, frame):
        print("ended", flush=True)
        sys.exit(0)
    signal.signal(signal.SIGTERM, note)
    sleep()

parent = supervisor.Supervisor()
parent.listen()
"""
TAIL = "\nsys.exit(parent.watch(tick=lambda: False))\n"


@pytest.fixture
def start(tmp_path: Path) -> Generator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start a parent whose children the given lines of Python start; what it prints goes to `out`."""
    parents: list[subprocess.Popen[bytes]] = []

    def run(lines: str) -> subprocess.Popen[bytes]:
        script = HEAD + textwrap.dedent(lines) + TAIL
        with open(tmp_path / "out", "wb") as output:
            command = [sys.executable, "-c", script]
            parents.append(subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT))
        return parents[-1]

    yield run
    for parent in parents:
        parent.kill()
        parent.wait()


@pytest.fixture
def said(tmp_path: Path) -> Callable[[], str]:
    """Everything that was printed so far."""
    return (tmp_path / "out").read_text


def wait_until(happened: Callable[[], bool], said: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, said()
        time.sleep(0.02)


def test_whoever_cannot_be_kept_running_is_given_up_with_its_last_lines(
    start: Callable[..., subprocess.Popen[bytes]], said: Callable[[], str]
) -> None:
    parent = start('parent.start("good", sleep); parent.start("bad", fail, kept_words="Nothing is lost.")')
    assert parent.wait(PATIENCE_SECONDS) == 1
    assert said().count("bad ended by itself; starting it again. Nothing is lost.") == 5
    _, _, ending = said().partition("Loupe stopped, because bad ended by itself again and again. Its last lines:\n")
    assert "    no luck today\n" in ending
    assert "    OSError: the disk is away\n" in ending
    assert "good ended" not in said()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_and_last_whom_the_others_need(
    start: Callable[..., subprocess.Popen[bytes]], said: Callable[[], str], number: signal.Signals
) -> None:
    parent = start(
        'parent.start("needed", end_politely, ends_last=True); parent.start("one", end_politely); '
        'parent.start("two", end_politely)'
    )
    wait_until(lambda: said().count("here") == 3, said)
    parent.send_signal(number)
    assert parent.wait(PATIENCE_SECONDS) == 0
    ends = [line for line in said().splitlines() if line.endswith("| ended")]
    assert sorted(ends[:2]) == ["one | ended", "two | ended"]
    assert ends[2:] == ["needed | ended"]


def test_whoever_does_not_end_in_time_is_killed(
    start: Callable[..., subprocess.Popen[bytes]], said: Callable[[], str]
) -> None:
    parent = start('parent.start("stubborn", refuse_to_end)')
    wait_until(lambda: "stubborn | here" in said(), said)
    parent.terminate()
    assert parent.wait(PATIENCE_SECONDS) == 0


def test_a_quiet_one_is_heard_only_when_it_gives_up(
    start: Callable[..., subprocess.Popen[bytes]], said: Callable[[], str]
) -> None:
    parent = start('parent.start("quiet", fail, is_quiet=True)')
    assert parent.wait(PATIENCE_SECONDS) == 1
    assert "quiet | " not in said()
    assert "    no luck today\n" in said()
