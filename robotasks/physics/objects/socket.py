"""A socket on the table whose shape and clearance are numbers of each world."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco

from robotasks.arrays import namespace, stack, yaw_quat
from robotasks.layout import Array
from robotasks.physics.objects.fixture import GREY, add_fixture
from robotasks.physics.objects.part import Box
from robotasks.physics.objects.shapes import GRAIN, SHAPES, STEP, WALLS, Wall, padded, pick, split

DEPTH = 0.025
"""Of the hole, down to the table (m)."""
# A wall that a shape does not need is a grain inside its first one.
_WALLS = [
    padded(row.walls, row.walls[0]._replace(half_x=GRAIN, half_y=GRAIN), WALLS) for row in SHAPES
]


def add_socket(spec: mujoco.MjSpec, name: str = "socket", colour: Sequence[float] = GREY) -> None:
    """Add a socket; its origin is the middle of the hole's bottom. Sensors as `add_fixture`."""
    # Slippery, since MuJoCo takes the larger friction of two geoms: the peg's own counts.
    boxes = [Box(0.03, 0, GRAIN, GRAIN)] * WALLS
    body = add_fixture(spec, name, boxes, DEPTH, friction=0.01)
    for geom in body.geoms:
        geom.rgba = colour


def socket_fields(
    shape: Array, clearance: Array, name: str = "socket"
) -> dict[tuple[str, str], Array]:
    """Return the model fields of sockets: shape and clearance on each side (m), (...)."""
    xp = namespace(clearance)
    rows, level = pick(_WALLS, shape), DEPTH / 2 + 0 * clearance
    fields = {}
    for i, wall in enumerate(split(rows, len(Wall._fields))):
        x, y, out_x, out_y, yaw, half_x, half_y = wall
        geom = f"{name}_{i}"
        fields["geom_pos", geom] = stack(x + clearance * out_x, y + clearance * out_y, level)
        fields["geom_quat", geom] = yaw_quat(yaw)
        tall = xp.where(half_y > GRAIN, level - i * STEP, GRAIN)
        fields["geom_size", geom] = stack(half_x, half_y, tall)
    return fields
