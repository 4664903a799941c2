"""What every task must satisfy, whatever it is about."""

import itertools

import numpy as np
import pytest

from robotasks import TASKS, TaskVectorEnv
from robotasks.benchmark.agent import Expert, Random
from robotasks.benchmark.evaluate import evaluate
from robotasks.layout import View
from robotasks.physics.engine import Placement, StateRows
from robotasks.tasks import RESET_FREE
from robotasks.tasks.distribution import Distribution
from tests.families import every_task

torch = pytest.importorskip("torch")
EVERY = TASKS | RESET_FREE
ALL = pytest.mark.parametrize("task", EVERY.values(), ids=list(EVERY))
FIRST_OF_FAMILY = pytest.mark.parametrize(
    "task",
    every_task()
    + [pytest.param(task, id=name, marks=pytest.mark.slow) for name, task in RESET_FREE.items()],
)
"""The others in the slow suite."""
RETURN = 0.735
"""What an expert earns in a step, on average over an episode and over the tasks."""


def played(task, steps=30, worlds=8):
    """A crew after some steps of the expert, with noise so that rare branches are met."""
    env = TaskVectorEnv(task, worlds, threads=1)
    env.reset(seed=5)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        noise = rng.normal(0, 0.2, (worlds, 5))
        env.step(np.clip(env.expert_actions() + noise, -1, 1))
    return env._crews[0]


def as_torch(view):
    return View(*((layout, torch.from_numpy(flat.copy())) for layout, flat in view._parts))


def same(a, b):
    if isinstance(b, dict):
        return all(same(a[k], b[k]) for k in b)
    if isinstance(b, (list, tuple)):
        return all(same(x, y) for x, y in zip(a, b, strict=True))
    return np.allclose(np.asarray(a), b.numpy(), atol=1e-9)


@ALL
def test_numpy_and_torch_agree(task):
    crew = played(task)
    now, goal, dynamics = crew.now, crew.goal, crew.dynamics
    memory = task.expert_memory.view(crew.expert_memory)
    t_now, t_goal, t_dynamics = as_torch(now), as_torch(goal), as_torch(dynamics)
    for name, arrays, tensors in (
        ("observe", (now,), (t_now,)),
        ("cue", (now, goal), (t_now, t_goal)),
        ("stages", (now, goal), (t_now, t_goal)),
        ("success", (now, goal), (t_now, t_goal)),
        ("fields", (dynamics,), (t_dynamics,)),
        ("expert", (now, goal, memory), (t_now, t_goal, as_torch(memory))),
    ):
        method = getattr(task, name)
        assert same(method(*arrays), method(*tensors)), name


@ALL
def test_any_leading_axes_give_the_same_answer(task):
    crew = played(task)
    one = View(*((layout, flat[3]) for layout, flat in crew.now._parts))
    goal = View(*((layout, flat[3]) for layout, flat in crew.goal._parts))
    for whole, single in zip(task.stages(crew.now, crew.goal), task.stages(one, goal), strict=True):
        assert np.array_equal(whole.progress[3], single.progress)
        assert np.array_equal(whole.done[3], single.done)


@FIRST_OF_FAMILY
def test_rewards_lie_in_zero_to_one_and_are_one_only_on_success(task):
    env = TaskVectorEnv(task, 16, autoreset_mode="SameStep", threads=1)
    env.reset(seed=0)
    crew = env._crews[0]
    for _ in range(env.horizon - 1):
        _, rewards, *_ = env.step(env.expert_actions())
        success = task.success(crew.now, crew.goal)
        assert ((rewards >= 0) & (rewards <= 1)).all()
        assert np.array_equal(rewards == 1, success)
        assert np.array_equal(crew.judge(True)[1], success)


@ALL
def test_progress_stays_below_one(task):
    crew = played(task)
    for stage in task.stages(crew.now, crew.goal):
        assert ((stage.progress >= 0) & (stage.progress <= 1)).all()


@FIRST_OF_FAMILY
def test_rewards_rise_along_the_experts_path_to_much_the_same_return(task):
    env = TaskVectorEnv(task, 16, threads=1)
    env.reset(seed=1)
    rewards = np.array([env.step(env.expert_actions())[1] for _ in range(env.horizon - 1)])
    correlations = []
    for world in range(16):
        until = np.flatnonzero(rewards[:, world] == 1)
        path = rewards[: (until[0] + 1 if len(until) else None), world]
        ranks = np.argsort(np.argsort(path, kind="stable"), kind="stable")
        correlations.append(np.corrcoef(ranks, np.arange(len(path)))[0, 1])
    assert np.mean(correlations) > 0.8
    # So that no task drowns another: the experts' returns a step lie within 25 % of each other's.
    assert 0.75 * RETURN <= rewards.mean() <= 1.25 * RETURN


@ALL
def test_episodes_never_begin_solved_and_begin_at_rest(task):
    env = TaskVectorEnv(task, 64, threads=1)
    env.reset(seed=2)
    crew = env._crews[0]
    assert not task.success(crew.now, crew.goal).any()
    tool = crew.now.tcp_pos.copy()
    still = np.zeros((64, 5), dtype=np.float32)
    still[:, 4] = -1
    for _ in range(5):
        env.step(still)
    assert np.abs(crew.now.tcp_pos - tool).max() < 1e-3


@ALL
def test_nothing_moves_before_it_is_touched(task):
    env = TaskVectorEnv(task, 256, threads=1)
    env.reset(seed=0)
    readings = env.readings().fields()
    before = {name: values.copy() for name, values in readings.items()}
    parts = [name.removesuffix("_pos") for name in before if name.endswith("_pos")]
    rests = [part for part in parts if not np.any(before.get(f"{part}_vel", 0.0))]
    steps = 20 if rests == parts else 5  # soon a puck that is to be stopped touches the stick
    still = np.zeros((256, 5), dtype=np.float32)
    still[:, 4] = -1
    for _ in range(steps):
        env.step(still)
        for part in rests:
            moved = readings[f"{part}_pos"] - before[f"{part}_pos"]
            assert np.abs(moved).max() < 1e-3, part
            for speed in (f"{part}_vel", f"{part}_angvel"):
                assert np.abs(readings.get(speed, 0.0)).max() < 0.1, speed


@FIRST_OF_FAMILY
def test_every_field_matters(task):
    """Each goal and dynamics field changes what one and the same plan is paid."""
    for kind, span in (("goal", task.goals), ("dynamics", task.dynamics)):
        for name in span.layout:
            column = span.layout.columns(name)
            ends = (span.low[column], span.high[column] - span.whole[column])
            # A hand that trembles feels how wide a hole is, but may miss a puck; a steady one hits.
            assert any(
                np.ptp([paid(task, {kind: {name: value}}, tremble) for value in ends], axis=0).max()
                > 1e-3
                for tremble in (0.2, 0.0)
            ), name


def paid(task, options, tremble):
    """The rewards of the expert's plan for another row, where it is carried out with `options`."""
    env, plan_env = (TaskVectorEnv(task, 1, threads=1) for _ in range(2))
    for seed in (11, 12):  # the first start may not be admitted with that goal
        plan_env.reset(seed=seed)
        try:
            env.reset(seed=seed, options=options)
        except ValueError:
            continue
        break
    rewards, rng = [], np.random.default_rng(0)
    for _ in range(env.horizon - 1):
        noise = rng.normal(0, tremble, (1, 5))
        plan = np.clip(plan_env.expert_actions() + noise, -1, 1)
        rewards.append(env.step(plan)[1][0])
        plan_env.step(plan)
    return rewards


@ALL
def test_the_goal_does_not_show_in_the_first_observation(task):
    """Linear and nonlinear (random features) probes on held-out episodes, goal hidden."""
    env = TaskVectorEnv(task, 2000, reveal=(), threads=2)
    obs = env.reset(seed=3)[0].astype(np.float64)
    goals = np.array([row[: task.goals.layout.size] for _, row in env.task_rows()])
    inputs = obs[:, obs.std(axis=0) > 1e-9]
    inputs = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(inputs.shape[1], 60)) / np.sqrt(inputs.shape[1])
    for features in (inputs, np.tanh(inputs @ weights)):
        features = np.column_stack([features, np.ones(len(features))])
        train, test = features[:1500], features[1500:]
        penalty = 1.0 * np.eye(features.shape[1])
        solved = np.linalg.solve(train.T @ train + penalty, train.T @ goals[:1500])
        residual = ((test @ solved - goals[1500:]) ** 2).mean(axis=0)
        assert (1 - residual / goals[1500:].var(axis=0) < 0.05).all()


@FIRST_OF_FAMILY
def test_the_task_needs_its_goal(task):
    """The expert, told another row's goal, succeeds far less."""
    rows = Distribution.draw([task], 32, 7)
    told = TaskVectorEnv(rows, 32, autoreset_mode="Disabled", threads=2)
    blind = TaskVectorEnv(rows, 32, autoreset_mode="Disabled", threads=2)
    numbers = np.arange(32)
    for env in (told, blind):
        env.reset(seed=0, options={"rows": numbers})
    crew = blind._crews[0]
    true_goal = crew.goal
    other = task.goals.view(np.roll(crew.rows[:, : task.goals.layout.size], 1, axis=0))
    for _ in range(told.horizon):
        told_infos = told.step(told.expert_actions())[4]
        crew.goal = other
        actions = blind.expert_actions()
        crew.goal = true_goal
        blind_infos = blind.step(actions)[4]
    assert told_infos["success"].mean() - blind_infos["success"].mean() >= 0.3


@ALL
@pytest.mark.parametrize(
    ("count", "least", "most"),
    [
        # Of eight rows two may be among the five in a hundred, and one among the two.
        pytest.param(8, 0.75, 0.125, id="few"),
        pytest.param(200, 0.95, 0.02, id="full", marks=pytest.mark.slow),
    ],
)
def test_the_expert_solves_it_and_chance_does_not(task, count, least, most):
    rows = Distribution.draw([task], count, 42)
    assert evaluate(Expert, rows, threads=2).success >= least
    assert evaluate(lambda env: Random(0), rows, threads=2).success <= most


@FIRST_OF_FAMILY
@pytest.mark.slow
def test_the_expert_solves_every_region(task):
    """No part of the range of a goal or of the dynamics is left out."""
    rows = Distribution.draw([task], 400, 44)
    records = evaluate(Expert, rows, threads=2).records
    success = np.array([record.success for record in records])
    for column in rows.rows[0].T:
        edges = np.quantile(column, [0, 0.25, 0.5, 0.75, 1])
        for low, high in itertools.pairwise(edges):
            assert success[(column >= low) & (column <= high)].mean() >= 0.9


@FIRST_OF_FAMILY
def test_the_horizon_is_twice_what_the_expert_needs(task):
    rows = Distribution.draw([task], 64, 43)
    times = [record.first_success for record in evaluate(Expert, rows, threads=2).records]
    ninth = np.quantile([time for time in times if time >= 0], 0.9)
    assert 50 * round(2 * ninth / 50) in (task.horizon - 50, task.horizon, task.horizon + 50)


@ALL
def test_a_misspelt_joint_is_named(task):
    rows = StateRows(task.scene().compile())
    with pytest.raises(ValueError, match="unknown joint 'joint9'"):
        rows.rows(Placement(joints={"joint9": np.zeros(1)}), 1)
