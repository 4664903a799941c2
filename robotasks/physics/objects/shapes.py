"""Six shapes for pegs and the sockets they fit into: a shape is one row of numbers.

Seen from above, a peg is made of upright boxes or one cylinder; a socket of walls, one along each
edge of the hole, which move outwards with the clearance. Metres and radians.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from robotasks.arrays import namespace
from robotasks.layout import Array

GRAIN = 0.002
"""Half size of a geom that a shape does not use, hidden inside another."""
STEP = 1e-5
"""Boxes that overlap differ so much in height (m): pictures light faces in one plane twice."""
THICKNESS = 0.02
"""Of a socket's walls: a rim that a peg rests on wherever one looks for the hole (m)."""


class Bar(NamedTuple):
    """An upright box of a peg: its middle, its turn, its half sizes."""

    x: float
    y: float
    yaw: float
    half_x: float
    half_y: float


class Wall(NamedTuple):
    """An upright box of a socket; `out` is how its middle moves per metre of clearance."""

    x: float
    y: float
    out_x: float
    out_y: float
    yaw: float
    half_x: float
    half_y: float


class Shape(NamedTuple):
    """A shape, turned such that fingers on its +y and -y sides hold it."""

    name: str
    fold: int
    """How often it looks the same in one turn."""
    width: float
    """Between its +y and -y sides."""
    middle: float
    """Where the middle between those sides is, y."""
    gyration: tuple[float, float]
    """Second moments of its area about y and x, per unit area (m^2)."""
    radius: float
    """Of the cylinder, if it is one; else GRAIN."""
    bars: Sequence[Bar]
    walls: Sequence[Wall]


def _walls(angles: Sequence[float], apothems: Sequence[float], half: float) -> list[Wall]:
    """Walls along the edges of a convex hole, given by the normals of its edges."""
    walls = []
    for angle, apothem in zip(angles, apothems, strict=True):
        x, y = math.cos(angle), math.sin(angle)
        middle = apothem + THICKNESS / 2
        walls.append(Wall(middle * x, middle * y, x, y, angle, THICKNESS / 2, half))
    return walls


def _even(sides: int, apothem: float, turn: float = 0.0) -> list[Wall]:
    """Walls of a regular hole, closed at its corners."""
    angles = [turn + 2 * math.pi * k / sides for k in range(sides)]
    # From three sides on, a wall as long as the outer edge would stick out beyond its neighbour.
    outer = apothem + (THICKNESS if sides > 3 else 0.006)
    return _walls(angles, [apothem] * sides, outer * math.tan(math.pi / sides))


def _square() -> Shape:
    half = 0.0175
    area = (half**2 / 3, half**2 / 3)
    return Shape("square", 4, 2 * half, 0, area, GRAIN, [Bar(0, 0, 0, half, half)], _even(4, half))


def _circle() -> Shape:
    # Ten walls: with a multiple of six the corners of a hexagon would find those of the hole.
    radius = 0.0219
    area = (radius**2 / 4, radius**2 / 4)
    return Shape("circle", 360, 2 * radius, 0, area, radius, [], _even(10, radius))


def _hexagon() -> Shape:
    apothem = 0.0205
    side = 2 * apothem / math.sqrt(3)
    bars = [Bar(0, 0, k * math.pi / 3, side / 2, apothem) for k in range(3)]
    area = (5 * side**2 / 24, 5 * side**2 / 24)
    return Shape("hexagon", 6, 2 * apothem, 0, area, GRAIN, bars, _even(6, apothem, math.pi / 6))


def _triangle() -> Shape:
    # A bar along each edge, as long as fits, leaves the corners blunt: the fingers hold an edge
    # and the two points of the corner opposite.
    apothem = 0.016
    normals = [-math.pi / 2 + k * 2 * math.pi / 3 for k in range(3)]
    bars = [
        Bar(
            apothem / 2 * math.cos(normal),
            apothem / 2 * math.sin(normal),
            normal,
            apothem / 2,
            2 * apothem / math.sqrt(3),
        )
        for normal in normals
    ]
    area = (0.4 * apothem**2, 0.4 * apothem**2)  # 0.5 if the corners were sharp
    width, middle = 2.5 * apothem, 0.25 * apothem
    walls = _even(3, apothem, -math.pi / 2)
    return Shape("triangle", 3, width, middle, area, GRAIN, bars, walls)


def _bar() -> Shape:
    x, y = 0.024, 0.012
    right = math.pi / 2
    walls = _walls((0, 2 * right), (x, x), y + THICKNESS)
    walls += _walls((right, 3 * right), (y, y), x + THICKNESS)
    return Shape("bar", 2, 2 * y, 0, (x**2 / 3, y**2 / 3), GRAIN, [Bar(0, 0, 0, x, y)], walls)


def _cross() -> Shape:
    arm, half = 0.024, 0.0075
    bars = [Bar(0, 0, 0, arm, half), Bar(0, 0, 0, half, arm)]
    size = (arm - half) / 2 + 0.001
    corners = [
        Wall(x * (half + size), y * (half + size), x, y, 0, size, size)
        for x in (1, -1)
        for y in (1, -1)
    ]
    total = 2 * arm * half - half**2
    moment = (arm * half * (arm**2 + half**2) - half**4) / (3 * total)
    walls = _even(4, arm) + corners
    return Shape("cross", 4, 2 * arm, 0, (moment, moment), GRAIN, bars, walls)


SHAPES = (_square(), _circle(), _hexagon(), _triangle(), _bar(), _cross())
"""Sizes such that at 1 mm of clearance none fits into another's socket."""
NAMES = tuple(shape.name for shape in SHAPES)
SQUARE, CIRCLE, HEXAGON, TRIANGLE, BAR, CROSS = range(len(SHAPES))
BARS = max(len(shape.bars) for shape in SHAPES)
WALLS = max(len(shape.walls) for shape in SHAPES)


def pick(rows: Sequence[Any], index: Array) -> Array:
    """Return the rows, each n numbers, that whole numbers (...) choose, (..., n)."""
    xp = namespace(index)
    table = xp.asarray(rows, dtype=index.dtype, device=index.device)
    chosen = xp.take(table, xp.astype(xp.reshape(index, (-1,)), xp.int64), axis=0)
    return xp.reshape(chosen, (*index.shape, table.shape[-1]))


def padded(boxes: Sequence[Any], grain: Any, count: int) -> list[float]:
    """Return the numbers of a shape's boxes one after the other, filled up to `count` by grains."""
    return [number for box in [*boxes, *[grain] * (count - len(boxes))] for number in box]


def split(row: Array, width: int) -> list[list[Array]]:
    """Return the `width` columns (...) of each box of padded rows, (..., count * width)."""
    starts = range(0, row.shape[-1], width)
    return [[row[..., start + k] for k in range(width)] for start in starts]


def fold_of(shape: Array) -> Array:
    """How often these shapes look the same in one turn, (...) -> (...)."""
    return pick([[row.fold] for row in SHAPES], shape)[..., 0]


def width_of(shape: Array) -> Array:
    """How far apart fingers are that hold these shapes (m), (...) -> (...)."""
    return pick([[row.width] for row in SHAPES], shape)[..., 0]


def middle_of(shape: Array) -> Array:
    """Where the fingers' middle is in the frame of a held shape, y (m), (...) -> (...)."""
    return pick([[row.middle] for row in SHAPES], shape)[..., 0]
