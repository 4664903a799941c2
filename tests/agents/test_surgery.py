"""Combining gradients: against the papers' own words, and against torchjd."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robotasks.agents.parts.surgery import cagrad, cosines, pcgrad, weights


@st.composite
def gradients(draw, most=6):
    """Gradients (M, P) of M tasks, from much alike to opposed, of any length."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    count, size = draw(st.integers(2, most)), draw(st.integers(2, 12))
    alike = draw(st.floats(-1, 3))
    lengths = 10 ** rng.uniform(-1, 1, size=(count, 1))
    return lengths * (rng.normal(size=(count, size)) + alike * rng.normal(size=size))


def projected_one_by_one(given, orders):
    """Algorithm 1 of the paper, on the vectors themselves."""
    found = []
    for i, order in enumerate(orders):
        own = given[i].copy()
        for j in order:
            if j != i and own @ given[j] < 0:
                own -= own @ given[j] / (given[j] @ given[j]) * given[j]
        found.append(own)
    return np.mean(found, axis=0)


@given(gradients(), st.integers(0, 2**31))
def test_pcgrad_is_the_papers_algorithm(given, seed):
    orders = np.random.default_rng(seed).permuted(
        np.tile(np.arange(len(given)), (len(given), 1)), axis=1
    )
    expected = projected_one_by_one(given, orders)
    found = pcgrad(given @ given.T, orders) @ given
    np.testing.assert_allclose(found, expected, atol=1e-7 * np.abs(given).max())


@given(gradients(most=2))
def test_pcgrad_is_torchjds(given):
    """For two tasks there is but one order."""
    from torchjd.aggregation import PCGrad

    found = weights("pcgrad", given @ given.T, torch.Generator()) @ given
    np.testing.assert_allclose(
        2 * found, PCGrad()(torch.from_numpy(given)).numpy(), atol=1e-9 * np.abs(given).max()
    )
    assert (given @ found >= -1e-9).all()  # it conflicts with neither


@given(gradients(), st.floats(0.1, 0.9))
def test_cagrad_helps_the_worst_off_more_than_any_direction_near_the_mean(given, c):
    mean, found = given.mean(axis=0), cagrad(given @ given.T, c) @ given
    radius = c * np.linalg.norm(mean)
    assert np.linalg.norm(found - mean) <= radius * (1 + 1e-6)
    tried = np.random.default_rng(0).normal(size=(2000, given.shape[1]))
    tried *= radius / np.linalg.norm(tried, axis=1, keepdims=True)
    best = ((mean + tried) @ given.T).min(axis=1).max()
    slack = 1e-3 * radius * np.linalg.norm(given, axis=1).max()
    assert (given @ found).min() >= max(best, (given @ mean).min()) - slack


@pytest.mark.parametrize("seed", range(10))
def test_cagrad_is_torchjds(seed):
    from torchjd.aggregation import CAGrad

    rng = np.random.default_rng(seed)
    given = rng.normal(size=(2 + seed % 5, 8)) + rng.normal()
    expected = CAGrad(c=0.4, norm_eps=1e-9)(torch.from_numpy(given)).numpy()
    found = cagrad(given @ given.T, 0.4) @ given
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.linalg.norm(given.mean(axis=0)))


@pytest.mark.parametrize("rule", ["mean", "pcgrad"])
def test_gradients_that_agree_are_averaged(rule):
    given = np.random.default_rng(0).uniform(0.1, 1, size=(4, 7))
    found = weights(rule, given @ given.T, torch.Generator())
    np.testing.assert_allclose(found, 0.25)


@pytest.mark.parametrize("rule", ["mean", "pcgrad", "cagrad"])
def test_tasks_without_a_gradient_break_nothing(rule):
    given = np.array([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.1]])
    for gram in (given @ given.T, np.zeros((3, 3))):
        assert np.isfinite(weights(rule, gram, torch.Generator())).all()


def test_cosines():
    given = np.array([[1.0, 0.0], [-3.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    found = cosines(given @ given.T)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found[0], [1, -1, half, 0])
    np.testing.assert_allclose(found[3], 0)
