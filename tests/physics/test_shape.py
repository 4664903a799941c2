"""What the shape family relies on: pegs, sockets and a firm grasp."""

import math

import numpy as np
import pytest

from robotasks import TASKS, TaskVectorEnv
from robotasks.physics.engine import Placement, StateRows, make_engine
from robotasks.physics.objects import peg, socket
from robotasks.physics.objects.shapes import BAR, CIRCLE, CROSS, HEXAGON, SHAPES, SQUARE, width_of
from robotasks.physics.scene import workshop

TIMESTEP = 0.0025


def dropped(peg_shape, socket_shape, clearance, aside, turn):
    """Press upright pegs, all arguments (n,), onto sockets; return how deep they went, (n,) m."""
    spec = workshop(TIMESTEP)
    spec.option.gravity = [0, 0, -9.81 * 50]  # 24 N on a peg of 50 g
    peg.add_peg(spec)
    socket.add_socket(spec)
    count = len(aside)
    one, zero = np.ones(count), np.zeros(count)
    engine = make_engine(spec, count, threads=1)
    above = peg.HALF_HEIGHT + socket.DEPTH + 0.0005
    placement = Placement(
        joints={
            "peg": np.stack(
                [aside, zero, above * one, np.cos(turn / 2), zero, zero, np.sin(turn / 2)], 1
            )
        },
        mocap={"socket": np.tile([0, 0, 0, 1, 0, 0, 0.0], (count, 1))},
    )
    fields = peg.peg_fields(peg_shape * one, 0.3 * one)
    fields |= socket.socket_fields(socket_shape * one, clearance * one)
    engine.reset(one > 0, StateRows(engine.model).rows(placement, count), fields)
    engine.step(80)  # 0.2 s: a peg that hangs over a rim has not tipped over yet
    return above - engine.state()[:, 3]


def test_a_peg_fits_into_its_own_socket_alone():
    """Pressed with 24 N, at every turn, over the middle and off it, at 1 mm of clearance."""
    turns, places = np.meshgrid(np.arange(0, 2 * math.pi, math.pi / 12), [-0.001, 0])
    kinds = np.arange(len(SHAPES))
    pegs, sockets, tries = (
        grid.ravel() for grid in np.meshgrid(kinds, kinds, np.arange(turns.size), indexing="ij")
    )
    depth = dropped(pegs, sockets, 0.001, places.ravel()[tries], turns.ravel()[tries])
    deepest = depth.reshape(len(kinds), len(kinds), -1).max(axis=2)
    own = np.eye(len(kinds), dtype=bool)
    assert (deepest[own] > socket.DEPTH - 0.001).all()
    assert (deepest[~own] < 0.7 * socket.DEPTH).all()  # at worst it tips half-way over the rim


@pytest.mark.parametrize(
    ("shape", "clearance", "aside", "degrees"),
    [
        (SQUARE, 0.0005, 0.0004, 1),
        (SQUARE, 0.0015, 0.0014, 3),
        (CIRCLE, 0.0005, 0.0004, 40),
        (HEXAGON, 0.0015, 0.0014, 3),
        (BAR, 0.0015, 0.0014, 3),
        (CROSS, 0.0015, 0.0014, 3),
    ],
)
def test_clearance_is_what_a_peg_may_be_off(shape, clearance, aside, degrees):
    turn = math.radians(degrees)
    asides = np.array([aside, -aside, 0.0, 0.0, clearance + 0.004])
    turns = np.array([0.0, 0.0, turn, -turn, 0.0])
    depth = dropped(shape, shape, clearance, asides, turns)
    assert (depth[:4] > socket.DEPTH - 0.001).all()
    assert depth[4] < 0.7 * socket.DEPTH  # leans over the rim


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_peg_has_the_moments_of_its_outline(shape):
    """Against a count of the points of a grid that lie within it."""
    grid = np.linspace(-0.03, 0.03, 601)
    x, y = (axis.ravel() for axis in np.meshgrid(grid, grid))
    inside = np.hypot(x, y) < (shape.radius if not shape.bars else 0)
    for bar in shape.bars:
        along = (x - bar.x) * math.cos(bar.yaw) + (y - bar.y) * math.sin(bar.yaw)
        across = (y - bar.y) * math.cos(bar.yaw) - (x - bar.x) * math.sin(bar.yaw)
        inside |= (abs(along) < bar.half_x) & (abs(across) < bar.half_y)
    moments = [(x[inside] ** 2).mean(), (y[inside] ** 2).mean()]
    assert moments == pytest.approx(shape.gyration, rel=0.02)
    assert np.ptp(y[inside]) == pytest.approx(shape.width, abs=2e-4)
    assert np.ptp(y[inside]) / 2 + y[inside].min() == pytest.approx(shape.middle, abs=2e-4)


def held(count):
    """Worlds in which a hand holds a peg, every shape in turn."""
    env = TaskVectorEnv("shape-insert-held", count, threads=1, autoreset_mode="Disabled")
    shapes = np.arange(count) % len(SHAPES)
    env.reset(seed=0, options={"dynamics": {"shape": shapes.astype(float)}})
    return env, env.readings()


def in_hand(now):
    """Where the peg is in the frame of the tool, (n, 3)."""
    gap, cos, sin = now.peg_pos - now.tcp_pos, now.tcp_xaxis[:, 0], now.tcp_xaxis[:, 1]
    x, y = gap[:, 0] * cos + gap[:, 1] * sin, gap[:, 1] * cos - gap[:, 0] * sin
    return np.stack([x, y, gap[:, 2]], axis=1)


def test_a_held_peg_drifts_less_than_4_mm_in_10_s_of_motion():
    env, now = held(12)
    before, rng = in_hand(now), np.random.default_rng(0)
    action = np.zeros((12, 5))
    for step in range(200):
        if step % 10 == 0:
            action[:, :4] = rng.uniform(-1, 1, (12, 4)) * [0.7, 0.7, 0.7, 0.5]
        action[:, 4] = -1
        action[:, 2] = np.where(now.tool[:, 2] < 0.12, 1, action[:, 2])  # not into the socket
        env.step(action)
    drift = np.linalg.norm(in_hand(now) - before, axis=1)
    assert drift.max() < 0.004


def test_contacts_are_few():
    """They decide what a step costs."""
    env, _ = held(12)
    most = 0
    for _ in range(60):
        env.step(env.expert_actions())
        most = max(most, *(env.engines[0].world(i)[1].ncon for i in range(12)))
    assert most <= 30


def test_fingers_hold_every_shape_as_wide_as_it_says():
    env, now = held(6)
    for _ in range(5):
        env.step(np.tile([0, 0, 0, 0, -1.0], (6, 1)))
    assert now.grip_width == pytest.approx(
        width_of(np.arange(6.0)), abs=1.5e-3
    )  # they give way to 30 N


def test_the_expert_of_the_blind_task_reads_no_peg():
    """It solves the task from the robot's own senses and where the socket is said to be."""
    task = TASKS["shape-insert-held"]
    env = TaskVectorEnv(task, 4, threads=1)
    env.reset(seed=0)
    crew, read = env._crews[0], set()

    class Watched:
        def __getattr__(self, name):
            read.add(name)
            return getattr(crew.now, name)

    task.expert(Watched(), crew.goal, task.expert_memory.view(crew.expert_memory))
    assert read <= {"tcp_pos", "tool", "setpoint", "grip_width"}


def test_unused_geoms_hide_inside():
    """A grain that stuck out would be touched."""
    spec = workshop(TIMESTEP)
    peg.add_peg(spec)
    engine = make_engine(spec, len(SHAPES), threads=1)
    kinds = np.arange(len(SHAPES), dtype=float)
    start = np.tile([0.5, 0, peg.HALF_HEIGHT, 1, 0, 0, 0], (len(SHAPES), 1))
    rows = StateRows(engine.model).rows(Placement(joints={"peg": start}), len(SHAPES))
    engine.reset(kinds >= 0, rows, peg.peg_fields(kinds, 0.3 + 0 * kinds))
    engine.step(40)
    for k in range(len(SHAPES)):
        model, data = engine.world(k)
        small = {i for i in range(model.ngeom) if 0 < model.geom_size[i].max() < 0.003}
        touching = {int(g) for contact in data.contact[: data.ncon] for g in contact.geom}
        assert touching and not touching & small
