"""What an entrant of the benchmark implements, whatever framework it is written in."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from robotasks.envs.vector import TaskVectorEnv


@dataclass(frozen=True)
class TrialSpec:
    """What an entrant is told before a trial."""

    observation_size: int
    action_size: int
    episodes: int
    horizon: int
    reward: Literal["dense", "sparse", "none"] = "dense"


class Adapter(Protocol):
    """Everything an agent may do at test time; all arrays are numpy, one row per world."""

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Forget everything: `n` worlds with rows never seen begin."""
        ...

    def act(self, obs: np.ndarray, explore: bool) -> np.ndarray:
        """Return actions (n, 5) in [-1, 1] for observations (n, o)."""
        ...

    def observe(
        self, actions: np.ndarray, rewards: np.ndarray, obs: np.ndarray, done: np.ndarray
    ) -> None:
        """Take note of what the actions led to."""
        ...

    def end_episode(self, mask: np.ndarray) -> None:
        """Take note that the worlds of `mask` (n,) begin their next episode."""
        ...


class Forgetful:
    """The part of an adapter that has nothing to remember: for agents that do not adapt."""

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Begin with nothing to forget."""

    def observe(
        self, actions: np.ndarray, rewards: np.ndarray, obs: np.ndarray, done: np.ndarray
    ) -> None:
        """Take no note."""

    def end_episode(self, mask: np.ndarray) -> None:
        """Take no note."""


class Random(Forgetful):
    """Uniform actions: the floor of every table.

    A world's stream is named by its first observation, so that its actions do not depend on how
    many worlds are played at a time.
    """

    def __init__(self, seed: int = 0) -> None:
        """seed: of the action streams."""
        self._seed = seed
        self._streams: list[np.random.Generator] = []

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Forget the streams; the first observations name new ones."""
        self._streams = []

    def act(self, obs: np.ndarray, explore: bool) -> np.ndarray:
        """Return uniform actions."""
        if not self._streams:
            names = [zlib.crc32(row.tobytes()) for row in obs]
            self._streams = [np.random.default_rng([self._seed, name]) for name in names]
        actions = [stream.uniform(-1, 1, 5) for stream in self._streams]
        return np.array(actions, dtype=np.float32)


class Expert(Forgetful):
    """The scripted expert: it reads the simulator, so it is bound to its environment."""

    def __init__(self, env: TaskVectorEnv) -> None:
        """env: the environment that will be stepped with these actions."""
        self._env = env

    def act(self, obs: np.ndarray, explore: bool) -> np.ndarray:
        """Return the scripted actions for the environment's present state."""
        return self._env.expert_actions()
