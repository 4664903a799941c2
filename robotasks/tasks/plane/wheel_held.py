"""Put a wheel that is in the hand on its axle: the flagship of the family, solvable blindly."""

from __future__ import annotations

from robotasks.physics.objects.airframe import FRONT_AXLE, LYING, mount_fields
from robotasks.physics.objects.airplane import WHEEL
from robotasks.tasks.handling import GENTLE, feel, insertion
from robotasks.tasks.plane.plane_task import (
    PlaneTask,
    in_hand,
    job_of,
    place_of,
    seated,
    sensed_place,
)
from robotasks.tasks.push.tabletop import stands
from robotasks.tasks.span import Span
from robotasks.tasks.task import Stage

ON = 0.032
"""Tool height below which the wheel is on (m)."""


class WheelHeld(PlaneTask):
    """Put the wheel in the hand on the front axle of a fuselage that nobody sees.

    Randomised: where the fuselage is said to stand and how it is turned; up to 6 mm by which it is
    off in x and in y, clearance and friction; the tool's pose and how the wheel sits in the hand,
    which stays closed. Success: the wheel down on the axle's foot within 1.5 mm, upright.
    The expert feels: it reads nothing but the tool, the set-point and where the fuselage is said to
    be; so `observe="blind"` is enough to solve it.
    """

    name = "plane-wheel-held"
    goals = Span(fuselage_xy=((0.43, 0.07), (0.47, 0.11)), fuselage_yaw=(-0.35, 0.35))
    dynamics = Span(
        clearance=(0.001, 0.002), friction=(0.2, 0.5), off=((-0.006, -0.006), (0.006, 0.006))
    )
    starts = {
        "default": Span(
            tcp_pos=((0.49, -0.01, 0.10), (0.51, 0.01, 0.12)),
            tcp_yaw=(-0.1, 0.1),
            slip=(-0.004, 0.004),
        )
    }
    horizon = 200
    control = GENTLE
    mounts = {"fuselage": LYING}
    parts = {"wheel": WHEEL}

    def place(self, start, goal, dynamics):
        fuselage = stands("fuselage", goal.fuselage_xy + dynamics.off, goal.fuselage_yaw)
        return fuselage | in_hand("wheel", WHEEL, start)

    def fields(self, dynamics):
        return mount_fields("fuselage", LYING, dynamics.clearance, dynamics.friction)

    def observe(self, now):
        return self.sensed_parts(now)

    def cue(self, now, goal):
        return self.to_go(now, goal)  # not the fuselage, which would show how far it is off

    def jobs(self, now, goal):
        axle = place_of(FRONT_AXLE, goal.fuselage_xy, goal.fuselage_yaw)
        return self.onto(now, axle)

    def onto(self, now, axle):
        """Return the job of putting the wheel on an axle."""
        job = job_of(now, "wheel", WHEEL, axle, WHEEL.pins)
        return [(job, seated(now, "wheel", job))]

    def stages(self, now, goal):
        ((job, done),) = self.onto(now, sensed_place(now, "fuselage", FRONT_AXLE))
        return [Stage(0.99 * insertion(job.gap, job.depth), done)]

    def expert(self, now, goal, memory):
        axle = place_of(FRONT_AXLE, goal.fuselage_xy, goal.fuselage_yaw)
        return feel(now, axle.pos[..., :2], 0 * axle.yaw, ON, memory, self.control)
