"""Screw a cap on or off as far as the goal says, hand over hand."""

from __future__ import annotations

import math

from robotasks.arrays import clip, closeness, distance, namespace
from robotasks.layout import Layout
from robotasks.physics.engine import Placement
from robotasks.physics.objects import bottle, hinged
from robotasks.tasks.handling import (
    CONTROL,
    OPEN,
    Job,
    handle,
    open_hand,
    released,
    squeezes,
    steer,
)
from robotasks.tasks.lid.caps import lid_workbench
from robotasks.tasks.lid.jointed import ABOVE
from robotasks.tasks.push.tabletop import stands
from robotasks.tasks.slots import fixture, part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Stage, Task

TURN = 2 * math.pi
NEAR = math.radians(10)
"""How near its goal the cap has to be turned (rad)."""
WRIST = (CONTROL.yaw[0] + 0.15, CONTROL.yaw[1] - 0.15)
"""Between these yaws the expert's wrist turns, to and fro (rad)."""
AT = 0.012
"""How near the cap's middle the tool may turn it (m)."""


class Screw(Task):
    """Turn a cap on a thread as far as the goal says, and let go.

    A task of this kind gives where the cap starts and ends. The thread is a joint: it couples turn
    and height, so the cap cannot come off; the grasp and its slip are contacts.
    """

    family = "lid"
    dynamics = Span(pitch=(0.002, 0.005), drag=(0.02, 0.2))
    expert_memory = Layout({"returns": 1, "search": 1})
    control = CONTROL
    horizon = 450

    def scene(self):
        spec = lid_workbench()
        hinged.add_screw_cap(spec, bottle.add_bottle(spec))
        return spec

    def place(self, start, goal, dynamics):
        hand = open_hand(start)
        rise = start.angle * dynamics.pitch / TURN
        cap = Placement(joints={"cap": start.angle, "cap_rise": rise})
        return hand | stands("bottle", start.bottle_xy, 0 * start.angle) | cap

    def fields(self, dynamics):
        thread = hinged.thread_fields(dynamics.pitch, "cap")
        return thread | hinged.drag_fields(dynamics.drag, "cap")

    def observe(self, now):
        return {"object0": part(now, "cap"), "fixture0": fixture(now, "bottle")}

    def cue(self, now, goal):
        return {"goal_turn": goal.angle - now.cap_angle}

    def stages(self, now, goal):
        left, there = abs(goal.angle - now.cap_angle), self.there(now, goal)
        xp = namespace(left)
        off = distance(now.tcp_pos, now.cap_pos)
        # Nothing for holding: to let go and take a fresh hold costs nothing.
        at = xp.where(there, 1 + 0 * off, 0.6 * closeness(off, 0.15) + 0.4 * closeness(off, 0.03))
        near = 1 - clip(left / (1.2 * TURN), 0.0, 1.0)
        near = 0.7 * near + 0.3 * closeness(left, 0.5)
        opened = clip((now.grip_width - 2 * hinged.CAP_RADIUS) / 0.02, 0.0, 1.0)
        let_go = xp.where(there, opened, 0 * opened)
        return [Stage(0.99 * (0.25 * at + 0.6 * near + 0.15 * let_go), there & released(now))]

    def success(self, now, goal):
        return self.there(now, goal) & released(now)

    def there(self, now, goal):
        """Whether the cap is turned as far as the goal says, held or not."""
        return abs(goal.angle - now.cap_angle) < NEAR

    def expert(self, now, goal, memory):
        xp = namespace(now.tcp_pos)
        tool, yaw = now.tool[..., :3], now.tool[..., 3]
        left = goal.angle - now.cap_angle
        done = abs(left) < 0.4 * NEAR
        low, high = WRIST
        # Back as far as the rest of the way asks for, if the wrist allows.
        back = clip(xp.where(left > 0, high - left - 0.1, low - left + 0.1), low, high)
        at_end = xp.where(left > 0, yaw > high - 0.05, yaw < low + 0.05)
        returns = xp.where(at_end, 1.0, xp.where(abs(back - yaw) < 0.1, 0.0, memory.returns))
        job = Job(now.cap_pos, yaw, 0 * yaw + 0.02, now.cap_pos, now.cap_pos, yaw, 0.0)
        action, search = handle(now, job, done, memory, self.control)
        turns = (returns == 0) & squeezes(now)
        goes_back = (returns == 1) & released(now)
        spin = xp.where(turns, clip(left, -0.12, 0.12) + yaw - now.setpoint[..., 3], 0 * yaw)
        spin = xp.where(goes_back, back - now.setpoint[..., 3], spin)
        width = xp.where(returns == 1, OPEN + 0 * yaw, 0 * yaw)
        worked = steer(now, self.control, now.cap_pos, spin, width)
        works = (distance(tool, now.cap_pos) < AT) & ~done
        return xp.where(works[..., None], worked, action), {"returns": returns, **search}


def _starts(low, high):
    """Starts at which the cap is open by so many turns."""
    at = Span(bottle_xy=((0.47, -0.04), (0.55, 0.04)), angle=(low * TURN, high * TURN))
    return {"default": at | ABOVE}


class ScrewOn(Screw):
    """Screw the cap on, as far as the goal says, and let go.

    Randomised: how far; the thread's pitch and friction; the bottle's place, how far the cap is
    open, where the tool starts. Success: within 10 degrees, the fingers open.
    """

    name = "lid-screw-on"
    goals = Span(angle=(0.0, 0.7 * TURN))
    starts = _starts(0.9, 1.2)


class Unscrew(Screw):
    """Unscrew the cap as far as the goal says, and let go.

    Randomised and solved as `ScrewOn`, the other way.
    """

    name = "lid-unscrew"
    goals = Span(angle=(0.5 * TURN, 1.2 * TURN))
    starts = _starts(0.0, 0.3)
