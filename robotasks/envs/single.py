"""One world behind Gymnasium's `Env`: the vector environment without its leading axis."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from robotasks.envs.rendering import MODES
from robotasks.envs.vector import TaskVectorEnv
from robotasks.tasks.distribution import Distribution
from robotasks.tasks.task import CONTROL_PERIOD, Task


class TaskEnv(gym.Env):
    """One world that solves a row of a task; keyword arguments as for `TaskVectorEnv`."""

    metadata = {"render_modes": list(MODES), "render_fps": round(1 / CONTROL_PERIOD)}  # noqa: RUF012
    kind: type[TaskVectorEnv] = TaskVectorEnv

    def __init__(
        self, tasks: str | Task | Distribution, *, threads: int = 1, **arguments: Any
    ) -> None:
        """Make the world; it begins with `reset`."""
        self._arguments = {"tasks": tasks, "threads": threads, **arguments}
        self.worlds = self.kind(tasks, 1, autoreset_mode="Disabled", threads=threads, **arguments)
        self.render_mode = self.worlds.render_mode
        self.observation_space = self.worlds.single_observation_space
        self.action_space = self.worlds.single_action_space

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Begin the next episode; see `TaskVectorEnv.reset` for the options."""
        chance = self._np_random, self._np_random_seed
        try:
            super().reset(seed=seed)
            if seed is None and not self.worlds.has_begun:
                seed = int(self.np_random.integers(2**31))
            obs, infos = self.worlds.reset(seed=seed, options=options)
        except Exception:
            self._np_random, self._np_random_seed = chance
            raise
        return self._first(obs), self._info(infos)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take one control step, action (5,) in [-1, 1]."""
        given = np.asarray(action)
        if given.shape != (5,):
            raise ValueError(f"an action has 5 numbers, got shape {given.shape}")
        obs, rewards, terminated, truncated, infos = self.worlds.step(given[None])
        return (
            self._first(obs),
            float(rewards[0]),
            bool(terminated[0]),
            bool(truncated[0]),
            self._info(infos),
        )

    def expert_action(self) -> np.ndarray:
        """Return the scripted expert's action for the present state, (5,)."""
        return self.worlds.expert_actions()[0]

    def render(self) -> Any:
        """Return a picture in the render mode."""
        return self.worlds.render()[0]

    def get_state(self) -> dict[str, np.ndarray]:
        """Return all that the future depends on, as numeric arrays that may be saved."""
        return self.worlds.get_state()

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Go on exactly where `get_state` was called."""
        self.worlds.set_state(state)

    def close(self) -> None:
        """Release the world; may be called again."""
        self.worlds.close()

    def __reduce__(self) -> Any:
        """Pickle as the constructor's arguments and the state."""
        return _rebuild, (type(self), self._arguments, self.get_state())

    def _first(self, obs: Any) -> Any:
        return {k: v[0] for k, v in obs.items()} if isinstance(obs, dict) else obs[0]

    def _info(self, infos: dict[str, Any]) -> dict[str, Any]:
        info = {k: v[0].item() for k, v in infos.items() if not k.startswith("_")}
        return info | {"is_success": info["success"]}


class GoalTaskEnv(TaskEnv):
    """One world with dictionary observations: what hindsight relabelling asks of an environment."""

    def compute_reward(self, achieved_goal: Any, desired_goal: Any, info: Any) -> Any:
        """Return the sparse reward, (..., g) x (..., g) -> (...), a float for one goal."""
        rewards = self.worlds.compute_reward(achieved_goal, desired_goal, info)
        return rewards if rewards.ndim else float(rewards)

    def compute_terminated(self, achieved_goal: Any, desired_goal: Any, info: Any) -> Any:
        """Return False for every goal: success does not end an episode."""
        never = np.zeros(np.shape(achieved_goal)[:-1], dtype=bool)
        return never if never.ndim else False

    def compute_truncated(self, achieved_goal: Any, desired_goal: Any, info: Any) -> Any:
        """Return whether the horizon was reached, told by `info["elapsed"]`; else False."""
        infos = info if isinstance(info, (list, tuple)) else [info]
        ends = np.array([entry.get("elapsed", 0) >= self.worlds.horizon for entry in infos])
        shape = np.shape(achieved_goal)[:-1]
        return np.broadcast_to(ends, shape).copy() if shape else bool(ends[0])


def make_env(tasks: str | Task | Distribution, **arguments: Any) -> TaskEnv:
    """Make one world: with `goal_conditioned=True` one that offers `compute_reward`."""
    kind = GoalTaskEnv if arguments.get("goal_conditioned") else TaskEnv
    return kind(tasks, **arguments)


def _rebuild(
    kind: type[TaskEnv], arguments: dict[str, Any], state: dict[str, np.ndarray]
) -> TaskEnv:
    env = kind(**arguments)
    env.set_state(state)
    return env
