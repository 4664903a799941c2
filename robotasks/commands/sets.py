"""Print the rows of a suite, or save them as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from robotasks.benchmark.suites import find_suite
from robotasks.commands.output import show
from robotasks.tasks.task import Task


@dataclass(frozen=True)
class Options:
    """Options of `sets`."""

    suite: Annotated[str, tyro.conf.Positional]
    """Name of a suite (robotasks list --suites), or MT1:<task> for one task."""
    split: str = "train"
    """train, interp, extrap, dyn or shape."""
    seed: int = 0
    """Seed of the rows."""
    rows: int | None = None
    """Rows per task; 256 for training and 64 for a test if not given."""
    out: Path | None = None
    """Write the rows to this file, for `Distribution.load`, and print its tables' names only."""
    json: bool = False
    """Print one JSON object per line."""


def run(options: Options) -> None:
    """Print a table per task, or save the set."""
    rows = find_suite(options.suite).rows(options.split, options.seed, options.rows)
    if options.out:
        rows.save(options.out)
        sizes = zip(rows.tasks, rows.rows, strict=True)
        saved = [{"task": task.id, "rows": len(table)} for task, table in sizes]
        show(saved, options.json, f"{options.out}: {rows.hash}")
        return
    for task, table in zip(rows.tasks, rows.rows, strict=True):
        show([*_lines(task, table)], options.json, f"{task.id}, {options.split} {options.seed}")
    if not options.json:
        print(f"hash: {rows.hash}")


def _lines(task: Task, table: np.ndarray) -> Iterator[dict[str, Any]]:
    """Yield each row by column: a field of several numbers has one column for each."""
    widths = task.goals.layout.widths | task.dynamics.layout.widths
    names = [n if w == 1 else f"{n}.{i}" for n, w in widths.items() for i in range(w)]
    for number, row in enumerate(table.tolist()):
        yield {"task": task.name, "row": number, **dict(zip(names, row, strict=True))}
