"""Which providers are live follows from the settings, and nothing is built before it is asked for."""

from pathlib import Path

import pytest
from pytest_django import Settings

from generation.providers import registry
from generation.rules.values import ProviderRefused


@pytest.fixture(autouse=True)
def _without_keys(settings: Settings, tmp_path: Path) -> None:
    settings.REPLICATE_API_TOKEN = settings.ANTHROPIC_API_KEY = settings.COG_URL = ""
    settings.VAR_DIR = tmp_path
    registry.reset()


@pytest.fixture(autouse=True)
def _forget_after() -> object:
    yield
    registry.reset()


def test_without_keys_everything_is_local() -> None:
    assert registry.live_providers() == {"local"}
    assert registry.image_provider("local").name == "local"
    assert registry.prompt_writer().name == "local"
    assert registry.critic().name == "local"


def test_keys_switch_one_part_each(settings: Settings) -> None:
    settings.REPLICATE_API_TOKEN = "r8_x"
    assert registry.live_providers() == {"local", "replicate"}
    assert registry.image_provider("replicate").name == "replicate"
    assert registry.critic().name == "local"
    settings.ANTHROPIC_API_KEY, settings.COG_URL = "sk-x", "http://127.0.0.1:5000"
    registry.reset()
    assert registry.live_providers() == {"local", "replicate", "anthropic", "cog"}
    assert registry.image_provider("cog").name == "cog"
    assert registry.critic().name == registry.prompt_writer().name == "anthropic"


@pytest.mark.parametrize("name", ["replicate", "cog", "nobody", ""])
def test_what_is_not_set_up_is_refused_in_words(name: str) -> None:
    with pytest.raises(ProviderRefused, match="not set up"):
        registry.image_provider(name)


def test_one_of_each_for_a_process() -> None:
    assert registry.image_provider("local") is registry.image_provider("local")
    first = registry.critic()
    registry.reset()
    assert registry.critic() is not first
