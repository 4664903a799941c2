"""What a task is: states, actions, start distribution, dynamics, reward.

A task answers questions and holds no state. Every method that takes a `View` is pure and
works on numpy and torch arrays with any leading axes: one world, a batch, a GPU batch.
`now` joins the model's sensors, `tool` (its x, y, z and yaw), `setpoint` (the servo inputs: the
same four, roll, pitch, finger opening) and the task's `memory`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import mujoco

from robotasks.arrays import namespace
from robotasks.layout import NOTHING, Array, Layout, View
from robotasks.physics.engine import Placement
from robotasks.physics.robots.panda import Control
from robotasks.tasks.span import Span

CONTROL_PERIOD = 0.05
"""Seconds between two actions (20 Hz)."""

HOLD = 5
"""Success counts once it has held this many control steps in a row (0.25 s)."""


class Stage(NamedTuple):
    """One stage of a task: how far it is, and whether it is done."""

    progress: Array
    """(...) in [0, 1)."""
    done: Array
    """(...) bool, of the present state alone."""


@dataclass(frozen=True)
class Mark:
    """A marker in a picture that shows a goal; it is drawn, never simulated."""

    pos: tuple[float, float, float]
    size: tuple[float, float, float]
    shape: str = "cylinder"
    rgba: tuple[float, float, float, float] = (0.18, 0.72, 0.35, 0.55)
    yaw: float = 0.0


class Task(ABC):
    """A family member: problems that differ only by a row of numbers.

    The row is the *goal* and the *dynamics*, fixed for a trial; a *start* is redrawn at
    each reset. Goals are drawn independently of starts, so that nothing seen at a start
    betrays a hidden goal.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    version: ClassVar[int] = 1
    goals: ClassVar[Span]
    dynamics: ClassVar[Span] = Span()
    starts: ClassVar[Mapping[str, Span]]
    memory: ClassVar[Layout] = NOTHING
    expert_memory: ClassVar[Layout] = NOTHING
    horizon: ClassVar[int]
    control: ClassVar[Control] = Control()

    @property
    def id(self) -> str:
        """Name and version, as in the Gymnasium id: `push-to-v1`."""
        return f"{self.name}-v{self.version}"

    @abstractmethod
    def scene(self) -> mujoco.MjSpec:
        """Build the scene; its named sensors are what the other methods can read."""

    @abstractmethod
    def place(self, start: View, goal: View, dynamics: View) -> Placement:
        """Put everything where an episode begins, at rest."""

    @abstractmethod
    def observe(self, now: View) -> Mapping[str, Array]:
        """Return the slots seen whatever is revealed, besides proprioception."""

    @abstractmethod
    def cue(self, now: View, goal: View) -> Mapping[str, Array]:
        """Return every slot that depends on the goal."""

    @abstractmethod
    def stages(self, now: View, goal: View) -> Sequence[Stage]:
        """Return the stages in order; the last one's `done` is the success."""

    @abstractmethod
    def success(self, now: View, goal: View) -> Array:
        """Whether the goal is met at this instant, (...) bool."""

    @abstractmethod
    def expert(self, now: View, goal: View, memory: View) -> tuple[Array, Mapping[str, Array]]:
        """Return a good action, (..., 5), and the expert's next memory by field name."""

    def admits(self, start: View, goal: View, dynamics: View) -> Array | bool:
        """Whether an episode may begin like this; others are redrawn."""
        return True

    def fields(self, dynamics: View) -> Mapping[tuple[str, str], Array]:
        """Return the model fields that the dynamics set, (field, object) -> (..., values)."""
        return {}

    def drive(self, now: View, goal: View, dynamics: View) -> Mapping[str, Array]:
        """Return the inputs, (...) each, of actuators that the scene has besides the robot's."""
        return {}

    def remember(self, memory: View, now: View, goal: View) -> Mapping[str, Array]:
        """Return the next memory by field name; pure."""
        raise NotImplementedError(f"{self.name} has a memory layout but does not remember")

    def marks(self, goal: View) -> Sequence[Mark]:
        """Return the markers that show one goal (no leading axes) in a picture."""
        return ()

    def achieved(self, now: View) -> Array:
        """Return what a goal could have asked for, (..., g): the goal-conditioned face."""
        raise NotImplementedError(f"{self.name} has no goal-conditioned face")

    def desired(self, goal: View) -> Array:
        """Return what the goal asks for, in the same columns as `achieved`, (..., g)."""
        raise NotImplementedError(f"{self.name} has no goal-conditioned face")

    def reached(self, achieved: Array, desired: Array) -> Array:
        """Whether an achieved goal is the desired one, (...) bool; of these arrays alone."""
        raise NotImplementedError(f"{self.name} has no goal-conditioned face")

    @property
    def goal_conditioned(self) -> bool:
        """Whether the task has the goal-conditioned face."""
        return type(self).reached is not Task.reached

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def staged_reward(stages: Sequence[Stage]) -> Array:
    """Reward (k + progress) / K of the first stage k that is not done; 1 exactly on success.

    Every task pays at most 1 a step, so no family drowns another. (...) in [0, 1].
    """
    count, (level, success) = len(stages), stages[-1]
    xp = namespace(success)
    if count > 1:
        level = count - 1 + level
        for k in range(count - 2, -1, -1):
            level = xp.where(stages[k].done, level, k + stages[k].progress)
        level = level / count
    return xp.where(success, 1.0, level)
