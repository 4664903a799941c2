"""Planar contact: what the tasks share that push things over a surface.

Points on the surface are (..., 2), points in space (..., 3), metres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial, reduce
from typing import NamedTuple

from robotasks.arrays import clip, closeness, distance, dot, excess, namespace, norm, stack
from robotasks.layout import Array, View
from robotasks.physics.robots.panda import Control

TOUCH_HEIGHT = 0.02
"""Tool height at which the closed fingers push (m)."""
SLACK = 0.015
"""How far from the place behind a part the tool is as good as there (m)."""
FAR = 0.15
"""From how far a target calls (m)."""
AT_REST = 0.02
"""Below this speed a part rests (m/s)."""
BEYOND = 0.3
"""How far a push may ask beyond the wrist's range before it takes the fingers' other side (rad)."""
GRAVITY = 9.81
"""Of the earth (m/s^2)."""
CLEAR = 0.06
"""Tool height at which it passes over parts (m)."""


def above(xy: Array, height: float) -> Array:
    """Return the points `height` metres above points of the surface, (..., 2) -> (..., 3)."""
    return namespace(xy).concat([xy, 0 * xy[..., :1] + height], axis=-1)


def raised(pos: Array, height: float) -> Array:
    """Return the points `height` metres above others, (..., 3)."""
    return stack(pos[..., 0], pos[..., 1], pos[..., 2] + height)


class Line(NamedTuple):
    """The way of a part to its target."""

    left: Array
    """Metres to go, (...)."""
    along: Array
    """Direction, (..., 2); zero at the target."""
    behind: Array
    """Where the tool stands behind the part, seen from above, (..., 2)."""
    height: float
    """At which height it stands there (m)."""

    @property
    def place(self) -> Array:
        """Where the tool stands behind the part, (..., 3)."""
        return above(self.behind, self.height)

    def readiness(self, tcp_pos: Array) -> Array:
        """How ready the tool is to push the part, (...) in 0 to 1."""
        return readiness(distance(tcp_pos[..., :2], self.behind), tcp_pos[..., 2] - self.height)


def line_up(part_xy: Array, target_xy: Array, gap: float, height: float = TOUCH_HEIGHT) -> Line:
    """Return a part's way to its target; the place is `gap` metres behind its middle."""
    way = target_xy - part_xy
    left = norm(way)
    along = way / (left[..., None] + 1e-9)
    return Line(left, along, part_xy - gap * along, height)


def readiness(aside: Array, rise: Array) -> Array:
    """How ready the tool is to push, 0 to 1, so far beside its place and above it, (...) m each.

    Within the slack nothing is gained, so that leaning on the part costs nothing.
    """
    off = namespace(aside).hypot(aside, rise)
    return closeness(excess(off, SLACK), 0.1)


def nearness(left: Array, far: float = FAR) -> Array:
    """How near a part is, 0 to 1: a term of scale `far` (m) calls, a fine one to the millimetre."""
    tanh = namespace(left).tanh
    return 1.0 - 0.7 * tanh(left / far) - 0.3 * tanh(left / 0.03)


def pushed(tcp_pos: Array, line: Line, far: float = FAR) -> Array:
    """How far a push along `line` is, 0 to 0.99, as one smooth stage; `far` as in `nearness`.

    A bonus for touching draws the tool down on whichever side it is, and a threshold for being
    behind makes whoever pushes badly lose what it had.
    """
    return 0.2475 * line.readiness(tcp_pos) + 0.7425 * nearness(line.left, far)


def delivered(
    tcp_pos: Array,
    parts_xy: Sequence[Array],
    targets_xy: Sequence[Array],
    behind: float,
    near: float,
) -> Array:
    """How far parts are that are pushed one after the other, 0 to 1; see `pushed`.

    A part may be left once it is `near` its target (m). The tool has to be ready for one of the
    others, no matter which: paid by what it is to all of them, it would wait in their midst.
    """
    lines = [line_up(*ends, behind) for ends in zip(parts_xy, targets_xy, strict=True)]
    ways = [excess(line.left, near) for line in lines]
    needs = [1 - closeness(way, 0.03) for way in ways]
    helped = [need * line.readiness(tcp_pos) for need, line in zip(needs, lines, strict=True)]
    most = partial(reduce, namespace(tcp_pos).maximum)
    paid = sum(nearness(way) for way in ways) / len(ways)
    return 0.25 * (1 - most(needs) + most(helped)) + 0.75 * paid


def place_and_speed(pos: Array, vel: Array) -> Array:
    """Return a part's place (m) and speed (m/s), (..., 4): what a goal that asks for rest needs."""
    return namespace(pos).concat([pos, norm(vel)[..., None]], axis=-1)


def rests(achieved: Array, desired: Array, near: float) -> Array:
    """Whether a part, (..., 4), lies `near` its place (m) on the table and rests, (...) bool."""
    return lies(achieved[..., :3], achieved[..., 3], desired[..., :2], desired[..., 2], near)


def lies(pos: Array, speed: Array, xy: Array, height: Array | float, near: float) -> Array:
    """Whether a part at `pos` (..., 3) rests flat and `near` a point `xy` (..., 2), (...) bool."""
    there = distance(pos[..., :2], xy) < near
    return there & (abs(pos[..., 2] - height) < 0.005) & (speed < AT_REST)


def detour(xy: Array, target_xy: Array, centre_xy: Array, radius: float) -> tuple[Array, Array]:
    """Return a way around a disc: where to go next, (..., 2), and the metres from there on.

    Where the straight way comes within `radius` of the disc's centre, its nearest point moves out
    to that distance, on the side where it is; so the way changes smoothly as it clears.
    """
    xp = namespace(xy)
    way = target_xy - xy
    length = norm(way)
    along = way / (length[..., None] + 1e-9)
    across = stack(-along[..., 1], along[..., 0])
    ahead = dot(centre_xy - xy, along)
    off = xy + clip(ahead, 0 * length, length)[..., None] * along - centre_xy
    before = clip(ahead / 0.02, 0.0, 1.0)
    inside = before * clip(radius - norm(off), 0.0, radius)
    side = xp.where(dot(off, across) < 0, -inside, inside)
    corner = centre_xy + off + side[..., None] * across
    aim = xp.where((inside > 0)[..., None], corner, target_xy)
    return aim, distance(aim, target_xy)


def push(now: View, part_pos: Array, line: Line, control: Control, arrived: float) -> Array:
    """Return the action (..., 5) of an expert who pushes a part along `line` with closed fingers.

    It rises, travels above the part, comes down behind it, pushes along the line while sliding
    back onto it, and slows down to arrive at rest; within `arrived` metres it keeps still.
    """
    xp = namespace(part_pos)
    tcp, setpoint = now.tcp_pos, now.setpoint
    rel = (tcp - part_pos)[..., :2]
    back = -dot(rel, line.along)
    aside = rel + back[..., None] * line.along
    off = norm(aside)
    behind = (back > 0.02) & (off < 0.02 + 0.3 * clip(back - 0.05, 0.0, 0.1))
    pushing = (tcp[..., 2] < 0.04) & behind
    turn = face(setpoint[..., 3], line.along, control)
    pace = clip(0.35 * line.left, 0.003, 0.02) * clip(1.5 - off / 0.012, 0.2, 1.0)
    shove = pace[..., None] * line.along - 0.6 * aside
    level = (TOUCH_HEIGHT - setpoint[..., 2])[..., None]
    move = xp.where(
        pushing[..., None], xp.concat([shove, level], axis=-1), approach(now, line.place, turn)
    )
    return act(control, move, turn, still=line.left < arrived)


def approach(
    now: View, place: Array, turn: Array, near: float = 0.015, straight: float = 0.3
) -> Array:
    """Return the move (..., 3) of a set-point that rises, travels above parts and comes down.

    It comes down where the tool is `near` the place (m) and `straight`, with no more to `turn`
    (rad); until it is up it goes nowhere, which takes the force off what it leaned on.
    """
    xp = namespace(place)
    tcp = now.tcp_pos
    over = distance(tcp[..., :2], place[..., :2]) < near
    height = xp.where(over & (abs(turn) < straight), place[..., 2], place[..., 2] + 0.055)
    ahead = xp.where((over | (tcp[..., 2] > CLEAR))[..., None], place[..., :2], tcp[..., :2])
    return xp.concat([ahead, height[..., None]], axis=-1) - now.setpoint[..., :3]


def face(yaw: Array, along: Array, control: Control, beyond: Array | float = BEYOND) -> Array:
    """Return how far to turn, (...), to push along a direction with a broad side of the fingers.

    Either side will do: the nearer one, unless it is more than `beyond` out of the wrist's range.
    """
    xp = namespace(yaw)
    low, high = control.yaw
    turn = xp.atan2(along[..., 1], along[..., 0]) - yaw
    turn = (turn + math.pi / 2) % math.pi - math.pi / 2
    turn = xp.where(yaw + turn < low - beyond, turn + math.pi, turn)
    return xp.where(yaw + turn > high + beyond, turn - math.pi, turn)


def act(control: Control, move: Array, turn: Array, still: Array) -> Array:
    """Return the action (..., 5) that moves the set-point by `move` (..., 3) and `turn` (...).

    Where `still` (...) the set-point stays; the fingers close.
    """
    xp = namespace(move)
    wanted = xp.concat([move / control.step, (turn / control.turn)[..., None]], axis=-1)
    wanted = clip(xp.where(still[..., None], 0 * wanted, wanted), -1.0, 1.0)
    return xp.concat([wanted, 0 * wanted[..., :1] - 1.0], axis=-1)
