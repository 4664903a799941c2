"""Showing how training goes, and reading what it left behind."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any


def follow(
    training: Callable[[Callable[[Any], None]], Any], folder: Path, steps: int, as_json: bool
) -> None:
    """Train, showing progress; Ctrl-C is passed on, with advice."""
    with progress_reporter(steps, as_json) as report:
        try:
            training(report)
        except KeyboardInterrupt:
            advice = "the same command with --resume goes on with it"
            print(f"\nstopped; {folder} keeps what was learned: {advice}", file=sys.stderr)
            raise


@contextmanager
def progress_reporter(steps: int, as_json: bool) -> Iterator[Callable[[Any], None]]:
    """Yield what shows progress: JSON lines, or a bar with the success rate."""
    if as_json:
        yield lambda progress: print(json.dumps(_finite(asdict(progress))), flush=True)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,}/{task.total:,} steps"),
        TextColumn("success [bold green]{task.fields[success]}[/]"),
        TextColumn("{task.fields[fps]:,.0f} steps/s"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns)
    line = bar.add_task("training", total=steps, success="", fps=0.0)

    def report(progress: Any) -> None:
        bar.start()  # with the first update, so that a refused run shows its error and no bar
        success = "   -" if math.isnan(progress.success) else f"{progress.success:>4.0%}"
        bar.update(
            line,
            completed=progress.steps,
            total=progress.total,
            success=success,
            fps=progress.fps,
        )

    try:
        yield report
    finally:
        if bar.live.is_started:  # stopping prints a line even where nothing was shown
            bar.stop()


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """NaN is no JSON: before the first episode has ended there is no success rate."""
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in values.items()
    }


def read_progress(path: Path) -> list[dict[str, float | None]]:
    """Read progress.csv; an empty cell is None."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {key: float(value) if value else None for key, value in row.items()}
            for row in csv.DictReader(file)
        ]
