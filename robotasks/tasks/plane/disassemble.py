"""Take one part off the airplane and lay it aside."""

from __future__ import annotations

from robotasks.arrays import stack
from robotasks.physics.objects.airframe import ENGINE, SADDLE, SHAFT, STANDING, STERN
from robotasks.tasks.handling import AROUND, TOOL, choose, hand_around, open_hand
from robotasks.tasks.planar import raised
from robotasks.tasks.plane.assemble import MOUNTS
from robotasks.tasks.plane.plane_task import PlaneTask, on_seat, place_of, sits_on
from robotasks.tasks.plane.removal import SPOT, laid_there, removal
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Mark

SEATS = {"wing": ("fuselage", SADDLE), "tail": ("fuselage", STERN), "propeller": ("engine", SHAFT)}


class Disassemble(PlaneTask):
    """Take the part that the goal names off the airplane and lay it on a spot of the table.

    Randomised: which part, the spot; clearance and mass; where fuselage, engine and tool start.
    Success: the part lies within 2 cm of the spot, the others sit on their seats, the fingers are
    open.
    """

    name = "plane-disassemble"
    goals = Span(part=Choice(3), spot=((0.42, -0.12), (0.48, -0.02)))
    starts = {"default": MOUNTS | TOOL, "near": MOUNTS | AROUND}
    horizon = 300
    mounts = {"fuselage": STANDING, "engine": ENGINE}
    parts = {name: seat.kind for name, (_, seat) in SEATS.items()}

    def place(self, start, goal, dynamics):
        placement = self.furnish(start)
        grasp, yaw = 0 * goal.spot[..., :1], 0 * goal.part  # of the named part
        for i, (name, (mount, seat)) in enumerate(SEATS.items()):
            stand = getattr(start, f"{mount}_xy"), getattr(start, f"{mount}_yaw")
            placement |= on_seat(name, seat, *stand)
            at, named = place_of(seat, *stand), 1.0 * (goal.part == i)
            grasp = grasp + named[..., None] * raised(
                at.pos, seat.kind.half[2] + seat.kind.grasp_up
            )
            yaw = yaw + named * at.yaw
        return placement | (
            open_hand(start) if "tcp_pos" in start else hand_around(start, grasp, yaw)
        )

    def observe(self, now):
        return self.sensed_mounts(now) | self.sensed_parts(now)

    def cue(self, now, goal):
        bits = [1.0 * (goal.part == i) for i in range(6)]
        return {"goal_which": stack(*bits)} | self.to_go(now, goal)

    def jobs(self, now, goal):
        wing, tail, propeller = (
            removal(now, name, kind, goal.spot) for name, kind in self.parts.items()
        )
        job = choose(goal.part == 0, wing, choose(goal.part == 1, tail, propeller))
        return [(job, laid_there(job))]

    def untouched(self, now, goal):
        count = 0.0
        for i, (name, (mount, seat)) in enumerate(SEATS.items()):
            count = count + 1.0 * (sits_on(now, name, mount, seat) & (goal.part != i))
        return count / (len(SEATS) - 1)

    def marks(self, goal):
        return [Mark(pos=(*goal.spot, 0.001), size=(SPOT, 0.001, 0.0))]
