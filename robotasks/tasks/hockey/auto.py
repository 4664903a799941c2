"""Shoot and retrieve in turn: hockey without a person who puts the puck back."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from robotasks.arrays import clip, closeness, distance, excess, namespace, norm, stack, unit
from robotasks.physics.objects import rink
from robotasks.physics.objects.stick import TOOL_HEIGHT
from robotasks.tasks.hockey import play, short
from robotasks.tasks.planar import above
from robotasks.tasks.reset_free import ResetFreeTask
from robotasks.tasks.slots import events, part
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Mark, Stage

SHOOT, RETRIEVE = 0, 1
CLOSE = 0.04
"""How far from the spot a puck may cross the line (m)."""
LET_GO = 0.055
"""How far the tool has to be from a puck that crosses the line, else it was carried (m): it touches
one at 44 mm."""
ON_ICE = TOOL_HEIGHT + 0.01
"""Up to this height the blade is down on the ice (m)."""
SLOT = (0.52, 0.0)
"""Where the expert brings a puck that it cannot shoot from where it lies."""


class Auto(ResetFreeTask):
    """Shoot a puck through a spot of the goal, or bring it back to a circle: the phase says which.

    Randomised: the phase and the spot, of which a shot only needs y; the puck's mass and friction,
    the restitution of the blade; where puck and stick start. Success of a shot: the puck crossed
    the goal line within 40 mm of the spot, let go by the stick. Of a retrieval: at rest within
    40 mm of the spot.
    """

    name = "hockey-auto"
    family = "hockey"
    ice: ClassVar[rink.Rink] = rink.SHORT
    goals = Span(phase=Choice(2), spot=short.CIRCLES)
    dynamics = Span(mass=(0.12, 0.22), friction=(0.02, 0.05), blade=(0.1, 0.5))
    # By default as a person leaves it; "anywhere" as a robot may find it.
    starts = {
        "default": Span(
            puck_xy=((0.47, -0.16), (0.58, 0.16)),
            tcp_xy=((0.37, -0.08), (0.40, 0.08)),
            tcp_yaw=(-0.3, 0.3),
        ),
        "anywhere": short.START,
    }
    memory = play.CROSSING
    expert_memory = play.SWING
    horizon = 100
    # Slower, and no random stroke sends a puck to the goal; faster, and drags are hard to dose.
    control = dataclasses.replace(short.CONTROL, step=0.045, lead=0.09)

    def scene(self):
        return short.scene(self.ice)

    def admits(self, start, goal, dynamics):
        away = distance(short.lying(start.puck_xy), goal.spot)
        return self.shoots(goal) | (away > short.CIRCLE + 0.005)

    def place(self, start, goal, dynamics):
        return play.placed(start, short.lying(start.puck_xy), height=short.OVER_PUCK)

    def fields(self, dynamics):
        return rink.puck_fields(dynamics.mass, dynamics.friction, dynamics.blade, play.TIMESTEP)

    def remember(self, memory, now, goal):
        after = play.watch_line(memory, now, self.ice.goal_line)
        free = distance(now.tcp_pos[..., :2], now.puck_pos[..., :2]) > LET_GO
        counts = free | (memory.crossed > 0)
        return {**after, "crossed": namespace(free).where(counts, after["crossed"], 0.0)}

    def observe(self, now):
        return {"object0": part(now, "puck"), "events": events(now.crossed)}

    def cue(self, now, goal):
        xp, shoots = namespace(goal.spot), self.shoots(goal)
        target = xp.where(shoots[..., None], self.mark(goal), goal.spot)
        which = 1.0 * stack(shoots, ~shoots, *[goal.phase < 0] * 4)
        return {"goal_pos": play.to_go(now, target), "goal_which": which}

    def stages(self, now, goal):
        xp = namespace(goal.spot)
        # What has missed pays little, or else haste pays as well as aiming: a hasty shot that hits
        # in two of three earns for more steps than a sure one.
        shot = self.struck(now, goal) * xp.where(now.crossed > 0, 0.3, 1.0)
        # A puck in the net that was not shot there has to come out again.
        carried = (now.puck_pos[..., 0] > self.ice.goal_line) & (now.crossed == 0)
        shot = xp.where(carried, 0.3 * short.brought(now, self.slot(goal)), shot)
        progress = xp.where(self.shoots(goal), shot, short.brought(now, goal.spot))
        return [Stage(0.99 * progress, self.success(now, goal))]

    def struck(self, now, goal):
        """Return how far a shot is, 0 to 1: the blade down behind the puck, the puck on its way."""
        xp, line = namespace(goal.spot), self.ice.goal_line
        down = closeness(excess(now.tcp_pos[..., 2], ON_ICE), 0.05)
        # A puck that is laid down before the line, however near, has to pay less than one that
        # will cross it; else nobody dares to strike.
        way, slide = play.sliding(now)
        ahead = excess(0 * slide + line, now.puck_pos[..., 0]) + 0.02
        goes = xp.where(now.crossed > 0, 1.0, clip(slide * way[..., 0] / ahead, 0.0, 1.0))
        meets = play.accuracy(play.shot_miss(now, goal.spot[..., 1], line))
        ready = play.ready(now, self.mark(goal), play.leaving(now))
        return 0.1 * ready + 0.1 * down + 0.8 * meets * (0.4 + 0.6 * goes)

    def success(self, now, goal):
        xp, vel = namespace(goal.spot), norm(now.puck_vel)
        there = play.with_speed(above(goal.spot, rink.PUCK_HALF_HEIGHT), 0 * vel)
        back = short.rests_at(play.with_speed(now.puck_pos, vel), there)
        return xp.where(self.shoots(goal), play.through(now, goal.spot[..., 1], CLOSE), back)

    def stuck(self, now):
        return short.is_stuck(now)

    def marks(self, goal):
        if goal.phase == SHOOT:
            return play.spot_mark(goal.spot[1], CLOSE, self.ice.goal_line)
        return [Mark((*goal.spot, 0.001), (short.CIRCLE, 0.001, 0.0))]

    def expert(self, now, goal, memory):
        xp, puck, target = namespace(goal.spot), now.puck_pos[..., :2], self.mark(goal)
        place = puck - play.WINDUP * unit(target - puck)
        # Whether there is room behind the puck, and ice before it; if not, it has to be brought.
        room = (place[..., 0] > self.control.low[0]) & (abs(place[..., 1]) < self.control.high[1])
        room = room & (puck[..., 0] < self.ice.goal_line - 0.08)
        there = distance(puck, self.slot(goal)) < 0.02
        bringing = ((memory.swing < 0) & ~there) | ((memory.swing == 0) & ~room)
        shoots = self.shoots(goal) & ~bringing
        shot, after = short.strike(now, target, memory, ~shoots, self.control)
        to = xp.where(self.shoots(goal)[..., None], self.slot(goal), goal.spot)
        action = xp.where(shoots[..., None], shot, short.drag(now, to, self.control))
        return action, {**after, "swing": xp.where(bringing, -1.0, after["swing"])}

    def shoots(self, goal):
        """Whether it is time to shoot, (...) bool."""
        return goal.phase == SHOOT

    def mark(self, goal):
        """Return the point of the goal line that a shot is meant for, (..., 2)."""
        return play.on_goal_line(goal.spot[..., 1], self.ice.goal_line)

    def slot(self, goal):
        """Return the point from which a puck can be shot, (..., 2)."""
        zero = 0 * goal.phase
        return stack(zero + SLOT[0], zero + SLOT[1])


class AutoLong(Auto):
    """The same on the long rink, where a puck that is shot is out of reach: a person brings it."""

    name = "hockey-auto-long"
    ice = rink.LONG
    control = dataclasses.replace(short.CONTROL, step=play.CONTROL.step, lead=play.CONTROL.lead)
