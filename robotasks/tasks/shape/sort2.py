"""Sort two pegs into their sockets."""

from __future__ import annotations

from robotasks.tasks.shape.sort_all import SortAll
from robotasks.tasks.shape.sorting import pegs_start


class Sort2(SortAll):
    """Put two pegs into the sockets of their shape and colour.

    Randomised: which socket stands where, and the board; the pegs' shapes and friction, the
    clearance; where pegs and tool start. Success: both in their sockets, the fingers open.
    """

    name = "shape-sort2"
    count = 2
    starts = {"default": pegs_start(2)}
    horizon = 400
