"""Insert the named one of three pegs and leave the others."""

from __future__ import annotations

from robotasks.arrays import stack
from robotasks.tasks.handling import delivery, released
from robotasks.tasks.shape.sorting import BOARD, COLOURS, ORDERS, Sorting, pegs_start
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Mark, Stage


class Select(Sorting):
    """Put the named peg into its socket; the other two have to stay out of theirs.

    Randomised: which peg; the pegs' shapes and friction, the clearance; which socket stands where;
    where pegs and tool start. Success: the named one in, the others not, the fingers open.
    """

    name = "shape-select"
    count = 3
    goals = Span(which=Choice(3))
    starts = {"default": pegs_start(3) | Span(order=Choice(len(ORDERS)), board=BOARD)}
    horizon = 200

    def board(self, start, goal):
        return start.order, start.board

    def observe(self, now):
        return self.pegs(now) | self.sockets(now)

    def cue(self, now, goal):
        bits = [1.0 * (goal.which == i) for i in range(6)]
        return {"goal_which": stack(*bits)} | self.to_go(now, goal)

    def turn(self, now, goal, i, job):
        return goal.which == i

    def stages(self, now, goal):
        job, done = self.next_job(now, goal)
        alone = done & released(now)
        for i in range(self.count):
            alone = alone & ((goal.which == i) | ~self.is_in(now, i))
        return [Stage(0.99 * delivery(now, job, done), alone)]

    def marks(self, goal):
        # A disc of the named peg's colour.
        colour = COLOURS[int(goal.which)]
        return [Mark(pos=(0.65, 0.0, 0.001), size=(0.03, 0.001, 0.0), rgba=colour)]
