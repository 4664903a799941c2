"""A light post that is easily knocked away, and the print that shows where it stood."""

from __future__ import annotations

import mujoco

from robotasks.physics.objects.fixture import add_print
from robotasks.physics.objects.part import BLUE, add_body, add_geom
from robotasks.physics.scene import table_pair

RADIUS = 0.035
HALF_HEIGHT = 0.02
MASS = 0.2
HOME = "home"


def add_post(spec: mujoco.MjSpec, name: str = "post") -> None:
    """Add a free post and, to be put under it, the print `home`."""
    body = add_body(spec, name, HALF_HEIGHT)
    across = RADIUS**2 / 4 + HALF_HEIGHT**2 / 3
    body.mass, body.inertia = MASS, [MASS * across, MASS * across, MASS * RADIUS**2 / 2]
    cylinder = mujoco.mjtGeom.mjGEOM_CYLINDER
    add_geom(body, name, BLUE, type=cylinder, size=[RADIUS, HALF_HEIGHT, 0])
    table_pair(spec, name, friction=0.3)
    add_print(spec, HOME, RADIUS + 0.01)  # as much as it may move
