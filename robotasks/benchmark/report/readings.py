"""Numbers of cells as arrays, computed from their records; seeds along the first axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from robotasks.benchmark.records import Scores
from robotasks.benchmark.results import Finished

LEVELS = (0.5, 0.8)
"""Successes at which speeds are compared."""

Cells = Sequence[Finished]
"""One agent's on one suite, by seed."""
Agents = Mapping[str, Cells]


def seeds_of(cells: Cells) -> tuple[int, ...]:
    """Return the seeds."""
    return tuple(cell.result.seed for cell in cells)


def matrix(cells: Cells, split: str) -> np.ndarray:
    """Return success on a split, (seeds, tasks)."""
    return np.array([_by_task(cell.splits[split]) for cell in cells])


def successes(cells: Cells, split: str) -> np.ndarray:
    """Return the mean success over tasks, (seeds,)."""
    return matrix(cells, split).mean(axis=1)


def adaptation(cells: Cells, split: str) -> np.ndarray:
    """Return the adaptation curve, all tasks together, (seeds, episodes)."""
    return np.array([cell.splits[split].curve() for cell in cells])


def told_less(cells: Cells, rewards: str) -> np.ndarray:
    """Return the same on the first test with fewer rewards told, one of `TOLD`."""
    return np.array([cell.told[rewards].curve() for cell in cells])


def learning(cells: Cells) -> tuple[list[int], np.ndarray]:
    """Return steps of training (points,) and success after them, (seeds, tasks, points).

    Raises ValueError where seeds were evaluated after different steps.
    """
    steps = [*cells[0].curve]
    if any([*cell.curve] != steps for cell in cells):
        raise ValueError(
            f"the seeds of {cells[0].result.agent} on {cells[0].result.suite} were evaluated "
            "after different steps of training"
        )
    points = [[_by_task(scores) for scores in cell.curve.values()] for cell in cells]
    return steps, np.array(points).swapaxes(1, 2) if steps else np.empty((len(cells), 0, 0))


def course_curves(
    cells: Cells, names: Sequence[str] | None = None, at: Sequence[int] | None = None
) -> tuple[list[int], np.ndarray]:
    """Return the steps (points,) of courses and success after them, (seeds, courses, points).

    names: which courses, all if None; at: which points, those of the first course if None.
    Raises ValueError where they were evaluated after different steps.
    """
    curves = [[cell.courses[name] for name in names or cell.courses] for cell in cells]
    steps = [*(curves[0][0] if at is None else at)]
    for curve in (curve for of_seed in curves for curve in of_seed):
        if not {*steps} <= {*curve}:
            raise ValueError(
                f"courses of {cells[0].result.agent} on {cells[0].result.suite} were evaluated "
                "after different steps"
            )
    found = [[[curve[point].success for point in steps] for curve in curves_] for curves_ in curves]
    return steps, np.array(found)


def _by_task(scores: Scores) -> list[float]:
    return [part.success for part in scores.by_task().values()]
