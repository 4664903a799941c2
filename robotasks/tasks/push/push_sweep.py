"""Sweep chips into a zone."""

from __future__ import annotations

from robotasks.arrays import distance, namespace, stack
from robotasks.layout import Layout
from robotasks.physics.objects.part import Block, Box, add_block, block_fields
from robotasks.tasks.planar import above, act, delivered, line_up, place_and_speed, push, rests
from robotasks.tasks.push.tabletop import CONTROL, TOOL, laid, lying, tabletop, tool_at
from robotasks.tasks.slots import part
from robotasks.tasks.span import Span
from robotasks.tasks.task import Mark, Stage, Task

CHIP = Block((Box(0, 0, 0.0125, 0.0125),), 0.01)
"""Square: a round one that tips over rolls off the table."""
CHIPS = ("chip0", "chip1", "chip2", "chip3")
CELLS = ((0.48, -0.08), (0.56, -0.08), (0.48, -0.16), (0.56, -0.16))
"""Middles of the squares in which the chips start (m)."""
SPREAD = 0.02
"""Half the width of such a square (m)."""
ZONE = 0.09
"""Radius of the zone (m)."""
INSIDE = ZONE - 0.0125 * 2**0.5
"""How near the zone's middle a chip is inside (m)."""


class PushSweep(Task):
    """Sweep four chips into a round zone.

    Randomised: the zone; mass and friction of the chips; where chips and tool start.
    Success: all four inside the zone, slower than 2 cm/s.
    """

    name = "push-sweep"
    family = "push"
    goals = Span(zone_xy=((0.45, 0.05), (0.60, 0.13)))
    dynamics = Span(mass=(0.05, 0.15), friction=(0.2, 0.6))
    starts = {
        "default": Span(
            chips_xy=(
                tuple(v - SPREAD for cell in CELLS for v in cell),
                tuple(v + SPREAD for cell in CELLS for v in cell),
            )
        )
        | TOOL
    }
    expert_memory = Layout({"turn": 1})
    horizon = 500
    control = CONTROL

    def scene(self):
        spec = tabletop()
        for name in CHIPS:
            add_block(spec, name, CHIP)
        return spec

    def place(self, start, goal, dynamics):
        placement, yaw = tool_at(start), 0 * start.tcp_yaw
        for i, name in enumerate(CHIPS):
            xy = start.chips_xy[..., 2 * i : 2 * i + 2]
            placement |= laid(name, xy, yaw, CHIP.half_height)
        return placement

    def fields(self, dynamics):
        chips = (block_fields(CHIP, dynamics.mass, dynamics.friction, name) for name in CHIPS)
        return {key: value for fields in chips for key, value in fields.items()}

    def observe(self, now):
        return {f"object{i}": part(now, name) for i, name in enumerate(CHIPS)}

    def cue(self, now, goal):
        middle = sum(getattr(now, f"{name}_pos") for name in CHIPS) / len(CHIPS)
        return {"goal_pos": above(goal.zone_xy, CHIP.half_height) - middle}

    def stages(self, now, goal):
        zones = [goal.zone_xy] * len(CHIPS)
        paid = delivered(now.tcp_pos, self.where(now), zones, 0.03, 0.6 * INSIDE)
        return [Stage(0.99 * paid, self.success(now, goal))]

    def success(self, now, goal):
        return self.reached(self.achieved(now), self.desired(goal))

    def achieved(self, now):
        chips = [
            place_and_speed(getattr(now, f"{name}_pos"), getattr(now, f"{name}_vel"))
            for name in CHIPS
        ]
        return namespace(chips[0]).concat(chips, axis=-1)

    def desired(self, goal):
        middle = lying(goal.zone_xy, CHIP.half_height)
        return namespace(middle).concat([middle] * len(CHIPS), axis=-1)

    def reached(self, achieved, desired):
        inside = True
        for column in range(0, 4 * len(CHIPS), 4):
            chip = slice(column, column + 4)
            inside = rests(achieved[..., chip], desired[..., chip], INSIDE) & inside
        return inside

    def marks(self, goal):
        return [Mark(pos=(*goal.zone_xy, 0.001), size=(ZONE, 0.001, 0.0))]

    def expert(self, now, goal, memory):
        # One chip after the other, and those that were knocked out again.
        xp = namespace(now.tcp_pos)
        turn, pos = memory.turn, now.chip0_pos
        for i, name in enumerate(CHIPS):
            pos = xp.where((turn == i)[..., None], getattr(now, f"{name}_pos"), pos)
        line = line_up(pos[..., :2], goal.zone_xy, 0.045)
        done = distance(pos[..., :2], goal.zone_xy) < 0.9 * INSIDE
        after = xp.where(done, (turn + 1) % len(CHIPS), turn)
        action = push(now, pos, line, self.control, arrived=0.9 * INSIDE)
        leave = act(self.control, stack(0 * turn, 0 * turn, 0.02 + 0 * turn), 0 * turn, turn < 0)
        inside = self.success(now, goal)[..., None]
        return xp.where(inside, leave, action), {"turn": after}

    def where(self, now):
        """Return the points where the chips are, (..., 2) each."""
        return [getattr(now, f"{name}_pos")[..., :2] for name in CHIPS]
