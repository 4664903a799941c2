"""Where the arm and loose parts are at a start, as placements."""

from __future__ import annotations

from robotasks.arrays import namespace
from robotasks.layout import Array
from robotasks.physics.engine import Placement
from robotasks.physics.robots.panda import (
    ACTUATORS,
    ARM_JOINTS,
    FINGER_JOINTS,
    arm_pose,
    rest_setpoint,
)


def arm_at(tcp_pos: Array, yaw: Array, width: Array) -> Placement:
    """Hold the tool at `tcp_pos` (..., 3), turned by `yaw` (...), fingers `width` (...) apart."""
    pose, setpoint = arm_pose(tcp_pos, yaw), rest_setpoint(tcp_pos, yaw, width)
    joints = {name: pose[..., i] for i, name in enumerate(ARM_JOINTS)}
    fingers = {name: width / 2 for name in FINGER_JOINTS}
    return Placement(
        joints=joints | fingers, ctrl={name: setpoint[..., i] for i, name in enumerate(ACTUATORS)}
    )


def part_at(joint: str, pos: Array, quat: Array) -> Placement:
    """Put a free body at `pos` (..., 3) with orientation `quat` (..., 4), at rest."""
    xp = namespace(pos)
    return Placement(joints={joint: xp.concat([pos, quat], axis=-1)})


def fixed_at(body: str, pos: Array, quat: Array) -> Placement:
    """Hold a mocap body at `pos` (..., 3) with orientation `quat` (..., 4)."""
    xp = namespace(pos)
    return Placement(mocap={body: xp.concat([pos, quat], axis=-1)})
