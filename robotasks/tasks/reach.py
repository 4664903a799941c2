"""Move the tool to a point: the smallest possible task, for documentation and fast tests."""

from __future__ import annotations

from robotasks.arrays import clip, closeness, distance, namespace
from robotasks.physics.robots.panda import add_panda
from robotasks.physics.robots.placing import arm_at
from robotasks.physics.scene import workshop
from robotasks.tasks.span import Span
from robotasks.tasks.task import Mark, Stage, Task


class Reach(Task):
    """Bring the tool to a point in the air and keep it there.

    Randomised: the point; the tool's start. Success: within 20 mm.
    """

    name = "reach"
    family = "reach"
    goals = Span(point=((0.40, -0.25, 0.05), (0.65, 0.25, 0.30)))
    starts = {"default": Span(tcp_pos=((0.40, -0.25, 0.05), (0.65, 0.25, 0.30)))}
    horizon = 50

    def scene(self):
        spec = workshop(timestep=0.005, grasps=False)
        add_panda(spec, fist=True)
        return spec

    def place(self, start, goal, dynamics):
        xp = namespace(start.tcp_pos)
        zero = xp.zeros_like(start.tcp_pos[..., 0])
        return arm_at(start.tcp_pos, zero, zero)

    def admits(self, start, goal, dynamics):
        return distance(start.tcp_pos, goal.point) > 0.05

    def observe(self, now):
        return {}

    def cue(self, now, goal):
        return {"goal_pos": goal.point - now.tcp_pos}

    def stages(self, now, goal):
        return [Stage(closeness(distance(now.tcp_pos, goal.point), 0.1), self.success(now, goal))]

    def success(self, now, goal):
        return self.reached(self.achieved(now), self.desired(goal))

    def achieved(self, now):
        return now.tcp_pos

    def desired(self, goal):
        return goal.point

    def reached(self, achieved, desired):
        return distance(achieved, desired) < 0.02

    def marks(self, goal):
        return [Mark(pos=tuple(goal.point), size=(0.02, 0.02, 0.02), shape="sphere")]

    def expert(self, now, goal, memory):
        xp = namespace(now.tcp_pos)
        move = clip((goal.point - now.setpoint[..., :3]) / self.control.step, -1.0, 1.0)
        still = xp.zeros_like(move[..., :2])
        return xp.concat([move, still[..., :1], still[..., :1] - 1.0], axis=-1), {}
