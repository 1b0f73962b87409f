"""Keeps one server alive exactly as long as whoever started it.

`python guard.py [--user NAME] [--directory FOLDER] [--remove FOLDER]... -- COMMAND...` runs the
command and ends it when standard input closes, which also happens when the test run is killed;
then removes the folders.
"""

import argparse
import os
import pwd
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

STOP_SECONDS = 30


def identity(user: str) -> dict[str, Any]:
    """The arguments that make subprocess run as another user; none for our own."""
    if not user:
        return {}
    account = pwd.getpwnam(user)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def stop(server: subprocess.Popen[bytes]) -> None:
    """SIGINT (PostgreSQL: fast shutdown), then SIGKILL."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", default="")
    parser.add_argument("--directory", default="/")
    parser.add_argument("--remove", action="append", default=[])
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The end comes through standard input alone, after whoever started us is done.
        signal.signal(number, signal.SIG_IGN)
    server = subprocess.Popen(
        options.command,
        stdin=subprocess.DEVNULL,
        cwd=options.directory,
        restore_signals=True,
        preexec_fn=_default_signals,  # noqa: PLW1509  # no threads yet
        **identity(options.user),
    )
    threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    code = server.wait()
    for folder in options.remove:
        shutil.rmtree(Path(folder), ignore_errors=True)
    return code


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _stop_at_end_of_input(server: subprocess.Popen[bytes]) -> None:
    # Not through sys.stdin: its lock, held here, would abort the interpreter on its way out.
    while os.read(0, 1024):
        pass
    stop(server)


if __name__ == "__main__":
    raise SystemExit(main())
