"""The workshop of every task: physics options, table, light, cameras, helpers to add to it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import mujoco

TABLE = "table"


def _contact_class(contype: int, conaffinity: int) -> Mapping[str, int]:
    return MappingProxyType({"contype": contype, "conaffinity": conaffinity})


# Who touches whom: two geoms collide where the contype of one meets the conaffinity of the other.
# Few classes meet, which keeps the number of contacts, and so the time per step, low.
PAD = _contact_class(1, 0)  # finger pads: the table and objects
SURFACE = _contact_class(2, 1)  # the table
FIXTURE = _contact_class(4, 1)  # sockets, bottles, boards: whatever is held in place
OBJECT = _contact_class(8, 15)  # free bodies: pads, table, fixtures, each other
OUTER = _contact_class(8, 11)  # the hull of an object that a fixture enters: all but fixtures
INNER = _contact_class(0, 4)  # the inside of such an object: fixtures alone
HAND = _contact_class(0, 6)  # the hand: the table and fixtures
LOOK = _contact_class(0, 0)  # what is only seen

SEEN, HIDDEN = 2, 3  # geom groups; MuJoCo shows 0-2 unless told otherwise


def workshop(timestep: float) -> mujoco.MjSpec:
    """Return an empty workshop: a table whose top is z = 0, soft light and three cameras.

    `timestep` is in seconds; contacts get the shortest time constant that is stable with it.
    """
    spec = mujoco.MjSpec()
    spec.modelname = "workshop"
    spec.compiler.degree = False
    spec.option.timestep = timestep
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.solver = mujoco.mjtSolver.mjSOL_NEWTON
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10  # a pyramid, or 1, lets a held object creep out of the hand
    # Contact rows leave out the acceleration of the moving contact frame, so a carried object
    # drifts in proportion to this time constant.
    spec.default.geom.solref = [2 * timestep, 1]
    _add_table(spec)
    _add_light(spec)
    _add_cameras(spec)
    return spec


def sense(
    spec: mujoco.MjSpec,
    name: str,
    kind: mujoco.mjtSensor,
    target: tuple[mujoco.mjtObj, str],
    reference: tuple[mujoco.mjtObj, str] | None = None,
) -> None:
    """Add the sensor `name`: what `kind` measures of `target`, relative to `reference` if any."""
    options: dict[str, Any] = {}
    if reference is not None:
        options = {"reftype": reference[0], "refname": reference[1]}
    spec.add_sensor(name=name, type=kind, objtype=target[0], objname=target[1], **options)


def table_pair(spec: mujoco.MjSpec, geom: str, friction: float) -> str:
    """Let `geom` rub on the table with Coulomb coefficient `friction`; return the pair's name.

    A pair, because MuJoCo takes the larger friction of two geoms and the smaller must be possible
    too; a named one, so that each world can have its own `pair_friction`.
    """
    name = f"{geom}/{TABLE}"
    spec.add_pair(
        name=name,
        geomname1=geom,
        geomname2=TABLE,
        condim=4,
        friction=[friction, friction, 0.005, 0.0001, 0.0001],
        solref=[2 * spec.option.timestep, 1],
    )
    return name


def _add_table(spec: mujoco.MjSpec) -> None:
    plane, box = mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_BOX
    world = spec.worldbody
    # A plane gives few and exact contacts. Its friction is tiny so that an object's own one counts.
    world.add_geom(
        name=TABLE,
        type=plane,
        size=[2, 2, 0.1],
        friction=[0.01, 0.005, 0.0001],
        group=HIDDEN,
        **SURFACE,
    )
    world.add_geom(type=box, pos=[0.4, 0, -0.02], size=[0.6, 0.7, 0.02], group=SEEN, **LOOK)


def _add_light(spec: mujoco.MjSpec) -> None:
    spec.worldbody.add_light(pos=[0.2, -0.8, 2.2], dir=[0.1, 0.4, -1], castshadow=True)


def _add_cameras(spec: mujoco.MjSpec) -> None:
    spec.worldbody.add_camera(name="front", pos=[1.6, 0, 0.8], xyaxes=[0, 1, 0, -0.4, 0, 0.9])
    spec.worldbody.add_camera(name="top", pos=[0.5, 0, 1.4], xyaxes=[0, -1, 0, 1, 0, 0])
    spec.worldbody.add_camera(name="side", pos=[0.5, -1.6, 0.6], xyaxes=[1, 0, 0, 0, 0.3, 1])
