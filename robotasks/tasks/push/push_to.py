"""Push a puck to a place on the table: the flagship of the push family."""

from __future__ import annotations

import math

from robotasks.arrays import distance
from robotasks.physics.objects import puck
from robotasks.tasks.push.part_to import PushPart
from robotasks.tasks.push.tabletop import TOOL, tabletop
from robotasks.tasks.span import Choice, Span

AREA = ((0.43, -0.18), (0.63, 0.18))
"""Where pucks start and have to go (m): wide enough that the gap between the two betrays little."""
APART = 0.06
"""Least distance between a start and its goal (m)."""


class PushTo(PushPart):
    """Push a puck to a point on the table.

    Randomised: goal; mass, friction and shape (disc, square, bar) of the puck; where puck and
    tool start. Success: on the table within 20 mm of the goal, slower than 2 cm/s.
    """

    name = "push-to"
    goals = Span(goal_xy=AREA)
    dynamics = Span(mass=(0.1, 0.5), friction=(0.2, 0.6), shape=Choice(puck.SHAPES))
    starts = {"default": Span(part_xy=AREA, part_yaw=(-math.pi, math.pi)) | TOOL}
    horizon = 150
    half_height = puck.HALF_HEIGHT
    near = 0.02

    def scene(self):
        spec = tabletop()
        puck.add_puck(spec)
        return spec

    def fields(self, dynamics):
        return puck.puck_fields(dynamics.shape, dynamics.mass, dynamics.friction)

    def admits(self, start, goal, dynamics):
        return distance(start.part_xy, goal.goal_xy) > APART

    def spot(self, goal):
        return goal.goal_xy
