"""Put the tail on the fuselage, the right way round."""

from __future__ import annotations

from robotasks.physics.objects.airframe import STANDING, STERN
from robotasks.physics.objects.airplane import TAIL
from robotasks.tasks.handling import TOOL, near
from robotasks.tasks.plane.assembly import HELD, Assembly
from robotasks.tasks.plane.plane_task import place_of
from robotasks.tasks.span import Span


class Tail(Assembly):
    """Put the tail on the two pins of the fuselage, of which only one fits the wide hole.

    Randomised: the pose of the fuselage, which stands on its wheels; clearance and mass; where
    tail and tool start.
    """

    name = "plane-tail"
    goals = Span(fuselage_xy=((0.50, 0.08), (0.58, 0.16)), fuselage_yaw=(-0.4, 0.4))
    starts = {
        "default": Span(tail_xy=((0.45, -0.22), (0.57, -0.12)), tail_yaw=(-1.2, 1.2)) | TOOL,
        "near": near("tail", ((0.45, -0.22), (0.57, -0.12))),
        "held": HELD,
    }
    horizon = 200
    mounts = {"fuselage": STANDING}
    parts = {"tail": TAIL}

    def places(self, goal):
        return {"tail": place_of(STERN, goal.fuselage_xy, goal.fuselage_yaw)}
