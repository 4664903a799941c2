"""A Franka Panda whose tool points down: model, Cartesian servos, closed-form pose."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import mujoco

from robotasks.arrays import clip, namespace, stack
from robotasks.layout import Array
from robotasks.physics.robots import panda_facts as facts
from robotasks.physics.robots.panda_look import dress
from robotasks.physics.scene import HAND, HIDDEN, LOOK, PAD, sense

ARM_JOINTS = tuple(f"joint{i}" for i in range(1, 8))
FINGER_JOINTS = ("finger1", "finger2")
ACTUATORS = ("x", "y", "z", "yaw", "roll", "pitch", "grip")  # the columns of a set-point

HOME_TCP = (0.5, 0.0, 0.2)
MAX_WIDTH = 2 * facts.FINGER_STROKE
WORK_AREA = ((0.35, -0.30, 0.01), (0.70, 0.30, 0.35))  # the pads end 9.5 mm below the tool point
YAW_RANGE = (-1.3, 2.9)  # what joint 7 reaches everywhere in the work area

# The rotation servo measures a rotation vector, which is singular half a turn from its reference:
# the reference is the tool-down frame turned to the middle of the yaw range.
YAW_MIDDLE = sum(YAW_RANGE) / 2
TOOL_DOWN = (0.0, math.cos(YAW_MIDDLE / 2), math.sin(YAW_MIDDLE / 2), 0.0)

FLANGE_TO_HAND = math.pi / 4  # the hand is mounted an eighth of a turn back

WRIST_EYE = (0.09, 0.0, 0.01)  # of the hand's camera, in its frame (m)
_TILT = 0.4  # by which it looks towards the finger tips (rad)
WRIST_AXES = (0.0, 1.0, 0.0, math.cos(_TILT), 0.0, math.sin(_TILT))

Servo = tuple[float, float, float]
"""Stiffness, damping, largest force; in newtons and metres, or newton metres and radians."""

MOVE: Servo = (2000.0, 200.0, 80.0)
TURN: Servo = (100.0, 8.0, 12.0)
GRIP: Servo = (5000.0, 50.0, 30.0)  # saturates 6 mm short of the set-point: 30 N whatever the width
FINGER_DAMPING = 100.0  # closes at 0.3 m/s

# Springs (Nm/rad) that keep the seventh degree of freedom from wandering. Near x = 0.35 joints 5
# and 7 are almost parallel, and without its spring joint 5 takes over half of a turn.
POSTURE = {3: 20.0, 5: 5.0}


@dataclass(frozen=True)
class Control:
    """How an action in [-1, 1]^5 moves the set-point at each control step.

    Stiffness turns lead (set-point minus tool) into force, 2000 N/m and 100 Nm/rad, so the bounds
    on lead are the bounds on the force with which the tool presses.
    """

    step: float = 0.02  # m
    turn: float = 0.15  # rad
    lead: float = 0.025  # m
    turn_lead: float = 0.12  # rad
    low: tuple[float, float, float] = WORK_AREA[0]
    high: tuple[float, float, float] = WORK_AREA[1]
    yaw: tuple[float, float] = YAW_RANGE
    width: tuple[float, float] = (0.0, MAX_WIDTH)  # finger opening at action -1 and at +1, m


def command(setpoint: Array, action: Array, tool: Array, control: Control) -> Array:
    """Return the next set-point (..., 7) after `action` (..., 5): dx, dy, dz, dyaw, width.

    The action adds to the set-point, not to where the tool is measured, `tool` (..., 4): so a
    payload's sag or a contact's error does not accumulate. Width is absolute, -1 closed most.
    Actions have to lie within [-1, 1].
    """
    xp, dtype = namespace(setpoint), setpoint.dtype
    scale, lead, low, high, middle = _bounds(control, xp, dtype, setpoint.device)
    wanted = scale * action
    moved = setpoint[..., :4] + wanted[..., :4]
    held = clip(clip(moved, tool - lead, tool + lead), low, high)
    target = xp.concat([held, setpoint[..., 4:6], middle + wanted[..., 4:]], axis=-1)
    return target if target.dtype == dtype else xp.astype(target, dtype)


@lru_cache
def _bounds(control: Control, xp: ModuleType, dtype: Any, device: Any) -> tuple[Array, ...]:
    """Scale of an action (5,); lead, low and high of x, y, z and yaw, (4,); middle width (1,)."""
    closed, opened = control.width
    scale = [*[control.step] * 3, control.turn, (opened - closed) / 2]
    lead = [*[control.lead] * 3, control.turn_lead]
    low, high = [*control.low, control.yaw[0]], [*control.high, control.yaw[1]]
    rows = scale, lead, low, high, [(opened + closed) / 2]
    return tuple(xp.asarray(row, dtype=dtype, device=device) for row in rows)


def rest_setpoint(tcp_pos: Array, yaw: Array, width: Array) -> Array:
    """Return the set-point (..., 7) at which the tool stays where `arm_pose` has put it."""
    upright = 0 * yaw
    return stack(tcp_pos[..., 0], tcp_pos[..., 1], tcp_pos[..., 2], yaw, upright, upright, width)


def tool_pose(servo_pos: Array) -> Array:
    """Return x, y, z and yaw of the tool, (..., 4), as the servos measure it.

    servo_pos: the sensor of that name, whose yaw is counted from the middle of its range.
    """
    return servo_pos + _origin(namespace(servo_pos), servo_pos.dtype, servo_pos.device)


@lru_cache
def _origin(xp: ModuleType, dtype: Any, device: Any) -> Array:
    """Where the servos count from, (4,)."""
    return xp.asarray([0.0, 0.0, 0.0, YAW_MIDDLE], dtype=dtype, device=device)


def arm_pose(tcp_pos: Array, yaw: Array) -> Array:
    """Return joint angles (..., 7) that hold the tool, pointing down, at `tcp_pos` (..., 3).

    Joints 3 and 5 stay at zero, which leaves a planar arm of two links; NaN where out of reach.
    """
    xp = namespace(tcp_pos)
    x, y, z = tcp_pos[..., 0], tcp_pos[..., 1], tcp_pos[..., 2]
    azimuth = xp.atan2(y, x)
    out = xp.sqrt(x * x + y * y) - facts.WRIST_OFFSET  # the wrist, seen from the shoulder
    up = z + facts.TCP_IN_HAND + facts.FLANGE - facts.SHOULDER_HEIGHT
    upper = math.hypot(facts.UPPER_ARM, facts.ELBOW_OFFSET)
    lower = math.hypot(facts.FOREARM, facts.ELBOW_OFFSET)
    upper_bend = math.atan2(facts.ELBOW_OFFSET, facts.UPPER_ARM)
    lower_bend = math.atan2(facts.ELBOW_OFFSET, facts.FOREARM)

    reach = xp.sqrt(out * out + up * up)
    at_shoulder = xp.acos((upper**2 + reach**2 - lower**2) / (2 * upper * reach))
    at_elbow = xp.acos((upper**2 + lower**2 - reach**2) / (2 * upper * lower))
    q2 = xp.atan2(out, up) - at_shoulder - upper_bend
    q4 = at_elbow - math.pi - upper_bend - lower_bend
    q6 = q2 - q4
    q7 = azimuth - yaw + FLANGE_TO_HAND
    zero = xp.zeros_like(azimuth)
    return stack(azimuth, q2, zero, q4, zero, q6, q7)


def add_panda(
    spec: mujoco.MjSpec,
    fist: bool = False,
    move: Servo = MOVE,
    lift: Servo = MOVE,
    turn: Servo = TURN,
) -> None:
    """Mount the arm at the origin of `spec`, with its seven actuators and its sensors.

    fist: the closed fingers touch things as one block instead of two pads, which halves the
    contacts and the time of a step; for tasks that push and never grasp.
    move, lift, turn: the Cartesian servos of x and y, of z, and of the three angles.
    """
    spec.worldbody.add_site(name="tool_down", quat=TOOL_DOWN)
    spec.worldbody.add_site(name="origin")
    base = spec.worldbody.add_body(name="link0")
    dress(base)
    body = base
    for number, link in enumerate(facts.LINKS, start=1):
        body = _add_link(body, number, link)
    _add_hand(spec, body, fist)
    _add_servos(spec, move, lift, turn)
    _add_sensors(spec)


def _add_link(parent: mujoco.MjsBody, number: int, link: facts.Link) -> mujoco.MjsBody:
    body = parent.add_body(
        name=f"link{number}",
        pos=link.pos,
        quat=link.quat,
        gravcomp=1,
        explicitinertial=True,
        mass=link.mass,
        ipos=link.centre,
        fullinertia=link.inertia,
    )
    joint = body.add_joint(
        name=f"joint{number}",
        range=link.range,
        limited=True,
        damping=[1, 0, 0],
        armature=0.1,
        actfrcrange=[-link.torque, link.torque],
        actfrclimited=True,
    )
    if number in POSTURE:
        joint.stiffness = [POSTURE[number], 0, 0]
    dress(body)
    return body


def _add_hand(spec: mujoco.MjSpec, flange: mujoco.MjsBody, fist: bool) -> None:
    half_turn_back = (math.cos(FLANGE_TO_HAND / 2), 0, 0, -math.sin(FLANGE_TO_HAND / 2))
    hand = flange.add_body(
        name="hand",
        pos=[0, 0, facts.FLANGE],
        quat=half_turn_back,
        gravcomp=1,
        explicitinertial=True,
        mass=facts.HAND_MASS,
        ipos=facts.HAND_CENTRE,
        inertia=facts.HAND_INERTIA,
    )
    hand.add_geom(
        name="hand",
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        fromto=[0, -0.05, 0.04, 0, 0.05, 0.04],
        size=[0.04, 0, 0],
        group=HIDDEN,
        **HAND,
    )
    hand.add_site(name="tcp", pos=[0, 0, facts.TCP_IN_HAND])
    # Beside the fingers, turned towards their tips.
    hand.add_camera(name="wrist", pos=WRIST_EYE, xyaxes=WRIST_AXES, fovy=75)
    dress(hand)
    for name, joint, side in zip(("left", "right"), FINGER_JOINTS, (1, -1), strict=True):
        _add_finger(hand, name, joint, side, LOOK if fist else PAD)
    if fist:
        x, y, z = facts.PAD_HALF
        pos = [0, 0, facts.FINGERS_IN_HAND + facts.PAD_CENTRE[2]]
        _add_pad(hand, "fist", pos, [x, 2 * y, z], condim=3, touches=PAD)
    spec.add_equality(
        type=mujoco.mjtEq.mjEQ_JOINT,
        name1=FINGER_JOINTS[0],
        name2=FINGER_JOINTS[1],
        solref=[0.004, 1],
    )


def _add_finger(
    hand: mujoco.MjsBody, name: str, joint: str, side: int, touches: Mapping[str, int]
) -> None:
    finger = hand.add_body(
        name=f"{name}_finger",
        pos=[0, 0, facts.FINGERS_IN_HAND],
        quat=[1, 0, 0, 0] if side > 0 else [0, 0, 0, 1],  # the right finger mirrors the left
        gravcomp=1,
        explicitinertial=True,
        mass=facts.FINGER_MASS,
        inertia=facts.FINGER_INERTIA,
    )
    finger.add_joint(
        name=joint,
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=[0, 1, 0],
        range=[0, facts.FINGER_STROKE],
        limited=True,
        damping=[FINGER_DAMPING, 0, 0],
        armature=0.1,
    )
    # condim 3 would let a box turn between the pads; 6 costs more and changes nothing.
    _add_pad(finger, f"{name}_pad", facts.PAD_CENTRE, facts.PAD_HALF, condim=4, touches=touches)
    dress(finger)


def _add_pad(
    body: mujoco.MjsBody,
    name: str,
    pos: Sequence[float],
    half: Sequence[float],
    condim: int,
    touches: Mapping[str, int],
) -> None:
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=pos,
        size=half,
        condim=condim,
        friction=[1, 0.02, 0.0001],
        priority=1,
        mass=0,
        group=HIDDEN,
        **touches,
    )


def _add_servos(spec: mujoco.MjSpec, move: Servo, lift: Servo, turn: Servo) -> None:
    # Name, reference frame, gear; the tool-down frame's z points down and is already turned.
    servos = (
        ("x", "origin", [1, 0, 0, 0, 0, 0], move),
        ("y", "origin", [0, 1, 0, 0, 0, 0], move),
        ("z", "origin", [0, 0, 1, 0, 0, 0], lift),
        ("yaw", "tool_down", [0, 0, 0, 0, 0, -1], turn),
        ("roll", "tool_down", [0, 0, 0, 1, 0, 0], turn),
        ("pitch", "tool_down", [0, 0, 0, 0, 1, 0], turn),
    )
    for name, reference, gear, (kp, kv, force) in servos:
        servo = spec.add_actuator(
            name=name,
            trntype=mujoco.mjtTrn.mjTRN_SITE,
            target="tcp",
            refsite=reference,
            gear=gear,
        )
        servo.set_to_position(kp=kp, kv=kv)
        servo.forcerange = [-force, force]
        if name == "yaw":
            servo.biasprm[0] = -kp * YAW_MIDDLE
    fingers = spec.add_tendon(name="grip")
    for joint in FINGER_JOINTS:
        fingers.wrap_joint(joint, 1)
    grip = spec.add_actuator(name="grip", trntype=mujoco.mjtTrn.mjTRN_TENDON, target="grip")
    kp, kv, force = GRIP
    grip.set_to_position(kp=kp, kv=kv)
    grip.forcerange = [-force, force]


def _add_sensors(spec: mujoco.MjSpec) -> None:
    kinds, site = mujoco.mjtSensor, (mujoco.mjtObj.mjOBJ_SITE, "tcp")
    for name, kind in (("joint_pos", kinds.mjSENS_JOINTPOS), ("joint_vel", kinds.mjSENS_JOINTVEL)):
        for number, joint in enumerate(ARM_JOINTS, start=1):
            sense(spec, f"{name}.{number}", kind, (mujoco.mjtObj.mjOBJ_JOINT, joint))
    fingers = (mujoco.mjtObj.mjOBJ_TENDON, "grip")
    sense(spec, "grip_width", kinds.mjSENS_TENDONPOS, fingers)
    sense(spec, "grip_speed", kinds.mjSENS_TENDONVEL, fingers)
    for number, servo in enumerate(ACTUATORS[:4], start=1):
        actuator = (mujoco.mjtObj.mjOBJ_ACTUATOR, servo)
        sense(spec, f"servo_pos.{number}", kinds.mjSENS_ACTUATORPOS, actuator)
    sense(spec, "tcp_pos", kinds.mjSENS_FRAMEPOS, site)
    sense(spec, "tcp_quat", kinds.mjSENS_FRAMEQUAT, site)
    sense(spec, "tcp_xaxis", kinds.mjSENS_FRAMEXAXIS, site)
    sense(spec, "tcp_vel", kinds.mjSENS_FRAMELINVEL, site)
    sense(spec, "tcp_angvel", kinds.mjSENS_FRAMEANGVEL, site)
