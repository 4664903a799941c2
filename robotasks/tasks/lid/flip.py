"""Close or open a chest by the handle of its lid."""

from __future__ import annotations

import math

from robotasks.arrays import namespace, stack
from robotasks.physics.engine import Placement
from robotasks.physics.objects import hinged
from robotasks.tasks.handling import open_hand, yaw_of
from robotasks.tasks.lid.caps import lid_workbench
from robotasks.tasks.lid.jointed import ABOVE, STAND, JointedTask, along
from robotasks.tasks.push.tabletop import stands
from robotasks.tasks.span import Choice, Span


class LidFlip(JointedTask):
    """Flip the lid of the chest shut or open, as the goal says, and let go.

    Randomised: shut or open; the hinge's friction; the chest's pose, how far it is open, where the
    tool starts. Success: the lid within 5 degrees of shut or of its stop, the fingers open.
    """

    name = "lid-flip"
    goals = Span(open=Choice(2))
    dynamics = Span(drag=(0.02, 0.2))
    starts = {"default": STAND | Span(angle=(0.5, 1.0)) | ABOVE}
    horizon = 150
    stand = "chest"
    near = math.radians(5)
    travel = 1.0
    reach = hinged.HANDLE[0]

    def scene(self):
        spec = lid_workbench()
        hinged.add_chest(spec)
        return spec

    def place(self, start, goal, dynamics):
        lid = Placement(joints={"chest_lid": start.angle})
        return open_hand(start) | stands("chest", start.stand_xy, start.stand_yaw) | lid

    def fields(self, dynamics):
        return hinged.drag_fields(dynamics.drag, "chest_lid")

    def cue(self, now, goal):
        which = stack(1 - goal.open, goal.open, *[0 * goal.open] * 4)
        return {"goal_which": which, **super().cue(now, goal)}

    def target(self, goal):
        return hinged.OPENS * goal.open

    def handle_at(self, now, angle):
        xp, (out, up) = namespace(angle), hinged.HANDLE
        x = out * xp.cos(angle) - up * xp.sin(angle)
        z = out * xp.sin(angle) + up * xp.cos(angle)
        return along(now, "chest", hinged.HINGE[0] + x, hinged.HINGE[1] + z)

    def fingers(self, now):
        return yaw_of(now.chest_xaxis) + math.pi / 2, math.pi
