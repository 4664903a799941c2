"""PPO that goes on from a clone: taught by demonstrations, then by rewards."""

from dataclasses import replace

import numpy as np
import pytest

from robotasks.agents import ppo
from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.run import Run, RunError

from .toy import PointEnv

pytest.importorskip("minari")
from robotasks.agents import bc
from robotasks.benchmark.dataset import Demonstrations

ONE_UPDATE = 16 * 8
CONFIG = ppo.Config(rollout=8, hidden=(32, 32), activation="relu", initial_std=0.2)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone of who goes straight to the goal, as far as it was shown."""
    rng = np.random.default_rng(0)
    obs = rng.uniform(-1, 1, (20, 30, 4)).astype(np.float32)
    actions = np.clip(5 * (obs[..., 2:] - obs[..., :2]), -1, 1)
    shown = Demonstrations("toy", "toy-v1", ("goal",), tuple(obs), tuple(actions))
    folder = tmp_path_factory.mktemp("clone") / "run"
    bc.train(shown, bc.Config(hidden=(32, 32), batch=32), Run(folder, steps=40_000))
    return folder


def policy(folder, agent):
    state = checkpoint.load(folder / "checkpoint/latest.safetensors", agent)
    return checkpoint.section(state, "learner/policy")


def test_the_actor_is_the_clone_and_stays_while_the_critic_learns(clone, tmp_path):
    config = replace(CONFIG, critic_first=1.0)
    ppo.train(PointEnv(), config, Run(tmp_path / "run", steps=4 * ONE_UPDATE, pretrained=clone))
    ppo.train(PointEnv(), config, Run(tmp_path / "new", steps=1))
    taught, before = policy(tmp_path / "run", "ppo"), policy(clone, "bc")
    for name in before:
        if name != "normalise.frozen":
            assert np.array_equal(taught[name], before[name]), name
    assert taught["normalise.frozen"]
    np.testing.assert_allclose(np.exp(taught["noise.log_std"]), 0.2, rtol=1e-6)
    assert not np.allclose(
        taught["critic.0.weight"], policy(tmp_path / "new", "ppo")["critic.0.weight"], atol=1e-3
    )


def test_the_policy_learns_once_the_critics_share_is_over(clone, tmp_path):
    """A quarter of eight updates: the third one is the first to move it."""
    config, moved = replace(CONFIG, critic_first=0.25), []
    for updates in (2, 3):
        folder = tmp_path / str(updates)
        seen = []

        def stop(progress, updates=updates, seen=seen):
            seen.append(progress)
            if len(seen) == updates:
                raise KeyboardInterrupt

        run = Run(folder, steps=8 * ONE_UPDATE, pretrained=clone, checkpoint_every=1)
        with pytest.raises(KeyboardInterrupt):
            ppo.train(PointEnv(), config, replace(run, folder=folder), on_progress=stop)
        moved.append(seen[-1].metrics["kl"] != 0)
    assert moved == [False, True]


def test_it_begins_as_well_as_the_clone_and_improves(clone, tmp_path):
    def returns(name, steps, **start):
        seen = []
        config = replace(CONFIG, critic_first=0.2)
        run = Run(tmp_path / name, steps=steps, **start)
        ppo.train(PointEnv(), config, run, on_progress=seen.append)
        return seen[4].mean_return, seen[-1].mean_return

    taught = returns("taught", 60 * ONE_UPDATE, pretrained=clone)
    scratch = returns("scratch", 60 * ONE_UPDATE)
    assert taught[0] > scratch[1] and taught[1] > taught[0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"activation": "elu"}, "have the activation relu, not elu. Add --set activation=relu"),
        ({"hidden": (16, 16)}, "does not fit"),
    ],
)
def test_networks_that_differ_are_refused(clone, tmp_path, changed, message):
    with pytest.raises(RunError, match=message):
        ppo.train(PointEnv(), replace(CONFIG, **changed), Run(tmp_path, steps=1, pretrained=clone))
