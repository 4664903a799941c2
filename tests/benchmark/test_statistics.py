import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotasks.benchmark.statistics import wilson_interval


def test_published_values():
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@given(st.integers(1, 500), st.data())
def test_the_rate_lies_inside(trials, data):
    wins = data.draw(st.integers(0, trials))
    low, high = wilson_interval(wins, trials)
    assert 0 <= low <= wins / trials <= high <= 1


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="5 successes of 4 trials"):
        wilson_interval(5, 4)
