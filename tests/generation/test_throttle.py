"""One rate for everybody who sends to a provider account, lowered by a 429 and recovering by itself."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import Settings

from generation.engine import throttle
from generation.models import Throttle

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def paused(clock: "Clock") -> dict[str, str]:
    """The providers that are left alone, with what is said about it."""
    return dict(Throttle.objects.filter(paused_until__gt=clock.now).values_list("account", "note"))


class Clock:
    """The database's time, in the test's hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(throttle, "database_now", clock)
    return clock


def granted_in(clock: Clock, *, seconds: int, wanted: int = 1_000, account: str = "replicate") -> int:
    """What somebody who asks ten times a second may send."""
    total = 0
    for _ in range(seconds * 10):
        clock.go(0.1)
        total += throttle.take_permits(account, wanted=wanted)
    return total


@pytest.mark.django_db
def test_all_together_send_at_the_rate_of_the_account_and_no_faster(clock: Clock, settings: Settings) -> None:
    settings.REPLICATE_CREATES_PER_MINUTE = 600
    # two who take turns are no more than one
    total = sum(throttle.take_permits("replicate", wanted=7) for _ in range(2)) + granted_in(
        clock, seconds=60, wanted=3
    )
    assert 600 <= total <= 611


@pytest.mark.django_db
def test_a_429_stops_everybody_then_halves_the_rate_which_recovers(clock: Clock, settings: Settings) -> None:
    settings.REPLICATE_CREATES_PER_MINUTE = 600
    granted_in(clock, seconds=5)
    throttle.slow_down("replicate", seconds=20, note="Replicate asked to slow down.")
    # the answers of what had left already do not halve it once more
    throttle.slow_down("replicate", seconds=18, note="Replicate asked to slow down.")
    assert paused(clock) == {"replicate": "Replicate asked to slow down."}
    assert granted_in(clock, seconds=19) == 0
    assert granted_in(clock, seconds=1) <= 10
    assert paused(clock) == {}
    assert granted_in(clock, seconds=20) == pytest.approx(100, abs=10)
    granted_in(clock, seconds=6 * 31)
    assert granted_in(clock, seconds=60) == pytest.approx(600, abs=12)


@pytest.mark.django_db
def test_the_rate_has_a_floor_and_another_account_its_own(clock: Clock, settings: Settings) -> None:
    settings.REPLICATE_CREATES_PER_MINUTE = 600
    for _ in range(12):
        throttle.slow_down("replicate", seconds=1, note="")
        clock.go(2)
    assert Throttle.objects.get(account="replicate").per_minute == throttle.SLOWEST_PER_MINUTE
    assert throttle.take_permits("cog", wanted=1) == 1


class AnyOrderOfAsking(TestCase):
    """Whoever asks, whenever, for however many."""

    @given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 40)), max_size=30), st.sampled_from([6, 60, 600, 6_000]))
    def test_never_more_than_the_rate_and_a_second_of_rest(
        self, asked: list[tuple[float, int]], per_minute: int
    ) -> None:
        Throttle.objects.all().delete()
        clock, sent = Clock(), []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(throttle, "database_now", clock)
            patch.setattr(throttle, "usual_rate", lambda _: float(per_minute))
            for pause, wanted in asked:
                clock.go(pause)
                granted = throttle.take_permits("anybody", wanted=wanted)
                assert 0 <= granted <= wanted
                sent += [clock.now] * granted
        for place, began in enumerate(sent):
            for last, ended in enumerate(sent[place:], start=1):
                allowed = per_minute / 60 * ((ended - began).total_seconds() + throttle.BURST_SECONDS) + 1
                assert last <= allowed + 1e-6
