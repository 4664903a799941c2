"""Push a puck to a place on the table: the flagship of the push family."""

from __future__ import annotations

import math

from robotasks.arrays import distance, namespace, norm, stack, yaw_quat
from robotasks.physics.objects import puck
from robotasks.physics.robots.panda import Control, add_panda
from robotasks.physics.robots.placing import arm_at, part_at
from robotasks.physics.scene import workshop
from robotasks.tasks.planar import line_up, nearness, push, readiness
from robotasks.tasks.slots import part
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Mark, Stage, Task

AREA = ((0.43, -0.18), (0.63, 0.18))
"""Where pucks start and have to go (m): wide enough that the gap between the two betrays little."""
APART = 0.06
"""Least distance between a start and its goal (m)."""
NEAR = 0.02
"""How close to its goal a puck has arrived (m)."""
AT_REST = 0.02
"""Below this speed a puck rests (m/s)."""
BEHIND = 0.045
"""From the puck's middle to the tool that is about to push it (m)."""


class PushTo(Task):
    """Push a puck to a point on the table.

    Randomised: goal; mass, friction and shape (disc, square, bar) of the puck; where puck and
    tool start. Success: on the table within 20 mm of the goal, slower than 2 cm/s.
    """

    name = "push-to"
    family = "push"
    goals = Span(goal_xy=AREA)
    dynamics = Span(mass=(0.1, 0.5), friction=(0.2, 0.6), shape=Choice(puck.SHAPES))
    starts = {
        "default": Span(
            puck_xy=AREA,
            puck_yaw=(-math.pi, math.pi),
            tcp_pos=((0.45, -0.10, 0.06), (0.55, 0.10, 0.16)),
            tcp_yaw=(-0.3, 0.3),
        )
    }
    horizon = 150
    # Room to get behind a puck at the edge of its area; a floor that keeps the finger pads off the
    # table, where they would stick and their contacts double the cost of a step; closed fingers.
    control = Control(low=(0.33, -0.34, 0.015), high=(0.72, 0.34, 0.35), width=(0.0, 0.0))

    def scene(self):
        spec = workshop(timestep=0.005, grasps=False)
        add_panda(spec, fist=True)
        puck.add_puck(spec)
        return spec

    def place(self, start, goal, dynamics):
        height = puck.HALF_HEIGHT + 0 * start.puck_yaw
        pos = stack(start.puck_xy[..., 0], start.puck_xy[..., 1], height)
        arm = arm_at(start.tcp_pos, start.tcp_yaw, 0 * start.tcp_yaw)
        return arm | part_at("puck", pos, yaw_quat(start.puck_yaw))

    def admits(self, start, goal, dynamics):
        return distance(start.puck_xy, goal.goal_xy) > APART

    def fields(self, dynamics):
        return puck.puck_fields(dynamics.shape, dynamics.mass, dynamics.friction)

    def observe(self, now):
        return {"object0": part(now, "puck")}

    def cue(self, now, goal):
        return {"goal_pos": self.desired(goal)[..., :3] - now.puck_pos}

    def stages(self, now, goal):
        # One smooth stage: a bonus for touching draws the tool down on whichever side it is, and a
        # threshold for being behind makes whoever pushes badly lose what it had.
        line = line_up(now.puck_pos[..., :2], goal.goal_xy, BEHIND)
        progress = 0.25 * readiness(now.tcp_pos, line.place) + 0.75 * nearness(line.left)
        return [Stage(0.99 * progress, self.success(now, goal))]

    def success(self, now, goal):
        return self.reached(self.achieved(now), self.desired(goal))

    def achieved(self, now):
        xp = namespace(now.puck_pos)
        return xp.concat([now.puck_pos, norm(now.puck_vel)[..., None]], axis=-1)

    def desired(self, goal):
        x, y = goal.goal_xy[..., 0], goal.goal_xy[..., 1]
        return stack(x, y, puck.HALF_HEIGHT + 0 * x, 0 * x)

    def reached(self, achieved, desired):
        gap = achieved - desired
        on_table = abs(gap[..., 2]) < 0.005
        return (norm(gap[..., :2]) < NEAR) & on_table & (achieved[..., 3] < AT_REST)

    def marks(self, goal):
        return [Mark(pos=(*goal.goal_xy, 0.001), size=(NEAR, 0.001, 0.0))]

    def expert(self, now, goal, memory):
        line = line_up(now.puck_pos[..., :2], goal.goal_xy, 0.065)
        return push(now, now.puck_pos, line, self.control, arrived=0.008), {}
