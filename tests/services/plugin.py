"""A pytest plugin: clears the environment of everything live and brings up the database, before settings are read.

One PostgreSQL serves the whole run, parallel processes included; each has a database of its own
in it. LOUPE_TEST_ENGINE=sqlite runs on an SQLite file with the settings of the embedded start.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.services import postgres
from tests.services.service_process import ServiceProcess

ENV_EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"
ENGINES = ("postgresql", "sqlite")


def documented_variables() -> list[str]:
    """Every variable that .env.example explains."""
    return re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", ENV_EXAMPLE.read_text(), re.MULTILINE)


class Services:
    """What one test run brought up, and how it goes away."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="loupe-test-"))
        self.postgres: ServiceProcess | None = None

    def start(self) -> None:
        """Sets the environment of this process and, by inheritance, of every process it starts."""
        for name in documented_variables():
            os.environ.pop(name, None)
        os.environ["LOUPE_ENV_FILE"] = ""
        os.environ["LOUPE_EMBEDDED_REDIS_URL"] = "redis://127.0.0.1:1/0"
        os.environ["LOUPE_VAR_DIR"] = str(self.folder)
        os.environ["DJANGO_LIVE_TEST_SERVER_ADDRESS"] = "127.0.0.1"
        # AWS's client asks the network for credentials where it has none.
        os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"
        os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
        engine = os.environ.setdefault("LOUPE_TEST_ENGINE", "postgresql")
        if engine not in ENGINES:
            raise pytest.UsageError(f"LOUPE_TEST_ENGINE is {engine!r}: it must be one of {', '.join(ENGINES)}.")
        if engine == "postgresql":
            os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or self._start_postgres()

    def stop(self) -> None:
        """Ends PostgreSQL and removes every folder."""
        if self.postgres is not None:
            self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_postgres(self) -> str:
        url, self.postgres = postgres.start(remove=self.folder)
        return url


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    if "PYTEST_XDIST_WORKER" in os.environ:
        # The first process brought everything up; a parallel one has files of its own.
        folder = Path(os.environ["LOUPE_VAR_DIR"]) / os.environ["PYTEST_XDIST_WORKER"]
        folder.mkdir(exist_ok=True)
        os.environ["LOUPE_VAR_DIR"] = str(folder)
    else:
        services = Services()
        early_config.add_cleanup(services.stop)
        services.start()
    return (yield)
