"""One parent for several processes: started by a fork, started again when they end by themselves, ended together.

The parent imports once what its children run; they share that memory and begin at once. It has no threads and no
connections, so that a fork is safe at any time, and it sleeps until a child writes, a child ends or a signal comes.
"""

import fcntl
import os
import selectors
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A worker may be in the middle of an image.
STOP_SECONDS = 15.0
# A process that ends more often within a minute does not come right by starting it again.
MOST_RESTARTS = 5
RESTART_WINDOW_SECONDS = 60.0
FIRST_BACKOFF_SECONDS = 0.25
KEPT_LINES = 20
READ_BYTES = 65_536


@dataclass(slots=True, eq=False)
class Member:
    """One process under supervision: what it runs, and how it has fared."""

    name: str
    run: Callable[[], None]
    kept_words: str = ""
    is_quiet: bool = False
    ends_last: bool = False
    pid: int = 0
    output: int = -1
    half_line: bytes = b""
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    ended_at: list[float] = field(default_factory=list)
    starts_at: float = 0.0


class Supervisor:
    """Keep members running until somebody asks to stop, or until one of them cannot be kept running."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.stop_asked = False
        self._selector = selectors.DefaultSelector()
        self._awake, self._wake_up = os.pipe()
        for end in (self._awake, self._wake_up):
            os.set_blocking(end, False)
            fcntl.fcntl(end, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        self._selector.register(self._awake, selectors.EVENT_READ)

    def listen(self) -> None:
        """Take over the signals that end Loupe, and the one that says that a child ended."""
        signal.set_wakeup_fd(self._wake_up, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        for number in STOP_SIGNALS:
            signal.signal(number, self._note_stop)

    def start(
        self,
        name: str,
        run: Callable[[], None],
        *,
        kept_words: str = "",
        is_quiet: bool = False,
        ends_last: bool = False,
    ) -> None:
        """Fork a member that calls `run`, which may also put another program in its place.

        `kept_words`: what is said of the work when it ends by itself. `is_quiet`: what it writes is shown only when it
        gives up. `ends_last`: the others need it until they have ended.
        """
        member = Member(name=name, run=run, kept_words=kept_words, is_quiet=is_quiet, ends_last=ends_last)
        self.members.append(member)
        self._fork(member)

    def watch(self, *, tick: Callable[[], bool]) -> int:
        """Supervise until the end; give the exit code: 0 where a signal asked for it, 1 where a member gave up.

        `tick` is called about five times a second until it returns False.
        """
        ticking = True
        failed: Member | None = None
        while not self.stop_asked and failed is None:
            ticking = ticking and tick()
            self._wait(0.2 if ticking else self._seconds_to_next_start())
            failed = self._reap()
            self._start_due()
        self.stop()
        if failed is None:
            return 0
        print(f"Loupe stopped, because {failed.name} ended by itself again and again. Its last lines:", flush=True)
        print("\n".join(f"    {line}" for line in failed.last_lines) or "    (none)", flush=True)
        return 1

    def stop(self) -> None:
        """End every member and wait until it is gone; whoever takes too long is killed."""
        self.stop_asked = True
        deadline = time.monotonic() + STOP_SECONDS
        for last in (False, True):
            some = [member for member in self.members if member.ends_last == last]
            for member in some:
                _signal(member.pid, signal.SIGTERM)
            while any(member.pid for member in some) and time.monotonic() < deadline:
                self._wait(0.1)
                self._reap()
            for member in some:
                # what did not end in time, or was left behind in its group
                _signal_group(member.pid, signal.SIGKILL)
                if member.pid:
                    os.waitpid(member.pid, 0)
                    self._forget(member)

    def _note_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_asked = True

    def _fork(self, member: Member) -> None:
        read_end, write_end = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            _live(member, output=write_end)
        os.close(write_end)
        with suppress(OSError):
            # by whoever of the two comes first
            os.setpgid(pid, pid)
        os.set_blocking(read_end, False)
        fcntl.fcntl(read_end, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        self._selector.register(read_end, selectors.EVENT_READ, member)
        member.pid, member.output, member.starts_at = pid, read_end, 0.0

    def _wait(self, seconds: float | None) -> None:
        """Sleep until something happens, at most `seconds`; show what the members wrote."""
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                with suppress(BlockingIOError):
                    os.read(self._awake, READ_BYTES)
            else:
                self._show(key.data)

    def _show(self, member: Member) -> None:
        while True:
            try:
                data = os.read(member.output, READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._selector.unregister(member.output)
                return
            *lines, member.half_line = (member.half_line + data).split(b"\n")
            for line in lines:
                self._note_line(member, line.decode(errors="replace"))

    @staticmethod
    def _note_line(member: Member, line: str) -> None:
        member.last_lines.append(line)
        if not member.is_quiet:
            print(f"{member.name} | {line}", flush=True)

    def _reap(self) -> Member | None:
        """Note who ended, and when it is to be started again; give the one for whom that is of no use any more."""
        for member in self.members:
            if not member.pid or os.waitpid(member.pid, os.WNOHANG)[0] == 0:
                continue
            # its own children may have stayed behind
            _signal_group(member.pid, signal.SIGKILL)
            self._forget(member)
            if self.stop_asked:
                continue
            now = time.monotonic()
            member.ended_at = [then for then in member.ended_at if now - then < RESTART_WINDOW_SECONDS] + [now]
            if len(member.ended_at) > MOST_RESTARTS:
                return member
            member.starts_at = now + FIRST_BACKOFF_SECONDS * 2.0 ** (len(member.ended_at) - 1)
            print(f"{member.name} ended by itself; starting it again. {member.kept_words}".rstrip(), flush=True)
        return None

    def _forget(self, member: Member) -> None:
        with suppress(KeyError, OSError):
            self._show(member)
            self._selector.unregister(member.output)
        if member.half_line:
            self._note_line(member, member.half_line.decode(errors="replace"))
        os.close(member.output)
        member.pid, member.output, member.half_line = 0, -1, b""

    def _start_due(self) -> None:
        for member in self.members:
            if not member.pid and 0 < member.starts_at <= time.monotonic() and not self.stop_asked:
                self._fork(member)

    def _seconds_to_next_start(self) -> float | None:
        waiting = [member.starts_at for member in self.members if not member.pid]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None


def _live(member: Member, *, output: int) -> None:
    """The child's side of a fork: a process group of its own, signals as usual, its words into the pipe."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (*STOP_SIGNALS, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        with suppress(OSError):
            # the name that `top` shows, where the system has such a file
            Path("/proc/self/comm").write_text(f"loupe-{member.name}")
        member.run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _signal(pid: int, number: signal.Signals) -> None:
    """Ask one process alone: Celery and gunicorn let their own children finish."""
    with suppress(ProcessLookupError):
        if pid:
            os.kill(pid, number)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if pid:
            os.killpg(pid, number)
