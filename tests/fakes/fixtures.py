"""The fakes as pytest fixtures: one server for the session, empty again for every test."""

from collections.abc import Iterator

import pytest

from tests.fakes.running import RunningFake, running_anthropic, running_cog, running_replicate


@pytest.fixture(scope="session")
def _replicate_server() -> Iterator[RunningFake]:
    with running_replicate() as fake:
        yield fake


@pytest.fixture(scope="session")
def _anthropic_server() -> Iterator[RunningFake]:
    with running_anthropic() as fake:
        yield fake


@pytest.fixture(scope="session")
def _cog_server() -> Iterator[RunningFake]:
    with running_cog() as fake:
        yield fake


@pytest.fixture
def fake_replicate(_replicate_server: RunningFake) -> RunningFake:
    """A fake Replicate without memory or rules."""
    _replicate_server.reset()
    return _replicate_server


@pytest.fixture
def fake_anthropic(_anthropic_server: RunningFake) -> RunningFake:
    """A fake Anthropic without memory or rules."""
    _anthropic_server.reset()
    return _anthropic_server


@pytest.fixture
def fake_cog(_cog_server: RunningFake) -> RunningFake:
    """A fake Cog container without memory or rules."""
    _cog_server.reset()
    return _cog_server
