"""Pass a puck so that it comes to rest in a circle out of reach."""

from __future__ import annotations

from robotasks.arrays import distance, norm
from robotasks.tasks.hockey import play
from robotasks.tasks.slots import part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Mark, Stage

CIRCLE = 0.09
"""How far from its goal a puck may come to rest (m)."""
AT_REST = 0.03
"""Below this speed it rests (m/s)."""
ICE = (0.034, 0.036)
"""Its friction: so nearly known that one push can be dosed."""


class Pass(play.Hockey):
    """Pass a puck into a circle that the stick does not reach.

    Randomised: the circle; the puck's mass and friction, the blade's restitution; where puck and
    stick start. Success: at rest within 90 mm of the circle's middle.
    """

    name = "hockey-pass"
    goals = Span(goal_xy=((0.95, -0.15), (1.25, 0.15)))
    dynamics = Span(mass=(0.12, 0.22), friction=ICE, blade=(0.1, 0.3))
    expert_memory = play.SWING
    horizon = 150

    def observe(self, now):
        return {"object0": part(now, "puck")}

    def cue(self, now, goal):
        return {"goal_pos": play.to_go(now, goal.goal_xy)}

    def stages(self, now, goal):
        way, slide = play.sliding(now, sum(ICE) / 2)
        rest = now.puck_pos[..., :2] + slide[..., None] * way
        progress = play.aimed_shot(now, goal.goal_xy, distance(rest, goal.goal_xy))
        return [Stage(progress, self.success(now, goal))]

    def success(self, now, goal):
        return self.reached(self.achieved(now), self.desired(goal))

    def achieved(self, now):
        return play.with_speed(now.puck_pos[..., :2], norm(now.puck_vel))

    def desired(self, goal):
        return play.with_speed(goal.goal_xy, 0 * goal.goal_xy[..., 0])

    def reached(self, achieved, desired):
        gap = achieved - desired
        return (norm(gap[..., :2]) < CIRCLE) & (abs(gap[..., 2]) < AT_REST)

    def marks(self, goal):
        return [Mark((*goal.goal_xy, 0.001), (CIRCLE, 0.001, 0.0))]

    def expert(self, now, goal, memory):
        left = distance(goal.goal_xy, now.puck_pos[..., :2])
        speed = (sum(ICE) * play.GRAVITY * left) ** 0.5
        return play.sweep(now, goal.goal_xy, memory, 0.95 * speed)
