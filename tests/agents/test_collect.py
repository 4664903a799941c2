import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from robotasks.agents.parts.collect import Collector, RecentEpisodes

from .toy import PointEnv


class Drift:
    """A policy whose actions are known: beyond the bounds for the first two observations."""

    def act(self, obs):
        return 3 * obs[:, :2], obs[:, 0]


def test_a_batch_holds_what_happened():
    env, twin = PointEnv(5, horizon=4), PointEnv(5, horizon=4)
    collector = Collector(env, Drift(), steps=10)
    collector.start(seed=3)
    batch = collector.rollout()

    obs, _ = twin.reset(seed=3)
    returns, finished = np.zeros(5), []
    for t in range(10):
        np.testing.assert_array_equal(batch.obs[t], obs)
        np.testing.assert_array_equal(batch.actions[t], 3 * obs[:, :2])
        np.testing.assert_array_equal(batch.log_probs[t], obs[:, 0])
        obs, rewards, _, truncated, infos = twin.step(np.clip(3 * obs[:, :2], -1, 1))
        np.testing.assert_array_equal(batch.rewards[t], rewards.astype(np.float32))
        np.testing.assert_array_equal(batch.truncated[t], truncated)
        assert not batch.terminated[t].any()
        returns += rewards
        for n in np.flatnonzero(truncated):
            np.testing.assert_array_equal(batch.final_obs[t, n], infos["final_obs"][n])
            finished.append((infos["final_info"]["success"][n], returns[n]))
            returns[n] = 0
    np.testing.assert_array_equal(batch.last_obs, obs)
    assert collector.steps == 50
    assert collector.episodes.means() == pytest.approx(np.mean(finished[-5:], axis=0))


def test_rollouts_join_without_a_seam():
    long, short = (Collector(PointEnv(5, horizon=4), Drift(), steps) for steps in (12, 4))
    long.start(seed=0)
    short.start(seed=0)
    whole = long.rollout()
    pieces = [{k: v.clone() for k, v in vars(short.rollout()).items()} for _ in range(3)]
    for name in ("obs", "actions", "rewards", "truncated"):
        joined = torch.cat([piece[name] for piece in pieces])
        np.testing.assert_array_equal(getattr(whole, name), joined)
    np.testing.assert_array_equal(whole.last_obs, pieces[-1]["last_obs"])


def test_recent_episodes_forget_the_oldest():
    recent = RecentEpisodes(3)
    assert np.isnan(recent.means()).all()
    recent.add(np.array([1.0, 1.0]), np.array([10.0, 20.0]))
    assert recent.means() == (1.0, 15.0)
    recent.add(np.array([0.0, 0.0]), np.array([30.0, 40.0]))
    assert recent.means() == pytest.approx((1 / 3, 30.0))


def test_an_environment_that_cannot_be_learned_from_is_refused():
    env = PointEnv()
    env.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
    with pytest.raises(ValueError, match="SameStep"):
        Collector(env, Drift(), 1)
    env = PointEnv()
    env.single_observation_space = gym.spaces.Dict(observation=env.single_observation_space)
    with pytest.raises(ValueError, match="flat Box"):
        Collector(env, Drift(), 1)
