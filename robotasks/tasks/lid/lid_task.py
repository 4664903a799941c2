"""Fetch a lid and close a bottle with it: what the tasks share that differ in the kind of lid."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import mujoco

from robotasks.layout import Array, View
from robotasks.physics.objects import bottle, lid
from robotasks.tasks.handling import (
    CONTROL,
    SEARCH,
    TOOL,
    Job,
    delivery,
    hand_around,
    handle,
    near,
    open_hand,
    released,
)
from robotasks.tasks.lid.caps import GRASP_UP, lid_in_hand, lid_job, lid_workbench, seat
from robotasks.tasks.planar import above
from robotasks.tasks.push.tabletop import laid, stands
from robotasks.tasks.slots import fixture, part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Stage, Task

LID_XY = ((0.42, -0.22), (0.58, -0.10))
LID = Span(lid_xy=LID_XY, lid_yaw=(-math.pi, math.pi))
"""Where a lid lies at the start: on the arm's right."""
HELD = Span(
    tcp_pos=((0.42, -0.10, 0.13), (0.58, 0.10, 0.18)),
    tcp_yaw=(-0.3, 0.3),
    slip=((-0.003, -0.001, -0.5), (0.003, 0.001, 0.5)),
)
"""The lid already in the hand: for training alone."""
NEAR = near("lid", LID_XY)
"""The open hand around the lid: for training alone."""
BOTTLE_XY = ((0.47, 0.09), (0.53, 0.15))
"""Where bottles stand: on the arm's left (m)."""


class LidTask(Task):
    """Fetch the lid, close the bottle, let go.

    A task of this kind gives its spans, what it adds to bottle and lid (`fit`), the model fields
    and when the bottle is closed (`closed`).
    """

    family = "lid"
    goals = Span(bottle_xy=BOTTLE_XY)
    starts: ClassVar = {"default": LID | TOOL, "near": NEAR, "held": HELD}
    expert_memory = SEARCH
    control = CONTROL
    depth: ClassVar[float]
    """From where the lid is around the neck, down to its seat (m)."""

    @abstractmethod
    def fit(self, neck: mujoco.MjsBody, cap: mujoco.MjsBody) -> None:
        """Add to the bottle and to the lid what holds them together."""

    @abstractmethod
    def closed(self, now: View, goal: View) -> Array:
        """Whether the lid closes the bottle, held or not, (...) bool."""

    def job(self, now: View, goal: View) -> Job:
        """Return what is to be done with the lid; a round one may have any yaw."""
        return lid_job(now, seat(goal.bottle_xy), self.depth)

    def progress(self, now: View, goal: View) -> Array:
        """How far the task is, 0 to 1."""
        return delivery(now, self.job(now, goal), self.closed(now, goal))

    def neck_yaw(self, goal: View) -> Array:
        """Return how the bottle is turned, (...)."""
        return 0 * goal.bottle_xy[..., 0]

    def scene(self):
        spec = lid_workbench()
        self.fit(bottle.add_bottle(spec), lid.add_lid(spec))
        return spec

    def place(self, start, goal, dynamics):
        bottle_stands = stands("bottle", goal.bottle_xy, self.neck_yaw(goal))
        if "slip" in start:
            return bottle_stands | lid_in_hand(start)
        if "tcp_off" in start:
            grasp = above(start.lid_xy, lid.HALF_HEIGHT + GRASP_UP)
            hand = hand_around(start, grasp, start.lid_yaw)
        else:
            hand = open_hand(start)
        return bottle_stands | hand | laid("lid", start.lid_xy, start.lid_yaw, lid.HALF_HEIGHT)

    def observe(self, now):
        return {"object0": part(now, "lid")}

    def cue(self, now, goal):
        to_go = seat(goal.bottle_xy) - now.lid_pos
        return {"goal_pos": to_go, "fixture0": fixture(now, "bottle")}

    def stages(self, now, goal):
        return [Stage(0.99 * self.progress(now, goal), self.success(now, goal))]

    def success(self, now, goal):
        return self.closed(now, goal) & released(now)

    def expert(self, now, goal, memory):
        return handle(now, self.job(now, goal), self.closed(now, goal), memory, self.control)
