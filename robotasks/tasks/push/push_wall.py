"""Slide a puck along a wall to a mark."""

from __future__ import annotations

import math

from robotasks.arrays import clip, namespace, norm, stack
from robotasks.layout import Layout
from robotasks.physics.objects import puck
from robotasks.physics.objects.fixture import add_fixture
from robotasks.physics.objects.part import Box
from robotasks.tasks.push.part_to import PushPart
from robotasks.tasks.push.tabletop import TOOL, local_xy, stands, table_xy, tabletop
from robotasks.tasks.slots import events, fixture
from robotasks.tasks.span import Span
from robotasks.tasks.task import CONTROL_PERIOD

PIVOT = (0.60, 0.0)
"""The point of the wall's face about which it is turned (m)."""
HEIGHT = 0.03
"""Of the wall (m): the hand passes above it."""
TOUCHES = 0.004
"""Gap below which the puck slides along the wall (m)."""
FADES = 0.04
"""Over how much travel the memory of having slid fades (m)."""
SLID = 0.7
"""What it has to be on arrival: the last 5 cm along the wall without a break, or nearly so."""
AHEAD = 0.04
"""How far ahead along the wall to aim (m)."""
LEAN = 0.3
"""How far to aim into the wall, per metre along it."""


class PushWall(PushPart):
    """Bring a disc to a wall and slide it along to a mark.

    Randomised: the wall's yaw and the mark; mass and friction of the disc; where disc and tool
    start. Success: within 20 mm of the mark, slower than 2 cm/s, having slid along the wall.
    """

    name = "push-wall"
    goals = Span(wall_yaw=(-0.3, 0.3), along=(0.08, 0.18))
    dynamics = Span(mass=(0.1, 0.5), friction=(0.2, 0.6))
    starts = {
        "default": Span(part_xy=((0.47, -0.16), (0.52, -0.08)), part_yaw=(-math.pi, math.pi)) | TOOL
    }
    memory = Layout({"slid": 1})
    horizon = 150
    half_height = puck.HALF_HEIGHT
    near = 0.02

    def scene(self):
        spec = tabletop()
        puck.add_puck(spec)
        add_fixture(spec, "wall", [Box(0.01, -0.006, 0.25, 0.006)], HEIGHT, friction=0.2)
        return spec

    def fields(self, dynamics):
        return puck.puck_fields(0 * dynamics.mass, dynamics.mass, dynamics.friction)

    def furnish(self, goal, dynamics):
        xy = stack(PIVOT[0] + 0 * goal.along, PIVOT[1] + 0 * goal.along)
        return stands("wall", xy, goal.wall_yaw + math.pi / 2)

    def remember(self, memory, now, goal):
        xp = namespace(now.puck_pos)
        travel = norm(now.puck_vel[..., :2]) * CONTROL_PERIOD
        _, gap = self.beside(now)
        share = 1 - xp.exp(-travel / FADES)
        touches = xp.where(gap < TOUCHES, 1.0, 0.0)
        return {"slid": memory.slid + share * (touches - memory.slid)}

    def surroundings(self, now):
        return {"events": events(now.slid)}

    def goal_surroundings(self, now):
        return {"fixture0": fixture(now, "wall")}

    def spot(self, goal):
        xp = namespace(goal.along)
        cos, sin = xp.cos(goal.wall_yaw), xp.sin(goal.wall_yaw)
        x = PIVOT[0] - goal.along * sin - puck.DISC_RADIUS * cos
        return stack(x, PIVOT[1] + goal.along * cos - puck.DISC_RADIUS * sin)

    def aim(self, now, goal):
        along, gap = self.beside(now)
        reach = AHEAD + 0.5 * clip(gap, 0.0, 1.0)
        step = clip(goal.along - along, -reach, reach)
        aim_y = puck.DISC_RADIUS - LEAN * abs(step)
        aim = table_xy(along + step, aim_y, now.wall_pos, now.wall_xaxis)
        return aim, abs(goal.along - along - step)

    def progress(self, now, goal):
        return super().progress(now, goal) * (0.4 + 0.6 * now.slid)

    def success(self, now, goal):
        return super().success(now, goal) & (now.slid > SLID)

    def beside(self, now):
        """Return how far along the wall the disc is, and its gap to the wall, (...) each."""
        along, off = local_xy(now.puck_pos[..., :2], now.wall_pos, now.wall_xaxis)
        return along, off - puck.DISC_RADIUS
