"""A lug cap: three lugs inside a lid slide under three ramps around a neck, locked by a twist.

Contacts alone hold it. Angles are counted clockwise, the way it closes, from where a ramp starts;
heights from the rim of the neck. A ramp slopes down, which pulls a raised lid onto the rim, then
runs level, so that no pull turns the lid open, and ends at a stop.
"""

from __future__ import annotations

import math

import mujoco

from robotasks.arrays import stack
from robotasks.layout import Array
from robotasks.physics.objects.bottle import GLASS
from robotasks.physics.scene import FIXTURE, INNER, SEEN

PERIOD = 2 * math.pi / 3
"""Between one lug and the next (rad)."""
ENTRY = math.radians(-31)
"""Where lugs go in, the middle of the gap between two ramps (rad); 17 degrees off still go in."""
LOCKED = math.radians(35)
"""From here on the lugs are well under the level part (rad)."""
STOP = math.radians(45)
"""Where lugs meet the stops (rad)."""
LOW = 0.0105
"""How far below the underside of the lid the middle of its lugs is (m)."""
ENTERS = 0.0095
"""Lugs that are lower than this above their seat are past the tops of the ramps (m)."""

_LUG, _RAMP = 0.002, 0.002  # radii
_SLOPES, _DROP = math.radians(28), 0.0025
_LEVEL, _END = -0.0064, math.radians(58)


def add_ramps(body: mujoco.MjsBody, name: str, radius: float, rim: float) -> None:
    """Put ramps around a neck of this `radius` whose rim is at z = `rim` of the body."""
    out = radius + _RAMP
    sloping = [(k / 3 * _SLOPES, _LEVEL + (1 - k / 3) * _DROP) for k in range(4)]
    level = [(_SLOPES + k / 3 * (_END - _SLOPES), _LEVEL) for k in range(1, 4)]
    path = [*sloping, *level, (_END, -LOW - _LUG)]
    for ramp in range(3):
        points = [
            (
                out * math.cos(ramp * PERIOD - angle),
                out * math.sin(ramp * PERIOD - angle),
                rim + height,
            )
            for angle, height in path
        ]
        for i in range(len(points) - 1):
            body.add_geom(
                name=f"{name}_ramp{ramp}_{i}",
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                fromto=[*points[i], *points[i + 1]],
                size=[_RAMP, 0, 0],
                rgba=GLASS,
                group=SEEN,
                friction=[0.01, 0.005, 0.0001],
                **FIXTURE,
            )


def add_lugs(body: mujoco.MjsBody, name: str, radius: float, underside: float) -> None:
    """Put lugs into a lid for a neck of this `radius`; its underside is at z of the body.

    A lug is on the body's x axis. `lug_fields` sets the clearance.
    """
    out = radius + _LUG + 0.0015
    for i in range(3):
        body.add_geom(
            name=f"{name}_lug{i}",
            type=mujoco.mjtGeom.mjGEOM_SPHERE,
            pos=[out * math.cos(i * PERIOD), out * math.sin(i * PERIOD), underside - LOW],
            size=[_LUG, 0, 0],
            group=SEEN,
            **INNER,
        )


def lug_fields(
    clearance: Array, radius: float, underside: float, name: str
) -> dict[tuple[str, str], Array]:
    """Return the model fields of lugs with this `clearance` around the neck (m), (...)."""
    out, level = radius + _LUG + clearance, underside - LOW + 0 * clearance
    return {
        ("geom_pos", f"{name}_lug{i}"): stack(
            out * math.cos(i * PERIOD), out * math.sin(i * PERIOD), level
        )
        for i in range(3)
    }
