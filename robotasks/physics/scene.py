"""The workshop of every task: physics options, table, light, cameras, helpers to add to it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import mujoco
import numpy as np

from robotasks.arrays import stack
from robotasks.layout import Array

TABLE = "table"
Point = tuple[float, float, float]
_FIRM = 0.999  # the impedance of a bounce: less would lose speed to the give of the stick


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
HULL = _contact_class(8, 9)  # the same where it stands on feet: pads and objects
FOOT = _contact_class(0, 2)  # the table
JOINTED = _contact_class(8, 1)  # a lid on a joint: pads and objects
HAND = _contact_class(0, 6)  # the hand: the table and fixtures
LOOK = _contact_class(0, 0)  # what is only seen

SEEN, HIDDEN = 2, 3  # geom groups; MuJoCo shows 0-2 unless told otherwise


def workshop(timestep: float, grasps: bool = True) -> mujoco.MjSpec:
    """Return an empty workshop: a table whose top is z = 0, soft light and three cameras.

    `timestep` is in seconds; contacts get the shortest time constant that is stable with it.
    grasps: whether things are held; where they are only pushed, a step takes a quarter less.
    """
    spec = mujoco.MjSpec()
    spec.modelname = "workshop"
    spec.compiler.degree = False
    spec.option.timestep = timestep
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.solver = mujoco.mjtSolver.mjSOL_NEWTON
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    # A pyramid, or a ratio of 1, lets a held object creep out of the hand.
    spec.option.impratio = 10 if grasps else 1
    # Contact rows leave out the acceleration of the moving contact frame, so a carried object
    # drifts in proportion to this time constant.
    spec.default.geom.solref = [2 * timestep, 1]
    _add_materials(spec)
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
    stop_pair(spec, geom, TABLE, friction)
    return f"{geom}/{TABLE}"


def rubbing(friction: Array) -> Array:
    """Return the `pair_friction` of Coulomb coefficients, (...) -> (..., 5)."""
    one = 1 + 0 * friction
    return stack(friction, friction, 0.005 * one, 0.0001 * one, 0.0001 * one)


def bounce_pair(
    spec: mujoco.MjSpec, geom: str, other: str, restitution: float, friction: float
) -> str:
    """Let two geoms bounce off each other; return the pair's name.

    restitution: speed after over speed before, along the normal; worlds may differ in it by
    `pair_solref` (see `bounce`). friction: Coulomb coefficient.
    """
    name = f"{geom}/{other}"
    spec.add_pair(
        name=name,
        geomname1=geom,
        geomname2=other,
        condim=3,
        friction=rubbing(np.asarray(friction)),
        solref=bounce(np.asarray(restitution), spec.option.timestep),
        solimp=[_FIRM, _FIRM, 0.001, 0.5, 2],
    )
    return name


def stop_pair(spec: mujoco.MjSpec, geom: str, other: str, friction: float) -> None:
    """Let two geoms stop each other, without a bounce; friction: Coulomb coefficient."""
    spec.add_pair(
        name=f"{geom}/{other}",
        geomname1=geom,
        geomname2=other,
        condim=3,
        friction=rubbing(np.asarray(friction)),
        solref=[2 * spec.option.timestep, 1],
    )


def bounce(restitution: Array, timestep: float) -> Array:
    """Return the `pair_solref`, (..., 2), that bounces with this restitution (...).

    A damper so strong that one step turns the speed around. A spring would bounce as its stiffness
    and the step happen to meet, and could give back more than it took.
    """
    return stack(0 * restitution, -(1 + restitution) * _FIRM / timestep)


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
    # What is seen of it: a top with a darker edge, on two trestles, on a floor.
    for pos, half, material in (
        ([0.36, 0, -0.005], [0.60, 0.56, 0.005], "top"),
        ([0.36, 0, -0.025], [0.60, 0.56, 0.015], "edge"),
        ([-0.14, 0, -0.39], [0.03, 0.44, 0.35], "edge"),
        ([0.86, 0, -0.39], [0.03, 0.44, 0.35], "edge"),
    ):
        world.add_geom(type=box, pos=pos, size=half, material=material, group=SEEN, **LOOK)
    world.add_geom(  # a disc, since shadows grow spots beyond the reach of the shadow map
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        pos=[0.36, 0, -0.76],
        size=[2.8, 0.02, 0],
        material="floor",
        group=SEEN,
        **LOOK,
    )


def _add_materials(spec: mujoco.MjSpec) -> None:
    builtin, kind = mujoco.mjtBuiltin, mujoco.mjtTexture
    spec.add_texture(
        name="sky",
        type=kind.mjTEXTURE_SKYBOX,
        builtin=builtin.mjBUILTIN_GRADIENT,
        rgb1=[0.62, 0.70, 0.79],
        rgb2=[0.90, 0.92, 0.95],
        width=64,
        height=64,
    )
    for name, colour in (
        ("top", [0.90, 0.84, 0.75, 1]),
        ("edge", [0.50, 0.43, 0.36, 1]),
        ("floor", [0.74, 0.77, 0.80, 1]),
    ):
        spec.add_material(name=name, rgba=colour, specular=0.1, shininess=0.1)


def _add_light(spec: mujoco.MjSpec) -> None:
    # One light throws the shadows that tell heights; the other only softens its dark sides.
    spec.worldbody.add_light(
        name="key",
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        pos=[0.7, -0.3, 1.2],
        dir=[-0.30, 0.25, -1],
        diffuse=[0.46, 0.45, 0.43],
        specular=[0.2, 0.2, 0.2],
        castshadow=True,
    )
    spec.worldbody.add_light(
        name="fill",
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        pos=[1, 1, 2],
        dir=[-0.6, -0.7, -0.8],
        diffuse=[0.18, 0.20, 0.23],
        specular=[0, 0, 0],
        castshadow=False,
    )
    spec.visual.headlight.ambient = [0.36, 0.36, 0.37]
    spec.visual.headlight.diffuse = [0.16, 0.16, 0.16]
    spec.visual.headlight.specular = [0, 0, 0]
    spec.visual.quality.shadowsize = 2048  # the default doubles the time of a small picture
    spec.visual.map.shadowclip = 2
    # What the eye works in, whatever the size of the floor.
    spec.stat.extent = 2
    spec.stat.center = [0.4, 0, 0.2]


def _add_cameras(spec: mujoco.MjSpec) -> None:
    aim_camera(spec, "front", eye=(1.52, -0.46, 0.80), target=(0.33, 0.02, 0.30))
    aim_camera(spec, "side", eye=(0.42, -1.50, 0.55), target=(0.33, 0, 0.27))
    spec.worldbody.add_camera(name="top", pos=[0.37, 0, 1.7], xyaxes=[0, -1, 0, 1, 0, 0], fovy=40)


def aim_camera(
    spec: mujoco.MjSpec,
    name: str,
    eye: Point,
    target: Point,
    fovy: float = 40.0,
) -> None:
    """Put the camera `name` at `eye`, looking at `target`, the picture's horizon level.

    fovy: its field of view from top to bottom (degrees).
    """
    back = np.subtract(eye, target)
    right = np.cross([0, 0, 1], back)
    up = np.cross(back, right)
    camera = spec.camera(name) or spec.worldbody.add_camera(name=name)
    axes = np.column_stack([axis / np.linalg.norm(axis) for axis in (right, up, back)])
    camera.pos, camera.fovy = eye, fovy
    mujoco.mju_mat2Quat(camera.quat, axes.ravel())
