"""Handling: what the tasks share that grasp a part and put it somewhere.

A part is held at its *grasp*, a point and a yaw of the tool; it is put at its *seat*, a point and
a yaw of the part. Points are (..., 3) in metres, yaws and turns (...) in radians, flags (...) bool.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import mujoco

from robotasks.arrays import clip, closeness, distance, dot, excess, namespace, norm, stack
from robotasks.layout import Array, Layout, View
from robotasks.physics.robots.panda import MAX_WIDTH, Control, add_panda
from robotasks.physics.scene import aim_camera, workshop
from robotasks.tasks.span import Span

TIMESTEP = 0.0025
"""A carried part drifts in the hand in proportion to this: at 5 ms by 5 to 7 mm in 10 s."""
CONTROL = Control(width=(0.0, MAX_WIDTH))
TOOL = Span(tcp_pos=((0.45, -0.10, 0.12), (0.55, 0.10, 0.18)), tcp_yaw=(-0.3, 0.3))
"""Where an open hand starts: above the middle of the table."""
SQUEEZE = 0.004
"""Fingers that cannot close by so much further press on something, with 20 N (m)."""
GRASP_NEAR = 0.015
"""How far from its grasp a part can be held (m)."""
OPEN, LOOSE = 0.07, 0.06
"""Finger openings: to go around a part, and beyond any part's width (m)."""
HOVER = 0.08
"""Above its grasp, from where the tool comes down to a part (m)."""
CLEARANCE = 0.012
"""How far above a rim a part is carried (m)."""
PRESS = 0.004
"""How far the set-point leads the tool down while a part is put in: 8 N (m)."""
SEARCH = Layout({"search": 1})
"""Memory of an expert who feels for a hole: the steps it has searched."""

_PITCH, _STRIDE, _WIDEST = 0.0025, 0.001, 0.0075
# Of the spiral: between its turns, along it in a control step, its last radius (m).


def workbench() -> mujoco.MjSpec:
    """Return the workshop with an arm whose fingers grasp."""
    spec = workshop(TIMESTEP, grasps=True)
    add_panda(spec)
    aim_camera(spec, "front", eye=(1.20, -0.48, 0.62), target=(0.50, 0.02, 0.08))
    return spec


def yaw_of(xaxis: Array) -> Array:
    """Yaw of a frame whose x axis this is, (..., 3) -> (...)."""
    return namespace(xaxis).atan2(xaxis[..., 1], xaxis[..., 0])


def period_of(xaxis: Array, twin: Array) -> Array:
    """The least turn after which a part looks the same, from its x axis and its twin's, (...)."""
    return namespace(xaxis).acos(clip(dot(xaxis, twin), -1.0, 1.0))


def wrap(turn: Array, period: Array | float) -> Array:
    """Map turns to [-period / 2, period / 2): what is left of them for who has this symmetry."""
    return (turn + period / 2) % period - period / 2


def finger_period(period: Array) -> Array:
    """The least turn after which two fingers hold a part of this symmetry alike, (...)."""
    xp = namespace(period)
    fold = xp.round(2 * math.pi / period)
    return xp.where(fold % 2 == 1, period / 2, period)


def turn_to(yaw: Array, at: Array, period: Array | float, control: Control) -> Array:
    """How far a tool at yaw `at` turns to reach `yaw`, or a twin of it in the wrist's range."""
    xp = namespace(yaw)
    low, high = control.yaw
    turn = wrap(yaw - at, period)
    turn = xp.where(at + turn < low, turn + period, turn)
    return xp.where(at + turn > high, turn - period, turn)


def upright(xaxis: Array, yaxis: Array) -> Array:
    """Cosine of the tilt of a part with these axes, (...)."""
    return xaxis[..., 0] * yaxis[..., 1] - xaxis[..., 1] * yaxis[..., 0]


def squeezes(now: View) -> Array:
    """Whether the fingers press on something between them."""
    return (now.grip_width - now.setpoint[..., 6] > SQUEEZE) & (abs(now.grip_speed) < 0.02)


def holds(now: View, grasp_pos: Array) -> Array:
    """Whether the fingers hold a part whose grasp is at `grasp_pos`."""
    return squeezes(now) & (distance(now.tcp_pos, grasp_pos) < GRASP_NEAR)


class Gap(NamedTuple):
    """What is left between a part and its seat."""

    aside: Array
    """In the plane (m)."""
    turn: Array
    """In yaw, either way (rad)."""
    up: Array
    """Of the part's base above its seat (m)."""


def alignment(gap: Gap) -> Array:
    """How well a part is lined up over its seat, 0 to 1: coarse from afar, fine to a millimetre."""
    far, near = closeness(gap.aside, 0.15), closeness(gap.aside, 0.04)
    place = 0.4 * far + 0.3 * near + 0.3 * closeness(gap.aside, 0.01)
    return place * (0.6 + 0.4 * closeness(gap.turn, 0.4))


def insertion(gap: Gap, depth: float) -> Array:
    """How far a part is on its way into a hole of this depth (m), 0 to 1, smoothly.

    It pays to be over the hole and in; on the way, to keep to a funnel above the rim.
    """
    over = alignment(gap)
    funnel = (depth + CLEARANCE) * clip((gap.aside - 0.003) / 0.02, 0.0, 1.0)
    near = closeness(excess(gap.aside, 0.003), 0.01)
    inside = near * clip(1 - gap.up / depth, 0.0, 1.0)
    return 0.4 * over + 0.2 * over * closeness(abs(gap.up - funnel), 0.06) + 0.4 * inside


def fetching(now: View, grasp_pos: Array, up: Array, done: Array) -> Array:
    """How far the tool is in fetching a part that is `up` above where it lies (m), 0 to 1.

    Where it is `done` and may be left, that counts as held, so that nothing is lost by leaving.
    """
    xp = namespace(up)
    off = distance(now.tcp_pos, grasp_pos)
    reach = 0.6 * closeness(off, 0.15) + 0.4 * closeness(off, 0.03)
    lifted = 0.5 + 0.5 * clip(up / 0.03, 0.0, 1.0)
    fetched = 0.6 * reach + 0.4 * xp.where(holds(now, grasp_pos), lifted, 0 * up)
    return xp.where(done, 1 + 0 * up, fetched)


def released(now: View) -> Array:
    """Whether the fingers are so far apart that they hold nothing."""
    return now.grip_width > LOOSE


def delivery(now: View, grasp_pos: Array, gap: Gap, depth: float, done: Array) -> Array:
    """How far a part is that is fetched, put into its hole and, once in (`done`), left; 0 to 1."""
    opened = clip((now.grip_width - 0.03) / (LOOSE - 0.03), 0.0, 1.0)
    left = namespace(opened).where(done, opened, 0 * opened)
    return 0.25 * fetching(now, grasp_pos, gap.up, done) + 0.6 * insertion(gap, depth) + 0.15 * left


def steer(now: View, control: Control, target: Array, turn: Array, width: Array) -> Array:
    """Return the action (..., 5) that takes the set-point towards `target` and on by `turn`.

    width: what the fingers shall open to (m), (...).
    """
    xp = namespace(target)
    closed, opened = control.width
    move = (target - now.setpoint[..., :3]) / control.step
    grip = 2 * (width - closed) / (opened - closed) - 1
    action = xp.concat([move, (turn / control.turn)[..., None], grip[..., None]], axis=-1)
    return clip(action, -1.0, 1.0)


def spiral(search: Array) -> Array:
    """Where to feel for a hole after so many steps of search, x and y (m), (...) -> (..., 2)."""
    xp = namespace(search)
    length = (_STRIDE * search) % (math.pi * _WIDEST**2 / _PITCH)
    angle = xp.sqrt(4 * math.pi * length / _PITCH)
    radius = _PITCH * angle / (2 * math.pi)
    return stack(radius * xp.cos(angle), radius * xp.sin(angle))


class Job(NamedTuple):
    """A part and its seat, as an expert sees them."""

    part_pos: Array
    part_yaw: Array
    period: Array
    """The least turn after which the part looks the same."""
    grasp_pos: Array
    """Where to hold it, as it is now; the fingers' yaw is the part's."""
    seat_pos: Array
    seat_yaw: Array
    depth: float
    """Of the hole, down from its rim (m)."""
    done: Array
    """Whether to let go and leave."""


def handle(now: View, job: Job, memory: View, control: Control) -> tuple[Array, dict[str, Array]]:
    """Return the action (..., 5) and next memory of an expert who does a job.

    Goes above the part, down, closes; lifts it, carries it over, corrects by how it sits in the
    hand, puts it in, feeling along a spiral where it gets stuck; opens and leaves.
    """
    xp = namespace(now.tcp_pos)
    tool, yaw, setpoint = now.tool[..., :3], now.tool[..., 3], now.setpoint
    to_grasp, to_seat = job.grasp_pos - tool, job.seat_pos - job.part_pos
    holding = holds(now, job.grasp_pos)

    fingers = turn_to(job.part_yaw, setpoint[..., 3], finger_period(job.period), control)
    above_it = (norm(to_grasp[..., :2]) < 0.006) & (abs(fingers) < 0.06)
    at_it = above_it & (abs(to_grasp[..., 2]) < 0.006)
    hover = xp.where(above_it & ~job.done, 0 * yaw, 0 * yaw + HOVER)
    high = to_grasp[..., 2] < 0.02 - HOVER
    fetch_xy = xp.where((above_it | high)[..., None], job.grasp_pos[..., :2], tool[..., :2])
    fetch_z = job.grasp_pos[..., 2] + hover

    turn = turn_to(yaw + job.seat_yaw - job.part_yaw, setpoint[..., 3], job.period, control)
    aside, up = norm(to_seat[..., :2]), -to_seat[..., 2]
    carried = job.depth + CLEARANCE
    aligned = (aside < 0.002) & (abs(turn) < 0.03)
    sinking = aligned | (up < carried - 0.006) & (aside < 0.008)
    stuck = sinking & (tool[..., 2] - setpoint[..., 2] > 0.7 * PRESS) & (up > 0.2 * job.depth)
    search = xp.where(stuck & holding, memory.search + 1, memory.search)
    travels = sinking | (up > carried - 0.01)
    carry_xy = tool[..., :2] + xp.where(travels[..., None], to_seat[..., :2], 0 * tool[..., :2])
    carry_xy = carry_xy + xp.where(sinking[..., None], spiral(search), 0 * carry_xy)
    sunk = clip(setpoint[..., 2] - 0.004, tool[..., 2] - PRESS, None)
    carry_z = xp.where(sinking, sunk, tool[..., 2] + carried - up)

    opening = job.done & ~released(now)
    carry = holding & ~job.done
    move_xy = xp.where(carry[..., None], carry_xy, fetch_xy)
    move_z = xp.where(carry, carry_z, fetch_z)
    target = xp.concat([move_xy, move_z[..., None]], axis=-1)
    target = xp.where(opening[..., None], tool, target)
    spin = xp.where(job.done, 0 * turn, xp.where(carry, turn, fingers))
    closed = (at_it | holding) & ~job.done
    width = xp.where(closed, 0 * yaw, 0 * yaw + OPEN)
    return steer(now, control, target, spin, width), {"search": search}
