"""Shoot a puck that crosses the ice before the stick, without stopping it first."""

from __future__ import annotations

from robotasks.arrays import clip, namespace, norm, stack
from robotasks.layout import Layout
from robotasks.tasks.hockey import play
from robotasks.tasks.slots import events, part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Stage

CLOSE = 0.06
"""How far from the spot a puck may cross the line (m)."""
STOPPED = 0.15
"""A puck slower than this was stopped (m/s)."""

# The expert's shot, measured.
MEET_Y = -0.03
"""Where it meets the puck (m)."""
WINDUP = 0.16
"""How far behind that place its tool waits (m)."""
SWING_TIME = 0.26
"""From the decision to swing until the blade meets the puck, half a control step added (s)."""
GAIN, COUNTER, COUNTER_PER_SPEED = 0.85, 0.12, 0.15
"""It faces so much of the way to the spot, and so far against the puck (rad; rad per m/s)."""


class OneTimer(play.Hockey):
    """Shoot a puck through a spot of the goal while it crosses from the left.

    Randomised: the spot; the puck's mass and friction, the blade's restitution; where the puck
    comes from and how fast, where the stick starts. Success: the puck crossed the goal line within
    60 mm of the spot, and was never slower than 0.15 m/s before.
    """

    name = "hockey-one-timer"
    goals = Span(spot_y=(-0.10, 0.10))
    dynamics = Span(mass=(0.12, 0.22), friction=(0.02, 0.03), blade=(0.2, 0.3))
    starts = {
        "default": Span(
            puck_xy=((0.52, 0.30), (0.60, 0.36)),
            puck_vel=((-0.05, -0.75), (0.05, -0.55)),
            tcp_xy=((0.36, -0.08), (0.40, 0.08)),
            tcp_yaw=(-0.2, 0.2),
        )
    }
    memory = play.CROSSING | Layout({"stopped": 1})
    expert_memory = play.SWING
    horizon = 100

    def remember(self, memory, now, goal):
        xp, slow = namespace(now.puck_pos), norm(now.puck_vel) < STOPPED
        stopped = xp.where(slow & (memory.crossed == 0), 1.0, memory.stopped)
        return {**play.watch_line(memory, now), "stopped": stopped}

    def observe(self, now):
        return {"object0": part(now, "puck"), "events": events(now.stopped)}

    def cue(self, now, goal):
        return {"goal_pos": play.to_go(now, play.on_goal_line(goal.spot_y))}

    def stages(self, now, goal):
        miss = play.shot_miss(now, goal.spot_y)
        sent = play.shot_progress(now, play.on_goal_line(goal.spot_y), miss)
        # A puck that was stopped is lost: paid in full, it would draw the policy to stop it first.
        progress = sent * (1 - 0.5 * now.stopped)
        return [Stage(0.99 * progress, self.success(now, goal))]

    def success(self, now, goal):
        return play.through(now, goal.spot_y, CLOSE) & (now.stopped == 0)

    def marks(self, goal):
        return play.spot_mark(goal.spot_y, CLOSE)

    def expert(self, now, goal, memory):
        xp, puck, vel = namespace(now.puck_pos), now.puck_pos[..., :2], now.puck_vel[..., :2]
        begun = memory.swing > 0
        coming = (MEET_Y - puck[..., 1]) / clip(vel[..., 1], -9.0, -0.1)
        meet = stack(puck[..., 0] + coming * vel[..., 0], 0 * coming + MEET_Y)
        # The puck keeps part of its speed along the blade, so the blade turns against it.
        spot = play.angle(play.on_goal_line(goal.spot_y) - meet)
        facing = GAIN * spot + COUNTER - COUNTER_PER_SPEED * vel[..., 1]
        way = xp.where(begun[..., None], memory.way, play.direction(facing))
        place = meet - WINDUP * way - now.setpoint[..., :2]
        tcp = now.tcp_pos[..., :2]
        move = xp.where(begun[..., None], play.along_line(tcp, meet, way, 1.0), place)
        over = begun & (tcp[..., 0] > play.CONTROL.high[0] - 0.06)
        action = play.stick_act(move, play.angle(way) - now.setpoint[..., 3], over)
        swings = begun | (coming < SWING_TIME)
        return action, {"swing": xp.where(swings, 1.0, 0.0), "way": way}
