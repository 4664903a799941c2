"""The collector: the only place where training steps an environment."""

from __future__ import annotations

import math
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.vision import STATE, flattened


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

    anew: every rollout begins new trials in all worlds, for a policy that remembers. rows: the
    batch then tells the rows of these trials, too. hidden: it tells what observations hide of the
    state. lasting: the control steps of a step of `env`, where a policy does not choose at each.

    env: a vector environment with SAME_STEP autoreset and flat Box spaces, or observations of
    numbers and pictures, which are put side by side (`flattened`). Its infos hold "final_obs" and
    "final_info"["success"] (N,) in steps that end episodes, valid on the rows that do. It takes
    and gives numpy arrays, or tensors of its `device` if it has one: then nothing is copied to the
    host, and nothing waits for the device, but once a rollout.
    """

    def __init__(
        self,
        env: Any,
        policy: Policy,
        steps: int,
        anew: bool = False,
        lasting: int = 1,
        rows: bool = False,
        hidden: bool = False,
    ) -> None:
        sizes, self.anew, self.lasting = env_sizes(env, seeing=True), anew, lasting
        told = row_size(env) if rows else 0, hidden_size(env) if hidden else 0
        self.env, self.policy = env, policy
        self.device, self._tensors = env_device(env), getattr(env, "device", None) is not None
        space = env.single_action_space
        self._bounds = [
            torch.from_numpy(bound).to(self.device) for bound in (space.low, space.high)
        ]
        # Torch's own memory is aligned alike in every process: an unaligned array may make a matrix
        # product round differently after a resume.
        self.batch = Batch.empty(steps, env.num_envs, *sizes, self.device, *told)
        # Of the episodes under way; float64, as sums.
        self._returns = torch.zeros(env.num_envs, dtype=torch.float64, device=self.device)
        self._ended: list[tuple[Tensor, Tensor, Tensor]] = []  # who, success, return
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
        obs, _ = self.env.reset(seed=seed)
        self.batch.last_obs[:] = flattened(obs)

    @torch.inference_mode()
    def rollout(self) -> Batch:
        """The next steps of all worlds, in buffers that the next call overwrites."""
        batch = self.batch
        if self.anew:
            obs, _ = self.env.reset(options={"new_trial": True})
            batch.last_obs[:] = flattened(obs)
            self._returns.zero_()
            if batch.rows.shape[1]:
                batch.rows[:] = torch.as_tensor(self.env.scaled_rows())
        obs = batch.last_obs
        for t in range(len(batch.obs)):
            batch.obs[t] = obs
            if batch.hidden.shape[2]:
                batch.hidden[t] = torch.as_tensor(self.env.hidden())
            batch.actions[t], batch.log_probs[t] = self.policy.act(batch.obs[t])
            actions = batch.actions[t].clamp(*self._bounds)
            returned = self.env.step(actions if self._tensors else actions.numpy())
            seen, *arrays, infos = returned
            obs = flattened(seen)
            rewards, terminated, truncated = map(torch.as_tensor, arrays)
            batch.rewards[t] = rewards
            batch.terminated[t], batch.truncated[t] = terminated, truncated
            self._finish_episodes(t, infos)
        batch.last_obs.copy_(obs)
        for ends, success, returns in self._ended:
            self.episodes.add(success[ends].cpu().numpy(), returns[ends].cpu().numpy())
        self._ended.clear()
        self.steps += self.per_update
        return batch

    def _finish_episodes(self, t: int, infos: dict) -> None:
        self._returns += self.batch.rewards[t]
        if "final_obs" in infos:
            ends = self.batch.terminated[t] | self.batch.truncated[t]
            final = self.batch.final_obs[t]
            seen = flattened(infos["final_obs"])
            final.copy_(torch.where(ends[:, None], seen, final))
            success = torch.as_tensor(infos["final_info"]["success"])
            self._ended.append((ends, success, self._returns.clone()))
            self._returns.masked_fill_(ends, 0.0)

    def state(self) -> State:
        """Everything the next rollout depends on, the environment included; copies."""
        state = {
            "steps": np.array(self.steps, np.int64),
            "last_obs": self.batch.last_obs.cpu().numpy().copy(),
            "returns": self._returns.cpu().numpy().copy(),
            "recent.success": self.episodes.success.copy(),
            "recent.returns": self.episodes.returns.copy(),
            "recent.count": self.episodes.count.copy(),
        }
        env_state = self.env.get_state()
        return state | {f"env/{name}": np.array(value) for name, value in env_state.items()}

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        self.steps = int(state["steps"])
        self.batch.last_obs[:] = torch.from_numpy(state["last_obs"])
        self._returns[:] = torch.from_numpy(state["returns"])
        self.episodes.success[:] = state["recent.success"]
        self.episodes.returns[:] = state["recent.returns"]
        self.episodes.count[...] = state["recent.count"]
        self.env.set_state(section(state, "env"))


def env_device(env: Any) -> torch.device:
    """The device of an environment's tensors; the CPU for one that speaks numpy."""
    return torch.device(getattr(env, "device", None) or "cpu")


def row_size(env: Any) -> int:
    """Width of the rows that an environment's worlds are on."""
    return env.scaled_rows().shape[1]


def hidden_size(env: Any) -> int:
    """How many numbers of the state an environment's observations do not tell."""
    return env.hidden().shape[1]


def env_sizes(env: VectorEnv, seeing: bool = False) -> tuple[int, int]:
    """Sizes of an observation and of an action; ValueError unless agents can learn from `env`.

    seeing: whether the agent takes pictures, too; they count with the observation's size.
    """
    mode = env.metadata.get("autoreset_mode")
    if mode != AutoresetMode.SAME_STEP:
        raise ValueError(f"Training needs autoreset_mode='SameStep'; this environment has {mode}.")
    sizes = []
    for name in ("single_observation_space", "single_action_space"):
        space = getattr(env, name)
        if seeing and picture_shape(space):
            sizes.append(sum(math.prod(part.shape) for part in space.values()))
            continue
        if not isinstance(space, gym.spaces.Box) or len(space.shape) != 1:
            raise ValueError(
                f"Training needs a flat Box as {name}; this environment has {space}. "
                "Leave out goal_conditioned and pixels."
            )
        sizes.append(space.shape[0])
    return sizes[0], sizes[1]


def picture_shape(space: gym.Space) -> tuple[int, int, int] | None:
    """How many numbers, cameras and pixels a side a world's observation has; None without pictures.

    Raises ValueError for dictionaries of another kind than `observe="pixels"` gives.
    """
    if not isinstance(space, gym.spaces.Dict) or STATE not in space.spaces:
        return None
    numbers = space[STATE].shape
    pictures = [part.shape for name, part in space.items() if name != STATE]
    size = pictures[0][0] if pictures and pictures[0] else 0
    if numbers is None or len(numbers) != 1 or set(pictures) != {(size, size, 3)}:
        raise ValueError(f"expected a row of numbers and pictures of one square size, not {space}")
    return numbers[0], len(pictures), size
