"""PPO on pictures: what it is shown, that it learns from it, and that runs keep their promises."""

import json

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from robotasks import TaskVectorEnv
from robotasks.agents import ppo
from robotasks.agents.parts.collect import env_sizes, picture_shape
from robotasks.agents.parts.run import Run
from robotasks.agents.parts.vision import Eyes, flattened, places
from robotasks.benchmark.agent import TrialSpec
from robotasks.commands import evaluate, train, view

from .resuming import assert_a_killed_run_ends_alike
from .toy import PointEnv

SIZE = 16


class DotEnv(VectorEnv):
    """`PointEnv`, told where its points are but shown the goals, as dots."""

    def __init__(self, num_envs=16, horizon=20):
        self.env = PointEnv(num_envs, horizon)
        self.num_envs, self.metadata = num_envs, self.env.metadata
        picture = Box(0, 255, (SIZE, SIZE, 3), np.uint8)
        spaces = {"state": Box(-2, 2, (2,), np.float32), "front": picture}
        self.single_observation_space = Dict(spaces)
        self.single_action_space = self.env.single_action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = self.env.action_space

    def reset(self, **arguments):
        obs, infos = self.env.reset(**arguments)
        return self.shown(obs), infos

    def step(self, actions):
        obs, *rest, infos = self.env.step(actions)
        if "final_obs" in infos:
            infos["final_obs"] = self.shown(infos["final_obs"])
        return self.shown(obs), *rest, infos

    def shown(self, obs):
        places = np.linspace(-1, 1, SIZE)
        across, down = (np.exp(-(((places - obs[:, [i]]) / 0.15) ** 2)) for i in (2, 3))
        dots = np.repeat((200 * down[:, :, None] * across[:, None])[..., None], 3, axis=-1)
        return {"state": obs[:, :2], "front": dots.astype(np.uint8)}

    def hidden(self):
        return self.env._observe()[:, 2:]

    def get_state(self):
        return self.env.get_state()

    def set_state(self, state):
        self.env.set_state(state)


def test_rows_are_numbers_and_then_pictures_by_name():
    pictures = {"side": np.full((2, 1, 1, 3), 255, np.uint8), "front": np.zeros((2, 1, 1, 3))}
    rows = flattened({**pictures, "state": np.full((2, 2), 7.0, np.float32)})
    assert rows.tolist() == [[7, 7, 0, 0, 0, 1, 1, 1]] * 2
    flat = np.ones((3, 4), np.float32)
    assert np.array_equal(flattened(flat).numpy(), flat)


def test_places_are_where_a_channel_is_strongest():
    maps = torch.zeros(1, 2, 5, 9)
    maps[0, 0, 4, 0] = maps[0, 1, 2, 6] = 50.0
    assert torch.allclose(places(maps), torch.tensor([[2.0, 0.0, -2.0, 1.0]]), atol=1e-3)


def test_eyes_keep_the_numbers_and_any_leading_axes():
    eyes = Eyes(3, 2, 12, 5, torch.Generator().manual_seed(0))
    rows = torch.rand(4, 5, 3 + 2 * 12 * 12 * 3)
    seen = eyes(rows)
    assert seen.shape == (4, 5, eyes.features) == (4, 5, 8)
    assert torch.equal(seen[..., :3], rows[..., :3])
    assert torch.allclose(eyes(rows[1]), seen[1], atol=1e-6)
    with pytest.raises(ValueError, match="pictures of 8 pixels or more, not 7"):
        Eyes(3, 1, 7, 5, torch.Generator())


@pytest.mark.slow
def test_learns_to_go_to_a_goal_that_it_only_sees(tmp_path):
    config = ppo.Config(rollout=16, hidden=(32, 32), epochs=3, gamma=0.9)
    adapter = ppo.train(DotEnv(64), config, Run(tmp_path / "run", steps=60_000))
    for policy in (adapter, ppo.load(tmp_path / "run")):
        env = DotEnv(200)
        obs, _ = env.reset(seed=10_000)
        env.env.elapsed[:] = 0
        policy.begin_trial(200, TrialSpec(2, 2, 1, 20))
        for _ in range(20):
            obs, _, _, _, infos = env.step(policy.act(obs))
        assert infos["final_info"]["success"].mean() >= 0.9  # blind, it would be one in a hundred


def test_pictures_of_another_size_are_refused(tmp_path):
    config = ppo.Config(rollout=8, hidden=(16,), epochs=1)
    adapter = ppo.train(DotEnv(), config, Run(tmp_path / "run", steps=128))
    obs, _ = DotEnv().reset(seed=0)
    with pytest.raises(ValueError, match=r"of 302 numbers, .* trained on 770"):
        adapter.act({"state": obs["state"], "front": obs["front"][:, :10, :10]})


def test_a_run_that_was_killed_ends_with_the_same_bits(tmp_path):
    config = ppo.Config(rollout=8, hidden=(16,), epochs=2)

    def train(name, on_progress=None):
        run = Run(tmp_path / name, 5, 8 * 128, resume=True, checkpoint_every=3)
        ppo.train(DotEnv(), config, run, on_progress=on_progress)

    assert_a_killed_run_ends_alike(train, tmp_path, "ppo", killed_at=5 * 128)


def test_only_agents_that_see_take_pictures():
    with pytest.raises(ValueError, match="flat Box"):
        env_sizes(DotEnv())
    assert env_sizes(DotEnv(), seeing=True) == (2 + SIZE * SIZE * 3, 2)
    assert picture_shape(DotEnv().single_observation_space) == (2, 1, SIZE)
    assert picture_shape(PointEnv().single_observation_space) is None
    with pytest.raises(ValueError, match="rl2 learns from numbers; from pixels do: ppo"):
        train.run(train.Options("rl2", "reach", observe="pixels"))
    with pytest.raises(ValueError, match="add --observe pixels"):
        train.run(train.Options("ppo", "reach", jitter=True))


@pytest.mark.parametrize("engine", ["cpu", "gpu"])
def test_commands_train_score_and_film_what_sees(engine, tmp_path, capsys):
    pytest.importorskip("mujoco_warp")
    folder, device = tmp_path / "run", "cpu" if engine == "gpu" else None
    seeing = {"observe": "pixels", "cameras": ("front",), "pixels": 16, "jitter": True}
    few = {"rows": 2, "json": True, "threads": 1, "engine": engine, "device": device}
    options = train.Options(
        "ppo", "reach", steps=64, worlds=4, out=folder, set=("rollout=8",), **seeing, **few
    )
    train.run(options)
    told = json.loads((folder / "config.json").read_text())["env"]
    assert (told["observe"], told["cameras"], told["jitter"]) == ("pixels", ["front"], True)
    evaluate.run(evaluate.Options(str(folder), "reach", **few))
    assert 0 <= json.loads(capsys.readouterr().out.splitlines()[-1])["success"] <= 1
    picture = tmp_path / "seen.png"
    view.write(view.Options("reach", str(folder), picture, width=64, height=48), "disable")
    assert picture.stat().st_size > 500


def test_a_policy_is_the_same_on_the_engine_of_the_gpu():
    pytest.importorskip("mujoco_warp")
    seeing = {"observe": "pixels", "cameras": ["front", "side"], "pixels": 16}
    made = {"autoreset_mode": "SameStep", **seeing}
    cpu = TaskVectorEnv("reach", 2, threads=1, **made)
    gpu = TaskVectorEnv("reach", 2, engine="gpu", device="cpu", **made)
    rows = [flattened(env.reset(seed=0)[0]) for env in (cpu, gpu)]
    assert ((rows[0] - rows[1]).abs() > 0.01).float().mean() < 0.01
