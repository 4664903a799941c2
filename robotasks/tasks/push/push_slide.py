"""Slide a puck to a place out of reach."""

from __future__ import annotations

import math
from dataclasses import replace

from robotasks.arrays import distance, dot, namespace, norm
from robotasks.physics.objects import puck
from robotasks.physics.scene import aim_camera
from robotasks.tasks.planar import GRAVITY, act, delivered, nearness, push
from robotasks.tasks.push.part_to import PushPart
from robotasks.tasks.push.tabletop import CONTROL, tabletop
from robotasks.tasks.span import Span

FRICTION = 0.1
"""What the friction is about (its spread moves the puck by less than `near`)."""
LINE = 0.66
"""The tool gets no farther than this x (m)."""
LAG = 0.118
"""Lead of the set-point over the speed it gives the tool (s): damping over stiffness is 0.1, and
the rest makes up for the set-point standing still during a control step."""


class PushSlide(PushPart):
    """Give a disc the speed with which it slides to a place beyond the tool's reach.

    Randomised: goal; mass and friction of the disc; where disc and tool start.
    Success: within 60 mm of the goal, slower than 2 cm/s.
    """

    name = "push-slide"
    goals = Span(goal_xy=((0.78, -0.14), (0.90, 0.14)))
    dynamics = Span(mass=(0.1, 0.5), friction=(0.095, 0.105))
    starts = {
        "default": Span(
            part_xy=((0.43, -0.08), (0.47, 0.08)),
            part_yaw=(-math.pi, math.pi),
            tcp_pos=((0.40, -0.10, 0.07), (0.50, 0.10, 0.16)),
            tcp_yaw=(-0.3, 0.3),
        )
    }
    horizon = 100
    control = replace(CONTROL, step=0.08, lead=0.16, high=(LINE, *CONTROL.high[1:]))
    half_height = puck.HALF_HEIGHT
    near = 0.06

    def scene(self):
        spec = tabletop()
        aim_camera(spec, "front", eye=(1.40, -0.62, 0.80), target=(0.46, -0.02, 0.10))
        puck.add_puck(spec)
        return spec

    def fields(self, dynamics):
        return puck.puck_fields(0 * dynamics.mass, dynamics.mass, dynamics.friction)

    def spot(self, goal):
        return goal.goal_xy

    def progress(self, now, goal):
        # What counts is where the puck will stop, paid at once; and, so that waiting is paid, where
        # it is.
        xy, vel = now.puck_pos[..., :2], now.puck_vel[..., :2]
        stop = xy + vel * norm(vel)[..., None] / (2 * FRICTION * GRAVITY)
        paid = delivered(now.tcp_pos, [stop], [goal.goal_xy], self.behind, 0.5 * self.near)
        return 0.99 * (0.6 * paid + 0.4 * nearness(distance(xy, goal.goal_xy)))

    def expert(self, now, goal, memory):
        # Follow at the speed of a puck that slides to the goal, so that it may leave the fingers
        # anywhere; then keep still.
        xp = namespace(now.tcp_pos)
        line = self.line(now, goal, 0.08)
        needed = (2 * FRICTION * GRAVITY * line.left) ** 0.5
        speed = dot(now.puck_vel[..., :2], line.along)
        rel = (now.tcp_pos - now.puck_pos)[..., :2]
        back = -dot(rel, line.along)
        aside = rel + back[..., None] * line.along
        ready = (now.tcp_pos[..., 2] < 0.03) & (back > 0.02) & (norm(aside) < 0.012)
        gone = now.puck_pos[..., 0] > LINE + 0.05
        lead = xp.where(gone, 0 * needed, LAG * needed)
        lead = lead[..., None] * line.along - 0.3 * aside
        strike = xp.concat([lead, 0.02 - now.tcp_pos[..., 2:]], axis=-1)
        move = now.tcp_pos + strike - now.setpoint[..., :3]
        still = 0 * needed
        approach = push(now, now.puck_pos, line, self.control, arrived=0.0)
        return xp.where(
            (ready | (speed > 0.05) | gone)[..., None],
            act(self.control, move, still, still > 0),
            approach,
        ), {}
