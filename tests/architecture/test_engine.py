"""The ground that everything stands on: the database of this run, health, services, guards."""

import os
import socket
import threading

import boto3
import pytest
import redis
from django.db import OperationalError, connection, transaction
from django.template import Context, engines
from django.test import Client

from campaigns.models import User
from config.health import readyz
from tests import templates
from tests.conftest import NetworkBlocked
from tests.templates import UndefinedTemplateVariable


@pytest.mark.both_engines
@pytest.mark.django_db
def test_the_database_is_the_one_asked_for() -> None:
    assert connection.vendor == os.environ["LOUPE_TEST_ENGINE"]


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_threads_share_the_database() -> None:
    seen: list[int] = []

    def count() -> None:
        seen.append(User.objects.count())
        connection.close()

    User.objects.create_user(email="mara@example.com", password="a long password")
    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    assert seen == [1]


@pytest.mark.django_db
@pytest.mark.skipif(os.environ.get("LOUPE_TEST_ENGINE") != "sqlite", reason="settings of SQLite alone")
@pytest.mark.both_engines
def test_sqlite_writes_ahead_and_waits() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (20_000,)
    assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    with transaction.atomic():
        assert connection.in_atomic_block


def test_healthz_needs_no_database(client: Client) -> None:
    assert client.get("/healthz").json() == {"alive": True}


@pytest.mark.django_db
def test_readyz_once_the_tables_are_there(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "missing": []}


@pytest.mark.django_db
def test_readyz_says_that_migrations_are_missing(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'campaigns'")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["database: migrations are not applied"]


def test_readyz_says_that_the_database_is_gone(rf, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OperationalError("no route to the database, password=secret")

    monkeypatch.setattr("config.health.MigrationExecutor", refuse)
    answer = readyz(rf.get("/readyz"))
    assert answer.status_code == 503
    assert b"database: no answer" in answer.content
    assert b"secret" not in answer.content


def test_pages_carry_a_content_security_policy(client: Client) -> None:
    policy = client.get("/healthz").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy


def test_redis_is_real_and_alone(redis_url: str) -> None:
    connection = redis.Redis.from_url(redis_url)
    try:
        assert connection.ping()
        assert connection.config_get("save") == {"save": ""}
    finally:
        connection.close()


def test_s3_keeps_an_object(s3_url: str) -> None:
    client = boto3.client("s3", endpoint_url=s3_url)
    client.create_bucket(Bucket="finals")
    client.put_object(Bucket="finals", Key="aurora/hero.png", Body=b"pixels")
    assert client.get_object(Bucket="finals", Key="aurora/hero.png")["Body"].read() == b"pixels"


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80, 0, 0), ("169.254.169.254", 80)])
def test_the_network_ends_at_this_machine(address: tuple) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as connection, pytest.raises(NetworkBlocked):
        connection.connect(address)


def test_an_undefined_variable_in_our_templates_fails(tmp_path, settings) -> None:
    (tmp_path / "page.html").write_text("{{ nobody.gave.this }}")
    engine = engines["django"].engine
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(templates, "HOUSE", tmp_path)
        patch.setattr(engine, "dirs", [tmp_path])
        for loader in engine.template_loaders:
            loader.reset()
        with pytest.raises(UndefinedTemplateVariable, match=r"nobody\.gave\.this"):
            engine.get_template("page.html").render(Context({}))
    for loader in engine.template_loaders:
        loader.reset()
