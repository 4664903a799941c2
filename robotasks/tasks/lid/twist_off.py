"""Open a bottle: twist its lug cap off and lay it on a mark."""

from __future__ import annotations

from dataclasses import replace

from robotasks.arrays import clip, closeness, namespace, norm, stack, yaw_quat
from robotasks.physics.objects import bottle, lid
from robotasks.physics.objects.lug_cap import ENTERS, ENTRY, LOCKED
from robotasks.physics.robots.placing import part_at
from robotasks.tasks.handling import (
    AROUND,
    CONTROL,
    SEARCH,
    TOOL,
    alignment,
    fetching,
    hand_around,
    handle,
    holds,
    letting_go,
    lift_of,
    open_hand,
    reaching,
    released,
    steer,
)
from robotasks.tasks.lid.caps import (
    GRASP_UP,
    UPRIGHT,
    add_lugs,
    lid_in_hand,
    lid_job,
    lid_workbench,
    lug_fields,
    seat,
)
from robotasks.tasks.lid.lid_task import BOTTLE_XY, HELD
from robotasks.tasks.planar import above, raised
from robotasks.tasks.push.tabletop import stands
from robotasks.tasks.slots import fixture, part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Mark, Stage, Task
from robotasks.tasks.twist import CLOSED, lock_of, wring

NEAR = 0.03
"""How near its mark the lid has to lie (m)."""
LIFT = 0.03
"""So far above its seat the lid is clear of the bottle (m)."""
DROP = 0.01
"""From so far above the table the lid is being laid down (m)."""
ROOM = replace(CONTROL, yaw=(CONTROL.yaw[0], 1.4))
"""Where the wrist may be when it begins to twist the lid open."""
BOTTLE = Span(bottle_xy=BOTTLE_XY, bottle_yaw=(-0.8, 0.8))
"""Where the bottle stands at the start."""
ON = Span(angle=(LOCKED, CLOSED))
"""How far the lid is closed (rad)."""


class TwistOff(Task):
    """Twist the lid off the bottle and lay it on the mark.

    Randomised: the mark; clearance and friction of the lid; the bottle's pose, how far the lid is
    closed, where the tool starts. Success: the lid flat on the table within 30 mm of the mark, the
    fingers open.
    """

    name = "lid-twist-off"
    family = "lid"
    goals = Span(mark_xy=((0.42, -0.22), (0.58, -0.08)))
    dynamics = Span(clearance=(0.001, 0.002), friction=(0.2, 0.5))
    starts = {
        "default": BOTTLE | ON | TOOL,
        "near": BOTTLE | ON | AROUND,
        "held": BOTTLE | HELD,
    }
    expert_memory = SEARCH
    horizon = 250
    control = CONTROL

    def scene(self):
        spec = lid_workbench()
        add_lugs(bottle.add_bottle(spec), lid.add_lid(spec))
        return spec

    def place(self, start, goal, dynamics):
        bottle_stands = stands("bottle", start.bottle_xy, start.bottle_yaw)
        if "slip" in start:
            return bottle_stands | lid_in_hand(start)
        on, yaw = seat(start.bottle_xy), start.bottle_yaw - start.angle
        if "tcp_off" in start:
            hand = hand_around(start, raised(on, GRASP_UP), start.bottle_yaw)
        else:
            hand = open_hand(start)
        return bottle_stands | hand | part_at("lid", on, yaw_quat(yaw))

    def fields(self, dynamics):
        return lug_fields(dynamics)

    def observe(self, now):
        return {"object0": part(now, "lid"), "fixture0": fixture(now, "bottle")}

    def cue(self, now, goal):
        return {"goal_pos": above(goal.mark_xy, lid.HALF_HEIGHT) - now.lid_pos}

    def stages(self, now, goal):
        job, lock, laid = self.job(now, goal), self.lock(now), self.laid(now, goal)
        xp = namespace(lock.up)
        fetched = fetching(now, job.grasp_pos, reaching(now, job.grasp_pos), lift_of(lock.up), laid)
        off = clip((norm(job.part_pos[..., :2] - now.bottle_pos[..., :2]) - 0.01) / 0.03, 0.0, 1.0)
        turned = clip((CLOSED - lock.angle) / (CLOSED - ENTRY), 0.0, 1.0)
        free = xp.where(off > 0, 1 + 0 * off, xp.where(lock.up > ENTERS, 1 + 0 * off, turned))
        lifted = xp.where(off > 0, 1 + 0 * off, clip(lock.up / LIFT, 0.0, 1.0))
        near = alignment(job.gap) * (0.7 + 0.3 * closeness(job.gap.up, 0.1))
        level = 0.2 * fetched + 0.25 * free + 0.15 * lifted + 0.25 * near
        level = level + 0.15 * letting_go(now, laid)
        return [Stage(0.99 * level, laid & released(now))]

    def success(self, now, goal):
        return self.laid(now, goal) & released(now)

    def marks(self, goal):
        return [Mark(pos=(*goal.mark_xy, 0.001), size=(NEAR, 0.001, 0.0))]

    def job(self, now, goal):
        """Return the job of laying the lid on the mark."""
        return lid_job(now, above(goal.mark_xy, lid.HALF_HEIGHT), DROP)

    def lock(self, now):
        """Return how the lid is on the bottle."""
        turned = namespace(now.bottle_xaxis).atan2(
            now.bottle_xaxis[..., 1], now.bottle_xaxis[..., 0]
        )
        return lock_of(now, "lid", seat(now.bottle_pos[..., :2]), turned)

    def laid(self, now, goal):
        """Whether the lid lies on the mark, held or not."""
        gap, lock = self.job(now, goal).gap, self.lock(now)
        return (gap.aside < NEAR) & (gap.up < 0.003) & (lock.upright > UPRIGHT)

    def expert(self, now, goal, memory):
        xp = namespace(now.tcp_pos)
        job, lock = self.job(now, goal), self.lock(now)
        done = self.laid(now, goal) & (job.gap.aside < 0.01)
        action, memory = handle(now, job, done, memory, ROOM)
        held = holds(now, job.grasp_pos) & ~done
        around = held & (lock.aside < 0.01) & (lock.up < LIFT)
        twists = around & (lock.up < ENTERS) & (lock.angle > ENTRY + 0.1)
        # Straight up from the neck, then over to the mark before going down.
        tool = now.tool[..., :3]
        rise = xp.where(lock.up < LIFT + 0.01, 0.015 + 0 * lock.up, 0 * lock.up)
        way = xp.where(around[..., None], 0 * tool, job.seat_pos - job.part_pos)
        target = stack(tool[..., 0] + way[..., 0], tool[..., 1] + way[..., 1], tool[..., 2] + rise)
        carried = steer(now, self.control, target, 0 * rise, 0 * rise)
        carries = held & (around | (job.gap.aside > 0.05))
        action = xp.where(carries[..., None], carried, action)
        return xp.where(twists[..., None], wring(now, lock, ENTRY, self.control), action), memory
