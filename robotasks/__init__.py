"""robotasks: robot manipulation as distributions over tasks, for multi-task and meta RL."""

from importlib.metadata import PackageNotFoundError, version

from robotasks.benchmark.suites import SUITES, find_suite, register_suites
from robotasks.envs.registration import register
from robotasks.envs.single import TaskEnv
from robotasks.envs.vector import TaskVectorEnv
from robotasks.tasks import TASKS
from robotasks.tasks.distribution import Distribution
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Task

UNKNOWN = "0+unknown"
"""The package's version where it runs from a checkout that is not installed."""

try:
    __version__ = version("robotasks")
except PackageNotFoundError:
    __version__ = UNKNOWN

__all__ = [
    "SUITES",
    "TASKS",
    "Choice",
    "Distribution",
    "Span",
    "Task",
    "TaskEnv",
    "TaskVectorEnv",
    "find_suite",
]

register()
register_suites()
