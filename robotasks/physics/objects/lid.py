"""Round lids: a hull that fingers hold and a disc inside that rests on the rim of a neck."""

from __future__ import annotations

import math
from collections.abc import Sequence

import mujoco

from robotasks.arrays import stack
from robotasks.layout import Array
from robotasks.physics.objects.part import BLUE, LEAN, add_body
from robotasks.physics.scene import FOOT, HULL, INNER, LOOK, SEEN

RADIUS = 0.022
HALF_HEIGHT = 0.008
TOP = 0.003
"""Thickness of the disc (m)."""
UNDERSIDE = HALF_HEIGHT - TOP
"""Where the disc's underside is in the lid's frame (m)."""
MASS, MOMENTS = 0.03, (5e-6, 5e-6, 8e-6)
_FOOT = 0.001
WHITE = (0.95, 0.93, 0.88, 1.0)


def add_lid(
    spec: mujoco.MjSpec, name: str = "lid", colour: Sequence[float] = BLUE
) -> mujoco.MjsBody:
    """Add a free lid with the sensors of `part_sensors`; a stripe shows its x axis.

    Fixtures touch only what is inside: geom `<name>_top` and what else one puts there.
    """
    body = add_body(spec, name, HALF_HEIGHT)
    # Its real moments: those of its geoms would count the disc twice.
    body.mass, body.inertia = MASS, MOMENTS
    cylinder, box = mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_BOX
    body.add_geom(
        name=f"{name}_hull",
        type=cylinder,
        size=[RADIUS, HALF_HEIGHT, 0],
        rgba=colour,
        group=SEEN,
        **HULL,
    )
    # Lids lie on balls in their lower edge: of 256 cylinders flat on a plane, one jumped.
    for x, y in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        out = (RADIUS - 2 * _FOOT) / math.sqrt(2)
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_SPHERE,
            pos=[x * out, y * out, _FOOT - HALF_HEIGHT],
            size=[_FOOT, 0, 0],
            group=SEEN,
            friction=[0.3, 0.005, 0.0001],
            **FOOT,
        )
    body.add_geom(
        name=f"{name}_top",
        type=cylinder,
        pos=[0, 0, HALF_HEIGHT - TOP / 2],
        size=[RADIUS - 0.001, TOP / 2, 0],
        quat=LEAN,
        friction=[0.3, 0.005, 0.0001],
        rgba=colour,
        group=SEEN,
        **INNER,
    )
    body.add_geom(
        type=box,
        pos=[RADIUS / 2, 0, HALF_HEIGHT],
        size=[RADIUS / 2, 0.002, 0.0005],
        rgba=WHITE,
        group=SEEN,
        **LOOK,
    )
    return body


def rub_fields(friction: Array, *geoms: str) -> dict[tuple[str, str], Array]:
    """Return the model fields that give geoms this Coulomb coefficient, (...)."""
    one = 1 + 0 * friction
    rub = stack(friction, 0.005 * one, 0.0001 * one)
    return {("geom_friction", geom): rub for geom in geoms}


def mass_fields(mass: Array, name: str) -> dict[tuple[str, str], Array]:
    """Return the model fields of lids of this mass (kg), (...)."""
    inertia = stack(*(mass / MASS * moment for moment in MOMENTS))
    return {("body_mass", name): mass, ("body_inertia", name): inertia}
