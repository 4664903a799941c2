"""Stepping worlds into a replay of Stable-Baselines3, as a source of our training loop."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.noise import ActionNoise
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit
from stable_baselines3.her import HerReplayBuffer

from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.collect import RecentEpisodes
from robotasks.agents.parts.streams import Streams
from robotasks.envs.sb3 import Sb3VecEnv

COLUMNS = ("actions", "rewards", "dones", "timeouts", "ep_start", "ep_length")  # of the replay


class Watch(BaseCallback):
    """Takes note of the episodes that end while SB3 collects."""

    def __init__(self, episodes: RecentEpisodes) -> None:
        super().__init__()
        self.episodes = episodes

    def _on_step(self) -> bool:
        ended = [info for info in self.locals["infos"] if info]
        success = np.array([info["is_success"] for info in ended])
        self.episodes.add(success, np.array([info["episode"]["r"] for info in ended]))
        return True


class Excursions(ActionNoise):
    """What a share of the worlds adds to the policy's actions: large, and held for some steps.

    Noise that changes with every step goes nowhere: an arm that has not learned to push would
    touch what it should push in one episode of twenty, and a policy that has settled in fewer.
    """

    def __init__(self, model: Any, share: float, hold: int) -> None:
        super().__init__()
        self.model, self.share, self.hold = model, share, hold
        self.held = np.zeros((model.n_envs, model.action_space.shape[0]))

    def __call__(self) -> np.ndarray:
        """What to add, (N, a); anything in [-2, 2], so that most sums are at the limits."""
        if self.model.num_timesteps // len(self.held) % self.hold == 0:
            leaving = np.random.random(len(self.held)) < self.share
            self.held = leaving[:, None] * np.random.uniform(-2, 2, self.held.shape)
        return self.held

    def reset(self, indices: Any = None) -> None:
        """Go on: an excursion may well begin an episode."""


class Replay:
    """The source: worlds that are stepped into a replay with hindsight."""

    def __init__(
        self, model: Any, env: Sb3VecEnv, rollout: int, excursions: Excursions, streams: Streams
    ) -> None:
        self.model, self.env, self.streams = model, env, streams
        self.buffer: HerReplayBuffer = model.replay_buffer
        self.frequency = TrainFreq(rollout, TrainFrequencyUnit.STEP)
        self.per_update = rollout * env.num_envs
        self.episodes = RecentEpisodes(env.num_envs)
        self.watch = Watch(self.episodes)
        self.watch.init_callback(model)
        self.excursions = excursions
        self.steps = 0  # env steps taken so far, all worlds together
        # SB3 keeps notes of its own for its log, where `learn` would have begun them.
        model.ep_info_buffer, model.ep_success_buffer = deque(maxlen=1), deque(maxlen=1)

    def start(self, seed: int) -> None:
        """Begin the first episodes; world i gets seed + i."""
        self.env.seed(seed)
        self.model._last_obs = self.env.reset()

    def rollout(self) -> HerReplayBuffer:
        """The replay, with the next steps of all worlds in it."""
        with self.streams:
            self.model.collect_rollouts(
                self.env, self.watch, self.frequency, self.buffer, self.excursions
            )
        self.steps = self.model.num_timesteps
        return self.buffer

    def recent(self) -> tuple[float, float]:
        """Success rate and mean return of the episodes that ended last; NaN before the first."""
        return self.episodes.means()

    def state(self) -> State:
        """The replay as far as it is filled, the worlds and what they show; copies."""
        buffer, env = self.buffer, self.env
        parts: dict[str, dict[str, Any]] = {
            "replay": {name: column[: buffer.size()] for name, column in self._columns().items()},
            "last": self.model._last_obs,
            "recent": vars(self.episodes),
            "worlds": env.worlds.get_state(),
            "episodes": {name: getattr(owner, name) for owner, name in self._episodes()},
        }
        state = {f"{part}/{k}": np.array(v) for part in parts for k, v in parts[part].items()}
        return state | {"where": np.array([self.steps, buffer.pos, buffer.full], np.int64)}

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        self.steps, self.buffer.pos, full = state["where"].tolist()
        self.model.num_timesteps, self.buffer.full = self.steps, bool(full)
        stored = section(state, "replay")
        for name, column in self._columns().items():
            column[: len(stored[name])] = stored[name]
        self.model._last_obs = section(state, "last")
        for name, value in section(state, "recent").items():
            getattr(self.episodes, name)[...] = value
        self.env.worlds.set_state(section(state, "worlds"))
        for owner, name in self._episodes():
            getattr(owner, name)[:] = state[f"episodes/{name}"]

    def _episodes(self) -> list[tuple[Any, str]]:
        """What tells of the episodes under way, arrays (N, ...): whose it is, and its name."""
        ours = [(self.env, "_returns"), (self.env, "_lengths"), (self.excursions, "held")]
        return [*ours, (self.buffer, "_current_ep_start")]

    def _columns(self) -> dict[str, np.ndarray]:
        """The replay's arrays, a row for each step of all worlds."""
        columns = {name: getattr(self.buffer, name) for name in COLUMNS}
        for when in ("observations", "next_observations"):
            columns |= {f"{when}/{key}": v for key, v in getattr(self.buffer, when).items()}
        return columns
