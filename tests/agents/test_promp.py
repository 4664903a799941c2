"""A policy that gradient steps adapt: are its gradients right, does it learn and forget?"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from robotasks import Distribution
from robotasks.agents import load, promp
from robotasks.agents.parts.baseline import baseline_advantages, clock
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.run import Run
from robotasks.agents.parts.trials import SteppingAdapter, Trials
from robotasks.benchmark.agent import TrialSpec
from robotasks.benchmark.contract import examine
from robotasks.benchmark.evaluate import evaluate

from .resuming import assert_a_killed_run_ends_alike
from .toy import BanditEnv, TargetEnv

SMALL = promp.Config(shots=1, hidden=(16,), inner_rate=0.5)


def make_policy(config=SMALL, sizes=(5, 3), seed=1):
    return promp.AdaptivePolicy(*sizes, config, torch.Generator().manual_seed(seed))


def make_learner(config=SMALL, steps=1, **kwargs):
    return promp.ProMP(make_policy(config, **kwargs), config, steps)


def gaussian(theta, count=20_001):
    """Actions around `theta` with spread 1, evenly by probability, as one stage without rewards."""
    shares = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    actions = theta + torch.special.ndtri(shares)
    return actions, -0.5 * (actions - theta) ** 2


@pytest.mark.parametrize(("order", "expected"), [("full", 1.920), ("first", 2.400)])
def test_the_curvature_of_the_inner_step_is_kept(order, expected):
    """One number is adapted, paid -(a - 1.5)^2: dJ/dtheta after a step of 0.1 is known exactly.

    A step goes from 0 to 0.3, where the slope is 2.4; the step shrinks what remains by 0.8.
    """
    config = replace(SMALL, hidden=(), order=order, inner_rate=0.1, initial_std=1.0, clip=1e9)
    policy = make_policy(config, sizes=(1, 1)).double()
    learner = promp.ProMP(policy, config, steps=1)
    start = {"0.weight": torch.zeros(1, 1), "0.bias": torch.zeros(1)}
    start = {name: value.double().requires_grad_() for name, value in start.items()}

    def stage(theta):
        actions, _ = gaussian(theta)
        paid = -((actions - 1.5) ** 2)
        advantages = paid - paid.mean()
        empty = promp.Stage(
            torch.zeros(len(actions), 1).double(), actions[:, None], *[advantages] * 3
        )
        at = {"0.weight": torch.zeros(1, 1).double(), "0.bias": torch.tensor([theta]).double()}
        return empty._replace(log_probs=policy.log_probs(at, empty).detach())

    loss, _ = learner.loss(start, [stage(0.0), stage(0.3)])
    loss.backward()
    assert -start["0.bias"].grad.item() == pytest.approx(expected, abs=2e-3)


def drawn_stages(count, worlds=3, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return [
        promp.Stage(
            torch.randn(12, worlds, 5, generator=draw).double(),
            torch.randn(12, worlds, 3, generator=draw).double(),
            -3 + 0.3 * torch.randn(12, worlds, generator=draw).double(),
            torch.randn(12, worlds, generator=draw).double(),
            torch.randn(12, worlds, generator=draw).double(),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("steps", [1, 2])
def test_the_gradient_is_that_of_finite_differences(steps):
    """Of the loss over all rows, in random directions of all that is learned, rates included."""
    config = replace(SMALL, inner_kl=0.3, clip=1e9)
    learner = make_learner(config, steps)
    policy = learner.policy.double()
    stages = drawn_stages(steps + 1)

    def loss():
        rows = torch.func.vmap(learner.loss, in_dims=(None, 1))(policy.start.weights, stages)
        return rows[0].mean()

    parameters = [*policy.parameters()]
    gradients = torch.autograd.grad(loss(), parameters)
    draw = torch.Generator().manual_seed(3)
    for _ in range(4):
        ways = [torch.randn(p.shape, generator=draw).double() for p in parameters]
        found = sum((g * way).sum() for g, way in zip(gradients, ways, strict=True))
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                for p, way in zip(parameters, ways, strict=True):
                    p += sign * 1e-5 * way
                ends.append(loss().item())
                for p, way in zip(parameters, ways, strict=True):
                    p -= sign * 1e-5 * way
        assert found.item() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-7)


def test_rows_adapt_alone_and_alike_in_any_company():
    policy = make_policy()
    stages = drawn_stages(1, worlds=4)
    part = [field.float() for field in stages[0]]
    batch = Batch.empty(12, 4, 5, 3)
    batch.obs[:], batch.actions[:], batch.log_probs[:], batch.rewards[:] = part[:4]
    rows = policy.begin(4)
    rows.learn(batch)
    for i in range(4):
        own = policy.stepped(
            policy.start.weights, promp.Stage(*(f[:, i] for f in policy.stage(batch)))
        )
        for name, value in own.items():
            torch.testing.assert_close(rows.weights[name][i], value.detach(), atol=1e-6, rtol=1e-5)
            assert not value.equal(policy.start.weights[name])


def test_reptile_moves_the_start_towards_where_rows_end():
    config = replace(SMALL, order="reptile", learning_rate=1e-3)
    learner = make_learner(config)
    stages = [promp.Stage(*(f.float() for f in stage)) for stage in drawn_stages(2)]
    start = {name: p.detach().clone() for name, p in learner.policy.start.weights.items()}
    ends = []
    for i in range(3):
        weights = start
        for stage in stages:
            weights = learner.policy.stepped(weights, promp.Stage(*(f[:, i] for f in stage)))
        ends.append(weights)
    learner._reptile_step(stages)
    for name, p in learner.policy.start.weights.items():
        aim = torch.stack([end[name] for end in ends]).mean(dim=0) - start[name]
        moved = p.detach() - start[name]
        big = aim.abs() > 1e-5
        assert big.any() and (moved.sign() == aim.sign())[big].all()  # Adam's first step: the sign
    before = learner.policy.noise.log_std.detach().clone()
    assert learner.policy.noise.log_std.equal(before)


def test_the_clock_begins_anew_where_an_episode_ends():
    ends = torch.tensor([[False, True], [False, False], [True, False], [False, False]])
    assert clock(ends).T.tolist() == [[0, 1, 2, 0], [0, 0, 1, 2]]


def test_the_baseline_takes_away_what_state_and_time_explain():
    """Returns that are a line of the observation leave no advantage; paid alike, there is none."""
    draw = torch.Generator().manual_seed(0)
    obs = torch.randn(200, 2, 3, generator=draw)
    rewards = obs @ torch.tensor([1.0, -2.0, 0.5])
    ends = torch.ones(200, 2, dtype=torch.bool)  # every step is an episode: no future
    acted = 0.01 * torch.randn(200, 2, generator=draw)
    found = baseline_advantages(obs, rewards + acted, ends, 0.9, 1.0, 1e-9)
    for i in range(2):
        assert np.corrcoef(found[:, i], acted[:, i])[0, 1] > 0.95
    torch.testing.assert_close(found.std(dim=0), torch.ones(2))
    none = baseline_advantages(obs, torch.zeros(200, 2), ends, 0.9, 1.0, 1e-3)
    assert (none == 0).all()


def test_advantages_do_not_cross_the_end_of_an_episode():
    draw = torch.Generator().manual_seed(0)
    obs, rewards = torch.randn(20, 1, 2, generator=draw), torch.rand(20, 1, generator=draw)
    ends = torch.zeros(20, 1, dtype=torch.bool)
    ends[9] = True
    dear = 1e9  # no slopes: what remains is the mean return, taken away from all steps alike
    found = baseline_advantages(obs, rewards, ends, 0.9, 1.0, dear)
    other = rewards.clone()
    other[10:] = 1 - rewards[10:]
    again = baseline_advantages(obs, other, ends, 0.9, 1.0, dear)
    early, late = found[:10, 0], again[:10, 0]
    assert np.corrcoef(early, late)[0, 1] > 0.99999
    assert np.corrcoef(found[10:, 0], again[10:, 0])[0, 1] < 0.99


def distances(adapter, env):
    """Mean distance of the mean actions from what is hidden, before the first step and after it."""
    obs, _ = env.reset(seed=77)
    spec = TrialSpec(obs.shape[1], env.chances.shape[1], env.episodes, env.horizon)
    adapter.begin_trial(env.num_envs, spec)
    start = adapter.rows.mean(torch.from_numpy(obs)).numpy()
    before = np.linalg.norm(start - env.chances, axis=1).mean()
    for _ in range(env.horizon):
        actions = adapter.act(obs)
        obs, rewards, _, ends, _ = env.step(actions)
        adapter.observe(actions, rewards, obs, ends)
    after = np.linalg.norm(adapter.act(obs) - env.chances, axis=1).mean()
    return before, after


def off_centre(rng, drawn):
    """Places around (0.5, 0.5, 0.5), 0.24 away from it on average."""
    return 0.25 + 0.5 * drawn


@pytest.mark.parametrize(
    ("order", "start", "end"), [("full", 0.28, 0.16), ("first", 0.28, 0.16), ("reptile", 0.4, 0.35)]
)
def test_it_learns_where_to_start_and_how_far_to_step(order, start, end, tmp_path):
    """At first it is 0.89 off and a step mends 0.02 of it; Reptile learns no longer steps."""
    config = replace(SMALL, order=order, learning_rate=1e-2, inner_rate=0.02)
    config = replace(config, inner_gamma=0.0, gamma=0.0)

    def worlds(count):
        return TargetEnv(count, horizon=20, episodes=2, chances=off_centre)

    adapter = promp.train(worlds(64), config, Run(tmp_path, steps=40 * 2560))
    before, after = distances(adapter, worlds(200))
    assert before < start and after < end
    assert distances(load(tmp_path), worlds(200)) == (before, after)


def test_a_killed_run_goes_on_with_the_same_bits(tmp_path):
    def train(name, on_progress=None):
        run = Run(tmp_path / name, seed=5, steps=6 * 160, resume=True, checkpoint_every=2)
        env = BanditEnv(16, horizon=5, episodes=2)
        return promp.train(env, SMALL, run, on_progress=on_progress)

    assert_a_killed_run_ends_alike(train, tmp_path, "promp", killed_at=5 * 160)


def test_a_rollout_is_a_trial_whose_stages_are_played_with_adapted_weights():
    env, policy = BanditEnv(8, horizon=5, episodes=3), make_policy()
    trials = Trials(env, policy, steps=5, stages=3)
    trials.collector.start(0)
    assert trials.per_update == 3 * 5 * 8
    played = trials.rollout()
    assert trials.steps == trials.per_update
    assert [part.truncated[-1].all().item() for part in played] == [True] * 3
    rows = policy.begin(8)
    for part in played:
        mean = torch.stack([rows.mean(obs) for obs in part.obs])
        again = policy.noise.log_prob(mean, part.actions)
        torch.testing.assert_close(again, part.log_probs, atol=1e-5, rtol=1e-5)
        rows.learn(part)
    first, second = played[0].log_probs, trials.rollout()[0]
    mean = torch.stack([policy.begin(8).mean(obs) for obs in second.obs])
    torch.testing.assert_close(
        policy.noise.log_prob(mean, second.actions), second.log_probs, atol=1e-5, rtol=1e-5
    )
    assert not first.equal(second.log_probs)


SPEC = TrialSpec(5, 3, 4, 2)


def played(adapter, obs, rewards, spec=SPEC, explore=False):
    """The actions of a trial with these observations (T, n, o) and rewards (T, n)."""
    adapter.begin_trial(obs.shape[1], spec)
    actions = []
    for t, (seen, paid) in enumerate(zip(obs, rewards, strict=True)):
        actions.append(adapter.act(seen, explore))
        ends = np.full(len(seen), (t + 1) % spec.horizon == 0)
        adapter.observe(actions[-1], paid, seen, ends)
        if ends.all() and t + 1 < len(obs):
            adapter.end_episode(ends)
    return np.stack(actions)


def test_the_adapter_samples_until_its_last_step_and_forgets_between_trials():
    rng = np.random.default_rng(0)
    obs = np.repeat(rng.normal(size=(1, 3, 5)), 8, axis=0).astype(np.float32)
    rewards = rng.random((8, 3))
    adapter = SteppingAdapter(make_policy(), shots=1, steps=2)
    first = played(adapter, obs, rewards)
    for one, other in [(0, 1), (1, 2), (2, 3), (3, 4)]:
        assert (first[one] != first[other]).any()
    assert (first[4:] == first[4]).all()  # two stages of two steps were sampled, the rest is not
    again = played(adapter, obs, rewards)
    np.testing.assert_array_equal(first, again)
    otherwise = played(adapter, obs, rewards[::-1])
    np.testing.assert_array_equal(first[:2], otherwise[:2])
    assert (first[2:] != otherwise[2:]).any()
    explored = played(adapter, obs, rewards, explore=True)
    np.testing.assert_array_equal(first[:4], explored[:4])
    assert (explored[4] != explored[5]).any()
    alone = played(adapter, obs[:, 1:2], rewards[:, 1:2])  # a world's noise is its own
    np.testing.assert_allclose(alone[:, 0], first[:, 1], atol=1e-5)


def test_unpaid_it_does_not_step():
    obs = np.zeros((8, 3, 5), np.float32)
    adapter = SteppingAdapter(make_policy(), shots=1, steps=2)
    played(adapter, obs, np.zeros((8, 3)))
    for name, value in adapter.policy.start.weights.items():
        assert (adapter.rows.weights[name] == value).all()


def test_it_keeps_the_contract_of_the_benchmark():
    """No leak from trial to trial, blind to masked rewards and hidden goals, the same twice."""
    rows = Distribution.draw(["reach"], 2, seed=0)
    env = {"reveal": (), "episodes": 2, "max_episode_steps": 5, "threads": 1}

    def entrant(worlds):
        policy = make_policy(sizes=(worlds.layout.size, 5))
        return SteppingAdapter(policy, shots=1, steps=1)

    assert examine(entrant, rows, seed=0, per_task=2, **env) == ()


def test_an_episode_that_is_lost_is_learned_from_up_to_there():
    """The environment begins another one in its place; no advantage crosses."""
    rewards = np.random.default_rng(0).random((2, 3))
    adapter = SteppingAdapter(make_policy(), shots=1, steps=1)
    obs = np.ones((2, 3, 5), np.float32)

    def actions(lost):
        adapter.begin_trial(3, SPEC)
        for t in range(2):
            adapter.observe(
                adapter.act(obs[t]), rewards[t], obs[t], np.array([lost and t == 0] * 3)
            )
        return adapter.act(obs[0])

    assert (actions(True) != actions(False)).any()


@pytest.mark.parametrize(
    ("episodes", "shots", "steps"), [(4, 2, 1), (10, 2, 4), (2, 1, 1), (4, 1, 3)]
)
def test_a_trial_is_made_of_stages(episodes, shots, steps):
    assert promp.steps_of(episodes, shots) == steps


@pytest.mark.parametrize(("episodes", "shots"), [(5, 2), (2, 2), (1, 1)])
def test_trials_that_are_not_made_of_stages_are_refused(episodes, shots):
    with pytest.raises(ValueError, match=f"trial of {episodes} episodes .* stages of {shots}"):
        promp.steps_of(episodes, shots)


@pytest.mark.parametrize(
    "wrong", [{"shots": 0}, {"inner_rate": 0.0}, {"gamma": 2.0}, {"inner_kl": -1.0}]
)
def test_options_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        promp.Config(**wrong)


def test_other_worlds_are_refused():
    with pytest.raises(ValueError, match="trained for"):
        SteppingAdapter(make_policy(), 1, 1).begin_trial(2, TrialSpec(6, 3, 2, 10))


def test_a_score_does_not_depend_on_how_many_rows_are_played_at_a_time():
    rows = Distribution.draw(["reach"], 4, seed=0)
    env = {"reveal": (), "episodes": 2, "max_episode_steps": 5, "threads": 1}

    def entrant(worlds):
        return SteppingAdapter(make_policy(sizes=(worlds.layout.size, 5)), shots=1, steps=1)

    whole, parts = (evaluate(entrant, rows, worlds=n, **env) for n in (4, 2))
    for one, other in zip(whole.records, parts.records, strict=True):
        assert one.episode_return == pytest.approx(other.episode_return, abs=1e-4)
