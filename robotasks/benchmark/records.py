"""Records: one line an episode. Every score is computed from them, and can be computed again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from robotasks.benchmark.statistics import wilson_interval


@dataclass(frozen=True)
class Record:
    """One episode of one row."""

    task: str
    row: int
    episode: int
    """Its number within the trial, from 0: how many the entrant had seen before it."""
    success: bool
    """Held at the last step."""
    first_success: int
    """Control step at which success first held; -1 if never."""
    episode_return: float
    """Sum of the dense rewards over the episode, whatever the entrant was told of them.

    Of the sparse ones in a goal-conditioned environment, which pays no others.
    """
    diverged: bool
    """The simulation was lost; that counts as a failure, with the rewards until then."""


@dataclass(frozen=True)
class Scores:
    """What an evaluation found; every number follows from the records.

    Raises ValueError unless the records are a whole grid: every row of a task once in each episode.
    """

    records: tuple[Record, ...]

    def __post_init__(self) -> None:
        """Check the grid: an episode counted twice or left out would bend every score."""
        if not self.records:
            raise ValueError("there are no records")
        rows: dict[tuple[str, int], list[int]] = {}
        for record in self.records:
            rows.setdefault((record.task, record.row), []).append(record.episode)
        for (task, row), played in rows.items():
            if sorted(played) != list(range(self.episodes)):
                raise ValueError(
                    f"row {row} of {task} has episodes {sorted(played)} where each of "
                    f"{list(range(self.episodes))} is needed once"
                )

    @property
    def episodes(self) -> int:
        """Episodes of a trial."""
        return 1 + max(record.episode for record in self.records)

    @property
    def success(self) -> float:
        """Share of episodes that ended in held success."""
        return float(np.mean([record.success for record in self.records]))

    @property
    def success_ever(self) -> float:
        """Share of episodes in which success held at some time."""
        return float(np.mean([record.first_success >= 0 for record in self.records]))

    @property
    def mean_return(self) -> float:
        """Mean sum of rewards."""
        return float(np.mean([record.episode_return for record in self.records]))

    def by_task(self) -> dict[str, Scores]:
        """Return the scores of each task by its id."""
        parts: dict[str, list[Record]] = {}
        for record in self.records:
            parts.setdefault(record.task, []).append(record)
        return {task: Scores(tuple(records)) for task, records in parts.items()}

    def curve(self) -> np.ndarray:
        """Return the adaptation curve: success of each episode of the trials, (episodes,).

        Its entry k is the success after k episodes on the row, those of exploration counted.
        """
        won = np.zeros(self.episodes)
        for record in self.records:
            won[record.episode] += record.success
        return won * self.episodes / len(self.records)

    def by_episode(self) -> dict[str, float]:
        """Return the adaptation curve by name; nothing where a trial is one episode."""
        curve = self.curve().tolist() if self.episodes > 1 else []
        return {f"success.episode{k}": share for k, share in enumerate(curve)}

    def json_lines(self) -> str:
        """Return one JSON object per episode and line."""
        return "".join(json.dumps(asdict(record)) + "\n" for record in self.records)

    @classmethod
    def from_json_lines(cls, lines: Iterable[str]) -> Scores:
        """Read what `json_lines` wrote; the scores are the same to the last digit.

        Raises ValueError that names the line which is no record.
        """
        return cls(tuple(_parse(i, line) for i, line in enumerate(lines, 1)))

    def summary(self) -> dict[str, Any]:
        """Return the numbers a report prints, with the 95 % interval of the success rate."""
        wins = sum(record.success for record in self.records)
        return {
            "success": self.success,
            "success_ever": self.success_ever,
            "interval": list(wilson_interval(wins, len(self.records))),
            "mean_return": self.mean_return,
        }


_KINDS = {field.name: str(field.type) for field in fields(Record)}


def _parse(number: int, line: str) -> Record:
    try:
        given = json.loads(line)
    except ValueError as error:
        raise ValueError(f"line {number} is no JSON: {error}") from error
    entries = given.items() if isinstance(given, dict) else ()
    kinds = {name: type(value).__name__ for name, value in entries}
    if kinds != _KINDS:
        raise ValueError(f"line {number} is no record: it has {kinds} where {_KINDS} is needed")
    return Record(**given)
