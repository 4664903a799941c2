"""Put both wheels on."""

from __future__ import annotations

import math

from robotasks.physics.objects.airframe import FRONT_AXLE, LYING, REAR_AXLE
from robotasks.physics.objects.airplane import WHEEL
from robotasks.tasks.handling import TOOL
from robotasks.tasks.plane.assembly import HELD, Assembly
from robotasks.tasks.plane.plane_task import place_of
from robotasks.tasks.span import Span

REAR = Span(rear_xy=((0.38, -0.22), (0.47, -0.12)), rear_yaw=(-math.pi, math.pi))
FRONT = Span(front_xy=((0.55, -0.22), (0.64, -0.12)), front_yaw=(-math.pi, math.pi))


class WheelPair(Assembly):
    """Put two wheels on the two axles, each on its own.

    Randomised: the pose of the fuselage, which lies on its side; clearance and mass; where
    wheels and tool start.
    """

    name = "plane-wheel-pair"
    goals = Span(fuselage_xy=((0.48, 0.10), (0.56, 0.16)), fuselage_yaw=(-0.4, 0.4))
    starts = {"default": FRONT | REAR | TOOL, "held": REAR | HELD}
    horizon = 400
    mounts = {"fuselage": LYING}
    parts = {"front": WHEEL, "rear": WHEEL}

    def places(self, goal):
        xy, yaw = goal.fuselage_xy, goal.fuselage_yaw
        return {"front": place_of(FRONT_AXLE, xy, yaw), "rear": place_of(REAR_AXLE, xy, yaw)}
