"""What the push family shares: the scene, the reach of the closed fingers, where things start."""

from __future__ import annotations

import mujoco

from robotasks.arrays import dot, namespace, stack, yaw_quat
from robotasks.layout import Array, View
from robotasks.physics.engine import Placement
from robotasks.physics.robots.panda import Control, add_panda
from robotasks.physics.robots.placing import arm_at, fixed_at, part_at
from robotasks.physics.scene import aim_camera, workshop
from robotasks.tasks.planar import above
from robotasks.tasks.span import Span

CONTROL = Control(low=(0.33, -0.34, 0.015), high=(0.72, 0.34, 0.35), width=(0.0, 0.0))
"""Room to get behind a part at the edge of its area; a floor that keeps the finger pads off the
table, where they would stick and their contacts double the cost of a step; closed fingers."""
TOOL = Span(tcp_pos=((0.45, -0.10, 0.06), (0.55, 0.10, 0.16)), tcp_yaw=(-0.3, 0.3))
"""Where the tool starts: above the middle of the table."""


def tabletop() -> mujoco.MjSpec:
    """Return the workshop with an arm whose closed fingers touch as one block."""
    spec = workshop(timestep=0.005, grasps=False)
    add_panda(spec, fist=True)
    aim_camera(spec, "front", eye=(1.06, -0.40, 0.60), target=(0.53, 0.0, 0.0), fovy=32)
    return spec


def tool_at(start: View) -> Placement:
    """Hold the closed fingers where `TOOL` says."""
    return arm_at(start.tcp_pos, start.tcp_yaw, 0 * start.tcp_yaw)


def laid(name: str, xy: Array, yaw: Array, half_height: float) -> Placement:
    """Lay a part on the table at `xy` (..., 2), turned by `yaw` (...)."""
    return part_at(name, above(xy, half_height), yaw_quat(yaw))


def stands(name: str, xy: Array, yaw: Array) -> Placement:
    """Stand a fixture on the table at `xy` (..., 2), turned by `yaw` (...)."""
    return fixed_at(name, above(xy, 0.0), yaw_quat(yaw))


def lying(xy: Array, height: float) -> Array:
    """A part at rest at a point of the table, as `place_and_speed` tells it, (..., 4)."""
    place = above(xy, height)
    return namespace(place).concat([place, 0 * place[..., :1]], axis=-1)


def local_xy(point_xy: Array, pos: Array, xaxis: Array) -> tuple[Array, Array]:
    """Where a point of the table, (..., 2), is in the frame of a fixture: x and y, (...)."""
    gap = point_xy - pos[..., :2]
    cos, sin = xaxis[..., 0], xaxis[..., 1]
    return dot(gap, xaxis[..., :2]), gap[..., 1] * cos - gap[..., 0] * sin


def table_xy(x: Array, y: Array, pos: Array, xaxis: Array) -> Array:
    """The inverse of `local_xy`, (..., 2)."""
    cos, sin = xaxis[..., 0], xaxis[..., 1]
    return pos[..., :2] + stack(x * cos - y * sin, x * sin + y * cos)
