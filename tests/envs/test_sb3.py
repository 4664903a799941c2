"""The Stable-Baselines3 face: the native worlds' numbers, and the library's algorithms on it."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from robotasks import Distribution, TaskEnv, TaskVectorEnv

pytest.importorskip("sb3_contrib")

from sb3_contrib import TQC
from stable_baselines3 import PPO, HerReplayBuffer
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
)

from robotasks.agents.parts.loop import torch_threads
from robotasks.envs.sb3 import Sb3VecEnv

SHORT = 12  # control steps of an episode
WORLDS = 3
GOALS = {"goal_conditioned": True, "reward": "sparse"}
FACES = pytest.mark.parametrize("face", [{}, GOALS], ids=["flat", "goals"])


@pytest.fixture(autouse=True)
def one_thread():
    with torch_threads(1):
        yield


def make_worlds(**arguments):
    given = {"max_episode_steps": SHORT, "autoreset_mode": "SameStep", "threads": 1}
    return TaskVectorEnv("reach", WORLDS, **{**given, **arguments})


def actions_for(env, steps):
    shape = (steps, env.num_envs, 5)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    return a.dtype == b.dtype and np.array_equal(a, b)


def row(obs, i):
    return {k: v[i] for k, v in obs.items()} if isinstance(obs, dict) else obs[i]


@FACES
def test_it_shows_the_native_worlds_bit_for_bit(face):
    worlds, env = make_worlds(**face, stagger=True), Sb3VecEnv(make_worlds(**face, stagger=True))
    env.seed(5)
    assert same(env.reset(), worlds.reset(seed=5)[0])
    seen = 0
    for action in actions_for(env, 3 * SHORT):
        obs, rewards, dones, infos = env.step(action)
        native, paid, _, truncated, native_infos = worlds.step(action)
        assert same(obs, native)
        assert rewards.dtype == np.float32 and np.array_equal(rewards, paid.astype(np.float32))
        assert np.array_equal(dones, truncated)
        for i, info in enumerate(infos):
            assert bool(info) == dones[i]
            if info:
                assert same(info["terminal_observation"], row(native_infos["final_obs"], i))
                seen += 1
    assert seen == 3 * WORLDS


@FACES
def test_it_equals_single_worlds_that_stable_baselines_steps_itself(face):
    """Monitor and DummyVecEnv say what every number of an ended row should be."""
    env = Sb3VecEnv(make_worlds(**face))
    theirs = DummyVecEnv(
        [lambda: Monitor(TaskEnv("reach", max_episode_steps=SHORT, **face))] * WORLDS
    )
    env.seed(3)
    theirs.seed(3)
    assert same(env.reset(), theirs.reset())
    assert env.observation_space == theirs.observation_space
    assert env.action_space == theirs.action_space
    for action in actions_for(env, 2 * SHORT + 1):
        ours, other = env.step(action), theirs.step(action)
        assert all(same(a, b) for a, b in zip(ours[:3], other[:3], strict=True))
        for mine, expected in zip(ours[3], other[3], strict=True):
            if not expected["TimeLimit.truncated"]:
                continue
            assert same(mine.pop("terminal_observation"), expected.pop("terminal_observation"))
            record, monitored = mine.pop("episode"), expected.pop("episode")
            assert record["r"] == pytest.approx(monitored["r"], abs=2e-6)
            assert record["l"] == monitored["l"] == SHORT
            assert mine == expected
            assert type(mine["is_success"]) is bool


def test_a_staggered_world_reports_the_steps_it_took():
    env = Sb3VecEnv(make_worlds(stagger=True))
    env.reset()
    lengths = [[] for _ in range(WORLDS)]
    for action in actions_for(env, 2 * SHORT):
        for i, info in enumerate(env.step(action)[3]):
            lengths[i] += [info["episode"]["l"]] if info else []
    assert lengths == [[12, 12], [8, 12], [4, 12]]


def test_a_reset_in_the_middle_begins_the_record_anew():
    env = Sb3VecEnv(make_worlds())
    env.reset()
    for action in actions_for(env, SHORT - 1):
        env.step(action)
    env.reset()
    rewards = []
    for action in actions_for(env, SHORT):
        _, reward, _, infos = env.step(action)
        rewards.append(reward)
    assert [info["episode"]["l"] for info in infos] == [SHORT] * WORLDS
    expected = np.sum(rewards, axis=0, dtype=np.float64)
    assert [info["episode"]["r"] for info in infos] == pytest.approx(expected)


def test_several_tasks_at_once():
    both = Distribution.draw(["reach", "push-to"], 4, seed=0)
    worlds = TaskVectorEnv(both, 4, autoreset_mode="SameStep", max_episode_steps=SHORT, threads=1)
    model = PPO("MlpPolicy", Sb3VecEnv(worlds), n_steps=SHORT, batch_size=24, n_epochs=1, seed=0)
    assert len(model.learn(4 * SHORT).ep_info_buffer) == 4


def test_seeds_and_options_serve_one_reset():
    env = Sb3VecEnv(make_worlds(**GOALS))
    assert env.seed(7) == [7, 8, 9]
    points = np.array([[0.5, -0.1, 0.2], [0.5, 0.0, 0.2], [0.5, 0.1, 0.2]])
    env.set_options({"goal": {"point": points}})
    first = env.reset()
    np.testing.assert_allclose(first["desired_goal"], points, atol=1e-6)
    assert not np.array_equal(env.reset()["desired_goal"], first["desired_goal"])
    env.seed(7)
    assert np.array_equal(env.reset()["achieved_goal"], first["achieved_goal"])
    env.set_options({"goal": {"place": points}})
    with pytest.raises((KeyError, ValueError), match="place"):
        env.reset()
    env.reset()


@pytest.mark.parametrize("options", [[{}, {}, {}], {"reset_mask": np.ones(WORLDS, dtype=bool)}])
def test_options_that_would_split_the_worlds_are_refused(options):
    with pytest.raises(ValueError, match="one dict for all worlds"):
        Sb3VecEnv(make_worlds()).set_options(options)


def test_attributes_and_methods_are_those_of_all_worlds():
    env = Sb3VecEnv(make_worlds(**GOALS))
    obs = env.reset()
    assert env.get_attr("horizon") == [SHORT] * WORLDS
    assert env.get_attr("horizon", 2) == env.get_attr("horizon", [-1]) == [SHORT]
    assert env.has_attr("horizon") and not env.has_attr("height_of_the_moon")
    env.set_attr("horizon", 5)
    assert env.worlds.horizon == 5
    with pytest.raises(ValueError, match="share horizon"):
        env.set_attr("horizon", 5, indices=[0, 2])
    with pytest.raises(AttributeError, match="height_of_the_moon"):
        env.set_attr("height_of_the_moon", 5)
    with pytest.raises(IndexError):
        env.get_attr("horizon", WORLDS)
    assert env.env_is_wrapped(Monitor) == [True] * WORLDS
    assert env.env_is_wrapped(TaskEnv, indices=[1]) == [False]

    achieved, desired = np.tile(obs["achieved_goal"], (4, 1)), np.tile(obs["desired_goal"], (4, 1))
    desired[::2] = achieved[::2]
    arguments = "compute_reward", achieved, desired, [{}] * len(desired)
    (rewards,) = env.env_method(*arguments, indices=[0])
    assert rewards.tolist() == [1.0, 0.0] * 6
    assert len(env.env_method(*arguments)) == WORLDS


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED])
def test_another_autoreset_mode_is_refused(mode):
    with pytest.raises(ValueError, match=rf"needs autoreset_mode='SameStep'.*{mode}"):
        Sb3VecEnv(make_worlds(autoreset_mode=mode))


def test_closing_twice():
    env = Sb3VecEnv(make_worlds())
    env.reset()
    env.close()
    env.close()
    with pytest.raises(ValueError, match="closed"):
        env.reset()


def test_pictures_are_tiled(gl):
    env = Sb3VecEnv(make_worlds(render_mode="rgb_array", width=64, height=48))
    env.reset()
    assert env.metadata["render_fps"] == 20
    assert [picture.shape for picture in env.get_images()] == [(48, 64, 3)] * WORLDS
    assert env.render().shape == (96, 128, 3)
    with pytest.raises(ValueError, match="render_mode"):
        Sb3VecEnv(make_worlds()).get_images()


@FACES
def test_ppo_learns_from_it_and_logs_episodes(face):
    policy = "MultiInputPolicy" if face else "MlpPolicy"
    model = PPO(policy, Sb3VecEnv(make_worlds(**face)), n_steps=SHORT, batch_size=18, seed=0)
    model.learn(2 * SHORT * WORLDS)
    assert [record["l"] for record in model.ep_info_buffer] == [SHORT] * (2 * WORLDS)
    assert list(model.ep_success_buffer) == [False] * (2 * WORLDS)


@pytest.mark.parametrize("wrap", [VecNormalize, lambda env: VecFrameStack(env, 2)])
def test_wrappers_that_rewrite_ended_rows(wrap):
    env = wrap(Sb3VecEnv(make_worlds()))
    model = PPO("MlpPolicy", env, n_steps=SHORT, batch_size=18, n_epochs=1, seed=0)
    model.learn(2 * SHORT * WORLDS)
    assert len(model.ep_info_buffer) == 2 * WORLDS
    assert env.step(actions_for(env, 1)[0])[3] == [{}] * WORLDS


def test_vec_monitor_finds_the_same_records(tmp_path):
    with pytest.warns(UserWarning, match="already wrapped"):
        env = VecMonitor(Sb3VecEnv(make_worlds()), str(tmp_path / "log"), ("is_success",))
    inner = []
    step = env.venv.step_wait
    env.venv.step_wait = lambda: inner.append(step()) or inner[-1]
    env.reset()
    for action in actions_for(env, SHORT):
        infos = env.step(action)[3]
    for mine, theirs in zip(inner[-1][3], infos, strict=True):
        assert mine["episode"]["r"] == pytest.approx(theirs["episode"]["r"])
        assert mine["episode"]["l"] == theirs["episode"]["l"]
    env.close()
    assert (tmp_path / "log.monitor.csv").read_text().count("False") == WORLDS


def test_evaluate_policy_scores_the_expert():
    env = Sb3VecEnv(make_worlds(max_episode_steps=None))
    ended = []

    class Expert:
        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            return env.worlds.expert_actions(), None

    def note(locals_, globals_):
        ended.extend([locals_["info"]["is_success"]] if locals_["done"] else [])

    env.seed(0)
    returns, lengths = evaluate_policy(
        Expert(), env, 2 * WORLDS, callback=note, return_episode_rewards=True
    )
    assert lengths == [50] * (2 * WORLDS)
    assert ended == [True] * (2 * WORLDS)
    assert min(returns) > 20


@pytest.mark.parametrize("copy_info_dict", [False, True])
def test_hindsight_relabels_with_the_reward_of_the_worlds(copy_info_dict):
    """Random moves never succeed here; told that they wanted what they got, some do."""
    env = Sb3VecEnv(make_worlds(**GOALS))
    model = TQC(
        "MultiInputPolicy",
        env,
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={"n_sampled_goal": 4, "copy_info_dict": copy_info_dict},
        learning_starts=2 * SHORT * WORLDS,
        buffer_size=1000,
        batch_size=16,
        policy_kwargs={"net_arch": [16]},
        seed=0,
    )
    model.learn(4 * SHORT * WORLDS)
    buffer = model.replay_buffer
    assert not buffer.rewards.any() and not any(model.ep_success_buffer)

    batch = buffer.sample(500)
    achieved = batch.next_observations["achieved_goal"].numpy()
    desired = batch.next_observations["desired_goal"].numpy()
    rewards = batch.rewards.numpy()[:, 0]
    assert rewards.dtype == np.float32
    assert np.array_equal(rewards, env.worlds.compute_reward(achieved, desired, {}))
    virtual = rewards[100:]  # one in five keeps its goal, and the buffer puts those first
    assert 0.1 < virtual.mean() < 1.0 and not rewards[:100].any()
    assert not batch.dones.any()  # a time limit is no end: values go on
