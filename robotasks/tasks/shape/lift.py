"""Lift a peg to a point in the air."""

from __future__ import annotations

from robotasks.arrays import closeness, distance
from robotasks.physics.objects import peg
from robotasks.tasks.handling import TOOL, approaching, fetching, holds, lift_of, yaw_of
from robotasks.tasks.shape.board import peg_job
from robotasks.tasks.shape.peg_in import SHAPE
from robotasks.tasks.shape.peg_task import NEAR as NEAR_PEG
from robotasks.tasks.shape.peg_task import PEG, PegTask
from robotasks.tasks.span import Span
from robotasks.tasks.task import Mark

NEAR = 0.02
"""How close to its point a peg is there (m)."""


class Lift(PegTask):
    """Grasp the peg and hold it at a point in the air.

    Randomised: the point; the peg's shape and mass; where peg and tool start. Success: the peg's
    middle within 20 mm of the point, in the fingers.
    """

    name = "shape-lift"
    goals = Span(point=((0.42, -0.10, 0.12), (0.58, 0.15, 0.25)))
    dynamics = SHAPE | Span(mass=(0.03, 0.3))
    starts = {"default": PEG | TOOL, "near": NEAR_PEG}
    horizon = 150

    def fields(self, dynamics):
        return peg.peg_fields(dynamics.shape, 0.3 + 0 * dynamics.mass, dynamics.mass)

    def job(self, now, goal):
        return peg_job(now, goal.point, yaw_of(now.peg_xaxis), 0.0)

    def put(self, now, job):
        return now.grip_width < 0  # it is never let go

    def progress(self, now, job):
        left = distance(job.part_pos, job.seat_pos)
        up = lift_of(job.part_pos[..., 2] - peg.HALF_HEIGHT)
        near = approaching(now, job)
        fetched = fetching(now, job.grasp_pos, near, up, self.put(now, job))
        return 0.4 * fetched + 0.36 * closeness(left, 0.15) + 0.24 * closeness(left, 0.03)

    def met(self, now, job):
        return holds(now, job.grasp_pos) & (distance(job.part_pos, job.seat_pos) < NEAR)

    def marks(self, goal):
        return [Mark(pos=tuple(goal.point), size=(NEAR, NEAR, NEAR), shape="sphere")]
