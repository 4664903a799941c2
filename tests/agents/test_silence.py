"""Worlds that tell no rewards in the last episode of a trial."""

import numpy as np
import pytest

from robotasks.agents import rl2, varibad
from robotasks.agents.parts.run import Run
from robotasks.agents.parts.silence import Silent
from robotasks.commands.train import TRAINING
from robotasks.envs.vector import TaskVectorEnv


def make_worlds(*reveal):
    options = {"max_episode_steps": 5, "episodes": 2, "reveal": reveal, "threads": 1}
    return TaskVectorEnv("reach", 4, **options, **TRAINING)


def test_half_of_the_worlds_tell_no_rewards_in_the_last_episode_of_every_trial():
    env, plain = Silent(make_worlds("history"), 0.5), make_worlds("history")
    env.reset(seed=0)
    plain.reset(seed=0)
    for _ in range(2):  # trials
        for worlds in (env, plain):
            worlds.reset(options={"new_trial": True})
        for step in range(1, 10):
            actions = np.full((4, 5), 0.1 * step, np.float32)
            (obs, rewards, *_), (seen, paid, *_) = env.step(actions), plain.step(actions)
            column = plain.layout.slices["last_reward"]
            assert ((obs[:, column] == 0) == ([step > 5] * 2 + [False] * 2)).all()
            np.testing.assert_array_equal(rewards, paid)
            seen[:, column] = obs[:, column]
            np.testing.assert_array_equal(obs, seen)


@pytest.mark.parametrize("agent", [rl2, varibad], ids=["rl2", "varibad"])
def test_worlds_that_never_tell_rewards_are_refused(agent, tmp_path):
    with pytest.raises(ValueError, match=r"silent=0\.5 .* Reveal history"):
        agent.train(make_worlds("goal"), agent.Config(silent=0.5), Run(tmp_path / "run", steps=40))
    assert not (tmp_path / "run").exists()
