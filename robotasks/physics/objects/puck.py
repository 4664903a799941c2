"""A puck whose shape, mass and friction are numbers: disc, square or bar.

All shapes sit on one body. The ones not chosen shrink to a grain inside it, which costs
nothing to simulate; parked bodies would triple the time of a step.
"""

from __future__ import annotations

import mujoco

from robotasks.arrays import namespace, stack
from robotasks.layout import Array
from robotasks.physics.scene import OBJECT, SEEN, sense, table_pair

HALF_HEIGHT = 0.01  # flat enough that a finger on its top does not tip it over
DISC, SQUARE, BAR = 0, 1, 2
SHAPES = 3
DISC_RADIUS = 0.03
SQUARE_HALF = 0.025
BAR_HALF = (0.04, 0.018)
_GRAIN = 0.003
_LEAN = 1e-5  # rad
_COLOUR = (0.93, 0.45, 0.13, 1.0)


def add_puck(spec: mujoco.MjSpec, name: str = "puck") -> None:
    """Add a free puck, its pairs with the table and the sensors of `part_sensors`."""
    body = spec.worldbody.add_body(name=name, pos=[0.5, 0, HALF_HEIGHT])
    body.add_freejoint(name=name)
    body.explicitinertial = True
    body.ipos = [0, 0, 0]  # unset, it would be the body's own position
    body.iquat = [1, 0, 0, 0]
    body.mass = 0.3
    body.inertia = [1e-4] * 3
    kinds = {"disc": mujoco.mjtGeom.mjGEOM_CYLINDER, "box": mujoco.mjtGeom.mjGEOM_BOX}
    sizes = {"disc": [DISC_RADIUS, HALF_HEIGHT, 0], "box": [_GRAIN] * 3}
    # The contacts that MuJoCo 4.0 finds of a cylinder on a plane are off by millimetres where its
    # tilt is as small as rounding errors, and it jumps; this one is never that upright.
    turns = {"disc": [1, _LEAN / 2, 0, 0], "box": [1, 0, 0, 0]}
    for kind, geom in kinds.items():
        body.add_geom(
            name=f"{name}_{kind}",
            type=geom,
            size=sizes[kind],
            quat=turns[kind],
            rgba=_COLOUR,
            group=SEEN,
            friction=[0.3, 0.005, 0.0001],
            **OBJECT,
        )
        table_pair(spec, f"{name}_{kind}", friction=0.3)
    part_sensors(spec, name)


def part_sensors(spec: mujoco.MjSpec, name: str) -> None:
    """Sense a body in the world: `<name>_pos, _quat, _xaxis, _yaxis, _vel, _angvel`."""
    kinds, body = mujoco.mjtSensor, (mujoco.mjtObj.mjOBJ_XBODY, name)
    sense(spec, f"{name}_pos", kinds.mjSENS_FRAMEPOS, body)
    sense(spec, f"{name}_quat", kinds.mjSENS_FRAMEQUAT, body)
    sense(spec, f"{name}_xaxis", kinds.mjSENS_FRAMEXAXIS, body)
    sense(spec, f"{name}_yaxis", kinds.mjSENS_FRAMEYAXIS, body)
    sense(spec, f"{name}_vel", kinds.mjSENS_FRAMELINVEL, body)
    sense(spec, f"{name}_angvel", kinds.mjSENS_FRAMEANGVEL, body)


def puck_fields(
    shape: Array, mass: Array, friction: Array, name: str = "puck"
) -> dict[tuple[str, str], Array]:
    """Return the model fields of pucks with these shapes, masses (kg) and frictions, all (...)."""
    xp = namespace(shape)
    one = xp.ones_like(mass)
    is_disc, is_bar = shape == DISC, shape == BAR
    grain = _GRAIN * one
    half_x = xp.where(is_bar, BAR_HALF[0] * one, SQUARE_HALF * one)
    half_y = xp.where(is_bar, BAR_HALF[1] * one, SQUARE_HALF * one)
    height = HALF_HEIGHT * one
    disc = stack(
        xp.where(is_disc, DISC_RADIUS * one, grain), xp.where(is_disc, height, grain), 0 * one
    )
    box = stack(*(xp.where(is_disc, grain, half) for half in (half_x, half_y, height)))
    # Second moments of area per axis: r^2/4 of a disc, a^2/3 of a box of half width a.
    across_x = xp.where(is_disc, DISC_RADIUS**2 / 4 * one, half_x**2 / 3)
    across_y = xp.where(is_disc, DISC_RADIUS**2 / 4 * one, half_y**2 / 3)
    upright = height**2 / 3
    inertia = stack(across_y + upright, across_x + upright, across_x + across_y)
    rub = stack(friction, friction, 0.005 * one, 0.0001 * one, 0.0001 * one)
    return {
        ("geom_size", f"{name}_disc"): disc,
        ("geom_size", f"{name}_box"): box,
        ("body_mass", name): mass,
        ("body_inertia", name): mass[..., None] * inertia,
        ("pair_friction", f"{name}_disc/table"): rub,
        ("pair_friction", f"{name}_box/table"): rub,
    }
