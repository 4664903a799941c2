"""Fetch a peg and put it somewhere: what the tasks share that handle one peg."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import mujoco

from robotasks.layout import Array, View
from robotasks.physics.engine import Placement
from robotasks.physics.objects import peg
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
    what_is_left,
    workbench,
)
from robotasks.tasks.push.tabletop import laid
from robotasks.tasks.shape.board import peg_grasp, peg_in_hand
from robotasks.tasks.slots import part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Stage, Task

PEG_XY = ((0.42, -0.22), (0.58, -0.10))
PEG = Span(peg_xy=PEG_XY, peg_yaw=(-math.pi, math.pi))
"""Where a peg stands at the start: on the arm's right."""
TURNS = (-1.5, 1.5)
"""Yaws of a seat: nearly half a turn, which is as far as a bar's look different (rad)."""
HELD = Span(
    tcp_pos=((0.42, -0.10, 0.10), (0.58, 0.10, 0.16)),
    tcp_yaw=(-0.3, 0.3),
    slip=((-0.004, -0.004), (0.004, 0.004)),
)
"""The peg already in the hand: for training alone."""
NEAR = near("peg", PEG_XY, yaw=(-math.pi, math.pi))
"""The open hand around the peg: for training alone."""


class PegTask(Task):
    """Fetch a peg and put it somewhere.

    A task of this kind gives its spans, what is to be done (`job`), when the peg is where it
    belongs (`put`), the model fields (its dynamics have a `shape`) and what else is in the scene.
    """

    family = "shape"
    starts: ClassVar = {"default": PEG | TOOL, "near": NEAR, "held": HELD}
    expert_memory = SEARCH
    control = CONTROL

    @abstractmethod
    def job(self, now: View, goal: View) -> Job:
        """Return what is to be done with the peg."""

    @abstractmethod
    def put(self, now: View, job: Job) -> Array:
        """Whether the peg is where it belongs, held or not, (...) bool."""

    def add_furniture(self, spec: mujoco.MjSpec) -> None:
        """Add to the scene what is there besides the arm and the peg."""

    def furniture(self, start: View, goal: View) -> Placement:
        """Place that."""
        return Placement()

    def surroundings(self, now: View) -> Mapping[str, Array]:
        """Return the slots of what is around the peg and seen whatever is revealed."""
        return {}

    def goal_surroundings(self, now: View) -> Mapping[str, Array]:
        """Return the slots of what stands where the goal says."""
        return {}

    def peg_start(self, start: View) -> tuple[Array, Array]:
        """Return where the peg stands at the start, (..., 2), and its yaw, (...)."""
        return start.peg_xy, start.peg_yaw

    def scene(self):
        spec = workbench()
        peg.add_peg(spec)
        self.add_furniture(spec)
        return spec

    def place(self, start, goal, dynamics):
        placement = self.furniture(start, goal)
        if "slip" in start:
            held = peg_in_hand(start.tcp_pos, start.tcp_yaw, start.slip, dynamics.shape)
            return placement | held
        xy, yaw = self.peg_start(start)
        if "tcp_off" in start:
            hand = hand_around(start, peg_grasp(xy, yaw, dynamics.shape), yaw)
        else:
            hand = open_hand(start)
        return placement | hand | laid("peg", xy, yaw, peg.HALF_HEIGHT)

    def observe(self, now):
        return {"object0": part(now, "peg"), **self.surroundings(now)}

    def cue(self, now, goal):
        job = self.job(now, goal)
        return {**what_is_left(now, job), **self.goal_surroundings(now)}

    def progress(self, now: View, job: Job) -> Array:
        """How far the job is, 0 to 1."""
        return delivery(now, job, self.put(now, job))

    def met(self, now: View, job: Job) -> Array:
        """Whether the goal is met: the peg is where it belongs and let go, (...) bool."""
        return self.put(now, job) & released(now)

    def stages(self, now, goal):
        job = self.job(now, goal)
        return [Stage(0.99 * self.progress(now, job), self.met(now, job))]

    def success(self, now, goal):
        return self.met(now, self.job(now, goal))

    def expert(self, now, goal, memory):
        job = self.job(now, goal)
        return handle(now, job, self.put(now, job), memory, self.control)
