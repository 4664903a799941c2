"""A run that was killed and goes on ends with the same bits as one that was not."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robotasks.agents import load, ppo
from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.run import Run, RunError, read_config
from robotasks.envs.vector import TaskVectorEnv

from .toy import PointEnv

CONFIG = ppo.Config(rollout=8, hidden=(16,), epochs=2)
UPDATES, ROWS = 10, 16 * 8
RUN = Run(Path(), seed=5, steps=UPDATES * ROWS, log_every=1, checkpoint_every=3, evaluate_every=4)
CLOCK = ("wall_s", "fps", "learning_share")

# Dies of SIGKILL after update 5 of the run that pytest then resumes.
KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from toy import PointEnv
from robotasks.agents import ppo
from robotasks.agents.parts.run import Run

def kill(progress):
    if progress.steps == 5 * 128:
        os.kill(os.getpid(), signal.SIGKILL)

config = ppo.Config(rollout=8, hidden=(16,), epochs=2)
run = Run(Path(sys.argv[2]), seed=5, steps=1280, log_every=1, checkpoint_every=3, evaluate_every=4)
ppo.train(PointEnv(), config, run, lambda adapter: {"twice": 2.0}, kill)
"""


def train(folder, env=None, on_progress=None, config=CONFIG, **run):
    run = replace(RUN, folder=folder, **run)
    return ppo.train(
        PointEnv() if env is None else env, config, run, lambda adapter: {"twice": 2.0}, on_progress
    )


def final(folder):
    """The last checkpoint and the rows of progress.csv, without the clock."""
    state = checkpoint.load(folder / "checkpoint/latest.safetensors", "ppo")
    del state["wall_s"]
    with (folder / "progress.csv").open(newline="") as file:
        rows = [{k: v for k, v in row.items() if k not in CLOCK} for row in csv.DictReader(file)]
    return state, rows


def assert_same(folder, other):
    (state, rows), (other_state, other_rows) = final(folder), final(other)
    assert state.keys() == other_state.keys()
    for name, value in state.items():
        assert value.tobytes() == other_state[name].tobytes(), name
    assert rows == other_rows


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(folder)
    return folder


class Interrupt:
    """Raises when called for the n-th time."""

    def __init__(self, at, error=KeyboardInterrupt):
        self.left, self.error = at, error

    def __call__(self, *arguments):
        self.left -= 1
        if self.left == 0:
            raise self.error


def test_every_update_is_logged_once(whole):
    state, rows = final(whole)
    assert [int(row["steps"]) for row in rows] == [ROWS * i for i in range(1, UPDATES + 1)]
    assert [bool(row["eval_twice"]) for row in rows] == [i in (4, 8, 10) for i in range(1, 11)]
    assert state["collector/steps"] == UPDATES * ROWS


def test_after_sigkill(whole, tmp_path):
    folder = tmp_path / "run"
    toys = str(Path(__file__).parent)
    ended = subprocess.run([sys.executable, "-c", KILLED, toys, str(folder)], timeout=60)
    assert ended.returncode == -9
    assert checkpoint.load(folder / "checkpoint/latest.safetensors", "ppo")["collector/steps"] == (
        3 * ROWS
    )
    train(folder, resume=True)
    assert_same(folder, whole)


@pytest.mark.parametrize("update", [1, 2, 6, 10])
def test_after_ctrl_c_between_updates(whole, tmp_path, update):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, on_progress=Interrupt(update))
    load(tmp_path)
    train(tmp_path, resume=True)
    assert_same(tmp_path, whole)


@pytest.mark.parametrize("step", [3, 20, 77])
def test_after_ctrl_c_in_the_middle_of_a_rollout(whole, tmp_path, step):
    env, interrupt = PointEnv(), Interrupt(step)
    original = env.step
    env.step = lambda actions: (interrupt(), original(actions))[1]
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, env)
    saved = checkpoint.load(tmp_path / "checkpoint/latest.safetensors", "ppo")
    assert saved["collector/steps"] == (step - 1) // 8 * ROWS  # the last completed update
    train(tmp_path, resume=True)
    assert_same(tmp_path, whole)


def test_after_ctrl_c_in_the_middle_of_learning(whole, tmp_path, monkeypatch):
    step, interrupt = ppo.PPO._step, Interrupt(30)
    with monkeypatch.context() as patch:
        patch.setattr(ppo.PPO, "_step", lambda *args: (interrupt(), step(*args))[1])
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path)
    train(tmp_path, resume=True)
    assert_same(tmp_path, whole)


def test_after_two_crashes_one_of_them_while_saving(whole, tmp_path, monkeypatch):
    with pytest.raises(RuntimeError):
        train(tmp_path, on_progress=Interrupt(5, RuntimeError))
    save, interrupt = checkpoint.write_atomically, Interrupt(1, OSError)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_atomically", lambda *args: (interrupt(), save(*args)))
        with pytest.raises(OSError):
            train(tmp_path, resume=True)
    train(tmp_path, resume=True)
    assert_same(tmp_path, whole)


def test_a_run_may_be_continued_for_longer(tmp_path):
    steady = replace(CONFIG, final_kl=1.0)  # else a longer run takes larger steps from the start
    train(tmp_path / "once", config=steady)
    train(tmp_path / "twice", config=steady, steps=4 * ROWS)
    train(tmp_path / "twice", config=steady, resume=True)
    assert_same(tmp_path / "twice", tmp_path / "once")
    assert read_config(tmp_path / "twice")["steps"] == RUN.steps


def test_steps_grow_smaller_towards_the_end(whole, tmp_path):
    train(tmp_path, config=replace(CONFIG, final_kl=1.0))
    assert float(final(whole)[1][-1]["learning_rate"]) < float(
        final(tmp_path)[1][-1]["learning_rate"]
    )


def test_a_finished_run_has_nothing_to_resume(whole):
    before = final(whole)
    train(whole, resume=True, on_progress=Interrupt(1, AssertionError))
    np.testing.assert_equal(final(whole), before)


def test_resuming_a_folder_without_a_checkpoint_starts_fresh(whole, tmp_path):
    with pytest.raises(RuntimeError):
        train(tmp_path, on_progress=Interrupt(2, RuntimeError))
    assert not (tmp_path / "checkpoint").exists()
    train(tmp_path, resume=True)
    assert_same(tmp_path, whole)


def test_starting_fresh_over_a_run_is_refused(whole):
    before = final(whole)
    with pytest.raises(RunError, match="holds a run already"):
        train(whole)
    np.testing.assert_equal(final(whole), before)


def test_resuming_with_other_options_is_refused(whole):
    with pytest.raises(RunError, match="seed was 5 and is now 6"):
        train(whole, resume=True, seed=6)
    config = replace(CONFIG, gamma=0.5, hidden=(8,))
    with pytest.raises(RunError, match=r"config\.gamma was 0\.97 and is now 0\.5; config\.hidden"):
        ppo.train(PointEnv(), config, replace(RUN, folder=whole, resume=True))
    with pytest.raises(RunError, match=r"env\.tasks was None and is now 'reach'"):
        run = replace(RUN, folder=whole, resume=True, env={"tasks": "reach"})
        ppo.train(PointEnv(), CONFIG, run)


def test_resuming_on_other_worlds_is_refused(whole):
    with pytest.raises(RunError, match="does not fit"):
        train(whole, env=PointEnv(8), resume=True)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="no run folder"):
        load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"format": 99} | dict.fromkeys("abc")))
    with pytest.raises(RunError, match="does not describe a run"):
        load(tmp_path)


def test_on_the_real_simulator(tmp_path):
    def real():
        return TaskVectorEnv(
            "reach", 16, autoreset_mode="SameStep", stagger=True, max_episode_steps=20, threads=1
        )

    train(tmp_path / "a", real(), steps=6 * ROWS)
    with pytest.raises(RuntimeError):
        train(tmp_path / "b", real(), steps=6 * ROWS, on_progress=Interrupt(5, RuntimeError))
    train(tmp_path / "b", real(), steps=6 * ROWS, resume=True)
    assert_same(tmp_path / "a", tmp_path / "b")
