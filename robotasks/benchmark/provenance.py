"""What a result was measured on, and the check that refuses to compare what is not alike."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import mujoco

from robotasks import UNKNOWN, __version__
from robotasks.tasks.distribution import Distribution


@dataclass(frozen=True)
class Provenance:
    """What every result file carries; `dataclasses.asdict` and `Provenance(**entry)` are its JSON.

    Rows follow from (task, split, seed) alone, so the tables tell a task's results apart or alike
    whatever suite they come from.
    """

    tables: Mapping[str, str]
    """For each task, name and version -> hash of its rows."""
    robotasks: str
    """Version of the package."""
    mujoco: str
    """Version of MuJoCo."""

    @classmethod
    def of(cls, rows: Distribution) -> Provenance:
        """Return what a result on these rows, measured here and now, has to carry."""
        tables = {
            task.id: Distribution((task,), (table,)).hash
            for task, table in zip(rows.tasks, rows.rows, strict=True)
        }
        return cls(tables, __version__, mujoco.__version__)

    def only(self, task: str) -> Provenance:
        """Return what the results of one task, named by its id, carry; KeyError if it has none."""
        return Provenance({task: self.tables[task]}, self.robotasks, self.mujoco)


def check_comparable(results: Mapping[str, Provenance]) -> None:
    """Raise ValueError unless all results, by name, may stand in one table or plot.

    They may if tasks, task versions, rows, package and MuJoCo are the same.
    """
    for (name, first), (other, second) in itertools.pairwise(results.items()):
        differences = [*_differences(first, second)]
        if differences:
            raise ValueError(
                f"{name} and {other} cannot be compared: {'; '.join(differences)}. "
                "Measure one of them again."
            )


def _differences(a: Provenance, b: Provenance) -> Iterator[str]:
    for name in sorted(a.tables.keys() | b.tables.keys()):
        mine, theirs = a.tables.get(name), b.tables.get(name)
        if mine is None or theirs is None:
            yield f"only one has {name}"
        elif mine != theirs:
            yield f"rows of {name} {mine} and {theirs}"
    for package in ("robotasks", "mujoco"):
        versions = getattr(a, package), getattr(b, package)
        if UNKNOWN in versions:
            yield f"a version of {package} is unknown, since it is not installed"
        elif versions[0] != versions[1]:
            yield f"{package} {versions[0]} and {versions[1]}"
