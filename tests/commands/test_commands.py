import json
import subprocess
import sys

import numpy as np
import pytest

from robotasks import SUITES, TASKS, Distribution
from robotasks.benchmark.splits import draw
from robotasks.commands import main, run_command, speed, view
from robotasks.commands.doctor import diagnose, working_renderer
from tests.families import every_task


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_list_names_every_task(capsys):
    run_command("list", ["--json"])
    assert [row["task"] for row in lines(capsys)] == list(TASKS)


def test_list_names_every_suite_and_its_tasks(capsys):
    run_command("list", ["--suites", "--json"])
    rows = lines(capsys)
    assert [row["suite"] for row in rows] == list(SUITES)
    for row in rows:
        assert (*row["train"], *row["held_out"]) == SUITES[row["suite"]].names


def test_sets_prints_the_rows_it_saves(tmp_path, capsys):
    arguments = ["MT1:push-to", "--split", "shape", "--seed", "3", "--rows", "4"]
    run_command("sets", [*arguments, "--json"])
    printed = lines(capsys)
    path = tmp_path / "set.json"
    run_command("sets", [*arguments, "--out", str(path), "--json"])
    assert lines(capsys) == [{"task": "push-to-v1", "rows": 4}]
    saved = Distribution.load(path)
    assert saved == draw(["push-to"], "shape", 4, 3)
    columns = ["goal_xy.0", "goal_xy.1", "mass", "friction", "shape"]
    assert [[row[name] for name in columns] for row in printed] == saved.rows[0].tolist()


def test_evaluate_prints_one_object(capsys):
    run_command("evaluate", ["expert", "reach", "--rows", "8", "--json"])
    (row,) = lines(capsys)
    assert row["rows"] == 8
    assert row["success"] == 1.0
    assert set(row) >= {"task", "rows", "success", "success_ever", "interval", "mean_return"}


def test_evaluate_shows_demonstrations(capsys):
    run_command("evaluate", ["knn", "reach", "--demos", "2", "--rows", "4", "--json"])
    assert lines(capsys)[0]["agent"] == "knn"


def test_evaluate_writes_the_episodes_it_counts(tmp_path, capsys):
    path = tmp_path / "records.jsonl"
    arguments = ["random", "reach", "--rows", "4", "--episodes", "2", "--records", str(path)]
    run_command("evaluate", [*arguments, "--json"])
    records = [json.loads(line) for line in path.read_text().splitlines()]
    mean = sum(record["episode_return"] for record in records) / 8
    assert lines(capsys)[0]["mean_return"] == pytest.approx(mean)


def test_speed_prints_a_row_per_count(capsys):
    arguments = ["reach", "--worlds", "1", "4", "--repeats", "1", "--seconds", "0.02", "--json"]
    run_command("speed", arguments)
    rows = lines(capsys)
    assert [row["worlds"] for row in rows] == [1, 4]
    assert all(row["overhead"] > 0 and row["env_steps_per_s"] > 0 for row in rows)
    assert {"sim_s_per_cpu_s", "episodes_per_cpu_s"} <= set(rows[0])


def test_speed_of_the_gpu_engine_is_told_with_pictures_and_learning(capsys):
    pytest.importorskip("mujoco_warp")
    arguments = ["reach", "--engine", "gpu", "--device", "cpu", "--repeats", "1", "--json"]
    run_command("speed", [*arguments, "--worlds", "4", "--seconds", "0.02", "--threads", "1"])
    (row,) = lines(capsys)
    assert row["device"] and row["worlds"] == 4
    speeds = ("env_steps", "bare_substeps", "pixels_steps", "ppo_steps")
    assert all(row[f"{name}_per_s"] > 0 for name in speeds)


def test_speed_shows_what_it_measured_before_memory_ran_out(capsys, monkeypatch):
    def lacking(task, worlds, options):
        if worlds > 2:
            raise RuntimeError("4 worlds do not fit")
        return {"env_steps_per_s": 1.0}

    monkeypatch.setattr(speed, "measure", lacking)
    with pytest.raises(RuntimeError, match="do not fit"):
        speed.run(speed.Options(("reach",), worlds=(1, 2, 4), json=True))
    assert [row["worlds"] for row in lines(capsys)] == [1, 2]


def test_train_resume_and_evaluate_a_run(tmp_path, capsys):
    folder = str(tmp_path / "run")
    train = ["ppo", "reach", "--worlds", "16", "--rows", "4", "--out", folder, "--json"]
    run_command("train", [*train, "--steps", "1000"])
    rows = lines(capsys)
    assert rows[-1]["run"] == folder
    assert rows[0]["steps"] > 0
    with pytest.raises(SystemExit) as stopped:
        run_command("train", [*train, "--steps", "1000"])
    assert stopped.value.code == 2
    assert "--resume" in capsys.readouterr().err
    run_command("train", [*train, "--steps", "2000", "--resume"])
    assert lines(capsys)[0]["steps"] > 700
    run_command("evaluate", [folder, "reach", "--rows", "4", "--json"])
    assert 0 <= lines(capsys)[0]["success"] <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluat"], "unknown command 'evaluat'. Did you mean evaluate?"),
        (["sets", "MT11"], "unknown suite 'MT11'. Did you mean MT10?"),
        (["sets", "MT1:push-to", "--split", "trian"], "unknown split 'trian'. Did you mean train?"),
        (["sets", "MT1:reach", "--split", "dyn"], "reach has no split 'dyn'"),
        (["evaluate", "expert", "raech"], "unknown task 'raech'. Did you mean reach?"),
        (["evaluate", "exprt", "reach"], "unknown agent 'exprt'. Did you mean expert?"),
        (["evaluate", ".", "reach"], "no run folder"),
        (["evaluate", "knn", "reach"], "give it demonstrations (--demos 1"),
        (["evaluate", "expert", "reach", "--demos", "1"], "Expert takes no demonstrations"),
        (["evaluate", "knn", "reach", "--demos", "-1"], "demos must be at least 0, not -1"),
        (["train", "pppo", "reach"], "unknown agent 'pppo'"),
        (["train", "ppo", "reach", "--steps", "0"], "steps must be at least 1"),
        (
            ["train", "ppo", "reach", "--set", "gama=1"],
            "unknown option 'gama'. Did you mean gamma?",
        ),
        (["train", "ppo", "reach", "--out", __file__], "exists"),
        (["evaluate", "expert", "reach", "--rows", "0"], "rows must be at least 1"),
        (["evaluate", "expert", "reach", "--worlds", "0"], "worlds must be at least 1"),
        (["speed", "raech"], "unknown task 'raech'. Did you mean reach?"),
        (["view", "reach", "--out", "film.gif"], "ends in .png or .mp4"),
        (["view", "reach", "--width", "63"], "must be even"),
        (["quickstart", "--rows", "0"], "rows must be at least 1"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_two(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert message.lower() in captured.err.lower()
    assert captured.out == ""


def test_help_lists_the_commands_and_loads_no_torch():
    code = (
        "import sys; from robotasks.commands import main; main(['--help']);"
        "assert 'torch' not in sys.modules"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "quickstart" in shown.stdout


def test_doctor_names_the_command_that_mends():
    def nothing(name):
        from importlib.metadata import PackageNotFoundError

        raise PackageNotFoundError(name)

    findings = {f["what"]: f for f in diagnose(probe=lambda backend: False, version=nothing)}
    assert findings["pictures"]["found"] == "do not work"
    assert findings["pictures"]["mend"].startswith("apt-get install")
    assert "whl/cpu" in findings["torch"]["mend"]


def test_the_first_working_renderer_is_taken(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    assert working_renderer(lambda backend: backend == "osmesa") == "osmesa"
    assert working_renderer(lambda backend: False) is None


def test_view_writes_a_film_where_no_opengl_works(tmp_path, monkeypatch):
    pytest.importorskip("mujoco_warp")
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(view, "working_renderer", lambda: None)
    film = tmp_path / "film.mp4"
    view.run(view.Options("reach", out=film, episodes=1, every=10, width=64, height=48))
    assert film.stat().st_size > 500


def test_view_writes_a_picture(tmp_path, gl):
    image = pytest.importorskip("matplotlib.image")
    out = tmp_path / "a.png"
    run_command("view", ["reach", "--width", "64", "--height", "48", "--out", str(out)])
    picture = image.imread(out)
    assert picture.shape[:2] == (48, 64)
    assert picture.std() > 0.05


@pytest.mark.parametrize("task", every_task())
def test_view_writes_a_film_that_plays(task, tmp_path, gl):
    av = pytest.importorskip("av")
    out, every = tmp_path / "a.mp4", 5
    options = ["--episodes", "1", "--every", str(every), "--width", "96", "--height", "64"]
    run_command("view", [task.name, *options, "--out", str(out)])
    with av.open(str(out)) as film:
        (stream,) = film.streams
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 20 / every
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
    assert len(frames) == task.horizon // every
    assert {frame.shape for frame in frames} == {(64, 96, 3)}
    assert min(frame.std() for frame in frames) > 10
    # The expert moves: what is drawn changes, by more than the noise of the codec.
    moved = np.abs(frames[0].astype(float) - frames[len(frames) // 2]).max()
    assert moved > 50
