"""The vector face of every registered id: what single worlds do, in every autoreset mode."""

import copy
import functools
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import batch_space

from .playing import IDS, MODES, SHORT, actions_for, play, single

pytestmark = pytest.mark.parametrize("id_", IDS)


def pair(id_, mode, **arguments):
    """Make the native batch, and the single worlds that Gymnasium joins to the same thing."""
    worlds = {"num_envs": 5, "autoreset_mode": mode, "max_episode_steps": SHORT}
    alone = functools.partial(single, id_, **arguments)
    return gym.make_vec(id_, **worlds, **arguments), SyncVectorEnv([alone] * 5, autoreset_mode=mode)


def check_ends_equal(ours, theirs):
    """Compare infos: Gymnasium keeps the last observations as objects, we as an array."""
    assert ("final_obs" in ours) == ("final_obs" in theirs)
    if "final_obs" in ours:
        ended = ours["_final_obs"]
        assert np.array_equal(ended, theirs["_final_obs"])
        for row in np.flatnonzero(ended):
            last = ours["final_obs"]
            last = {k: v[row] for k, v in last.items()} if isinstance(last, dict) else last[row]
            assert data_equivalence(last, theirs["final_obs"][row], exact=True)
        for name, values in ours["final_info"].items():
            assert np.array_equal(values[ended], theirs["final_info"][name][ended])
    for name in ("success", "first_success", "elapsed", "trial_start", "diverged"):
        assert np.array_equal(ours[name], theirs[name])
        assert ours[f"_{name}"].all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", [3, [9, 2, 5, 9, 0]], ids=["seed", "seeds"])
def test_the_batch_equals_single_worlds_bit_for_bit(id_, mode, seed, face):
    batch, singles = pair(id_, mode, reveal=["goal", "history"], episodes=2, **face)
    actions = actions_for(batch, 3 * SHORT)
    for ours, theirs in zip(play(batch, actions, seed), play(singles, actions, seed), strict=True):
        assert data_equivalence(ours[:-1], theirs[:-1], exact=True)
        check_ends_equal(ours[-1], theirs[-1])


def test_a_reset_of_some_worlds_equals_single_worlds(id_):
    batch, singles = pair(id_, AutoresetMode.DISABLED, reveal=["goal", "history"], episodes=2)
    batch.reset(seed=1)
    singles.reset(seed=1)
    rng = np.random.default_rng(0)
    for action in actions_for(batch, 3 * SHORT):
        ours, theirs = batch.step(action), singles.step(action)
        assert data_equivalence(ours[:-1], theirs[:-1], exact=True)
        mask = ours[3] | (rng.random(5) < 0.1)
        seed = [int(rng.integers(100)) for _ in range(5)] if rng.random() < 0.3 else None
        if mask.any():
            options = {"reset_mask": mask}
            fresh, infos = batch.reset(seed=seed, options=options)
            assert options.keys() == {"reset_mask"}
            assert np.array_equal(fresh[~mask], ours[0][~mask])
            assert np.array_equal(infos["elapsed"] == 0, mask)
            assert np.array_equal(fresh, singles.reset(seed=seed, options=options)[0])


def test_worker_processes_play_the_same(id_):
    make = functools.partial(gym.make, f"robotasks:{id_}", max_episode_steps=SHORT)
    batch = gym.make_vec(id_, num_envs=2, max_episode_steps=SHORT)
    workers = AsyncVectorEnv([make] * 2, context="spawn")
    actions = actions_for(batch, SHORT + 2)
    for ours, theirs in zip(play(batch, actions), play(workers, actions), strict=True):
        assert data_equivalence(ours[:-1], theirs[:-1], exact=True)
    workers.close()


@pytest.mark.parametrize("count", [1, 3])
def test_spaces_are_those_of_one_world_times_the_number(id_, count, face):
    one, batch = gym.make(id_, **face).unwrapped, gym.make_vec(id_, num_envs=count, **face)
    assert batch.single_observation_space == one.observation_space
    assert batch.single_action_space == one.action_space
    assert batch.observation_space == batch_space(one.observation_space, count)
    assert batch.action_space == batch_space(one.action_space, count)
    assert batch.observation_space.contains(batch.reset(seed=0)[0])


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


def test_rows_are_told_scaled_to_their_bounds(id_):
    env = gym.make_vec(id_, num_envs=8)
    env.reset(seed=0)
    told = env.scaled_rows()
    assert told.dtype == np.float32 and np.abs(told).max() <= 1
    for (task, row), scaled in zip(env.task_rows(), told, strict=True):
        low = np.concatenate([task.goals.low, task.dynamics.low])
        high = np.concatenate([task.goals.high, task.dynamics.high])
        high -= np.concatenate([task.goals.whole, task.dynamics.whole])
        again = low + (scaled[: len(row)] + 1) / 2 * (high - low)
        assert np.allclose(again, row, atol=1e-6) and not scaled[len(row) :].any()


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
    from gymnasium.wrappers import vector as wrappers

    def played(*wrapped_by):
        env = gym.make_vec(id_, num_envs=2, autoreset_mode=mode, max_episode_steps=SHORT)
        for wrapper in wrapped_by:
            env = wrapper(env)
        return list(play(env, actions_for(env, SHORT + 2)))

    bare = played()
    working = [
        wrappers.RecordEpisodeStatistics,
        wrappers.NormalizeReward,
        wrappers.ClipAction,
        functools.partial(
            wrappers.RescaleAction, min_action=np.float32(-1), max_action=np.float32(1)
        ),
        wrappers.DictInfoToList,
    ]
    if mode is AutoresetMode.NEXT_STEP:
        working.append(wrappers.FlattenObservation)
        normalized = played(wrappers.NormalizeObservation)
        assert all(np.isfinite(returned[0]).all() for returned in normalized)
    for wrapper in working:
        for returned, expected in zip(played(wrapper), bare, strict=True):
            assert np.allclose(returned[0], expected[0], atol=1e-4), wrapper
    statistics = played(wrappers.RecordEpisodeStatistics)[SHORT][-1]["episode"]
    returns = np.sum([returned[1] for returned in bare[1 : SHORT + 1]], axis=0)
    assert statistics["r"] == pytest.approx(returns)
    assert (statistics["l"] == SHORT).all()


def test_worlds_without_a_seed_go_on_with_their_own_chance(id_):
    env = gym.make_vec(id_, num_envs=3)
    env.reset(seed=0)
    expected = env.reset()[0]
    env.reset(seed=0)
    obs = env.reset(seed=[None, 7, None])[0]
    assert np.array_equal(obs[[0, 2]], expected[[0, 2]])
    assert not np.array_equal(obs[1], expected[1])
    assert np.array_equal(obs[1], env.reset(seed=6)[0][1])
