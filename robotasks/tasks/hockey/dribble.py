"""Dribble a puck through three gates, close to the blade all the way."""

from __future__ import annotations

from dataclasses import replace

from robotasks.arrays import clip, distance, dot, namespace, stack, unit
from robotasks.layout import Layout
from robotasks.physics.objects import rink
from robotasks.physics.objects.stick import TOOL_HEIGHT
from robotasks.physics.scene import aim_camera
from robotasks.tasks.hockey import play
from robotasks.tasks.planar import line_up, pushed
from robotasks.tasks.slots import events, part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Mark, Stage

GATES_X = (0.49, 0.59, 0.69)
"""Where the gates stand across the ice (m)."""
GATES = len(GATES_X)
CLOSE = 0.04
"""How far from the middle of a gate the puck's middle may pass (m)."""
POST = CLOSE + rink.PUCK_RADIUS + 0.008
"""From the middle of a gate to its posts, which such a puck clears (m)."""
LEASH = 0.12
"""How far from the blade's middle the puck may ever be (m)."""
BEYOND = 0.015
"""How far beyond a gate a dribble aims: at the gate itself its way would turn around (m)."""


class Dribble(play.Hockey):
    """Dribble a puck through three gates, from the nearest to the farthest.

    Randomised: where the gates are from side to side; the puck's mass and friction, the blade's
    restitution; where puck and stick start, close together. Success: the puck passed the three
    gates in order, within 40 mm of their middles, and was never 120 mm from the blade's middle.
    """

    name = "hockey-dribble"
    goals = Span(gates_y=((-0.06,) * GATES, (0.06,) * GATES))
    dynamics = Span(mass=(0.12, 0.22), friction=(0.02, 0.05), blade=(0.1, 0.3))
    starts = {
        "default": Span(
            tcp_xy=((0.34, -0.04), (0.36, 0.04)), tcp_yaw=(-0.2, 0.2), gap=(0.046, 0.06)
        )
    }
    memory = Layout({"puck_xy": 2, "passed": 1, "lost": 1})
    horizon = 200
    # Short steps: with the 60 mm of a shot, a hand that tries things out loses the puck at once.
    control = replace(play.CONTROL, step=0.02, lead=0.04)

    def scene(self):
        spec = play.scene()
        # All of it happens within reach: the camera comes nearer than for a shot.
        aim_camera(spec, "front", eye=(1.42, -0.50, 0.85), target=(0.40, 0.02, 0.14))
        return spec

    def place(self, start, goal, dynamics):
        return play.placed(start, play.before_blade(start, start.gap[..., None]))

    def remember(self, memory, now, goal):
        xp, here = namespace(now.puck_pos), now.puck_pos[..., :2]
        lost = (memory.lost > 0) | (distance(now.tcp_pos[..., :2], here) > LEASH)
        gate = self.gate(goal, memory.passed)
        crosses, y = play.crossing(memory.puck_xy, here, gate[..., 0])
        passes = crosses & (abs(y - gate[..., 1]) < CLOSE) & ~lost & (memory.passed < GATES)
        passed = memory.passed + xp.where(passes, 1.0, 0.0)
        return {"puck_xy": here, "passed": passed, "lost": xp.where(lost, 1.0, 0.0)}

    def observe(self, now):
        return {"object0": part(now, "puck"), "events": events(now.passed / GATES, now.lost)}

    def cue(self, now, goal):
        first, second = (self.gate(goal, now.passed + k) for k in (0, 1))
        return {"goal_pos": play.to_go(now, first), "goal_pos1": play.to_go(now, second)}

    def stages(self, now, goal):
        line = line_up(now.puck_pos[..., :2], self.aim(now, goal), play.CONTACT, TOOL_HEIGHT)
        progress = pushed(now.tcp_pos, line)  # whoever loses the puck loses the gates, no more
        return [Stage(progress, (now.lost == 0) & (now.passed > k)) for k in range(GATES)]

    def success(self, now, goal):
        return (now.lost == 0) & (now.passed == GATES)

    def marks(self, goal):
        marks = []
        for x, y in zip(GATES_X, goal.gates_y, strict=True):
            marks += [Mark((x, y + side, 0.02), (0.008, 0.02, 0.0)) for side in (-POST, POST)]
            marks.append(Mark((x, y, 0.001), (0.006, POST, 0.0005), "box"))
        return marks

    def expert(self, now, goal, memory):
        puck, vel, yaw = now.puck_pos[..., :2], now.puck_vel[..., :2], now.setpoint[..., 3]
        way = unit(self.aim(now, goal) - puck)
        astray = vel - dot(vel, way)[..., None] * way
        # The blade turns around the puck until it pushes along the way, and against what strays.
        left = play.angle(way - 12 * astray) - yaw
        turn = clip(left, -0.1, 0.1)
        lead = 0.009 * clip(1.1 - abs(left) / 0.3, 0.0, 1.0)
        place = puck - (play.CONTACT - lead)[..., None] * play.direction(yaw + turn)
        move, over = place - now.setpoint[..., :2], now.passed == GATES
        return play.stick_act(move, turn, over, self.control), {}

    def gate(self, goal, number):
        """Return the middle of a gate by its number from 0 (...), the last one beyond, (..., 2)."""
        xp, ys = namespace(number), goal.gates_y
        x, y = 0 * number + GATES_X[0], ys[..., 0]
        for k in range(1, GATES):
            x, y = xp.where(number < k, x, GATES_X[k]), xp.where(number < k, y, ys[..., k])
        return stack(x, y)

    def aim(self, now, goal):
        """Return where the puck has to go next, (..., 2)."""
        gate = self.gate(goal, now.passed)
        return stack(gate[..., 0] + BEYOND, gate[..., 1])
