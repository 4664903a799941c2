"""Hindsight: it learns from sparse rewards, repeats exactly, and reads no pickle."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from robotasks.agents import her, load
from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.replay import Excursions
from robotasks.agents.parts.run import Run
from robotasks.agents.parts.streams import Streams
from robotasks.benchmark.agent import TrialSpec

from .toy import GoalPointEnv, PointEnv

CONFIG = her.Config(
    hidden=(32, 32),
    rollout=8,
    ratio=16,
    batch=64,
    buffer=2000,
    learning_starts=300,
    gamma=0.9,
    tau=0.05,
    learning_rate=3e-3,
)
SPEC = TrialSpec(observation_size=2, action_size=2, episodes=1, horizon=20)
UPDATE = 16 * 8


def success_rate(adapter, episodes=100):
    env = GoalPointEnv(episodes)
    obs, _ = env.reset(seed=10_000)
    env.elapsed[:] = 0
    adapter.begin_trial(episodes, SPEC)
    for _ in range(20):
        obs, _, _, _, infos = env.step(adapter.act(obs, explore=False))
    return infos["final_info"]["success"].mean()


@pytest.mark.parametrize("algorithm", ["sac", pytest.param("tqc", marks=pytest.mark.slow)])
def test_learns_from_rewards_that_are_hardly_ever_paid(algorithm, tmp_path):
    config = replace(CONFIG, algorithm=algorithm, ratio=8, batch=128, buffer=8000)
    adapter = her.train(GoalPointEnv(), config, Run(tmp_path, steps=5000))
    assert success_rate(adapter) >= 0.9
    assert success_rate(load(tmp_path)) == success_rate(adapter)


def run(folder, algorithm="sac", on_progress=None, **config):
    """Ten updates; the replay is full after eight."""
    config = replace(CONFIG, algorithm=algorithm, buffer=8 * UPDATE, **config)
    given = Run(folder, seed=3, steps=10 * UPDATE, resume=True, checkpoint_every=2)
    return her.train(GoalPointEnv(), config, given, on_progress=on_progress)


def state(folder):
    return checkpoint.load(folder / "checkpoint/latest.safetensors", "her")


@pytest.mark.parametrize("algorithm", ["sac", "tqc"])
@pytest.mark.parametrize("killed_at", [3, 9])
def test_a_killed_run_goes_on_with_the_same_bits(algorithm, killed_at, tmp_path):
    def fail(progress):
        if progress.steps == killed_at * UPDATE:
            raise RuntimeError("killed")

    run(tmp_path / "whole", algorithm)
    with pytest.raises(RuntimeError, match="killed"):
        run(tmp_path / "killed", algorithm, fail)
    np.random.random(7)  # what others draw from the global streams changes nothing
    torch.rand(7)
    run(tmp_path / "killed", algorithm)
    whole, killed = state(tmp_path / "whole"), state(tmp_path / "killed")
    assert whole.keys() == killed.keys()
    for name in whole.keys() - {"wall_s"}:
        assert whole[name].tobytes() == killed[name].tobytes(), name
    assert whole["collector/where"].tolist()[2] == 1  # the replay went round


def test_touches_no_global_stream(tmp_path):
    numbers, torchs = np.random.get_state(legacy=False), torch.get_rng_state()
    run(tmp_path)
    load(tmp_path)
    after = np.random.get_state(legacy=False)
    assert (after["state"]["key"] == numbers["state"]["key"]).all()
    assert after["state"]["pos"] == numbers["state"]["pos"]
    assert torch.equal(torch.get_rng_state(), torchs)


def test_the_adapter_repeats_itself(tmp_path):
    adapter = run(tmp_path)
    obs = GoalPointEnv(5).reset(seed=1)[0]
    adapter.begin_trial(5, SPEC)
    first = adapter.act(obs, explore=True)
    assert first.shape == (5, 2)
    assert first.dtype == np.float32
    assert np.abs(first).max() <= 1
    assert (adapter.act(obs, explore=True) != first).any()
    adapter.begin_trial(5, SPEC)
    np.testing.assert_array_equal(adapter.act(obs, explore=True), first)
    np.testing.assert_array_equal(load(tmp_path).act(obs), adapter.act(obs))


def test_evaluating_in_between_changes_nothing(tmp_path):
    obs = GoalPointEnv(3).reset(seed=1)[0]
    plain = run(tmp_path / "plain")
    given = Run(tmp_path / "watched", seed=3, steps=10 * UPDATE, evaluate_every=1)

    def evaluate(adapter):
        return {"score": float(adapter.act(obs, explore=True).mean())}

    watched = her.train(GoalPointEnv(), replace(CONFIG, buffer=8 * UPDATE), given, evaluate)
    np.testing.assert_array_equal(plain.act(obs), watched.act(obs))


def test_worlds_it_cannot_learn_in_are_refused(tmp_path):
    with pytest.raises(ValueError, match="goal-conditioned worlds"):
        her.train(PointEnv(), CONFIG, Run(tmp_path / "run"))
    adapter = run(tmp_path / "trained")
    with pytest.raises(ValueError, match="size 3"):
        adapter.begin_trial(1, replace(SPEC, observation_size=3))
    with pytest.raises(ValueError, match="goal_conditioned"):
        adapter.act(np.zeros((1, 2), np.float32))


def test_excursions_are_held_in_a_share_of_the_worlds():
    model = SimpleNamespace(n_envs=4000, action_space=np.zeros(2), num_timesteps=0)
    noise = Excursions(model, share=0.25, hold=3)
    drawn = []
    for step in range(6):
        model.num_timesteps = 4000 * step
        drawn.append(noise().copy())
    assert all((drawn[i] == drawn[i - i % 3]).all() for i in range(6))
    assert (drawn[0] != drawn[3]).any()
    for held in (drawn[0], drawn[3]):
        leaving = (held != 0).all(axis=1)
        assert leaving.mean() == pytest.approx(0.25, abs=0.03)
        assert not held[~leaving].any()


@pytest.mark.parametrize(
    "wrong", [{"ratio": 0}, {"gamma": 0.0}, {"excursions": 2.0}, {"entropy": 0.0}, {"batch": 0}]
)
def test_options_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        her.Config(**wrong)


def test_streams_go_on_where_they_were():
    streams = Streams(5)

    def draws(source):
        with source:
            return [*np.random.normal(size=3), *torch.rand(3).tolist()]

    draws(streams)
    kept = streams.state()
    expected = draws(streams)
    other = Streams(0)
    other.load(kept)
    assert draws(other) == expected
    assert draws(Streams(5)) != expected
