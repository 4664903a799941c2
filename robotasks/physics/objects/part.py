"""Loose parts of one rigid body: what every object on the table has in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import mujoco

from robotasks.arrays import stack
from robotasks.layout import Array
from robotasks.physics.scene import OBJECT, SEEN, rubbing, sense, table_pair

ORANGE = (0.93, 0.45, 0.13, 1.0)
BLUE = (0.16, 0.43, 0.75, 1.0)
STEEL = (0.42, 0.45, 0.50, 1.0)

# The contacts that MuJoCo 4.0 finds of a cylinder on a plane are off by millimetres where its tilt
# is as small as rounding errors, and it jumps: so cylinders lean by 1e-5 rad.
LEAN = (1.0, 0.5e-5, 0.0, 0.0)


class Box(NamedTuple):
    """A box of a block, seen from above: its middle in the body's frame, its half sizes (m)."""

    x: float
    y: float
    half_x: float
    half_y: float


class Block(NamedTuple):
    """A rigid part made of upright boxes of one height that touch but do not overlap."""

    boxes: Sequence[Box]
    half_height: float

    def spread(self) -> tuple[float, float, float]:
        """Second moments about the body's origin, per unit of mass (m^2)."""
        area = sum(b.half_x * b.half_y for b in self.boxes)
        x = sum(b.half_x * b.half_y * (b.x**2 + b.half_x**2 / 3) for b in self.boxes) / area
        y = sum(b.half_x * b.half_y * (b.y**2 + b.half_y**2 / 3) for b in self.boxes) / area
        z = self.half_height**2 / 3
        return y + z, x + z, x + y


def add_body(spec: mujoco.MjSpec, name: str, half_height: float) -> mujoco.MjsBody:
    """Add a free body with sensors; its mass and inertia are for the fields of a world to set."""
    body = spec.worldbody.add_body(name=name, pos=[0.5, 0, half_height])
    body.add_freejoint(name=name)
    body.explicitinertial = True
    body.ipos = [0, 0, 0]  # unset, it would be the body's own position
    body.iquat = [1, 0, 0, 0]
    body.mass = 0.3
    body.inertia = [1e-4] * 3
    part_sensors(spec, name)
    return body


def add_geom(body: mujoco.MjsBody, name: str, colour: Sequence[float], **shape: object) -> None:
    """Give a part a geom that touches everything and rubs on the table as its pair says."""
    if shape["type"] == mujoco.mjtGeom.mjGEOM_CYLINDER:
        shape["quat"] = LEAN
    body.add_geom(
        name=name, rgba=colour, group=SEEN, friction=[0.3, 0.005, 0.0001], **shape, **OBJECT
    )


def add_block(
    spec: mujoco.MjSpec, name: str, block: Block, colour: Sequence[float] = ORANGE
) -> mujoco.MjsBody:
    """Add a free block; geoms are called `<name>_0`, `<name>_1`, ..."""
    body = add_body(spec, name, block.half_height)
    for i, box in enumerate(block.boxes):
        size = [box.half_x, box.half_y, block.half_height]
        box_type = mujoco.mjtGeom.mjGEOM_BOX
        add_geom(body, f"{name}_{i}", colour, type=box_type, pos=[box.x, box.y, 0], size=size)
        table_pair(spec, f"{name}_{i}", friction=0.3)
    return body


def block_fields(
    block: Block, mass: Array, friction: Array, name: str
) -> dict[tuple[str, str], Array]:
    """Return the model fields of a block with this mass (kg) and friction, (...)."""
    moments = stack(*(mass * moment for moment in block.spread()))
    rub = rubbing(friction)
    return {
        ("body_mass", name): mass,
        ("body_inertia", name): moments,
        **{("pair_friction", f"{name}_{i}/table"): rub for i in range(len(block.boxes))},
    }


def part_sensors(spec: mujoco.MjSpec, name: str) -> None:
    """Sense a body in the world: `<name>_pos, _quat, _xaxis, _yaxis, _vel, _angvel`."""
    kinds, body = mujoco.mjtSensor, (mujoco.mjtObj.mjOBJ_XBODY, name)
    sense(spec, f"{name}_pos", kinds.mjSENS_FRAMEPOS, body)
    sense(spec, f"{name}_quat", kinds.mjSENS_FRAMEQUAT, body)
    sense(spec, f"{name}_xaxis", kinds.mjSENS_FRAMEXAXIS, body)
    sense(spec, f"{name}_yaxis", kinds.mjSENS_FRAMEYAXIS, body)
    sense(spec, f"{name}_vel", kinds.mjSENS_FRAMELINVEL, body)
    sense(spec, f"{name}_angvel", kinds.mjSENS_FRAMEANGVEL, body)
