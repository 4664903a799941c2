"""The loose parts of a wooden toy airplane, with holes for the pins of `airframe`.

A part has an outer hull, which fingers, table and other parts touch, and around its holes a block
that only pins touch: a plate with a hole cannot be one convex geom. A pin is thinner than its hole
by the clearance, which is a number of each world.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import mujoco

from robotasks.arrays import stack
from robotasks.layout import Array
from robotasks.physics.objects.part import LEAN, part_sensors
from robotasks.physics.scene import HIDDEN, INNER, LOOK, OUTER, SEEN

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
_ELLIPSOID = mujoco.mjtGeom.mjGEOM_ELLIPSOID
_SIDES = 8  # of a round hole
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


def box(pos: Point, half: Point, rgba: Sequence[float], **more: object) -> dict[str, object]:
    """Return a box that is seen, as arguments of `add_geom`."""
    return {"type": _BOX, "pos": pos, "size": half, "rgba": rgba, "group": SEEN, **more}


def disc(
    pos: Point, radius: float, half: float, rgba: Sequence[float], quat: Sequence[float] = LEAN
) -> dict[str, object]:
    """Return a cylinder likewise; an upright one leans, see LEAN."""
    size = [radius, half, 0]
    more = {"rgba": rgba, "group": SEEN, "quat": quat}
    return {"type": _CYLINDER, "pos": pos, "size": size, **more}


def ellipsoid(pos: Point, half: Point, rgba: Sequence[float]) -> dict[str, object]:
    """Return an ellipsoid likewise."""
    return {"type": _ELLIPSOID, "pos": pos, "size": half, "rgba": rgba, "group": SEEN}


def yawed(yaw: float) -> tuple[float, ...]:
    """Return the quaternion of a turn about the vertical."""
    return (math.cos(yaw / 2), 0, 0, math.sin(yaw / 2))


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
            quat=yawed(yaw),
            size=half,
            mass=0,
            group=HIDDEN,
            friction=[0.01, 0.005, 0.0001],  # the pin's own counts
            **INNER,
        )
    _HULLS[kind](body, colour)
    for hole in kind.holes:  # a dark spot in place of the hole that the hull covers
        if hole.round:
            spot = disc((hole.x, 0, 0), hole.half_x, kind.half[2] + 4e-4, HOLE)
        else:
            spot = box((hole.x, 0, 0), (hole.half_x, hole.half_y, kind.half[2] + 4e-4), HOLE)
        body.add_geom(**spot, mass=0, **LOOK)


def part_fields(name: str, kind: Kind, mass: Array) -> dict[tuple[str, str], Array]:
    """Return the model fields of a part with this mass (kg), (...)."""
    moments = stack(*(mass * moment for moment in _moments(kind)))
    return {("body_mass", name): mass, ("body_inertia", name): moments}


@lru_cache
def _moments(kind: Kind) -> tuple[float, ...]:
    """Principal moments of inertia of a kind of part, per unit of mass (m^2)."""
    spec = mujoco.MjSpec()
    add_part(spec, "part", kind)
    body = spec.compile().body("part")
    return tuple(float(moment / body.mass[0]) for moment in body.inertia)


def _wheel(body: mujoco.MjsBody, colour: Sequence[float]) -> None:
    radius, _, half = WHEEL.half
    body.add_geom(**disc((0, 0, 0), radius, half, TYRE), mass=WHEEL.mass, **OUTER)
    body.add_geom(**disc((0, 0, 0), 0.015, half + 2e-4, colour), mass=0, **LOOK)


def _propeller(body: mujoco.MjsBody, colour: Sequence[float]) -> None:
    body.add_geom(**box((0, 0, 0), PROPELLER.half, colour), mass=0.4 * PROPELLER.mass, **OUTER)
    for side in (1, -1):
        twist = (math.cos(0.12), side * math.sin(0.12), 0, 0)
        blade = box((side * 0.042, 0, 0.0015), (0.03, 0.009, 0.0025), BLUE, quat=twist)
        body.add_geom(**blade, mass=0.3 * PROPELLER.mass, **OUTER)


def _wing(body: mujoco.MjsBody, colour: Sequence[float]) -> None:
    body.add_geom(**box((0, 0, 0), WING.half, YELLOW), mass=WING.mass, **OUTER)
    x, y, z = WING.half
    for side in (1, -1):
        tip = box((side * (x - 0.012), 0, 0), (0.006, y + 2e-4, z + 2e-4), colour)
        body.add_geom(**tip, mass=0, **LOOK)


def _tail(body: mujoco.MjsBody, colour: Sequence[float]) -> None:
    x, _, z = TAIL.half
    body.add_geom(**box((0, 0, 0), TAIL.half, YELLOW), mass=0.7 * TAIL.mass, **OUTER)
    fin = box((-0.003, 0, z + 0.02), (x - 0.003, TAIL.width / 2, 0.02), colour)
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
