"""PPO on the GPU engine's CPU device: tensors all the way, the same results, and resuming."""

import json

import numpy as np
import pytest

from robotasks import TaskVectorEnv
from robotasks.agents import ppo
from robotasks.agents.parts.collect import Collector
from robotasks.agents.parts.run import Run
from robotasks.commands.train import Options, run
from robotasks.layout import Array

torch = pytest.importorskip("torch")
pytest.importorskip("mujoco_warp")

SMALL = ppo.Config(rollout=8, hidden=(16,), epochs=1, minibatches=2, target_kl=None)


def worlds(name="reach", **arguments):
    arguments = {"max_episode_steps": 6, "autoreset_mode": "SameStep", "stagger": True, **arguments}
    return TaskVectorEnv(name, 4, **arguments)


class Steady:
    """A policy without chance that notes what it is shown."""

    def __init__(self) -> None:
        self.shown: list[Array] = []

    def act(self, obs):
        self.shown.append(obs)
        return 0.3 * torch.tanh(obs[:, -5:]), torch.zeros(len(obs))


def test_rollouts_of_both_engines_are_the_same():
    envs = worlds(threads=1), worlds(engine="gpu", device="cpu")
    batches, recent = [], []
    for env in envs:
        collector = Collector(env, Steady(), 14)
        collector.start(3)
        batches.append(collector.rollout())
        recent.append(collector.recent())
    for name in ("obs", "rewards", "truncated", "final_obs", "last_obs"):
        one, other = (getattr(batch, name).float() for batch in batches)
        assert torch.allclose(one, other, rtol=0, atol=5e-4), name
    assert recent[0] == pytest.approx(recent[1], abs=1e-4)
    assert batches[0].truncated.any()


def test_a_run_goes_on_as_if_it_had_never_stopped(tmp_path):
    ends = []
    for name, parts in {"whole": (128,), "cut": (64, 128)}.items():
        for steps in parts:
            env = worlds(engine="gpu", device="cpu")
            job = Run(tmp_path / name, 1, steps, resume=True, env={"tasks": "reach"})
            policy = ppo.train(env, SMALL, job).policy
        ends.append(torch.cat([p.flatten() for p in policy.parameters()]).detach())
    # What a world's sensors show after a restore is MuJoCo's reading, not Warp's.
    assert torch.allclose(*ends, rtol=0, atol=1e-3)


def test_the_command_trains_on_the_engine(tmp_path):
    options = Options(
        "ppo",
        "reach",
        steps=256,
        worlds=8,
        engine="gpu",
        device="cpu",
        out=tmp_path / "run",
        rows=2,
        set=("rollout=8", "hidden=16"),
        json=True,
    )
    run(options)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["env"]["engine"] == "gpu"
    actions = ppo.load(tmp_path / "run").act(np.zeros((2, worlds().layout.size)))
    assert actions.shape == (2, 5)


def test_agents_that_need_the_host_say_so(tmp_path):
    options = Options("rl2", "reach", engine="gpu", device="cpu", out=tmp_path)
    with pytest.raises(ValueError, match="rl2 learns on the cpu engine; on the gpu do: ppo"):
        run(options)
