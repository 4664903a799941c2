"""Intervals and tests. The independent unit is the seed: one training run yields all its tasks.

So a number is first computed within each seed (a mean or `iqm` over tasks), and an interval then
says how it varies over seeds. Resampling tasks as if each had a seed of its own makes intervals far
too narrow: where seeds differ by more than their tasks do, 95 % of them cover 40 to 50 %.
Arrays have their seeds along the first axis. Randomness is an explicit generator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Z95 = 1.959963984540054


class Interval(NamedTuple):
    """An estimate with its interval; numbers, or arrays of one shape."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray


def wilson_interval(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """Return the Wilson score interval of a success rate (Wilson 1927), 95 % by default.

    Unlike the normal one it stays within [0, 1] and says something at 0 and 100 %. It is for one
    policy on many rows; for the method that trained it, see `t_interval`.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} successes of {trials} trials")
    rate = successes / trials
    middle = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials**2))
    half /= 1 + z * z / trials
    # At 0 and 100 % one end is the rate itself, but for rounding.
    return max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half))


def t_probability(t: float, freedom: int) -> float:
    """Return P(|T| <= t) of Student's t with a whole number of degrees of freedom, at least 1.

    The finite sums of Abramowitz & Stegun, 26.7.3 and 26.7.4.
    """
    if freedom < 1:
        raise ValueError(f"degrees of freedom must be at least 1, not {freedom}")
    angle = math.atan(t / math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for k in range(2 + odd, freedom + 1, 2):
        total += term
        term *= square * (k - 1) / k
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def t_quantile(level: float, freedom: int) -> float:
    """Return the t for which P(|T| <= t) is `level`: 2.776 for 0.95 and 4 degrees of freedom."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    low, high = 0.0, math.pi / 2  # angles: their tangents reach every t
    while low < (middle := (low + high) / 2) < high:
        inside = t_probability(math.tan(middle), freedom) < level
        low, high = (middle, high) if inside else (low, middle)
    return math.tan(low)


def t_interval(values: np.ndarray, level: float = 0.95) -> Interval:
    """Return the mean over seeds, (seeds, ...) -> (...), with Student's t interval."""
    values = _seeded(values)
    half = _standard_error(values) * t_quantile(level, len(values) - 1)
    mean = values.mean(axis=0)
    return Interval(mean, mean - half, mean + half)


def t_test(differences: np.ndarray) -> np.ndarray:
    """Return the two-sided p-values of a zero mean, (seeds, ...) -> (...): Student's paired test.

    Where all seeds differ by the very same amount p is 0, or 1 if that amount is 0.
    """
    differences = _seeded(differences)
    mean, error = np.abs(differences.mean(axis=0)), _standard_error(differences)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(mean > 0, mean / error, 0.0)
    freedom = len(differences) - 1
    return np.vectorize(lambda each: 1 - t_probability(each, freedom), otypes=[float])(t)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return p-values adjusted for their number, in the given order (Holm 1979)."""
    given = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(given)
    steps = given[order] * np.arange(len(given), 0, -1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def iqm(values: np.ndarray, axis: int | tuple[int, ...] | None = -1) -> np.ndarray:
    """Return the interquartile mean along `axis`: a whole quarter is cut off at either end.

    As in Agarwal et al. 2021, the cut is rounded down to whole values.
    """
    values = np.asarray(values, dtype=np.float64)
    axes = range(values.ndim) if axis is None else np.atleast_1d(axis) % values.ndim
    kept = [i for i in range(values.ndim) if i not in axes]
    flat = values.transpose(*kept, *axes).reshape(*(values.shape[i] for i in kept), -1)
    cut = flat.shape[-1] // 4
    return np.sort(flat, axis=-1)[..., cut : flat.shape[-1] - cut].mean(axis=-1)


def probability_of_improvement(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return P(ours > theirs), mean over tasks; scores (seeds, tasks), seeds may differ.

    The share of pairs of seeds in which ours is higher, ties counting half.
    """
    pairs = np.asarray(ours)[:, None] - np.asarray(theirs)[None]
    return ((pairs > 0) + 0.5 * (pairs == 0)).mean()


def cluster_bootstrap(
    statistic: Callable[..., np.ndarray],
    *samples: np.ndarray,
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 2000,
) -> Interval:
    """Return `statistic(*samples)` with a t interval of its bootstrap error, pointwise for curves.

    samples: arrays (seeds, ...), each resampled along its seeds alone, so that what one run yielded
    stays together. The error is the standard deviation of the draws, times sqrt(n / (n - 1)) for
    the n seeds, times Student's t (Hesterberg 2015). Of a mean over seeds this is `t_interval`.
    Percentiles of the draws would be too narrow: at 5 seeds 95 % intervals cover 83 %. With
    several samples the smallest decides on n, which makes the interval rather too wide (97 %).
    """
    samples = tuple(_seeded(sample) for sample in samples)
    found = [
        statistic(*(sample[rng.integers(len(sample), size=len(sample))] for sample in samples))
        for _ in range(draws)
    ]
    seeds = min(len(sample) for sample in samples)
    half = np.std(found, axis=0, ddof=1) * math.sqrt(seeds / (seeds - 1))
    half *= t_quantile(level, seeds - 1)
    estimate = statistic(*samples)
    return Interval(estimate, estimate - half, estimate + half)


def kaplan_meier_median(times: np.ndarray, censored: np.ndarray) -> float:
    """Return the median of right-censored times, both arrays flat; infinity if it lies beyond.

    The first time at which the Kaplan-Meier estimate of P(T > t) is at most one half. censored:
    bool; where True, the time is when watching ended. What ends at an event's time was at risk.
    """
    times, censored = np.ravel(times), np.ravel(censored)
    if times.shape != censored.shape or not len(times):
        raise ValueError(f"{len(times)} times, but {len(censored)} flags of censoring")
    surviving = 1.0
    for time in np.unique(times[~censored]):
        events = np.count_nonzero((times == time) & ~censored)
        surviving *= 1 - events / np.count_nonzero(times >= time)
        if surviving <= 0.5 + 1e-12:  # a product that is one half may be rounded up
            return float(time)
    return math.inf


def _seeded(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim < 1 or len(values) < 2:
        raise ValueError(f"an interval needs at least 2 seeds, got shape {values.shape}")
    return values


def _standard_error(values: np.ndarray) -> np.ndarray:
    return values.std(axis=0, ddof=1) / math.sqrt(len(values))
