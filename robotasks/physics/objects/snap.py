"""Lids that go straight down: a loose one, guided by ribs, and one that snaps over a bead."""

from __future__ import annotations

import math

import mujoco

from robotasks.arrays import stack
from robotasks.layout import Array
from robotasks.physics.objects.bottle import GLASS
from robotasks.physics.scene import FIXTURE, INNER, SEEN

GUIDED = 0.01
"""How far below the underside ribs and balls reach (m)."""
_RIBS, _RIB = 6, 0.0015
_BALLS, _BALL = 4, 0.002
_BEAD_HALF, _BEAD_LOW = 0.001, 0.0045  # half its thickness; its middle below the rim
_BALL_LOW = 0.008
_PLAY = 0.0003  # between a ball at rest and the neck


def add_ribs(cap: mujoco.MjsBody, name: str, radius: float, underside: float) -> None:
    """Put ribs into a lid for a neck of this `radius`; `rib_fields` sets the clearance."""
    for i in range(_RIBS):
        x, y = _around(i, _RIBS, radius + _RIB + 0.0015)
        cap.add_geom(
            name=f"{name}_rib{i}",
            type=mujoco.mjtGeom.mjGEOM_CAPSULE,
            pos=[x, y, underside - GUIDED / 2],
            size=[_RIB, GUIDED / 2 - _RIB, 0],
            group=SEEN,
            friction=[0.3, 0.005, 0.0001],
            **INNER,
        )


def rib_fields(
    clearance: Array, radius: float, underside: float, name: str
) -> dict[tuple[str, str], Array]:
    """Return the model fields of ribs with this `clearance` around the neck (m), (...)."""
    level = underside - GUIDED / 2 + 0 * clearance
    return {
        ("geom_pos", f"{name}_rib{i}"): stack(*_around(i, _RIBS, radius + _RIB + clearance), level)
        for i in range(_RIBS)
    }


def add_bead(neck: mujoco.MjsBody, name: str, radius: float, rim: float) -> None:
    """Put a bead around a neck of this `radius`; `bead_fields` sets how far it stands out."""
    neck.add_geom(
        name=f"{name}_bead",
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        pos=[0, 0, rim - _BEAD_LOW],
        size=[radius + 0.0015, _BEAD_HALF, 0],
        rgba=GLASS,
        group=SEEN,
        friction=[0.01, 0.005, 0.0001],
        **FIXTURE,
    )


def bead_fields(bead: Array, radius: float, name: str) -> dict[tuple[str, str], Array]:
    """Return the model fields of beads that stand out so far (m), (...)."""
    return {("geom_size", f"{name}_bead"): stack(radius + bead, _BEAD_HALF + 0 * bead, 0 * bead)}


def add_balls(cap: mujoco.MjsBody, name: str, radius: float, underside: float) -> None:
    """Put balls on springs into a lid for a neck of this `radius`, which snap behind its bead."""
    for i in range(_BALLS):
        angle = 2 * math.pi * i / _BALLS
        x, y = _around(i, _BALLS, radius + _BALL + _PLAY)
        ball = cap.add_body(name=f"{name}_ball{i}", pos=[x, y, underside - _BALL_LOW])
        ball.add_joint(
            name=f"{name}_ball{i}",
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=[math.cos(angle), math.sin(angle), 0],
            range=[0, 0.003],
            limited=True,
            stiffness=[3000, 0, 0],
            damping=[6, 0, 0],
            armature=0.03,  # without it the spring would be too fast for the time step
        )
        ball.add_geom(
            name=f"{name}_ball{i}",
            type=mujoco.mjtGeom.mjGEOM_SPHERE,
            size=[_BALL, 0, 0],
            mass=0.002,
            group=SEEN,
            friction=[0.1, 0.005, 0.0001],
            **INNER,
        )


def spring_fields(stiffness: Array, name: str) -> dict[tuple[str, str], Array]:
    """Return the model fields of balls on springs of this stiffness (N/m), (...)."""
    return {("jnt_stiffness", f"{name}_ball{i}"): stiffness for i in range(_BALLS)}


def _around(i: int, count: int, out: Array | float) -> tuple[Array | float, Array | float]:
    angle = 2 * math.pi * i / count
    return out * math.cos(angle), out * math.sin(angle)
