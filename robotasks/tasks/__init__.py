"""Tasks: what to do, in pure functions of named sensors."""

from __future__ import annotations

from robotasks.layout import unknown
from robotasks.tasks.hockey.shoot import Shoot
from robotasks.tasks.push.push_to import PushTo
from robotasks.tasks.reach import Reach
from robotasks.tasks.task import Task

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Reach(),
        PushTo(),
        Shoot(),
    )
}
"""All tasks by name, family by family."""


def find_task(name: str) -> Task:
    """Return the task called `name`; a KeyError lists the near ones."""
    if name not in TASKS:
        raise KeyError(unknown("task", name, TASKS))
    return TASKS[name]
