"""Fetch a peg and insert it: what the tasks share that differ in where and how tight."""

from __future__ import annotations

from robotasks.physics.objects import peg, socket
from robotasks.physics.objects.shapes import SHAPES
from robotasks.tasks.push.tabletop import stands
from robotasks.tasks.shape.board import inserted, peg_job, seat
from robotasks.tasks.shape.peg_task import PegTask
from robotasks.tasks.slots import fixture
from robotasks.tasks.span import Choice, Span

SHAPE = Span(shape=Choice(len(SHAPES)))


class PegIn(PegTask):
    """Fetch a peg, insert it, let go. A task of this kind gives its spans.

    Goals have `socket_xy` and `socket_yaw`; dynamics `shape`, `clearance` and `friction`.
    """

    dynamics = SHAPE | Span(clearance=(0.001, 0.002), friction=(0.2, 0.5))
    horizon = 200

    def add_furniture(self, spec):
        socket.add_socket(spec)

    def furniture(self, start, goal):
        return stands("socket", goal.socket_xy, goal.socket_yaw)

    def fields(self, dynamics):
        fields = socket.socket_fields(dynamics.shape, dynamics.clearance)
        return peg.peg_fields(dynamics.shape, dynamics.friction) | fields

    def goal_surroundings(self, now):
        return {"fixture0": fixture(now, "socket")}

    def job(self, now, goal):
        return peg_job(now, seat(goal.socket_xy), goal.socket_yaw)

    def put(self, now, job):
        return inserted(now, job.gap)
