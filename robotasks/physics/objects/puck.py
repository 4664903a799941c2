"""A puck whose shape, mass and friction are numbers: disc, square or bar.

All shapes sit on one body. The ones not chosen shrink to a grain inside it, which costs
nothing to simulate; parked bodies would triple the time of a step.
"""

from __future__ import annotations

from collections.abc import Sequence

import mujoco

from robotasks.arrays import namespace, stack
from robotasks.layout import Array
from robotasks.physics.objects.part import ORANGE, add_body, add_geom
from robotasks.physics.scene import rubbing, table_pair

HALF_HEIGHT = 0.01  # flat enough that a finger on its top does not tip it over
DISC, SQUARE, BAR = 0, 1, 2
SHAPES = 3
DISC_RADIUS = 0.03
SQUARE_HALF = 0.025
BAR_HALF = (0.04, 0.018)
_GRAIN = 0.003


def add_puck(spec: mujoco.MjSpec, name: str = "puck", colour: Sequence[float] = ORANGE) -> None:
    """Add a free puck, its pairs with the table and the sensors of `part_sensors`."""
    body = add_body(spec, name, HALF_HEIGHT)
    kinds = {"disc": mujoco.mjtGeom.mjGEOM_CYLINDER, "box": mujoco.mjtGeom.mjGEOM_BOX}
    sizes = {"disc": [DISC_RADIUS, HALF_HEIGHT, 0], "box": [_GRAIN] * 3}
    for kind, shape in kinds.items():
        add_geom(body, f"{name}_{kind}", colour, type=shape, size=sizes[kind])
        table_pair(spec, f"{name}_{kind}", friction=0.3)


def puck_fields(
    shape: Array, mass: Array, friction: Array, name: str = "puck"
) -> dict[tuple[str, str], Array]:
    """Return the model fields of pucks with these shapes, masses (kg) and frictions, all (...)."""
    xp = namespace(shape)
    one = xp.ones_like(mass)
    is_disc, is_bar = shape == DISC, shape == BAR
    grain = _GRAIN * one
    half_x = xp.where(is_bar, BAR_HALF[0] * one, SQUARE_HALF * one)
    half_y = xp.where(is_bar, BAR_HALF[1] * one, SQUARE_HALF * one)
    height = HALF_HEIGHT * one
    disc = stack(
        xp.where(is_disc, DISC_RADIUS * one, grain), xp.where(is_disc, height, grain), 0 * one
    )
    box = stack(*(xp.where(is_disc, grain, half) for half in (half_x, half_y, height)))
    # Second moments of area per axis: r^2/4 of a disc, a^2/3 of a box of half width a.
    across_x = xp.where(is_disc, DISC_RADIUS**2 / 4 * one, half_x**2 / 3)
    across_y = xp.where(is_disc, DISC_RADIUS**2 / 4 * one, half_y**2 / 3)
    upright = height**2 / 3
    inertia = stack(across_y + upright, across_x + upright, across_x + across_y)
    rub = rubbing(friction)
    return {
        ("geom_size", f"{name}_disc"): disc,
        ("geom_size", f"{name}_box"): box,
        ("body_mass", name): mass,
        ("body_inertia", name): mass[..., None] * inertia,
        ("pair_friction", f"{name}_disc/table"): rub,
        ("pair_friction", f"{name}_box/table"): rub,
    }
