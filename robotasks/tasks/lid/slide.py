"""Slide the lid of a case as far open as the goal says."""

from __future__ import annotations

import math

from robotasks.physics.engine import Placement
from robotasks.physics.objects import hinged
from robotasks.tasks.handling import open_hand
from robotasks.tasks.lid.caps import lid_workbench
from robotasks.tasks.lid.jointed import ABOVE, STAND, JointedTask, along
from robotasks.tasks.push.tabletop import stands
from robotasks.tasks.span import Span

APART = 0.012
"""Least way between a start and its goal (m)."""


class LidSlide(JointedTask):
    """Slide the lid of the case as far open as the goal says, and let go.

    Randomised: how far; the lid's friction; the case's pose, how far it is open, where the tool
    starts. Success: within 5 mm, the fingers open.
    """

    name = "lid-slide"
    goals = Span(opening=(0.0, hinged.SLIDES))
    dynamics = Span(drag=(0.5, 3.0))
    starts = {"default": STAND | Span(opened=(0.0, hinged.SLIDES)) | ABOVE}
    horizon = 100
    stand = "case"
    near = 0.005
    travel = hinged.SLIDES
    reach = 1.0

    def scene(self):
        spec = lid_workbench()
        hinged.add_case(spec)
        return spec

    def place(self, start, goal, dynamics):
        lid = Placement(joints={"case_lid": start.opened})
        return open_hand(start) | stands("case", start.stand_xy, start.stand_yaw) | lid

    def fields(self, dynamics):
        return hinged.drag_fields(dynamics.drag, "case_lid")

    def admits(self, start, goal, dynamics):
        return abs(start.opened - goal.opening) > APART

    def target(self, goal):
        return goal.opening

    def handle_at(self, now, angle):
        return along(now, "case", angle, hinged.CASE_UP + hinged.KNOB_UP + 0 * angle)

    def fingers(self, now):
        return 0 * now.case_lid_angle, math.pi / 180  # a round knob
