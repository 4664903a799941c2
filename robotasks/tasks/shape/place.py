"""Stand a peg on a mark, turned as the mark says."""

from __future__ import annotations

import math

from robotasks.arrays import heading
from robotasks.physics.objects import peg
from robotasks.tasks.shape.board import peg_job, seat, standing
from robotasks.tasks.shape.peg_in import SHAPE
from robotasks.tasks.shape.peg_task import TURNS, PegTask
from robotasks.tasks.span import Span
from robotasks.tasks.task import Mark

NEAR, SQUARE_TO = 0.01, math.radians(10)
"""How near its mark (m) and turned like it (rad) a peg is placed."""
DEPTH = 0.02
"""From so far above its mark a peg is being set down (m)."""


class Place(PegTask):
    """Stand the peg on a mark and let go.

    Randomised: the mark's place and yaw; the peg's shape and mass; where peg and tool start.
    Success: upright on the table, within 10 mm and 10 degrees of the mark, the fingers open.
    """

    name = "shape-place"
    goals = Span(mark_xy=((0.42, 0.02), (0.58, 0.18)), mark_yaw=TURNS)
    dynamics = SHAPE | Span(mass=(0.03, 0.3))
    horizon = 200

    def fields(self, dynamics):
        return peg.peg_fields(dynamics.shape, 0.3 + 0 * dynamics.mass, dynamics.mass)

    def job(self, now, goal):
        return peg_job(now, seat(goal.mark_xy), goal.mark_yaw, DEPTH)

    def put(self, now, job):
        gap = job.gap
        return standing(now, gap) & (gap.aside < NEAR) & (gap.turn < SQUARE_TO)

    def marks(self, goal):
        # A second, small disc tells the yaw.
        sine, cosine = heading(goal.mark_yaw)
        x, y = goal.mark_xy
        disc = Mark(pos=(x, y, 0.001), size=(0.03, 0.001, 0.0))
        return [disc, Mark((x + 0.04 * cosine, y + 0.04 * sine, 0.001), (0.006, 0.001, 0.0))]
