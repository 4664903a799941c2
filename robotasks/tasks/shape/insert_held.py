"""Insert a peg that is in the hand already: the flagship of the shape family, solvable blindly."""

from __future__ import annotations

from robotasks.arrays import heading
from robotasks.physics.objects import peg, socket
from robotasks.physics.objects.shapes import SHAPES
from robotasks.tasks.handling import (
    GENTLE,
    SEARCH,
    feel,
    insertion,
    workbench,
)
from robotasks.tasks.push.tabletop import stands
from robotasks.tasks.shape.board import inserted, peg_in_hand, peg_job, seat
from robotasks.tasks.slots import fixture, part
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Stage, Task

IN = 0.055
"""Tool height below which the peg is in, however it is held (m)."""


class InsertHeld(Task):
    """Insert the peg in the hand into its socket.

    Randomised: the socket's pose; the peg's shape and friction, the clearance; the tool's pose and
    how the peg sits in the hand, which stays closed. Success: the peg's base within 3 mm of the
    bottom, upright.
    The expert feels: it reads nothing but the tool, the set-point and where the socket is said to
    be; so `observe="blind"` is enough to solve it.
    """

    name = "shape-insert-held"
    family = "shape"
    goals = Span(socket_xy=((0.48, -0.02), (0.52, 0.02)), socket_yaw=(-0.35, 0.35))
    dynamics = Span(shape=Choice(len(SHAPES)), clearance=(0.001, 0.002), friction=(0.2, 0.5))
    starts = {
        "default": Span(
            tcp_pos=((0.49, -0.01, 0.11), (0.51, 0.01, 0.12)),
            tcp_yaw=(-0.1, 0.1),
            slip=((-0.004, -0.004), (0.004, 0.004)),
        )
    }
    expert_memory = SEARCH
    horizon = 200
    control = GENTLE

    def scene(self):
        spec = workbench()
        peg.add_peg(spec)
        socket.add_socket(spec)
        return spec

    def place(self, start, goal, dynamics):
        held = peg_in_hand(start.tcp_pos, start.tcp_yaw, start.slip, dynamics.shape)
        return held | stands("socket", goal.socket_xy, goal.socket_yaw)

    def fields(self, dynamics):
        fields = socket.socket_fields(dynamics.shape, dynamics.clearance)
        return peg.peg_fields(dynamics.shape, dynamics.friction) | fields

    def observe(self, now):
        return {"object0": part(now, "peg")}

    def cue(self, now, goal):
        turn = goal.socket_yaw - now.tool[..., 3]
        return {"fixture0": fixture(now, "socket"), "goal_yaw": heading(turn)}

    def stages(self, now, goal):
        gap = self.gap(now, goal)
        return [Stage(0.99 * insertion(gap, socket.DEPTH), inserted(now, gap))]

    def success(self, now, goal):
        return inserted(now, self.gap(now, goal))

    def gap(self, now, goal):
        """Return what is left between the peg and the socket."""
        return peg_job(now, seat(goal.socket_xy), goal.socket_yaw).gap

    def expert(self, now, goal, memory):
        return feel(now, goal.socket_xy, goal.socket_yaw, IN, memory, self.control)
