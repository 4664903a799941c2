"""Change one of two wheels for a spare one."""

from __future__ import annotations

import math

from robotasks.arrays import stack
from robotasks.physics.objects.airframe import FRONT_AXLE, LYING, REAR_AXLE
from robotasks.physics.objects.airplane import WHEEL
from robotasks.tasks.handling import TOOL, choose, open_hand
from robotasks.tasks.plane.plane_task import (
    PlaneTask,
    job_of,
    on_seat,
    seated,
    sensed_place,
    sits_on,
)
from robotasks.tasks.plane.removal import SPOT, laid_there, removal
from robotasks.tasks.push.tabletop import laid
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Mark

AXLES = {"front": FRONT_AXLE, "rear": REAR_AXLE}


class ChangeWheel(PlaneTask):
    """Take the wheel that the goal names off its axle, lay it aside, put the spare one there.

    Randomised: which wheel, where to lay it; clearance and mass; where fuselage, spare wheel
    and tool start. Success: the old wheel lies within 2 cm of its spot, the spare one and the other
    sit on their axles, the fingers are open.
    """

    name = "plane-change-wheel"
    goals = Span(wheel=Choice(2), spot=((0.38, -0.12), (0.44, -0.06)))
    starts = {
        "default": Span(
            fuselage_xy=((0.50, 0.14), (0.56, 0.18)),
            fuselage_yaw=(-0.3, 0.3),
            spare_xy=((0.54, -0.22), (0.62, -0.14)),
            spare_yaw=(-math.pi, math.pi),
        )
        | TOOL
    }
    horizon = 500
    mounts = {"fuselage": LYING}
    parts = {"front": WHEEL, "rear": WHEEL, "spare": WHEEL}

    def place(self, start, goal, dynamics):
        placement = open_hand(start)
        placement |= self.furnish(start)
        placement |= laid("spare", start.spare_xy, start.spare_yaw, WHEEL.half[2])
        for name, axle in AXLES.items():
            placement |= on_seat(name, axle, start.fuselage_xy, start.fuselage_yaw)
        return placement

    def observe(self, now):
        return self.sensed_mounts(now) | self.sensed_parts(now)

    def cue(self, now, goal):
        bits = [1.0 * (goal.wheel == i) for i in range(6)]
        return {"goal_which": stack(*bits)} | self.to_go(now, goal)

    def jobs(self, now, goal):
        is_front = goal.wheel == 0
        old = choose(is_front, *(removal(now, *axle, goal.spot) for axle in AXLES.items()))
        places = (sensed_place(now, "fuselage", axle) for axle in AXLES.values())
        new = choose(is_front, *(job_of(now, "spare", WHEEL, at, WHEEL.pins) for at in places))
        return [(old, laid_there(old)), (new, seated(now, "spare", new))]

    def untouched(self, now, goal):
        front, rear = (sits_on(now, name, "fuselage", axle) for name, axle in AXLES.items())
        return 1.0 * ((rear & (goal.wheel == 0)) | (front & (goal.wheel == 1)))

    def marks(self, goal):
        return [Mark(pos=(*goal.spot, 0.001), size=(SPOT, 0.001, 0.0))]
