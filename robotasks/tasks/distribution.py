"""Distributions over tasks: one table of rows per task, plain numbers, no simulation."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robotasks.layout import View, unknown
from robotasks.tasks import find_task
from robotasks.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Distribution:
    """Tables of rows, one per task; a row is the goal's columns, then the dynamics' columns.

    tasks: the tasks. rows: for each task a float64 array (count, columns).
    """

    tasks: tuple[Task, ...]
    rows: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        """Check that every table fits its task."""
        if not self.tasks or len(self.tasks) != len(self.rows):
            raise ValueError("a distribution needs at least one task and one table per task")
        names = [task.name for task in self.tasks]
        if len(set(names)) != len(names):
            raise ValueError(f"a task may occur once: {', '.join(names)}")
        for task, table in zip(self.tasks, self.rows, strict=True):
            columns = task.goals.layout.size + task.dynamics.layout.size
            if table.ndim != 2 or table.shape[1] != columns or not len(table):
                raise ValueError(
                    f"{task.name} needs a table of at least one row of {columns} numbers "
                    f"({', '.join(task.goals.layout.names + task.dynamics.layout.names)}), "
                    f"got shape {table.shape}"
                )
            table.flags.writeable = False

    @classmethod
    def draw(cls, tasks: Iterable[Task | str], count: int, seed: int) -> Distribution:
        """Draw `count` rows per task over its whole range; each task has its own stream."""
        if count < 1:
            raise ValueError(f"count must be at least 1, not {count}")
        found = tuple(find_task(task) if isinstance(task, str) else task for task in tasks)
        tables = []
        for task in found:
            rng = np.random.default_rng([seed, zlib.crc32(task.name.encode())])
            goals, dynamics = task.goals.draw(rng, count), task.dynamics.draw(rng, count)
            tables.append(np.concatenate([goals, dynamics], axis=1))
        return cls(found, tuple(tables))

    def split(self, fraction: float) -> tuple[Distribution, Distribution]:
        """Cut every table in two: the first `fraction` of its rows, and the rest."""
        if not 0 < fraction < 1:
            raise ValueError(f"fraction must lie between 0 and 1, not {fraction}")
        cuts = [round(len(table) * fraction) for table in self.rows]
        return (
            Distribution(self.tasks, tuple(t[:c] for t, c in zip(self.rows, cuts, strict=True))),
            Distribution(self.tasks, tuple(t[c:] for t, c in zip(self.rows, cuts, strict=True))),
        )

    def where(self, keep: Callable[[View, View], np.ndarray]) -> Distribution:
        """Keep the rows for which `keep(goal, dynamics)`, (count,) bool, holds."""
        tables = []
        for task, table in zip(self.tasks, self.rows, strict=True):
            goals, dynamics = split_row(task, table)
            tables.append(table[keep(task.goals.view(goals), task.dynamics.view(dynamics))])
        return Distribution(self.tasks, tuple(tables))

    def only(self, name: str) -> Distribution:
        """Keep the table of one task; KeyError if it is not there."""
        names = [task.name for task in self.tasks]
        if name not in names:
            raise KeyError(unknown("task", name, names))
        number = names.index(name)
        return Distribution((self.tasks[number],), (self.rows[number],))

    @property
    def hash(self) -> str:
        """Name of this very set: tasks, versions and every number."""
        digest = hashlib.sha256()
        for task, table in zip(self.tasks, self.rows, strict=True):
            digest.update(f"{task.id}{table.shape}".encode())
            digest.update(np.ascontiguousarray(table, dtype="<f8").tobytes())
        return digest.hexdigest()[:16]

    def save(self, path: str | Path) -> None:
        """Write the tables as readable JSON, exact to the bit; moved into place when whole."""
        path = Path(path)
        content = {
            task.id: {
                "columns": [*task.goals.layout.names, *task.dynamics.layout.names],
                "rows": table.tolist(),
            }
            for task, table in zip(self.tasks, self.rows, strict=True)
        }
        partial = path.with_name(path.name + ".partial")
        partial.write_text(json.dumps({"hash": self.hash, "tasks": content}, indent=1))
        partial.replace(path)

    @classmethod
    def load(cls, path: str | Path) -> Distribution:
        """Read tables written by `save`; an edited file or another task version is refused."""
        content = json.loads(Path(path).read_text())
        tasks, tables = [], []
        for id_, entry in content["tasks"].items():
            name, version = id_.rsplit("-v", 1)
            task = find_task(name)
            if task.version != int(version):
                raise ValueError(
                    f"{path} holds rows of {id_}, but this package has {task.id}; "
                    "draw the set again or install the version that made it"
                )
            tasks.append(task)
            tables.append(np.array(entry["rows"], dtype=np.float64))
        made = cls(tuple(tasks), tuple(tables))
        if made.hash != content["hash"]:
            raise ValueError(f"{path} was changed after it was written: its hash differs")
        return made

    def __len__(self) -> int:
        return sum(len(table) for table in self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Distribution) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        parts: Sequence[str] = [
            f"{task.name} x {len(table)}" for task, table in zip(self.tasks, self.rows, strict=True)
        ]
        return f"Distribution({', '.join(parts)}; {self.hash})"


def split_row(task: Task, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut rows, (..., columns), into goals and dynamics."""
    cut = task.goals.layout.size
    return rows[..., :cut], rows[..., cut:]
