"""The pure rules: what the gate says, what the ladder does next."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.rules import gate, retries
from generation.rules.retries import NextStep, SafetyHistory
from generation.rules.states import TERMINAL, TRANSITIONS, GenerationState
from generation.rules.values import DimensionScore

scores = st.floats(min_value=1, max_value=10).map(lambda value: round(value, 1))


def rubric(**values: float) -> dict[str, DimensionScore]:
    return {name: DimensionScore(score=value, reason=f"{name} says so") for name, value in values.items()}


def test_average_and_pass_are_ours_and_a_pass_from_the_model_never_wins_weakest() -> None:
    dimensions = rubric(composition=8, relevance=9, coherence=6, mood_match=7.5)
    dimensions["pass"] = DimensionScore(score=0, reason="a boolean in disguise")
    judgement = gate.judge(dimensions=dimensions, bar=Decimal("7.0"), with_brand=False)
    assert judgement.average == Decimal("7.63")
    assert judgement.passed
    assert (judgement.weakest, judgement.reason) == ("coherence", "coherence says so")


def test_exactly_at_the_bar_passes_and_a_hair_below_does_not() -> None:
    at = gate.judge(
        dimensions=rubric(composition=7, relevance=7, coherence=7, mood_match=7), bar=Decimal("7.0"), with_brand=False
    )
    below = gate.judge(
        dimensions=rubric(composition=7, relevance=7, coherence=7, mood_match=6.99),
        bar=Decimal("7.0"),
        with_brand=False,
    )
    assert at.passed
    assert below.average == Decimal("6.99")
    assert not below.passed


@pytest.mark.parametrize("broken", [{"composition": 8.0}, {"composition": 11.0}, {"composition": 0.5}])
def test_a_malformed_score_is_not_judged(broken: dict[str, float]) -> None:
    values = {"relevance": 8.0, "coherence": 8.0, "mood_match": 8.0, **broken}
    if broken["composition"] == 8.0:
        del values["mood_match"]
    with pytest.raises(gate.MalformedScore):
        gate.judge(dimensions=rubric(**values), bar=Decimal(7), with_brand=False)


@given(scores, scores, scores, scores, scores)
def test_with_a_brand_the_fifth_dimension_counts(a: float, b: float, c: float, d: float, e: float) -> None:
    dimensions = rubric(composition=a, relevance=b, coherence=c, mood_match=d, brand_fit=e)
    judgement = gate.judge(dimensions=dimensions, bar=Decimal(7), with_brand=True)
    exact = sum(Decimal(str(value)) for value in (a, b, c, d, e)) / 5
    assert abs(judgement.average - exact) <= Decimal("0.005" if judgement.passed else "0.0099")
    assert judgement.passed == (judgement.average >= 7)
    assert dimensions[judgement.weakest].score == min(a, b, c, d, e)


def test_a_score_that_misses_the_bar_never_reads_as_the_bar() -> None:
    assert gate.show_average(Decimal("6.96"), passed=False) == "6.9"
    assert gate.show_average(Decimal("6.96"), passed=True) == "7.0"
    assert gate.show_average(Decimal("7.25"), passed=None) == "7.3"


def test_three_strikes_then_a_person() -> None:
    assert retries.after_score(passed=True, attempt=1, max_attempts=3) is NextStep.DONE
    assert retries.after_score(passed=False, attempt=1, max_attempts=3) is NextStep.DIRECT
    assert retries.after_score(passed=False, attempt=3, max_attempts=3) is NextStep.ESCALATE


def test_refusals_soften_twice_then_another_model_once_then_a_person() -> None:
    steps = []
    softenings = other_models = 0
    while (step := retries.after_refusal(SafetyHistory(softenings, other_models))) is not NextStep.ESCALATE:
        steps.append(step)
        softenings += step is NextStep.SOFTEN
        other_models += step is NextStep.OTHER_MODEL
    assert steps == [NextStep.SOFTEN, NextStep.SOFTEN, NextStep.OTHER_MODEL]


def test_looks_wait_the_estimate_then_half_as_long_again_up_to_eight_seconds() -> None:
    waits = [retries.wait_before_poll(polls=looks, estimated_seconds=4.0) for looks in range(4)]
    assert waits == [4.0, 6.0, 8.0, 8.0]


@given(st.integers(0, 40), st.floats(0, 0.999))
def test_backoff_is_bounded_and_obeys_the_provider(tries: int, jitter: float) -> None:
    assert 1 <= retries.wait_before_try(tries=tries, retry_after=None, jitter=jitter) <= 60
    assert retries.wait_before_try(tries=tries, retry_after=30, jitter=jitter) >= 30


def test_every_state_can_end_and_no_end_is_left_but_failed() -> None:
    for state in GenerationState:
        reached, todo = {state}, [state]
        while todo:
            for following in TRANSITIONS[todo.pop()] - reached:
                reached.add(following)
                todo.append(following)
        assert reached & TERMINAL, state
    assert [state for state in TERMINAL if TRANSITIONS[state]] == [GenerationState.FAILED]
