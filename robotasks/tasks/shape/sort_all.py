"""Sort every peg into its socket: what the tasks share that differ in how many there are."""

from __future__ import annotations

from robotasks.arrays import distance
from robotasks.tasks.handling import delivery, released
from robotasks.tasks.shape.sorting import BOARD, ORDERS, Sorting
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Stage


class SortAll(Sorting):
    """Put every peg into its socket, wherever that stands."""

    goals = Span(order=Choice(len(ORDERS)), board=BOARD)

    def board(self, start, goal):
        return goal.order, goal.board

    def observe(self, now):
        return self.pegs(now)

    def cue(self, now, goal):
        return self.sockets(now) | self.to_go(now, goal)

    def turn(self, now, goal, i, job):
        # A peg that is in keeps its turn until it is let go.
        near = distance(now.tcp_pos, job.grasp_pos) < 0.03
        return ~self.is_in(now, i) | (near & ~released(now))

    def stages(self, now, goal):
        job, done = self.next_job(now, goal)
        sorted_, left = 0 * now.grip_width, released(now)
        for i in range(self.count):
            sorted_ = sorted_ + 1.0 * self.is_in(now, i)
        # What is in counts in full, but for the one just put in, until it is let go.
        rest = delivery(now, job, done)
        progress = (sorted_ + rest - 1.0 * done) / self.count
        return [Stage(0.99 * progress, (sorted_ == self.count) & left)]
