"""A wrong variable is one clear line, and never a password on the screen."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment

HOUSE = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("word", ["1", "true", "Yes", "ON"])
def test_yes(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("LOUPE_DEBUG", word)
    assert environment.flag("LOUPE_DEBUG") is True


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBER", "")
    assert environment.whole("NUMBER", default=7) == 7
    assert environment.flag("NUMBER", default=True) is True
    assert environment.money("NUMBER", default="1.50") == Decimal("1.50")
    assert environment.listing("NUMBER", default=("a",)) == ["a"]


@pytest.mark.parametrize(
    ("read", "value", "line"),
    [
        (lambda: environment.flag("V"), "perhaps", "V is 'perhaps': it must be true or false."),
        (lambda: environment.whole("V", default=1), "x", "V is 'x': it must be a whole number of at least 0."),
        (
            lambda: environment.whole("V", default=1, minimum=1, maximum=65_535),
            "70000",
            "V is 70000: it must be a whole number from 1 to 65535.",
        ),
        (
            lambda: environment.words("V", options=("edit", "inpaint"), default=()),
            "Edit, sing",
            "V holds 'sing': write some of edit, inpaint.",
        ),
        (lambda: environment.money("V", default="1"), "NaN", "V is 'NaN': it must be an amount in USD, such as 50.00."),
        (lambda: environment.money("V", default="1"), "-1", "V is '-1': it must be an amount in USD, such as 50.00."),
        (
            lambda: environment.choice("V", options=("INFO", "ERROR"), default="INFO"),
            "loud",
            "V is 'LOUD': it must be one of INFO, ERROR.",
        ),
        (
            lambda: environment.address("V", schemes=("http", "https")),
            "ftp://me:secret@host",
            "V must be a URL that starts with http:// or https://.",
        ),
    ],
)
def test_a_wrong_value_is_one_line(monkeypatch: pytest.MonkeyPatch, read, value: str, line: str) -> None:
    monkeypatch.setenv("V", value)
    with pytest.raises(ImproperlyConfigured) as told:
        read()
    assert str(told.value) == line


def manage(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """One command of Loupe in a process of its own, with nothing set but these variables."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=HOUSE,
        env={**clean, "LOUPE_ENV_FILE": "", "LOUPE_VAR_DIR": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_does_not_start_without_a_key(tmp_path: Path) -> None:
    finished = manage("check", folder=tmp_path, LOUPE_PRODUCTION="true")
    assert finished.returncode == 1
    assert finished.stderr.startswith("SECRET_KEY is not set.")
    assert len(finished.stderr.splitlines()) == 1
    assert not (tmp_path / "secret-key").exists()


def test_the_embedded_key_is_made_once_and_ours_alone(tmp_path: Path) -> None:
    assert manage("check", folder=tmp_path).returncode == 0
    key = (tmp_path / "secret-key").read_text()
    assert manage("check", folder=tmp_path).returncode == 0
    assert (tmp_path / "secret-key").read_text() == key
    assert len(key) >= 50
    assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "mysql://me:secret@host/name"), ("REDIS_URL", "secret"), ("PORT", "abc"), ("LOG_LEVEL", "loud")],
)
def test_a_wrong_variable_stops_the_start_with_one_line(tmp_path: Path, name: str, value: str) -> None:
    finished = manage("check", folder=tmp_path, **{name: value})
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"{name} ")
    assert len(finished.stderr.splitlines()) == 1
    assert "secret" not in finished.stderr


def test_the_env_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("EXPORT_BUCKET=from-the-file\nLOUPE_WORKSPACE_BUDGET=12.50\n")
    program = "from django.conf import settings; print(settings.EXPORT_BUCKET, settings.DEFAULT_WORKSPACE_BUDGET)"
    finished = manage(
        "shell", "--no-imports", "-c", program, folder=tmp_path, LOUPE_ENV_FILE=str(file), EXPORT_BUCKET="given"
    )
    assert finished.stdout.split() == ["given", "12.50"], finished.stderr
