"""A peg whose shape is a number of each world: it sits on one body with every shape's geoms.

Geoms that a shape does not use shrink to a grain inside it, which costs nothing to simulate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import mujoco

from robotasks.arrays import namespace, stack, yaw_quat
from robotasks.layout import Array
from robotasks.physics.objects.part import ORANGE, add_body, add_geom
from robotasks.physics.objects.shapes import (
    BARS,
    GRAIN,
    SHAPES,
    STEP,
    Bar,
    fold_of,
    padded,
    pick,
    split,
)
from robotasks.physics.scene import sense

HALF_HEIGHT = 0.025
MASS = 0.05

_GRAIN = Bar(0, 0, 0, GRAIN, GRAIN)
_BARS = [padded(row.bars, _GRAIN, BARS) for row in SHAPES]
_ROUND = [[row.radius, GRAIN if row.bars else HALF_HEIGHT, 0, *row.gyration] for row in SHAPES]


def add_peg(spec: mujoco.MjSpec, name: str = "peg", colour: Sequence[float] = ORANGE) -> None:
    """Add a free peg, 50 mm high, with the sensors of `part_sensors` and `<name>_twin`.

    The twin is its x axis after the least turn that leaves it looking the same.
    """
    body = add_body(spec, name, HALF_HEIGHT)
    box, cylinder = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER
    for i in range(BARS):
        add_geom(body, f"{name}_{i}", colour, type=box, size=[GRAIN] * 3)
    add_geom(body, f"{name}_round", colour, type=cylinder, size=[GRAIN, GRAIN, 0])
    body.add_site(name=f"{name}_twin")
    twin = (mujoco.mjtObj.mjOBJ_SITE, f"{name}_twin")
    sense(spec, f"{name}_twin", mujoco.mjtSensor.mjSENS_FRAMEXAXIS, twin)


def peg_fields(
    shape: Array, friction: Array, mass: Array | float = MASS, name: str = "peg"
) -> dict[tuple[str, str], Array]:
    """Return the model fields of pegs: shape, friction on all but the pads, mass (kg), (...)."""
    xp, one = namespace(friction), 1 + 0 * friction
    rows, disc = pick(_BARS, shape), pick(_ROUND, shape)
    x, y = disc[..., 3], disc[..., 4]
    upright = HALF_HEIGHT**2 / 3
    fields = {
        ("body_mass", name): mass * one,
        ("body_inertia", name): (mass * one)[..., None] * stack(y + upright, x + upright, x + y),
        ("geom_size", f"{name}_round"): disc[..., :3],
        ("site_quat", f"{name}_twin"): yaw_quat(2 * math.pi / fold_of(shape)),
    }
    rub = stack(friction, 0.005 * one, 0.0001 * one)
    for i, (at_x, at_y, yaw, half_x, half_y) in enumerate(split(rows, len(Bar._fields))):
        geom = f"{name}_{i}"
        tall = xp.where(half_x > GRAIN, HALF_HEIGHT - i * STEP + 0 * one, GRAIN)
        fields["geom_pos", geom] = stack(at_x, at_y, 0 * one)
        fields["geom_quat", geom] = yaw_quat(yaw)
        fields["geom_size", geom] = stack(half_x, half_y, tall)
        fields["geom_friction", geom] = rub
    fields["geom_friction", f"{name}_round"] = rub
    return fields
