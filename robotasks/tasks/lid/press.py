"""Press a snap lid onto a bottle."""

from __future__ import annotations

from robotasks.arrays import namespace
from robotasks.physics.objects import bottle, lid, snap
from robotasks.tasks.handling import handle, holds
from robotasks.tasks.lid.caps import seat, seated
from robotasks.tasks.lid.lid_task import LidTask
from robotasks.tasks.span import Span


class LidPress(LidTask):
    """Fetch the snap lid, press it on until it is behind the bead, let go.

    Randomised: the bottle's place; the stiffness of the lid's springs and how far the bead stands
    out, which decide the force; where lid and tool start. Success: the lid flat on the rim within
    1 mm, its balls behind the bead, the fingers open.
    """

    name = "lid-press"
    dynamics = Span(stiffness=(3000.0, 6000.0), bead=(0.0013, 0.0018))
    horizon = 150
    depth = snap.GUIDED

    def fit(self, neck, cap):
        snap.add_bead(neck, "bottle", bottle.NECK, bottle.RIM)
        snap.add_balls(cap, "lid", bottle.NECK, lid.UNDERSIDE)

    def fields(self, dynamics):
        springs = snap.spring_fields(dynamics.stiffness, "lid")
        return springs | snap.bead_fields(dynamics.bead, bottle.NECK, "bottle")

    def closed(self, now, goal):
        return seated(now, seat(goal.bottle_xy))

    def expert(self, now, goal, memory):
        xp = namespace(now.tcp_pos)
        job, on = self.job(now, goal), self.closed(now, goal)
        action, memory = handle(now, job, on, memory, self.control)
        # Over the neck, press as hard as it takes.
        over = (job.gap.aside < 0.004) & (job.gap.up < self.depth) & holds(now, job.grasp_pos)
        down = xp.where(over & ~on, -1.0 + 0 * action[..., 2], action[..., 2])
        return xp.concat([action[..., :2], down[..., None], action[..., 3:]], axis=-1), memory
