import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robotasks.agents import ppo, rl2, varibad
from robotasks.agents.parts.actor_critic import ActorCritic
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.gae import cut_off, expected, gae, successor_values

STEPS, WORLDS = 7, 3


def advantage_by_definition(deltas, cut, decay, t):
    """Sum of decay^k delta_(t+k) up to and with the first cut."""
    total = 0.0
    for k in range(len(deltas) - t):
        total += decay**k * deltas[t + k]
        if cut[t + k]:
            break
    return total


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), gamma=st.floats(0, 1), lam=st.floats(0, 1), ends=st.floats(0, 1))
def test_gae_is_its_definition(seed, gamma, lam, ends):
    rng = np.random.default_rng(seed)
    rewards, values, after = rng.normal(size=(3, STEPS, WORLDS))
    cut = rng.random((STEPS, WORLDS)) < ends
    deltas = rewards + gamma * after - values
    expected = [
        [advantage_by_definition(deltas[:, n], cut[:, n], gamma * lam, t) for n in range(WORLDS)]
        for t in range(STEPS)
    ]
    found = gae(*map(torch.from_numpy, (rewards, values, after, cut)), gamma, lam)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_what_follows_a_step(seed):
    """The value of an observation is here its own number, so successors can be told apart."""
    rng = np.random.default_rng(seed)
    batch = Batch.empty(STEPS, WORLDS, 1, 1)
    batch.obs.copy_(torch.from_numpy(rng.normal(size=(STEPS, WORLDS, 1))))
    batch.final_obs.copy_(100 + batch.obs)
    batch.last_obs.fill_(7.0)
    kind = rng.integers(0, 4, (STEPS, WORLDS))
    batch.terminated.copy_(torch.from_numpy(kind == 1))
    batch.truncated.copy_(torch.from_numpy(kind == 2))

    after = successor_values(batch, batch.obs[..., 0], lambda obs: obs[..., 0])

    for t in range(STEPS):
        for n in range(WORLDS):
            following = batch.obs[t + 1, n, 0] if t + 1 < STEPS else torch.tensor(7.0)
            known = {1: torch.tensor(0.0), 2: batch.final_obs[t, n, 0]}
            assert after[t, n] == known.get(kind[t, n], following)


def test_a_time_limit_does_not_change_the_value_of_a_steady_world():
    """Reward 1 for ever is worth 1 / (1 - gamma), however often the clock stops."""
    gamma, batch = 0.9, Batch.empty(20, 1, 1, 1)
    batch.rewards.fill_(1.0)
    batch.truncated[4::5] = True
    values = torch.full((20, 1), 1 / (1 - gamma))
    after = successor_values(batch, values, lambda obs: torch.full(obs.shape[:-1], 10.0))
    advantages = gae(batch.rewards, values, after, batch.dones, gamma, 0.95)
    np.testing.assert_allclose(advantages, 0, atol=1e-5)


@given(gamma=st.floats(0.0, 1.0), reward=st.floats(-2.0, 2.0))
def test_what_the_end_cuts_off_is_what_a_lasting_reward_is_worth_less(gamma, reward):
    rewards = torch.full((20, 3), reward)
    nothing, ends = torch.zeros(20, 3), torch.zeros(20, 3, dtype=torch.bool)
    worth = gae(rewards, nothing, nothing, ends, gamma, 1.0)
    share = cut_off(torch.zeros(20, 3, 7), gamma)
    assert share.shape == (20, 3, 1)
    torch.testing.assert_close((1 - gamma) * worth, reward * (1 - share[..., 0]), atol=1e-4, rtol=0)


def test_what_stands_beside_an_observation_is_read_by_the_critic_alone():
    policy = ActorCritic(5, 3, ppo.Config(), torch.Generator().manual_seed(0), beside=1)
    obs = torch.randn(8, 5)
    other = obs.clone()
    other[:, 4] += 1
    assert torch.equal(policy.mean(obs), policy.mean(other))
    actions = torch.zeros(8, 3)
    assert torch.equal(policy.log_prob(obs, actions), policy.log_prob(other, actions))
    assert (policy.value(obs) != policy.value(other)).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), slope=st.floats(-2.0, 2.0))
def test_what_is_foretold_stays_and_luck_is_left_out(seed, slope):
    drawn = torch.Generator().manual_seed(seed)
    values, luck = (torch.randn(6, 400, generator=drawn) for _ in range(2))
    foretold = 1.0 + slope * values
    ends = torch.zeros(6, 400, dtype=torch.bool)
    ends[2] = ends[5, :200] = True
    torch.testing.assert_close(expected(foretold, values, ends), foretold, atol=1e-4, rtol=1e-4)
    found = expected(foretold + luck, values, ends)
    assert ((found - foretold)[ends].abs().mean() < 0.25).all()
    torch.testing.assert_close(found[~ends], (foretold + luck)[~ends])


def test_one_world_alone_foretells_nothing_but_itself():
    values, after = torch.randn(3, 1), torch.randn(3, 1)
    ends = torch.tensor([[False], [True], [False]])
    torch.testing.assert_close(expected(after, values, ends), after)


def memory_learner(generator):
    config = rl2.Config(width=16, hidden=16, gamma=0.9, lam=0.8, minibatches=2)
    return rl2.RL2(rl2.MemoryPolicy(5, 3, 6, 0, config, generator), config, 4)


def belief_learner(generator):
    config = varibad.Config(hidden=(16,), gamma=0.9, lam=0.8, minibatches=2)
    return varibad.TrialPPO(ActorCritic(5, 3, config, generator), config, 4)


@pytest.mark.parametrize("make", [memory_learner, belief_learner])
def test_who_learns_from_trials_counts_on_the_next_episode_but_not_on_where_it_starts(make):
    """Against the sum of the definition, world by world, and a line fitted by numpy."""
    draw = torch.Generator().manual_seed(0)
    learner = make(draw)
    batch = Batch.empty(6, 4, 5, 3)
    batch.obs[:] = torch.randn(6, 4, 5, generator=draw)
    batch.rewards[:] = torch.rand(6, 4, generator=draw)
    batch.truncated[2::3] = True  # two episodes
    _, values, advantages = learner._advantages(batch)
    rewards = learner.return_scale(batch.rewards)
    after = torch.cat([values[1:], torch.zeros(1, 4)])
    after[2] = torch.from_numpy(np.polyval(np.polyfit(values[2], values[3], 1), values[2]))
    deltas = rewards + 0.9 * after - values
    for t in range(6):
        by_definition = advantage_by_definition(deltas, batch.truncated[:, 0], 0.9 * 0.8, t)
        torch.testing.assert_close(advantages[t], by_definition)
