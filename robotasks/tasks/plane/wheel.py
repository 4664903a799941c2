"""Put a wheel on one of the two axles."""

from __future__ import annotations

import math

from robotasks.arrays import namespace
from robotasks.physics.objects.airframe import FRONT_AXLE, LYING, REAR_AXLE
from robotasks.physics.objects.airplane import WHEEL
from robotasks.tasks.handling import TOOL, near
from robotasks.tasks.plane.assembly import HELD, Assembly
from robotasks.tasks.plane.plane_task import Place, place_of
from robotasks.tasks.span import Choice, Span


class Wheel(Assembly):
    """Put the wheel on the axle that the goal names.

    Randomised: the pose of the fuselage, which lies on its side, and which axle; clearance and
    mass; where wheel and tool start.
    """

    name = "plane-wheel"
    goals = Span(axle=Choice(2), fuselage_xy=((0.48, 0.10), (0.56, 0.16)), fuselage_yaw=(-0.4, 0.4))
    starts = {
        "default": Span(wheel_xy=((0.42, -0.22), (0.58, -0.12)), wheel_yaw=(-math.pi, math.pi))
        | TOOL,
        "near": near("wheel", ((0.42, -0.22), (0.58, -0.12))),
        "held": HELD,
    }
    horizon = 200
    mounts = {"fuselage": LYING}
    parts = {"wheel": WHEEL}

    def places(self, goal):
        front, rear = (
            place_of(axle, goal.fuselage_xy, goal.fuselage_yaw) for axle in (FRONT_AXLE, REAR_AXLE)
        )
        xp = namespace(goal.axle)
        at_rear = goal.axle > 0.5
        return {"wheel": Place(xp.where(at_rear[..., None], rear.pos, front.pos), front.yaw)}
