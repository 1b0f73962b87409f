"""A pytest plugin: clears the environment of everything live and brings up the database, before settings are read.

One PostgreSQL serves the whole run, parallel processes included; each has a database of its own
in it. The migrations run once, into PostgreSQL's own template, while the tests are collected: every
database that is created afterwards is a copy of it. LOUPE_TEST_ENGINE=sqlite runs on an SQLite file
with the settings of the embedded start.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.services import postgres
from tests.services.service_process import ServiceProcess

ROOT = Path(__file__).resolve().parents[2]
ENV_EXAMPLE = ROOT / ".env.example"
ENGINES = ("postgresql", "sqlite")
# Where the outcome of the migrations is noted, named in the environment for every process of the run.
MIGRATED = "LOUPE_TEST_MIGRATED"
LONGEST_MIGRATION_SECONDS = 120
PARTS = ("setup", "call", "teardown")
# A shorter run shows by itself what took long.
WORTH_SAYING_SECONDS = 60.0


def documented_variables() -> list[str]:
    """Every variable that .env.example explains."""
    return re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", ENV_EXAMPLE.read_text(), re.MULTILINE)


class Services:
    """What one test run brought up, and how it goes away."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="loupe-test-"))
        self.postgres: ServiceProcess | None = None
        self.migration: threading.Thread | None = None

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

    def migrate_template(self) -> None:
        """Begins to migrate the template of a PostgreSQL that is ours; `wait_for_template` waits for the end."""
        if self.postgres is None:
            return
        outcome = self.folder / "migrated"
        os.environ[MIGRATED] = str(outcome)
        self.migration = threading.Thread(target=_migrate_template, args=(outcome,), daemon=True)
        self.migration.start()

    def stop(self) -> None:
        """Ends PostgreSQL and removes every folder."""
        if self.migration is not None:
            self.migration.join()
        if self.postgres is not None:
            self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_postgres(self) -> str:
        url, self.postgres = postgres.start(remove=self.folder)
        return url


def _migrate_template(outcome: Path) -> None:
    server, _, query = os.environ["DATABASE_URL"].partition("?")
    url = f"{server.rpartition('/')[0]}/template1" + (f"?{query}" if query else "")
    finished = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--no-input", "--skip-checks", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    draft = outcome.with_suffix(".draft")
    draft.write_text("" if finished.returncode == 0 else finished.stdout)
    draft.replace(outcome)


def wait_for_template() -> None:
    """Return once a new database is born with every table; at once where the server is not ours. Raises RuntimeError
    with what the migrations said where they failed.
    """
    if MIGRATED not in os.environ:
        return
    outcome = Path(os.environ[MIGRATED])
    deadline = time.monotonic() + LONGEST_MIGRATION_SECONDS
    while not outcome.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"The migrations took longer than {LONGEST_MIGRATION_SECONDS} s.")
        time.sleep(0.05)
    if complaint := outcome.read_text():
        raise RuntimeError(f"The migrations failed:\n{complaint}")


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
        services.migrate_template()
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where the time went: seconds of all processes together, by folder and by what they were spent on."""
    spent: defaultdict[tuple[str, str], float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = "/".join(report.nodeid.split("/")[:2])
                spent[folder, str(report.when)] += report.duration
    folders = sorted({folder for folder, _ in spent}, key=lambda folder: -sum(spent[folder, part] for part in PARTS))
    if sum(spent.values()) < WORTH_SAYING_SECONDS:
        return
    terminalreporter.section("where the time went")
    terminalreporter.write_line(f"{'seconds':<24}" + "".join(f"{part:>10}" for part in PARTS))
    for folder in folders:
        terminalreporter.write_line(f"{folder:<24}" + "".join(f"{spent[folder, part]:>10.1f}" for part in PARTS))
