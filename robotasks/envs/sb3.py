"""The step loop as Stable-Baselines3 asks for it. Importing this needs the extra `agents`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices as Indices

from robotasks.envs.vector import TaskVectorEnv


class Sb3VecEnv(VecEnv):
    """`Sb3VecEnv(TaskVectorEnv("reach", 64, autoreset_mode="SameStep"))`, a `VecEnv` of 64 worlds.

    Observations are those of `worlds`, rewards theirs as float32. The info of a row that ends is
    that of the single env with `is_success`, `TimeLimit.truncated`, `terminal_observation` and a
    `Monitor`'s `episode`; that of all other rows is empty.
    The worlds are one object: its attributes and methods serve every index alike.
    """

    _actions: np.ndarray

    def __init__(self, worlds: TaskVectorEnv) -> None:
        """worlds: they are closed with this env. Raises ValueError unless they are SAME_STEP."""
        mode = worlds.metadata.get("autoreset_mode")
        if mode != AutoresetMode.SAME_STEP:
            raise ValueError(
                f"Stable-Baselines3 needs autoreset_mode='SameStep'; this environment has {mode}"
            )
        self.worlds = worlds
        super().__init__(
            worlds.num_envs, worlds.single_observation_space, worlds.single_action_space
        )
        self.metadata = worlds.metadata
        self._keyed = isinstance(self.observation_space, gym.spaces.Dict)
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, dtype=np.int64)
        self._made = time.perf_counter()

    def set_options(self, options: list[dict] | dict | None = None) -> None:
        """Keep `options` for the next reset: one dict, whose fields may have a value per world."""
        if isinstance(options, list) or "reset_mask" in (options or {}):
            raise ValueError("options are one dict for all worlds, which are reset together")
        super().set_options(options)

    def reset(self) -> Any:
        """Begin an episode in every world; seeds and options that were set are used up."""
        seeds = None if self._seeds[0] is None else self._seeds
        options = self._options[0]
        self._reset_seeds()
        self._reset_options()
        obs, _ = self.worlds.reset(seed=seeds, options=options)
        self._returns[:], self._lengths[:] = 0, 0
        return obs

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions (n, 5) for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict]]:
        """Take one control step: observations, rewards (n,), whether rows ended (n,), infos."""
        obs, rewards, terminated, truncated, infos = self.worlds.step(self._actions)
        rewards = rewards.astype(np.float32)
        self._returns += rewards
        self._lengths += 1
        dones = terminated | truncated
        told: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(dones).tolist():
            told[i] = self._ending(i, not terminated[i], infos)
        self._returns[dones], self._lengths[dones] = 0, 0
        return obs, rewards, dones, told

    def _ending(self, i: int, cut: bool, infos: dict[str, Any]) -> dict[str, Any]:
        """Return the info of row `i`, whose episode was `cut` by time or else ended by itself."""
        obs, final = infos["final_obs"], infos["final_info"]
        seconds = time.perf_counter() - self._made
        return {
            **{name: final[name][i].item() for name in final if not name.startswith("_")},
            "is_success": bool(final["success"][i]),
            "TimeLimit.truncated": cut,
            "terminal_observation": {k: v[i] for k, v in obs.items()} if self._keyed else obs[i],
            "episode": {"r": float(self._returns[i]), "l": int(self._lengths[i]), "t": seconds},
        }

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """Return the attribute of the worlds, once for each index."""
        return [getattr(self.worlds, attr_name)] * len(self._chosen(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Set an attribute that the worlds have, of all of them: no index may be left out."""
        if len(set(self._chosen(indices))) < self.num_envs:
            raise ValueError(f"the worlds share {attr_name}; set it without indices")
        getattr(self.worlds, attr_name)  # AttributeError if there is none
        setattr(self.worlds, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call the method of the worlds once; return its result once for each index."""
        chosen = self._chosen(indices)
        return [getattr(self.worlds, method_name)(*method_args, **method_kwargs)] * len(chosen)

    def env_is_wrapped(self, wrapper_class: type[gym.Wrapper], indices: Indices = None) -> list:
        """Return True for `Monitor`, whose records the infos hold, else False, for each index."""
        return [wrapper_class is Monitor] * len(self._chosen(indices))

    def get_images(self) -> Sequence[np.ndarray | None]:
        """Return a picture of every world, or raise ValueError if there is no render mode."""
        return self.worlds.render()

    def close(self) -> None:
        """Release the worlds; may be called again."""
        self.worlds.close()

    def _chosen(self, indices: Indices) -> list[int]:
        """Return the worlds that `indices` names; IndexError for one that is not there."""
        return [range(self.num_envs)[i] for i in self._get_indices(indices)]
