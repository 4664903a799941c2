"""Bring a puck back to a face-off circle from wherever it lies."""

from __future__ import annotations

from robotasks.arrays import distance, norm
from robotasks.physics.objects import rink
from robotasks.tasks.hockey import play, short
from robotasks.tasks.planar import above
from robotasks.tasks.slots import part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Mark, Stage, Task


class Retrieve(Task):
    """Bring a puck to rest on a face-off circle, from the boards, a corner or the net too.

    Randomised: the circle; the puck's mass and friction, the grip of the blade; where puck and
    stick start. Success: at rest within 40 mm of the circle's middle.
    """

    name = "hockey-retrieve"
    family = "hockey"
    goals = Span(circle_xy=short.CIRCLES)
    dynamics = Span(mass=(0.12, 0.22), friction=(0.02, 0.05), grip=(0.08, 0.3))
    starts = {"default": short.START}
    horizon = 100
    control = short.CONTROL

    def scene(self):
        return short.scene()

    def admits(self, start, goal, dynamics):
        return distance(short.lying(start.puck_xy), goal.circle_xy) > 0.06

    def place(self, start, goal, dynamics):
        return play.placed(start, short.lying(start.puck_xy), height=short.OVER_PUCK)

    def fields(self, dynamics):
        blade = rink.BLADE_BOUNCE + 0 * dynamics.mass
        puck = rink.puck_fields(dynamics.mass, dynamics.friction, blade, play.TIMESTEP)
        return puck | rink.grip_fields(dynamics.grip)

    def observe(self, now):
        return {"object0": part(now, "puck")}

    def cue(self, now, goal):
        return {"goal_pos": play.to_go(now, goal.circle_xy)}

    def stages(self, now, goal):
        return [Stage(0.99 * short.brought(now, goal.circle_xy), self.success(now, goal))]

    def success(self, now, goal):
        return self.reached(self.achieved(now), self.desired(goal))

    def achieved(self, now):
        return play.with_speed(now.puck_pos, norm(now.puck_vel))

    def desired(self, goal):
        place = above(goal.circle_xy, rink.PUCK_HALF_HEIGHT)
        return play.with_speed(place, 0 * place[..., 0])

    def reached(self, achieved, desired):
        return short.rests_at(achieved, desired)

    def marks(self, goal):
        return [Mark((*goal.circle_xy, 0.001), (short.CIRCLE, 0.001, 0.0))]

    def expert(self, now, goal, memory):
        return short.drag(now, goal.circle_xy), {}
