"""Multi-task SAC: what its critics and scales compute, what it keeps, and that it learns."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from robotasks.agents import load, mtsac
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.categorical import projected
from robotasks.agents.parts.nets import residual, squashed
from robotasks.agents.parts.norm import TaskReturnLimit
from robotasks.agents.parts.run import Run
from robotasks.agents.parts.store import Store
from robotasks.benchmark.agent import TrialSpec

from .resuming import assert_a_killed_run_ends_alike
from .test_mtppo import success_by_task
from .toy import TurnedPointEnv

SMALL = mtsac.Config(
    rollout=8,
    hidden=(32, 32),
    batch=128,
    learning_starts=1000,
    buffer=20_000,
    gamma=0.9,
    tau=0.05,
    learning_rate=3e-3,
)
PAYS = (1.0, 0.01, 100.0)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="one-hot"),
        pytest.param({"embedding": 4, "heads": "task"}, id="heads", marks=pytest.mark.slow),
    ],
)
def test_learns_all_tasks_though_they_pay_differently(options, tmp_path):
    run = Run(tmp_path, steps=20_000)
    adapter = mtsac.train(
        TurnedPointEnv(63, pays=PAYS), replace(SMALL, final_rate=1.0, **options), run
    )
    assert min(success_by_task(adapter)) >= 0.9
    assert success_by_task(load(tmp_path)) == success_by_task(adapter)


def rollout(number, steps=4, worlds=6):
    """A rollout whose every number tells its step and world; the world 1 ends at each step."""
    batch = Batch.empty(steps, worlds, 3, 2)
    place = 1000.0 * number + torch.arange(steps * worlds).reshape(steps, worlds)
    for name in ("obs", "actions", "final_obs"):
        getattr(batch, name)[:] = place[..., None]
    batch.final_obs.mul_(-1)
    batch.last_obs[:] = 0.5
    batch.rewards[:] = place
    batch.truncated[:, 1] = True
    batch.terminated[:, 2] = True
    return batch


def test_the_store_holds_the_latest_transitions_and_what_they_led_to():
    store = Store(2 * 24, rollout(0))
    generator = torch.Generator().manual_seed(0)
    for number in range(5):
        store.add(rollout(number))
        rows, worlds = store.draw(2000, generator)
        kept = [n for n in (number - 1, number) if n >= 0]
        wanted = {1000 * n + i for n in kept for i in range(24)}
        assert set(rows.rewards.int().tolist()) == wanted
        place = rows.rewards.int() % 1000
        assert torch.equal(worlds, place % 6)
        assert torch.equal(rows.actions[:, 0], rows.rewards)
        assert torch.equal(rows.ends, worlds == 2)
        last = place >= 18
        after = torch.where(last, 0.5, rows.rewards + 6)
        after = torch.where((worlds == 1) | (worlds == 2), -rows.rewards, after)
        assert torch.equal(rows.after[:, 1], after)


def test_what_the_store_shows_outlives_the_next_rollout():
    store = Store(2 * 24, rollout(0))
    for number in range(6):
        store.add(rollout(number))
        shown = store.state()
        copies = {name: value.copy() for name, value in shown.items()}
        store.add(rollout(number + 1))
        other = Store(2 * 24, rollout(0))
        other.load(shown)
        before = Store(2 * 24, rollout(0))
        before.load(copies)
        draws = [
            kept.draw(200, torch.Generator().manual_seed(1))[0].rewards for kept in (other, before)
        ]
        assert torch.equal(*draws)
        assert draws[0].max() < 1000 * (number + 1)
        store.load(copies)


def test_values_are_projected_as_by_hand():
    """Each value's chance goes to its neighbours by nearness; the mean stays within the range."""
    atoms = torch.linspace(-2, 2, 5)
    generator = torch.Generator().manual_seed(0)
    values = 4 * torch.rand(50, 5, generator=generator) - 2
    chances = torch.rand(50, 5, generator=generator).softmax(dim=-1)
    found = projected(values, chances, atoms)
    near = (1 - (values[:, :, None] - atoms).abs()).clamp(min=0)
    torch.testing.assert_close(found, (chances[:, :, None] * near).sum(dim=1))
    torch.testing.assert_close(found @ atoms, (values * chances).sum(dim=-1))
    ends = projected(torch.tensor([[-9.0, 9, 2, -2, 0]]), torch.full((1, 5), 0.2), atoms)
    torch.testing.assert_close(ends, torch.tensor([[0.4, 0, 0.2, 0, 0.4]]))


def test_squashed_actions_have_the_density_of_their_distribution():
    """torch's own transformed distribution is the oracle."""
    draw = torch.Generator().manual_seed(0)
    mean, log_std = torch.randn(200, 3, generator=draw), torch.randn(200, 3, generator=draw) - 1
    actions, log_probs = squashed(mean, log_std, draw)
    normal = torch.distributions.Normal(mean.double(), log_std.double().exp())
    oracle = torch.distributions.TransformedDistribution(
        normal, torch.distributions.TanhTransform()
    )
    inside = (actions.abs() < 0.999).all(dim=-1)
    assert inside.sum() > 100
    wanted = oracle.log_prob(actions.double()).sum(dim=-1).float()
    torch.testing.assert_close(log_probs[inside], wanted[inside], atol=2e-2, rtol=1e-3)
    far = squashed(torch.full((1, 1), 30.0), torch.zeros(1, 1), draw)
    assert torch.isfinite(far[1]).all()


def test_the_largest_returns_are_each_tasks_own():
    rng = np.random.default_rng(0)
    rewards = torch.from_numpy(rng.normal(size=(30, 7)).astype(np.float32))
    rewards[:, 1::3] *= -1000
    dones = torch.from_numpy(rng.random((30, 7)) < 0.2)
    limit = TaskReturnLimit(7, 0.9, tasks=3)
    for piece in (slice(0, 13), slice(13, 30)):
        limit.update(rewards[piece], dones[piece])
    largest = np.zeros(3)
    for world in range(7):
        running = 0.0
        for reward, done in zip(rewards[:, world].tolist(), dones[:, world], strict=True):
            running = 0.9 * running + reward
            largest[world % 3] = max(largest[world % 3], abs(running))
            running *= not done
    np.testing.assert_allclose(limit.largest, largest, rtol=1e-5)


def learner(**options):
    """A learner on three tasks that has seen one rollout of twelve worlds."""
    config = replace(SMALL, learning_starts=0, **options)
    policy = mtsac.SoftActorCritic(7, 2, slice(4, 7), config, torch.Generator().manual_seed(1))
    batch = Batch.empty(8, 12, 7, 2)
    batch.obs[:] = torch.randn(8, 12, 7, generator=torch.Generator().manual_seed(2))
    batch.obs[..., 4:] = torch.eye(3).repeat(4, 1)
    batch.rewards[:] = 1.0
    return mtsac.MTSAC(policy, config, batch, tasks=3), batch


def test_a_stopped_clock_is_no_end():
    """What follows counts after a truncation and not after a termination."""
    agent, _ = learner()
    for target in agent.policy.targets:
        target.layers[-1].bias.data[:] = 0
        target.layers[-1].bias.data[80] = 100.0  # sure of the atom 6
    wanted = agent._target(
        torch.tensor([0.5, 0.5]), torch.tensor([False, True]), torch.zeros(2, 7), torch.zeros(2)
    )
    means = wanted @ agent.policy.atoms
    assert means.tolist() == pytest.approx([0.5 + 0.9 * 6, 0.5], abs=1e-3)


def test_each_task_has_its_own_weight_of_the_entropy():
    agent, _ = learner()
    before = agent.log_weight.detach().clone()
    log_probs = torch.tensor([10.0, -10.0])  # task 0 is too certain, task 2 too wild
    agent._improve_temperatures(log_probs, torch.tensor([0, 2]))
    moved = (agent.log_weight - before).tolist()
    assert moved[0] > 0
    assert moved[1] == 0
    assert moved[2] < 0


def test_steps_grow_smaller_towards_the_end():
    agent, batch = learner(final_rate=0.1)
    for left, rate in ((1.0, 3e-3), (0.5, 0.55 * 3e-3), (0.0, 3e-4)):
        agent.learn(batch, left)
        found = [adam.param_groups[0]["lr"] for adam in agent.adams.values()]
        assert found == pytest.approx([rate] * 3)


def test_improving_the_policy_leaves_the_critics_alone():
    agent, batch = learner()
    agent.store.add(batch)
    critics = [p.clone() for p in agent.policy.critics.parameters()]
    actor = [p.clone() for p in agent.policy.actor.parameters()]
    agent._improve_actor(batch.obs.flatten(0, 1), torch.zeros(96))
    assert all(map(torch.equal, critics, agent.policy.critics.parameters()))
    assert not all(map(torch.equal, actor, agent.policy.actor.parameters()))
    assert all(p.requires_grad for p in agent.policy.critics.parameters())


def test_targets_start_as_the_critics_and_follow_them_slowly():
    agent, _ = learner()
    policy = agent.policy
    pairs = [*zip(policy.targets.parameters(), policy.critics.parameters(), strict=True)]
    assert all(torch.equal(target, critic) for target, critic in pairs)
    with torch.no_grad():
        for _, critic in pairs:
            critic += 1
    policy.track(0.25)
    assert all(torch.allclose(critic - target, torch.tensor(0.75)) for target, critic in pairs)


def test_residual_layers_share_one_width():
    generator = torch.Generator().manual_seed(0)
    made = residual((5, 16, 16, 3), "relu", 0.01, generator)
    assert made(torch.ones(2, 5)).shape == (2, 3)
    with pytest.raises(ValueError, match=r"one width, not of \[16, 8\]"):
        residual((5, 16, 8, 3), "relu", 0.01, generator)


def test_a_killed_run_goes_on_with_the_same_bits(tmp_path):
    """The store is full after three updates and has gone round when the run ends."""

    def train(name, on_progress=None):
        run = Run(tmp_path / name, seed=5, steps=9 * 128, resume=True, checkpoint_every=2)
        config = replace(SMALL, buffer=3 * 128, learning_starts=200)
        return mtsac.train(TurnedPointEnv(), config, run, on_progress=on_progress)

    assert_a_killed_run_ends_alike(train, tmp_path, "mtsac", killed_at=7 * 128)


def test_an_interrupted_update_is_as_if_it_had_not_begun(tmp_path, monkeypatch):
    """Ctrl-C between two gradient steps: the rollout that was stored already is stored anew."""

    def train(name):
        run = Run(tmp_path / name, seed=5, steps=6 * 128, resume=True, checkpoint_every=9)
        config = replace(SMALL, buffer=2 * 128, learning_starts=200)
        return mtsac.train(TurnedPointEnv(), config, run)

    step, left = mtsac.MTSAC._step, [30]

    def interrupted(agent):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return step(agent)

    with monkeypatch.context() as patch:
        patch.setattr(mtsac.MTSAC, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train("stopped")
    obs = np.ones((3, 7), np.float32)
    np.testing.assert_array_equal(train("stopped").act(obs), train("whole").act(obs))


def test_the_adapter_repeats_itself(tmp_path):
    run = Run(tmp_path, steps=4 * 128)
    adapter = mtsac.train(TurnedPointEnv(), replace(SMALL, learning_starts=200), run)
    spec, obs = TrialSpec(7, 2, 1, 20), np.random.default_rng(0).normal(size=(5, 7))
    adapter.begin_trial(5, spec)
    first = adapter.act(obs, explore=True)
    assert first.shape == (5, 2)
    assert np.abs(first).max() <= 1
    assert (adapter.act(obs, explore=True) != first).any()
    adapter.begin_trial(5, spec)
    np.testing.assert_array_equal(adapter.act(obs, explore=True), first)
    with pytest.raises(ValueError, match="sizes"):
        adapter.begin_trial(5, replace(spec, observation_size=8))


def test_worlds_it_cannot_learn_in_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"mtsac has to be told which of the 3 tasks"):
        mtsac.train(TurnedPointEnv(told=False), SMALL, Run(tmp_path / "run"))
    with pytest.raises(ValueError, match="buffer of 100 cannot hold a rollout of 128"):
        mtsac.train(TurnedPointEnv(), replace(SMALL, buffer=100), Run(tmp_path / "run"))
    with pytest.raises(ValueError, match="Lower ratio"):
        mtsac.train(TurnedPointEnv(), replace(SMALL, ratio=129), Run(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "wrong", [{"ratio": 0}, {"gamma": 2.0}, {"tau": 0.0}, {"temperature": 0.0}, {"embedding": 0}]
)
def test_options_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        mtsac.Config(**wrong)


def test_the_entropy_that_is_wanted_is_that_of_a_spread():
    """What the documentation of `entropy` says: a normal distribution of spread 0.15."""
    assert math.log(0.15) + 0.5 * math.log(2 * math.pi * math.e) == pytest.approx(-0.5, abs=0.03)
