"""Park a puck in a U-shaped slot."""

from __future__ import annotations

import math

from robotasks.arrays import clip, namespace, stack
from robotasks.physics.objects import puck, slot
from robotasks.tasks.push.part_to import PushPart
from robotasks.tasks.push.tabletop import TOOL, local_xy, stands, table_xy, tabletop
from robotasks.tasks.slots import fixture
from robotasks.tasks.span import Span

BEFORE = 0.11
"""From the parked disc to where one lines up before the mouth (m)."""
AHEAD = 0.04
"""How far ahead along the axis to aim (m)."""
DEPTH = 0.005
"""How deep a parked disc is, at most so far from the bottom (m)."""


class PushSlot(PushPart):
    """Push a disc into a slot, to the bottom.

    Randomised: the slot's pose and clearance; mass and friction of the disc; where disc and tool
    start. Success: in the slot, within 5 mm of the bottom, slower than 2 cm/s.
    """

    name = "push-slot"
    goals = Span(
        slot_xy=((0.48, 0.14), (0.58, 0.19)), slot_yaw=(-math.pi / 2 - 0.4, -math.pi / 2 + 0.4)
    )
    dynamics = Span(mass=(0.1, 0.5), friction=(0.2, 0.6), clearance=(0.003, 0.008))
    starts = {
        "default": Span(part_xy=((0.47, -0.18), (0.59, -0.10)), part_yaw=(-math.pi, math.pi)) | TOOL
    }
    horizon = 250
    half_height = puck.HALF_HEIGHT
    near = 0.01

    def scene(self):
        spec = tabletop()
        puck.add_puck(spec)
        slot.add_slot(spec)
        return spec

    def fields(self, dynamics):
        disc = puck.puck_fields(0 * dynamics.mass, dynamics.mass, dynamics.friction)
        return disc | slot.slot_fields(dynamics.clearance)

    def furnish(self, goal, dynamics):
        return stands("slot", goal.slot_xy, goal.slot_yaw)

    def goal_surroundings(self, now):
        return {"fixture0": fixture(now, "slot")}

    def spot(self, goal):
        return goal.slot_xy

    def aim(self, now, goal):
        # Aim at the axis ahead, but before the mouth as long as the disc is off the axis.
        out, off = self.within(now, goal)
        outside = clip((out - slot.MOUTH) / 0.02, 0.0, 1.0)
        least = BEFORE * outside * clip((abs(off) - 0.004) / 0.02, 0.0, 1.0)
        x = clip(out - AHEAD - abs(off), least, 1.0)
        return table_xy(x, 0 * x, goal.slot_xy, self.axis(goal)), x

    def success(self, now, goal):
        return super().success(now, goal) & (abs(self.within(now, goal)[0]) < DEPTH)

    def within(self, now, goal):
        """Return how far the disc is out of the slot and off its axis, (...) each."""
        return local_xy(now.puck_pos[..., :2], goal.slot_xy, self.axis(goal))

    def axis(self, goal):
        """Return the direction out of the slot, (..., 2)."""
        xp = namespace(goal.slot_yaw)
        return stack(xp.cos(goal.slot_yaw), xp.sin(goal.slot_yaw))
