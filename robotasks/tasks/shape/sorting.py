"""Several pegs and their sockets: what the sorting tasks share."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

from robotasks.arrays import namespace, stack
from robotasks.layout import Array, View
from robotasks.physics.objects import peg, socket
from robotasks.physics.objects.part import BLUE, ORANGE
from robotasks.physics.objects.shapes import BAR, CIRCLE, CROSS, HEXAGON, SQUARE, TRIANGLE, pick
from robotasks.tasks.handling import (
    CONTROL,
    SEARCH,
    TOOL,
    Job,
    choose,
    handle,
    open_hand,
    what_is_left,
    workbench,
)
from robotasks.tasks.planar import raised
from robotasks.tasks.push.tabletop import laid, stands
from robotasks.tasks.shape.board import inserted, peg_job
from robotasks.tasks.slots import fixture, part
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Task

COLOURS = (ORANGE, BLUE, (0.20, 0.58, 0.33, 1.0))
SETS = (
    (SQUARE, CIRCLE, CROSS),
    (CIRCLE, TRIANGLE, SQUARE),
    (TRIANGLE, BAR, CIRCLE),
    (CROSS, HEXAGON, BAR),
    (BAR, CROSS, TRIANGLE),
    (HEXAGON, SQUARE, BAR),
)
"""Shapes of the pegs. A hexagon and a circle, which nearly fit each other, never meet."""
ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
"""At which place the socket of each peg stands."""
PLACES = (0.405, 0.50, 0.595)
"""Where pegs and sockets stand, x (m): fingers fit between them."""
PEGS_Y, SOCKETS_Y = -0.16, 0.12
BOARD = ((-0.015, -0.04), (0.015, 0.04))
"""How far the sockets may be off their places, together (m)."""
SOCKET = peg.HALF_HEIGHT
"""Height of a peg's middle above the bottom of its socket (m)."""


def pegs_start(count: int) -> Span:
    """Where so many pegs start: how far off their places, and turned."""
    return TOOL | Span(
        pegs_x=((-0.008,) * count, (0.008,) * count),
        pegs_y=((-0.03,) * count, (0.03,) * count),
        pegs_yaw=((-math.pi,) * count, (math.pi,) * count),
    )


class Sorting(Task):
    """Put pegs into the sockets of their shape and colour.

    A task of this kind says how many pegs there are, where the sockets stand and whose turn it is.
    """

    family = "shape"
    count: ClassVar[int]
    """Number of pegs and of sockets."""
    dynamics = Span(shapes=Choice(len(SETS)), clearance=(0.001, 0.002), friction=(0.2, 0.5))
    expert_memory = SEARCH
    control = CONTROL

    @abstractmethod
    def board(self, start: View, goal: View) -> tuple[Array, Array]:
        """Return the sockets' order (...), and how far the board is off its place, (..., 2)."""

    @abstractmethod
    def turn(self, now: View, goal: View, i: int, job: Job) -> Array:
        """Whether peg i is to be put in now, if none before it is, (...) bool."""

    def scene(self):
        spec = workbench()
        for i in range(self.count):
            red, green, blue, alpha = COLOURS[i]
            peg.add_peg(spec, f"peg{i}", COLOURS[i])
            dark = (0.6 * red, 0.6 * green, 0.6 * blue, alpha)
            socket.add_socket(spec, f"socket{i}", dark)
        return spec

    def place(self, start, goal, dynamics):
        placement = open_hand(start)
        order, off = self.board(start, goal)
        places = pick([[PLACES[k] for k in row] for row in ORDERS], order)
        for i in range(self.count):
            xy = stack(start.pegs_x[..., i] + PLACES[i], start.pegs_y[..., i] + PEGS_Y)
            placement |= laid(f"peg{i}", xy, start.pegs_yaw[..., i], peg.HALF_HEIGHT)
            spot = stack(places[..., i] + off[..., 0], SOCKETS_Y + off[..., 1])
            placement |= stands(f"socket{i}", spot, 0 * order)
        return placement

    def fields(self, dynamics):
        fields, shapes = {}, pick(SETS, dynamics.shapes)
        for i in range(self.count):
            fields |= peg.peg_fields(shapes[..., i], dynamics.friction, name=f"peg{i}")
            fields |= socket.socket_fields(shapes[..., i], dynamics.clearance, f"socket{i}")
        return fields

    def pegs(self, now: View) -> dict[str, Array]:
        """Return the slots of the pegs, each (..., 15)."""
        return {f"object{i}": part(now, f"peg{i}") for i in range(self.count)}

    def sockets(self, now: View) -> dict[str, Array]:
        """Return the slots of the sockets, each (..., 5)."""
        return {f"fixture{i}": fixture(now, f"socket{i}") for i in range(self.count)}

    def to_go(self, now: View, goal: View) -> dict[str, Array]:
        """Return the slots of what is left for the peg whose turn it is."""
        job, _ = self.next_job(now, goal)
        return what_is_left(now, job)

    def job(self, now: View, i: int) -> Job:
        """Return the job of putting peg i into its socket."""
        bottom = getattr(now, f"socket{i}_pos")
        return peg_job(now, raised(bottom, SOCKET), 0 * bottom[..., 0], name=f"peg{i}")

    def is_in(self, now: View, i: int) -> Array:
        """Whether peg i is in its socket, (...) bool."""
        return inserted(now, self.job(now, i).gap, f"peg{i}")

    def next_job(self, now: View, goal: View) -> tuple[Job, Array]:
        """Return the job of the peg whose turn it is, else of the last; and whether it is in."""
        xp, last = namespace(now.tcp_pos), self.count - 1
        job, done = self.job(now, last), self.is_in(now, last)
        for i in reversed(range(last)):
            other = self.job(now, i)
            turn = self.turn(now, goal, i, other)
            job, done = choose(turn, other, job), xp.where(turn, self.is_in(now, i), done)
        return job, done

    def success(self, now, goal):
        return self.stages(now, goal)[0].done

    def expert(self, now, goal, memory):
        return handle(now, *self.next_job(now, goal), memory, self.control)
