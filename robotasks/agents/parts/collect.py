"""The collector: the only place where training steps an environment."""

from __future__ import annotations

from typing import Any, Protocol

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.checkpoint import State, section


class Policy(Protocol):
    """What collecting asks of an agent."""

    def act(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Actions (N, a) and their log-probabilities (N,) for raw observations (N, o)."""
        ...


class RecentEpisodes:
    """Success and return of the last finished episodes: as many as there are worlds."""

    def __init__(self, capacity: int) -> None:
        self.success = np.zeros(capacity)
        self.returns = np.zeros(capacity)
        self.count = np.zeros((), np.int64)

    def add(self, success: np.ndarray, returns: np.ndarray) -> None:
        """Take in k <= capacity episodes, arrays (k,)."""
        places = (self.count + np.arange(len(returns))) % len(self.returns)
        self.success[places] = success
        self.returns[places] = returns
        self.count += len(returns)

    def means(self) -> tuple[float, float]:
        """Success rate and mean return; NaN before the first episode has ended."""
        known = min(int(self.count), len(self.returns))
        if not known:
            return float("nan"), float("nan")
        return float(self.success[:known].mean()), float(self.returns[:known].mean())


class Collector:
    """Steps `env` with `policy`, `steps` at a time, and remembers where it stopped.

    anew: every rollout begins new trials in all worlds, for a policy that remembers. lasting: the
    control steps of a step of `env`, where a policy does not choose at each.

    env: a vector environment with flat Box spaces and SAME_STEP autoreset, whose infos hold
    "final_obs" (N, o) and "final_info"["success"] (N,), valid on the rows that end.
    """

    def __init__(
        self, env: Any, policy: Policy, steps: int, anew: bool = False, lasting: int = 1
    ) -> None:
        sizes, self.anew, self.lasting = env_sizes(env), anew, lasting
        self.env, self.policy = env, policy
        self.low, self.high = env.single_action_space.low, env.single_action_space.high
        self.batch = Batch.empty(steps, env.num_envs, *sizes)
        # The same memory as numpy arrays. It is torch's own, hence aligned alike in every process:
        # an unaligned array may make a matrix product round differently after a resume.
        self._write = {name: tensor.numpy() for name, tensor in vars(self.batch).items()}
        self._returns = np.zeros(env.num_envs)  # of the episodes under way
        self.episodes = RecentEpisodes(env.num_envs)
        self.steps = 0  # control steps taken so far, all worlds together

    @property
    def per_update(self) -> int:
        """Control steps of one rollout."""
        return self.batch.rewards.numel() * self.lasting

    def recent(self) -> tuple[float, float]:
        """Success rate and mean return of the episodes that ended last; NaN before the first."""
        return self.episodes.means()

    def start(self, seed: int) -> None:
        """Begin the first episodes; world i gets seed + i."""
        self._write["last_obs"][:], _ = self.env.reset(seed=seed)

    @torch.inference_mode()
    def rollout(self) -> Batch:
        """The next steps of all worlds, in buffers that the next call overwrites."""
        batch, write = self.batch, self._write
        if self.anew:
            write["last_obs"][:], _ = self.env.reset(options={"new_trial": True})
            self._returns[:] = 0.0
        obs = batch.last_obs
        for t in range(len(batch.obs)):
            batch.obs[t] = obs
            batch.actions[t], batch.log_probs[t] = self.policy.act(batch.obs[t])
            actions = np.clip(write["actions"][t], self.low, self.high)
            after, write["rewards"][t], terminated, truncated, infos = self.env.step(actions)
            write["terminated"][t], write["truncated"][t] = terminated, truncated
            self._finish_episodes(t, terminated | truncated, infos)
            obs = torch.from_numpy(after)
        batch.last_obs.copy_(obs)
        self.steps += self.per_update
        return batch

    def _finish_episodes(self, t: int, ends: np.ndarray, infos: dict) -> None:
        self._returns += self._write["rewards"][t]
        if ends.any():
            self._write["final_obs"][t, ends] = infos["final_obs"][ends]
            self.episodes.add(infos["final_info"]["success"][ends], self._returns[ends])
            self._returns[ends] = 0.0

    def state(self) -> State:
        """Everything the next rollout depends on, the environment included; copies."""
        state = {
            "steps": np.array(self.steps, np.int64),
            "last_obs": self._write["last_obs"].copy(),
            "returns": self._returns.copy(),
            "recent.success": self.episodes.success.copy(),
            "recent.returns": self.episodes.returns.copy(),
            "recent.count": self.episodes.count.copy(),
        }
        env_state = self.env.get_state()
        return state | {f"env/{name}": np.array(value) for name, value in env_state.items()}

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        self.steps = int(state["steps"])
        self._write["last_obs"][:] = state["last_obs"]
        self._returns[:] = state["returns"]
        self.episodes.success[:] = state["recent.success"]
        self.episodes.returns[:] = state["recent.returns"]
        self.episodes.count[...] = state["recent.count"]
        self.env.set_state(section(state, "env"))


def env_sizes(env: VectorEnv) -> tuple[int, int]:
    """Sizes of an observation and of an action; ValueError unless agents can learn from `env`."""
    mode = env.metadata.get("autoreset_mode")
    if mode != AutoresetMode.SAME_STEP:
        raise ValueError(f"Training needs autoreset_mode='SameStep'; this environment has {mode}.")
    sizes = []
    for name in ("single_observation_space", "single_action_space"):
        space = getattr(env, name)
        if not isinstance(space, gym.spaces.Box) or len(space.shape) != 1:
            raise ValueError(
                f"Training needs a flat Box as {name}; this environment has {space}. "
                "Leave out goal_conditioned and pixels."
            )
        sizes.append(space.shape[0])
    return sizes[0], sizes[1]
