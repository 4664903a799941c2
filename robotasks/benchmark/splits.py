"""Splits: regions of a task's rows, so that no row of one split can ever be a row of another.

A row may leave the training region in four ways (`departures`). The training rows leave it in
none, the rows of each test split in exactly one; rows that leave it in two ways belong to no split.
So what one seed draws for a test no other seed draws for training.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

import numpy as np

from robotasks.layout import unknown
from robotasks.tasks import find_task
from robotasks.tasks.distribution import Distribution, split_row
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Task

SPLITS = ("train", "interp", "extrap", "dyn", "shape")
"""The training rows, and one kind of test rows for each way to leave their region."""

INSIDE = 0.8
"""Share of a range that training may use; the outer fifth, half of it at each end, is held out."""
CELLS = 5
"""Into how many cells each number of the leading field's inner range is cut. Odd, so that the
corners are for training and what is held out lies between."""
HELD_SHAPES = 3
"""One shape of so many is held out, and at least one: the last ones."""
_BLOCK = 256  # rows drawn at a time; part of what a seed means
_LACKS = {
    "interp": "it has no field that is a range",
    "extrap": "its goal has no field that is a range",
    "dyn": "its dynamics have no field that is a range",
    "shape": "its dynamics have no choice of shapes",
}


def departures(task: Task, rows: np.ndarray) -> Mapping[str, np.ndarray]:
    """Say in which ways rows, (..., columns), leave the training region: split -> (...) bool.

    interp: the leading field lies in an odd cell of a checkerboard over its inner range.
    extrap: the leading field, if it is the goal's, lies in the outer fifth.
    dyn: a number of the dynamics lies in the outer fifth of its range.
    shape: a choice in the dynamics has one of the held-out values.
    A way that the task does not have is missing. The leading field is the first of the goal that
    is a range, of the dynamics where the goal is choices alone.
    """
    goals, dynamics = split_row(task, np.asarray(rows))
    found = {}
    place, among = _first_range(task.goals, goals), _first_range(task.dynamics, dynamics)
    leading = among if place is None else place
    if leading is not None:
        found["interp"] = _odd_cell(leading)
    if place is not None:
        found["extrap"] = _outside(place)
    ranges = ~task.dynamics.whole & (task.dynamics.high > task.dynamics.low)
    if ranges.any():
        found["dyn"] = _outside(task.dynamics.scaled(dynamics)[..., ranges])
    choices = task.dynamics.whole & (task.dynamics.high > 1)
    if choices.any():
        counts = task.dynamics.high[choices]
        kept = counts - np.maximum(1, counts // HELD_SHAPES)
        found["shape"] = (dynamics[..., choices] >= kept).any(axis=-1)
    return found


def splits_of(task: Task) -> tuple[str, ...]:
    """Return the splits that a task has."""
    return tuple(_regions(task, np.zeros(task.goals.layout.size + task.dynamics.layout.size)))


def which_split(task: Task, rows: np.ndarray) -> np.ndarray:
    """Return the split that each row, (..., columns), belongs to, (...) str; "" for none."""
    names = np.full(np.shape(rows)[:-1], "", dtype="<U6")
    for split, region in _regions(task, rows).items():
        names[region] = split
    return names


def draw(tasks: Iterable[Task | str], split: str, count: int, seed: int) -> Distribution:
    """Draw `count` rows of one split for each task, evenly over the split's region.

    A table follows from (task, split, seed) alone, whatever the other tasks, and fewer rows are the
    first of more: growing training sets are nested.
    Raises ValueError if the split is unknown or a task does not have it, and says why.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    found = tuple(find_task(task) if isinstance(task, str) else task for task in tasks)
    return Distribution(found, tuple(_table(task, split, count, seed) for task in found))


def _table(task: Task, split: str, count: int, seed: int) -> np.ndarray:
    if split not in SPLITS:
        raise ValueError(unknown("split", split, SPLITS))
    rng = np.random.default_rng([seed, *(zlib.crc32(s.encode()) for s in (task.name, split))])
    kept: list[np.ndarray] = []
    while sum(map(len, kept)) < count:
        parts = [span.draw(rng, _BLOCK) for span in (task.goals, task.dynamics)]
        rows = np.concatenate(parts, axis=1)
        regions = _regions(task, rows)
        if split not in regions:
            raise ValueError(f"{task.name} has no split {split!r}: {_LACKS[split]}")
        kept.append(rows[regions[split]])
    return np.concatenate(kept)[:count]


def _regions(task: Task, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Say which rows, (..., columns), belong to each split that the task has, (...) bool each."""
    ways = departures(task, rows)
    count = sum(ways.values(), np.zeros(np.shape(rows)[:-1], dtype=int))
    alone = {split: way & (count == 1) for split, way in ways.items()}
    return {"train": count == 0, **alone}


def _first_range(span: Span, rows: np.ndarray) -> np.ndarray | None:
    """Return the first field that is a range, scaled to [-1, 1], (..., width); None if none is."""
    for name, bounds in span.fields.items():
        where = span.layout.columns(name)
        if not isinstance(bounds, Choice) and (span.high > span.low)[where].any():
            return span.scaled(rows)[..., where]
    return None


def _outside(scaled: np.ndarray) -> np.ndarray:
    """Whether any of some numbers in [-1, 1], (..., n), lies in the outer band, (...) bool."""
    return np.any(abs(scaled) > INSIDE, axis=-1)


def _odd_cell(scaled: np.ndarray) -> np.ndarray:
    """Whether numbers in [-1, 1], (..., n), lie in an odd cell of the inner box, (...) bool."""
    cells = np.floor((scaled / INSIDE + 1) / 2 * CELLS).clip(0, CELLS - 1)
    return np.logical_and(cells.sum(axis=-1) % 2 == 1, ~_outside(scaled))
