"""What must be in place before Loupe serves: tables, static files, the demo workspace.

Safe to repeat, and two at once wait for each other. Progress and errors go to stderr.
"""

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from multiprocessing.connection import Connection
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.db import DatabaseError
from django.utils.module_loading import import_string


def say(line: str) -> None:
    """One line of progress, apart from the sign-ins on stdout."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def one_at_a_time(var_dir: Path) -> Iterator[None]:
    """Holds `var/prepare.lock`: two runs in one folder do not migrate over each other."""
    with open(var_dir / "prepare.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def static_fingerprint() -> str:
    """A digest over name, size and time of every static file that would be collected."""
    digest = hashlib.sha256(str(settings.STATIC_ROOT).encode())
    for finder in get_finders():
        for name, storage in sorted(finder.list([]), key=lambda found: found[0]):
            facts = os.stat(storage.path(name))
            digest.update(f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def collect_static() -> None:
    """Collects static files with hashed names; skipped where nothing changed since the last time."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    fingerprint = static_fingerprint()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    stamp.unlink(missing_ok=True)
    say("Collecting static files ...")
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(fingerprint)


def begin_pulses() -> None:
    """The start counts as a sign of life: the banner waits half a minute for the processes to report themselves."""
    for name in import_string("generation.engine.heartbeats.PROCESSES"):
        import_string("generation.engine.heartbeats.record_heartbeat")(name)


def prepare() -> str:
    """Bring everything in place; return the demo sign-ins as text, "" where there is no demo. Raises DatabaseError."""
    sign_ins = StringIO()
    with one_at_a_time(settings.VAR_DIR):
        call_command("migrate", interactive=False, verbosity=0)
        collect_static()
        if settings.LOUPE_DEMO and "demo" in get_commands():
            if not apps.get_model("campaigns", "Workspace").objects.exists():
                say("Making the demo workspace (once; about a minute) ...")
            call_command("demo", stdout=sign_ins)
        # last: making the demo workspace may take as long as the banner waits
        begin_pulses()
    return sign_ins.getvalue()


def main(answer: Connection) -> None:
    """Send the sign-ins to whoever waits for them; say why where that is not to be."""
    try:
        answer.send(prepare())
    except DatabaseError as error:
        say(f"The database does not work: {str(error).strip().splitlines()[0]}")
