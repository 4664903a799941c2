"""Take one part off the airplane and lay it aside."""

from __future__ import annotations

from robotasks.arrays import namespace, stack
from robotasks.physics.objects.airframe import ENGINE, SADDLE, SHAFT, STANDING, STERN
from robotasks.physics.robots.placing import arm_at
from robotasks.tasks.handling import AROUND, TOOL, choose, hand_around, open_hand
from robotasks.tasks.planar import raised
from robotasks.tasks.plane.assemble import MOUNTS
from robotasks.tasks.plane.assembly import HELD
from robotasks.tasks.plane.plane_task import (
    Place,
    PlaneTask,
    place_in_hand,
    place_of,
    put,
    sits_on,
)
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
    starts = {"default": MOUNTS | TOOL, "near": MOUNTS | AROUND, "held": MOUNTS | HELD}
    horizon = 300
    mounts = {"fuselage": STANDING, "engine": ENGINE}
    parts = {name: seat.kind for name, (_, seat) in SEATS.items()}

    def place(self, start, goal, dynamics):
        xp, none = namespace(goal.part), 0 * goal.part
        placement = self.furnish(start)
        grasp, yaw, width = none[..., None], none, none  # of the named part
        for i, (name, (mount, seat)) in enumerate(SEATS.items()):
            named, kind = goal.part == i, seat.kind
            at = place_of(seat, getattr(start, f"{mount}_xy"), getattr(start, f"{mount}_yaw"))
            if "slip" in start:
                hand = place_in_hand(kind, start)
                pos = xp.where(named[..., None], hand.pos, at.pos)
                at = Place(pos, xp.where(named, hand.yaw, at.yaw))
            placement |= put(name, kind, at)
            held_at = raised(at.pos, kind.half[2] + kind.grasp_up)
            grasp = xp.where(named[..., None], held_at, grasp)
            yaw, width = xp.where(named, at.yaw, yaw), xp.where(named, kind.width, width)
        if "slip" in start:
            return placement | arm_at(start.tcp_pos, start.tcp_yaw, width)
        if "tcp_off" in start:
            return placement | hand_around(start, grasp, yaw)
        return placement | open_hand(start)

    def observe(self, now):
        return self.sensed_mounts(now) | self.sensed_parts(now)

    def cue(self, now, goal):
        bits = [1.0 * (goal.part == i) for i in range(6)]
        return {"goal_which": stack(*bits)} | self.to_go(now, goal)

    def jobs(self, now, goal):
        wing, tail, propeller = (
            removal(now, name, seat, goal.spot) for name, (_, seat) in SEATS.items()
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
