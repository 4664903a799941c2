"""Push a heavy brick whose centre of mass is hidden: the fingers need force and a steady line."""

from __future__ import annotations

import math

from robotasks.arrays import distance
from robotasks.physics.objects import brick
from robotasks.tasks.push.part_to import PushPart
from robotasks.tasks.push.push_to import APART, AREA
from robotasks.tasks.push.tabletop import TOOL, tabletop
from robotasks.tasks.span import Span


class PushHeavy(PushPart):
    """Push an iron brick, up to 4 kg, to a point on the table.

    Randomised: goal; mass, friction and centre of mass of the brick; where brick and tool start.
    Success: within 20 mm of the goal, slower than 2 cm/s.
    """

    name = "push-heavy"
    goals = Span(goal_xy=AREA)
    dynamics = Span(mass=(1.5, 4.0), friction=(0.4, 0.6), centre=((-0.015, -0.015), (0.015, 0.015)))
    starts = {"default": Span(part_xy=AREA, part_yaw=(-math.pi, math.pi)) | TOOL}
    horizon = 150
    part = "brick"
    half_height = brick.HALF_HEIGHT
    near = 0.02
    behind = 0.06
    retreat = 0.085

    def scene(self):
        spec = tabletop()
        brick.add_brick(spec)
        return spec

    def fields(self, dynamics):
        return brick.brick_fields(dynamics.mass, dynamics.friction, dynamics.centre)

    def admits(self, start, goal, dynamics):
        return distance(start.part_xy, goal.goal_xy) > APART

    def spot(self, goal):
        return goal.goal_xy
