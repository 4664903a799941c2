"""What tasks that grasp rely on: symmetric turns, what counts as held, starts in the hand."""

import math

import mujoco
import numpy as np
import pytest

from robotasks import TASKS, TaskVectorEnv
from robotasks.arrays import yaw_quat
from robotasks.layout import Layout
from robotasks.physics.robots.panda import YAW_RANGE
from robotasks.tasks.handling import (
    CONTROL,
    Gap,
    Job,
    approaching,
    delivery,
    finger_period,
    holds,
    insertion,
    period_of,
    spiral,
    turn_to,
    wrap,
)
from robotasks.tasks.plane.plane_task import PlaneTask

SHAPE = [task for task in TASKS.values() if task.family == "shape"]
IN_HAND = [
    (task, start) for task in SHAPE for start in task.starts if "slip" in task.starts[start].layout
]
ON_THE_WAY = [
    (task, start)
    for task in TASKS.values()
    if isinstance(task, PlaneTask)
    for start in ("near", "held")
    if start in task.starts
]


def ids(value):
    return value if isinstance(value, str) else value.name


@pytest.mark.parametrize("fold", [2, 3, 4, 6])
def test_turns_are_the_nearest_that_the_wrist_can_make(fold):
    rng, period = np.random.default_rng(0), 2 * math.pi / fold
    at, yaw = rng.uniform(*YAW_RANGE, 1000), rng.uniform(-math.pi, math.pi, 1000)
    turn = turn_to(yaw, at, period, CONTROL)
    left = wrap(at + turn - yaw, period)
    assert np.abs(left).max() < 1e-9
    assert ((at + turn > YAW_RANGE[0] - 1e-9) & (at + turn < YAW_RANGE[1] + 1e-9)).all()
    assert np.abs(turn).max() <= period
    inside = (at > YAW_RANGE[0] + period / 2) & (at < YAW_RANGE[1] - period / 2)
    assert np.abs(turn[inside]).max() <= period / 2 + 1e-9


@pytest.mark.parametrize(("fold", "fingers"), [(1, 2), (2, 2), (3, 6), (4, 4), (5, 10), (6, 6)])
def test_two_fingers_see_the_symmetry_of_a_part_and_their_own(fold, fingers):
    period = finger_period(np.array(2 * math.pi / fold))
    assert period == pytest.approx(2 * math.pi / fingers)


@pytest.mark.parametrize("fold", [2, 3, 4, 6, 360])
def test_the_symmetry_is_sensed_whatever_the_tilt(fold):
    matrix = np.empty(9)
    for quat in (yaw_quat(np.array(0.7)), np.array([0.5, 0.5, -0.5, 0.5])):
        mujoco.mju_quat2Mat(matrix, quat)
        turn = 2 * math.pi / fold
        twin = matrix.reshape(3, 3) @ [math.cos(turn), math.sin(turn), 0]
        assert period_of(matrix.reshape(3, 3)[:, 0], twin) == pytest.approx(turn, abs=1e-6)


def test_the_spiral_covers_its_disc():
    """Every point within 6 mm of the middle comes within 1.5 mm of the path."""
    path = spiral(np.arange(100.0))
    grid = np.stack(np.meshgrid(*[np.linspace(-0.006, 0.006, 25)] * 2), axis=-1).reshape(-1, 2)
    disc = grid[np.hypot(*grid.T) < 0.006]
    nearest = np.linalg.norm(disc[:, None] - path, axis=-1).min(axis=1)
    assert nearest.max() < 0.0015
    assert np.abs(np.diff(path, axis=0)[5:40]).max() < 0.0025


def test_going_over_down_and_in_always_pays():
    zero = np.zeros(50)
    over = insertion(Gap(np.linspace(0.2, 0, 50), zero, zero + 0.037), 0.025)
    down = insertion(Gap(zero, zero, np.linspace(0.037, 0, 50)), 0.025)
    turned = insertion(Gap(zero, np.linspace(0.8, 0, 50), zero + 0.037), 0.025)
    for path in (over, down, turned):
        assert (np.diff(path) > 0).all()
    assert down[-1] == pytest.approx(1.0)
    beside = insertion(Gap(zero[:1] + 0.04, zero[:1], zero[:1]), 0.025)
    assert beside < over[-1]


SENSED = Layout({"tcp_pos": 3, "tool": 4, "grip_width": 1, "grip_speed": 1, "setpoint": 7})


def handled(tool=(0, 0, 0), turn=0.0, part=(0, 0, 0)):
    """What is sensed, and the job, of 50 open hands and parts at places in relation to the seat."""
    place, lies = (np.stack([each + np.zeros(50) for each in pos], axis=-1) for pos in (tool, part))
    now = SENSED.view(np.zeros((50, SENSED.size)))
    now.tcp_pos[:], now.tool[:, 3] = place, turn
    zero = np.zeros(50)
    return now, Job(lies, zero, zero + math.pi, lies, 0 * lies, zero, depth=0.02)


def test_a_hand_that_comes_from_above_and_turned_like_the_part_is_paid_more():
    over = approaching(*handled((np.linspace(0.2, 0, 50), 0, 0.08)))
    down = approaching(*handled((0, 0, np.linspace(0.08, 0, 50))))
    up = approaching(*handled((0.04, 0, np.linspace(0, 0.04, 50))))  # beside the part
    turned = approaching(*handled(turn=np.linspace(1.5, 0, 50)))
    for path in (over, down, up, turned):
        assert (np.diff(path) > 0).all()
    assert (np.diff(turned) > 0.001).all()
    assert down[-1] == turned[-1] == pytest.approx(1.0)
    now, job = handled(turn=2.8)
    twin = job._replace(part_yaw=job.part_yaw + 2.8 - math.pi)  # it looks the same then
    assert approaching(now, twin)[0] == pytest.approx(1.0)


def test_turning_pays_the_way_that_the_wrist_can_turn():
    """What is at -1.5 rad is reached at 1.64 rad: on the way there it is never paid less."""
    turn = np.linspace(0, 1.6, 50)
    now, job = handled(turn=turn)
    for paid in (
        approaching(now, job._replace(part_yaw=job.part_yaw - 1.5)),
        delivery(now, job._replace(part_yaw=turn, seat_yaw=turn * 0 - 1.5), now.grip_width > 0),
    ):
        assert (np.diff(paid) > 0).all()


def test_a_part_that_is_carried_pays_more_than_one_that_is_dragged():
    """Up beside its seat, then over, then down."""
    up = handled(part=(0.06, 0, np.linspace(-0.05, 0.032, 50)))
    over = handled(part=(np.linspace(0.2, 0.025, 50), 0, 0.032))
    down = handled(part=(0, 0, np.linspace(0.032, 0, 50)))
    for now, job in (up, over, down):
        assert (np.diff(delivery(now, job, now.grip_width > 0)) > 0).all()


def test_lifting_pays_from_the_table_on_however_high_the_seat_is():
    now, job = handled(part=(0.3, 0, np.linspace(-0.06, 0.03, 50)))
    now.tcp_pos[:], now.grip_width[:] = job.grasp_pos, 0.03  # told to close, and held
    paid = delivery(now, job._replace(high=0.06), now.grip_width < 0)
    assert (np.diff(paid) > 0.0005).all() and paid[-1] - paid[0] > 0.045


def test_lifting_a_part_off_a_seat_pays_from_the_seat_on():
    now, job = handled(part=(0.3, 0, np.linspace(0.06, 0.09, 50)))
    now.tcp_pos[:], now.grip_width[:] = job.grasp_pos, 0.03
    paid = delivery(now, job._replace(low=0.06), now.grip_width < 0)
    assert (np.diff(paid) > 0.0005).all() and paid[-1] - paid[0] > 0.045
    now, job = handled(part=(0, 0, np.linspace(0.11, 0.04, 50)))  # over its spot
    now.tcp_pos[:], now.grip_width[:] = job.grasp_pos, 0.03
    paid = delivery(now, job._replace(low=0.06, depth=0.115), now.grip_width < 0)
    assert (np.diff(paid) > 0.002).all()  # coming down takes nothing of that


def test_a_held_part_is_paid_for_coming_down_and_for_every_degree_of_its_turn():
    down, turn = np.linspace(0.27, 0.08, 50), np.linspace(1.5, 0.5, 50)
    for part, left in ((down, 0 * turn), (0.08 + 0 * down, turn)):
        now, job = handled(part=(0, 0, part))
        now.tcp_pos[:], now.grip_width[:] = job.grasp_pos, 0.03
        paid = delivery(now, job._replace(seat_yaw=left), now.grip_width < 0)
        assert (np.diff(paid) > 0.0002).all()


@pytest.mark.parametrize(("task", "start"), IN_HAND, ids=ids)
def test_a_start_in_the_hand_is_a_grasp(task, start):
    """Friction holds the peg: no weld; fingers that open drop it, those that stay closed do not."""
    model = task.scene().compile()
    assert not (model.eq_type == int(mujoco.mjtEq.mjEQ_WELD)).any()
    env = TaskVectorEnv(task, 12, start=start, threads=1, autoreset_mode="Disabled")
    env.reset(seed=0, options={"dynamics": {"shape": np.arange(12.0) % 6}})
    now = env.readings()
    begin, still = now.peg_pos.copy(), np.zeros((12, 5))
    assert not task.success(now, env._crews[0].goal).any()
    still[:, 4] = -1
    for _ in range(20):
        env.step(still)
    # 300 g pull the tool down by 1.5 mm.
    assert np.abs(now.peg_pos - begin).max() < 2e-3
    assert holds(now, now.peg_pos + np.array([0, 0, 0.016])).all()
    still[:, 4] = 1
    for _ in range(10):
        env.step(still)
    dropped = now.peg_pos[:, 2] < begin[:, 2] - 0.02
    assert (dropped == (task.control.width[1] > 0)).all()


@pytest.mark.parametrize(("task", "start"), IN_HAND + ON_THE_WAY, ids=ids)
def test_the_expert_goes_on_from_a_start_on_the_way(task, start):
    env = TaskVectorEnv(task, 12, start=start, threads=1, autoreset_mode="SameStep")
    env.reset(seed=1)
    for _ in range(env.horizon):
        infos = env.step(env.expert_actions())[4]
    assert infos["final_info"]["success"].mean() > 0.9
