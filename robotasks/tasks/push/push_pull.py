"""Bring a puck nearer: the fingers have to get behind it, on its far side."""

from __future__ import annotations

import math

from robotasks.physics.objects import puck
from robotasks.tasks.push.part_to import PushPart
from robotasks.tasks.push.tabletop import tabletop
from robotasks.tasks.span import Choice, Span


class PushPull(PushPart):
    """Pull a puck towards the robot with the fingers' far side.

    The tool starts low, between the robot and the puck. Randomised: goal; mass, friction and
    shape of the puck; where puck and tool start. Success: within 25 mm, slower than 2 cm/s.
    """

    name = "push-pull"
    goals = Span(goal_xy=((0.39, -0.16), (0.48, 0.16)))
    dynamics = Span(mass=(0.1, 0.5), friction=(0.2, 0.6), shape=Choice(puck.SHAPES))
    starts = {
        "default": Span(
            part_xy=((0.55, -0.16), (0.64, 0.16)),
            part_yaw=(-math.pi, math.pi),
            tcp_pos=((0.40, -0.10, 0.03), (0.47, 0.10, 0.08)),
            tcp_yaw=(-0.3, 0.3),
        )
    }
    horizon = 150
    half_height = puck.HALF_HEIGHT
    near = 0.025

    def scene(self):
        spec = tabletop()
        puck.add_puck(spec)
        return spec

    def fields(self, dynamics):
        return puck.puck_fields(dynamics.shape, dynamics.mass, dynamics.friction)

    def spot(self, goal):
        return goal.goal_xy
