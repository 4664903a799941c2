"""Evaluation: a fixed grid of rows and episodes, every cell played exactly once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from robotasks.benchmark.agent import Adapter, TrialSpec
from robotasks.benchmark.statistics import wilson_interval
from robotasks.envs.vector import TaskVectorEnv
from robotasks.tasks.distribution import Distribution

Entrant = Callable[[TaskVectorEnv], Adapter]
"""Makes the adapter for an environment; one that needs no environment ignores it."""


@dataclass(frozen=True)
class Record:
    """One episode of one row."""

    task: str
    row: int
    episode: int
    success: bool
    """Held at the last step."""
    first_success: int
    """Control step at which success first held; -1 if never."""
    episode_return: float
    """Sum of rewards over the episode."""
    diverged: bool
    """The simulation was lost; that counts as a failure, with the rewards until then."""


@dataclass(frozen=True)
class Scores:
    """What an evaluation found; every number follows from the records."""

    records: tuple[Record, ...]

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

    def json_lines(self) -> str:
        """Return one JSON object per episode and line."""
        return "".join(json.dumps(asdict(record)) + "\n" for record in self.records)

    def summary(self) -> dict[str, Any]:
        """Return the numbers a report prints, with the 95 % interval of the success rate."""
        wins = sum(record.success for record in self.records)
        return {
            "success": self.success,
            "success_ever": self.success_ever,
            "interval": list(wilson_interval(wins, len(self.records))),
            "mean_return": self.mean_return,
        }


def evaluate(
    entrant: Entrant,
    rows: Distribution,
    *,
    episodes: int = 1,
    seed: int = 0,
    worlds: int = 256,
    explore: bool = False,
    **env: Any,
) -> Scores:
    """Play `episodes` episodes on every row of one task's table.

    A cell's start depends on (seed, row) and the episode alone: not on `worlds`, how many rows are
    played at a time, nor on the threads. Nor does its score, unless the entrant's own arithmetic
    does: a network's last bits may change with the size of its batch.
    env: further arguments of `TaskVectorEnv`.
    """
    if len(rows.tasks) != 1:
        raise ValueError(f"one task at a time; the distribution has {len(rows.tasks)}")
    if worlds < 1:
        raise ValueError(f"worlds must be at least 1, not {worlds}")
    numbers = np.arange(len(rows))
    records: list[Record] = []
    for chunk in [numbers[i : i + worlds] for i in range(0, len(numbers), worlds)]:
        venv = TaskVectorEnv(rows, len(chunk), episodes=episodes, autoreset_mode="Disabled", **env)
        reward = env.get("reward", "dense")
        spec = TrialSpec(venv.layout.size, 5, episodes, venv.horizon, reward)
        adapter = entrant(venv)
        adapter.begin_trial(len(chunk), spec)
        records += _play(adapter, venv, chunk, seed, explore)
        venv.close()
    return Scores(tuple(sorted(records, key=lambda record: (record.row, record.episode))))


def _play(
    adapter: Adapter, env: TaskVectorEnv, rows: np.ndarray, seed: int, explore: bool
) -> Iterator[Record]:
    """Play one trial in every world, each on its row."""
    seeds: Sequence[int] = [_cell_seed(seed, int(row)) for row in rows]
    obs, _ = env.reset(seed=seeds, options={"rows": rows})
    for episode in range(env.episodes):
        if episode:
            adapter.end_episode(np.ones(len(rows), dtype=bool))
            obs, _ = env.reset()
        returns, lost = np.zeros(len(rows)), np.zeros(len(rows), dtype=bool)
        for _ in range(env.horizon):
            actions = adapter.act(obs, explore)
            obs, rewards, _, truncated, infos = env.step(actions)
            adapter.observe(actions, rewards, obs, truncated)
            returns += np.where(lost, 0.0, rewards)
            if infos["diverged"].any():  # a lost episode; the others go on
                lost |= infos["diverged"]
                again = {"reset_mask": infos["diverged"], "rows": rows}
                obs, _ = env.reset(options=again)
        for i, row in enumerate(rows):
            yield Record(
                task=env.tasks[0].id,
                row=int(row),
                episode=episode,
                success=bool(infos["success"][i] and not lost[i]),
                first_success=-1 if lost[i] else int(infos["first_success"][i]),
                episode_return=float(returns[i]),
                diverged=bool(lost[i]),
            )


def _cell_seed(seed: int, row: int) -> int:
    """Return the world seed of a row: the same in any batch, another for any other evaluation."""
    return int(np.random.SeedSequence([seed, row]).generate_state(1)[0])
