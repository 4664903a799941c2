"""What the shape family shares: where pegs are held, and when they are in their sockets."""

from __future__ import annotations

import math

from robotasks.arrays import namespace, stack, yaw_quat
from robotasks.layout import Array, View
from robotasks.physics.engine import Placement
from robotasks.physics.objects import peg, socket
from robotasks.physics.objects.shapes import middle_of, width_of
from robotasks.physics.robots.placing import arm_at, part_at
from robotasks.tasks.handling import Gap, Job, period_of, upright, yaw_of
from robotasks.tasks.planar import above, raised

GRASP_UP = 0.016
"""From a peg's middle up to where the fingers hold it (m)."""
SEATED = 0.003
"""How far above the bottom of its socket a peg is in (m)."""
BESIDE = 0.005
"""How far from the middle of its socket (m): more than the clearance leaves."""
UPRIGHT = math.cos(math.radians(5))


def inserted(now: View, gap: Gap, name: str = "peg") -> Array:
    """Whether a peg is all the way in a socket, (...) bool."""
    return standing(now, gap, name) & (gap.aside < BESIDE)


def standing(now: View, gap: Gap, name: str = "peg") -> Array:
    """Whether a peg stands upright at the height of its seat, (...) bool."""
    tilt = upright(getattr(now, f"{name}_xaxis"), getattr(now, f"{name}_yaxis"))
    return (gap.up < SEATED) & (tilt > UPRIGHT)


def peg_in_hand(tcp_pos: Array, yaw: Array, slip: Array, shape: Array) -> Placement:
    """Hold a peg at the tool; `slip` (..., 2) is how far along the fingers and up it is off."""
    xp = namespace(yaw)
    x, y = slip[..., 0], -middle_of(shape)
    cos, sin = xp.cos(yaw), xp.sin(yaw)
    offset = stack(x * cos - y * sin, x * sin + y * cos, slip[..., 1] - GRASP_UP)
    return arm_at(tcp_pos, yaw, width_of(shape)) | part_at("peg", tcp_pos + offset, yaw_quat(yaw))


def peg_grasp(xy: Array, yaw: Array, shape: Array) -> Array:
    """Where the fingers hold a peg that stands at `xy` (..., 2), turned (...); (..., 3)."""
    xp, y = namespace(yaw), middle_of(shape)
    return above(xy + stack(-y * xp.sin(yaw), y * xp.cos(yaw)), peg.HALF_HEIGHT + GRASP_UP)


def grasp_of(now: View, name: str = "peg") -> Array:
    """Where the fingers hold a peg, (..., 3)."""
    return raised(getattr(now, f"{name}_pos"), GRASP_UP)


def seat(xy: Array) -> Array:
    """Where the middle of a peg is that stands at a point of the table, (..., 2) -> (..., 3)."""
    return above(xy, peg.HALF_HEIGHT)


def peg_job(
    now: View, seat_pos: Array, seat_yaw: Array, depth: float = socket.DEPTH, name: str = "peg"
) -> Job:
    """Return the job of bringing a peg's middle to `seat_pos`, into a hole of this depth (m)."""
    xaxis = getattr(now, f"{name}_xaxis")
    return Job(
        part_pos=getattr(now, f"{name}_pos"),
        part_yaw=yaw_of(xaxis),
        period=period_of(xaxis, getattr(now, f"{name}_twin")),
        grasp_pos=grasp_of(now, name),
        seat_pos=seat_pos,
        seat_yaw=seat_yaw,
        depth=depth,
    )
