"""A bottle that stands on the table: a fixture whose neck takes lids."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco

from robotasks.physics.objects.fixture import add_fixture
from robotasks.physics.scene import FIXTURE, LOOK, SEEN

NECK = 0.015
"""Radius of the neck (m)."""
RIM = 0.09
"""Height of the rim above the table (m)."""
_RADIUS, _SHOULDER = 0.03, 0.06
GLASS = (0.55, 0.72, 0.70, 1.0)
JUICE = (0.75, 0.30, 0.22, 1.0)


def add_bottle(
    spec: mujoco.MjSpec,
    name: str = "bottle",
    colour: Sequence[float] = JUICE,
    neck: float = NECK,
) -> mujoco.MjsBody:
    """Add a bottle; its origin is the middle of its bottom. Sensors as `add_fixture`.

    neck: radius of the neck (m). It is slippery: MuJoCo takes the larger friction of two geoms,
    and a lid's own counts.
    """
    body = add_fixture(spec, name, [], RIM, friction=0.0)
    cylinder, ellipsoid = mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_ELLIPSOID
    for part, radius, low, high, hue in (
        ("body", _RADIUS, 0.0, _SHOULDER, colour),
        ("neck", neck, _SHOULDER, RIM, GLASS),
    ):
        body.add_geom(
            name=f"{name}_{part}",
            type=cylinder,
            pos=[0, 0, (low + high) / 2],
            size=[radius, (high - low) / 2, 0],
            rgba=hue,
            group=SEEN,
            friction=[0.01, 0.005, 0.0001],
            **FIXTURE,
        )
    shoulder = [_RADIUS, _RADIUS, 0.018]
    body.add_geom(
        type=ellipsoid, pos=[0, 0, _SHOULDER], size=shoulder, rgba=colour, group=SEEN, **LOOK
    )
    return body
