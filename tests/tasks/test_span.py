import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotasks.tasks.span import Choice, Span

SPAN = Span(xy=((0.0, -1.0), (2.0, 1.0)), mass=(0.1, 0.5), shape=Choice(3))


@given(st.integers(0, 2**32))
def test_draws_lie_within_the_bounds(seed):
    rows = SPAN.draw(np.random.default_rng(seed), 20)
    view = SPAN.view(rows)
    assert ((view.xy >= [0, -1]) & (view.xy <= [2, 1])).all()
    assert set(np.unique(view.shape)) <= {0.0, 1.0, 2.0}
    assert (np.abs(SPAN.scaled(rows)) <= 1 + 1e-12).all()


def test_scaling_maps_the_bounds_to_one():
    assert SPAN.scaled(np.array([0, -1, 0.1, 0])).tolist() == pytest.approx([-1, -1, -1, -1])
    assert SPAN.scaled(np.array([2, 1, 0.5, 2])).tolist() == pytest.approx([1, 1, 1, 1])


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("mas", 0.2, "Did you mean mass"),
        ("mass", 0.7, r"mass=0.7 lies outside \[0.1\]..\[0.5\]"),
        ("mass", float("nan"), "outside"),
        ("xy", 0.5, "needs 2 numbers"),
        ("shape", 3, "outside"),
        ("shape", 0.5, "whole number"),
    ],
)
def test_bad_values_are_named(name, value, error):
    with pytest.raises((ValueError, KeyError), match=error):
        SPAN.check(name, value)


def test_low_must_not_exceed_high():
    with pytest.raises(ValueError, match="low <= high"):
        Span(mass=(0.5, 0.1))
