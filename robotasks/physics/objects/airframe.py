"""What the parts of the toy airplane go onto: mounts, whose pins are thinner than their holes.

The clearance is the pins', a number of each world.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import mujoco
import numpy as np

from robotasks.arrays import stack
from robotasks.layout import Array
from robotasks.physics.objects.airplane import (
    BRASS,
    GLASS,
    PROPELLER,
    RED,
    TAIL,
    TYRE,
    WHEEL,
    WING,
    WOOD,
    YELLOW,
    Hole,
    Kind,
    box,
    disc,
    ellipsoid,
    yawed,
)
from robotasks.physics.objects.fixture import add_mocap
from robotasks.physics.scene import FIXTURE, LOOK, SEEN, SURFACE

CLEARANCE = 0.0015
"""Between pin and hole on each side, unless a world says otherwise (m)."""
_LYING = (math.sqrt(0.5), 0, math.sqrt(0.5), 0)  # turns a cylinder's axis to x
_ACROSS = (math.sqrt(0.5), math.sqrt(0.5), 0, 0)  # and to y


class Seat(NamedTuple):
    """Where a part belongs on a mount: a name, the middle of its foot and its yaw there."""

    name: str
    kind: Kind
    x: float
    y: float
    z: float
    foot: tuple[float, float]
    """Half sizes of what the part rests on."""
    yaw: float = 0.0


FRONT_AXLE = Seat("front_axle", WHEEL, 0.05, -0.078, 0.016, (0.012, 0.012))
REAR_AXLE = Seat("rear_axle", WHEEL, -0.05, -0.078, 0.016, (0.012, 0.012))
SADDLE = Seat("saddle", WING, 0.02, 0, 0.062, (0.02, 0.018), math.pi / 2)
STERN = Seat("stern", TAIL, -0.085, 0, 0.062, (0.022, 0.012))
SHAFT = Seat("shaft", PROPELLER, 0, 0, 0.05, (0.011, 0.011))


class Mount(NamedTuple):
    """What holds parts: the function that shapes it, and its seats."""

    shape: Callable[[mujoco.MjsBody], None]
    seats: tuple[Seat, ...]


def add_mount(spec: mujoco.MjSpec, name: str, mount: Mount) -> None:
    """Add a mount as a fixture; sensed by `<name>_pos, _xaxis`."""
    body = add_mocap(spec, name)
    mount.shape(body)
    for seat in mount.seats:
        _add_seat(body, name, seat)


def mount_fields(
    name: str, mount: Mount, clearance: Array, friction: Array | float = 0.3
) -> dict[tuple[str, str], Array]:
    """Return the model fields of pins: clearance on each side (m), friction, (...)."""
    fields = {}
    zero = 0 * clearance
    rub = stack(friction + zero, 0.005 + zero, 0.0001 + zero)
    for seat in mount.seats:
        for i, hole in enumerate(seat.kind.holes):
            pin = f"{name}_{seat.name}_{i}"
            fields["geom_size", pin] = _pin(hole, seat.kind, clearance)
            fields["geom_friction", pin] = rub
    return fields


def _lying_fuselage(body: mujoco.MjsBody) -> None:
    """Its nose is at +x, its belly at -y."""
    _add_hull(body, 0.022)
    body.add_geom(**ellipsoid((0.055, 0.016, 0.022), (0.028, 0.018, 0.015), GLASS), **LOOK)
    body.add_geom(**box((-0.10, 0.034, 0.022), (0.018, 0.022, 0.004), RED), **SURFACE)
    body.add_geom(**box((0.122, 0, 0.022), (0.002, 0.055, 0.008), YELLOW), **LOOK)
    body.add_geom(**ellipsoid((0.12, 0, 0.022), (0.016, 0.01, 0.01), RED), **LOOK)
    for seat in (FRONT_AXLE, REAR_AXLE):
        leg = box((seat.x, seat.y / 2 - 0.004, 0.008), (0.007, -seat.y / 2 + 0.004, 0.0078), RED)
        body.add_geom(**leg, **SURFACE)


def _standing_fuselage(body: mujoco.MjsBody) -> None:
    _add_hull(body, 0.038)
    body.add_geom(**ellipsoid((0.072, 0, 0.048), (0.026, 0.016, 0.016), GLASS), **LOOK)
    for x, y, radius in ((0.06, 0.03, 0.016), (0.06, -0.03, 0.016), (-0.10, 0, 0.01)):
        wheel = disc((x, y, radius), radius, 0.005, TYRE, quat=_ACROSS)
        body.add_geom(**wheel, **LOOK)
    body.add_geom(**disc((0.06, 0, 0.016), 0.003, 0.03, BRASS, quat=_ACROSS), **LOOK)


def _engine(body: mujoco.MjsBody) -> None:
    """It lies on its back, the shaft upright."""
    half = SHAFT.z / 2 - 0.003
    body.add_geom(**disc((0, 0, half), 0.022, half, RED), **SURFACE)
    for k in range(6):
        x, y = 0.022 * math.cos(k * math.pi / 3), 0.022 * math.sin(k * math.pi / 3)
        body.add_geom(**disc((x, y, 0.02), 0.007, 0.013, TYRE), **LOOK)


def dress_nose(neck: mujoco.MjsBody, rim: float) -> None:
    """Make a neck that ends at `rim` (m) look like the front of a fuselage, nose up."""
    for geom in neck.geoms:
        geom.rgba = BRASS if geom.pos[2] > 0.7 * rim else WOOD
    neck.add_geom(**box((0, 0, 0.018), (0.005, 0.09, 0.017), YELLOW), **SURFACE)
    for side in (1, -1):
        neck.add_geom(**box((0, side * 0.08, 0.018), (0.0052, 0.006, 0.0172), RED), **LOOK)
    neck.add_geom(**ellipsoid((0.022, 0, 0.045), (0.014, 0.014, 0.022), GLASS), **LOOK)


def dress_cone(cap: mujoco.MjsBody) -> None:
    """Make a cap look like a nose cone."""
    for geom in cap.geoms:
        geom.rgba = RED
    cap.add_geom(**ellipsoid((0, 0, 0.007), (0.0205, 0.0205, 0.016), RED), mass=0, **LOOK)
    cap.add_geom(**box((0.012, 0, 0.0145), (0.006, 0.0015, 0.006), YELLOW), mass=0, **LOOK)


LYING = Mount(_lying_fuselage, (FRONT_AXLE, REAR_AXLE))
"""A fuselage on its side, its wheels' axles upright."""
STANDING = Mount(_standing_fuselage, (SADDLE, STERN))
"""A fuselage on its wheels, with a saddle for the wing and pins for the tail."""
ENGINE = Mount(_engine, (SHAFT,))
"""An engine, with a shaft for the propeller."""


def _add_hull(body: mujoco.MjsBody, height: float) -> None:
    """Give a mount the body of the airplane, its axis at this height (m)."""
    hull = disc((0.01, 0, height), 0.021, 0.09, WOOD, quat=_LYING)
    body.add_geom(**hull, **SURFACE)
    body.add_geom(**disc((0.108, 0, height), 0.024, 0.012, RED, quat=_LYING), **SURFACE)
    body.add_geom(**ellipsoid((-0.08, 0, height), (0.06, 0.021, 0.021), WOOD), **LOOK)
    body.add_geom(**box((-0.10, 0, height), (0.03, 0.013, 0.013), WOOD), **SURFACE)


def _add_seat(body: mujoco.MjsBody, mount: str, seat: Seat) -> None:
    """Give a mount a foot, which a part rests on, and pins, which only its holes touch."""
    tall = seat.z / 2 if seat.z < 0.03 else 0.006
    half = (seat.foot[0], seat.foot[1], tall)
    body.add_geom(**box((seat.x, seat.y, seat.z - tall), half, BRASS), **SURFACE)
    cos, sin = math.cos(seat.yaw), math.sin(seat.yaw)
    for i, hole in enumerate(seat.kind.holes):
        size = _pin(hole, seat.kind, np.asarray(CLEARANCE))
        body.add_geom(
            name=f"{mount}_{seat.name}_{i}",
            type=mujoco.mjtGeom.mjGEOM_CAPSULE if hole.round else mujoco.mjtGeom.mjGEOM_BOX,
            pos=[seat.x + cos * hole.x, seat.y + sin * hole.x, seat.z + _half_pin(hole, seat.kind)],
            quat=yawed(seat.yaw),
            size=size,
            rgba=BRASS,
            group=SEEN,
            friction=[0.3, 0.005, 0.0001],
            **FIXTURE,
        )


def _half_pin(hole: Hole, kind: Kind) -> float:
    """Half the length of a pin; that of a capsule is without its tip."""
    return (kind.pins - (hole.half_x - CLEARANCE if hole.round else 0)) / 2


def _pin(hole: Hole, kind: Kind, clearance: Array) -> Array:
    """Return the sizes of a pin for a hole: a capsule, whose tip leads the part in, or a box."""
    x, y = hole.half_x - clearance, hole.half_y - clearance
    half = _half_pin(hole, kind) + 0 * clearance
    return stack(x, half, 0 * x) if hole.round else stack(x, y, half)
