"""What a vector environment is made of, from what its user names."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from robotasks.envs.crew import Crew
from robotasks.envs.room import room_for
from robotasks.layout import View
from robotasks.tasks import find_task
from robotasks.tasks.distribution import Distribution
from robotasks.tasks.task import Task


def tasks_and_tables(tasks: Any) -> tuple[tuple[Task, ...], tuple[np.ndarray | None, ...]]:
    """Return the tasks, and for each the rows to draw from, or None for its whole range.

    tasks: a name, a Task or a Distribution; TypeError for anything else.
    """
    if isinstance(tasks, Distribution):
        return tasks.tasks, tasks.rows
    if not isinstance(tasks, (str, Task)):
        raise TypeError(f"tasks is a name, a Task or a Distribution, not {tasks!r}")
    return (find_task(tasks) if isinstance(tasks, str) else tasks,), (None,)


def for_gpu(engine: str, device: str | None, task: Task) -> dict[str, Any]:
    """Return what the GPU engine needs besides; ValueError on a device that nobody would use."""
    if engine != "gpu":
        if device is not None:
            raise ValueError(f"device={device!r} is for engine='gpu'; engine={engine!r} has none")
        return {}
    return {"device": device, "room": room_for(task)}


def samples_of(
    played: Mapping[Task, tuple[View, View]], tasks: Sequence[str | Task]
) -> dict[Task, tuple[View, View]]:
    """Return readings and a goal of each of `tasks`, in their order; those played have theirs."""
    ours = {task.id: task for task in played}
    found = [find_task(task) if isinstance(task, str) else task for task in tasks]
    absent = ours.keys() - {task.id for task in found}
    if absent:
        raise ValueError(f"layout_tasks lacks {', '.join(sorted(absent))}, which the env plays")
    known = [ours.get(task.id, task) for task in found]
    return {task: played.get(task) or _sample(task) for task in known}


@functools.cache
def _sample(task: Task) -> tuple[View, View]:
    """Return readings and a goal of a task that the env does not play, to learn its slots."""
    crew = Crew(task, None, next(iter(task.starts)), 1, threads=1)
    return crew.now, crew.goal
