import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotasks.benchmark.statistics import (
    cluster_bootstrap,
    holm,
    iqm,
    kaplan_meier_median,
    probability_of_improvement,
    t_interval,
    t_probability,
    t_quantile,
    t_test,
    wilson_interval,
)

# Student 1908: hours of sleep gained with two drugs, ten patients.
SLEEP = np.array(
    [
        [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
        [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
    ]
)


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


@pytest.mark.parametrize(
    ("freedom", "at_95", "at_99"),
    [
        (1, 12.706, 63.657),
        (2, 4.303, 9.925),
        (3, 3.182, 5.841),
        (4, 2.776, 4.604),
        (9, 2.262, 3.250),
        (30, 2.042, 2.750),
        (120, 1.980, 2.617),
    ],
)
def test_the_t_quantiles_are_those_of_the_tables(freedom, at_95, at_99):
    assert t_quantile(0.95, freedom) == pytest.approx(at_95, abs=5e-4)
    assert t_quantile(0.99, freedom) == pytest.approx(at_99, abs=5e-4)


@given(st.floats(0.01, 0.999), st.integers(1, 200))
def test_quantile_and_probability_are_inverse(level, freedom):
    assert t_probability(t_quantile(level, freedom), freedom) == pytest.approx(level, abs=1e-12)


def test_students_own_example():
    difference = SLEEP[1] - SLEEP[0]
    mean, low, high = t_interval(difference)
    assert (mean, low, high) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=5e-8)
    assert t_test(difference) == pytest.approx(0.002833, abs=5e-7)
    assert t_test(-difference) == t_test(difference)


def test_seeds_that_do_not_vary_are_certain():
    assert t_test(np.array([[0.5, 0.0], [0.5, 0.0]])) == pytest.approx([0, 1])
    assert np.ravel(t_interval(np.array([0.5, 0.5]))) == pytest.approx([0.5] * 3)


def test_holm_as_pingouin_documents_it():
    adjusted = holm([0.50, 0.003, 0.32, 0.054, 0.0003])
    assert adjusted == pytest.approx([0.64, 0.012, 0.64, 0.162, 0.0015])


def test_iqm_and_improvement_as_rliable_tests_them():
    x, y = np.array([[1, 2], [2, 2], [1, 1], [2, 1]]), np.array([[1, 1], [2, 2], [3, 3]])
    assert iqm(x, axis=None) == 1.5
    assert iqm(y, axis=None) == 2
    assert probability_of_improvement(x, y) == pytest.approx(1 / 3)


def test_iqm_cuts_a_quarter_at_either_end_along_the_axes_asked_for():
    values = np.array([[9, 1, 2, 3, -99], [5, 5, 5, 5, 5]])
    assert np.array_equal(iqm(values), [2, 5])  # one of five is cut at either end
    assert iqm(values.T, axis=0) == pytest.approx(iqm(values))
    assert iqm(values, axis=(0, 1)) == iqm(np.ravel(values))


def test_the_published_medians_of_remission():
    # Freireich et al. 1963, weeks until relapse of leukaemia; "+" is still in remission.
    treated = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
    times = np.array([float(time.rstrip("+")) for time in treated.split()])
    censored = np.array([time.endswith("+") for time in treated.split()])
    assert kaplan_meier_median(times, censored) == 23
    placebo = np.array([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23])
    assert kaplan_meier_median(placebo, np.zeros(21, dtype=bool)) == 8
    assert kaplan_meier_median(times[censored], censored[censored]) == math.inf


def runs(seeds, replications, rng):
    """Scores (seeds, replications, 10 tasks) of mean 0: what a seed shifts, it shifts in all."""
    shift = rng.normal(0, 0.08, (seeds, replications, 1))
    return shift + rng.normal(0, 0.05, (seeds, replications, 10))


def coverage(interval):
    return np.mean((interval.low <= 0) & (interval.high >= 0))


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("aggregate", [lambda x: x.mean(axis=-1), iqm], ids=["mean", "iqm"])
def test_intervals_cover_what_they_claim(seeds, aggregate):
    rng = np.random.default_rng(0)
    scores = aggregate(runs(seeds, 4000, rng))
    assert 0.92 <= coverage(t_interval(scores)) <= 0.97
    bootstrapped = cluster_bootstrap(lambda x: x.mean(axis=0), scores, rng=rng, draws=1000)
    assert 0.92 <= coverage(bootstrapped) <= 0.97


@pytest.mark.parametrize("seeds", [5, 10])
def test_the_bootstrap_covers_where_no_formula_is_at_hand(seeds):
    rng = np.random.default_rng(0)
    scores = runs(seeds, 500, rng)
    overall = cluster_bootstrap(lambda x: iqm(x, axis=(0, 2)), scores, rng=rng, draws=500)
    assert 0.92 <= coverage(overall) <= 0.97
    ours, theirs = 0.7 + runs(seeds, 2000, rng).mean(-1), 0.5 + runs(seeds, 2000, rng).mean(-1)
    ratio = cluster_bootstrap(
        lambda a, b: a.mean(axis=0) / b.mean(axis=0), ours, theirs, rng=rng, draws=1000
    )
    assert 0.93 <= np.mean((ratio.low <= 1.4) & (ratio.high >= 1.4)) <= 0.99


def test_tasks_resampled_as_if_independent_would_not_cover():
    # The mistake that per-seed aggregates avoid: n seeds x 10 tasks taken for 10 n runs.
    scores = runs(5, 2000, np.random.default_rng(0)).swapaxes(1, 2).reshape(50, 2000)
    assert coverage(t_interval(scores)) < 0.6


def test_what_one_run_yielded_stays_together():
    shift = np.linspace(-1, 1, 6)
    tasks = np.stack([shift, -shift], axis=1)  # each seed's mean is 0
    estimate, low, high = cluster_bootstrap(np.mean, tasks, rng=np.random.default_rng(0), draws=99)
    assert (estimate, low, high) == pytest.approx((0, 0, 0))


def test_two_samples_are_resampled_apart_and_the_generator_decides():
    ours, theirs = np.random.default_rng(1).normal(size=(2, 8))

    def interval(seed):
        rng = np.random.default_rng(seed)
        return cluster_bootstrap(lambda a, b: a.mean() - b.mean(), ours, theirs, rng=rng, draws=999)

    assert interval(3) == interval(3) != interval(4)
    assert interval(3).low < interval(3).estimate == ours.mean() - theirs.mean() < interval(3).high


def test_too_few_seeds_are_refused():
    with pytest.raises(ValueError, match="at least 2 seeds"):
        t_interval(np.array([0.5]))
    with pytest.raises(ValueError, match="at least 2 seeds"):
        cluster_bootstrap(np.mean, np.zeros((1, 3)), rng=np.random.default_rng(0))
