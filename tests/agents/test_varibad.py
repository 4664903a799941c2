"""A belief over what is hidden: is it the posterior, who may train it, and is it of use?"""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from robotasks import Distribution
from robotasks.agents import load, varibad
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.belief import (
    BeliefLearner,
    HiddenBelief,
    RewardBelief,
    divergence,
    sampled,
)
from robotasks.agents.parts.collect import Collector
from robotasks.agents.parts.run import Run
from robotasks.benchmark.agent import TrialSpec
from robotasks.benchmark.contract import examine
from robotasks.layout import Layout

from .resuming import assert_a_killed_run_ends_alike
from .toy import BanditEnv, best_arm_known, regret

SMALL = varibad.Config(
    hidden=(32,),
    width=32,
    decoder=32,
    latent=3,
    epochs=4,
    minibatches=4,
    kept=128,
    belief_steps=20,
    trials=16,
)
KINDS = ("rewards", "hidden")


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def make_policy(layout=None, action_size=3, config=SMALL):
    layout = layout or BanditEnv().layout
    sizes, generator = (layout.size, action_size), drawn(1)
    belief = RewardBelief(*sizes, varibad.state_columns(layout), config, generator)
    return varibad.BeliefPolicy(sizes, belief, config, generator)


def shaken(policy):
    """The same policy with weights that matter, the last layers included."""
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=policy.generator)
    return policy


def played(policy, worlds=8):
    """A trial of two episodes in each of some worlds."""
    env = BanditEnv(worlds, horizon=10, episodes=2)
    collector = Collector(env, policy, 20, anew=True)
    collector.start(0)
    return collector.rollout()


def make_learner(policy, batch):
    return varibad.VariBAD(policy, replace(SMALL, rollout=20), batch)


PLACES = torch.stack([torch.linspace(0, 5.0265, 5).cos(), torch.linspace(0, 5.0265, 5).sin()], -1)


def hops(worlds, generator, steps=8):
    """A point that hops between five places, one of which pays 1; and which place, each time.

    Observations: where it is, what the last hop paid. Places: (steps + 1, worlds); goals (worlds,).
    """
    goals = torch.randint(5, (worlds,), generator=generator)
    places = torch.randint(5, (steps + 1, worlds), generator=generator)
    batch = Batch.empty(steps, worlds, 3, 2)
    batch.rewards[:] = (places[1:] == goals).float()
    obs = torch.zeros(steps + 1, worlds, 3)
    obs[..., :2] = PLACES[places]
    obs[1:, :, 2] = batch.rewards
    batch.obs[:], batch.last_obs[:] = obs[:-1], obs[-1]
    batch.actions[:] = obs[1:, :, :2] - obs[:-1, :, :2]
    return batch, places, goals


def exact(places, goals, steps):
    """Bayes: probabilities (T, n, 5) of the goals after each observation, all alike before."""
    possible = torch.ones(steps, len(goals), 5, dtype=torch.bool)
    for t in range(1, steps):
        here = torch.nn.functional.one_hot(places[t], 5).bool()
        paid = (places[t] == goals)[:, None]
        possible[t] = possible[t - 1] & (here == paid)
    return possible / possible.sum(dim=-1, keepdim=True)


def test_the_belief_is_the_posterior_of_bayes():
    """What it expects a hop to each place to pay is the probability that the goal is there."""
    options = {"latent": 5, "width": 64, "decoder": 64, "trials": 128, "moments": 4, "kept": 512}
    config = replace(SMALL, **options, belief_steps=50, reward_std=0.03, belief_rate=5e-3)
    layout, generator = Layout({"tcp_pos": 2, "last_reward": 1}), drawn()
    belief = RewardBelief(3, 2, varibad.state_columns(layout), config, generator)
    learner = BeliefLearner(belief, config, hops(512, drawn(1))[0], generator)
    for k in range(24):
        learner.fit(hops(512, generator)[0], 1 - k / 24)
    batch, places, goals = hops(200, generator)
    with torch.no_grad():
        found = belief(batch.obs)
        expected = torch.stack([probed(belief, found, place, generator) for place in PLACES], -1)
    posterior = exact(places, goals, 8)
    error = (expected - posterior).abs().mean(dim=(1, 2))
    guess = (0.2 - posterior).abs().mean(dim=(1, 2))
    assert error.max() < 0.08 and (error[3:] < guess[3:] / 3).all()


def probed(belief, found, place, generator):
    """What a hop to `place` is expected to pay, (T, n), over samples of m."""
    batch = Batch.empty(1, found.shape[1], 3, 2)
    batch.obs[..., :2], batch.last_obs[:, :2] = PLACES[0], place
    batch.actions[:] = place - PLACES[0]
    steps = belief.transitions(belief.lesson(batch))
    draws = [belief.decode(sampled(found, generator), steps)[:, 0] for _ in range(20)]
    return torch.stack(draws).mean(dim=0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), spread=st.floats(0.1, 2.0))
def test_each_belief_is_the_prior_of_the_next(seed, spread):
    beliefs = spread * torch.randn(4, 3, 6, generator=drawn(seed))
    mean, log_var = beliefs.chunk(2, dim=-1)
    each = Normal(mean, (0.5 * log_var).exp())
    prior = Normal(
        torch.cat([torch.zeros(1, 3, 3), each.mean[:-1]]),
        torch.cat([torch.ones(1, 3, 3), each.stddev[:-1]]),
    )
    expected = kl_divergence(each, prior).sum(-1)
    torch.testing.assert_close(divergence(beliefs), expected, atol=1e-4, rtol=1e-3)


def test_the_policy_sends_no_gradient_to_the_encoder_nor_the_belief_to_the_policy():
    policy = shaken(make_policy())
    batch = played(policy)
    learner = make_learner(policy, batch)
    before = {name: p.clone() for name, p in policy.named_parameters()}

    def moved():
        return {
            name.split(".")[0] for name, p in policy.named_parameters() if not p.equal(before[name])
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner.believing, "fit", lambda batch, left: {})
        learner.learn(batch, 1.0)
    assert moved() == {"actor_critic"}
    assert all(p.grad is None for p in policy.belief.parameters())
    before = {name: p.clone() for name, p in policy.named_parameters()}
    learner.believing.fit(batch, 1.0)
    assert moved() == {"belief"}


def test_rewards_are_decoded_from_what_does_not_tell_them():
    layout = Layout({"tcp_pos": 2, "last_action": 3, "last_reward": 1, "goal_pos": 1})
    assert varibad.state_columns(layout).tolist() == [0, 1, 6]
    policy, batch = make_policy(layout), Batch.empty(4, 2, 7, 3)
    belief, other = policy.belief, Batch.empty(4, 2, 7, 3)
    other.obs[..., 2:6], other.last_obs[..., 2:6] = 1.0, 1.0
    whole, same = (belief.transitions(belief.lesson(b)) for b in (batch, other))
    assert whole.equal(same)
    other.obs[2, 0, 0] = 1.0  # it is the state of one step, and what the step before led to
    differ = (whole != belief.transitions(belief.lesson(other))).any(dim=-1)
    assert differ.nonzero().tolist() == [[1, 0], [2, 0]]
    with pytest.raises(ValueError, match=r"it has tcp_pos\. Reveal history"):
        varibad.state_columns(Layout({"tcp_pos": 2}))


def test_what_an_episode_ends_with_is_what_its_last_step_led_to():
    batch = Batch.empty(3, 2, 1, 1)
    batch.obs[:, :, 0] = torch.tensor([[0.0, 10.0], [1.0, 11.0], [2.0, 12.0]])
    batch.last_obs[:, 0] = torch.tensor([3.0, 13.0])
    batch.truncated[1, 0] = True
    batch.final_obs[1, 0] = -1.0
    assert batch.successors()[..., 0].tolist() == [[1, 11], [-1, 12], [3, 13]]
    assert batch.trial_ends.tolist() == [[False] * 2] * 2 + [[True] * 2]
    assert batch.trial_ends[-1].all() and batch.truncated[1, 0]


def test_trials_are_learned_as_they_were_acted():
    """The first pass sees the log-probabilities of the policy that acted: belief and all."""
    policy = shaken(make_policy())
    batch = played(policy)
    again = policy.noise.log_prob(policy.actor_critic.mean(policy.seen(batch.obs)), batch.actions)
    torch.testing.assert_close(again, batch.log_probs, atol=1e-4, rtol=1e-4)


def test_the_belief_is_kept_over_episodes_and_given_up_between_trials():
    policy = shaken(make_policy())
    batch = played(policy)
    assert batch.truncated[9].all()  # an episode ended; the next step read on
    whole, cut = policy.seen(batch.obs)[10:], policy.seen(batch.obs[10:])
    assert not torch.allclose(whole, cut, atol=1e-3)
    assert policy.memory is not None
    make_learner(policy, batch).learn(batch, 1.0)
    assert policy.memory is None
    adapter, obs = varibad.MemoryAdapter(policy), batch.obs.numpy()
    spec = TrialSpec(5, 3, 2, 10)
    adapter.begin_trial(8, spec)
    first = [adapter.act(row) for row in obs[:5]]
    on = adapter.act(obs[0])
    adapter.begin_trial(8, spec)
    assert all((adapter.act(row) == before).all() for row, before in zip(obs, first, strict=False))
    assert (on != first[0]).any()


def test_a_belief_over_what_is_hidden_is_right_and_knows_how_sure_it_is():
    """A number that is told with an error, twice: Bayes says what is to be thought of it."""
    generator = drawn()

    def told(worlds):
        batch = Batch.empty(2, worlds, 1, 1, row_size=1, hidden_size=1)
        batch.rows.normal_(generator=generator)
        batch.obs[..., 0] = batch.rows[:, 0] + torch.randn(2, worlds, generator=generator)
        batch.hidden[..., 0] = batch.rows[:, 0] - batch.obs[..., 0]  # how far off it is now
        return batch

    config = replace(SMALL, kept=4096, belief_steps=60, trials=512, belief_rate=1e-2)
    belief = HiddenBelief(1, 2, config, generator)
    learner = BeliefLearner(belief, config, told(512), generator)
    for k in range(12):
        learner.fit(told(512), 1 - k / 12)
    batch = told(4000)
    with torch.no_grad():
        mean, log_var = belief(batch.obs).chunk(2, dim=-1)
    row = batch.obs.cumsum(dim=0) / torch.tensor([2.0, 3.0])[:, None, None]
    exact = torch.cat([row - batch.obs, row], dim=-1)
    assert (mean - belief.scale(exact)).abs().mean() < 0.05
    spread = torch.tensor([1 / 2, 1 / 3])[:, None] / belief.scale.var.float()
    torch.testing.assert_close(log_var.exp().mean(dim=1), spread, atol=0.05, rtol=0)


@pytest.mark.parametrize("decode", KINDS)
def test_it_learns_to_try_each_arm_and_stay_with_the_one_that_pays(decode, tmp_path):
    """Two of three arms are wrong: trying them in turn costs one pull on average."""
    env = BanditEnv(64, horizon=5, episodes=2, chances=best_arm_known)
    config = replace(SMALL, entropy=0.01, target_kl=0.03, final_kl=1.0, gamma=0.98, decode=decode)
    adapter = varibad.train(env, config, Run(tmp_path, steps=80 * 640))
    found = regret(adapter, BanditEnv(200, horizon=5, episodes=2, chances=best_arm_known))
    assert found < 1.5  # guessing costs 6.7, one arm for ever too
    again = BanditEnv(200, horizon=5, episodes=2, chances=best_arm_known)
    assert regret(load(tmp_path), again) == found


@pytest.mark.parametrize("decode", KINDS)
def test_a_killed_run_goes_on_with_the_same_bits(decode, tmp_path):
    config = replace(SMALL, decode=decode, kept=48)  # trials of three of the six rollouts

    def train(name, on_progress=None):
        run = Run(tmp_path / name, seed=5, steps=6 * 160, resume=True, checkpoint_every=2)
        env = BanditEnv(16, horizon=5, episodes=2)
        return varibad.train(env, config, run, on_progress=on_progress)

    assert_a_killed_run_ends_alike(train, tmp_path, "varibad", killed_at=5 * 160)


def test_it_keeps_the_contract_of_the_benchmark():
    """No leak from trial to trial, blind to masked rewards and hidden goals, the same twice."""
    rows = Distribution.draw(["reach"], 2, seed=0)
    env = {"reveal": ("history",), "episodes": 2, "max_episode_steps": 5}
    policy = None

    def entrant(worlds):
        nonlocal policy
        policy = policy or shaken(make_policy(worlds.layout, 5))
        return varibad.MemoryAdapter(policy)

    assert examine(entrant, rows, seed=0, per_task=2, **env) == ()


@pytest.mark.parametrize(
    "wrong", [{"latent": 0}, {"reward_std": 0.0}, {"gamma": 2.0}, {"decode": "row"}]
)
def test_options_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        varibad.Config(**wrong)
