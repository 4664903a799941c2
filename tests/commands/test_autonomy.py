"""Both kinds of lives, trained as briefly as can be, and what is told of them."""

import csv
import json

import pytest

from robotasks.commands import run_command

TINY = ["--worlds", "4", "--rows", "2", "--threads", "1", "--json", "--set", "hidden=8", "epochs=1"]


def told(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module")
def attended(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attended") / "run"
    run_command("autonomy", ["attended", *TINY, "--steps", "1280", "--out", str(folder)])
    return folder


def test_a_free_life_is_trained_scored_and_compared(tmp_path, capsys, attended):
    folder = str(tmp_path / "run")
    free = ["free", *TINY, "--out", folder]
    run_command("autonomy", [*free, "--steps", "640"])
    assert told(capsys)["steps"] == 640
    run_command("autonomy", [*free, "--steps", "1280", "--resume", "--against", str(attended)])
    scores = told(capsys)
    assert scores["steps"] == 1280
    assert (scores["interventions_initial"], scores["interventions_requested"]) == (4, 0)
    assert 0 < scores["continuing_reward"] < 1
    assert 0 < scores["deployed_regret"] < 100
    assert 0.3 < scores["retrieving_share"] < 0.7
    assert scores["price_of_autonomy"] is None  # nothing is learned in so few steps
    # A finished run is scored again, from what it has logged.
    run_command("autonomy", [*free, "--steps", "1280", "--resume", "--against", str(attended)])
    assert told(capsys) == scores


def test_an_attended_life_shoots_only_and_costs_a_person_a_shot(attended):
    with (attended / "progress.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    assert float(last["eval_retrieving"]) == 0
    assert float(last["eval_requested"]) == float(last["eval_shots"]) > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["free", "--steps", "0"], "steps must be at least 1"),
        (["free", "--patience", "0"], "patience must be at least 1"),
        (["free", "--rows", "0"], "rows must be at least 1"),
        (["free", "--set", "gama=1"], "Did you mean gamma?"),
        (["free", "--against", "nowhere"], "is no run of `robotasks autonomy`"),
        (["fre"], "invalid choice"),
        (["free", "reach"], "invalid choice"),
    ],
)
def test_mistakes(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        run_command("autonomy", arguments)
    assert stopped.value.code == 2
    assert message.lower() in " ".join(capsys.readouterr().err.lower().replace("│", "").split())
    assert not any(tmp_path.iterdir())
