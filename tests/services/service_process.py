"""A server process with a guard: it ends with us, however we end."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")
START_SECONDS = 60


class ServiceProcess:
    """One running command under `guard.py`; its output goes to a file for the case that it does not start."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        user: str = "",
        remove: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        arguments = [sys.executable, str(GUARD)]
        if user:
            arguments += ["--user", user]
        for folder in remove:
            arguments += ["--remove", str(folder)]
        self.log = log
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                [*arguments, "--", *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                # Ctrl-C is for the tests; the guard ends after them.
                start_new_session=True,
            )

    def wait_until(self, answers: Callable[[], bool]) -> None:
        """Returns once `answers()` is true; raises with the server's last words where it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                words = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else "(no output)"
                self.stop()
                raise RuntimeError(f"A service for the tests did not start:\n{words}")
            time.sleep(0.03)

    def stop(self) -> None:
        """Ends the server and waits until it is gone."""
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def accepts(port: int) -> bool:
    """Whether something on loopback accepts connections at this port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
