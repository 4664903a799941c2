"""Table-top ice rinks: ice, boards, a goal with a net, and a puck that bounces off them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mujoco

from robotasks.arrays import stack
from robotasks.layout import Array
from robotasks.physics.objects.part import LEAN, part_sensors
from robotasks.physics.objects.stick import BLADE
from robotasks.physics.scene import (
    LOOK,
    SEEN,
    TABLE,
    aim_camera,
    bounce,
    bounce_pair,
    rubbing,
    sense,
    stop_pair,
    table_pair,
)

NEAR_END, GOAL_LINE = 0.27, 1.50
"""Where the ice begins, and where the goal stands at its other end (x, m)."""
HALF_WIDTH = 0.40
"""Of the ice (m)."""
MOUTH = 0.18
"""Half the width of the goal between its posts (m)."""


@dataclass(frozen=True)
class Rink:
    """The sizes of a rink (m): where the ice begins and where the goal line is, along x; half the
    ice's width and half the goal's; how deep the net is. An open goal has neither crossbar nor
    roof, so that a stick may come down behind the line.
    """

    near_end: float
    goal_line: float
    half_width: float
    mouth: float
    net_depth: float
    open_goal: bool = False


LONG = Rink(NEAR_END, GOAL_LINE, HALF_WIDTH, MOUTH, net_depth=0.16)
"""What is shot there is out of reach."""
SHORT = Rink(0.32, 0.72, 0.36, 0.14, net_depth=0.06, open_goal=True)
"""All of it is within reach of the stick, the net's corners too."""

PUCK_RADIUS, PUCK_HALF_HEIGHT, PUCK_MASS = 0.038, 0.0127, 0.165  # 3 in, 1 in, 5.5 to 6 oz
BOARDS = ("left", "right", "near", "far_left", "far_right")
NET = ("net_back", "net_left", "net_right")
BOARD_BOUNCE, BLADE_BOUNCE, NET_BOUNCE = 0.6, 0.3, 0.05
"""Restitution, unless a task's dynamics say otherwise."""
ICE_FRICTION, BOARD_RUB = 0.05, 0.05
GOALIE_X, GOALIE_HALF = 1.44, 0.035
"""Where the goalie stands, and half its width (m)."""

_STIFF_ARM = 1.033
# The servos' damping is integrated implicitly, so the arm gives way less to a hit than the contact
# solver expects, and the puck gets that much less speed (measured).
_THICK, _HALF_TALL = 0.03, 0.03  # thicker than twice what the fastest puck moves in a step
_ICE, _RED, _BLUE = (0.95, 0.97, 0.99, 1.0), (0.80, 0.15, 0.17, 1.0), (0.16, 0.33, 0.72, 1.0)
_BOARD, _KICK, _TWINE = (0.90, 0.91, 0.93, 1.0), (0.95, 0.76, 0.18, 1.0), (0.75, 0.77, 0.8, 0.45)
_TABLE_END = 0.96  # a longer rink stands out, on legs of its own
_LEG = (0.50, 0.43, 0.36, 1.0)
_BOX, _CYLINDER = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER
_SEEN = {"group": SEEN, **LOOK}


def add_rink(spec: mujoco.MjSpec, rink: Rink = LONG) -> None:
    """Lay the ice on the table and set up boards and goal; whatever touches does so by pairs."""
    near, line, width, mouth = rink.near_end, rink.goal_line, rink.half_width, rink.mouth
    middle, half = (near + line) / 2, (line - near) / 2
    net, end, outer = rink.net_depth / 2, (width - mouth) / 2, width + _THICK
    walls = {
        "left": (middle, outer, half + 2 * _THICK, _THICK),
        "right": (middle, -outer, half + 2 * _THICK, _THICK),
        "near": (near - _THICK, 0, _THICK, width),
        "far_left": (line + _THICK, mouth + end, _THICK, end),
        "far_right": (line + _THICK, -mouth - end, _THICK, end),
        "net_back": (line + 2 * net + _THICK, 0, _THICK, mouth + 0.01),
        "net_left": (line + net, mouth + _THICK, net, _THICK),
        "net_right": (line + net, -mouth - _THICK, net, _THICK),
    }
    for name, (x, y, half_x, half_y) in walls.items():
        spec.worldbody.add_geom(
            name=name,
            type=_BOX,
            pos=[x, y, _HALF_TALL],
            size=[half_x, half_y, _HALF_TALL],
            rgba=(0, 0, 0, 0) if name in NET else _BOARD,
            **_SEEN,
        )
    _paint(spec, rink)
    _add_goal(spec, rink)
    if line > _TABLE_END:
        aim_camera(spec, "front", eye=(2.35, -0.78, 1.00), target=(0.72, 0.03, 0.08))
        aim_camera(spec, "side", eye=(0.85, -1.95, 0.95), target=(0.80, 0, 0.10))
        spec.camera("top").pos = [0.85, 0, 2.15]
    else:
        aim_camera(spec, "front", eye=(1.62, -0.40, 0.80), target=(0.44, 0.02, 0.22))


def add_hockey_puck(spec: mujoco.MjSpec, name: str = "puck", bounces: bool = True) -> None:
    """Add a free puck that slides on the ice and bounces off the blade; also off boards and net?

    A bounce is a damper alone, into which a puck creeps that is pressed against it. Where sticks
    press pucks against boards, these only stop them.
    """
    body = spec.worldbody.add_body(name=name, pos=[0.5, 0, PUCK_HALF_HEIGHT])
    body.add_freejoint(name=name)
    body.add_geom(
        name=name,
        type=_CYLINDER,
        size=[PUCK_RADIUS, PUCK_HALF_HEIGHT, 0],
        quat=LEAN,
        mass=PUCK_MASS,
        rgba=(0.10, 0.10, 0.11, 1),
        **_SEEN,
    )
    table_pair(spec, name, ICE_FRICTION)
    for board in BOARDS:
        if bounces:
            bounce_pair(spec, name, board, BOARD_BOUNCE, BOARD_RUB)
        else:
            stop_pair(spec, name, board, BOARD_RUB)
    for net in NET:
        if bounces:
            bounce_pair(spec, name, net, NET_BOUNCE, friction=0.3)
        else:
            stop_pair(spec, name, net, friction=0.3)
    bounce_pair(spec, name, BLADE, BLADE_BOUNCE, friction=0.3)
    part_sensors(spec, name)


def stop_stick(spec: mujoco.MjSpec) -> None:
    """Let the boards and the net stop the blade: needed where the stick reaches them."""
    for wall in (*BOARDS, *NET):
        stop_pair(spec, BLADE, wall, friction=0.2)


def add_screen(spec: mujoco.MjSpec, x: float, half_width: float) -> None:
    """Set up a board across the middle of the ice, `x` from the arm."""
    spec.worldbody.add_geom(
        name="screen",
        type=_BOX,
        pos=[x, 0, _HALF_TALL],
        size=[0.02, half_width, _HALF_TALL],
        rgba=_BLUE,
        **_SEEN,
    )
    bounce_pair(spec, "puck", "screen", BOARD_BOUNCE, BOARD_RUB)


def add_goalie(spec: mujoco.MjSpec) -> None:
    """Put a goalie on a rail before the goal: joint and actuator `goalie`, sensors of the same."""
    body = spec.worldbody.add_body(name="goalie", pos=[GOALIE_X, 0, 0], gravcomp=1)
    body.add_joint(name="goalie", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=[0, 1, 0])
    pads = [0.015, GOALIE_HALF, 0.035]
    body.add_geom(
        name="goalie", type=_BOX, pos=[0, 0, 0.04], size=pads, mass=1.0, rgba=_BLUE, **_SEEN
    )
    mask = mujoco.mjtGeom.mjGEOM_SPHERE
    body.add_geom(type=mask, pos=[0, 0, 0.10], size=[0.025, 0, 0], mass=0, rgba=_BOARD, **_SEEN)
    bounce_pair(spec, "puck", "goalie", BLADE_BOUNCE, friction=0.3)
    servo = spec.add_actuator(name="goalie", trntype=mujoco.mjtTrn.mjTRN_JOINT, target="goalie")
    servo.set_to_position(kp=2000, kv=60)
    kinds, joint = mujoco.mjtSensor, (mujoco.mjtObj.mjOBJ_JOINT, "goalie")
    sense(spec, "goalie_y", kinds.mjSENS_JOINTPOS, joint)
    sense(spec, "goalie_vy", kinds.mjSENS_JOINTVEL, joint)
    spec.add_sensor(name="time", type=kinds.mjSENS_CLOCK)


def puck_fields(
    mass: Array, friction: Array, blade: Array, timestep: float
) -> dict[tuple[str, str], Array]:
    """Return the model fields of a puck: mass (kg), ice friction and blade restitution, (...)."""
    one = 1 + 0 * mass
    across = PUCK_RADIUS**2 / 4 + PUCK_HALF_HEIGHT**2 / 3
    inertia = stack(across * one, across * one, PUCK_RADIUS**2 / 2 * one)
    fields = {
        ("body_mass", "puck"): mass,
        ("body_inertia", "puck"): mass[..., None] * inertia,
        ("pair_friction", f"puck/{TABLE}"): rubbing(friction),
    }
    return fields | _bounces((BLADE,), (1 + blade) * _STIFF_ARM - 1, timestep)


def grip_fields(friction: Array) -> Mapping[tuple[str, str], Array]:
    """Return the model fields of blades that rub on the puck with this coefficient (...)."""
    return {("pair_friction", f"puck/{BLADE}"): rubbing(friction)}


def board_fields(restitution: Array, timestep: float) -> Mapping[tuple[str, str], Array]:
    """Return the model fields of boards with this restitution (...)."""
    return _bounces(BOARDS, restitution, timestep)


def _bounces(geoms: tuple[str, ...], restitution: Array, timestep: float) -> dict:
    return {("pair_solref", f"puck/{geom}"): bounce(restitution, timestep) for geom in geoms}


def _paint(spec: mujoco.MjSpec, rink: Rink) -> None:
    """Draw ice, lines and board edges: what makes a rink look like one."""
    near, line, width = rink.near_end, rink.goal_line, rink.half_width
    start, behind = near - 2 * _THICK, line + rink.net_depth + 2 * _THICK
    middle, half = (near + line) / 2, (line - near) / 2
    blue = (middle - 0.43 * half, middle + 0.43 * half)
    legs = (0.04 - width, width - 0.04) if line > _TABLE_END else ()
    for pos, size, colour in (
        (
            ((start + behind) / 2, 0, -0.02),
            ((behind - start) / 2, width + 2 * _THICK, 0.0205),
            _ICE,
        ),
        ((line, 0, 0.0006), (0.004, width, 0.0004), _RED),
        ((middle, 0, 0.0006), (0.010, width, 0.0004), _RED),
        *(((x, 0, 0.0006), (0.010, width, 0.0004), _BLUE) for x in blue),
        *(((line + 0.03, y, -0.39), (0.03, 0.03, 0.36), _LEG) for y in legs),
    ):
        spec.worldbody.add_geom(type=_BOX, pos=pos, size=size, rgba=colour, **_SEEN)
    for side in (1, -1):  # the yellow kick strip at the foot of the boards
        pos = (middle, side * (width - 0.0005), 0.006)
        spec.worldbody.add_geom(type=_BOX, pos=pos, size=[half, 0.0008, 0.006], rgba=_KICK, **_SEEN)
    spec.worldbody.add_geom(  # the crease
        type=_CYLINDER,
        pos=[line - 0.02, 0, 0.0004],
        size=[min(rink.mouth, rink.net_depth + 0.02), 0.0004, 0],
        rgba=(0.62, 0.80, 0.95, 1),
        **_SEEN,
    )


def _add_goal(spec: mujoco.MjSpec, rink: Rink) -> None:
    """Draw posts, crossbar and net; the walls that stop the puck are there already."""
    line, mouth, deep = rink.goal_line, rink.mouth, rink.net_depth / 2
    tall, thin = 2 * _HALF_TALL if rink.open_goal else 0.13, 0.009
    corners = [(line, mouth + thin), (line, -mouth - thin)]
    bars: list[tuple[Sequence[float], Sequence[float]]] = [
        ((x, y, 0), (x, y, tall)) for x, y in corners
    ]
    net = [
        ((line + 2 * deep, 0, tall / 2), (0.002, mouth, tall / 2)),
        ((line + deep, mouth + 0.003, tall / 2), (deep, 0.002, tall / 2)),
        ((line + deep, -mouth - 0.003, tall / 2), (deep, 0.002, tall / 2)),
    ]
    if not rink.open_goal:
        bars.append(((*corners[0], tall), (*corners[1], tall)))
        net.append(((line + deep, 0, tall), (deep, mouth, 0.002)))
    for start, end in bars:
        capsule = mujoco.mjtGeom.mjGEOM_CAPSULE
        bar = spec.worldbody.add_geom(type=capsule, fromto=[*start, *end], rgba=_RED, **_SEEN)
        bar.size[0] = thin
    for pos, half in net:
        spec.worldbody.add_geom(type=_BOX, pos=pos, size=half, rgba=_TWINE, **_SEEN)
