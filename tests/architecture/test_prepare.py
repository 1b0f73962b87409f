"""Static files are collected once a change, under names that carry their hash."""

import time
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import get_commands
from django.utils import timezone
from pytest_django import Settings

from config import prepare
from config.static_files import StaticFilesStorage
from generation.engine.heartbeats import SILENCE, silence_banner
from generation.models import Heartbeat


@pytest.fixture
def sources(settings: Settings, tmp_path: Path) -> Path:
    """A static folder with one style sheet, in place of the house's."""
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "look.css").write_text("body { color: red } /*# sourceMappingURL=look.css.map */")
    settings.STATICFILES_DIRS = [folder]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "config.static_files.StaticFilesStorage"},
    }
    finders.get_finder.cache_clear()
    return folder


def test_collected_once_a_change(sources: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    prepare.collect_static()
    assert "Collecting" in capsys.readouterr().err
    manifest = settings.STATIC_ROOT / "staticfiles.json"
    first = manifest.read_text()
    assert '"look.css": "look.' in first

    prepare.collect_static()
    assert "Collecting" not in capsys.readouterr().err

    time.sleep(0.01)
    (sources / "look.css").write_text("body { color: blue }")
    prepare.collect_static()
    assert "Collecting" in capsys.readouterr().err
    assert manifest.read_text() != first


def test_a_source_map_that_is_not_shipped_is_no_error(sources: Path) -> None:
    prepare.collect_static()
    assert isinstance(staticfiles_storage._wrapped, StaticFilesStorage)
    assert staticfiles_storage.url("look.css").startswith("/static/look.")


def test_the_demo_is_a_command() -> None:
    assert get_commands()["demo"] == "review"


@pytest.mark.django_db
def test_after_a_long_making_of_the_demo_the_first_page_says_that_all_are_at_work(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR_DIR, settings.LOUPE_DEMO = tmp_path, True

    def make(command: str, **options: object) -> None:
        if command == "demo":
            # half a minute and more goes by
            Heartbeat.objects.update(at=timezone.now() - 2 * SILENCE)

    monkeypatch.setattr(prepare, "call_command", make)
    monkeypatch.setattr(prepare, "collect_static", lambda: None)
    assert prepare.prepare() == ""
    assert silence_banner() == ""
