"""Fetch a peg and insert it into a socket with little room."""

from __future__ import annotations

from robotasks.tasks.shape.peg_in import SHAPE, PegIn
from robotasks.tasks.span import Span


class InsertTight(PegIn):
    """Fetch the peg, insert it with 0.4 to 0.7 mm of clearance, let go.

    Randomised: as shape-insert, with a wider range of friction. Success as there.
    """

    name = "shape-insert-tight"
    goals = Span(socket_xy=((0.47, 0.09), (0.53, 0.15)), socket_yaw=(-0.35, 0.35))
    dynamics = SHAPE | Span(clearance=(0.0004, 0.0007), friction=(0.2, 0.6))
