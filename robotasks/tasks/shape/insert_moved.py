"""Fetch a peg and insert it into a socket that may be anywhere."""

from __future__ import annotations

from robotasks.tasks.shape.peg_in import PegIn
from robotasks.tasks.shape.peg_task import TURNS
from robotasks.tasks.span import Span


class InsertMoved(PegIn):
    """Fetch the peg, insert it into a socket anywhere on its side of the table, let go.

    Randomised: the socket's place and its yaw, up to half a turn; all else as shape-insert.
    """

    name = "shape-insert-moved"
    goals = Span(socket_xy=((0.42, 0.04), (0.58, 0.20)), socket_yaw=TURNS)
