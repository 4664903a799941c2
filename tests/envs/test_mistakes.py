"""What users get wrong: a clear error, and nothing has changed."""

import functools
from contextlib import contextmanager

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

from robotasks import TASKS, Distribution, TaskEnv, TaskVectorEnv
from tests.families import every_task

from .playing import actions_for

WORLDS = 3
NAMES = pytest.mark.parametrize("task", every_task())


def begun(task, **arguments):
    """Make worlds that are in the middle of an episode."""
    env = TaskVectorEnv(task, WORLDS, **{"threads": 1, **arguments})
    env.reset(seed=0)
    for action in actions_for(env, 3):
        env.step(action)
    return env


@contextmanager
def refused(env, error, match):
    """Expect an error with this text, and that the environment is as it was."""
    state, chance = env.get_state(), env.np_random.bit_generator.state
    with pytest.raises(error, match=match):
        yield
    after = env.get_state()
    assert [name for name in state if not np.array_equal(state[name], after[name])] == []
    assert env.np_random.bit_generator.state == chance


def with_entry(value, dtype=np.float64):
    actions = np.zeros((WORLDS, 5), dtype=dtype)
    actions[1, 3] = value
    return actions


@NAMES
@pytest.mark.parametrize(
    ("actions", "match"),
    [
        (with_entry(np.nan), "finite, got nan"),
        (with_entry(np.inf), "finite, got inf"),
        (with_entry(-np.inf, np.float32), "finite, got -inf"),
        (np.zeros(5), r"shape \(3, 5\) and real numbers, got shape \(5,\)"),
        (np.zeros((WORLDS, 4)), r"got shape \(3, 4\)"),
        (np.zeros((WORLDS + 1, 5)), r"got shape \(4, 5\)"),
        (np.zeros((1, WORLDS, 5)), r"got shape \(1, 3, 5\)"),
        (np.zeros((WORLDS, 5), dtype=bool), "of bool"),
        (np.zeros((WORLDS, 5), dtype=complex), "of complex128"),
        (np.full((WORLDS, 5), "left"), "of <U4"),
        (np.full((WORLDS, 5), None), "of object"),
        (None, r"got shape \(\) of object"),
        ({"move": 1}, r"got shape \(\) of object"),
    ],
)
def test_actions_that_are_none(task, actions, match):
    env = begun(task)
    with refused(env, ValueError, match):
        env.step(actions)


shared = functools.cache(begun)


@given(arrays(scalar_dtypes(), st.just((WORLDS, 5)) | array_shapes(min_dims=0, max_dims=3)))
def test_an_action_is_taken_or_refused_never_half_of_it(actions):
    env = shared("reach")
    real = actions.shape == (WORLDS, 5) and actions.dtype.kind in "fiu"
    if not (real and np.isfinite(actions.astype(np.float64)).all()):
        with refused(env, ValueError, "actions"):
            env.step(actions)
        return
    state = env.get_state()
    taken = env.step(actions)[:4]
    env.set_state(state)
    clipped = env.step(np.clip(actions.astype(np.float64), -1, 1))[:4]
    assert all(map(np.array_equal, taken, clipped))


@NAMES
@pytest.mark.parametrize("wrong", [np.full(5, np.nan), np.zeros(4), np.zeros((1, 5)), None, "up"])
def test_actions_of_a_single_world(task, wrong):
    env = TaskEnv(task)
    env.reset(seed=0)
    with refused(env, ValueError, "action"):
        env.step(wrong)


def fields(task):
    """Yield (option, field, low, high) of everything a reset may set."""
    for option, span in (
        ("goal", task.goals),
        ("dynamics", task.dynamics),
        ("start", task.starts["default"]),
    ):
        for name in span.layout:
            where = span.layout.columns(name)
            yield option, name, span.low[where], span.high[where]


@NAMES
def test_fields_out_of_range(task):
    env = begun(task)
    some = {"reset_mask": np.array([False, True, True])}
    for option, name, low, high in fields(task):
        for value in (low - 1e-6, high + 1e-6, np.nan * low, np.inf * np.ones_like(high)):
            one_wrong = np.stack([low, low, value])
            for given_value in (value, one_wrong):
                for which in ({}, some):
                    with refused(env, ValueError, rf"{name}=.* lies outside"):
                        env.reset(options={option: {name: given_value}, **which})


@NAMES
@pytest.mark.parametrize("option", ["goal", "dynamics", "start"])
def test_fields_that_do_not_exist(task, option):
    env = begun(task)
    with refused(env, KeyError, "unknown field 'gaol'"):
        env.reset(options={option: {"gaol": 1.0}})


@NAMES
def test_fields_with_another_width(task):
    env = begun(task)
    wide = [(option, name, low) for option, name, low, _ in fields(task) if len(low) > 1]
    for option, name, low in wide:
        with refused(env, ValueError, f"{name} needs {len(low)} numbers a world"):
            env.reset(options={option: {name: np.append(low, 0.0)}})
    assert wide


@NAMES
def test_fields_for_another_number_of_worlds(task):
    env = begun(task)
    for option, name, low, _ in fields(task):
        for count in (WORLDS - 1, WORLDS + 1):
            with refused(env, ValueError, f"{name}.* {WORLDS} worlds"):
                env.reset(options={option: {name: np.tile(low, (count, 1))}})


@NAMES
@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"gaol": {}}, "unknown reset option 'gaol'. Did you mean goal?"),
        ({"rows": 0}, "rows picks from a distribution"),
        ({"reset_mask": np.ones(WORLDS - 1, dtype=bool)}, "reset_mask needs 3 booleans"),
        ({"reset_mask": np.ones(WORLDS)}, "of float64"),
        ({"reset_mask": np.zeros(WORLDS, dtype=bool)}, "0 True"),
        ({"reset_mask": True}, r"got shape \(\) of bool"),
        ({"goal": [0.5, 0.0, 0.1]}, "goal"),
        ({"start": "default"}, "start"),
        (["goal"], "options"),
    ],
)
def test_options_that_make_no_sense(task, options, match):
    env = begun(task)
    with refused(env, ValueError, match):
        env.reset(options=options)


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        *((rows, "rows must be whole numbers from 0 to 4") for rows in (5, -1, 0.5, [0, 1, 5])),
        ([0, 1], "rows.* 3 worlds"),
    ],
)
def test_rows_that_the_distribution_lacks(rows, match):
    env = begun(Distribution.draw(["reach"], 5, seed=0))
    with refused(env, ValueError, match):
        env.reset(options={"rows": rows})


def test_a_field_that_one_task_lacks_is_set_in_none():
    env = TaskVectorEnv(Distribution.draw(["push-to", "reach"], 3, seed=0), 4, threads=1)
    env.reset(seed=0)
    for goal in ({"point": [0.5, 0.0, 0.2]}, {"goal_xy": [0.5, 0.0]}):
        (name,) = goal
        with refused(env, KeyError, f"unknown field '{name}'"):
            env.reset(options={"goal": goal})


@pytest.mark.parametrize(
    ("seed", "match"),
    [
        (-1, "negative|greater or equal to zero"),
        ([0, 1], "expected 3 seeds, one per world, not 2"),
        ([0, 1, 2, 3], "not 4"),
        ([5, -2, 1], "negative: -2"),
        (1.5, "whole.*1.5"),
        ("one", "whole.*one"),
        ([0, 1.5, 2], "whole.*1.5"),
        (2**70, "seed"),
    ],
)
def test_seeds_that_are_none(seed, match):
    env = begun("reach")
    with refused(env, (ValueError, gym.error.Error), match):
        env.reset(seed=seed)


@pytest.mark.parametrize("options", [{"goal": {"point": [9.0, 9.0, 9.0]}}, {"start": {"gaol": 1}}])
@pytest.mark.parametrize("kind", [TaskEnv, TaskVectorEnv])
def test_a_refused_reset_leaves_the_seed(options, kind):
    env = kind("reach", threads=1)
    env.reset(seed=0)
    with refused(env, (KeyError, ValueError), "gaol|outside"):
        env.reset(seed=5, options=options)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"tasks": "raech"}, KeyError, "unknown task 'raech'. Did you mean reach?"),
        ({"num_envs": 0}, ValueError, "num_envs must be at least .* not 0"),
        ({"num_envs": -1}, ValueError, "not -1"),
        ({"num_envs": 2.0}, ValueError, "not 2.0"),
        ({"max_episode_steps": 0}, ValueError, "max_episode_steps must be at least 1, not 0"),
        ({"max_episode_steps": 2.5}, ValueError, "not 2.5"),
        ({"episodes": 0}, ValueError, "episodes must be at least 1, not 0"),
        ({"episodes": 1.5}, ValueError, "not 1.5"),
        ({"threads": -1}, ValueError, "threads.*-1"),
        ({"tasks": 3}, (TypeError, ValueError), "tasks.*3"),
        ({"num_envs": True}, ValueError, "num_envs.*True"),
        ({"observe": "pixles"}, ValueError, "unknown value of observe 'pixles'"),
        ({"reveal": "goal"}, ValueError, "reveal is a list"),
        ({"reveal": ["gaol"]}, ValueError, "Did you mean goal?"),
        ({"reward": "dence"}, ValueError, "unknown reward 'dence'. Did you mean dense?"),
        ({"goal_conditioned": True}, ValueError, 'pass reward="sparse"'),
        ({"start": "defualt"}, ValueError, "no start 'defualt'"),
        ({"autoreset_mode": "Never"}, ValueError, "Never"),
        ({"engine": "gppu"}, ValueError, "unknown engine 'gppu'"),
        ({"render_mode": "human"}, ValueError, "unknown render_mode 'human'"),
        ({"camera": "back"}, ValueError, "unknown camera 'back'"),
        ({"width": 0}, ValueError, "at least one pixel, not 0 x 480"),
    ],
)
def test_arguments_that_make_no_environment(arguments, error, match):
    with pytest.raises(error, match=match):
        TaskVectorEnv(**{"tasks": "reach", "threads": 1, **arguments})


def test_fewer_worlds_than_tasks():
    with pytest.raises(
        ValueError, match=f"at least {len(TASKS)}, a world per task and start, not 1"
    ):
        TaskVectorEnv(Distribution.draw(TASKS, 3, seed=0), 1)


def test_ids_that_are_not_registered():
    with pytest.raises(gym.error.NameNotFound, match="Did you mean: `reach`"):
        gym.make("robotasks/raech-v1")
    with pytest.raises(ValueError, match="not 0"):
        gym.make_vec("robotasks/reach-v1", num_envs=0)


@pytest.mark.parametrize("kind", [TaskEnv, TaskVectorEnv])
def test_before_the_first_reset(kind):
    env = kind("reach", threads=1)
    with pytest.raises(gym.error.ResetNeeded, match="call reset before step"):
        env.step(np.zeros(env.action_space.shape))


def test_the_expert_before_the_first_reset():
    with pytest.raises(gym.error.ResetNeeded, match="call reset before"):
        TaskVectorEnv("reach", WORLDS, threads=1).expert_actions()


def test_the_first_reset_is_of_all_worlds():
    env = TaskVectorEnv("reach", WORLDS, threads=1)
    with pytest.raises(ValueError, match="first reset has to cover every world"):
        env.reset(options={"reset_mask": np.array([True, False, True])})
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros((WORLDS, 5)))


@pytest.mark.parametrize("kind", [TaskEnv, TaskVectorEnv])
def test_after_close(kind):
    env = kind("reach", threads=1, render_mode="rgb_array")
    env.reset(seed=0)
    state = env.get_state()
    env.close()
    for use in (
        env.reset,
        lambda: env.step(np.zeros(env.action_space.shape)),
        env.render,
        env.get_state,
        lambda: env.set_state(state),
    ):
        with pytest.raises(ValueError, match="the environment is closed; make a new one"):
            use()


@pytest.mark.parametrize(
    "use",
    [
        (lambda env: env.expert_actions()),
        (lambda env: env.picture(0)),
        (lambda env: env.readings()),
    ],
    ids=["expert", "picture", "readings"],
)
def test_what_reads_the_worlds_after_close(use):
    env = begun("reach", render_mode="rgb_array")
    env.close()
    with pytest.raises(ValueError, match="the environment is closed; make a new one"):
        use(env)


def test_stepping_past_the_end():
    for env in (
        TaskEnv("reach", max_episode_steps=2),
        TaskVectorEnv("reach", WORLDS, max_episode_steps=2, autoreset_mode="Disabled", threads=1),
    ):
        env.reset(seed=0)
        for _ in range(2):
            env.step(np.zeros(env.action_space.shape))
        with refused(env, gym.error.ResetNeeded, "world 0 is at its end"):
            env.step(np.zeros(env.action_space.shape))


def test_states_of_another_environment():
    env = begun("reach")
    other = TaskVectorEnv("reach", WORLDS + 1, threads=1).get_state()
    with refused(env, ValueError, r"should have shape \(3"):
        env.set_state(other)
    for name, value in env.get_state().items():
        for wrong in ({}, {name: np.zeros((*value.shape, 2))}):
            rest = {k: np.ones_like(v) for k, v in env.get_state().items() if k != name}
            with refused(env, ValueError, f"{name} should have shape"):
                env.set_state(rest | wrong)


def test_states_that_are_no_numbers():
    env = begun("reach")
    for name, value in env.get_state().items():
        later = {k: np.ones_like(v) for k, v in env.get_state().items()}
        with refused(env, ValueError, name):
            env.set_state(later | {name: np.full(value.shape, "left")})
