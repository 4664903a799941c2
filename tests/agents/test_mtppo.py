"""One policy for several tasks: what it is told, how they are kept apart, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from robotasks import TaskVectorEnv
from robotasks.agents import load, mtppo, ppo
from robotasks.agents.parts.norm import ReturnScale, return_scale, standardised
from robotasks.agents.parts.run import Run
from robotasks.agents.parts.tasks import task_columns
from robotasks.agents.ppo import Rows, whole_gradient
from robotasks.benchmark.agent import TrialSpec

from .resuming import assert_a_killed_run_ends_alike
from .toy import TurnedPointEnv

SMALL = mtppo.Config(rollout=8, hidden=(32, 32), epochs=3, minibatches=4)
SPEC = TrialSpec(observation_size=7, action_size=2, episodes=1, horizon=20)


def success_by_task(adapter, episodes=120, told=True):
    env = TurnedPointEnv(episodes, told=told)
    obs, _ = env.reset(seed=10_000)
    env.elapsed[:] = 0
    adapter.begin_trial(episodes, replace(SPEC, observation_size=obs.shape[1]))
    for _ in range(env.horizon):
        obs, _, _, _, infos = env.step(adapter.act(obs, explore=False))
    success = infos["final_info"]["success"]
    return [success[env.which == task].mean() for task in range(3)]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="one-hot"),
        pytest.param({"embedding": 4}, id="embedding", marks=pytest.mark.slow),
        pytest.param({"heads": "task", "combine": "pcgrad"}, id="pcgrad"),
        pytest.param({"heads": "task", "combine": "cagrad"}, id="cagrad", marks=pytest.mark.slow),
    ],
)
def test_learns_all_tasks_though_they_pay_differently(options, tmp_path):
    config = replace(SMALL, rollout=8, epochs=5, **options)
    env = TurnedPointEnv(63, pays=(1.0, 0.01, 100.0))
    run = Run(tmp_path, steps=50_000)
    adapter = mtppo.train(env, replace(config, minibatches=7), run)
    assert min(success_by_task(adapter)) >= 0.9
    assert success_by_task(load(tmp_path)) == success_by_task(adapter)


def test_a_policy_that_is_not_told_the_task_does_not_learn_them_all(tmp_path):
    """The contrast: pooled, all data into one model."""
    config = ppo.Config(rollout=24, hidden=(32, 32), epochs=5, minibatches=7)
    adapter = ppo.train(TurnedPointEnv(63, told=False), config, Run(tmp_path, steps=50_000))
    assert np.mean(success_by_task(adapter, told=False)) < 0.5


def test_several_tasks_have_to_be_told(tmp_path):
    with pytest.raises(ValueError, match=r"which of the 3 tasks.*--reveal goal task"):
        mtppo.train(TurnedPointEnv(told=False), SMALL, Run(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_choices_that_a_goal_names_may_stand_for_tasks():
    env = TaskVectorEnv("lid-choose", 2, autoreset_mode="SameStep")
    columns = task_columns(env, "goal_which", "mtppo")
    assert columns == env.layout.columns("goal_which")
    with pytest.raises(ValueError, match="Did you mean goal_which"):
        task_columns(env, "goal_what", "mtppo")


def test_one_task_need_not_be_told(tmp_path):
    env = TurnedPointEnv(tasks=1, told=False)
    mtppo.train(env, SMALL, Run(tmp_path, steps=256))
    assert load(tmp_path).act(np.zeros((2, 4), np.float32)).shape == (2, 2)


def test_returns_are_scaled_within_each_task():
    """As separate scales do, world by world; other tasks' rewards change nothing."""
    rng = np.random.default_rng(0)
    both = return_scale(7, 0.9, tasks=3)
    alone = [ReturnScale(len(range(7)[k::3]), 0.9) for k in range(3)]
    for _ in range(3):
        rewards = torch.from_numpy(rng.normal(size=(5, 7)).astype(np.float32))
        rewards[:, 1::3] *= 1000
        dones = torch.from_numpy(rng.random((5, 7)) < 0.2)
        both.update(rewards, dones)
        scaled = both(rewards)
        for task, scale in enumerate(alone):
            scale.update(rewards[:, task::3], dones[:, task::3])
            assert torch.equal(scaled[:, task::3], scale(rewards[:, task::3]))


def test_advantages_are_standardised_within_each_task():
    values = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    values[:, ::3] = 100 + 1000 * values[:, ::3]
    found = standardised(values, 3)
    for task in range(3):
        own = found[:, task::3]
        assert own.mean().abs() < 1e-5
        assert abs(own.std() - 1) < 1e-5
    assert torch.equal(standardised(values), (values - values.mean()) / (values.std() + 1e-8))


def test_each_task_has_its_own_spread_of_actions():
    agent, rows = learner(entropy=0.0)
    policy, second = agent.ppo.policy, rows.obs[:, 5] == 1
    agent.ppo.loss(rows.take(second))[0].backward()
    gradient = policy.noise.log_std.grad
    assert (gradient[1] != 0).all() and (gradient[[0, 2]] == 0).all()
    with torch.no_grad():
        policy.noise.log_std[1] = -20.0
    off = (policy.act(rows.obs)[0] - policy.mean(rows.obs)).abs().amax(dim=1)
    assert ((off < 1e-6) == second).all()


def learner(**options):
    """A learner on three tasks, and rows of a rollout, equally many of each."""
    config = replace(SMALL, **options)
    policy = mtppo._policy(7, 2, slice(4, 7), config, seed=1)
    agent = mtppo.MTPPO(policy, config, worlds=12, tasks=3)
    draw = torch.Generator().manual_seed(2)
    obs = torch.randn(96, 7, generator=draw)
    obs[:, 4:] = torch.eye(3).repeat(32, 1)
    columns = [torch.randn(96, generator=draw) for _ in range(4)]
    return agent, Rows(obs, torch.randn(96, 2, generator=draw), *columns)


def gradients_of(agent, how, rows):
    agent.ppo.adam.zero_grad()
    how(agent.ppo.loss, rows)
    return {name: p.grad.clone() for name, p in agent.ppo.policy.named_parameters()}


@pytest.mark.parametrize("options", [{}, {"heads": "task"}, {"embedding": 3}])
def test_the_mean_of_the_tasks_gradients_is_the_gradient_of_all_rows(options):
    agent, rows = learner(**options)
    whole = gradients_of(agent, whole_gradient, rows)
    for name, grad in gradients_of(agent, agent.gradients, rows).items():
        torch.testing.assert_close(grad, whole[name], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("combine", ["pcgrad", "cagrad"])
def test_rules_touch_what_tasks_share_and_leave_the_heads_alone(combine):
    agent, rows = learner(heads="task", combine=combine)
    rows.returns[:] = 5 * (rows.obs[:, 4] - rows.obs[:, 5])  # two tasks that pull apart
    assert agent.ppo.gradient is agent.gradients
    whole = gradients_of(agent, whole_gradient, rows)
    found = gradients_of(agent, agent.gradients, rows)
    last = [name for name in whole if ".layers.4." in name]
    assert len(last) == 4
    for name in last:
        torch.testing.assert_close(found[name], whole[name], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(found["critic.layers.2.weight"], whole["critic.layers.2.weight"])


def test_a_head_learns_from_its_own_task():
    agent, rows = learner(heads="task")
    only = rows.take(agent.gradients.network.task(rows.obs) == 1)
    grad = gradients_of(agent, whole_gradient, only)["actor.layers.4.weight"]
    assert (grad.unflatten(0, (3, 2)).abs().sum(dim=(1, 2)) > 0).tolist() == [False, True, False]


def test_conflicts_are_the_cosines_of_the_tasks_gradients():
    agent, rows = learner()
    found = agent.gradients.conflicts(agent.ppo.loss, rows)
    flat = []
    for task in range(3):
        only = rows.take(agent.gradients.network.task(rows.obs) == task)
        grads = gradients_of(agent, whole_gradient, only)
        flat.append(torch.cat([g.flatten() for n, g in grads.items() if n.startswith("critic")]))
    pairs = {
        (i, j): torch.cosine_similarity(flat[i], flat[j], dim=0).item()
        for i, j in ((0, 1), (0, 2), (1, 2))
    }
    for (i, j), cosine in pairs.items():
        assert found[f"critic_cosine.{i}.{j}"] == pytest.approx(cosine, abs=1e-4)
    values = np.array(list(pairs.values()))
    assert found["critic_cosine"] == pytest.approx(values.mean(), abs=1e-4)
    assert found["critic_conflicts"] == pytest.approx((values < 0).mean())
    assert {"actor_cosine", "actor_conflicts", "actor_cosine.0.1"} <= found.keys()


def test_an_embedding_has_unit_length_whatever_is_learned():
    agent, rows = learner(embedding=3)
    actor = agent.ppo.policy.actor
    before = actor(rows.obs)
    with torch.no_grad():
        actor.embedding *= 7
    torch.testing.assert_close(actor(rows.obs), before)


def test_a_task_that_training_never_met_is_not_far_out():
    agent, rows = learner()
    rows.obs[:, 6] = 10.0  # what normalising makes of a column that was always zero
    assert agent.ppo.policy.actor.task(rows.obs).eq(2).all()
    assert torch.equal(
        agent.ppo.policy.actor(rows.obs),
        agent.ppo.policy.actor(torch.cat([rows.obs[:, :4], torch.eye(3)[[2] * 96]], dim=1)),
    )


@pytest.mark.parametrize("options", [{}, {"heads": "task", "embedding": 3, "combine": "pcgrad"}])
def test_a_killed_run_goes_on_with_the_same_bits(options, tmp_path):
    def train(name, on_progress=None):
        run = Run(tmp_path / name, seed=5, steps=6 * 384, resume=True, checkpoint_every=2)
        config = replace(SMALL, **options)
        return mtppo.train(TurnedPointEnv(), config, run, on_progress=on_progress)

    assert_a_killed_run_ends_alike(train, tmp_path, "mtppo", killed_at=5 * 384)


@pytest.mark.parametrize("wrong", [{"embedding": 0}, {"gamma": 2.0}])
def test_options_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        mtppo.Config(**wrong)
