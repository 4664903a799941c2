"""The checks that a first-class Gymnasium environment passes, over every registered id."""

import functools
import itertools
import json
import pickle
import random
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.utils.env_match import check_environments_match
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from robotasks import TASKS

from .playing import GOALS, IDS, MODES, SHORT, actions_for, arrays_in, play, single

pytestmark = pytest.mark.parametrize("id_", IDS)


def test_gymnasium_checker(id_):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(id_).unwrapped, skip_render_check=True)


def test_gymnasium_checker_renders(id_, gl):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(id_, width=64, height=48).unwrapped)


@pytest.mark.parametrize("mode", ["rgb_array", "depth_array"])
def test_pictures(id_, mode, gl):
    env = gym.make(id_, render_mode=mode, width=64, height=48)
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == ((48, 64, 3) if mode == "rgb_array" else (48, 64))
    assert picture.std() > 0
    env.close()


def test_stable_baselines_checker(id_, face):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checker.check_env(gym.make(id_, **face).unwrapped)


def test_python_types(id_, face):
    env = single(id_, **face)
    env.reset(seed=0)
    for step, action in enumerate(actions_for(env, SHORT), start=1):
        _, reward, terminated, truncated, info = env.step(action)
        assert type(reward) is float
        assert terminated is False
        assert truncated is (step == SHORT)
        assert {type(value) for value in info.values()} <= {bool, int, float}
        assert info["is_success"] is info["success"]


@pytest.mark.parametrize("mode", [*MODES, None], ids=lambda mode: mode.name if mode else "single")
def test_what_is_returned_belongs_to_the_caller(id_, mode, face):
    """No two returned arrays share memory, and writing into them changes nothing."""

    def make():
        if mode is None:
            return single(id_, **face)
        worlds = {"num_envs": 3, "autoreset_mode": mode, "max_episode_steps": SHORT}
        return gym.make_vec(id_, **worlds, **face)

    env, spoilt = make(), make()
    actions = actions_for(env, SHORT + 2)
    kept = []
    for mine, theirs in zip(play(env, actions), play(spoilt, actions), strict=True):
        assert data_equivalence(mine, theirs, exact=True)
        kept += arrays_in(*mine)
        for array in arrays_in(*theirs):
            array[...] = 1
    assert not any(np.shares_memory(a, b) for a, b in itertools.combinations(kept, 2))


@pytest.mark.parametrize("extreme", [False, True])
def test_any_action_leads_into_the_spaces(id_, extreme, face):
    worlds = {"num_envs": 100, "autoreset_mode": "SameStep", "threads": 1}
    reveal = ["goal", "dynamics", "task", "history"]
    env = gym.make_vec(id_, reveal=reveal, **worlds, **face)
    env.reset(seed=0)
    for action in actions_for(env, 100, seed=int(extreme)):
        obs, rewards, _, _, infos = env.step(np.sign(action) if extreme else action)
        for seen in (obs, infos.get("final_obs", obs)):
            assert env.observation_space.contains(seen)
            assert {array.dtype for array in arrays_in(seen)} == {np.dtype(np.float32)}
        assert ((rewards >= 0) & (rewards <= 1)).all()
        assert not infos["diverged"].any()


def test_seeds_mean_what_gymnasium_says(id_):
    env = gym.make(id_).unwrapped
    first = env.reset(seed=7)[0]
    onward = env.reset()[0]
    assert np.array_equal(env.reset(seed=7)[0], first)
    assert np.array_equal(env.reset()[0], onward)
    assert not np.array_equal(first, onward)
    assert not np.array_equal(env.reset(seed=8)[0], first)


def test_chance_comes_from_np_random_alone(id_):
    elsewhere = random.getstate(), np.random.get_state(legacy=False)
    for make in (lambda: gym.make(id_).unwrapped, lambda: gym.make_vec(id_, num_envs=3)):
        first = {}
        for name, seed in {"one": 3, "same": 3, "other": 4}.items():
            env = make()
            env.np_random = np.random.default_rng(seed)
            returned = list(play(env, actions_for(env, 3), seed=None))
            first[name] = returned[0][0]
        assert np.array_equal(first["one"], first["same"])
        assert not np.array_equal(first["one"], first["other"])
    assert data_equivalence((random.getstate(), np.random.get_state(legacy=False)), elsewhere)


def test_what_gymnasium_makes_is_the_environment_itself(id_):
    made = gym.make(id_, max_episode_steps=SHORT)
    check_environments_match(made, single(id_), num_steps=3 * SHORT)


def test_spec_round_trip(id_):
    env = gym.make(id_, observe="blind", reveal=["goal", "dynamics"])
    spec = EnvSpec.from_json(env.spec.to_json())
    assert json.loads(env.spec.to_json())["id"] == id_
    assert np.array_equal(gym.make(spec).reset(seed=1)[0], env.reset(seed=1)[0])


def test_steps_pay_what_compute_reward_says(id_, goal_face):
    env = single(id_, **goal_face)
    env.reset(seed=0)
    for action in actions_for(env, SHORT):
        obs, reward, terminated, truncated, info = env.step(action)
        one = obs["achieved_goal"], obs["desired_goal"], info
        assert reward == env.compute_reward(*one)
        assert terminated is env.compute_terminated(*one)
        assert truncated is env.compute_truncated(*one)


@functools.cache
def goal_faces(id_):
    if not TASKS[gym.spec(id_).kwargs["tasks"]].goal_conditioned:
        pytest.skip("no goal-conditioned face")
    return gym.make(id_, **GOALS).unwrapped, gym.make_vec(id_, num_envs=2, **GOALS)


@given(st.data())
def test_goals_are_judged_alike_alone_and_together(id_, data):
    env, worlds = goal_faces(id_)
    space = env.observation_space["achieved_goal"]
    shape = (*data.draw(array_shapes(max_dims=2)), *space.shape)
    numbers = st.floats(float(space.low.min()), float(space.high.max()), width=32)
    achieved = data.draw(arrays(np.float32, shape, elements=numbers))
    near = data.draw(arrays(np.float32, shape, elements=st.floats(-0.03125, 0.03125, width=32)))
    desired = achieved + near  # far goals would all be missed
    rewards = env.compute_reward(achieved, desired, {})
    loop = [env.compute_reward(achieved[i], desired[i], {}) for i in np.ndindex(shape[:-1])]
    assert rewards.shape == shape[:-1]
    assert np.array_equal(rewards.ravel(), loop) and set(loop) <= {0.0, 1.0}
    assert np.array_equal(rewards, worlds.compute_reward(achieved, desired, {}))
    assert (env.compute_reward(achieved, achieved, {}) >= rewards).all()


def test_goals_are_judged_with_any_infos(id_):
    env, _ = goal_faces(id_)
    goals = np.stack([env.observation_space["achieved_goal"].sample() for _ in range(6)])
    elapsed = [{"elapsed": n} for n in (0, 1, env.worlds.horizon, 0, env.worlds.horizon, 3)]
    ends = [False, False, True, False, True, False]
    for infos, truncated in (({}, [False] * 6), ([{}] * 6, [False] * 6), (elapsed, ends)):
        assert env.compute_reward(goals, goals, infos).shape == (6,)
        assert not env.compute_terminated(goals, goals, infos).any()
        assert env.compute_truncated(goals, goals, infos).tolist() == truncated


def test_a_single_world_pickles(id_):
    cloudpickle = pytest.importorskip("cloudpickle")
    env = gym.make(id_).unwrapped
    env.reset(seed=0)
    other = pickle.loads(cloudpickle.dumps(env))
    action = actions_for(env, 1)[0]
    assert np.array_equal(env.step(action)[0], other.step(action)[0])
