"""A wooden toy airplane: loose parts with holes, and the mounts whose pins they go onto.

A part has an outer hull, which fingers, table and other parts touch, and around its holes a block
that only pins touch: a plate with a hole cannot be one convex geom. A pin is thinner than its hole
by the clearance, which is a number of each world.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import mujoco
import numpy as np

from robotasks.arrays import stack
from robotasks.layout import Array
from robotasks.physics.objects.fixture import add_mocap
from robotasks.physics.objects.part import LEAN, part_sensors
from robotasks.physics.scene import FIXTURE, HIDDEN, INNER, LOOK, OUTER, SEEN, SURFACE

WOOD = (0.80, 0.62, 0.38, 1.0)
RED = (0.80, 0.20, 0.17, 1.0)
YELLOW = (0.95, 0.75, 0.18, 1.0)
BLUE = (0.20, 0.45, 0.75, 1.0)
TYRE = (0.16, 0.17, 0.19, 1.0)
GLASS = (0.55, 0.75, 0.88, 1.0)
BRASS = (0.72, 0.58, 0.28, 1.0)
HOLE = (0.08, 0.07, 0.06, 1.0)

_BOX = mujoco.mjtGeom.mjGEOM_BOX
_CYLINDER = mujoco.mjtGeom.mjGEOM_CYLINDER
_CAPSULE = mujoco.mjtGeom.mjGEOM_CAPSULE
_ELLIPSOID = mujoco.mjtGeom.mjGEOM_ELLIPSOID
_LYING = (math.sqrt(0.5), 0, math.sqrt(0.5), 0)  # turns a cylinder's axis to x
_ACROSS = (math.sqrt(0.5), math.sqrt(0.5), 0, 0)  # and to y
_SIDES = 8  # of a round hole
CLEARANCE = 0.0015
"""Between pin and hole on each side, unless a world says otherwise (m)."""
Point = tuple[float, float, float]


class Hole(NamedTuple):
    """A hole along a part's x axis, or the pin for it: where, its half sizes; round ones differ."""

    x: float
    half_x: float
    half_y: float
    round: bool = False


class Kind(NamedTuple):
    """A kind of part, in a frame whose z axis goes through its holes; all in metres and kg."""

    holes: tuple[Hole, ...]
    half: Point
    """Of the block with the holes; its middle is the origin, its bottom lies on the seat."""
    pins: float
    """How long the pins are, above the seat."""
    grasp_up: float
    """From the origin up to where fingers hold it, on its +y and -y sides."""
    width: float
    """Between those sides."""
    fold: int
    """How often in one turn fingers and pins take it alike."""
    mass: float


WHEEL = Kind((Hole(0, 0.008, 0.008, True),), (0.022, 0.022, 0.008), 0.028, 0.004, 0.044, 360, 0.03)
PROPELLER = Kind((Hole(0, 0.007, 0.007),), (0.014, 0.014, 0.007), 0.012, 0.005, 0.028, 2, 0.03)
WING = Kind((Hole(0, 0.014, 0.008),), (0.09, 0.02, 0.006), 0.012, 0.006, 0.04, 2, 0.05)
# A wide and a narrow hole: the wrong way round the wide pin finds the narrow hole.
TAIL = Kind(
    (Hole(0.011, 0.0065, 0.0065), Hole(-0.011, 0.004, 0.004)),
    (0.022, 0.04, 0.005),
    0.012,
    0.03,
    0.008,
    1,
    0.03,
)


def add_part(spec: mujoco.MjSpec, name: str, kind: Kind, colour: Sequence[float] = RED) -> None:
    """Add a loose part of a kind, with the sensors of `part_sensors`."""
    body = spec.worldbody.add_body(name=name, pos=[0.5, 0, kind.half[2]])
    body.add_freejoint(name=name)
    part_sensors(spec, name)
    for i, (pos, half, yaw) in enumerate(_walls(kind)):
        body.add_geom(
            name=f"{name}_{i}",
            type=_BOX,
            pos=pos,
            quat=_yawed(yaw),
            size=half,
            mass=0,
            group=HIDDEN,
            friction=[0.01, 0.005, 0.0001],  # the pin's own counts
            **INNER,
        )
    _HULLS[kind](body, colour)
    for hole in kind.holes:  # a dark spot in place of the hole that the hull covers
        if hole.round:
            spot = _disc((hole.x, 0, 0), hole.half_x, kind.half[2] + 4e-4, HOLE)
        else:
            spot = _box((hole.x, 0, 0), (hole.half_x, hole.half_y, kind.half[2] + 4e-4), HOLE)
        body.add_geom(**spot, mass=0, **LOOK)


def _wheel(body: mujoco.MjsBody, colour: Sequence[float]) -> None:
    radius, _, half = WHEEL.half
    body.add_geom(**_disc((0, 0, 0), radius, half, TYRE), mass=WHEEL.mass, **OUTER)
    body.add_geom(**_disc((0, 0, 0), 0.015, half + 2e-4, colour), mass=0, **LOOK)


def _propeller(body: mujoco.MjsBody, colour: Sequence[float]) -> None:
    body.add_geom(**_box((0, 0, 0), PROPELLER.half, colour), mass=0.4 * PROPELLER.mass, **OUTER)
    for side in (1, -1):
        twist = (math.cos(0.12), side * math.sin(0.12), 0, 0)
        blade = _box((side * 0.042, 0, 0.0015), (0.03, 0.009, 0.0025), BLUE, quat=twist)
        body.add_geom(**blade, mass=0.3 * PROPELLER.mass, **OUTER)


def _wing(body: mujoco.MjsBody, colour: Sequence[float]) -> None:
    body.add_geom(**_box((0, 0, 0), WING.half, YELLOW), mass=WING.mass, **OUTER)
    x, y, z = WING.half
    for side in (1, -1):
        tip = _box((side * (x - 0.012), 0, 0), (0.006, y + 2e-4, z + 2e-4), colour)
        body.add_geom(**tip, mass=0, **LOOK)


def _tail(body: mujoco.MjsBody, colour: Sequence[float]) -> None:
    x, _, z = TAIL.half
    body.add_geom(**_box((0, 0, 0), TAIL.half, YELLOW), mass=0.7 * TAIL.mass, **OUTER)
    fin = _box((-0.003, 0, z + 0.02), (x - 0.003, TAIL.width / 2, 0.02), colour)
    body.add_geom(**fin, mass=0.3 * TAIL.mass, **OUTER)


_HULLS = {WHEEL: _wheel, PROPELLER: _propeller, WING: _wing, TAIL: _tail}


def _walls(kind: Kind) -> list[tuple[Point, Point, float]]:
    """Middles, half sizes and yaws of the boxes that fill a block but for its holes."""
    long, wide, half = kind.half
    if kind.holes[0].round:
        inner = kind.holes[0].half_x
        middle, thick = (inner + wide) / 2, (wide - inner) / 2
        along = wide * math.tan(math.pi / _SIDES)
        turns = [2 * math.pi * k / _SIDES for k in range(_SIDES)]
        return [
            ((middle * math.cos(turn), middle * math.sin(turn), 0), (thick, along, half), turn)
            for turn in turns
        ]
    walls = []
    edge = -long
    for hole in sorted(kind.holes):
        start, end = hole.x - hole.half_x, hole.x + hole.half_x
        walls.append((((edge + start) / 2, 0.0, 0.0), ((start - edge) / 2, wide, half), 0.0))
        middle, thick = (hole.half_y + wide) / 2, (wide - hole.half_y) / 2
        walls += [((hole.x, side * middle, 0.0), (hole.half_x, thick, half), 0) for side in (1, -1)]
        edge = end
    return [*walls, (((edge + long) / 2, 0.0, 0.0), ((long - edge) / 2, wide, half), 0.0)]


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
    name: str, mount: Mount, clearance: Array, friction: Array
) -> dict[tuple[str, str], Array]:
    """Return the model fields of pins: clearance on each side (m), friction, (...)."""
    fields = {}
    rub = stack(friction, 0.005 + 0 * friction, 0.0001 + 0 * friction)
    for seat in mount.seats:
        for i, hole in enumerate(seat.kind.holes):
            pin = f"{name}_{seat.name}_{i}"
            fields["geom_size", pin] = _pin(hole, seat.kind, clearance)
            fields["geom_friction", pin] = rub
    return fields


def _lying_fuselage(body: mujoco.MjsBody) -> None:
    """Its nose is at +x, its belly at -y."""
    _add_hull(body, 0.022)
    body.add_geom(**_ellipsoid((0.055, 0.016, 0.022), (0.028, 0.018, 0.015), GLASS), **LOOK)
    body.add_geom(**_box((-0.10, 0.034, 0.022), (0.018, 0.022, 0.004), RED), **SURFACE)
    body.add_geom(**_box((0.122, 0, 0.022), (0.002, 0.055, 0.008), YELLOW), **LOOK)
    body.add_geom(**_ellipsoid((0.12, 0, 0.022), (0.016, 0.01, 0.01), RED), **LOOK)
    for seat in (FRONT_AXLE, REAR_AXLE):
        leg = _box((seat.x, seat.y / 2 - 0.004, 0.008), (0.007, -seat.y / 2 + 0.004, 0.0078), RED)
        body.add_geom(**leg, **SURFACE)


def _standing_fuselage(body: mujoco.MjsBody) -> None:
    _add_hull(body, 0.038)
    body.add_geom(**_ellipsoid((0.072, 0, 0.048), (0.026, 0.016, 0.016), GLASS), **LOOK)
    for x, y, radius in ((0.06, 0.03, 0.016), (0.06, -0.03, 0.016), (-0.10, 0, 0.01)):
        wheel = _disc((x, y, radius), radius, 0.005, TYRE, quat=_ACROSS)
        body.add_geom(**wheel, **LOOK)
    body.add_geom(**_disc((0.06, 0, 0.016), 0.003, 0.03, BRASS, quat=_ACROSS), **LOOK)


def _engine(body: mujoco.MjsBody) -> None:
    """It lies on its back, the shaft upright."""
    half = SHAFT.z / 2 - 0.003
    body.add_geom(**_disc((0, 0, half), 0.022, half, RED), **SURFACE)
    for k in range(6):
        x, y = 0.022 * math.cos(k * math.pi / 3), 0.022 * math.sin(k * math.pi / 3)
        body.add_geom(**_disc((x, y, 0.02), 0.007, 0.013, TYRE), **LOOK)


def dress_nose(neck: mujoco.MjsBody, rim: float) -> None:
    """Make a neck that ends at `rim` (m) look like the front of a fuselage, nose up."""
    for geom in neck.geoms:
        geom.rgba = BRASS if geom.pos[2] > 0.7 * rim else WOOD
    neck.add_geom(**_box((0, 0, 0.018), (0.005, 0.09, 0.017), YELLOW), **SURFACE)
    for side in (1, -1):
        neck.add_geom(**_box((0, side * 0.08, 0.018), (0.0052, 0.006, 0.0172), RED), **LOOK)
    neck.add_geom(**_ellipsoid((0.022, 0, 0.045), (0.014, 0.014, 0.022), GLASS), **LOOK)


def dress_cone(cap: mujoco.MjsBody) -> None:
    """Make a cap look like a nose cone."""
    for geom in cap.geoms:
        geom.rgba = RED
    cap.add_geom(**_ellipsoid((0, 0, 0.007), (0.0205, 0.0205, 0.016), RED), mass=0, **LOOK)
    cap.add_geom(**_box((0.012, 0, 0.0145), (0.006, 0.0015, 0.006), YELLOW), mass=0, **LOOK)


LYING = Mount(_lying_fuselage, (FRONT_AXLE, REAR_AXLE))
"""A fuselage on its side, its wheels' axles upright."""
STANDING = Mount(_standing_fuselage, (SADDLE, STERN))
"""A fuselage on its wheels, with a saddle for the wing and pins for the tail."""
ENGINE = Mount(_engine, (SHAFT,))
"""An engine, with a shaft for the propeller."""


def _add_hull(body: mujoco.MjsBody, height: float) -> None:
    """Give a mount the body of the airplane, its axis at this height (m)."""
    hull = _disc((0.01, 0, height), 0.021, 0.09, WOOD, quat=_LYING)
    body.add_geom(**hull, **SURFACE)
    body.add_geom(**_disc((0.108, 0, height), 0.024, 0.012, RED, quat=_LYING), **SURFACE)
    body.add_geom(**_ellipsoid((-0.08, 0, height), (0.06, 0.021, 0.021), WOOD), **LOOK)
    body.add_geom(**_box((-0.10, 0, height), (0.03, 0.013, 0.013), WOOD), **SURFACE)


def _ellipsoid(pos: Point, half: Point, rgba: Sequence[float]) -> dict[str, object]:
    return {"type": _ELLIPSOID, "pos": pos, "size": half, "rgba": rgba, "group": SEEN}


def _add_seat(body: mujoco.MjsBody, mount: str, seat: Seat) -> None:
    """Give a mount a foot, which a part rests on, and pins, which only its holes touch."""
    tall = seat.z / 2 if seat.z < 0.03 else 0.006
    half = (seat.foot[0], seat.foot[1], tall)
    body.add_geom(**_box((seat.x, seat.y, seat.z - tall), half, BRASS), **SURFACE)
    cos, sin = math.cos(seat.yaw), math.sin(seat.yaw)
    for i, hole in enumerate(seat.kind.holes):
        size = _pin(hole, seat.kind, np.asarray(CLEARANCE))
        body.add_geom(
            name=f"{mount}_{seat.name}_{i}",
            type=_CAPSULE if hole.round else _BOX,
            pos=[seat.x + cos * hole.x, seat.y + sin * hole.x, seat.z + _half_pin(hole, seat.kind)],
            quat=_yawed(seat.yaw),
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


def _box(pos: Point, half: Point, rgba: Sequence[float], **more: object) -> dict[str, object]:
    return {"type": _BOX, "pos": pos, "size": half, "rgba": rgba, "group": SEEN, **more}


def _disc(
    pos: Point, radius: float, half: float, rgba: Sequence[float], quat: Sequence[float] = LEAN
) -> dict[str, object]:
    """Return a cylinder; an upright one leans, see LEAN."""
    size = [radius, half, 0]
    more = {"rgba": rgba, "group": SEEN, "quat": quat}
    return {"type": _CYLINDER, "pos": pos, "size": size, **more}


def _ellipsoid(pos: Point, half: Point, rgba: Sequence[float]) -> dict[str, object]:
    return {"type": _ELLIPSOID, "pos": pos, "size": half, "rgba": rgba, "group": SEEN}


def _yawed(yaw: float) -> tuple[float, ...]:
    return (math.cos(yaw / 2), 0, 0, math.sin(yaw / 2))
