"""Close the named one of two bottles with the lid that fits it."""

from __future__ import annotations

from robotasks.arrays import namespace, stack
from robotasks.physics.objects import bottle, lid, snap
from robotasks.physics.objects.part import BLUE, ORANGE
from robotasks.tasks.handling import (
    CONTROL,
    SEARCH,
    TOOL,
    choose,
    delivery,
    handle,
    open_hand,
    released,
)
from robotasks.tasks.lid.caps import SEAT, lid_job, lid_workbench, seated
from robotasks.tasks.planar import raised
from robotasks.tasks.push.tabletop import laid, stands
from robotasks.tasks.slots import fixture, part
from robotasks.tasks.span import Choice, Span
from robotasks.tasks.task import Mark, Stage, Task

NECKS = (0.0125, 0.0165)
"""Radii of the two necks: the small lid does not go onto the large one (m)."""
COLOURS = (ORANGE, BLUE)
PLACES = (0.425, 0.565)
"""Where bottles and lids stand, x (m): fingers fit between them."""
LIDS_Y, BOTTLES_Y = -0.16, 0.12


class LidChoose(Task):
    """Close the named bottle with its own lid and let go.

    Randomised: which bottle; the lids' mass; which bottle and which lid stands
    where, and how far off its place; where the tool starts. Success: the lid flat on the rim of
    the bottle of its colour within 1 mm, the fingers open.
    """

    name = "lid-choose"
    family = "lid"
    goals = Span(which=Choice(2))
    dynamics = Span(mass=(0.02, 0.1))
    starts = {
        "default": Span(
            bottles_swapped=Choice(2),
            lids_swapped=Choice(2),
            bottles_xy=((-0.015, -0.03), (0.015, 0.03)),
            lids_xy=((-0.015, -0.04), (0.015, 0.04)),
        )
        | TOOL
    }
    expert_memory = SEARCH
    control = CONTROL
    horizon = 200

    def scene(self):
        spec = lid_workbench()
        for i, (neck, colour) in enumerate(zip(NECKS, COLOURS, strict=True)):
            bottle.add_bottle(spec, f"bottle{i}", colour, neck)
            snap.add_ribs(lid.add_lid(spec, f"lid{i}", colour), f"lid{i}", neck, lid.UNDERSIDE)
        return spec

    def place(self, start, goal, dynamics):
        placement = open_hand(start)
        straight, way = 0 * start.tcp_yaw, PLACES[1] - PLACES[0]
        for i in range(2):
            bottle_x = PLACES[i] + (1 - 2 * i) * way * start.bottles_swapped
            bottle_xy = stack(bottle_x, BOTTLES_Y + straight) + start.bottles_xy
            lid_x = PLACES[i] + (1 - 2 * i) * way * start.lids_swapped
            lid_xy = stack(lid_x, LIDS_Y + straight) + start.lids_xy
            placement |= stands(f"bottle{i}", bottle_xy, straight)
            placement |= laid(f"lid{i}", lid_xy, straight, lid.HALF_HEIGHT)
        return placement

    def fields(self, dynamics):
        lids = (lid.mass_fields(dynamics.mass, f"lid{i}") for i in range(2))
        return {name: values for fields in lids for name, values in fields.items()}

    def observe(self, now):
        lids = {f"object{i}": part(now, f"lid{i}") for i in range(2)}
        return lids | {f"fixture{i}": fixture(now, f"bottle{i}") for i in range(2)}

    def cue(self, now, goal):
        job, _ = self.job(now, goal)
        bits = [1.0 * (goal.which == i) for i in range(6)]
        return {"goal_which": stack(*bits), "goal_pos": job.seat_pos - job.part_pos}

    def job(self, now, goal):
        """Return the job of closing the named bottle, and whether it is closed, held or not."""
        jobs, closed = [], []
        for i in range(2):
            rim = raised(getattr(now, f"bottle{i}_pos"), SEAT)
            jobs.append(lid_job(now, rim, snap.GUIDED, name=f"lid{i}"))
            closed.append(seated(now, rim, f"lid{i}"))
        first = goal.which == 0
        return choose(first, *jobs), namespace(first).where(first, *closed)

    def stages(self, now, goal):
        job, closed = self.job(now, goal)
        return [Stage(0.99 * delivery(now, job, closed), closed & released(now))]

    def success(self, now, goal):
        return self.job(now, goal)[1] & released(now)

    def marks(self, goal):
        # A disc of the colour of the named pair.
        return [Mark((0.66, 0.0, 0.001), (0.03, 0.001, 0.0), rgba=COLOURS[int(goal.which)])]

    def expert(self, now, goal, memory):
        return handle(now, *self.job(now, goal), memory, self.control)
