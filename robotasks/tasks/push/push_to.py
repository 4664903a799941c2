"""Push a puck to a place on the table: the flagship of the push family."""

from __future__ import annotations

import math

from robotasks.arrays import clip, closeness, distance, dot, namespace, norm, stack, unit, yaw_quat
from robotasks.physics.objects import puck
from robotasks.physics.robots.panda import Control, add_panda
from robotasks.physics.robots.placing import arm_at, part_at
from robotasks.physics.scene import workshop
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
TOUCH_HEIGHT = 0.02
"""Tool height at which the closed fingers push (m)."""


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
        spec = workshop(timestep=0.005)
        add_panda(spec)
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
        to_goal = goal.goal_xy - now.puck_pos[..., :2]
        left, along = norm(to_goal), unit(to_goal)
        reach = distance(now.tcp_pos, behind(now.puck_pos, along, 0.045))
        # One smooth stage: a bonus for touching draws the tool down on whichever side it is, and a
        # threshold for being behind makes whoever pushes badly lose what it had. Coarse terms call
        # from afar, fine ones reward precision; speed pays at once for what nearness pays later.
        ready = 0.5 * closeness(reach, 0.1) + 0.5 * closeness(reach, 0.03)
        nearer = 0.5 * clip(1 - left / 0.4, 0.0, 1.0) + 0.5 * closeness(left, 0.06)
        coming = dot(now.puck_vel[..., :2], along)
        pace = 0.5 + 0.5 * namespace(left).tanh(coming / 0.1)
        progress = 0.99 * (0.3 * ready + 0.15 * pace + 0.55 * nearer)
        return [Stage(progress, self.success(now, goal))]

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
        xp = namespace(now.tcp_pos)
        to_goal = goal.goal_xy - now.puck_pos[..., :2]
        left, along = norm(to_goal), unit(to_goal)
        rel = (now.tcp_pos - now.puck_pos)[..., :2]
        back = -dot(rel, along)
        aside = rel + back[..., None] * along
        off = norm(aside)
        low = now.tcp_pos[..., 2] < 0.04
        pushing = low & (back > 0.02) & (off < 0.02 + 0.3 * clip(back - 0.05, 0.0, 0.1))
        start = behind(now.puck_pos, along, 0.065)
        over = distance(now.tcp_pos[..., :2], start[..., :2]) < 0.015
        aloft = now.tcp_pos[..., 2] > 0.06
        # Rise, travel above the puck, come down behind it.
        hover = xp.where(over, start[..., 2], start[..., 2] + 0.055)
        ahead = xp.where((over | aloft)[..., None], start[..., :2], now.tcp_pos[..., :2])
        approach = xp.concat([ahead, hover[..., None]], axis=-1) - now.setpoint[..., :3]
        # Push along the line to the goal, sliding back onto it; slow down to arrive at rest.
        pace = clip(0.35 * left, 0.003, 0.02) * clip(1.5 - off / 0.012, 0.2, 1.0)
        shove = pace[..., None] * along - 0.6 * aside
        level = (TOUCH_HEIGHT - now.setpoint[..., 2])[..., None]
        move = xp.where(pushing[..., None], xp.concat([shove, level], axis=-1), approach)
        arrived = (left < 0.008)[..., None]
        move = clip(xp.where(arrived, 0 * move, move) / self.control.step, -1.0, 1.0)
        # The broad side of the fingers pushes; either face will do.
        face = xp.atan2(along[..., 1], along[..., 0])
        turn = (face - now.setpoint[..., 5] + math.pi / 2) % math.pi - math.pi / 2
        turn = clip(xp.where(arrived[..., 0], 0 * turn, turn) / self.control.turn, -1.0, 1.0)
        closed = 0 * turn - 1.0
        return xp.concat([move, turn[..., None], closed[..., None]], axis=-1), {}


def behind(puck_pos, along, gap):
    """Point `gap` metres behind the puck on its way `along` (..., 2), at pushing height."""
    x = puck_pos[..., 0] - gap * along[..., 0]
    y = puck_pos[..., 1] - gap * along[..., 1]
    return stack(x, y, TOUCH_HEIGHT + 0 * x)
