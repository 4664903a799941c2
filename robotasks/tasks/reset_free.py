"""What a task needs so that a robot can live with it: no resets, one goal after the other."""

from __future__ import annotations

from abc import abstractmethod

from robotasks.layout import Array, View
from robotasks.tasks.task import Task


class ResetFreeTask(Task):
    """A task whose goals follow one another, whatever the last one left behind.

    Its goals have a `phase`, a `Choice`, which goes round: phase 0 is what the robot is for, the
    others bring the world back to where that can begin.
    """

    @abstractmethod
    def stuck(self, now: View) -> Array:
        """Whether the robot cannot go on without a person, (...) bool."""
