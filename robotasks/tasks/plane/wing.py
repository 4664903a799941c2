"""Put the wing on the fuselage."""

from __future__ import annotations

import math

from robotasks.physics.objects.airframe import SADDLE, STANDING
from robotasks.physics.objects.airplane import WING
from robotasks.tasks.handling import TOOL, near
from robotasks.tasks.plane.assembly import HELD, Assembly
from robotasks.tasks.plane.plane_task import place_of
from robotasks.tasks.span import Span


class Wing(Assembly):
    """Put the wing across the fuselage, its hole over the peg of the saddle.

    Randomised: the pose of the fuselage, which stands on its wheels; clearance and mass; where
    wing and tool start.
    """

    name = "plane-wing"
    goals = Span(fuselage_xy=((0.48, 0.08), (0.56, 0.16)), fuselage_yaw=(-0.4, 0.4))
    starts = {
        "default": Span(wing_xy=((0.45, -0.22), (0.57, -0.14)), wing_yaw=(-math.pi, math.pi))
        | TOOL,
        "near": near("wing", ((0.45, -0.22), (0.57, -0.14)), yaw=(-math.pi, math.pi)),
        "held": HELD,
    }
    horizon = 200
    mounts = {"fuselage": STANDING}
    parts = {"wing": WING}

    def places(self, goal):
        return {"wing": place_of(SADDLE, goal.fuselage_xy, goal.fuselage_yaw)}
