"""The checks that a first-class Gymnasium environment passes, over every registered id."""

import copy
import json
import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from robotasks import TASKS, TaskEnv

IDS = [f"robotasks/{task.id}" for task in TASKS.values()]
FACED = [f"robotasks/{task.id}" for task in TASKS.values() if task.goal_conditioned]
MODES = list(AutoresetMode)
pytestmark = pytest.mark.parametrize("id_", IDS)
SHORT = 12  # control steps of an episode where ends matter


def actions_for(env, steps, seed=0):
    rng = np.random.default_rng(seed)
    shape = env.action_space.shape
    return rng.uniform(-1, 1, (steps, *shape)).astype(np.float32)


def test_gymnasium_checker(id_):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(id_).unwrapped, skip_render_check=True)


@pytest.mark.parametrize("mode", ["rgb_array", "depth_array"])
def test_gymnasium_checker_renders(id_, mode, gl):
    env = gym.make(id_, render_mode=mode, width=64, height=48)
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == ((48, 64, 3) if mode == "rgb_array" else (48, 64))
    assert picture.std() > 0
    env.close()


@pytest.mark.parametrize("options", [{}, {"goal_conditioned": True, "reward": "sparse"}])
def test_stable_baselines_checker(id_, options):
    if options and id_ not in FACED:
        pytest.skip("no goal face")
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checker.check_env(gym.make(id_, **options).unwrapped)


def test_python_types(id_):
    env = gym.make(id_)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(env.action_space.sample())
    assert type(reward) is float
    assert terminated is False
    assert type(truncated) is bool
    assert type(info["success"]) is bool and info["is_success"] == info["success"]


def test_returned_arrays_share_no_memory(id_):
    env = gym.make_vec(id_, num_envs=3, autoreset_mode="SameStep", max_episode_steps=SHORT)
    kept = [env.reset(seed=0)]
    kept += [env.step(action) for action in actions_for(env, SHORT + 2)]
    arrays = []
    for item in kept:
        parts = [item[0], *item[1:-1]] if len(item) > 2 else [item[0]]
        arrays += [part for part in parts if isinstance(part, np.ndarray)]
        arrays += [v for v in item[-1].values() if isinstance(v, np.ndarray)]
    for i, a in enumerate(arrays):
        assert not any(np.shares_memory(a, b) for b in arrays[:i])


def test_seeds_mean_what_gymnasium_says(id_):
    env = gym.make(id_).unwrapped
    first = env.reset(seed=7)[0]
    onward = env.reset()[0]
    assert np.array_equal(env.reset(seed=7)[0], first)
    assert np.array_equal(env.reset()[0], onward)
    assert not np.array_equal(first, onward)
    assert not np.array_equal(env.reset(seed=8)[0], first)


def test_spec_round_trip(id_):
    env = gym.make(id_, observe="blind", reveal=["goal", "dynamics"])
    spec = EnvSpec.from_json(env.spec.to_json())
    assert json.loads(env.spec.to_json())["id"] == id_
    assert np.array_equal(gym.make(spec).reset(seed=1)[0], env.reset(seed=1)[0])


def test_goal_contract(id_):
    if id_ not in FACED:
        pytest.skip("no goal face")
    env = gym.make(id_, goal_conditioned=True, reward="sparse").unwrapped
    obs, info = env.reset(seed=0)
    achieved, desired = [obs["achieved_goal"]], [obs["desired_goal"]]
    for action in actions_for(env, 20):
        obs, reward, terminated, truncated, info = env.step(action)
        one = obs["achieved_goal"], obs["desired_goal"], info
        assert reward == env.compute_reward(*one)
        assert terminated == env.compute_terminated(*one)
        assert truncated == env.compute_truncated(*one)
        achieved.append(obs["achieved_goal"])
        desired.append(obs["desired_goal"])
    achieved, desired = np.array(achieved), np.array(desired)
    desired[::2] = achieved[::2]
    for info in ({}, [{}] * len(achieved)):
        batch = env.compute_reward(achieved, desired, info)
        loop = [env.compute_reward(a, d, {}) for a, d in zip(achieved, desired, strict=True)]
        assert batch.shape == (len(achieved),)
        assert np.array_equal(batch, loop)


@pytest.mark.parametrize("mode", MODES)
def test_the_batch_equals_single_worlds_bit_for_bit(id_, mode):
    arguments = {"max_episode_steps": SHORT, "reveal": ("goal", "history"), "episodes": 2}
    batch = gym.make_vec(id_, num_envs=5, autoreset_mode=mode, **arguments)
    singles = SyncVectorEnv(
        [lambda: TaskEnv(gym.spec(id_).kwargs["tasks"], **arguments)] * 5,
        autoreset_mode=mode,
    )
    assert np.array_equal(batch.reset(seed=3)[0], singles.reset(seed=3)[0])
    for action in actions_for(batch, 3 * SHORT):
        ours, theirs = batch.step(action), singles.step(action)
        for a, b in zip(ours[:4], theirs[:4], strict=True):
            assert np.array_equal(a, b)
        assert ("final_obs" in ours[4]) == ("final_obs" in theirs[4])
        if "final_obs" in ours[4]:
            ended = ours[4]["_final_obs"]
            assert np.array_equal(ended, theirs[4]["_final_obs"])
            for row in np.flatnonzero(ended):
                assert np.array_equal(ours[4]["final_obs"][row], theirs[4]["final_obs"][row])
        if mode is AutoresetMode.DISABLED and ours[3].any():
            options = {"reset_mask": ours[3]}
            fresh = batch.reset(options=dict(options))[0]
            assert np.array_equal(fresh, singles.reset(options=dict(options))[0])


@pytest.mark.parametrize("threads", [1, 2])
def test_worlds_do_not_depend_on_their_number_or_threads(id_, threads):
    few = gym.make_vec(id_, num_envs=2, threads=1, autoreset_mode="SameStep")
    many = gym.make_vec(id_, num_envs=37, threads=threads, autoreset_mode="SameStep")
    assert np.array_equal(few.reset(seed=4)[0], many.reset(seed=4)[0][:2])
    for action in actions_for(many, 60):
        assert np.array_equal(few.step(action[:2])[0], many.step(action)[0][:2])


def test_worlds_meet_different_rows(id_):
    env = gym.make_vec(id_, num_envs=8)
    env.reset(seed=0)
    rows = np.array([row for _, row in env.task_rows()])
    assert len(np.unique(rows[:, 0])) == 8


def test_state_is_exact(id_):
    env = gym.make_vec(id_, num_envs=4, autoreset_mode="SameStep", max_episode_steps=30)
    env.reset(seed=0)
    actions = actions_for(env, 80)
    for action in actions[:25]:
        env.step(action)
    state, copied, pickled = env.get_state(), copy.deepcopy(env), pickle.loads(pickle.dumps(env))
    onward = [env.step(action)[:4] for action in actions[25:]]
    env.set_state(state)
    for other in (env, copied, pickled):
        for action, expected in zip(actions[25:], onward, strict=True):
            for a, b in zip(other.step(action)[:4], expected, strict=True):
                assert np.array_equal(a, b)


def test_a_single_world_pickles(id_):
    cloudpickle = pytest.importorskip("cloudpickle")
    env = gym.make(id_).unwrapped
    env.reset(seed=0)
    other = pickle.loads(cloudpickle.dumps(env))
    action = actions_for(env, 1)[0]
    assert np.array_equal(env.step(action)[0], other.step(action)[0])


def test_metadata_and_closing(id_):
    env = gym.make_vec(id_, num_envs=2)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.metadata["render_fps"] == 20
    assert env.single_observation_space.is_bounded()
    env.reset(seed=0)
    env.close()
    env.close()
    with pytest.raises(ValueError, match="closed"):
        env.reset()


@pytest.mark.parametrize("mode", MODES)
def test_wrappers_work_where_gymnasium_says(id_, mode):
    from gymnasium.wrappers.vector import (
        DictInfoToList,
        FlattenObservation,
        NormalizeReward,
        RecordEpisodeStatistics,
    )

    def make():
        return gym.make_vec(id_, num_envs=2, autoreset_mode=mode, max_episode_steps=SHORT)

    for wrapper in (RecordEpisodeStatistics, NormalizeReward, DictInfoToList):
        env = wrapper(make())
        env.reset(seed=0)
        for action in actions_for(env, SHORT - 1):
            env.step(action)
    if mode is AutoresetMode.NEXT_STEP:
        env = FlattenObservation(make())
        assert env.reset(seed=0)[0].shape == env.observation_space.shape
