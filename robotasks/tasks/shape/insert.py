"""Fetch a peg from the table and insert it into its socket."""

from __future__ import annotations

from robotasks.tasks.shape.peg_in import PegIn
from robotasks.tasks.span import Span


class Insert(PegIn):
    """Fetch the peg, insert it into its socket, let go.

    Randomised: the socket's pose within a few centimetres; the peg's shape and friction, the
    clearance; where peg and tool start. Success: the peg's base within 3 mm of the bottom,
    upright, the fingers open.
    """

    name = "shape-insert"
    goals = Span(socket_xy=((0.47, 0.09), (0.53, 0.15)), socket_yaw=(-0.35, 0.35))
