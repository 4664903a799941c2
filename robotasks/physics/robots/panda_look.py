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
        _Block((-0.045, 0, 0.006), (0.095, 0.095, 0.006)),
        _Shell((-0.11, 0, 0.055), (0, 0, 0.055), 0.054),
        _ring((0, 0, 0.012), (0, 0, 0.135), 0.068, WHITE),
        _ring((0, 0, 0.135), (0, 0, 0.143), 0.064),
    ),
    "link1": (
        _ring((0, 0, -0.19), (0, 0, -0.05), 0.06, WHITE),
        _ring((0, -0.068, 0), (0, 0.068, 0), 0.062, WHITE),
        _ring((0, -0.074, 0), (0, 0.074, 0), 0.052),
    ),
    "link2": (
        _Shell((0, -0.045, 0), (0, -0.10, 0), 0.058),
        _ring((0, -0.06, 0), (0, -0.118, 0), 0.058, WHITE),
        _ring((0, -0.118, 0), (0, -0.126, 0), 0.055),
    ),
    "link3": (
        _ring((0, 0, -0.19), (0, 0, -0.095), 0.058, WHITE),
        _Shell((0, 0, -0.095), (0.0825, 0, 0), 0.057),
        _ring((0.0825, -0.064, 0), (0.0825, 0.064, 0), 0.057, WHITE),
        _ring((0.0825, -0.069, 0), (0.0825, 0.069, 0), 0.048),
    ),
    "link4": (
        _Shell((0, 0, 0), (-0.0825, 0.085, 0), 0.055),
        _ring((-0.0825, 0.08, 0), (-0.0825, 0.125, 0), 0.057, WHITE),
        _ring((-0.0825, 0.125, 0), (-0.0825, 0.133, 0), 0.054),
    ),
    "link5": (
        _ring((0, 0, -0.251), (0, 0, -0.20), 0.057, WHITE),
        _Shell((0, 0, -0.205), (0, 0.045, -0.09), 0.054),
        _Shell((0, 0.05, -0.10), (0, 0.062, -0.01), 0.042),
    ),
    "link6": (
        _ring((0, 0, -0.085), (0, 0, 0.06), 0.05, WHITE),
        _ring((0, 0, -0.090), (0, 0, 0.065), 0.042),
        _Shell((0, 0, 0.01), (0.088, 0, 0.0), 0.048),
        _ring((0.088, 0.0, 0), (0.088, -0.052, 0), 0.046, WHITE),
    ),
    "link7": (
        _ring((0, 0, 0.052), (0, 0, 0.060), 0.043),
        _ring((0, 0, 0.060), (0, 0, 0.100), 0.046, WHITE),
        _ring((0, 0, 0.100), (0, 0, 0.107), 0.040, GREY),
    ),
    "hand": (
        _Shell((0, -0.072, 0.028), (0, 0.072, 0.028), 0.028),
        _Block((0, 0, 0.036), (0.028, 0.090, 0.022), WHITE),
        _Block((0, 0, 0.0605), (0.014, 0.088, 0.0035)),
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
