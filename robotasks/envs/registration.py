"""Gymnasium ids: `robotasks/<task>-v<version>` for `make` and, natively batched, `make_vec`."""

from __future__ import annotations

import gymnasium as gym

from robotasks.tasks import RESET_FREE, TASKS


def register() -> None:
    """Register every task; doing it again changes nothing."""
    for tasks, one, many in (
        (TASKS, "single:make_env", "vector:TaskVectorEnv"),
        (RESET_FREE, "reset_free:ResetFreeEnv", "reset_free:ResetFreeVectorEnv"),
    ):
        for task in tasks.values():
            id_ = f"robotasks/{task.id}"
            if id_ not in gym.registry:
                gym.register(
                    id_,
                    entry_point=f"robotasks.envs.{one}",
                    vector_entry_point=f"robotasks.envs.{many}",
                    max_episode_steps=task.horizon,
                    kwargs={"tasks": task.name},
                )
