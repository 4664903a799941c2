"""Evaluation: a fixed grid of rows and episodes, every cell played exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from robotasks.arrays import hosted
from robotasks.benchmark.agent import Adapter, Channel, Demos, Expert, TrialSpec, give_demos
from robotasks.benchmark.records import Record, Scores
from robotasks.envs.vector import TaskVectorEnv
from robotasks.layout import unknown
from robotasks.tasks.distribution import Distribution
from robotasks.tasks.slots import SLOTS

Entrant = Callable[[TaskVectorEnv], Adapter]
"""Makes the adapter for an environment; one that needs no environment ignores it."""

CHANNELS = ("dense", "sparse", "none")
_TRIAL, _DEMOS = 0, 1  # the two random streams of a row


def evaluate(
    entrant: Entrant,
    rows: Distribution,
    *,
    episodes: int = 1,
    seed: int = 0,
    worlds: int = 256,
    explore: bool = False,
    reward: Channel = "dense",
    mask_last: bool = False,
    demos: int = 0,
    **env: Any,
) -> Scores:
    """Play `episodes` episodes on every row of every task's table.

    A cell's start depends on (seed, row) and the episode alone: not on `worlds`, how many rows are
    played at a time (at least one of each task), nor on the threads. Nor does its score, unless the
    entrant's own arithmetic does: a network's last bits may change with the size of its batch.
    reward: what the entrant is told of its rewards, in `observe` and in the observation;
    mask_last: nothing, in the last episode. demos: how many episodes of the expert it is shown on
    each row; UnsupportedError if it takes none. env: further arguments of `TaskVectorEnv`.
    """
    if worlds < 1:
        raise ValueError(f"worlds must be at least 1, not {worlds}")
    if demos < 0:
        raise ValueError(f"demos must be at least 0, not {demos}")
    if reward not in CHANNELS:
        raise ValueError(unknown("reward", reward, CHANNELS))
    if env.get("goal_conditioned") and reward == "dense":
        raise ValueError('a goal-conditioned environment pays no dense reward: pass "sparse"')
    lengths = {task.id: len(table) for task, table in zip(rows.tasks, rows.rows, strict=True)}
    longest, each = max(lengths.values()), max(1, worlds // len(lengths))
    even = Distribution(rows.tasks, tuple(_lengthened(table, longest) for table in rows.rows))
    trials = []
    for first in range(0, longest, each):
        # World i works on task i modulo their number.
        picked = np.repeat(np.arange(first, min(first + each, longest)), len(lengths))
        venv = make_worlds(even, len(picked), episodes, env)
        spec = TrialSpec(venv.layout.size, 5, episodes, venv.horizon, reward, mask_last)
        shown = record_demos(even, picked, demos, spec, seed, env) if demos else None
        trials += play_trial(entrant(venv), venv, picked, spec, seed, explore, shown)
        venv.close()
    trials = [trial for trial in trials if trial[0].row < lengths[trial[0].task]]
    places = list(lengths)
    trials.sort(key=lambda trial: (places.index(trial[0].task), trial[0].row))
    return Scores(tuple(record for trial in trials for record in trial))


def make_worlds(
    rows: Distribution, count: int, episodes: int, env: Mapping[str, Any]
) -> TaskVectorEnv:
    """Make the environment of `count` trials; it pays what is scored, whatever is told of it."""
    pays = "sparse" if env.get("goal_conditioned") else "dense"
    return TaskVectorEnv(
        rows, count, episodes=episodes, autoreset_mode="Disabled", reward=pays, **env
    )


def play_trial(
    adapter: Adapter,
    env: TaskVectorEnv,
    rows: np.ndarray,
    spec: TrialSpec,
    seed: int,
    explore: bool = False,
    demos: Demos | None = None,
    stream: int = _TRIAL,
) -> list[tuple[Record, ...]]:
    """Play one trial in every world, each on a row (n,) of its task; return each world's records.

    seed, stream: name the starts, together with the row.
    """
    adapter.begin_trial(len(rows), spec)
    if demos is not None:
        give_demos(adapter, demos)
    seeds = [_cell_seed(seed, int(row), stream) for row in rows]
    obs = hosted(env.reset(seed=seeds, options={"rows": rows})[0])
    told = np.zeros(len(rows))
    episodes = []
    for episode in range(spec.episodes):
        if episode:
            adapter.end_episode(np.ones(len(rows), dtype=bool))
            obs = hosted(env.reset()[0])
        _tell(env, obs, told)
        returns, lost = np.zeros(len(rows)), np.zeros(len(rows), dtype=bool)
        for _ in range(env.horizon):
            actions = hosted(adapter.act(obs, explore))
            obs, rewards, _, truncated, infos = hosted(env.step(actions))
            returns += np.where(lost, 0.0, rewards)
            told = _channelled(rewards, spec.channel(episode))
            _tell(env, obs, told)
            adapter.observe(actions, told.copy(), obs, truncated)
            if infos["diverged"].any():  # a lost episode; the others go on
                lost |= infos["diverged"]
                obs = _replace(env, infos["diverged"], rows)
                _tell(env, obs, told)
        episodes.append(
            [
                Record(
                    task=env.tasks[i % len(env.tasks)].id,
                    row=int(row),
                    episode=episode,
                    success=bool(infos["success"][i] and not lost[i]),
                    first_success=-1 if lost[i] else int(infos["first_success"][i]),
                    episode_return=float(returns[i]),
                    diverged=bool(lost[i]),
                )
                for i, row in enumerate(rows)
            ]
        )
    return list(zip(*episodes, strict=True))


class Transcript:
    """Passes everything on to an adapter, and keeps what it saw and did, step by step."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self._obs: list[np.ndarray] = []
        self._actions: list[np.ndarray] = []

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Begin a new transcript."""
        self._obs, self._actions = [], []
        self.adapter.begin_trial(n, spec)

    def act(self, obs: Any, explore: bool) -> np.ndarray:
        """Return the adapter's actions."""
        entries = obs.values() if isinstance(obs, dict) else [obs]
        self._obs.append(np.concatenate([*entries], axis=-1))
        actions = self.adapter.act(obs, explore)
        self._actions.append(np.array(actions))
        return actions

    def observe(
        self, actions: np.ndarray, rewards: np.ndarray, obs: np.ndarray, done: np.ndarray
    ) -> None:
        """Pass on."""
        self.adapter.observe(actions, rewards, obs, done)

    def end_episode(self, mask: np.ndarray) -> None:
        """Pass on."""
        self.adapter.end_episode(mask)

    @property
    def obs(self) -> np.ndarray:
        """What was seen, (steps, n, o); the entries of dictionaries side by side."""
        return np.stack(self._obs)

    @property
    def actions(self) -> np.ndarray:
        """What was done, (steps, n, 5)."""
        return np.stack(self._actions)


def record_demos(
    rows: Distribution,
    picked: np.ndarray,
    count: int,
    spec: TrialSpec,
    seed: int,
    env: Mapping[str, Any],
) -> Demos:
    """Let the scripted expert play `count` episodes in every world, each on its row (n,)."""
    venv = make_worlds(rows, len(picked), count, env)
    transcript = Transcript(Expert(venv))
    spec = replace(spec, episodes=count, mask_last=False)
    records = play_trial(transcript, venv, picked, spec, seed, stream=_DEMOS)
    venv.close()
    obs, actions = (
        array.reshape(count, -1, *array.shape[1:]).transpose(2, 0, 1, 3)
        for array in (transcript.obs, transcript.actions)
    )
    return Demos(obs, actions, np.array([[r.success for r in trial] for trial in records]))


def _channelled(rewards: np.ndarray, channel: Channel) -> np.ndarray:
    """Return what an entrant is told of rewards (n,)."""
    if channel == "none":
        return np.zeros_like(rewards)
    # A reward is 1 exactly on success, at most 1 and less on the way there.
    return rewards if channel == "dense" else (rewards == 1).astype(rewards.dtype)


def _tell(env: TaskVectorEnv, obs: Any, told: np.ndarray) -> None:
    """Write into observations, where they hold the last reward, what was told of it."""
    if "last_reward" in env.layout:
        flat = obs
        if isinstance(obs, dict):
            flat = obs["state" if "state" in obs else "observation"]
        flat[:, env.layout.slices["last_reward"]] = told / SLOTS["last_reward"].scale[0]


def _replace(env: TaskVectorEnv, lost: np.ndarray, rows: np.ndarray) -> Any:
    """Begin anew where a world is lost, so that all can be stepped; return the observations.

    What is lost stays lost. Its random stream is put back to where it stood: the next episode
    begins as it would have.
    """
    before = env.get_state()
    obs = hosted(env.reset(options={"reset_mask": lost, "rows": rows})[0])
    state = env.get_state()
    for name in ("episode", "trial_episode"):
        state[name] = before[name]
    env.set_state(state)
    return obs


def _lengthened(table: np.ndarray, length: int) -> np.ndarray:
    """Return the table with its last row repeated, so that worlds of all tasks have one to play."""
    return np.pad(table, ((0, length - len(table)), (0, 0)), mode="edge")


def _cell_seed(seed: int, row: int, stream: int) -> int:
    """Return the world seed of a row: the same in any batch, another for any other evaluation."""
    words = [seed, row] if stream == _TRIAL else [seed, row, stream]
    return int(np.random.SeedSequence(words).generate_state(1)[0])
