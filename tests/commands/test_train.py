"""What training leaves behind, and how its agent's options are set."""

import json
import re

import pytest

from robotasks.agents import agent_module
from robotasks.agents.tuned import TUNED, find_tuned
from robotasks.benchmark.suites import find_suite
from robotasks.commands import run_command, train
from robotasks.commands.evaluate import held_out
from robotasks.envs.vector import TaskVectorEnv
from robotasks.tasks import find_task

TINY = ["ppo", "reach", "--worlds", "16", "--rows", "4", "--steps", "1000"]


def test_the_run_folder_holds_options_progress_and_a_checkpoint(tmp_path, capsys):
    run_command("train", [*TINY, "--set", "hidden=16,8", "gamma=0.9", "--out", str(tmp_path)])
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["agent"], config["env"]["tasks"], config["seed"]) == ("ppo", "reach", 0)
    assert (config["config"]["hidden"], config["config"]["gamma"]) == ([16, 8], 0.9)
    header = (tmp_path / "progress.csv").read_text().splitlines()[0].split(",")
    assert {"steps", "wall_s", "train_success", "eval_success", "eval_return"} <= set(header)
    assert (tmp_path / "checkpoint" / "latest.safetensors").stat().st_size > 0
    assert str(tmp_path) in capsys.readouterr().out.replace("\n", "")


def test_a_goal_blind_twin_is_evaluated_as_it_was_trained(tmp_path, capsys):
    hidden = ["--reveal", "--set", "hidden=8,8", "--out", str(tmp_path)]
    run_command("train", [*TINY, *hidden])
    assert json.loads((tmp_path / "config.json").read_text())["env"]["reveal"] == []
    capsys.readouterr()
    run_command("evaluate", [str(tmp_path), "reach", "--rows", "4", "--json"])
    assert json.loads(capsys.readouterr().out)["rows"] == 4  # wider observations would not fit


def test_a_suite_is_trained_on_its_rows_and_scored_between_them(tmp_path, capsys):
    out = ["--out", str(tmp_path)]
    run_command("train", ["ppo", "MT1:reach", *TINY[2:], "--set", "hidden=8,8", *out])
    env = json.loads((tmp_path / "config.json").read_text())["env"]
    assert (env["suite"], env["count"], env["reveal"]) == ("MT1:reach", 256, ["goal"])
    header = (tmp_path / "progress.csv").read_text().splitlines()[0].split(",")
    assert "eval_success.reach-v1" in header
    capsys.readouterr()
    run_command("evaluate", [str(tmp_path), "MT1:reach", "--rows", "3", "--json"])
    assert json.loads(capsys.readouterr().out)["rows"] == 3


def test_evaluate_prints_a_line_for_each_task_of_a_suite_and_their_mean(capsys):
    run_command("evaluate", ["random", "MT5", "--rows", "1", "--json"])
    *tasks, mean = map(json.loads, capsys.readouterr().out.splitlines())
    assert [row["task"].rsplit("-v", 1)[0] for row in tasks] == list(find_suite("MT5").train)
    assert (mean["task"], mean["rows"]) == ("MT5", 5)
    assert mean["mean_return"] == pytest.approx(sum(row["mean_return"] for row in tasks) / 5)


def test_the_name_of_a_variant_sets_what_is_told(tmp_path):
    out = ["--out", str(tmp_path)]
    run_command("train", ["ppo-blind", *TINY[1:], "--set", "hidden=8,8", *out])
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["agent"], config["env"]["reveal"]) == ("ppo", [])


def test_a_meta_learner_trains_on_trials_and_is_scored_episode_by_episode(tmp_path):
    options = ["--set", "width=8", "hidden=8", "minibatches=2", "--out", str(tmp_path)]
    run_command("train", ["rl2", "reach", *TINY[2:], *options])
    env = json.loads((tmp_path / "config.json").read_text())["env"]
    assert (env["reveal"], env["episodes"], env["num_envs"]) == (["history"], 4, 16)
    header = (tmp_path / "progress.csv").read_text().splitlines()[0].split(",")
    assert {f"eval_success.episode{k}" for k in range(4)} <= set(header)
    other = [*options[:-1], str(tmp_path / "two")]
    run_command("train", ["rl2", "MT1:reach", *TINY[2:], *other, "--episodes", "2"])
    env = json.loads((tmp_path / "two" / "config.json").read_text())["env"]
    assert (env["suite"], env["episodes"]) == ("MT1:reach", 2)


def test_a_meta_learner_is_evaluated_on_trials_like_those_it_trained_on(tmp_path, capsys):
    options = ["--set", "width=8", "hidden=8", "minibatches=2", "--out", str(tmp_path)]
    run_command("train", ["rl2", "reach", *TINY[2:], *options, "--episodes", "3"])
    capsys.readouterr()
    run_command("evaluate", [str(tmp_path), "reach", "--rows", "2", "--json"])
    row = json.loads(capsys.readouterr().out)
    curve = [row[f"success.episode{k}"] for k in range(3)]
    assert "success.episode3" not in row
    assert sum(curve) / 3 == pytest.approx(row["success"])
    run_command("evaluate", [str(tmp_path), "reach", "--rows", "2", "--episodes", "2"])
    table = capsys.readouterr().out
    assert "adaptation" in table and table.count("\u2502") >= 6
    run_command("evaluate", [str(tmp_path), "reach", "--rows", "2", "--episodes", "1", "--json"])
    assert not any("episode" in name for name in json.loads(capsys.readouterr().out))


def test_fine_tuning_keeps_the_observations_of_the_suite(tmp_path, capsys):
    """And so do the evaluations of what was fine-tuned."""
    pre, tuned = str(tmp_path / "pre"), str(tmp_path / "tuned")
    small = ["--worlds", "16", "--rows", "2", "--steps", "256", "--set", "hidden=8,8"]
    told = ["--reveal", "goal", "task"]  # more than the suite tells by itself
    run_command("train", ["ppo", "MT1:push-to", *small, *told, "--out", pre])
    run_command("train", ["ppo", "push-to", *small, "--from", pre, "--out", tuned])
    config = json.loads((tmp_path / "tuned" / "config.json").read_text())
    assert (config["pretrained"], config["env"]["layout"]) == (pre, "MT1:push-to")
    assert config["env"]["reveal"] == ["goal", "task"]
    capsys.readouterr()
    run_command("evaluate", [tuned, "push-to", "--rows", "2", "--json"])
    assert json.loads(capsys.readouterr().out)["rows"] == 2


def test_fine_tuning_on_other_observations_is_refused(tmp_path, capsys):
    pre = str(tmp_path / "pre")
    run_command("train", [*TINY, "--set", "hidden=8,8", "--out", pre])
    out = ["--from", pre, "--out", str(tmp_path / "tuned")]
    for given, why in (
        (["ppo", "push-to"], "only here: .*object0"),
        (["ppo", "reach", "--reveal"], "only there: goal_pos"),
        (["bc", "reach"], "bc starts from no run; mtppo, ppo do"),
    ):
        with pytest.raises(SystemExit):
            run_command("train", [*given, *out])
        assert re.search(why, capsys.readouterr().err)
    assert not (tmp_path / "tuned").exists()


def test_her_trains_and_is_scored_with_goals_and_sparse_rewards(tmp_path, capsys):
    out = ["--out", str(tmp_path)]
    run_command("train", ["her", *TINY[1:], "--set", "hidden=8", "learning_starts=200", *out])
    env = json.loads((tmp_path / "config.json").read_text())["env"]
    assert (env["reward"], env["goal_conditioned"]) == ("sparse", True)
    capsys.readouterr()
    run_command("evaluate", [str(tmp_path), "reach", "--rows", "4", "--json"])
    assert json.loads(capsys.readouterr().out)["rows"] == 4


def test_an_interrupted_training_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def interrupt(options, folder):
        def training(report):
            raise KeyboardInterrupt

        return training

    monkeypatch.setattr(train, "prepare", interrupt)
    with pytest.raises(SystemExit) as stopped:
        run_command("train", [*TINY, "--out", str(tmp_path), "--json"])
    assert stopped.value.code == 130
    captured = capsys.readouterr()
    assert "--resume" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("setting", ["gamma=high", "activation=sine", "epochs=0"])
def test_a_value_that_does_not_fit_is_refused(setting, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        run_command("train", [*TINY, "--out", str(tmp_path), "--set", setting])
    assert stopped.value.code == 2
    assert setting.split("=")[0] in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_training_never_meets_a_held_out_row():
    env = TaskVectorEnv("reach", 300)
    env.reset(seed=0)
    trained = {tuple(row) for _, row in env.task_rows()}
    # 500_000: the rows that training is scored on in between.
    tables = [held_out("reach", 200, seed).rows[0] for seed in (0, 1, 500_000)]
    sets = [trained, *({tuple(row) for row in table} for table in tables)]
    assert len(set.union(*sets)) == sum(len(rows) for rows in sets)


def test_a_few_shot_imitator_is_shown_demonstrations_between_updates(tmp_path, capsys):
    pytest.importorskip("minari")
    rows = ["--split", "train", "--per-row", "2", "--episodes", "8", "--reveal"]
    run_command("record", ["reach", *rows, "--out", str(tmp_path), "--threads", "1"])
    data = ["--demonstrations", str(tmp_path / "robotasks/reach/expert-v1")]
    small = ["--set", "hidden=8,8", "batch=4", "minibatches=2", "--steps", "200", "--rows", "4"]
    run = tmp_path / "run"
    run_command("train", ["demo-nearest", "reach", *data, *small, "--out", str(run)])
    assert json.loads((run / "config.json").read_text())["config"]["method"] == "nearest"
    assert "eval_success" in (run / "progress.csv").read_text()
    capsys.readouterr()
    played = [str(run), "ML1:reach", "--rows", "2", "--episodes", "1", "--json"]
    run_command("evaluate", [*played, "--demos", "2"])
    assert json.loads(capsys.readouterr().out)["rows"] == 2
    with pytest.raises(SystemExit):
        run_command("evaluate", played)
    assert "shown nothing to imitate" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["promp", "maml"])
def test_what_adapts_by_gradients_is_trained_on_a_suite_and_played_in_its_trials(
    name, tmp_path, capsys
):
    small = ["--worlds", "4", "--rows", "2", "--steps", "4000", "--set", "hidden=8,8"]
    run_command("train", [name, "ML1:reach", *small, "--out", str(tmp_path)])
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["agent"], config["env"]["reveal"]) == ("promp", [])
    assert config["config"]["rates"] == ("learned" if name == "promp" else "fixed")
    capsys.readouterr()
    run_command("evaluate", [str(tmp_path), "ML1:reach", "--rows", "2", "--json"])
    assert "success.episode9" in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("task", ["reach", "MT1:reach"])
def test_training_episodes_may_be_shorter_than_those_of_evaluations(task):
    options = train.Options("ppo", task, reveal=("goal",), worlds=2, episodes=1, horizon=7)
    env, told = train.worlds(options)
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[3].any() for _ in range(14)]
    assert env.horizon == told["max_episode_steps"] == 7
    assert sum(ends) == 4  # two worlds, two episodes each, at times of their own


def test_tuned_options_are_taken_and_what_is_given_besides_goes_before_them(tmp_path):
    small = ["--worlds", "16", "--rows", "0", "--steps", "300", "--set", "hidden=8,8", "gamma=0.8"]
    run_command("train", ["ppo", "lid-place", "--tuned", *small, "--out", str(tmp_path)])
    config = json.loads((tmp_path / "config.json").read_text())
    row = TUNED["ppo"]["lid-place"]
    env = config["env"]
    assert (tuple(env["start"]), env["max_episode_steps"]) == (row.start, row.horizon)
    assert (config["config"]["gamma"], config["config"]["fine"]) == (0.8, 5)


def test_who_trains_without_tuned_options_hears_of_them(tmp_path, capsys):
    small = ["--worlds", "16", "--rows", "0", "--steps", "256"]
    for given, heard in (([], True), (["--set", "gamma=0.9"], False)):
        out = ["--out", str(tmp_path / str(heard))]
        run_command("train", ["ppo", "hockey-slap", *small, *given, *out])
        assert ("--tuned takes them" in capsys.readouterr().err) is heard


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["ppo", "plane-assemble", "--tuned"], "has no options of ppo for plane-assemble; .*place"),
        (["bc", "reach", "--tuned"], "unknown agent 'bc'"),
        (["bc", "reach", "--horizon", "9"], "bc imitates, in no episodes"),
    ],
)
def test_options_that_there_are_not_are_refused(given, why, capsys):
    with pytest.raises(SystemExit):
        run_command("train", given)
    assert re.search(why, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("agent", "task"), [(agent, task) for agent, tasks in TUNED.items() for task in tasks]
)
def test_tuned_options_fit_agent_and_task(agent, task):
    row, made = find_tuned(agent, task), find_task(task)
    train.agent_config(agent_module(agent).Config, row.set)
    assert set(row.start) <= set(made.starts)
    assert row.horizon is None or row.horizon < made.horizon
