import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from robotasks.agents.parts.actor_critic import ActorCritic
from robotasks.agents.parts.adapter import PolicyAdapter
from robotasks.agents.ppo import Config
from robotasks.benchmark.agent import TrialSpec
from robotasks.benchmark.contract import examine
from robotasks.benchmark.evaluate import evaluate
from robotasks.benchmark.wrappers import from_policy, from_sb3, from_torch
from robotasks.envs.sb3 import Sb3VecEnv
from robotasks.envs.vector import TaskVectorEnv
from robotasks.tasks.distribution import Distribution

ROWS = Distribution.draw(["reach"], 6, 0)
SHORT = {"max_episode_steps": 8, "threads": 1, "reveal": []}
SIZE = TaskVectorEnv("reach", 1, reveal=[]).layout.size


def vector(worlds=2, **options):
    return Sb3VecEnv(
        TaskVectorEnv("reach", worlds, autoreset_mode="SameStep", **{**SHORT, **options})
    )


def fixed(sizes=(SIZE, 5)):
    """A linear policy: weights (o, a)."""
    return np.random.default_rng(0).normal(size=sizes).astype(np.float32) / 8


def module():
    layer = torch.nn.Linear(SIZE, 5, bias=False)
    layer.weight.data = torch.tensor(fixed().T)
    return torch.nn.Sequential(layer, torch.nn.Dropout(0.5), torch.nn.Hardtanh())


def test_a_policy_is_asked_world_by_world():
    shapes = []

    def policy(obs):
        shapes.append(obs.shape)
        return np.clip(obs @ fixed(), -1, 1)

    scores = evaluate(from_policy(policy), ROWS, worlds=4, **SHORT)
    assert shapes == [(SIZE,)] * 6 * 8
    assert scores == evaluate(from_policy(policy), ROWS, worlds=1, **SHORT)


def test_a_module_acts_like_its_formula_and_without_dropout():
    wrapped = module().train()
    by_module = evaluate(from_torch(wrapped), ROWS, **SHORT)
    by_formula = evaluate(from_policy(lambda obs: np.clip(obs @ fixed(), -1, 1)), ROWS, **SHORT)
    assert by_module.mean_return == pytest.approx(by_formula.mean_return, rel=1e-5)
    assert not wrapped.training


def test_a_module_without_parameters_is_refused():
    with pytest.raises(ValueError, match="Hardtanh has no parameters: use from_policy"):
        from_torch(torch.nn.Hardtanh())


def test_a_model_sees_what_it_was_normalised_to():
    normalize = VecNormalize(vector())
    model = PPO("MlpPolicy", normalize, n_steps=8, batch_size=16, seed=0, device="cpu")
    model.learn(64)
    env = TaskVectorEnv(ROWS, 3, **SHORT)
    obs, _ = env.reset(seed=0)
    expected, _ = model.predict(normalize.normalize_obs(obs), deterministic=True)
    raw, _ = model.predict(obs, deterministic=True)
    spec = TrialSpec(SIZE, 5, 1, 8)
    for entrant in (from_sb3(model), from_sb3(model, normalize)):
        adapter = entrant(env)
        adapter.begin_trial(3, spec)
        assert np.array_equal(adapter.act(obs, explore=False), expected)
        assert not np.array_equal(adapter.act(obs, explore=True), expected)
    assert not np.array_equal(expected, raw)


def test_a_recurrent_model_remembers_within_an_episode_only():
    model = RecurrentPPO("MlpLstmPolicy", vector(), n_steps=8, batch_size=16, seed=0, device="cpu")
    env = TaskVectorEnv(ROWS, 3, **SHORT)
    obs, _ = env.reset(seed=0)
    adapter = from_sb3(model)(env)
    adapter.begin_trial(3, TrialSpec(SIZE, 5, 2, 8))
    first, second = adapter.act(obs, False), adapter.act(obs, False)
    assert not np.array_equal(first, second)
    adapter.end_episode(np.array([True, False, True]))
    third = adapter.act(obs, False)
    assert np.allclose(third[[0, 2]], first[[0, 2]], atol=1e-6)
    assert not np.allclose(third[1], first[1], atol=1e-6)
    adapter.begin_trial(3, TrialSpec(SIZE, 5, 2, 8))
    assert np.array_equal(adapter.act(obs, False), first)


def test_a_goal_conditioned_model_is_scored_on_dictionaries():
    model = PPO(
        "MultiInputPolicy",
        vector(goal_conditioned=True, reward="sparse"),
        n_steps=8,
        batch_size=16,
        device="cpu",
    )
    scores = evaluate(from_sb3(model), ROWS, goal_conditioned=True, reward="sparse", **SHORT)
    assert len(scores.records) == 6


def test_a_model_of_other_observations_is_refused():
    model = PPO("MlpPolicy", vector(reveal=["goal"]), n_steps=8, batch_size=16, device="cpu")
    with pytest.raises(ValueError, match=rf"shape \({SIZE},\), this model was trained on"):
        evaluate(from_sb3(model), ROWS, **SHORT)


def test_every_wrapper_keeps_the_contract():
    recurrent = RecurrentPPO("MlpLstmPolicy", vector(), n_steps=8, batch_size=16, device="cpu")
    trained = PolicyAdapter(ActorCritic(SIZE, 5, Config(), torch.Generator()))
    for entrant, explore in (
        (from_policy(lambda obs: np.clip(obs @ fixed(), -1, 1)), False),
        (from_torch(module()), False),
        (from_sb3(recurrent), False),
        (lambda env: trained, False),
        (lambda env: trained, True),
    ):
        assert examine(entrant, ROWS, explore=explore, **SHORT) == ()
