"""Stop a puck that comes in, at a line across the ice."""

from __future__ import annotations

from robotasks.arrays import clip, closeness, distance, excess, namespace, norm, stack
from robotasks.layout import Layout
from robotasks.physics.objects import rink
from robotasks.tasks.hockey import play
from robotasks.tasks.slots import events, part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Mark, Stage

CLOSE = 0.05
"""How far from the line a puck may come to rest (m)."""
AT_REST = 0.05
"""Below this speed it rests (m/s)."""
LOST_X = 0.36
"""A puck that comes nearer to the arm got past the stick (m)."""


class Stop(play.Hockey):
    """Stop a puck that slides towards the arm, so that it rests on a line across the ice.

    Randomised: the line; the puck's mass and friction, the blade's restitution; where the puck
    comes from and how fast, where the stick starts. Success: at rest within 50 mm of the line,
    without having got past the stick.
    """

    name = "hockey-stop"
    goals = Span(stop_x=(0.43, 0.61))
    dynamics = Span(mass=(0.12, 0.22), friction=(0.02, 0.04), blade=(0.15, 0.25))
    starts = {
        "default": Span(
            puck_xy=((1.12, -0.10), (1.22, 0.10)),
            puck_vel=((-1.15, -0.15), (-0.95, 0.15)),
            tcp_xy=((0.36, -0.15), (0.42, 0.15)),
            tcp_yaw=(-0.3, 0.3),
        )
    }
    memory = Layout({"lost": 1})
    horizon = 50

    def remember(self, memory, now, goal):
        xp = namespace(now.puck_pos)
        return {"lost": xp.where(now.puck_pos[..., 0] < LOST_X, 1.0, memory.lost)}

    def observe(self, now):
        return {"object0": part(now, "puck"), "events": events(now.lost)}

    def cue(self, now, goal):
        line = stack(goal.stop_x, now.puck_pos[..., 1])
        return {"goal_pos": play.to_go(now, line)}

    def stages(self, now, goal):
        xp = namespace(now.puck_pos)
        way, slide = play.sliding(now, 0.03)
        rest = now.puck_pos[..., 0] + slide * way[..., 0]
        off = abs(rest - goal.stop_x)
        near = 0.5 * closeness(off, 0.4) + 0.5 * closeness(off, 0.08)
        in_way = distance(now.tcp_pos[..., :2], self.intercept(now, goal))
        ready = closeness(excess(in_way, 0.03), 0.15)
        progress = (0.3 * xp.maximum(ready, near) + 0.7 * near) * (1 - now.lost)
        return [Stage(0.99 * progress, self.success(now, goal))]

    def success(self, now, goal):
        there = abs(now.puck_pos[..., 0] - goal.stop_x) < CLOSE
        return there & (norm(now.puck_vel) < AT_REST) & (now.lost == 0)

    def marks(self, goal):
        half = (CLOSE, rink.HALF_WIDTH - 0.01, 0.0005)
        return [Mark((float(goal.stop_x), 0.0, 0.001), half, shape="box")]

    def expert(self, now, goal, memory):
        xp, vel = namespace(now.puck_pos), now.puck_vel[..., :2]
        place = self.intercept(now, goal)
        speed, gap = norm(vel), distance(now.puck_pos[..., :2], now.tcp_pos[..., :2])
        coming = (gap - play.CONTACT) / (speed + 1e-9)
        # Give way a little shortly before the hit, so that the puck keeps none of its speed.
        give = 0.2 * vel * play.CONTROL_PERIOD
        move = xp.where((coming < 0.2)[..., None], give, place - now.setpoint[..., :2])
        met = vel[..., 0] > -0.5
        turn = xp.where(met, 0.0, play.angle(-vel) - now.setpoint[..., 3])
        return play.stick_act(move, turn, met), {}

    def intercept(self, now, goal):
        """Return where the tool has to be to stop the puck on the line, (..., 2)."""
        vel = now.puck_vel[..., :2]
        slope = clip(vel[..., 1] / clip(vel[..., 0], -9.0, -0.1), -0.5, 0.5)
        y = now.puck_pos[..., 1] + slope * (goal.stop_x - now.puck_pos[..., 0])
        return stack(goal.stop_x - play.CONTACT + 0.01, clip(y, -0.3, 0.3))
