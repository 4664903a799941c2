from dataclasses import replace

import numpy as np
import pytest
import torch

from robotasks.agents import agent_module, load, mtppo, ppo
from robotasks.agents.parts.actor_critic import ActorCritic
from robotasks.agents.parts.run import Run
from robotasks.agents.parts.vision import Eyes
from robotasks.benchmark.agent import TrialSpec
from robotasks.commands.train import TRAINING
from robotasks.envs.vector import TaskVectorEnv

from .toy import PointEnv

SMALL = ppo.Config(rollout=8, hidden=(32, 32), epochs=3)
SPEC = TrialSpec(observation_size=4, action_size=2, episodes=1, horizon=20)


def success_rate(adapter, episodes=200):
    env = PointEnv(episodes, horizon=20)
    obs, _ = env.reset(seed=10_000)
    env.elapsed[:] = 0
    adapter.begin_trial(episodes, SPEC)
    for _ in range(20):
        obs, _, _, _, infos = env.step(adapter.act(obs, explore=False))
    return infos["final_info"]["success"].mean()


def test_learns_to_go_to_the_goal(tmp_path):
    seen = []
    run = Run(tmp_path / "run", steps=50_000)
    adapter = ppo.train(
        PointEnv(64), replace(SMALL, rollout=24, epochs=5), run, on_progress=seen.append
    )
    assert success_rate(adapter) >= 0.95
    assert success_rate(load(tmp_path / "run")) == success_rate(adapter)
    last = seen[-1]
    assert last.steps == last.total == 64 * 24 * (50_000 // (64 * 24))
    assert last.success > seen[1].success
    assert last.mean_return > seen[1].mean_return + 5
    assert {"kl", "learning_rate", "policy_loss", "value_loss"} <= last.metrics.keys()


def test_the_first_gradient_step_sees_the_policy_that_acted(tmp_path):
    """Ratios start at exactly 1: what was collected and what is learned from agree."""
    kls = []
    run = Run(tmp_path / "run", steps=3 * 128)
    config = replace(SMALL, epochs=1, minibatches=1)
    ppo.train(PointEnv(), config, run, on_progress=lambda p: kls.append(p.metrics["kl"]))
    assert np.abs(kls).max() < 1e-6


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ppo") / "run"
    return ppo.train(PointEnv(), SMALL, Run(folder, steps=640)), folder


def test_the_adapter_speaks_numpy(trained):
    adapter, folder = trained
    loaded = load(folder)
    loaded.begin_trial(7, SPEC)
    obs = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32) * 5
    actions = loaded.act(obs, explore=False)
    assert actions.shape == (7, 2)
    assert actions.dtype == np.float32
    assert np.abs(actions).max() <= 1
    np.testing.assert_array_equal(actions, adapter.act(obs, explore=False))
    assert (loaded.act(obs, explore=True) != actions).any()
    np.testing.assert_array_equal(load(folder).act(obs, True), load(folder).act(obs, True))


def test_the_adapter_refuses_worlds_of_another_size(trained):
    with pytest.raises(ValueError, match=r"sizes \(5, 2\)"):
        trained[0].begin_trial(1, replace(SPEC, observation_size=5))


def test_the_same_seed_learns_the_same_and_touches_no_global_state(tmp_path):
    torch.manual_seed(0)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    obs = np.ones((3, 4), np.float32)
    actions = []
    for i, seed in enumerate((1, 1, 2)):
        run = Run(tmp_path / str(i), seed=seed, steps=512)
        actions.append(ppo.train(PointEnv(), SMALL, run).act(obs))
    np.testing.assert_array_equal(actions[0], actions[1])
    assert (actions[0] != actions[2]).any()
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_evaluating_in_between_changes_nothing(tmp_path):
    def evaluate(adapter):
        obs = np.zeros((3, 4), np.float32)
        return {"score": float(np.mean(adapter.act(obs, explore=True)))}

    plain = ppo.train(PointEnv(), SMALL, Run(tmp_path / "a", steps=640))
    watched = ppo.train(
        PointEnv(), SMALL, Run(tmp_path / "b", steps=640, evaluate_every=1), evaluate=evaluate
    )
    obs = np.ones((3, 4), np.float32)
    np.testing.assert_array_equal(plain.act(obs), watched.act(obs))
    header, *lines = (tmp_path / "b" / "progress.csv").read_text().splitlines()
    assert header.startswith("steps,wall_s,fps,train_success,train_return,")
    assert header.endswith("eval_score")
    assert len(lines) == 5


def test_a_world_that_pays_nan_stops_the_training(tmp_path):
    class Broken(PointEnv):
        def step(self, actions):
            obs, rewards, *rest = super().step(actions)
            return obs, rewards * np.nan, *rest

    with pytest.raises(FloatingPointError, match="not finite"):
        ppo.train(Broken(), SMALL, Run(tmp_path / "run", steps=640))


def test_numbers_near_zero_are_seen_magnified_and_what_is_beside_is_not():
    generator = torch.Generator().manual_seed(0)
    policy = ActorCritic(3, 2, ppo.Config(fine=5.0), generator, beside=1)
    raw = torch.tensor([[0.0, 0.01, 0.3], [0.0, 2.0, 0.7]])
    policy.normalise.update(raw)
    features = policy.features(raw)
    torch.testing.assert_close(features[:, :2], policy.normalise(raw)[:, :2])
    torch.testing.assert_close(
        features[:, 2:4], torch.tensor([[0.0, 0.05], [0.0, 1.0]]), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(features[:, 4], policy.normalise(raw)[:, 2])
    other = raw + torch.tensor([0.0, 0.0, 1.0])
    torch.testing.assert_close(policy.mean(other), policy.mean(raw))
    assert (policy.value(policy.features(other)) != policy.value(features)).all()


def test_pictures_are_not_magnified():
    generator = torch.Generator().manual_seed(0)
    eyes = Eyes(3, 1, 84, 2, generator)
    with pytest.raises(ValueError, match="fine magnifies numbers"):
        ActorCritic(3 + 84 * 84 * 3, 2, ppo.Config(fine=5.0), generator, eyes=eyes)


@pytest.mark.parametrize("agent", [ppo, mtppo], ids=["ppo", "mtppo"])
def test_a_policy_that_magnifies_is_loaded_as_it_was(agent, tmp_path):
    config = agent.Config(rollout=8, hidden=(16,), epochs=1, fine=5.0)
    run = Run(tmp_path / "run", steps=256)
    env = TaskVectorEnv("reach", 16, threads=1, **TRAINING)
    trained = agent.train(env, config, run)
    obs, _ = env.reset(seed=3)
    spec = TrialSpec(obs.shape[1], 5, episodes=1, horizon=env.horizon)
    acts = []
    for adapter in (trained, load(tmp_path / "run")):
        adapter.begin_trial(16, spec)
        acts.append(adapter.act(obs, explore=False))
    np.testing.assert_array_equal(*acts)


def test_the_spread_of_the_actions_is_led_down(tmp_path):
    spread = []
    config = replace(SMALL, initial_std=0.5, final_std=0.05, learning_rate=1e-9, target_kl=None)
    run = Run(tmp_path / "run", steps=10 * 128)
    ppo.train(PointEnv(), config, run, on_progress=lambda p: spread.append(p.metrics["action_std"]))
    assert (np.diff(np.log(spread)) < 0).all()
    assert spread[-1] == pytest.approx(0.05, rel=0.3)


@pytest.mark.parametrize(
    "wrong", [{"rollout": 0}, {"gamma": 1.5}, {"clip": 0.0}, {"threads": 0}, {"learning_rate": -1}]
)
def test_options_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ppo.Config(**wrong)


def test_minibatches_have_to_divide_the_rollout(tmp_path):
    with pytest.raises(ValueError, match="equal minibatches"):
        ppo.train(PointEnv(), replace(SMALL, minibatches=3), Run(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_an_unknown_agent_lists_those_there_are():
    assert agent_module("ppo") is ppo
    with pytest.raises(ValueError, match="ppo"):
        agent_module("pppo")
