"""robotasks: robot manipulation as distributions over tasks, for multi-task and meta RL."""

from importlib.metadata import PackageNotFoundError, version

from robotasks.envs.registration import register
from robotasks.envs.single import TaskEnv
from robotasks.envs.vector import TaskVectorEnv
from robotasks.tasks import TASKS
from robotasks.tasks.distribution import Distribution
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Task

try:
    __version__ = version("robotasks")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

__all__ = ["TASKS", "Choice", "Distribution", "Span", "Task", "TaskEnv", "TaskVectorEnv"]

register()
