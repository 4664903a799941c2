"""The contract: what has to hold of every entrant, tried on it with the evaluation's own play.

Two trials are played that are alike in all an entrant may know and differ in what it may not. As
long as it has seen the same, it has to do the same, bit for bit. What simulates outside of this
package, or in another process, is beyond these tests.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from robotasks.benchmark.agent import Adapter, Channel, TrialSpec
from robotasks.benchmark.evaluate import Entrant, Transcript, make_worlds, play_trial
from robotasks.envs.vector import TaskVectorEnv
from robotasks.tasks.distribution import Distribution, split_row
from robotasks.tasks.task import CONTROL_PERIOD, Stage, Task


@dataclass(frozen=True)
class Breach:
    """A rule that an entrant broke, and what was seen."""

    rule: str
    """determinism, trial leak, world leak, masked reward, hidden goal, step budget, hands off."""
    seen: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.seen}"


def examine(
    entrant: Entrant,
    rows: Distribution,
    *,
    episodes: int = 2,
    seed: int = 0,
    explore: bool = False,
    per_task: int = 4,
    **env: Any,
) -> tuple[Breach, ...]:
    """Return the rules that an entrant breaks; () is a pass.

    rows: the first `per_task` of each table are played, or as many as all have, at least 2. env:
    further arguments of `TaskVectorEnv`, as for `evaluate`. Where these reveal the goal, or the
    reward with it (a goal-conditioned environment), there is nothing to be blind to.
    Raises ValueError where all first observations betray the goal, so that nothing can be compared.
    """
    count = min(per_task, *(len(table) for table in rows.rows))
    if count < 2:
        raise ValueError(f"the contract needs at least 2 rows of each task, not {count}")
    setting = _Setting(entrant, episodes, seed, explore, env)
    here = np.repeat(np.arange(count), len(rows.tasks))
    there = np.repeat(np.roll(np.arange(count), 1), len(rows.tasks))
    beside = np.where(np.arange(len(here)) == 0, here, there)  # world 0 alone stays on its row
    first = setting.play(rows, here)
    found = [
        *_compare("determinism", "played again", first, setting.play(rows, here)),
        *_compare(
            "trial leak", "after another trial", first, setting.play(rows, here, before=there)
        ),
        *_compare(
            "world leak", "beside worlds with other rows", first, setting.play(rows, beside), 1
        ),
        *setting.watch(rows, here),
    ]
    if "goal" in env.get("reveal", ("goal",)) or env.get("goal_conditioned"):
        return tuple(found)
    masked = setting.play(rows, here, "none")
    flipped = setting.play(Distribution(tuple(map(_flipped, rows.tasks)), rows.rows), here, "none")
    hidden = setting.play(_other_goals(rows), here, "none")
    if not (masked.obs[0] == hidden.obs[0]).all(axis=-1).any():
        names = ", ".join(task.name for task in rows.tasks)
        raise ValueError(f"{names}: every first observation betrays its goal; choose other tasks")
    found += _compare("masked reward", "with that reward another one", masked, flipped)
    found += _compare("hidden goal", "with that goal another one", masked, hidden)
    return tuple(found)


@dataclass(frozen=True)
class _Setting:
    """Plays trials of one entrant; arguments as for `examine`."""

    entrant: Entrant
    episodes: int
    seed: int
    explore: bool
    env: Mapping[str, Any]

    def play(
        self,
        rows: Distribution,
        picked: np.ndarray,
        reward: Channel = "dense",
        before: np.ndarray | None = None,
    ) -> Transcript:
        """Play a trial on the rows `picked` (n,), or two with one adapter; return the last one."""
        venv = make_worlds(rows, len(picked), self.episodes, self.env)
        adapter = Transcript(self.entrant(venv))
        self._play(adapter, venv, picked if before is None else before, reward)
        if before is not None:
            self._play(adapter, venv, picked, reward)
        venv.close()
        return adapter

    def watch(self, rows: Distribution, picked: np.ndarray) -> Iterator[Breach]:
        """Yield the breaches of an entrant that simulates by itself, or alters the worlds."""
        venv = make_worlds(rows, len(picked), self.episodes, self.env)
        granted = len(picked) * self.episodes * venv.horizon
        with _counted(type(venv.engines[0])) as steps:
            adapter = _Watched(self.entrant(venv), venv)
            self._play(adapter, venv, picked, "dense")
        venv.close()
        if round(sum(steps)) != granted:
            yield Breach(
                "step budget",
                f"{round(sum(steps)):,} control steps were simulated in a trial of {granted:,}",
            )
        if adapter.altered:
            yield Breach("hands off", f"{adapter.altered[0]} altered the environment's state")

    def _play(
        self, adapter: Adapter, venv: TaskVectorEnv, picked: np.ndarray, reward: Channel
    ) -> None:
        pays: Channel = "sparse" if self.env.get("goal_conditioned") else reward
        spec = TrialSpec(venv.layout.size, 5, self.episodes, venv.horizon, pays)
        play_trial(adapter, venv, picked, spec, self.seed, self.explore)


class _Watched:
    """Passes everything on to an adapter, and looks whether the worlds stay as they are."""

    def __init__(self, adapter: Adapter, env: TaskVectorEnv) -> None:
        self._adapter, self._env = adapter, env
        self.altered: list[str] = []

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Pass on."""
        self._call("begin_trial", n, spec)

    def act(self, obs: np.ndarray, explore: bool) -> np.ndarray:
        """Pass on."""
        return self._call("act", obs, explore)

    def observe(
        self, actions: np.ndarray, rewards: np.ndarray, obs: np.ndarray, done: np.ndarray
    ) -> None:
        """Pass on."""
        self._call("observe", actions, rewards, obs, done)

    def end_episode(self, mask: np.ndarray) -> None:
        """Pass on."""
        self._call("end_episode", mask)

    def _call(self, name: str, *arguments: Any) -> Any:
        before = self._env.get_state()
        result = getattr(self._adapter, name)(*arguments)
        after = self._env.get_state()
        if any(not np.array_equal(before[key], after[key]) for key in before):
            self.altered.append(name)
        return result


def _compare(
    rule: str, when: str, ours: Transcript, theirs: Transcript, worlds: int | None = None
) -> Iterator[Breach]:
    """Yield where actions first differ though all that was seen until then is the same, if so.

    Only the first `worlds` are compared.
    """
    seen = (ours.obs == theirs.obs).all(axis=-1)[:, :worlds]
    done = (ours.actions == theirs.actions).all(axis=-1)[:, :worlds]
    differ = np.argwhere(np.logical_and.accumulate(seen, axis=0) & ~done)
    if len(differ):
        step, world = differ[0]
        first, second = ours.actions[step, world], theirs.actions[step, world]
        yield Breach(
            rule, f"at step {step} in world {world} the action was {first}, {when} {second}"
        )


def _flipped(task: Task) -> Task:
    """Return the task paid the other way round: success is where there was none, and only there."""
    other = copy.copy(task)

    def stages(now: Any, goal: Any) -> list[Stage]:
        last = task.stages(now, goal)[-1]
        return [Stage(0 * last.progress, ~last.done)]

    vars(other).update(stages=stages, success=lambda now, goal: ~task.success(now, goal))
    return other


def _other_goals(rows: Distribution) -> Distribution:
    """Return the tables with every row's goal handed on to the next, all else in its place."""
    tables = []
    for task, table in zip(rows.tasks, rows.rows, strict=True):
        goals, dynamics = split_row(task, table)
        tables.append(np.concatenate([np.roll(goals, 1, axis=0), dynamics], axis=1))
    return Distribution(rows.tasks, tuple(tables))


@contextmanager
def _counted(engine: type) -> Iterator[list[float]]:
    """Collect the control steps that engines of one kind simulate, all worlds together."""
    steps: list[float] = []
    original = engine.step  # type: ignore[attr-defined]

    def step(self: Any, ticks: int) -> None:
        steps.append(self.worlds * ticks * self.model.opt.timestep / CONTROL_PERIOD)
        original(self, ticks)

    engine.step = step  # type: ignore[attr-defined]
    try:
        yield steps
    finally:
        engine.step = original  # type: ignore[attr-defined]
