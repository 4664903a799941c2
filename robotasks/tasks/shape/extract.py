"""Pull a peg out of its socket and stand it on a mark."""

from __future__ import annotations

import math

from robotasks.physics.objects import peg, socket
from robotasks.tasks.handling import AROUND, TOOL, yaw_of
from robotasks.tasks.push.tabletop import stands
from robotasks.tasks.shape.board import peg_job, seat, standing
from robotasks.tasks.shape.peg_in import SHAPE
from robotasks.tasks.shape.peg_task import HELD, PegTask
from robotasks.tasks.slots import fixture
from robotasks.tasks.span import Span
from robotasks.tasks.task import Mark

NEAR = 0.02
"""How near its mark a peg is there (m)."""
SOCKET_XY = ((0.47, 0.09), (0.53, 0.15))
SOCKET = Span(socket_xy=SOCKET_XY, socket_yaw=(-math.pi, math.pi))
"""Where the socket stands, with the peg in it."""


class Extract(PegTask):
    """Pull the peg out of its socket, stand it on a mark, let go: shape-insert backwards.

    Randomised: the mark; the peg's shape and friction, the clearance; where socket and tool start.
    Success: upright on the table, within 20 mm of the mark, the fingers open.
    """

    name = "shape-extract"
    goals = Span(mark_xy=((0.42, -0.20), (0.58, -0.04)))
    dynamics = SHAPE | Span(clearance=(0.0005, 0.002), friction=(0.2, 0.5))
    starts = {
        "default": SOCKET | TOOL,
        "near": Span(socket_xy=SOCKET_XY, socket_yaw=(-0.3, 0.3)) | AROUND,
        "held": SOCKET | HELD,
    }
    horizon = 200

    def add_furniture(self, spec):
        socket.add_socket(spec)

    def furniture(self, start, goal):
        return stands("socket", start.socket_xy, start.socket_yaw)

    def peg_start(self, start):
        return start.socket_xy, start.socket_yaw

    def fields(self, dynamics):
        fields = socket.socket_fields(dynamics.shape, dynamics.clearance)
        return peg.peg_fields(dynamics.shape, dynamics.friction) | fields

    def surroundings(self, now):
        return {"fixture0": fixture(now, "socket")}

    def job(self, now, goal):
        return peg_job(now, seat(goal.mark_xy), yaw_of(now.peg_xaxis))

    def put(self, now, job):
        gap = job.gap
        return standing(now, gap) & (gap.aside < NEAR)

    def marks(self, goal):
        return [Mark(pos=(*goal.mark_xy, 0.001), size=(0.03, 0.001, 0.0))]
