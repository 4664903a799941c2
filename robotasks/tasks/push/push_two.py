"""Push two discs, each to its own mark."""

from __future__ import annotations

from robotasks.arrays import distance, namespace
from robotasks.layout import Layout
from robotasks.physics.objects import puck
from robotasks.physics.objects.part import BLUE, ORANGE
from robotasks.tasks.planar import above, delivered, line_up, place_and_speed, push, rests
from robotasks.tasks.push.tabletop import CONTROL, TOOL, laid, lying, tabletop, tool_at
from robotasks.tasks.slots import part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Mark, Stage, Task

LEFT = ((0.44, 0.05), (0.62, 0.18))
RIGHT = ((0.44, -0.18), (0.62, -0.05))
"""Where the discs of either side start and have to go (m)."""
SIDES = ("left", "right")
APART = 0.04
"""Least distance between a start and its goal (m)."""
BEHIND = 0.045
"""From a disc's middle to the tool that is about to push it (m)."""
NEAR = 0.025
"""How close to its goal a disc has arrived (m)."""


class PushTwo(Task):
    """Push the orange disc to the orange mark and the blue one to the blue mark.

    Randomised: both goals; mass and friction of the discs; where discs and tool start.
    Success: both within 25 mm of their goals, slower than 2 cm/s.
    """

    name = "push-two"
    family = "push"
    goals = Span(left_xy=LEFT, right_xy=RIGHT)
    dynamics = Span(mass=(0.1, 0.5), friction=(0.2, 0.6))
    # For training alone: one of the discs lies on its mark.
    starts = {
        "default": Span(left_xy=LEFT, right_xy=RIGHT) | TOOL,
        "left": Span(left_xy=LEFT) | TOOL,
        "right": Span(right_xy=RIGHT) | TOOL,
    }
    expert_memory = Layout({"left_done": 1})
    horizon = 200
    control = CONTROL

    def scene(self):
        spec = tabletop()
        puck.add_puck(spec, "left", ORANGE)
        puck.add_puck(spec, "right", BLUE)
        return spec

    def place(self, start, goal, dynamics):
        placement, zero = tool_at(start), 0 * start.tcp_yaw
        for name in SIDES:
            side = f"{name}_xy"
            xy = getattr(start if side in start else goal, side)
            placement |= laid(name, xy, zero, puck.HALF_HEIGHT)
        return placement

    def admits(self, start, goal, dynamics):
        apart = True
        for side in (f"{name}_xy" for name in SIDES):
            if side in start:
                apart = (distance(getattr(start, side), getattr(goal, side)) > APART) & apart
        return apart

    def fields(self, dynamics):
        disc, mass, friction = 0 * dynamics.mass, dynamics.mass, dynamics.friction
        left = puck.puck_fields(disc, mass, friction, "left")
        return left | puck.puck_fields(disc, mass, friction, "right")

    def observe(self, now):
        return {"object0": part(now, "left"), "object1": part(now, "right")}

    def cue(self, now, goal):
        return {
            "goal_pos": above(goal.left_xy, puck.HALF_HEIGHT) - now.left_pos,
            "goal_pos1": above(goal.right_xy, puck.HALF_HEIGHT) - now.right_pos,
        }

    def stages(self, now, goal):
        pucks = now.left_pos[..., :2], now.right_pos[..., :2]
        paid = delivered(now.tcp_pos, pucks, (goal.left_xy, goal.right_xy), BEHIND, 0.4 * NEAR)
        return [Stage(0.99 * paid, self.success(now, goal))]

    def success(self, now, goal):
        return self.reached(self.achieved(now), self.desired(goal))

    def achieved(self, now):
        left = place_and_speed(now.left_pos, now.left_vel)
        right = place_and_speed(now.right_pos, now.right_vel)
        return namespace(left).concat([left, right], axis=-1)

    def desired(self, goal):
        left, right = (lying(xy, puck.HALF_HEIGHT) for xy in (goal.left_xy, goal.right_xy))
        return namespace(left).concat([left, right], axis=-1)

    def reached(self, achieved, desired):
        left = rests(achieved[..., :4], desired[..., :4], NEAR)
        return left & rests(achieved[..., 4:], desired[..., 4:], NEAR)

    def marks(self, goal):
        size = (NEAR, 0.001, 0.0)
        left = Mark(pos=(*goal.left_xy, 0.001), size=size, rgba=(*ORANGE[:3], 0.6))
        return [left, Mark(pos=(*goal.right_xy, 0.001), size=size, rgba=(*BLUE[:3], 0.6))]

    def expert(self, now, goal, memory):
        xp = namespace(now.tcp_pos)
        gap = distance(now.left_pos[..., :2], goal.left_xy)
        done = xp.where(gap < 0.01, 1 + 0 * gap, memory.left_done)
        on_right = (done > 0.5)[..., None]
        pos = xp.where(on_right, now.right_pos, now.left_pos)
        line = line_up(pos[..., :2], xp.where(on_right, goal.right_xy, goal.left_xy), 0.065)
        return push(now, pos, line, self.control, arrived=0.008), {"left_done": done}
