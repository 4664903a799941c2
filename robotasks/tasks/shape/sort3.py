"""Sort three pegs into their sockets."""

from __future__ import annotations

from robotasks.tasks.shape.sort_all import SortAll
from robotasks.tasks.shape.sorting import pegs_start


class Sort3(SortAll):
    """Put three pegs into the sockets of their shape and colour.

    Randomised: which socket stands where, and the board; the pegs' shapes and friction, the
    clearance; where pegs and tool start. Success: all in their sockets, the fingers open.
    """

    name = "shape-sort3"
    count = 3
    starts = {"default": pegs_start(3)}
    horizon = 600
