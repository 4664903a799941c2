"""Fetch a lug cap and close a bottle with it."""

from __future__ import annotations

from dataclasses import replace

from robotasks.arrays import namespace
from robotasks.physics.objects.lug_cap import ENTRY, PERIOD
from robotasks.tasks.handling import (
    CONTROL,
    approaching,
    fetching,
    handle,
    holds,
    letting_go,
    lift_of,
)
from robotasks.tasks.lid.caps import add_lugs, lid_job, lug_fields, seat
from robotasks.tasks.lid.lid_task import BOTTLE_XY, LidTask
from robotasks.tasks.span import Span
from robotasks.tasks.twist import CLOSED, DEPTH, closing, lock_of, locked, wring

ROOM = replace(CONTROL, yaw=(0.1, CONTROL.yaw[1]))
"""Where the wrist may be when it begins to twist: most of a quarter turn from its end."""


class TwistOn(LidTask):
    """Fetch the lid, put it on the bottle, lock it with a twist, let go.

    Randomised: the bottle's place and yaw; clearance and friction of the lid; where lid and tool
    start. Success: the lid on the rim, its lugs under the ramps, the fingers open.
    """

    name = "lid-twist-on"
    goals = Span(bottle_xy=BOTTLE_XY, bottle_yaw=(-0.8, 0.8))
    dynamics = Span(clearance=(0.001, 0.002), friction=(0.2, 0.5))
    horizon = 250
    depth = DEPTH

    def fit(self, neck, cap):
        add_lugs(neck, cap)

    def fields(self, dynamics):
        return lug_fields(dynamics)

    def neck_yaw(self, goal):
        return goal.bottle_yaw

    def job(self, now, goal):
        seat_yaw = goal.bottle_yaw - ENTRY
        return lid_job(now, seat(goal.bottle_xy), self.depth, seat_yaw, PERIOD)

    def lock(self, now, goal):
        """Return how the lid is on the bottle."""
        return lock_of(now, "lid", seat(goal.bottle_xy), goal.bottle_yaw)

    def closed(self, now, goal):
        return locked(self.lock(now, goal))

    def progress(self, now, goal):
        lock, job, closed = self.lock(now, goal), self.job(now, goal), self.closed(now, goal)
        up = lift_of(lock.up + job.high)
        fetched = fetching(now, job.grasp_pos, approaching(now, job), up, closed)
        return 0.2 * fetched + 0.65 * closing(lock) + 0.15 * letting_go(now, closed)

    def expert(self, now, goal, memory):
        xp = namespace(now.tcp_pos)
        lock, job = self.lock(now, goal), self.job(now, goal)
        done = locked(lock) & (lock.angle > CLOSED - 0.05)
        action, memory = handle(now, job, done, memory, ROOM)
        twists = holds(now, job.grasp_pos) & (lock.up < 0.003) & (lock.aside < 0.004) & ~done
        twisted = wring(now, lock, CLOSED, self.control)
        return xp.where(twists[..., None], twisted, action), memory
