"""Fixtures: mocap bodies, whose pose is part of the state, so one model serves all layouts."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco

from robotasks.physics.objects.part import Box
from robotasks.physics.scene import FIXTURE, LOOK, SEEN, sense

GREY = (0.36, 0.42, 0.48, 1.0)
PAINT = (0.98, 0.97, 0.93, 1.0)


def add_fixture(
    spec: mujoco.MjSpec, name: str, boxes: Sequence[Box], height: float, friction: float
) -> mujoco.MjsBody:
    """Add a fixture of upright boxes, geoms `<name>_0`, ...; sensed by `<name>_pos, _xaxis`."""
    body = add_mocap(spec, name)
    for i, box in enumerate(boxes):
        body.add_geom(
            name=f"{name}_{i}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[box.x, box.y, height / 2],
            size=[box.half_x, box.half_y, height / 2],
            rgba=GREY,
            group=SEEN,
            friction=[friction, 0.005, 0.0001],
            **FIXTURE,
        )
    return body


def add_print(spec: mujoco.MjSpec, name: str, radius: float) -> None:
    """Add a painted disc on the table, which nothing touches; sensors as `add_fixture`."""
    add_mocap(spec, name).add_geom(
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        size=[radius, 0.0005, 0],
        rgba=PAINT,
        group=SEEN,
        **LOOK,
    )


def add_mocap(spec: mujoco.MjSpec, name: str) -> mujoco.MjsBody:
    """Add a mocap body without geoms; sensed by `<name>_pos, _xaxis`."""
    kinds, frame = mujoco.mjtSensor, (mujoco.mjtObj.mjOBJ_XBODY, name)
    sense(spec, f"{name}_pos", kinds.mjSENS_FRAMEPOS, frame)
    sense(spec, f"{name}_xaxis", kinds.mjSENS_FRAMEXAXIS, frame)
    return spec.worldbody.add_body(name=name, mocap=True)
