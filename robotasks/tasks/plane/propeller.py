"""Put the propeller on the engine."""

from __future__ import annotations

import math

from robotasks.physics.objects.airframe import ENGINE, SHAFT
from robotasks.physics.objects.airplane import PROPELLER
from robotasks.tasks.handling import TOOL, near
from robotasks.tasks.plane.assembly import HELD, Assembly
from robotasks.tasks.plane.plane_task import place_of
from robotasks.tasks.span import Span


class Propeller(Assembly):
    """Put the propeller on the square shaft of the engine.

    Randomised: the pose of the engine, which lies on its back; clearance and mass; where
    propeller and tool start.
    """

    name = "plane-propeller"
    goals = Span(engine_xy=((0.45, 0.06), (0.57, 0.18)), engine_yaw=(-0.75, 0.75))
    starts = {
        "default": Span(
            propeller_xy=((0.45, -0.22), (0.57, -0.10)), propeller_yaw=(-math.pi, math.pi)
        )
        | TOOL,
        "near": near("propeller", ((0.45, -0.22), (0.57, -0.10)), yaw=(-math.pi, math.pi)),
        "held": HELD,
    }
    horizon = 200
    mounts = {"engine": ENGINE}
    parts = {"propeller": PROPELLER}

    def places(self, goal):
        return {"propeller": place_of(SHAFT, goal.engine_xy, goal.engine_yaw)}
