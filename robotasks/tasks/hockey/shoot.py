"""Shoot a puck through a spot of the goal: the flagship of the hockey family."""

from __future__ import annotations

from robotasks.arrays import stack
from robotasks.tasks.hockey import play
from robotasks.tasks.slots import part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Stage

CLOSE = 0.04
"""How far from the spot a puck may cross the line (m)."""


class Shoot(play.Hockey):
    """Shoot a puck, lying on the ice, through a spot of the goal.

    Randomised: the spot; the puck's mass and friction, the blade's restitution; where puck and
    stick start. Success: the puck crossed the goal line within 40 mm of the spot.
    """

    name = "hockey-shoot"
    goals = Span(spot_y=(-0.12, 0.12))
    memory = play.CROSSING
    expert_memory = play.SWING
    horizon = 100

    def remember(self, memory, now, goal):
        return play.watch_line(memory, now)

    def observe(self, now):
        return {"object0": part(now, "puck")}

    def cue(self, now, goal):
        return {"goal_pos": play.to_go(now, play.on_goal_line(goal.spot_y))}

    def stages(self, now, goal):
        miss = play.shot_miss(now, goal.spot_y)
        progress = play.aimed_shot(now, play.on_goal_line(goal.spot_y), miss)
        return [Stage(progress, self.success(now, goal))]

    def success(self, now, goal):
        return self.reached(self.achieved(now), self.desired(goal))

    def achieved(self, now):
        return stack(now.crossed_y, now.crossed)

    def desired(self, goal):
        return stack(goal.spot_y, 0 * goal.spot_y + 1)

    def reached(self, achieved, desired):
        gap = abs(achieved - desired)
        return (gap[..., 0] < CLOSE) & (gap[..., 1] < 0.5)

    def marks(self, goal):
        return play.spot_mark(goal.spot_y, CLOSE)

    def expert(self, now, goal, memory):
        return play.shoot(now, play.on_goal_line(goal.spot_y), memory)
