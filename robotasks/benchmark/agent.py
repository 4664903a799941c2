"""What an entrant of the benchmark implements, whatever framework it is written in."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from robotasks.envs.vector import TaskVectorEnv

Channel = Literal["dense", "sparse", "none"]
"""What an entrant is told of its rewards: the stages, the bit of success at this instant, zeros."""


@dataclass(frozen=True)
class TrialSpec:
    """What an entrant is told before a trial."""

    observation_size: int
    action_size: int
    episodes: int
    horizon: int
    reward: Channel = "dense"
    mask_last: bool = False
    """Whether the last episode's rewards are masked, as if `reward` were "none"."""

    def channel(self, episode: int) -> Channel:
        """Return what the entrant is told of the rewards of an episode, counted from 0."""
        return "none" if self.mask_last and episode == self.episodes - 1 else self.reward


@dataclass(frozen=True)
class Demos:
    """Episodes of the scripted expert, d on each of n rows, with starts of their own."""

    obs: np.ndarray
    """(n, d, steps, o): what each action was chosen for, as the entrant itself would see it."""
    actions: np.ndarray
    """(n, d, steps, 5)."""
    success: np.ndarray
    """(n, d) bool: whether success held at the end; experts fail now and then."""


class UnsupportedError(ValueError):
    """An entrant was asked for what it does not do."""


class Adapter(Protocol):
    """Everything an agent may do at test time; all arrays are numpy, one row per world.

    Every world is a trial of its own. What an agent learns in one must not reach another.
    """

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Forget everything: `n` worlds with rows never seen begin."""
        ...

    def act(self, obs: np.ndarray, explore: bool) -> np.ndarray:
        """Return actions (n, 5) in [-1, 1] for observations (n, o)."""
        ...

    def observe(
        self, actions: np.ndarray, rewards: np.ndarray, obs: np.ndarray, done: np.ndarray
    ) -> None:
        """Take note of what the actions led to; rewards (n,) are 0 where they are masked."""
        ...

    def end_episode(self, mask: np.ndarray) -> None:
        """Take note that the worlds of `mask` (n,) begin their next episode."""
        ...


@runtime_checkable
class TakesDemos(Protocol):
    """The optional part of an adapter: it learns from demonstrations."""

    def ingest_demos(self, demos: Demos) -> None:
        """Take the demonstrations of this trial's rows; called once, after `begin_trial`."""
        ...


def give_demos(adapter: Adapter, demos: Demos) -> None:
    """Hand demonstrations to an adapter; UnsupportedError if it takes none."""
    if not isinstance(adapter, TakesDemos):
        raise UnsupportedError(
            f"{type(adapter).__name__} takes no demonstrations: it has no method ingest_demos"
        )
    adapter.ingest_demos(demos)


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


def named_streams(obs: np.ndarray, seed: int) -> list[np.random.Generator]:
    """Return a random stream for each world, named by its first observation, a row of (n, o).

    So what a world draws does not depend on how many are played at a time.
    """
    return [np.random.default_rng([seed, zlib.crc32(row.tobytes())]) for row in obs]


class Random(Forgetful):
    """Uniform actions: the floor of every table."""

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
            self._streams = named_streams(obs, self._seed)
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
