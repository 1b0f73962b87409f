"""Seeds are derived, never drawn twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.rules.seeds import HIGHEST_SEED, derive_seed

base_seeds = st.integers(min_value=1, max_value=HIGHEST_SEED)


def test_the_hero_keeps_the_base_seed() -> None:
    assert derive_seed(base_seed=4471, position=0) == 4471
    assert derive_seed(base_seed=4471, position=0, attempt=2) != 4471


@given(base_seeds, st.integers(0, 10_000), st.integers(1, 9), st.integers(0, 50))
def test_every_seed_is_legal_and_repeatable(base: int, position: int, attempt: int, variation: int) -> None:
    seed = derive_seed(base_seed=base, position=position, attempt=attempt, variation=variation)
    assert 1 <= seed < 2**31 - 1
    assert seed == derive_seed(base_seed=base, position=position, attempt=attempt, variation=variation)


def test_a_campaign_of_two_hundred_shots_has_no_seed_twice() -> None:
    seeds = [
        derive_seed(base_seed=77, position=position, attempt=attempt, variation=variation)
        for position in range(200)
        for attempt in (1, 2, 3)
        for variation in (0, 1)
    ]
    assert len(set(seeds)) == len(seeds)


def test_the_derivation_never_changes() -> None:
    # a stored campaign must be repeatable years later: these figures are a promise
    assert [derive_seed(base_seed=4471, position=position) for position in (1, 2)] == [1146537653, 725532667]
    assert derive_seed(base_seed=4471, position=0, attempt=2) == 1269827110


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_seed": 0, "position": 0},
        {"base_seed": 2**31 - 1, "position": 0},
        {"base_seed": 1, "position": -1},
        {"base_seed": 1, "position": 0, "attempt": 0},
        {"base_seed": 1, "position": 0, "variation": -1},
    ],
)
def test_what_is_out_of_range_is_said(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"between 1 and|count from"):
        derive_seed(**wrong)
