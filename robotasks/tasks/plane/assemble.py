"""Assemble the airplane: wing, tail and propeller."""

from __future__ import annotations

import math

from robotasks.physics.objects.airframe import ENGINE, SADDLE, SHAFT, STANDING, STERN
from robotasks.physics.objects.airplane import PROPELLER, TAIL, WING
from robotasks.tasks.handling import TOOL
from robotasks.tasks.plane.assembly import Assembly
from robotasks.tasks.plane.plane_task import place_of
from robotasks.tasks.span import Span

MOUNTS = Span(
    fuselage_xy=((0.51, 0.15), (0.55, 0.19)),
    fuselage_yaw=(-0.25, 0.25),
    engine_xy=((0.60, -0.22), (0.64, -0.18)),
    engine_yaw=(-0.75, 0.75),
)
"""Where fuselage and engine stand."""


class Assemble(Assembly):
    """Put tail and wing on the fuselage, the propeller on the engine.

    Randomised: the poses of fuselage and engine; clearance and mass; where parts and tool
    start.
    """

    name = "plane-assemble"
    goals = MOUNTS
    starts = {
        "default": Span(
            tail_xy=((0.42, -0.27), (0.46, -0.24)),
            tail_yaw=(-0.6, 0.6),
            wing_xy=((0.52, -0.05), (0.56, -0.03)),
            wing_yaw=(math.pi / 2 - 0.25, math.pi / 2 + 0.25),
            propeller_xy=((0.38, -0.10), (0.42, -0.06)),
            propeller_yaw=(math.pi / 2 - 0.5, math.pi / 2 + 0.5),
        )
        | TOOL
    }
    horizon = 600
    mounts = {"fuselage": STANDING, "engine": ENGINE}
    parts = {"tail": TAIL, "wing": WING, "propeller": PROPELLER}

    def places(self, goal):
        xy, yaw = goal.fuselage_xy, goal.fuselage_yaw
        return {
            "tail": place_of(STERN, xy, yaw),
            "wing": place_of(SADDLE, xy, yaw),
            "propeller": place_of(SHAFT, goal.engine_xy, goal.engine_yaw),
        }
