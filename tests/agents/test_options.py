"""Options: what a choice is and how long it lasts, and that a manager learns to choose."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from robotasks import TaskVectorEnv
from robotasks.agents import bc, load, options
from robotasks.agents.parts.run import Run, RunError, read_config
from robotasks.benchmark.agent import TrialSpec
from robotasks.commands import run_command
from robotasks.layout import Layout

from .resuming import assert_a_killed_run_ends_alike
from .toy import ErrandEnv

CONFIG = options.Config(every=3, rollout=8, hidden=(16, 16), epochs=4, minibatches=4)
SPEC = TrialSpec(observation_size=6, action_size=3, episodes=1, horizon=24)


def walker(gain=3.0):
    """A worker that goes to the place it sees."""
    about = {"agent": "bc", "config": {"hidden": []}, "gain": gain}
    policy = bc.Clone(2, 3, bc.Config(hidden=()), torch.Generator())
    with torch.no_grad():
        policy.actor[0].weight[:] = gain * torch.eye(3, 2)
    return options.Worker(policy, Layout({"object0": 2}), about)


def skills(*workers):
    whole = ErrandEnv().layout
    columns = [options.part_columns(worker.layout, whole) for worker in workers]
    return options.Skills([worker.policy for worker in workers], columns)


def success_rate(adapter, episodes=200):
    env = ErrandEnv(episodes)
    obs, _ = env.reset(seed=10_000)
    env.elapsed[:] = 0
    adapter.begin_trial(episodes, SPEC)
    for _ in range(env.horizon):
        obs, _, _, _, infos = env.step(adapter.act(obs, explore=False))
    return infos["final_info"]["success"].mean()


def test_learns_which_part_is_to_be_served(tmp_path):
    """One worker goes to what it sees, one away from it: two of four choices are good."""
    workers = [walker(-3.0), walker()]
    run = Run(tmp_path, steps=40 * 32 * 24)
    adapter = options.manage(workers, ErrandEnv(32), CONFIG, run)
    assert success_rate(adapter) >= 0.9
    again = load(tmp_path)
    assert success_rate(again) == success_rate(adapter)
    for choice in range(4):  # none alone will do
        again.policy.mean = lambda raw, only=choice: torch.eye(4)[[only] * len(raw)]
        assert success_rate(again) < 0.2


def test_a_choice_is_a_worker_and_a_part():
    made = skills(walker(), walker(-3.0))
    obs = torch.tensor([[0.01, 0.02, 0.03, -0.04, 1, 0]]).repeat(4, 1)
    actions = made.act(obs, torch.arange(4))
    ways = torch.tensor([[0.03, 0.06, 0], [0.09, -0.12, 0], [-0.03, -0.06, 0], [-0.09, 0.12, 0]])
    torch.testing.assert_close(actions, ways / 1.01)  # its normalisation, fresh
    assert made.choices == 4
    assert made.act(100 * obs, torch.arange(4)).abs().max() == 1


def test_a_step_of_the_manager_is_what_its_control_steps_make():
    """Reward and successor of a choice, episodes' ends among them; a step at a time by hand."""
    made, every = skills(walker()), 5  # no divisor of the horizon
    decisions, plain = options.Decisions(ErrandEnv(6), made, every), ErrandEnv(6)
    obs, _ = decisions.reset(seed=3)
    seen, _ = plain.reset(seed=3)
    ended = 0
    for t in range(12):
        actions = np.eye(2)[(np.arange(6) + t) % 2] - 5.0
        obs, rewards, terminated, truncated, infos = decisions.step(actions)
        total, over, last = np.zeros(6), np.zeros(6, bool), np.zeros((6, 6))
        for _ in range(every):
            chosen = torch.from_numpy(actions.argmax(axis=1))
            seen, paid, _, ends, told = plain.step(made.act(torch.tensor(seen), chosen).numpy())
            for i in range(6):
                if not over[i]:
                    total[i] += paid[i]
                    if ends[i]:
                        over[i], last[i] = True, told["final_obs"][i]
        np.testing.assert_allclose(rewards, total)
        np.testing.assert_array_equal(truncated, over)
        np.testing.assert_array_equal(obs, seen)
        assert not terminated.any()
        if over.any():
            ended += over.sum()
            np.testing.assert_array_equal(infos["final_obs"][over], last[over])
    assert ended >= 12


def test_a_choice_lasts_until_it_is_due_or_the_episode_ends(tmp_path):
    adapter = options.manage([walker()], ErrandEnv(), CONFIG, Run(tmp_path, steps=1))
    policy = adapter.policy
    adapter.begin_trial(2, SPEC)
    wanted = [0, 1, 1, 0, 0, 1, 1, 0]  # what the manager would choose at each step
    made = []
    for step, choice in enumerate(wanted):
        policy.mean = lambda raw, choice=choice: torch.eye(2)[[choice, choice]]
        adapter.act(np.zeros((2, 6), np.float32))
        made.append(adapter.choice.tolist())
        if step == 4:
            adapter.end_episode(np.array([True, False]))
    assert [first for first, _ in made] == [0, 0, 0, 0, 0, 1, 1, 1]
    assert [second for _, second in made] == [0, 0, 0, 0, 0, 0, 1, 1]


def test_the_adapter_repeats_itself_and_knows_its_worlds(tmp_path):
    adapter = options.manage([walker()], ErrandEnv(), CONFIG, Run(tmp_path, steps=1))
    obs = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)

    def play():
        adapter.begin_trial(50, SPEC)
        return np.stack([adapter.act(obs, explore=True) for _ in range(7)])

    first = play()
    np.testing.assert_array_equal(play(), first)
    assert (first[0] == first[2]).all()
    assert (first[2] != first[3]).any()
    with pytest.raises(ValueError, match="sizes"):
        adapter.begin_trial(1, replace(SPEC, observation_size=7))


def test_a_killed_run_goes_on_with_the_same_bits(tmp_path):
    def train(name, on_progress=None):
        run = Run(tmp_path / name, seed=5, steps=6 * 384, resume=True, checkpoint_every=2)
        config = replace(CONFIG, every=5)  # episodes end between choices
        return options.manage([walker()], ErrandEnv(), config, run, on_progress=on_progress)

    assert_a_killed_run_ends_alike(train, tmp_path, "options", killed_at=3 * 16 * 8 * 5)


def test_steps_are_control_steps(tmp_path):
    seen = []
    run = Run(tmp_path, steps=3 * 16 * 8 * 3)
    options.manage([walker()], ErrandEnv(), CONFIG, run, on_progress=seen.append)
    assert [progress.steps for progress in seen] == [384, 768, 1152]
    made = seen[-1].metrics
    assert made["choice.0"] + made["choice.1"] == pytest.approx(1)


def test_other_workers_are_another_run(tmp_path):
    options.manage([walker()], ErrandEnv(), CONFIG, Run(tmp_path, steps=1))
    with pytest.raises(RunError, match="another run"):
        run = Run(tmp_path, steps=1, resume=True)
        options.manage([walker(2.0)], ErrandEnv(), CONFIG, run)


@pytest.mark.parametrize("part", [0, 1])
def test_a_worker_sees_a_part_in_the_place_of_its_own(part):
    one, two = (
        TaskVectorEnv(name, 1, threads=1).layout for name in ("plane-wheel", "plane-wheel-pair")
    )
    found = options.part_columns(one, two)[part].tolist()
    assert len(found) == one.size
    for name in one:
        theirs = f"object{part}" if name == "object0" else name
        columns = two.columns(theirs)
        assert found[one.columns(name)] == [*range(columns.start, columns.stop)]


def test_each_part_may_have_a_place_of_its_own():
    one, two = (
        TaskVectorEnv(name, 1, threads=1).layout for name in ("shape-insert", "shape-sort2")
    )
    found = options.part_columns(one, two)[1].tolist()
    columns = two.columns("fixture1")
    assert found[one.columns("fixture0")] == [*range(columns.start, columns.stop)]


def test_what_cannot_be_managed_is_refused(tmp_path):
    whole = ErrandEnv().layout
    with pytest.raises(ValueError, match=r"also sees goal_speed"):
        options.part_columns(Layout({"object0": 2, "goal_speed": 1}), whole)
    with pytest.raises(ValueError, match=r"also sees object1"):
        options.part_columns(whole, whole)
    with pytest.raises(ValueError, match="1 parts to choose from"):
        options.part_columns(Layout({"object0": 2}), Layout({"object0": 2}))
    with pytest.raises(ValueError, match="options needs workers"):
        options.train(ErrandEnv(), CONFIG, Run(tmp_path))
    with pytest.raises(ValueError, match="no run folder"):
        options.train(ErrandEnv(), replace(CONFIG, workers=("nowhere",)), Run(tmp_path))
    with pytest.raises(ValueError, match="every must be at least 1"):
        options.Config(every=0)


def test_by_command(tmp_path, capsys):
    """A worker is cloned on one wheel; its manager trains and plays on two, without its folder."""
    where, tiny = str(tmp_path), ["--rows", "0", "--threads", "1", "--json"]
    record = ["plane-wheel", "--episodes", "1", "--all", "--agent", "random", "--worlds", "1"]
    run_command("record", [*record, "--out", where, "--threads", "1"])
    dataset = f"{where}/robotasks/plane-wheel/random-v1"
    clone = ["bc", "plane-wheel", "--demonstrations", dataset, "--steps", "1"]
    run_command("train", [*clone, *tiny, "--out", f"{where}/worker"])
    train = ["options", "plane-wheel-pair", "--steps", "1", "--worlds", "8", "--set"]
    settings = [f"workers={where}/worker", "rollout=1", "every=2"]
    run_command("train", [*train, *settings, *tiny, "--out", f"{where}/manager"])
    (worker,) = read_config(tmp_path / "manager")["config"]["skills"]
    assert worker["task"] == "plane-wheel"
    (tmp_path / "worker").rename(tmp_path / "gone")
    capsys.readouterr()
    evaluate = [f"{where}/manager", "plane-wheel-pair", "--rows", "1", "--threads", "1", "--json"]
    run_command("evaluate", evaluate)
    assert '"rows": 1' in capsys.readouterr().out
