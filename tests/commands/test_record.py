"""Recording and imitating from the command line."""

import json

import numpy as np
import pytest

from robotasks.commands import main, run_command
from robotasks.commands.record import PATIENCE

minari = pytest.importorskip("minari")

LINES = ["--json", "--threads", "1"]


def record(folder, capsys, *options):
    run_command("record", ["reach", "--out", str(folder), *LINES, *options])
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def numbers(summary):
    """The numbers of a dataset's episodes, its actions, and whether each episode was solved."""
    held = minari.MinariDataset(f"{summary['folder']}/data")
    told = [*held.storage.get_episode_metadata(range(len(held)))]
    return [(t["number"], t["success"], e.actions) for t, e in zip(told, held, strict=True)]


def test_worlds_and_interruptions_do_not_matter(tmp_path, capsys):
    # With so much noise the expert fails at times, so that attempts and episodes differ.
    noisy = ["--noise", "0.7", "--seed", "1"]
    once = record(tmp_path / "once", capsys, *noisy, "--episodes", "7")
    record(tmp_path / "twice", capsys, *noisy, "--episodes", "3", "--worlds", "2")
    twice = record(tmp_path / "twice", capsys, *noisy, "--episodes", "7", "--worlds", "3")
    assert once["episodes"] == twice["episodes"] == 7
    assert once["attempts"] == twice["attempts"] > 7
    np.testing.assert_equal(numbers(once), numbers(twice))
    assert all(success for _, success, _ in numbers(once))


def test_failures_are_kept_if_asked_for(tmp_path, capsys):
    summary = record(tmp_path, capsys, "--agent", "random", "--episodes", "4", "--all")
    assert (summary["episodes"], summary["attempts"]) == (4, 4)
    assert summary["dataset"] == "robotasks/reach/random-v1"
    assert not all(success for _, success, _ in numbers(summary))


def test_an_agent_that_never_succeeds_is_given_up(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        record(tmp_path, capsys, "--agent", "random", "--episodes", "1", "--worlds", "32")
    assert stopped.value.code == 2
    assert f"solved 0 of {PATIENCE} attempts at reach" in capsys.readouterr().err
    assert not tmp_path.joinpath("robotasks").exists()


def test_a_clone_is_trained_resumed_evaluated_and_recorded(tmp_path, capsys):
    demonstrations = record(tmp_path / "data", capsys, "--episodes", "5", "--reveal")["folder"]
    run = str(tmp_path / "run")
    options = ["bc", "reach", "--demonstrations", demonstrations, "--rows", "4", "--out", run]
    run_command("train", [*options, *LINES, "--steps", "20000", "--reveal"])
    run_command("train", [*options, *LINES, "--steps", "40000", "--reveal", "--resume"])
    capsys.readouterr()
    run_command("evaluate", [run, "reach", "--rows", "4", *LINES])
    assert json.loads(capsys.readouterr().out)["rows"] == 4
    summary = record(tmp_path / "data", capsys, "--agent", run, "--episodes", "2", "--all")
    assert summary["dataset"] == "robotasks/reach/run-v1"


def test_demonstrations_have_to_fit_the_run(tmp_path, capsys):
    folder = record(tmp_path, capsys, "--episodes", "1", "--name", "goal-seen")["folder"]
    shown = ["--demonstrations", folder]
    for arguments, message in (
        (["bc", "push-to", *shown], "has the task 'reach-v1', not 'push-to-v1'"),
        (["bc", "reach", "--reveal", "dynamics", *shown], "has the reveal ('goal',), not ('dyn"),
        (["bc", "reach"], "bc imitates: name a dataset with --demonstrations"),
        (["bc", "reach", "--demonstrations", str(tmp_path)], "neither the folder"),
        (["ppo", "reach", *shown], "ppo takes no demonstrations; imitators do: bc"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(["train", *arguments, "--out", str(tmp_path / "run")])
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["raech"], "Did you mean reach?"),
        (["reach", "--agent", "exprt"], "Did you mean expert?"),
        (["reach", "--episodes", "0"], "episodes must be at least 1, not 0"),
        (["reach", "--worlds", "0"], "worlds must be at least 1, not 0"),
        (["reach", "--noise", "-1"], "noise must be at least 0"),
        (["reach", "--split", "trian"], "Did you mean train?"),
        (["reach", "--reveal", "gaol"], "Did you mean goal?"),
        (["reach", "--name", "a b"], "Malformed dataset ID: robotasks/reach/a b-v1"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(arguments, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["record", *arguments, "--out", str(tmp_path), "--json"])
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert not any(tmp_path.rglob("*"))
