"""Shoot past a goalie that sweeps to and fro."""

from __future__ import annotations

import math

from robotasks.arrays import clip, namespace, stack
from robotasks.layout import Layout
from robotasks.physics.engine import Placement
from robotasks.physics.objects import rink
from robotasks.tasks.hockey import play
from robotasks.tasks.slots import part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Stage, Task

CLOSE = 0.04
"""How far from the spot a puck may cross the line (m)."""
SWEEP = 0.13
"""How far the goalie goes to either side (m)."""
SPARE = 0.032
"""What the expert leaves between puck and goalie (m)."""
FLIGHT = 1.16
"""From the start of a swing until the puck reaches the goalie (s)."""


class Goalie(Task):
    """Shoot a puck through a spot of the goal while the goalie is elsewhere.

    Randomised: the spot; the goalie's frequency and phase; the puck's mass and friction, the
    blade's restitution; where puck and stick start. Success: the puck crossed the goal line within
    40 mm of the spot.
    """

    name = "hockey-goalie"
    family = "hockey"
    goals = Span(spot_y=(-0.12, 0.12))
    dynamics = Span(
        mass=(0.12, 0.22),
        friction=(0.02, 0.035),
        blade=(0.2, 0.4),
        frequency=(0.25, 0.4),
        phase=(-math.pi, 0.8 * math.pi),  # a whole turn would name one moment twice
    )
    starts = {"default": play.START}
    memory = play.CROSSING
    expert_memory = play.SWING | Layout({"omega": 1})
    horizon = 150
    control = play.CONTROL

    def scene(self):
        spec = play.scene()
        rink.add_goalie(spec)
        return spec

    def place(self, start, goal, dynamics):
        xp, omega = namespace(dynamics.phase), 2 * math.pi * dynamics.frequency
        y = SWEEP * xp.sin(dynamics.phase)
        goalie = Placement(
            joints={"goalie": y},
            velocities={"goalie": SWEEP * omega * xp.cos(dynamics.phase)},
            ctrl={"goalie": y},
        )
        return play.placed(start) | goalie

    def fields(self, dynamics):
        return rink.puck_fields(dynamics.mass, dynamics.friction, dynamics.blade, play.TIMESTEP)

    def drive(self, now, goal, dynamics):
        angle = 2 * math.pi * dynamics.frequency * now.time + dynamics.phase
        return {"goalie": SWEEP * namespace(angle).sin(angle)}

    def remember(self, memory, now, goal):
        return play.watch_line(memory, now)

    def observe(self, now):
        xp, tcp = namespace(now.tcp_pos), now.tcp_pos
        y, zero = now.goalie_y, 0 * now.goalie_y
        pose = stack(zero + rink.GOALIE_X, y, zero) - tcp
        # The fixture has no yaw; its place in the slot tells the speed instead.
        pace = stack(now.goalie_vy, zero + 1)
        return {"object0": part(now, "puck"), "fixture0": xp.concat([pose, pace], axis=-1)}

    def cue(self, now, goal):
        return {"goal_pos": play.to_go(now, play.on_goal_line(goal.spot_y))}

    def stages(self, now, goal):
        miss = play.shot_miss(now, goal.spot_y)
        progress = play.aimed_shot(now, play.on_goal_line(goal.spot_y), miss)
        return [Stage(progress, self.success(now, goal))]

    def success(self, now, goal):
        return play.through(now, goal.spot_y, CLOSE)

    def marks(self, goal):
        return play.spot_mark(goal.spot_y, CLOSE)

    def expert(self, now, goal, memory):
        xp = namespace(now.goalie_y)
        y, vy = now.goalie_y, now.goalie_vy
        share = clip(y / SWEEP, -1.0, 1.0)
        # Away from the turning points position and speed tell how fast it swings.
        middle = abs(share) < 0.6
        measured = abs(vy) / (SWEEP * (1 - xp.where(middle, share, 0.0) ** 2) ** 0.5)
        omega = xp.where(middle, measured, memory.omega)
        angle = xp.atan2(share * omega * SWEEP, vy) + omega * FLIGHT
        gap = abs(SWEEP * xp.sin(angle) - goal.spot_y)
        blocked = (gap < rink.GOALIE_HALF + rink.PUCK_RADIUS + SPARE) | (omega < 1)
        spot = play.on_goal_line(goal.spot_y)
        action, after = play.shoot(now, spot, memory, waits=blocked)
        return action, {**after, "omega": omega}
