"""What every test has: no network beyond this machine, folders of its own, services on request."""

import ipaddress
import os
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tests.services import redis, s3
from tests.services.plugin import wait_for_template

pytest_plugins = ["tests.fakes.fixtures"]


class NetworkBlocked(RuntimeError):
    """A test reached for an address beyond this machine. Not an OSError: no fault handling may swallow it."""


_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex


def _refuse_beyond_loopback(connection: socket.socket, address: Any) -> None:
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = str(address[0])
    try:
        local = host in {"", "localhost"} or ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        local = False
    if not local:
        raise NetworkBlocked(f"A test tried to connect to {host}:{address[1]}; tests stay on loopback.")


def _guarded_connect(self: socket.socket, address: Any) -> None:
    _refuse_beyond_loopback(self, address)
    return _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> int:
    _refuse_beyond_loopback(self, address)
    return _connect_ex(self, address)


socket.socket.connect = _guarded_connect  # type: ignore[method-assign,assignment]
socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign,assignment]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long tests come first: at the end of a run the processes share out what is short."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Not before the template is migrated: the database of this process is a copy of it."""
    wait_for_template()


@pytest.fixture(autouse=True)
def house_folders(settings: Settings, tmp_path: Path) -> Path:
    """Files of one test stay with it: media, exports and `var/` lie in its own temporary folder."""
    settings.VAR_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    exports = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "exports"},
    }
    settings.STORAGES = {**settings.STORAGES, "exports": exports}
    return tmp_path


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A real Redis, empty at first, one for each test process."""
    url, service = redis.start(folder=tmp_path_factory.mktemp("redis"))
    yield url
    service.stop()


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The endpoint of a real S3 server over HTTP, without buckets at first."""
    url, service = s3.start(folder=tmp_path_factory.mktemp("s3"))
    yield url
    service.stop()


@pytest.fixture
def process_environment(transactional_db: None, house_folders: Path) -> dict[str, str]:
    """The environment for a real process of Loupe (`manage.py conduct`, a worker) on this test's database and folders.

    Give it `REDIS_URL` where the process needs one. Rows must be committed to be seen: hence `transactional_db`.
    """
    from django.db import connection  # the test database's name is known only now

    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOUPE_VAR_DIR": str(house_folders),
        "LOUPE_EMBEDDED_REDIS_URL": "redis://127.0.0.1:1/0",
        "PYTHONUNBUFFERED": "1",
    }
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        # The house's SQLite lies at a fixed place under its folder.
        (house_folders / "loupe.sqlite3").symlink_to(name)
    else:
        server, _, query = os.environ["DATABASE_URL"].partition("?")
        environment["DATABASE_URL"] = f"{server.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
    return environment
