"""A run that starts from what another has learned."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from robotasks.agents import load, mtppo, ppo
from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.run import Run, RunError, read_config

from .toy import PointEnv, TurnedPointEnv

CONFIG = ppo.Config(rollout=8, hidden=(32, 32), epochs=3)
ONE_UPDATE = 16 * 8


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pre") / "run"
    config = replace(CONFIG, rollout=24, epochs=5)
    ppo.train(PointEnv(64), config, Run(folder, steps=50_000))
    return folder


def policy(folder, name="ppo"):
    state = checkpoint.load(folder / "checkpoint/latest.safetensors", name)
    return checkpoint.section(state, "learner/policy")


def test_begins_with_the_weights_and_statistics_but_not_the_spread(source, tmp_path):
    careful = replace(CONFIG, learning_rate=1e-12, target_kl=None)
    run = Run(tmp_path, steps=ONE_UPDATE, pretrained=source)
    ppo.train(PointEnv(), careful, run)
    before, after = policy(source), policy(tmp_path)
    np.testing.assert_allclose(after["actor.0.weight"], before["actor.0.weight"], atol=1e-6)
    assert after["normalise.count"] == before["normalise.count"] + ONE_UPDATE
    assert (before["noise.log_std"] < np.log(0.4)).all()
    np.testing.assert_allclose(np.exp(after["noise.log_std"]), 0.5, rtol=1e-5)


def test_learns_faster_than_from_scratch(source, tmp_path):
    returns = {}
    for name, pretrained in (("tuned", source), ("scratch", None)):
        seen = []
        run = Run(tmp_path / name, steps=20 * ONE_UPDATE, pretrained=pretrained)
        ppo.train(PointEnv(), CONFIG, run, on_progress=seen.append)
        returns[name] = seen[-1].mean_return
    assert returns["tuned"] > returns["scratch"] + 2


def test_the_config_says_where_it_came_from(source, tmp_path):
    ppo.train(PointEnv(), CONFIG, Run(tmp_path / "tuned", steps=1, pretrained=source))
    stored = read_config(tmp_path / "tuned")
    assert stored["pretrained"] == str(source)
    assert len(stored["pretrained_sha256"]) == 64
    ppo.train(PointEnv(), CONFIG, Run(tmp_path / "scratch", steps=1))
    assert not {"pretrained", "pretrained_sha256"} & read_config(tmp_path / "scratch").keys()


def test_a_killed_run_goes_on_with_the_same_bits_without_its_source(source, tmp_path):
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "checkpoint").mkdir()
    for name in ("config.json", "checkpoint/latest.safetensors"):
        (moved / name).write_bytes((source / name).read_bytes())

    def train(name, on_progress=None):
        run = Run(
            tmp_path / name, steps=6 * ONE_UPDATE, resume=True, checkpoint_every=2, pretrained=moved
        )
        return ppo.train(PointEnv(), CONFIG, run, on_progress=on_progress)

    def fail(progress):
        if progress.steps == 5 * ONE_UPDATE:
            raise RuntimeError("killed")

    train("whole")
    with pytest.raises(RuntimeError, match="killed"):
        train("killed", fail)
    first = read_config(tmp_path / "killed")["pretrained_sha256"]
    (moved / "checkpoint/latest.safetensors").write_bytes(b"trained further meanwhile")
    train("killed")
    whole, killed = policy(tmp_path / "whole"), policy(tmp_path / "killed")
    for name in whole:
        assert whole[name].tobytes() == killed[name].tobytes(), name
    assert read_config(tmp_path / "killed")["pretrained_sha256"] == first


def test_resuming_from_another_start_is_refused(source, tmp_path):
    run = Run(tmp_path, steps=ONE_UPDATE, resume=True, pretrained=source)
    ppo.train(PointEnv(), CONFIG, run)
    with pytest.raises(RunError, match=r"pretrained was '.*' and is now None"):
        ppo.train(PointEnv(), CONFIG, replace(run, pretrained=None))


def test_what_does_not_fit_is_refused(source, tmp_path):
    run = Run(tmp_path / "run", steps=ONE_UPDATE, pretrained=source)
    with pytest.raises(RunError, match="does not fit"):
        ppo.train(PointEnv(observation_size=6), CONFIG, run)
    run = replace(run, folder=tmp_path / "other")
    with pytest.raises(RunError, match="belongs to agent 'ppo', not to 'mtppo'"):
        mtppo.train(TurnedPointEnv(), mtppo.Config(rollout=8), run)


def test_from_several_tasks_to_one_of_them(tmp_path):
    """The code of the task stays where it was; the others just never come up."""

    class First(TurnedPointEnv):
        def __init__(self):
            super().__init__(tasks=3)
            self.tasks = self.tasks[:1]
            self.which[:] = 0
            self.code = np.eye(3)[self.which]
            self.turn = np.repeat(np.eye(2)[:, :, None], self.num_envs, axis=2)

    config = mtppo.Config(rollout=8, hidden=(16,), heads="task")
    mtppo.train(TurnedPointEnv(), config, Run(tmp_path / "pre", steps=ONE_UPDATE))
    run = Run(tmp_path / "tuned", steps=ONE_UPDATE, pretrained=tmp_path / "pre")
    mtppo.train(First(), config, run)
    before, after = policy(tmp_path / "pre", "mtppo"), policy(tmp_path / "tuned", "mtppo")
    moved = before["actor.layers.2.weight"] != after["actor.layers.2.weight"]
    assert moved.reshape(3, 2, -1).any(axis=(1, 2)).tolist() == [True, False, False]
    assert load(tmp_path / "tuned").act(np.zeros((1, 7), np.float32)).shape == (1, 2)
    assert json.loads((tmp_path / "tuned/config.json").read_text())["agent"] == "mtppo"
    assert torch.isfinite(torch.from_numpy(after["actor.layers.0.weight"])).all()
