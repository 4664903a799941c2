"""A brick whose centre of mass need not be its middle."""

from __future__ import annotations

import mujoco

from robotasks.arrays import stack
from robotasks.layout import Array
from robotasks.physics.objects.part import STEEL, Block, Box, add_block, block_fields

HALF_HEIGHT = 0.02
BRICK = Block((Box(0, 0, 0.06, 0.03),), HALF_HEIGHT)


def add_brick(spec: mujoco.MjSpec, name: str = "brick") -> None:
    """Add a free iron brick, 120 x 60 x 40 mm."""
    body = add_block(spec, name, BRICK, STEEL)
    # A body whose centre of mass is its origin is compiled into shortcuts that leave no room for
    # worlds where it is elsewhere.
    body.ipos = [0.001, 0.001, 0]


def brick_fields(
    mass: Array, friction: Array, centre: Array, name: str = "brick"
) -> dict[tuple[str, str], Array]:
    """Return the model fields of bricks: mass (kg), friction, (...); centre of mass, (..., 2)."""
    x, y = centre[..., 0], centre[..., 1]
    fields = block_fields(BRICK, mass, friction, name)
    return fields | {("body_ipos", name): stack(x, y, 0 * x)}
