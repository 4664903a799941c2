"""The benchmark: what it counts, what it leaves alone, how it goes on, and what it refuses."""

import json
import math
import shutil
import sys
import types
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import replace

import pytest

from robotasks.benchmark.anchors import VARIANTS, Variant
from robotasks.benchmark.results import TOLD, read_cell
from robotasks.benchmark.suites import find_suite
from robotasks.benchmark.tiers import LAPTOP, SMOKE, Tier
from robotasks.commands import benchmark, cells, entrants, main, run_command
from robotasks.commands.cells import Cell, play
from tests.commands.planted import SOLVES

PLANTED = "tests.commands.planted:SolvesSome"
TINY = Tier("tiny", 26 * 256, 8, 4, 3, 2, seeds=1, hours=0, worlds=16, quotable=False)
QUICK = Variant("ppo", set=("hidden=8", "epochs=1", "minibatches=2"), worlds=16)


@pytest.fixture(autouse=True, scope="module")
def quick_training():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entrants, "VARIANTS", {**VARIANTS, "quick": QUICK})
        yield


@pytest.mark.parametrize("name", ["rl2", "rl2-tf"])
def test_an_agent_with_a_memory_plays_the_trials_of_a_meta_learning_suite(name, tmp_path):
    """Its own trials in training may be shorter only if its memory reads on beyond them."""
    least = Tier("least", 1, 2, 2, 1, 2, seeds=1, hours=0, worlds=8, quotable=False)
    cell = Cell("ML1:reach", name, 0, least, tmp_path, "", worlds=8, threads=1)
    play(cell)
    found, suite = read_cell(cell.folder), find_suite("ML1:reach")
    assert found.result.breaches == ()
    assert found.splits[suite.tested].episodes == suite.episodes


def test_an_off_policy_agent_plays_a_multi_task_suite(tmp_path):
    """It is told the task there, learns, and keeps the protocol."""
    few = Tier("few", 13_000, 2, 2, 1, 2, seeds=1, hours=0, worlds=100, quotable=False)
    cell = Cell("MT1:reach", "mtsac", 0, few, tmp_path, "", worlds=8, threads=1)
    play(cell)
    found = read_cell(cell.folder)
    assert found.result.breaches == ()
    assert found.result.reveal == ("goal", "task")
    assert found.result.train_steps > 10_000  # beyond what it waits for before it learns


def benchmark_reach(out, capsys, *options, agents=(PLANTED,)):
    run_command(
        "benchmark",
        ["MT1:reach", *agents, "--tier", "smoke", "--out", str(out), "--json", *options],
    )
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def at_once(work, *given):
    """Call here and now: what a pool returns, without another process."""
    future = Future()
    future.set_result(work(*given))
    return future


def made(cell):
    """Everything but the clock: the bytes of all records, and the result."""
    files = {path.name: path.read_bytes() for path in cell.folder.rglob("*.jsonl.gz")}
    return files, replace(read_cell(cell.folder).result, wall_s=0, cpu_s=0)


@pytest.mark.parametrize(("jobs", "worlds"), [("1", "5"), ("2", "100")])
def test_solving_k_of_n_rows_scores_k_of_n(tmp_path, capsys, jobs, worlds):
    rows = benchmark_reach(tmp_path, capsys, "--jobs", jobs, "--worlds", worlds, "--seeds", "2")
    assert sorted(row["seed"] for row in rows) == [0, 1]
    for row in rows:
        assert {split: row[split] for split in SOLVES} == {
            split: count / SMOKE.rows for split, count in SOLVES.items()
        }
        assert not row["quotable"]


def test_the_result_tells_on_what_and_at_what_cost(tmp_path):
    cell = Cell("MT1:reach", "random", 3, TINY, tmp_path, "robotasks benchmark ...")
    play(cell)
    found = read_cell(cell.folder)
    suite = find_suite("MT1:reach")
    assert [*found.splits] == [*suite.splits] == ["train", "interp", "extrap"]
    rows = {"train": suite.rows("train", 3, 4), "interp": suite.rows("interp", 0, 4)}
    for split, table in rows.items():
        assert found.result.task_sets[split] == table.hash
        assert found.result.provenance[split].tables == {"reach-v1": table.hash}
    assert (found.result.train_steps, found.result.play_steps) == (0, 3 * 4 * 50)
    assert found.result.cpu_s > 0 and found.result.wall_s > 0


@pytest.mark.parametrize(("agent", "rules"), [("Counts", {"determinism"}), ("SolvesSome", set())])
def test_every_entrant_is_examined(tmp_path, agent, rules):
    cell = Cell("MT1:reach", f"tests.commands.planted:{agent}", 0, TINY, tmp_path, "")
    play(cell)
    breaches = read_cell(cell.folder).result.breaches
    assert rules <= {breach.split(":")[0] for breach in breaches}
    assert bool(rules) == bool(breaches)


def test_a_finished_cell_is_left_alone(tmp_path, monkeypatch):
    cell = Cell("MT1:reach", "random", 0, TINY, tmp_path, "")
    play(cell)
    before = made(cell)
    monkeypatch.setattr(cells, "evaluate", None)
    play(cell)
    assert made(cell) == before


def test_a_cell_of_other_rows_or_another_tier_is_not_gone_on_with(tmp_path):
    cell = Cell("MT1:reach", "random", 0, TINY, tmp_path, "")
    play(cell)
    with pytest.raises(ValueError, match=r"holds another cell.*tier\.rows was 4 and is now 5"):
        play(replace(cell, tier=replace(TINY, rows=5)))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A cell of PPO that was never killed."""
    cell = Cell("MT1:reach", "quick", 0, TINY, tmp_path_factory.mktemp("whole"), "")
    play(cell)
    return cell


def test_the_learning_curve_has_the_points_of_the_tier(trained):
    found = read_cell(trained.folder)
    assert [*found.curve] == [9 * 256, 18 * 256, 26 * 256]
    assert found.result.train_steps == TINY.steps
    assert all(len(scores.records) == TINY.curve_rows for scores in found.curve.values())
    assert found.result.play_steps == (3 * TINY.rows + 3 * TINY.curve_rows) * 50


@pytest.mark.parametrize("stage", ["training", "playing interp"])
def test_a_killed_cell_goes_on_as_if_it_never_was(trained, tmp_path, monkeypatch, stage):
    cell, note = replace(trained, out=tmp_path), cells.Meter.note

    def kill(meter, now, done, total):
        note(meter, now, done, total)
        if now == stage and done in (1, 23 * 256):  # three updates after a checkpoint
            raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(cells.Meter, "note", kill)
        with pytest.raises(RuntimeError, match="killed"):
            play(cell)
    assert not (cell.folder / "result.json").exists()
    spent = json.loads((cell.folder / "meter.json").read_text())["cpu_s"]
    play(cell)
    assert made(cell) == made(trained)
    assert read_cell(cell.folder).result.cpu_s > spent


COURSES = replace(TINY, steps=512, points=2, rows=2, curve_rows=1, courses=2, course_steps=1024)


def test_fine_tuning_starts_from_the_pooled_policy_and_goes_on_after_a_kill(tmp_path, monkeypatch):
    cell = Cell("ML1:reach", "finetune", 0, COURSES, tmp_path / "whole", "")
    with pytest.raises(ValueError, match="finetune starts from ppo, which is not in"):
        play(cell)
    base = replace(cell, agent="ppo")
    play(base)
    play(cell)
    found = read_cell(cell.folder)
    assert [*found.courses] == ["reach-0", "reach-1"] and not found.splits
    assert all([*curve] == [0, 512, 1024] for curve in found.courses.values())
    config = json.loads((cell.folder / "courses/reach-1/run/config.json").read_text())
    assert config["pretrained"] == str(base.folder / "run")
    assert found.result.train_steps == 2 * 1024
    assert found.result.play_steps == 2 * 3 * 10 * 50

    other, note = replace(cell, out=tmp_path / "killed"), cells.Meter.note
    shutil.copytree(base.folder, replace(base, out=other.out).folder)

    def kill(meter, now, done, total):
        note(meter, now, done, total)
        if now == "course 2 of 2" and done == 768:
            raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(cells.Meter, "note", kill)
        with pytest.raises(RuntimeError, match="killed"):
            play(other)
    play(other)
    assert made(other) == made(cell)


def test_transfer_goes_from_one_course_to_the_next(tmp_path, monkeypatch):
    two = replace(find_suite("MT5"), train=("push-to", "hockey-shoot"))
    monkeypatch.setattr(cells, "find_suite", lambda name: two)
    cell = Cell("MT5", "transfer", 0, replace(COURSES, course_steps=256), tmp_path, "")
    play(cell)
    names = ["hockey-shoot", "hockey-shoot-after-push-to", "push-to", "push-to-after-hockey-shoot"]
    assert [*read_cell(cell.folder).courses] == names
    courses = cell.folder / "courses"
    config = json.loads((courses / names[1] / "run/config.json").read_text())
    assert config["pretrained"] == str(courses / "push-to/run")


def test_who_fine_tuning_starts_from_is_played_first(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "processes", lambda count: nullcontext(at_once))
    monkeypatch.setattr(benchmark, "TIERS", {"smoke": COURSES})
    agents = ("finetune", "scratch")
    run_command(
        "benchmark", ["ML1:reach", *agents, "--tier", "smoke", "--out", str(tmp_path), "--json"]
    )
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["agent"] for row in rows[:2]} == {"ppo", "scratch"}
    assert rows[2]["agent"] == "finetune"
    for row in rows:
        assert (row["courses"] is None) == (row["interp"] is not None) == (row["agent"] == "ppo")


def test_who_is_told_the_goal_is_data(tmp_path):
    tiny = replace(TINY, steps=256, points=1, rows=2, curve_rows=1)
    for agent, told in (("ppo", ("history",)), ("ppo-sighted", ("goal", "task"))):
        cell = Cell("ML1:reach", agent, 0, tiny, tmp_path, "")
        play(cell)
        found = read_cell(cell.folder)
        assert found.result.reveal == told
        assert found.splits["interp"].episodes == 10
        # Rewards reach an agent that is told its history, and no other.
        for less in found.told.values():
            assert (less == found.splits["interp"]) == ("history" not in told)
        config = json.loads((cell.folder / "run" / "config.json").read_text())
        assert config["env"]["reveal"] == list(told)


def test_what_a_tier_spends_can_be_chosen():
    chosen = {"train_rows": 16, "steps": 900, "courses": 3, "course_steps": 80}
    options = benchmark.Options("ML1:reach", ("ppo",), tier="smoke", seeds=1, **chosen)
    (cell,) = benchmark.plan(options)
    assert cell.tier == replace(SMOKE, **chosen)
    ending = "ML1:reach ppo --tier smoke --seeds 1 --train-rows 16 --steps 900"
    ending += " --courses 3 --course-steps 80"
    assert cell.command.endswith(ending)


def test_the_anchors_are_planned_unless_others_are_named():
    usual = ["expert", "random", "ppo", "ppo-blind"]
    for suite, agents in (("ML1:reach", {*usual, "ppo-sighted"}), ("MT1:reach", {*usual})):
        planned = benchmark.plan(benchmark.Options(suite, tier="smoke", seeds=1))
        assert {cell.agent for cell in planned} == agents
    assert planned[0].command == "robotasks benchmark MT1:reach expert --tier smoke --seeds 1"


@pytest.mark.parametrize("name", ["MT5", "ML1:push-to"])
def test_evaluating_costs_a_tenth_of_training_at_most(name):
    """In the laptop tier, on the suites that it is meant for."""
    suite, horizon = find_suite(name), find_suite(name).arguments["max_episode_steps"]
    played = [suite.rows(split, 0, LAPTOP.rows) for split in suite.splits]
    trials = sum(map(len, played))
    if suite.episodes > 1:
        trials += len(TOLD) * len(suite.rows(suite.tested, 0, LAPTOP.rows))
    curve = math.ceil(LAPTOP.curve_rows / suite.episodes)
    trials += LAPTOP.points * len(suite.rows(suite.tested, 0, curve))
    assert trials * suite.episodes * horizon <= LAPTOP.steps / 10


def test_a_failing_cell_does_not_stop_the_others(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "processes", lambda count: nullcontext(at_once))
    with pytest.raises(SystemExit) as stopped:
        agents = ("tests.commands.planted:fails", "expert")
        benchmark_reach(tmp_path, capsys, "--seeds", "1", agents=agents)
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["agent"] == "expert"
    assert "1 of 2 cells failed" in captured.err and "planted failure" in captured.err
    folder = tmp_path / "MT1-reach" / "tests.commands.planted-fails-s0"
    assert "fails" in (folder / "error.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["MT1:raech"], "unknown task 'raech'"),
        (["MT1:reach", "pppo"], "unknown agent 'pppo'"),
        (["MT1:reach", "bc"], "bc imitates, and a suite has no demonstrations"),
        (["MT1:reach", "scratch"], "scratch learns rows whose goal is hidden"),
        (["MT1:reach", "knn"], "no demonstrations: use `evaluate knn`"),
        (["MT1:reach", "no.such:thing"], "cannot be imported"),
        (["MT1:reach", "--seeds", "0"], "seeds must be at least 1"),
        (["MT1:reach", "--train-rows", "0"], "train_rows must be at least 1"),
        (["MT1:reach", "--steps", "0"], "steps must be at least 1"),
        (["MT1:reach", "--jobs", "-1"], "jobs must be at least 0"),
    ],
)
def test_mistakes_are_told_before_anything_is_played(arguments, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["benchmark", *arguments, "--out", str(tmp_path)])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_without_ray_it_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit):
        benchmark_reach(tmp_path, capsys, "--ray", "auto", agents=("random",))
    assert "pip install 'robotasks[ray]'" in capsys.readouterr().err


def test_a_ray_cluster_plays_the_cells(tmp_path, capsys, monkeypatch):
    """With a stand-in that calls at once: Ray itself is not needed."""
    calls = []

    def remote(num_cpus):
        def wrap(work):
            def call(*given):
                return types.SimpleNamespace(future=lambda: at_once(work, *given))

            return types.SimpleNamespace(remote=call)

        return wrap

    stand_in = types.SimpleNamespace(
        init=lambda address: calls.append(address),
        remote=remote,
        shutdown=lambda: calls.append("shutdown"),
    )
    monkeypatch.setitem(sys.modules, "ray", stand_in)
    options = ("--ray", "here:6379", "--seeds", "1")
    rows = benchmark_reach(tmp_path, capsys, *options, agents=("random", "expert"))
    assert calls == ["here:6379", "shutdown"]
    assert {row["agent"]: row["interp"] for row in rows} == {"random": 0.0, "expert": 1.0}
