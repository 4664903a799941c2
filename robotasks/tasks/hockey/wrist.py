"""Shoot with the wrist: carry the puck on the blade, then let it go."""

from __future__ import annotations

from robotasks.arrays import clip, dot, namespace, norm
from robotasks.layout import Layout
from robotasks.physics.objects import rink
from robotasks.physics.objects.stick import BLADE_HALF
from robotasks.tasks.hockey import play
from robotasks.tasks.slots import events, part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Stage, Task

CLOSE = 0.05
"""How far from the spot a puck may cross the line (m)."""
CARRY = 5
"""Control steps that the blade carries the puck at least (0.25 s)."""
TOUCH = 0.012
"""Up to this gap blade and puck are together (m)."""


class Wrist(Task):
    """Carry a puck on the blade and send it through a spot of the goal, without a second touch.

    Randomised: the spot; the puck's mass and friction, the blade's restitution; where puck and
    stick start, close together. Success: the blade carried the moving puck for 0.25 s, let go for
    good, and the puck crossed the goal line within 50 mm of the spot.
    """

    name = "hockey-wrist"
    family = "hockey"
    goals = Span(spot_y=(-0.11, 0.11))
    dynamics = Span(mass=(0.12, 0.22), friction=(0.02, 0.04), blade=(0.1, 0.3))
    starts = {"default": Span(tcp_xy=((0.38, -0.12), (0.44, 0.12)), tcp_yaw=(-0.15, 0.15))}
    memory = play.CROSSING | Layout({"carried": 1, "released": 1, "again": 1})
    expert_memory = play.SWING
    horizon = 100
    control = play.CONTROL

    def scene(self):
        return play.scene()

    def place(self, start, goal, dynamics):
        return play.placed(start, play.before_blade(start, play.CONTACT + 0.001))

    def fields(self, dynamics):
        return rink.puck_fields(dynamics.mass, dynamics.friction, dynamics.blade, play.TIMESTEP)

    def remember(self, memory, now, goal):
        xp, rel = namespace(now.puck_pos), (now.puck_pos - now.tcp_pos)[..., :2]
        ahead = play.direction(now.tool[..., 3])
        front = dot(rel, ahead)
        aside = norm(rel - front[..., None] * ahead)
        together = (front < play.CONTACT + TOUCH) & (aside < BLADE_HALF[1])
        moving = norm(now.puck_vel) > 0.05
        free = memory.released == 0
        carried = clip(memory.carried + xp.where(together & moving & free, 1 / CARRY, 0.0), 0, 1)
        released = ~free | (~together & moving)
        return {
            **play.watch_line(memory, now),
            "carried": carried,
            "released": xp.where(released, 1.0, 0.0),
            "again": xp.where(~free & together, 1.0, memory.again),
        }

    def observe(self, now):
        told = events(now.carried, now.released, now.again)
        return {"object0": part(now, "puck"), "events": told}

    def cue(self, now, goal):
        return {"goal_pos": play.to_go(now, play.on_goal_line(goal.spot_y))}

    def stages(self, now, goal):
        miss = play.shot_miss(now, goal.spot_y)
        sent = play.shot_progress(now, play.on_goal_line(goal.spot_y), miss)
        # What is lost for good is not paid any more: it would draw the policy to slap.
        fair = (1 - 0.5 * now.again) * (1 - 0.5 * now.released * (1 - now.carried))
        return [Stage(0.99 * fair * (0.15 * now.carried + 0.85 * sent), self.success(now, goal))]

    def success(self, now, goal):
        fair = (now.carried > 0.99) & (now.released > 0) & (now.again == 0)
        return play.through(now, goal.spot_y, CLOSE) & fair

    def marks(self, goal):
        return play.spot_mark(goal.spot_y, CLOSE)

    def expert(self, now, goal, memory):
        return play.sweep(now, play.on_goal_line(goal.spot_y), memory, 1.1)
