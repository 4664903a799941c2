"""Gymnasium ids: `robotasks/<task>-v<version>` for `make` and, natively batched, `make_vec`."""

from __future__ import annotations

import gymnasium as gym

from robotasks.tasks import TASKS


def register() -> None:
    """Register every task; doing it again changes nothing."""
    for task in TASKS.values():
        id_ = f"robotasks/{task.id}"
        if id_ not in gym.registry:
            gym.register(
                id_,
                entry_point="robotasks.envs.single:make_env",
                vector_entry_point="robotasks.envs.vector:TaskVectorEnv",
                max_episode_steps=task.horizon,
                kwargs={"tasks": task.name},
            )
