"""A policy with a memory: what it reads, when it forgets, and that it learns to learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robotasks import Distribution
from robotasks.agents import load, rl2
from robotasks.agents.parts.collect import Collector
from robotasks.agents.parts.cores import GRUCore, TransformerCore
from robotasks.agents.parts.run import Run
from robotasks.benchmark.agent import TrialSpec
from robotasks.benchmark.contract import examine

from .resuming import assert_a_killed_run_ends_alike
from .toy import BanditEnv, best_arm_known, regret

SMALL = rl2.Config(width=32, hidden=32, epochs=4, minibatches=4, target_kl=0.03, final_kl=1.0)
CORES = ("gru", "transformer")


def make_core(name, generator):
    return GRUCore(5, 16, generator) if name == "gru" else TransformerCore(5, 16, 12, generator)


def make_policy(core="gru", trial=20, **options):
    config = replace(SMALL, core=core, **options)
    return rl2.MemoryPolicy(5, 3, trial, 0, config, torch.Generator().manual_seed(1))


def shaken(policy):
    """The same policy with weights that matter, the last layers included."""
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=policy.generator)
    return policy


@pytest.mark.parametrize("name", CORES)
def test_reading_step_by_step_is_reading_at_once(name):
    core = shaken_core = make_core(name, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in shaken_core.parameters():
            parameter += 0.3 * torch.randn(parameter.shape)
    x = torch.randn(12, 4, 5)
    memory, steps = core.start(4), []
    for row in x:
        y, memory = core.step(row, memory)
        steps.append(y)
    torch.testing.assert_close(torch.stack(steps), core(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", CORES)
@settings(max_examples=10, deadline=None)
@given(when=st.integers(0, 11), world=st.integers(0, 3))
def test_what_comes_later_or_elsewhere_changes_nothing(name, when, world):
    core = make_core(name, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in core.parameters():
            parameter += 0.3 * torch.randn(
                parameter.shape, generator=torch.Generator().manual_seed(3)
            )
    x = torch.randn(12, 4, 5, generator=torch.Generator().manual_seed(2))
    other = x.clone()
    other[when, world] += 1.0
    changed = (core(x) - core(other)).abs().amax(dim=-1) > 1e-6
    assert not changed[:when].any() and not changed[:, torch.arange(4) != world].any()
    assert changed[when:, world].all()


def test_trials_are_learned_as_they_were_acted():
    """The first pass sees the log-probabilities of the policy that acted: memory and all."""
    for core in CORES:
        policy = shaken(make_policy(core))
        env = BanditEnv(8, horizon=10, episodes=2)
        collector = Collector(env, policy, 20, anew=True)
        collector.start(0)
        batch = collector.rollout()
        mean, _, _ = policy(policy.normalise(batch.obs), batch.rows)
        again = policy.noise.log_prob(mean, batch.actions)
        torch.testing.assert_close(again, batch.log_probs, atol=1e-4, rtol=1e-4)


def test_the_memory_is_kept_over_episodes_and_emptied_between_trials():
    policy = shaken(make_policy())
    learner = rl2.RL2(policy, SMALL, 8)
    collector = Collector(BanditEnv(8, horizon=10, episodes=2), policy, 20, anew=True)
    collector.start(0)
    batch = collector.rollout()
    assert batch.truncated[9].all()  # an episode ended; the next step read on
    again, _, _ = policy(policy.normalise(batch.obs)[:15], batch.rows)
    cut, _, _ = policy(policy.normalise(batch.obs)[10:15], batch.rows)
    assert not torch.allclose(again[10:], cut, atol=1e-3)
    assert policy.memory is not None
    learner.learn(batch, 1.0)
    assert policy.memory is None


@pytest.mark.parametrize("core", CORES)
def test_it_learns_to_try_each_arm_and_stay_with_the_one_that_pays(core, tmp_path):
    """Two of three arms are wrong: trying them in turn costs one pull on average."""
    env = BanditEnv(64, horizon=5, episodes=2, chances=best_arm_known)
    config = replace(SMALL, core=core, entropy=0.01)
    adapter = rl2.train(env, config, Run(tmp_path, steps=60 * 640))
    fresh = BanditEnv(200, horizon=5, episodes=2, chances=best_arm_known)
    found = regret(adapter, fresh)
    assert found < 1.5  # guessing costs 6.7, one arm for ever too
    again = BanditEnv(200, horizon=5, episodes=2, chances=best_arm_known)
    assert regret(load(tmp_path), again) == found


def thompson(trials, pulls, arms=3, seed=5):
    """Mean regret of Thompson sampling with uniform priors."""
    rng = np.random.default_rng(seed)
    chances = rng.random((trials, arms))
    won, lost = np.ones((2, trials, arms))
    total = np.zeros(trials)
    every = np.arange(trials)
    for _ in range(pulls):
        arm = rng.beta(won, lost).argmax(axis=1)
        chance = chances[every, arm]
        paid = rng.random(trials) < chance
        won[every, arm] += paid
        lost[every, arm] += ~paid
        total += chances.max(axis=1) - chance
    return total.mean()


@pytest.mark.slow
def test_its_regret_on_hidden_arms_is_near_that_of_thompson_sampling(tmp_path):
    env = BanditEnv(256, horizon=10, episodes=2)
    config = replace(SMALL, width=64, hidden=64, entropy=0.005, final_kl=0.2)
    adapter = rl2.train(env, config, Run(tmp_path, steps=300 * 256 * 20))
    found = regret(adapter, BanditEnv(2000, horizon=10, episodes=2))
    assert found < 1.2 * thompson(2000, 20)


def test_a_memory_that_infers_tells_the_row_of_its_trial(tmp_path):
    """After ten pulls it knows the arm that pays, from what it was paid alone."""
    env = BanditEnv(64, horizon=5, episodes=2, chances=best_arm_known)
    config = replace(SMALL, entropy=0.01, infer=1.0)
    rl2.train(env, config, Run(tmp_path, steps=60 * 640))
    policy = load(tmp_path).policy
    collector = Collector(env, policy, 10, anew=True, rows=True)
    collector.start(7)
    batch = collector.rollout()
    assert (batch.rows[:, None] != batch.rows).any(dim=-1).any()  # rows differ, and are known
    with torch.no_grad():
        told, _ = policy.tell(policy.core(policy.normalise(batch.obs))).chunk(2, dim=-1)
    wrong = (told.argmax(dim=-1) != batch.rows.argmax(dim=-1)).float().mean(dim=1)
    assert wrong[0] > 0.5 and wrong[-1] < 0.1  # guessing is wrong in two of three


@pytest.mark.parametrize(
    "options", [{"core": "gru"}, {"core": "transformer"}, {"core": "gru", "infer": 1.0}]
)
def test_a_killed_run_goes_on_with_the_same_bits(options, tmp_path):
    def train(name, on_progress=None):
        run = Run(tmp_path / name, seed=5, steps=6 * 160, resume=True, checkpoint_every=2)
        env = BanditEnv(16, horizon=5, episodes=2)
        return rl2.train(env, replace(SMALL, **options), run, on_progress=on_progress)

    assert_a_killed_run_ends_alike(train, tmp_path, "rl2", killed_at=5 * 160)


def test_it_keeps_the_contract_of_the_benchmark():
    """No leak from trial to trial, blind to masked rewards and hidden goals, the same twice."""
    rows = Distribution.draw(["reach"], 2, seed=0)
    env = {"reveal": ("history",), "episodes": 2, "max_episode_steps": 5}
    policy = None

    def entrant(worlds):
        nonlocal policy
        if policy is None:
            sizes = worlds.layout.size, 5
            made = rl2.MemoryPolicy(*sizes, 10, 0, SMALL, torch.Generator().manual_seed(0))
            policy = shaken(made)
        return rl2.MemoryAdapter(policy)

    assert examine(entrant, rows, seed=0, per_task=2, **env) == ()


@pytest.mark.parametrize("core", ["gru", "transformer"])
def test_further_episodes_of_a_trial_are_the_last_that_it_learned_from_again(core):
    adapter = rl2.MemoryAdapter(shaken(make_policy(core, trial=30)))
    obs = np.random.default_rng(0).normal(size=(6, 10, 2, 5)).astype(np.float32)
    adapter.begin_trial(2, TrialSpec(5, 3, 6, 10))
    begun, ended = [], []
    for episode in obs:
        begun.append(adapter.memory)
        for seen in episode:
            adapter.act(seen)
        ended.append(adapter.memory)
        adapter.end_episode(np.ones(2, bool))
    assert begun[0] is None
    assert begun[1] is ended[0]
    assert all(memory is ended[1] for memory in begun[2:])


def test_a_memory_refuses_worlds_that_do_not_fit_it():
    adapter = rl2.MemoryAdapter(make_policy(trial=20))
    with pytest.raises(ValueError, match="21 steps, but this agent learned from trials of 20"):
        adapter.begin_trial(2, TrialSpec(5, 3, 2, 21))
    with pytest.raises(ValueError, match="trained for"):
        adapter.begin_trial(2, TrialSpec(6, 3, 2, 10))


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"gamma": 2.0}, {"learning_rate": 0.0}, {"infer": -1.0}]
)
def test_options_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        rl2.Config(**wrong)
    with pytest.raises(ValueError, match="no 4 minibatches of whole trials"):
        rl2.RL2(make_policy(), SMALL, 3)
