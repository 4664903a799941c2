"""What a run reports: progress.csv, TensorBoard, and a value for the caller's progress bar."""

from __future__ import annotations

import csv
import importlib.util
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from robotasks.agents.parts.files import write_atomically
from robotasks.agents.parts.run import PROGRESS, RunError


@dataclass(frozen=True)
class Progress:
    """How training stands after an update."""

    steps: int  # env steps so far, all worlds together
    total: int  # env steps at the end
    wall_s: float  # seconds of training so far, over all resumes
    fps: float  # env steps per second of the last update, learning included
    success: float  # of recently finished episodes; NaN before the first has ended
    mean_return: float  # of the same episodes
    metrics: Mapping[str, float]  # the agent's own: losses, kl, learning_rate...

    def row(self) -> dict[str, float]:
        """One line of progress.csv."""
        return {
            "steps": self.steps,
            "wall_s": round(self.wall_s, 3),
            "fps": round(self.fps, 1),
            "train_success": self.success,
            "train_return": self.mean_return,
            **self.metrics,
        }


class Log:
    """Rows of numbers, kept as progress.csv and, where tensorboard is installed, for it too.

    folder: the run's. steps: rows beyond these are dropped (a killed run logged more than its
    last checkpoint holds, and will log it again).
    """

    def __init__(self, folder: Path, steps: int) -> None:
        self.path = folder / PROGRESS
        self.rows: list[dict] = []
        if self.path.exists():
            self.rows = [row for row in self._read() if int(row["steps"]) <= steps]
            self._write()
        self._board = None
        if importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=steps + 1)

    def add(self, row: Mapping[str, float]) -> None:
        """Write one row; `row["steps"]` is its place. NaN is left empty."""
        self.rows.append({key: "" if math.isnan(value) else value for key, value in row.items()})
        self._write()
        if self._board:
            for key, value in row.items():
                self._board.add_scalar(key, value, int(row["steps"]))
            self._board.flush()

    def close(self) -> None:
        """Let go of TensorBoard's file."""
        if self._board:
            self._board.close()

    def _read(self) -> list[dict[str, str]]:
        try:
            with self.path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            if all(row["steps"].isdigit() for row in rows):
                return rows
            raise ValueError("a row without its steps")
        except (ValueError, KeyError, AttributeError, csv.Error) as error:
            advice = "Delete it to go on without the earlier rows."
            raise RunError(self.path, f"it is damaged ({error!r})", advice) from error

    def _write(self) -> None:
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self.path, text.getvalue().encode())
