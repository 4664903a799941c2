"""What the hockey tasks share: the scene, where a puck is going, the swing of an expert.

Points on the ice are (..., 2), metres.
"""

from __future__ import annotations

from collections.abc import Mapping

import mujoco

from robotasks.arrays import (
    clip,
    closeness,
    distance,
    dot,
    excess,
    namespace,
    norm,
    stack,
    unit,
    yaw_quat,
)
from robotasks.layout import Array, Layout, View
from robotasks.physics.engine import Placement
from robotasks.physics.objects import rink
from robotasks.physics.objects.stick import TOOL_HEIGHT, add_stick
from robotasks.physics.robots.panda import Control, Servo, add_panda
from robotasks.physics.robots.placing import arm_at, part_at
from robotasks.physics.scene import workshop
from robotasks.tasks.planar import GRAVITY, above, act
from robotasks.tasks.span import Span
from robotasks.tasks.task import CONTROL_PERIOD, Mark, Task

TIMESTEP = 0.005
CONTACT = 0.044
"""From the puck's middle to the tool whose blade touches it (m)."""
WINDUP = 0.13
"""The same before a swing (m)."""
BEHIND, BEHIND_SLACK = 0.09, 0.05
"""Where a stick is ready to shoot: so far behind the puck's middle, give or take (m)."""
LEAVES = 0.64
"""A puck that will slide past this x begins to leave the stick's reach (m)."""

# Fast, yet upright: the wrist's 12 Nm have to hold the angles beside the force at the tool, so that
# is soft and bounded along the ice; the lift servo keeps the blade off it.
SERVOS = {"move": (1000.0, 50.0, 60.0), "lift": (8000.0, 400.0, 60.0), "turn": (400.0, 30.0, 40.0)}
# The set-point stays at stick height, so dz does nothing; turned no further than shots need.
CONTROL = Control(
    step=0.06,
    lead=0.12,
    low=(0.33, -0.32, TOOL_HEIGHT),
    high=(0.70, 0.32, TOOL_HEIGHT),
    yaw=(-1.0, 1.0),
    width=(0.0, 0.0),
)

DYNAMICS = Span(mass=(0.12, 0.22), friction=(0.02, 0.05), blade=(0.1, 0.5))
START = Span(
    puck_xy=((0.53, -0.12), (0.60, 0.12)),
    tcp_xy=((0.36, -0.10), (0.40, 0.10)),
    tcp_yaw=(-0.3, 0.3),
)

CROSSING = Layout({"puck_xy": 2, "crossed": 1, "crossed_y": 1})
"""Memory of a shot: where the puck was, whether it has crossed the goal line, and where."""
SWING = Layout({"swing": 1, "way": 2})
"""Memory of an expert: whether it swings, and in which direction."""


class Hockey(Task):
    """What hockey tasks have in common that need nothing special of the scene."""

    family = "hockey"
    dynamics = DYNAMICS
    starts = {"default": START}
    control = CONTROL

    def scene(self):
        return scene()

    def place(self, start, goal, dynamics):
        return placed(start)

    def fields(self, dynamics):
        return rink.puck_fields(dynamics.mass, dynamics.friction, dynamics.blade, TIMESTEP)


def scene(
    timestep: float = TIMESTEP,
    ice: rink.Rink = rink.LONG,
    servos: Mapping[str, Servo] = SERVOS,
) -> mujoco.MjSpec:
    """Return a rink with a puck, and the arm with a stick."""
    spec = workshop(timestep, grasps=False)
    add_panda(spec, fist=True, **servos)
    add_stick(spec)
    rink.add_rink(spec, ice)
    rink.add_hockey_puck(spec, bounces=ice is rink.LONG)
    return spec


def placed(start: View, puck_xy: Array | None = None, height: float = TOOL_HEIGHT) -> Placement:
    """Hold the stick at a height, lay the puck on the ice, or send it off: see `puck_vel`."""
    xp, zero = namespace(start.tcp_yaw), 0 * start.tcp_yaw
    tcp = above(start.tcp_xy, height)
    puck = above(start.puck_xy if puck_xy is None else puck_xy, rink.PUCK_HALF_HEIGHT)
    placement = arm_at(tcp, start.tcp_yaw, zero) | part_at("puck", puck, yaw_quat(zero))
    if "puck_vel" not in start:
        return placement
    vel = xp.concat([start.puck_vel, *[zero[..., None]] * 4], axis=-1)
    return placement | Placement(velocities={"puck": vel})


def before_blade(start: View, gap: Array | float) -> Array:
    """Return where a puck lies `gap` metres before the tool, in the blade's middle, (..., 2)."""
    return start.tcp_xy + gap * direction(start.tcp_yaw)


def to_go(now: View, target_xy: Array) -> Array:
    """Return the way from the puck to a point of the ice, (..., 3)."""
    return above(target_xy, rink.PUCK_HALF_HEIGHT) - now.puck_pos


def with_speed(pos: Array, speed: Array) -> Array:
    """Join points and speeds into goals, (..., n) and (...) -> (..., n + 1)."""
    return namespace(pos).concat([pos, speed[..., None]], axis=-1)


def on_goal_line(y: Array, line: float = rink.GOAL_LINE) -> Array:
    """Return the points of the goal line with these y (...), (..., 2)."""
    return stack(0 * y + line, y)


def crossing(before: Array, here: Array, x: Array | float) -> tuple[Array, Array]:
    """Return whether a puck moved forward over the line at `x`, (...) bool, and at which y, (...).

    before, here: where it was a control step ago and is now, (..., 2).
    """
    past, ahead = before[..., 0], here[..., 0]
    # At the start nothing is remembered: the puck is at the origin, off the ice.
    crosses = (past > 0) & (past < x) & (ahead >= x)
    share = (x - past) / namespace(here).where(crosses, ahead - past, 1.0)
    return crosses, before[..., 1] + share * (here[..., 1] - before[..., 1])


def watch_line(memory: View, now: View, line: float = rink.GOAL_LINE) -> dict[str, Array]:
    """Remember where the puck first crossed the goal line."""
    xp, here = namespace(now.puck_pos), now.puck_pos[..., :2]
    crosses, y = crossing(memory.puck_xy, here, line)
    first = crosses & (memory.crossed == 0)
    return {
        "puck_xy": here,
        "crossed": xp.where(first, 1.0, memory.crossed),
        "crossed_y": xp.where(first, y, memory.crossed_y),
    }


def sliding(now: View, friction: float = rink.ICE_FRICTION) -> tuple[Array, Array]:
    """Return where a puck heads, (..., 2), and how far it slides until friction stops it, (...)."""
    vel = now.puck_vel[..., :2]
    speed = norm(vel)
    return vel / (speed + 1e-9)[..., None], speed**2 / (2 * friction * GRAVITY)


def predicted_miss(now: View, target_xy: Array) -> Array:
    """Return how near the puck will come to a point if nobody touches it, (...) m."""
    rel = target_xy - now.puck_pos[..., :2]
    way, slide = sliding(now)
    return norm(rel - clip(dot(rel, way), 0.0, slide)[..., None] * way)


def shot_miss(now: View, spot_y: Array, line: float = rink.GOAL_LINE) -> Array:
    """Return by how much the puck missed or will miss a spot of the goal line, (...) m."""
    coming = predicted_miss(now, on_goal_line(spot_y, line))
    return namespace(coming).where(now.crossed > 0, abs(now.crossed_y - spot_y), coming)


def through(now: View, spot_y: Array, close: float) -> Array:
    """Whether the puck crossed the goal line within `close` of a spot, (...) bool."""
    return (now.crossed > 0) & (abs(now.crossed_y - spot_y) < close)


def spot_mark(spot_y: Array, close: float, line: float = rink.GOAL_LINE) -> list[Mark]:
    """Return the marker of a spot of the goal line."""
    return [Mark((line, float(spot_y), 0.001), (0.012, close, 0.001), shape="box")]


def aimed_shot(now: View, target_xy: Array, miss: Array) -> Array:
    """Return how far a shot of a puck that lies is, 0 to 1: `shot_progress`, and a square blade.

    A near miss is worth half a goal at most and facing the target pays at once, or else haste pays
    more than aiming: each step of lining up costs as much as the goal pays a step.
    """
    leaves = leaving(now)
    off = abs(angle(target_xy - now.puck_pos[..., :2]) - now.tool[..., 3])
    faces = namespace(off).maximum(closeness(off, 0.1), leaves)
    return 0.4 * shot_progress(now, target_xy, miss, leaves) + 0.1 * faces


def shot_progress(now: View, target_xy: Array, miss: Array, leaves: Array | None = None) -> Array:
    """Return how far a shot is, 0 to 1: the stick behind the puck, the puck on its way, near.

    miss: by how much the puck misses or will miss (m). A puck that is leaving the stick's reach
    pays as if the stick were ready, so that nothing is lost by striking; readiness pays little, so
    that nobody waits for it.
    """
    left = norm(target_xy - now.puck_pos[..., :2])
    prepared = ready(now, target_xy, leaving(now) if leaves is None else leaves)
    return 0.1 * prepared + 0.8 * accuracy(miss) + 0.1 * closeness(left, 0.6)


def accuracy(miss: Array) -> Array:
    """Return how well a puck meets a spot that it misses by so much (m), 0 to 1."""
    return 0.4 * closeness(miss, 0.5) + 0.3 * closeness(miss, 0.12) + 0.3 * closeness(miss, 0.03)


def ready(now: View, target_xy: Array, leaves: Array) -> Array:
    """Return how near the stick is to striking, 0 to 1: behind the puck, or the puck is leaving."""
    xp, puck = namespace(target_xy), now.puck_pos[..., :2]
    behind = puck - BEHIND * unit(target_xy - puck)
    off = excess(distance(now.tcp_pos[..., :2], behind), BEHIND_SLACK)
    return xp.maximum(closeness(off, 0.2), leaves)


def leaving(now: View) -> Array:
    """Return how surely the puck will slide out of the stick's reach, (...) in 0 to 1."""
    way, slide = sliding(now)
    return clip((now.puck_pos[..., 0] + slide * way[..., 0] - LEAVES) / 0.12, 0.0, 1.0)


def shoot(
    now: View,
    target_xy: Array,
    memory: View,
    windup: float = WINDUP,
    waits: Array | bool = False,
) -> tuple[Array, Mapping[str, Array]]:
    """Return an expert's action (..., 5) and next memory: line up, swing through, stop.

    waits: (...) bool, whether to hold the swing back.
    """
    xp = namespace(now.puck_pos)
    puck, tcp, setpoint = now.puck_pos[..., :2], now.tcp_pos[..., :2], now.setpoint
    aim = unit(target_xy - puck)
    place = puck - windup * aim
    # Swing once the blade is in place, square to the way and at rest.
    yaw_off = abs(angle(aim) - now.tool[..., 3])
    steady = (norm(now.tcp_vel) < 0.03) & (yaw_off < 0.01) & (distance(tcp, place) < 0.006)
    swinging = (memory.swing > 0) | (steady & ~xp.asarray(waits))
    way = xp.where((memory.swing > 0)[..., None], memory.way, aim)
    move = xp.where(
        swinging[..., None], along_line(tcp, target_xy, way, 1.0), place - setpoint[..., :2]
    )
    away = swinging & (distance(tcp, puck) > windup + 0.04)
    after = {"swing": xp.where(swinging, 1.0, 0.0), "way": way}
    return stick_act(move, angle(way) - setpoint[..., 3], away), after


def sweep(
    now: View, target_xy: Array, memory: View, speed: Array | float
) -> tuple[Array, Mapping[str, Array]]:
    """Return an expert's action (..., 5) and next memory: push the puck to a speed, then let go.

    The blade turns around the puck, almost touching, until it faces the target; gathers speed with
    the puck before it; and stops once the puck moves at `speed` (...) m/s.
    """
    xp = namespace(now.puck_pos)
    puck, tcp, setpoint = now.puck_pos[..., :2], now.tcp_pos[..., :2], now.setpoint
    begun = memory.swing > 0
    aim = unit(target_xy - puck)
    way = xp.where(begun[..., None], memory.way, aim)
    left = angle(way) - setpoint[..., 3]
    turn = xp.where(begun, left, clip(left, -0.05, 0.05))
    facing = setpoint[..., 3] + turn
    lean = puck - (CONTACT + 0.004) * direction(facing) - setpoint[..., :2]
    lean = lean * clip(0.01 / (norm(lean) + 1e-9), 0.0, 1.0)[..., None]
    steady = (abs(angle(aim) - now.tool[..., 3]) < 0.01) & (norm(now.tcp_vel) < 0.03)
    begins = begun | (steady & (distance(tcp, puck) < CONTACT + 0.007))
    pace = clip(memory.swing, 0.0, speed * CONTROL_PERIOD / CONTROL.step)
    push = along_line(tcp, target_xy, way, pace[..., None])
    # Past its end, 2, the swing is over and the stick keeps still.
    sent = dot(now.puck_vel[..., :2], way) > 0.97 * speed
    done = (memory.swing >= 2) | (begun & (sent | (tcp[..., 0] > CONTROL.high[0] - 0.02)))
    swing = xp.where(done, 2.0, xp.where(begins, clip(memory.swing + 0.1, 0.0, 1.0), 0.0))
    move = xp.where(begun[..., None], push, lean)
    return stick_act(move, turn, done), {"swing": swing, "way": way}


def angle(way: Array) -> Array:
    """Return the angle of a direction, (..., 2) -> (...)."""
    return namespace(way).atan2(way[..., 1], way[..., 0])


def direction(angle: Array) -> Array:
    """Return the direction at an angle, (...) -> (..., 2)."""
    xp = namespace(angle)
    return stack(xp.cos(angle), xp.sin(angle))


def along_line(tcp: Array, target_xy: Array, way: Array, pace: Array | float) -> Array:
    """Return the move (..., 2) of a set-point along the line through a point, and onto it."""
    rel = tcp - target_xy
    aside = rel - dot(rel, way)[..., None] * way
    return (pace * CONTROL.step) * way - 0.5 * aside


def stick_act(move: Array, turn: Array, still: Array, control: Control = CONTROL) -> Array:
    """Return the action (..., 5) that moves the stick by `move` (..., 2) over the ice."""
    move = namespace(move).concat([move, 0 * move[..., :1]], axis=-1)
    return act(control, move, turn, still)
