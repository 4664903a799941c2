"""A Franka Panda whose tool points down: model, Cartesian servos, closed-form pose."""

import math
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import mujoco

from robotasks.arrays import clip, namespace, stack
from robotasks.layout import Array
from robotasks.physics.robots import panda_facts as facts
from robotasks.physics.robots.panda_look import dress
from robotasks.physics.scene import HAND, HIDDEN, PAD, sense

ARM_JOINTS = tuple(f"joint{i}" for i in range(1, 8))
FINGER_JOINTS = ("finger1", "finger2")
ACTUATORS = ("x", "y", "z", "roll", "pitch", "yaw", "grip")

HOME_TCP = (0.5, 0.0, 0.2)
MAX_WIDTH = 2 * facts.FINGER_STROKE
WORK_AREA = ((0.35, -0.30, 0.01), (0.70, 0.30, 0.35))  # the pads end 9.5 mm below the tool point
YAW_RANGE = (-1.3, 2.9)  # what joint 7 reaches everywhere in the work area

# The rotation servo measures a rotation vector, which is singular half a turn from its reference:
# the reference is the tool-down frame turned to the middle of the yaw range.
YAW_MIDDLE = sum(YAW_RANGE) / 2
TOOL_DOWN = (0.0, math.cos(YAW_MIDDLE / 2), math.sin(YAW_MIDDLE / 2), 0.0)

FLANGE_TO_HAND = math.pi / 4  # the hand is mounted an eighth of a turn back

# Servos: stiffness, damping, largest force; in newtons and metres, or newton metres and radians.
MOVE = (2000.0, 200.0, 80.0)
TURN = (100.0, 8.0, 12.0)
GRIP = (5000.0, 50.0, 30.0)  # saturates 6 mm short of the set-point: 30 N whatever the width
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


def command(
    setpoint: Array, action: Array, tcp_pos: Array, tcp_yaw: Array, control: Control
) -> Array:
    """Return the next set-point (..., 7) after `action` (..., 5): dx, dy, dz, dyaw, width.

    The action adds to the set-point, not to the measured `tcp_pos` (..., 3) and `tcp_yaw` (...):
    so a payload's sag or a contact's error does not accumulate. Width is absolute, -1 closed.
    Actions have to lie within [-1, 1].
    """
    xp, dtype = namespace(setpoint), setpoint.dtype
    step, lead, low, high = _bounds(control, xp, dtype, setpoint.device)
    # x, y, z and yaw in one array each: a single world pays for calls, not for numbers.
    tool = xp.concat([tcp_pos, tcp_yaw[..., None]], axis=-1)
    moved = xp.concat([setpoint[..., :3], setpoint[..., 5:6]], axis=-1) + step * action[..., :4]
    held = clip(clip(moved, tool - lead, tool + lead), low, high)
    width = (action[..., 4:5] + 1) * (MAX_WIDTH / 2)
    upright = setpoint[..., 3:5]
    target = xp.concat([held[..., :3], upright, held[..., 3:], width], axis=-1)
    return target if target.dtype == dtype else xp.astype(target, dtype)


@lru_cache
def _bounds(control: Control, xp: ModuleType, dtype: Any, device: Any) -> tuple[Array, ...]:
    """Step, lead, low and high of x, y, z and yaw, each (4,)."""
    step = [*[control.step] * 3, control.turn]
    lead = [*[control.lead] * 3, control.turn_lead]
    low, high = [*control.low, control.yaw[0]], [*control.high, control.yaw[1]]
    return tuple(xp.asarray(row, dtype=dtype, device=device) for row in (step, lead, low, high))


def rest_setpoint(tcp_pos: Array, yaw: Array, width: Array) -> Array:
    """Return the set-point (..., 7) at which the tool stays where `arm_pose` has put it."""
    upright = 0 * yaw
    return stack(tcp_pos[..., 0], tcp_pos[..., 1], tcp_pos[..., 2], upright, upright, yaw, width)


def tool_yaw(tcp_xaxis: Array) -> Array:
    """Return the tool's yaw (...) from its x axis (..., 3), continuous over the yaw range."""
    xp = namespace(tcp_xaxis)
    yaw = xp.atan2(tcp_xaxis[..., 1], tcp_xaxis[..., 0])
    return xp.where(yaw < YAW_MIDDLE - math.pi, yaw + 2 * math.pi, yaw)


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


def add_panda(spec: mujoco.MjSpec) -> None:
    """Mount the arm at the origin of `spec`, with its seven actuators and its sensors."""
    spec.worldbody.add_site(name="tool_down", quat=TOOL_DOWN)
    spec.worldbody.add_site(name="origin")
    base = spec.worldbody.add_body(name="link0")
    dress(base)
    body = base
    for number, link in enumerate(facts.LINKS, start=1):
        body = _add_link(body, number, link)
    _add_hand(spec, body)
    _add_servos(spec)
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


def _add_hand(spec: mujoco.MjSpec, flange: mujoco.MjsBody) -> None:
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
    dress(hand)
    for name, joint, side in zip(("left", "right"), FINGER_JOINTS, (1, -1), strict=True):
        _add_finger(hand, name, joint, side)
    spec.add_equality(
        type=mujoco.mjtEq.mjEQ_JOINT,
        name1=FINGER_JOINTS[0],
        name2=FINGER_JOINTS[1],
        solref=[0.004, 1],
    )


def _add_finger(hand: mujoco.MjsBody, name: str, joint: str, side: int) -> None:
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
    finger.add_geom(
        name=f"{name}_pad",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=facts.PAD_CENTRE,
        size=facts.PAD_HALF,
        condim=4,  # 3 lets a box turn between the pads; 6 costs more and changes nothing
        friction=[1, 0.02, 0.0001],
        priority=1,
        group=HIDDEN,
        **PAD,
    )
    dress(finger)


def _add_servos(spec: mujoco.MjSpec) -> None:
    for axis, name in enumerate(ACTUATORS[:6]):
        servo = spec.add_actuator(
            name=name,
            trntype=mujoco.mjtTrn.mjTRN_SITE,
            target="tcp",
            refsite="origin" if axis < 3 else "tool_down",
            gear=[float(i == axis) for i in range(6)],
        )
        kp, kv, force = MOVE if axis < 3 else TURN
        servo.set_to_position(kp=kp, kv=kv)
        servo.forcerange = [-force, force]
        if name == "yaw":  # the reference's z points down, and is already turned
            servo.gear = [0, 0, 0, 0, 0, -1]
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
    sense(spec, "tcp_pos", kinds.mjSENS_FRAMEPOS, site)
    sense(spec, "tcp_quat", kinds.mjSENS_FRAMEQUAT, site)
    sense(spec, "tcp_xaxis", kinds.mjSENS_FRAMEXAXIS, site)
    sense(spec, "tcp_vel", kinds.mjSENS_FRAMELINVEL, site)
    sense(spec, "tcp_angvel", kinds.mjSENS_FRAMEANGVEL, site)
