"""The benchmark's scores as formulas on arrays: multi-task gain, and what meta-learning is worth.

A learning curve is an array (..., points) of success at the `budgets` (points,) at which it was
evaluated: environment steps, gradient steps or CPU-seconds. Leading axes are seeds and tasks.
A success that is not reached within the budget is censored, never dropped: "more than B".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from robotasks.benchmark.statistics import Interval, kaplan_meier_median, t_interval

LEAST_GAP = 0.1
"""A split on which sight is worth less than this says nothing about adaptation."""
LEAST_SUCCESS = 0.2
"""Who adapts to less than this has not adapted."""


@dataclass(frozen=True)
class Bounded:
    """A number, or the bound of one that was censored; printed as "3.2", ">= 3.2" or "<= 3.2"."""

    value: float
    relation: Literal["=", ">=", "<="] = "="

    def __str__(self) -> str:
        number = f"{self.value:,.0f}" if abs(self.value) >= 100 else f"{self.value:.3g}"
        return number if self.relation == "=" else f"{self.relation} {number}"

    def over(self, other: Bounded) -> Bounded | None:
        """Return the ratio of two numbers that are not negative; None if it is left open."""
        if other.value == 0:
            return Bounded(math.inf) if self.value and other.relation == "=" else None
        if other.relation == "=":
            return Bounded(self.value / other.value, self.relation)
        turned: Literal[">=", "<="] = "<=" if other.relation == ">=" else ">="
        if self.relation not in ("=", turned):
            return None
        return Bounded(self.value / other.value, turned)

    def minus(self, other: Bounded) -> Bounded | None:
        """Return the difference; None if it is left open."""
        turned: Mapping[str, Literal["=", ">=", "<="]] = {"=": "=", ">=": "<=", "<=": ">="}
        relations = {self.relation, turned[other.relation]} - {"="}
        if len(relations) > 1:
            return None
        bound = self.relation if self.relation != "=" else turned[other.relation]
        return Bounded(self.value - other.value, bound)


# Multi-task learning: one run on M tasks with a budget of M B beside M runs with B each.


def success_at(success: np.ndarray, budgets: np.ndarray, budget: float) -> np.ndarray:
    """Return the success last evaluated within a budget, (..., points) -> (...).

    With budgets in CPU-seconds this compares at equal compute. ValueError if there was none.
    """
    within = np.flatnonzero(_checked(success, budgets) <= budget)
    if not len(within):
        raise ValueError(f"nothing was evaluated within {budget:,}: the first is {budgets[0]:,}")
    return np.asarray(success)[..., within[-1]]


@dataclass(frozen=True)
class Gain:
    """What multi-task learning gives over independent learning."""

    per_task: Interval
    """D_i = S_multi(i, B) - S_single(i, B), (tasks,) each, over seeds."""
    overall: Interval
    """Mean of D_i over tasks, within each seed; then over seeds."""
    negative: float
    """Share of tasks with negative transfer: the whole interval of D_i lies below 0."""


def gain(multi: np.ndarray, single: np.ndarray, level: float = 0.95) -> Gain:
    """Return the gain at one budget from successes (seeds, tasks), paired by seed."""
    difference = np.subtract(*_paired(multi, single))
    per_task = t_interval(difference, level)
    overall = t_interval(difference.mean(axis=1), level)
    return Gain(per_task, overall, float((per_task.high < 0).mean()))


def area(success: np.ndarray, budgets: np.ndarray) -> np.ndarray:
    """Return the mean height of a learning curve, (..., points) -> (...), by the trapezoid rule.

    The area under it from the first to the last budget, over their difference.
    """
    budgets = _checked(success, budgets)
    middle = (np.asarray(success)[..., 1:] + np.asarray(success)[..., :-1]) / 2
    return (middle * np.diff(budgets)).sum(axis=-1) / (budgets[-1] - budgets[0])


def area_ratio(multi: np.ndarray, single: np.ndarray, budgets: np.ndarray) -> np.ndarray:
    """Return area(multi) / area(single), (..., points) -> (...); NaN where single never succeeds.

    Average the curves over tasks first: the ratio of two small areas is noise.
    """
    return _over(area(multi, budgets), area(single, budgets))


def steps_to(
    level: float, success: np.ndarray, budgets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first budget at which success is at least `level`, and whether it is censored.

    (..., points) -> (...) twice. Where the level is never reached the time is the last budget.
    """
    budgets = _checked(success, budgets)
    reached = np.asarray(success) >= level
    censored = np.asarray(~reached.any(axis=-1))
    return np.where(censored, budgets[-1], budgets[reached.argmax(axis=-1)]), censored


def median_steps(level: float, success: np.ndarray, budgets: np.ndarray) -> Bounded:
    """Return the Kaplan-Meier median of the steps to a level over all leading axes.

    Those that never get there count as censored; where they are too many, so is the median.
    """
    times, censored = steps_to(level, success, budgets)
    median = kaplan_meier_median(times, censored)
    return Bounded(float(budgets[-1]), ">=") if math.isinf(median) else Bounded(median)


def speed_up(
    level: float, multi: np.ndarray, single: np.ndarray, budgets: np.ndarray
) -> Bounded | None:
    """Return steps_single(level) / steps_multi(level) for curves (..., points), medians over both.

    Of one task, pass its seeds; of a suite, seeds and tasks. None if neither median is reached.
    budgets: steps per task.
    """
    ours = median_steps(level, multi, budgets)
    return median_steps(level, single, budgets).over(ours)


def transfer_matrix(tuned: np.ndarray, scratch: np.ndarray, budgets: np.ndarray) -> np.ndarray:
    """Return T[i, j] = area(j, pre-trained on i and fine-tuned) / area(j, from scratch) - 1.

    tuned (..., sources, targets, points), scratch (..., targets, points) -> (..., sources,
    targets); NaN where learning from scratch never succeeds.
    """
    return _over(area(tuned, budgets), area(scratch, budgets)[..., None, :]) - 1


# Meta-learning: held-out tasks, K episodes of adaptation, success A(k) after k of them.


def gap_closed(curve: np.ndarray, blind: np.ndarray, oracle: np.ndarray) -> np.ndarray:
    """Return g(k) = (A(k) - blind) / (oracle - blind): 0 is goal-blind, 1 is goal-sighted.

    curve (..., episodes), blind and oracle (...) -> (..., episodes). NaN, "undefined", where the
    gap is below `LEAST_GAP`.
    """
    floor, gap = np.asarray(blind)[..., None], np.subtract(oracle, blind)[..., None]
    return np.where(gap < LEAST_GAP, np.nan, (curve - floor) / np.where(gap < LEAST_GAP, 1, gap))


def regret(curve: np.ndarray, oracle: np.ndarray) -> np.ndarray:
    """Return the successes lost to the oracle up to each episode, (..., episodes) -> the same."""
    return np.cumsum(np.asarray(oracle)[..., None] - curve, axis=-1)


@dataclass(frozen=True)
class Adaptation:
    """What a trial gets a learner, beside learning from scratch; None where it got nowhere."""

    success: float
    """p* = A(K), after K episodes."""
    speed_up: Bounded | None
    """n_scratch(p*) / (K H): how many times fewer steps than from scratch, H steps an episode."""
    break_even: Bounded | None
    """C_meta / (n_scratch(p*) - K H): new tasks until meta-training has paid; None if never."""

    def __str__(self) -> str:
        if self.speed_up is None:
            return "no adaptation"
        pays = "never" if self.break_even is None else f"after {self.break_even} tasks"
        return f"{self.success:.3g} at {self.speed_up} times the speed, pays {pays}"


def adaptation(
    curve: np.ndarray,
    scratch: np.ndarray,
    budgets: np.ndarray,
    *,
    horizon: int,
    meta_steps: float,
) -> Adaptation:
    """Return speed-up and break-even at equal success, on one task or a split's mean.

    curve: A(k), (K + 1,), the success of episode k of the trials, every episode counted. scratch:
    success of learning from scratch, (..., points), at `budgets` steps (points,); seeds and tasks
    lead, and the median of their steps counts. meta_steps: all steps of meta-training.
    Below `LEAST_SUCCESS` there is no adaptation to compare. ValueError if the scratch curves end
    before the trial does: they would prove nothing.
    """
    reached, spent = float(curve[-1]), (len(curve) - 1) * horizon
    if spent < 1:
        raise ValueError("a curve of one episode is no adaptation: play at least two")
    if budgets[-1] <= spent:
        raise ValueError(
            f"the scratch curve ends at {budgets[-1]:,} steps, but a trial adapts for {spent:,}"
        )
    if reached < LEAST_SUCCESS:
        return Adaptation(reached, None, None)
    alone = median_steps(reached, scratch, budgets)
    saved = alone.minus(Bounded(spent))
    pays = Bounded(meta_steps).over(saved) if saved and saved.value > 0 else None
    return Adaptation(reached, alone.over(Bounded(spent)), pays)


def crossing(counts: np.ndarray, meta: np.ndarray, pooled: np.ndarray) -> Bounded:
    """Return the fewest training tasks with which meta-learning beats the pooled policy.

    The memorisation curve: counts (n,) of training tasks, rising; meta: A(K) on held-out tasks and
    pooled: zero-shot success of the goal-blind policy, (n,) each. ">= the last count" if never.
    """
    better = np.flatnonzero(np.asarray(meta) > np.asarray(pooled))
    return Bounded(float(counts[better[0]])) if len(better) else Bounded(float(counts[-1]), ">=")


def _checked(success: np.ndarray, budgets: np.ndarray) -> np.ndarray:
    budgets = np.asarray(budgets, dtype=np.float64)
    if budgets.ndim != 1 or np.shape(success)[-1:] != budgets.shape or len(budgets) < 2:
        raise ValueError(
            f"curves of shape {np.shape(success)} need as many budgets, at least 2, "
            f"not shape {budgets.shape}"
        )
    if not (np.diff(budgets) > 0).all():
        raise ValueError(f"budgets must rise: {budgets.tolist()}")
    return budgets


def _paired(multi: np.ndarray, single: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if np.shape(multi) != np.shape(single) or np.ndim(multi) != 2:
        raise ValueError(
            f"both need shape (seeds, tasks), with the same seeds and tasks: "
            f"{np.shape(multi)} and {np.shape(single)}"
        )
    return np.asarray(multi), np.asarray(single)


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)
