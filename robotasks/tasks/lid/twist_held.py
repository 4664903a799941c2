"""Close a bottle with the lug cap in the hand: the flagship of the lids, solvable blindly."""

from __future__ import annotations

from dataclasses import replace

from robotasks.arrays import clip, heading, namespace
from robotasks.physics.objects import bottle, lid
from robotasks.physics.objects.lug_cap import ENTERS, ENTRY
from robotasks.tasks.handling import GENTLE, PRESS, SEARCH, spiral, steer
from robotasks.tasks.lid.caps import (
    GRASP_UP,
    SEAT,
    add_lugs,
    lid_in_hand,
    lid_workbench,
    lug_fields,
    seat,
)
from robotasks.tasks.push.tabletop import stands
from robotasks.tasks.slots import fixture, part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Stage, Task
from robotasks.tasks.twist import CLOSED, closing, lock_of, locked

ON = SEAT + GRASP_UP + ENTERS / 2
"""Tool height below which the lugs are between the ramps, however the lid is held (m)."""


class TwistHeld(Task):
    """Put the lid in the hand onto the bottle and lock it with a twist.

    Randomised: the bottle's place and yaw; clearance and friction of the lid; the tool's pose and
    how the lid sits in the hand, which stays closed. Success: on the rim, lugs under the ramps.
    The expert feels: it reads nothing but the tool, the set-point and where the bottle is said to
    be; so `observe="blind"` is enough to solve it.
    """

    name = "lid-twist-held"
    family = "lid"
    goals = Span(bottle_xy=((0.48, -0.02), (0.52, 0.02)), bottle_yaw=(-0.15, 0.55))
    dynamics = Span(clearance=(0.001, 0.002), friction=(0.2, 0.5))
    starts = {
        "default": Span(
            tcp_pos=((0.49, -0.01, 0.12), (0.51, 0.01, 0.13)),
            tcp_yaw=(0.64, 0.84),
            slip=((-0.003, -0.001, -0.08), (0.003, 0.001, 0.08)),
        )
    }
    expert_memory = SEARCH
    horizon = 150
    control = replace(GENTLE, turn=0.15)

    def scene(self):
        spec = lid_workbench()
        add_lugs(bottle.add_bottle(spec), lid.add_lid(spec))
        return spec

    def place(self, start, goal, dynamics):
        return lid_in_hand(start) | stands("bottle", goal.bottle_xy, goal.bottle_yaw)

    def fields(self, dynamics):
        return lug_fields(dynamics)

    def observe(self, now):
        return {"object0": part(now, "lid")}

    def cue(self, now, goal):
        turn = goal.bottle_yaw - CLOSED - now.tool[..., 3]
        return {"fixture0": fixture(now, "bottle"), "goal_yaw": heading(turn)}

    def stages(self, now, goal):
        lock = self.lock(now, goal)
        return [Stage(0.99 * closing(lock), locked(lock))]

    def success(self, now, goal):
        return locked(self.lock(now, goal))

    def lock(self, now, goal):
        """Return how the lid is on the bottle."""
        return lock_of(now, "lid", seat(goal.bottle_xy), goal.bottle_yaw)

    def expert(self, now, goal, memory):
        xp = namespace(now.tcp_pos)
        height = now.tool[..., 2]
        on = height < ON
        pressed = height - now.setpoint[..., 2] > 0.7 * PRESS
        search = xp.where(pressed & ~on, memory.search + 1, memory.search)
        aim = goal.bottle_xy + spiral(search)
        end = goal.bottle_yaw - CLOSED
        turn = xp.where(on, end, goal.bottle_yaw - ENTRY) - now.setpoint[..., 3]
        off = abs(aim - now.tool[..., :2])
        ready = (off[..., 0] + off[..., 1] < 0.004) & (abs(turn) < 0.03) | (search > 0) | on
        lower = clip(now.setpoint[..., 2] - 0.004, height - PRESS, None)
        level = xp.where(ready, lower, now.setpoint[..., 2])
        aim = xp.where(on[..., None], now.tool[..., :2], aim)
        target = xp.concat([aim, level[..., None]], axis=-1)
        return steer(now, self.control, target, turn, 0 * turn), {"search": search}
