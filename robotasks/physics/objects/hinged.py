"""Lids that stay on what they close: a chest's flip lid, a box's slide lid, a bottle's screw cap.

Each hangs on a fixture, whose pose is part of the state, by joints named after it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import mujoco

from robotasks.arrays import stack
from robotasks.layout import Array
from robotasks.physics.objects import bottle
from robotasks.physics.objects.fixture import add_fixture
from robotasks.physics.objects.lid import WHITE
from robotasks.physics.objects.part import BLUE, LEAN, STEEL, Box, part_sensors
from robotasks.physics.scene import JOINTED, LOOK, SEEN, sense

HINGE = (-0.05, 0.06)
"""Of a chest: where its hinge is, along its x axis and up (m)."""
HANDLE = (0.112, 0.026)
"""In the frame of a flip lid: where fingers hold its bar, along the lid and above it (m)."""
OPENS = 1.5
"""How far a flip lid opens (rad)."""
SLIDES = 0.09
"""How far a slide lid opens (m)."""
CASE_UP = 0.03
"""Height of a case, and of the frame of its slide lid (m)."""
KNOB_UP = 0.028
"""In the frame of a slide lid: where fingers hold its knob, up (m)."""
CAP_RADIUS, CAP_HALF = 0.02, 0.012
CAP_UP = bottle.RIM - CAP_HALF + 0.004
"""Height of the middle of a screw cap that is all the way down (m)."""
TURNS = 2.0
"""How far a screw cap opens, in turns; further it would be off."""

_ARMATURE = 1e-3  # light parts on joints, held by friction, need some inertia


def add_chest(spec: mujoco.MjSpec, name: str = "chest") -> None:
    """Add a chest that opens along its x axis; joint `<name>_lid` tells how far (rad)."""
    half, wall, height = 0.05, 0.004, HINGE[1]
    boxes = [
        Box(half - wall, 0, wall, half),
        Box(wall - half, 0, wall, half),
        Box(0, half - wall, half - 2 * wall, wall),
        Box(0, wall - half, half - 2 * wall, wall),
    ]
    body = add_fixture(spec, name, boxes, height, friction=0.3)
    lid = body.add_body(name=f"{name}_lid", pos=[HINGE[0], 0, height])
    _joint(lid, f"{name}_lid", mujoco.mjtJoint.mjJNT_HINGE, [0, -1, 0], [0, OPENS])
    _inertia(lid, 0.1, [half, 0, 0], 2e-4)
    box, capsule = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CAPSULE
    _part(lid, box, BLUE, pos=[half, 0, wall], size=[half, half, wall])
    out, up = HANDLE
    for side in (-0.025, 0.025):
        arm = [2 * half - 0.005, side, wall, out, side, up]
        _part(lid, capsule, STEEL, fromto=arm, size=[0.003, 0, 0])
    _part(lid, capsule, STEEL, fromto=[out, -0.025, up, out, 0.025, up], size=[0.005, 0, 0])
    _sense_lid(spec, f"{name}_lid")


def add_case(spec: mujoco.MjSpec, name: str = "case") -> None:
    """Add a flat case whose lid slides along its x axis; joint `<name>_lid` tells how far (m)."""
    height = CASE_UP
    boxes = [
        Box(0, 0.04, 0.06, 0.004),
        Box(0, -0.04, 0.06, 0.004),
        Box(-0.056, 0, 0.004, 0.036),
        Box(0.056, 0, 0.004, 0.036),
    ]
    body = add_fixture(spec, name, boxes, height, friction=0.3)
    box, capsule = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CAPSULE
    floor = [0.052, 0.036, 0.001]
    body.add_geom(type=box, pos=[0, 0, 0.001], size=floor, rgba=WHITE, group=SEEN, **LOOK)
    lid = body.add_body(name=f"{name}_lid", pos=[0, 0, height])
    _joint(lid, f"{name}_lid", mujoco.mjtJoint.mjJNT_SLIDE, [1, 0, 0], [0, SLIDES])
    _inertia(lid, 0.1, [0, 0, 0], 1e-4)
    _part(lid, box, BLUE, pos=[0, 0, 0.003], size=[0.06, 0.036, 0.003])
    knob = [0, 0, 0.006, 0, 0, KNOB_UP + 0.004]
    _part(lid, capsule, STEEL, fromto=knob, size=[0.007, 0, 0])
    _sense_lid(spec, f"{name}_lid")


def add_screw_cap(spec: mujoco.MjSpec, neck: mujoco.MjsBody, name: str = "cap") -> None:
    """Put a cap on a bottle's neck that rises as it is turned.

    Joint `<name>` and its sensor tell how far it is open, counter-clockwise (rad).
    """
    rise = neck.add_body(name=f"{name}_rise", pos=[0, 0, CAP_UP])
    _joint(rise, f"{name}_rise", mujoco.mjtJoint.mjJNT_SLIDE, [0, 0, 1], None)
    _inertia(rise, 0.01, [0, 0, 0], 5e-6)
    cap = rise.add_body(name=name)
    _joint(cap, name, mujoco.mjtJoint.mjJNT_HINGE, [0, 0, 1], [0, 2 * math.pi * TURNS])
    _inertia(cap, 0.03, [0, 0, 0], 8e-6)
    cylinder, box = mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_BOX
    _part(cap, cylinder, BLUE, size=[CAP_RADIUS, CAP_HALF, 0], quat=LEAN)
    stripe = [CAP_RADIUS / 2, 0.002, 0.0005]
    cap.add_geom(
        type=box, pos=[stripe[0], 0, CAP_HALF], size=stripe, rgba=WHITE, group=SEEN, **LOOK
    )
    # The hinge comes first: written the other way round the constraint is a thousand times softer.
    spec.add_equality(
        name=f"{name}_thread",
        type=mujoco.mjtEq.mjEQ_JOINT,
        name1=name,
        name2=f"{name}_rise",
        data=[0, 2 * math.pi / 0.004, *[0] * 10],
        solref=[2 * spec.option.timestep, 1],
    )
    _sense_lid(spec, name)


def thread_fields(pitch: Array, name: str) -> dict[tuple[str, str], Array]:
    """Return the model fields of screw caps that rise so much a turn (m), (...)."""
    zero = 0 * pitch
    return {("eq_data", f"{name}_thread"): stack(zero, 2 * math.pi / pitch, *[zero] * 10)}


def drag_fields(drag: Array, joint: str) -> dict[tuple[str, str], Array]:
    """Return the model fields of joints with this friction (N or Nm), (...)."""
    return {("dof_frictionloss", joint): drag}


def _joint(
    body: mujoco.MjsBody,
    name: str,
    kind: mujoco.mjtJoint,
    axis: Sequence[float],
    limits: Sequence[float] | None,
) -> None:
    joint = body.add_joint(
        name=name,
        type=kind,
        axis=axis,
        armature=_ARMATURE,
        damping=[0.005, 0, 0],
        # Firm: by default a joint held by friction creeps.
        solimp_friction=[0.99, 0.999, 0.001, 0.5, 2],
    )
    if limits is not None:
        joint.range, joint.limited = limits, True


def _inertia(body: mujoco.MjsBody, mass: float, centre: Sequence[float], moment: float) -> None:
    body.explicitinertial = True
    body.mass, body.ipos, body.iquat = mass, centre, [1, 0, 0, 0]
    body.inertia = [moment] * 3
    body.gravcomp = 1  # a lid on a joint stays where it is left


def _part(
    body: mujoco.MjsBody, kind: mujoco.mjtGeom, colour: Sequence[float], **shape: object
) -> None:
    body.add_geom(type=kind, rgba=colour, group=SEEN, mass=0, **shape, **JOINTED)


def _sense_lid(spec: mujoco.MjSpec, name: str) -> None:
    """Sense a body as `part_sensors` does, and its joint's `<name>_angle` or way."""
    part_sensors(spec, name)
    joint = (mujoco.mjtObj.mjOBJ_JOINT, name)
    sense(spec, f"{name}_angle", mujoco.mjtSensor.mjSENS_JOINTPOS, joint)
