"""Handling: what the tasks share that grasp a part and put it somewhere.

A part is held at its *grasp*, a point and a yaw of the tool; it is put at its *seat*, a point and
a yaw of the part. Points are (..., 3) in metres, yaws and turns (...) in radians, flags (...) bool.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import mujoco

from robotasks.arrays import clip, closeness, distance, dot, excess, heading, namespace, norm, stack
from robotasks.layout import Array, Layout, View
from robotasks.physics.engine import Placement
from robotasks.physics.robots.panda import MAX_WIDTH, Control, add_panda
from robotasks.physics.robots.placing import arm_at
from robotasks.physics.scene import aim_camera, workshop
from robotasks.tasks.planar import raised
from robotasks.tasks.span import Bound, Span

TIMESTEP = 0.0025
"""A carried part drifts in the hand in proportion to this: at 5 ms by 5 to 7 mm in 10 s."""
CONTROL = Control(width=(0.0, MAX_WIDTH))
GENTLE = Control(step=0.01, turn=0.08, lead=0.01, width=(0.0, 0.0))
"""For a hand that begins with its part: fingers that stay closed, fine steps, 20 N at most."""
TOOL = Span(tcp_pos=((0.45, -0.10, 0.12), (0.55, 0.10, 0.18)), tcp_yaw=(-0.3, 0.3))
"""Where an open hand starts: above the middle of the table."""
SQUEEZE = 0.004
"""Fingers that cannot close by so much further press on something, with 20 N (m)."""
GRASP_NEAR = 0.015
"""How far from its grasp a part can be held (m)."""
OPEN, LOOSE = 0.07, 0.06
"""Finger openings: to go around a part, and beyond any part's width (m)."""
AROUND = Span(tcp_off=((-0.008, -0.008, 0.0), (0.008, 0.008, 0.05)))
"""Where an open hand is that is around a part, from the part's grasp (m)."""
FUNNEL = 0.04
"""How high above its grasp the tool comes to a part, until it is over it (m)."""
LIFTED = 0.03
"""How high a part is lifted, to go to a seat on the table (m)."""
HOVER = 0.08
"""Above its grasp, from where the tool comes down to a part (m)."""
SLACK = 0.1
"""So far outside of the wrist's range a turn counts as within it: nearly there is near (rad)."""
CLEARANCE = 0.012
"""How far above a rim a part is carried (m)."""
HEADROOM = 0.05
"""By how much higher than that it may be carried (m)."""
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
    aim_camera(spec, "front", eye=(1.06, -0.42, 0.55), target=(0.48, 0.00, 0.08))
    return spec


def open_hand(start: View) -> Placement:
    """Hold the hand, open, where a start with the fields of `TOOL` says."""
    return arm_at(start.tcp_pos, start.tcp_yaw, 0 * start.tcp_yaw + OPEN)


def near(part: str, xy: tuple[Bound, Bound], yaw: tuple[Bound, Bound] = (-0.3, 0.3)) -> Span:
    """Return a start with the open hand around a part: for training alone.

    xy, yaw: where and how it lies.
    """
    return Span(**{f"{part}_xy": xy, f"{part}_yaw": yaw}) | AROUND


def hand_around(start: View, grasp_pos: Array, yaw: Array) -> Placement:
    """Hold the hand, open, around a part with this grasp, as a start that is `near` says.

    It is turned like the part or, where the wrist cannot, half a turn more: fingers hold alike so.
    """
    turned = turn_to(yaw, 0 * yaw, math.pi, CONTROL)
    return arm_at(grasp_pos + start.tcp_off, turned, 0 * yaw + OPEN)


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


def turn_to(
    yaw: Array, at: Array, period: Array | float, control: Control, slack: float = 0.0
) -> Array:
    """How far a tool at yaw `at` turns to reach `yaw`, or a twin of it in the wrist's range.

    slack: by how much what it reaches may lie outside of that (rad).
    """
    xp = namespace(yaw)
    low, high = control.yaw[0] - slack, control.yaw[1] + slack
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
    """Of the part above its seat (m)."""


class Job(NamedTuple):
    """A part and its seat; how it is grasped and how it goes in."""

    part_pos: Array
    part_yaw: Array
    period: Array
    """The least turn after which the part looks the same (rad)."""
    grasp_pos: Array
    """Where the tool holds it, as it is now; the fingers' yaw is the part's."""
    seat_pos: Array
    """Where `part_pos` goes."""
    seat_yaw: Array
    depth: Array | float
    """Of the seat, down from its rim (m)."""
    high: Array | float = 0.0
    """How much higher its seat is than where a part lies on the table (m)."""
    low: Array | float = 0.0
    """How much higher than on the table it lies where it is fetched (m)."""

    @property
    def gap(self) -> Gap:
        """What is left between the part and its seat, in the next of its symmetric turns."""
        way = self.seat_pos - self.part_pos
        turn = wrap(self.seat_yaw - self.part_yaw, self.period)
        return Gap(norm(way[..., :2]), abs(turn), -way[..., 2])


def choose(first: Array, one: Job, other: Job) -> Job:
    """Return `one` job where `first`, (...) bool, else the `other`."""
    xp, flat = namespace(first), 0 * one.part_yaw
    chosen = {}
    for name, a, b in zip(Job._fields, one, other, strict=True):
        point = name.endswith("_pos")
        pair = (first[..., None], a, b) if point else (first, a + flat, b + flat)
        chosen[name] = xp.where(*pair)
    return Job(**chosen)


def turn_left(now: View, job: Job) -> Array:
    """How far a part has to be turned by the tool that holds it, as the wrist can, (...) rad."""
    at = now.tool[..., 3]
    return turn_to(at + job.seat_yaw - job.part_yaw, at, job.period, CONTROL, SLACK)


def what_is_left(now: View, job: Job) -> dict[str, Array]:
    """Return the slots of a part's way to its seat, (..., 3), and of its turn, (..., 2)."""
    return {"goal_pos": job.seat_pos - job.part_pos, "goal_yaw": heading(turn_left(now, job))}


def alignment(gap: Gap) -> Array:
    """How well a part is lined up over its seat, 0 to 1: coarse from afar, fine to a millimetre."""
    far, near = closeness(gap.aside, 0.15), closeness(gap.aside, 0.04)
    place = 0.4 * far + 0.3 * near + 0.3 * closeness(gap.aside, 0.01)
    return place * (0.6 + 0.4 * closeness(gap.turn, 0.4))


def insertion(gap: Gap, depth: Array | float) -> Array:
    """How far a part is on its way into a hole of this depth (m), 0 to 1, smoothly.

    It pays to be over the hole and in; on the way, to keep to a funnel above the rim.
    """
    over, funnel = alignment(gap), _rise(gap, depth)
    near = closeness(excess(gap.aside, 0.003), 0.01)
    inside = near * clip(1 - gap.up / depth, 0.0, 1.0)
    return 0.4 * over + 0.2 * over * closeness(abs(gap.up - funnel), 0.06) + 0.4 * inside


def _rise(gap: Gap, depth: Array | float) -> Array:
    """How high over its seat a part is carried to its hole (m): a funnel above the rim."""
    return (depth + CLEARANCE) * clip((gap.aside - 0.003) / 0.02, 0.0, 1.0)


def reaching(now: View, grasp_pos: Array) -> Array:
    """How near the tool is to a grasp, 0 to 1."""
    return _near(distance(now.tcp_pos, grasp_pos))


def approaching(now: View, job: Job) -> Array:
    """How near the tool is to grasping a part that nothing holds, 0 to 1.

    From above: a hand that comes straight to a part pushes it along. And turned like it: one that
    grasps it askew puts it askew.
    """
    way = now.tcp_pos - job.grasp_pos
    funnel = FUNNEL * clip((norm(way[..., :2]) - 0.01) / 0.03, 0.0, 1.0)
    turn = turn_to(job.part_yaw, now.tool[..., 3], finger_period(job.period), CONTROL, SLACK)
    straight = 0.15 * closeness(abs(turn), 0.3) + 0.15 * _turned(turn)
    return _near(norm(way) + excess(funnel, way[..., 2])) * (0.7 + straight)


def _turned(left: Array) -> Array:
    """How far a turn is of which so much is left (rad), 0 to 1; each degree counts as much."""
    return 1 - clip(abs(left) / (math.pi / 2), 0.0, 1.0)


def _near(off: Array) -> Array:
    return 0.6 * closeness(off, 0.15) + 0.4 * closeness(off, 0.03)


def lift_of(up: Array, way: Array | float = LIFTED) -> Array:
    """How far a part is lifted that is `up` above where it lies, of the `way` (m), 0 to 1."""
    return clip(up / way, 0.0, 1.0)


def fetching(now: View, grasp_pos: Array, near: Array, lifted: Array, done: Array) -> Array:
    """How far the tool is in fetching a part, 0 to 1.

    near: how near it is to grasping it, 0 to 1; lifted: how far it has lifted it, 0 to 1. Where it
    is `done` and may be left, that counts as held, so that nothing is lost by leaving.
    """
    xp = namespace(near)
    held = xp.where(holds(now, grasp_pos), 0.5 + 0.5 * lifted, 0 * near)
    return xp.where(done, 1 + 0 * near, 0.6 * near + 0.4 * held)


def released(now: View) -> Array:
    """Whether the fingers are so far apart that they hold nothing."""
    return now.grip_width > LOOSE


def letting_go(now: View, done: Array) -> Array:
    """How far the fingers are told to open, 0 to 1, whatever they hold and however thick it is.

    That counts for nothing before what they hold is `done`.
    """
    told = clip(now.setpoint[..., 6] / OPEN, 0.0, 1.0)
    return namespace(told).where(done, told, 0 * told)


def delivery(now: View, job: Job, done: Array) -> Array:
    """How far a part is that is fetched, put on its seat and, once there (`done`), left; 0 to 1."""
    gap = job.gap._replace(turn=abs(turn_left(now, job)))
    # From where it lies; over its seat, from the table: else coming down would count as less.
    up = gap.up + job.high - job.low * (1 - closeness(gap.aside, 0.04))
    lifted = 0.5 * lift_of(up) + 0.5 * _turned(gap.turn) * lift_of(up, LIFTED + job.high)
    fetched = fetching(now, job.grasp_pos, approaching(now, job), lifted, done)
    # Off the way there counts as farther aside: what is dragged along runs into things, and what
    # is held up to the ceiling sees nothing of its seat.
    low = excess(_rise(gap, job.depth), gap.up)
    high = excess(gap.up, job.depth + CLEARANCE + HEADROOM)
    put = insertion(gap._replace(aside=gap.aside + low + high), job.depth)
    return 0.25 * fetched + 0.6 * put + 0.15 * letting_go(now, done)


def steer(now: View, control: Control, target: Array, turn: Array, width: Array) -> Array:
    """Return the action (..., 5) that takes the set-point towards `target` and on by `turn`.

    width: what the fingers shall open to (m), (...).
    """
    xp = namespace(target)
    closed, opened = control.width
    move = (target - now.setpoint[..., :3]) / control.step
    grip = 2 * (width - closed) / (opened - closed) - 1 if opened > closed else 0 * width
    action = xp.concat([move, (turn / control.turn)[..., None], grip[..., None]], axis=-1)
    return clip(action, -1.0, 1.0)


def spiral(search: Array) -> Array:
    """Where to feel for a hole after so many steps of search, x and y (m), (...) -> (..., 2)."""
    xp = namespace(search)
    length = (_STRIDE * search) % (math.pi * _WIDEST**2 / _PITCH)
    angle = xp.sqrt(4 * math.pi * length / _PITCH)
    radius = _PITCH * angle / (2 * math.pi)
    return stack(radius * xp.cos(angle), radius * xp.sin(angle))


def feel(
    now: View, aim_xy: Array, yaw: Array, done_at: float, memory: View, control: Control
) -> tuple[Array, dict[str, Array]]:
    """Return the action (..., 5) and next memory of an expert who puts in what it holds, blindly.

    It goes above `aim_xy` (..., 2), turns to `yaw` and presses down; where that does not bring the
    tool below the height `done_at` (m), it feels along a spiral. Reads tool and set-point alone.
    """
    xp = namespace(aim_xy)
    height = now.tool[..., 2]
    pressed = height - now.setpoint[..., 2] > 0.7 * PRESS
    search = xp.where(pressed & (height > done_at), memory.search + 1, memory.search)
    aim = aim_xy + spiral(search)
    turn = yaw - now.setpoint[..., 3]
    off = abs(aim - now.tool[..., :2])
    ready = (off[..., 0] + off[..., 1] < 0.004) & (abs(turn) < 0.03) | (search > 0)
    lower = clip(now.setpoint[..., 2] - 0.004, height - PRESS, 1.0)
    level = xp.where(ready, lower, now.setpoint[..., 2])
    target = xp.concat([aim, level[..., None]], axis=-1)
    return steer(now, control, target, turn, 0 * height), {"search": search}


def handle(
    now: View, job: Job, done: Array, memory: View, control: Control
) -> tuple[Array, dict[str, Array]]:
    """Return the action (..., 5) and next memory of an expert who does a job, and leaves if `done`.

    Goes above the part, down, closes; lifts it, carries it over, corrects by how it sits in the
    hand, puts it in, feeling along a spiral where it gets stuck; opens and leaves.
    """
    xp = namespace(now.tcp_pos)
    holding = holds(now, job.grasp_pos)
    approach, turn, at_it = _fetch(now, job, control)
    away = xp.where(released(now)[..., None], _over(job.grasp_pos), now.tool[..., :3])
    target = xp.where(done[..., None], away, approach)
    carried, carried_turn, search = _carry(now, job, xp.where(holding, memory.search, 0.0), control)
    carries = holding & ~done
    target = xp.where(carries[..., None], carried, target)
    turn = xp.where(carries, carried_turn, xp.where(done, 0.0, turn))
    width = xp.where((at_it | holding) & ~done, 0.0, OPEN + 0 * turn)
    return steer(now, control, target, turn, width), {"search": search}


def _over(grasp_pos: Array) -> Array:
    """Where the tool is above a part, clear of it, (..., 3)."""
    return raised(grasp_pos, HOVER)


def _fetch(now: View, job: Job, control: Control) -> tuple[Array, Array, Array]:
    """Where the open hand goes next, how far it turns, and whether it may close."""
    xp = namespace(now.tcp_pos)
    over, tool = _over(job.grasp_pos), now.tool[..., :3]
    way = job.grasp_pos - tool
    turn = turn_to(job.part_yaw, now.setpoint[..., 3], finger_period(job.period), control)
    above_it = (norm(way[..., :2]) < 0.006) & (abs(turn) < 0.06)
    # Up first, then over, then down: other parts stand around.
    high = way[..., 2] < 0.02 - HOVER
    rise = xp.concat([tool[..., :2], over[..., 2:]], axis=-1)
    target = xp.where(high[..., None], over, rise)
    target = xp.where(above_it[..., None], job.grasp_pos, target)
    return target, turn, above_it & (abs(way[..., 2]) < 0.006)


def _carry(now: View, job: Job, search: Array, control: Control) -> tuple[Array, Array, Array]:
    """Where the hand goes next with the part, how far it turns, and the next steps of search."""
    xp = namespace(now.tcp_pos)
    tool, yaw, setpoint = now.tool[..., :3], now.tool[..., 3], now.setpoint
    gap, height = job.gap, job.depth + CLEARANCE
    turn = turn_to(yaw + job.seat_yaw - job.part_yaw, setpoint[..., 3], job.period, control)
    aligned = (gap.aside < 0.002) & (abs(turn) < 0.03)
    sinks = aligned | (gap.up < height - 0.006) & (gap.aside < 0.008)
    pressed = tool[..., 2] - setpoint[..., 2] > 0.7 * PRESS
    search = search + 1.0 * (sinks & pressed & (gap.up > 0.2 * job.depth))
    # What the part misses, the tool makes good: so it does not matter how it sits in the hand.
    travels = sinks | (gap.up > height - 0.01)
    way = (job.seat_pos - job.part_pos)[..., :2]
    xy = tool[..., :2] + xp.where(travels[..., None], way, 0.0)
    xy = xy + xp.where(sinks[..., None], spiral(search), 0.0)
    lowest = tool[..., 2] - clip(gap.up + 0.002, -PRESS, PRESS)  # a seat in the air stops nobody
    sunk = clip(setpoint[..., 2] - 0.004, lowest, None)
    z = xp.where(sinks, sunk, tool[..., 2] + height - gap.up)
    return xp.concat([xy, z[..., None]], axis=-1), turn, search
