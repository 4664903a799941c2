"""Slap a puck: a long backswing, then a hard shot through a spot of the goal."""

from __future__ import annotations

from robotasks.arrays import clip, closeness, distance, namespace, norm
from robotasks.layout import Layout
from robotasks.tasks.hockey import play
from robotasks.tasks.slots import events, part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Stage

CLOSE = 0.05
"""How far from the spot a puck may cross the line (m)."""
BACKSWING = 0.16
"""How far behind the puck a slap begins, from the puck's middle to the tool (m)."""

SWUNG = 0.36
"""Up to this x the tool begins with its backswing done (m): for training alone."""


class Slap(play.Hockey):
    """Slap a puck through a spot of the goal, fast.

    Randomised: the spot; the least speed; the puck's mass and friction, the blade's restitution;
    where puck and stick start. Success: the stick swung back 16 cm before it touched the puck, and
    the puck crossed the goal line within 50 mm of the spot at the wanted speed or faster.
    """

    name = "hockey-slap"
    goals = Span(spot_y=(-0.11, 0.11), speed=(0.5, 0.8))
    dynamics = Span(mass=(0.12, 0.22), friction=(0.02, 0.04), blade=(0.3, 0.5))
    starts = {
        "default": Span(
            puck_xy=((0.52, -0.12), (0.60, 0.12)),
            tcp_xy=((0.38, -0.10), (0.46, 0.10)),
            tcp_yaw=(-0.3, 0.3),
        ),
        "swung": Span(
            puck_xy=((0.54, -0.12), (0.60, 0.12)),
            tcp_xy=((0.34, -0.10), (SWUNG, 0.10)),
            tcp_yaw=(-0.3, 0.3),
        ),
    }
    memory = play.CROSSING | Layout({"speed": 1, "backswing": 1, "touched": 1})
    expert_memory = play.SWING
    horizon = 100

    def admits(self, start, goal, dynamics):
        away = distance(start.tcp_xy, start.puck_xy)
        swung = start.tcp_xy[..., 0] <= SWUNG
        return (away > play.CONTACT + 0.02) & ((away < BACKSWING - 0.02) | swung)

    def remember(self, memory, now, goal):
        xp, line = namespace(now.puck_pos), play.watch_line(memory, now)
        speed = norm(now.puck_vel[..., :2])
        moved = (memory.touched > 0) | (speed > 0.02)
        # The net is deeper than a control step's way: what is first seen beyond the line still
        # has the speed of the crossing.
        crossed_now = line["crossed"] > memory.crossed
        away = distance(now.tcp_pos[..., :2], now.puck_pos[..., :2]) / BACKSWING
        longer = xp.maximum(memory.backswing, clip(away, 0.0, 1.0))
        return {
            **line,
            "speed": xp.where((line["crossed"] > 0) & ~crossed_now, memory.speed, speed),
            "backswing": xp.where(moved, memory.backswing, longer),
            "touched": xp.where(moved, 1.0, 0.0),
        }

    def observe(self, now):
        return {"object0": part(now, "puck"), "events": events(now.backswing, now.touched)}

    def cue(self, now, goal):
        spot = play.on_goal_line(goal.spot_y)
        return {"goal_pos": play.to_go(now, spot), "goal_speed": goal.speed}

    def stages(self, now, goal):
        miss = play.shot_miss(now, goal.spot_y)
        sent = play.aimed_shot(now, play.on_goal_line(goal.spot_y), miss)
        lacking = clip(goal.speed - now.speed, 0.0, 2.0)
        hit = sent + 0.25 * closeness(lacking, 0.5)
        # Without the backswing a hit pays nothing, or else PPO hits at once and gives it up; the
        # backswing alone pays little, or else it is content with that and never strikes.
        progress = 0.2 * now.backswing + 0.8 * namespace(hit).where(now.backswing >= 1, hit, 0.0)
        return [Stage(progress, self.success(now, goal))]

    def success(self, now, goal):
        hard = (now.backswing >= 1) & (now.speed >= goal.speed)
        return play.through(now, goal.spot_y, CLOSE) & hard

    def marks(self, goal):
        return play.spot_mark(goal.spot_y, CLOSE)

    def expert(self, now, goal, memory):
        return play.shoot(now, play.on_goal_line(goal.spot_y), memory, windup=BACKSWING + 0.015)
