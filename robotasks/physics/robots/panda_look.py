"""What the Panda looks like: white shells, dark joint rings and fingers; seen, never felt.

Every shell is a capsule, cylinder or box in the frame of its link, after the proportions of the
real arm: no mesh, so no file to ship and little to draw.
"""

import math
from typing import NamedTuple

import mujoco

from robotasks.physics.scene import LOOK, SEEN

_CAPSULE = mujoco.mjtGeom.mjGEOM_CAPSULE
_CYLINDER = mujoco.mjtGeom.mjGEOM_CYLINDER
_BOX = mujoco.mjtGeom.mjGEOM_BOX

WHITE = (0.93, 0.94, 0.95, 1.0)
DARK = (0.16, 0.17, 0.19, 1.0)
GREY = (0.45, 0.47, 0.50, 1.0)
RUBBER = (0.25, 0.26, 0.28, 1.0)

Point = tuple[float, float, float]
Colour = tuple[float, float, float, float]


class _Shell(NamedTuple):
    """A round piece from one point to another."""

    start: Point
    end: Point
    radius: float
    colour: Colour = WHITE
    shape: mujoco.mjtGeom = _CAPSULE


class _Block(NamedTuple):
    """A box with its centre, half sizes and tilt about x."""

    centre: Point
    half: Point
    colour: Colour = DARK
    tilt: float = 0.0


def _ring(start: Point, end: Point, radius: float, colour: Colour = DARK) -> _Shell:
    return _Shell(start, end, radius, colour, _CYLINDER)


_FINGER = (
    _Block((0, 0.0185, 0.011), (0.011, 0.0075, 0.010)),
    _Block((0, 0.0068, 0.0022), (0.011, 0.0044, 0.0019)),
    _Block((0, 0.0159, 0.02835), (0.00875, 0.0035, 0.0118), tilt=0.5236),
    _Block((0, 0.00758, 0.04525), (0.00875, 0.0076, 0.00925), RUBBER),
)

_PIECES: dict[str, tuple[_Shell | _Block, ...]] = {
    "link0": (
        _Block((-0.04, 0, 0.006), (0.105, 0.085, 0.006), GREY),
        _Shell((-0.10, 0, 0.05), (0, 0, 0.085), 0.05),
        _ring((0, 0, 0.012), (0, 0, 0.136), 0.066, WHITE),
    ),
    "link1": (
        _ring((0, 0, -0.197), (0, 0, -0.188), 0.061),
        _ring((0, 0, -0.19), (0, 0, -0.03), 0.059, WHITE),
        _ring((0, -0.066, 0), (0, 0.066, 0), 0.061, WHITE),
        _ring((0, -0.071, 0), (0, 0.071, 0), 0.050),
    ),
    "link2": (
        _ring((0, -0.03, 0), (0, -0.122, 0), 0.057, WHITE),
        _ring((0, -0.12, 0), (0, -0.128, 0), 0.060),
    ),
    "link3": (
        _ring((0, 0, -0.19), (0, 0, -0.09), 0.0575, WHITE),
        _Shell((0, 0, -0.092), (0.0825, 0, 0), 0.0575),
        _ring((0.0825, -0.062, 0), (0.0825, 0.062, 0), 0.0565, WHITE),
        _ring((0.0825, -0.067, 0), (0.0825, 0.067, 0), 0.046),
    ),
    "link4": (
        _Shell((0, 0, 0), (-0.0825, 0.088, 0), 0.055),
        _ring((-0.0825, 0.086, 0), (-0.0825, 0.125, 0), 0.055, WHITE),
        _ring((-0.0825, 0.124, 0), (-0.0825, 0.132, 0), 0.058),
    ),
    "link5": (
        _Shell((0, 0, -0.252), (0, 0.0, -0.215), 0.055),
        _Shell((0, 0.0, -0.215), (0, 0.052, -0.03), 0.046),
    ),
    "link6": (
        _ring((0, 0, -0.070), (0, 0, 0.055), 0.049, WHITE),
        _ring((0, 0, -0.075), (0, 0, 0.060), 0.040),
        _Shell((0, 0, 0), (0.088, 0, 0), 0.046),
        _ring((0.088, 0, 0), (0.088, -0.050, 0), 0.046, WHITE),
    ),
    "link7": (
        _ring((0, 0, 0.049), (0, 0, 0.057), 0.048),
        _ring((0, 0, 0.056), (0, 0, 0.099), 0.045, WHITE),
        _ring((0, 0, 0.098), (0, 0, 0.108), 0.034, GREY),
    ),
    "hand": (
        _Shell((0, -0.074, 0.028), (0, 0.074, 0.028), 0.0275),
        _Block((0, 0, 0.040), (0.0275, 0.1015, 0.018), WHITE),
        _Block((0, 0, 0.060), (0.014, 0.096, 0.003)),
    ),
    "left_finger": _FINGER,
    "right_finger": _FINGER,
}


def dress(body: mujoco.MjsBody) -> None:
    """Give a link its shells: without mass or contacts, so the physics is the same without them."""
    for piece in _PIECES[body.name]:
        if isinstance(piece, _Shell):
            geom = body.add_geom(type=piece.shape, fromto=[*piece.start, *piece.end])
            geom.size[0] = piece.radius
        else:
            turn = [math.cos(piece.tilt / 2), math.sin(piece.tilt / 2), 0, 0]
            geom = body.add_geom(type=_BOX, pos=piece.centre, quat=turn, size=piece.half)
        geom.rgba, geom.mass, geom.group = piece.colour, 0, SEEN
        geom.contype, geom.conaffinity = LOOK["contype"], LOOK["conaffinity"]
