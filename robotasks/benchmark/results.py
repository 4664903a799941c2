"""Results: what a cell of the benchmark leaves behind, read back from its folder.

A cell is an agent, trained and evaluated on a suite with one seed. Its folder holds `result.json`
(written last: who has it is finished), the records of every split, `SPLIT.jsonl.gz`, and those of
the evaluations during training, `curve/STEPS.jsonl.gz`. Where trials have several episodes, the
first test is played again with fewer rewards told, `SPLIT-sparse.jsonl.gz` and so on: see `TOLD`.
`curve/cpu_s.json` tells what had been spent at each of these. A cell of courses has nothing but
their learning curves instead, `courses/NAME/STEPS.jsonl.gz`. Every score follows from the records.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from robotasks.benchmark.provenance import Provenance, check_comparable
from robotasks.benchmark.records import Scores

CELL, RESULT, CURVE, ENDING = "cell.json", "result.json", "curve", ".jsonl.gz"
TAKEN, COSTS = "courses", "cpu_s.json"
TOLD: Mapping[str, Mapping[str, Any]] = {
    "sparse": {"reward": "sparse"},
    "masked": {"mask_last": True},
}
"""What else an entrant is told of its rewards: success alone, or nothing in the last episode of a
trial; as arguments of `evaluate`."""


@dataclass(frozen=True)
class Result:
    """What was measured, on what, and what it cost."""

    suite: str
    suite_version: int
    agent: str
    seed: int
    """Of training; the test rows and all starts are the same for every seed."""
    tier: str
    quotable: bool
    """False for what the smoke tier makes: it is not a result."""
    reveal: tuple[str, ...]
    """What the observations told."""
    breaches: tuple[str, ...]
    """Rules of the protocol that the agent broke, and what was seen; () if none."""
    command: str
    """What makes this result again, and those of the other seeds."""
    provenance: Mapping[str, Provenance]
    """For each split, what its rows are and the versions."""
    task_sets: Mapping[str, str]
    """For each split, the hash of all its rows."""
    horizon: int
    """Control steps of an episode."""
    train_steps: int
    """Control steps of training; 0 for what is not trained here."""
    play_steps: int
    """Control steps of all evaluations."""
    wall_s: float
    cpu_s: float
    """Of all threads. Both count what was spent before a kill, too, and done again after it."""

    @property
    def tested(self) -> str:
        """The first split with rows that training does not meet."""
        return next(split for split in self.provenance if split != "train")

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def parse(cls, text: str) -> Result:
        """Read what `text` wrote; ValueError if it is something else."""
        given: Any = json.loads(text)
        names = {field.name for field in fields(cls)}
        if not isinstance(given, dict) or given.keys() != names:
            raise ValueError(f"no result: an object with {', '.join(sorted(names))} is needed")
        provenance = {split: Provenance(**entry) for split, entry in given["provenance"].items()}
        lists = {name: tuple(given[name]) for name in ("reveal", "breaches")}
        return cls(**{**given, **lists, "provenance": provenance})


@dataclass(frozen=True)
class Finished:
    """A finished cell: its result, and scores computed from its records."""

    result: Result
    splits: Mapping[str, Scores]
    told: Mapping[str, Scores]
    """On the first test, with fewer rewards told: see `TOLD`; {} where trials have one episode."""
    curve: Mapping[int, Scores]
    """After how many steps of training -> scores."""
    cpu_s: Mapping[int, float]
    """After how many steps of training -> CPU-seconds spent, evaluations included."""
    courses: Mapping[str, Mapping[int, Scores]]
    """For each course, its learning curve; {} for a cell that played the splits instead."""

    @property
    def name(self) -> str:
        """Suite, agent and seed, as messages name it."""
        return f"{self.result.suite} {self.result.agent} seed {self.result.seed}"


def records_path(folder: Path, split: str, told: str = "") -> Path:
    """Return where a cell keeps the records of a split, played with all rewards told or fewer."""
    return folder / f"{split}{'-' * bool(told)}{told}{ENDING}"


def pack(scores: Scores) -> bytes:
    """Return records as compressed JSON lines, the same bytes for the same records."""
    return gzip.compress(scores.json_lines().encode(), mtime=0)


def unpack(path: Path) -> Scores:
    """Read a file that `pack` filled; ValueError that names it if it is damaged."""
    try:
        return Scores.from_json_lines(gzip.decompress(path.read_bytes()).decode().splitlines())
    except (ValueError, EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: {error}") from error


def read_cell(folder: Path) -> Finished:
    """Read a finished cell; ValueError that names the file which does not fit."""
    path = folder / RESULT
    try:
        result = Result.parse(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error
    courses = {path.name: _curve(path) for path in sorted((folder / TAKEN).glob("*"))}
    if courses:
        return Finished(result, {}, {}, {}, {}, courses)
    splits = {split: unpack(records_path(folder, split)) for split in result.provenance}
    for split, scores in splits.items():
        played, promised = {*scores.by_task()}, {*result.provenance[split].tables}
        if played != promised:
            raise ValueError(f"{folder}: {split} has records of {played}, not of {promised}")
    tested = result.tested
    adapts = splits[tested].episodes > 1
    told = {name: unpack(records_path(folder, tested, name)) for name in TOLD if adapts}
    costs = folder / CURVE / COSTS
    spent = json.loads(costs.read_text(encoding="utf-8")) if costs.exists() else {}
    cpu_s = {int(steps): seconds for steps, seconds in spent.items()}
    return Finished(result, splits, told, _curve(folder / CURVE), cpu_s, {})


def _curve(folder: Path) -> dict[int, Scores]:
    """Read a learning curve: after how many steps of training -> scores."""
    files = sorted(folder.glob(f"*{ENDING}"))
    return {int(file.name.removesuffix(ENDING)): unpack(file) for file in files}


def find_cells(folders: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Return the folders of all cells in or below some folders: finished, and unfinished ones.

    Raises ValueError if there is no finished one.
    """
    folders = [*folders]
    finished = sorted({path.parent for top in folders for path in top.rglob(RESULT)})
    begun = {path.parent for top in folders for path in top.rglob(CELL)}
    if not finished:
        names = ", ".join(map(str, folders))
        raise ValueError(f"{names}: no finished cell of `robotasks benchmark` in there")
    return finished, sorted(begun - {*finished})


def by_suite(cells: Iterable[Finished]) -> dict[str, list[Finished]]:
    """Group cells by suite, each group fit to stand in one table.

    Raises ValueError that names what does not fit together: a cell that occurs twice, tiers,
    versions, or rows. Those of `train` have to be the same for equal seeds only.
    """
    suites: dict[str, list[Finished]] = {}
    for cell in cells:
        suites.setdefault(cell.result.suite, []).append(cell)
    for group in suites.values():
        names = [cell.name for cell in group]
        for cell in group:
            if names.count(cell.name) > 1:
                raise ValueError(f"{cell.name} occurs twice: name the folder of one of them only")
        tiers = sorted({cell.result.tier for cell in group})
        if len(tiers) > 1:
            raise ValueError(f"{group[0].result.suite} has cells of tiers {' and '.join(tiers)}")
        _check_rows(group)
    return suites


def _check_rows(group: list[Finished]) -> None:
    """Raise ValueError unless all cells were measured on the same rows, with the same versions."""
    tables: dict[tuple[str, int], dict[str, Provenance]] = {}
    for cell in group:
        for split, provenance in cell.result.provenance.items():
            seed = cell.result.seed if split == "train" else 0
            tables.setdefault((split, seed), {})[f"{cell.name}, {split}"] = provenance
    for alike in tables.values():
        check_comparable(alike)
    splits = {tuple(cell.result.provenance) for cell in group}
    if len(splits) > 1:
        raise ValueError(f"{group[0].result.suite} has cells with different splits: {splits}")
