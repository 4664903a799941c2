"""Every task as a parameter: the first of each family always, the others in the slow suite."""

from collections.abc import Callable
from typing import Any

import pytest

from robotasks import TASKS, Task


def every_task(by: Callable[[Task], Any] = lambda task: task) -> list[Any]:
    """Return a parameter per task, made `by` the function given, named after the task."""
    firsts = {task.family: task for task in reversed(TASKS.values())}
    return [
        pytest.param(
            by(task),
            id=task.name,
            marks=[] if firsts[task.family] is task else pytest.mark.slow,
        )
        for task in TASKS.values()
    ]
