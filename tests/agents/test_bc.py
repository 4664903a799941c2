"""Behaviour cloning: it solves what it is shown, and goes on after a kill with the same bits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robotasks.agents import load
from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.run import Run, RunError
from robotasks.benchmark.agent import Expert
from robotasks.benchmark.demonstrations import Recipe, play
from robotasks.benchmark.evaluate import evaluate
from robotasks.tasks.distribution import Distribution

pytest.importorskip("minari")
from robotasks.agents import bc
from robotasks.benchmark.dataset import Demonstrations

CONFIG = bc.Config(hidden=(32,), batch=32, minibatches=4)
RUN = Run(Path(), seed=3, steps=10 * 4 * 32, log_every=1, checkpoint_every=3)


def shown(obs, actions):
    return Demonstrations("toy", "toy-v1", ("goal",), tuple(obs), tuple(actions))


@pytest.fixture(scope="module")
def toy():
    """Two episodes of a linear expert."""
    obs = np.random.default_rng(0).normal(size=(2, 30, 6)).astype(np.float32)
    return shown(obs, obs[:, :, :2] / 4)


def final(folder):
    state = checkpoint.load(folder / "checkpoint/latest.safetensors", "bc")
    del state["wall_s"]
    return state


def test_it_solves_rows_it_was_not_shown(tmp_path):
    # As much noise as moves: else an arm at rest means a goal reached, and the clone rests early.
    episodes = play(Recipe("reach", noise=1.0), Expert, range(64), threads=1)
    demonstrations = shown(
        [episode.obs[:-1] for episode in episodes], [episode.intended for episode in episodes]
    )
    config = bc.Config(hidden=(64, 64), batch=128, minibatches=50, learning_rate=3e-3)
    bc.train(demonstrations, config, Run(tmp_path, steps=1000 * 128))
    clone, rows = load(tmp_path), Distribution.draw(["reach"], 32, 1)
    assert evaluate(lambda env: clone, rows, threads=1).success > 0.9


def test_a_longer_run_makes_smaller_errors(toy, tmp_path):
    def error(steps):
        clone = bc.train(toy, CONFIG, replace(RUN, folder=tmp_path / str(steps), steps=steps))
        obs, actions = toy.steps()
        return np.abs(clone.act(obs) - actions).mean()

    assert error(50 * 4 * 32) < 0.5 * error(3 * 4 * 32)


@pytest.mark.parametrize("update", [1, 3, 7, 10])
def test_a_run_that_was_stopped_ends_with_the_same_bits(toy, tmp_path, update):
    def stop(progress):
        if progress.steps == update * 4 * 32:
            raise KeyboardInterrupt

    bc.train(toy, CONFIG, replace(RUN, folder=tmp_path / "whole"))
    stopped = replace(RUN, folder=tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        bc.train(toy, CONFIG, stopped, on_progress=stop)
    assert final(stopped.folder)["collector/steps"] == (update - 1) * 4 * 32
    bc.train(toy, CONFIG, replace(stopped, resume=True))
    whole, resumed = final(tmp_path / "whole"), final(stopped.folder)
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        assert value.tobytes() == resumed[name].tobytes(), name


def test_other_options_are_not_resumed(toy, tmp_path):
    run = replace(RUN, folder=tmp_path)
    bc.train(toy, CONFIG, run)
    with pytest.raises(RunError, match=r"config\.episodes was None and is now 1"):
        bc.train(toy, replace(CONFIG, episodes=1), replace(run, resume=True))


def test_fewer_episodes_are_the_first_ones(toy, tmp_path):
    first = shown(toy.obs[:1], toy.actions[:1])
    bc.train(toy, replace(CONFIG, episodes=1), replace(RUN, folder=tmp_path / "of-two"))
    bc.train(first, CONFIG, replace(RUN, folder=tmp_path / "of-one"))
    np.testing.assert_equal(final(tmp_path / "of-two"), final(tmp_path / "of-one"))
    with pytest.raises(ValueError, match="holds 2 episodes, 3 were asked for"):
        bc.train(toy, replace(CONFIG, episodes=3), replace(RUN, folder=tmp_path / "of-three"))


def test_rare_switches_are_learned_where_they_are_drawn_more_often(tmp_path):
    """One step in a hundred opens the fingers: hardly an error, yet all that matters."""
    obs = np.random.default_rng(0).normal(size=(20, 100, 3)).astype(np.float32)
    obs[:, :, 0] = np.minimum(np.abs(np.arange(100) - 60), 3)
    actions = np.where(np.arange(100) == 60, 1.0, -1.0).astype(np.float32)
    demonstrations = shown(obs, np.repeat(actions[None, :, None], 20, axis=0))
    opens = {}
    for share in (0.0, 0.25):
        config = replace(CONFIG, switches=share, learning_rate=1e-2)
        run = replace(RUN, folder=tmp_path / str(share), steps=100 * 4 * 32)
        opens[share] = (bc.train(demonstrations, config, run).act(obs[:, 60]) > 0).mean()
    assert opens[0.0] < 0.1
    assert opens[0.25] > 0.9


def test_switches_are_steps_that_follow_another_action_in_their_own_episode():
    one = np.array([[-1, 0], [-1, 0.9], [0.1, 0.9], [0.1, 0.9]])
    two = np.array([[1, 1], [1, -0.1], [1, -0.1]])
    assert bc.switches((one, two)).tolist() == [2, 5]
    with pytest.raises(ValueError, match="No action jumps"):
        bc.switches((one[:2],))


def test_exploring_changes_nothing_since_there_is_one_action(toy, tmp_path):
    clone = bc.train(toy, CONFIG, replace(RUN, folder=tmp_path))
    obs, _ = toy.steps()
    np.testing.assert_array_equal(clone.act(obs, explore=True), clone.act(obs))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch must be at least 1, not 0"),
        ({"episodes": 0}, "episodes must be at least 1, not 0"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0"),
        ({"switches": 1.0}, "switches must be within 0..1, below 1"),
    ],
)
def test_options_that_cannot_work_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        bc.Config(**options)
