"""The banner: who is silent, and which provider is left alone, in words for people and one query."""

from typing import Any

import pytest

from generation.engine import throttle
from generation.engine.heartbeats import PROCESSES, pauses, record_heartbeat, silence_banner


@pytest.mark.both_engines
@pytest.mark.django_db
def test_the_banner_says_who_is_silent_and_who_is_left_alone(django_assert_num_queries: Any) -> None:
    assert "Nothing is rendered" in silence_banner()
    for name in PROCESSES:
        record_heartbeat(name)
    assert silence_banner() == ""
    note = "Replicate cannot answer just now (503). Nothing new is sent for 20 s."
    throttle.pause("replicate", seconds=20, note=note)
    with django_assert_num_queries(1):
        assert silence_banner() == note
    assert throttle.take_permits("replicate", wanted=3) == 0
    throttle.pause("replicate", seconds=1, note="shorter")
    assert list(pauses().values_list("account", flat=True)) == ["replicate"]
