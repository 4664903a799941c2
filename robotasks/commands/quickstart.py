"""Train a robot arm to push a puck anywhere, score it on held-out goals, show what it learned."""

from __future__ import annotations

import csv
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robotasks.commands import train as training
from robotasks.commands.doctor import MEND_PICTURES, working_renderer
from robotasks.commands.entrants import find_entrant
from robotasks.commands.evaluate import held_out

EPISODES_SHOWN = 4


@dataclass(frozen=True)
class Options:
    """Options of `quickstart`."""

    task: str = "push-to"
    """Name of the task."""
    steps: int = 1_500_000
    """Environment steps of training."""
    seed: int = 0
    """Seed of everything random."""
    rows: int = 200
    """Held-out rows (goals, masses, frictions, shapes) of the evaluation."""
    out: Path = Path("runs/quickstart")
    """Folder of everything this writes; an interrupted quickstart goes on from here."""
    threads: int = 0
    """Threads of the simulator, 0 for all cores."""


def run(options: Options) -> None:
    """Train, evaluate and write curve, film and summary under `options.out`."""
    out = options.out
    choices = training.Options(
        "ppo",
        options.task,
        steps=options.steps,
        seed=options.seed,
        resume=True,
        threads=options.threads,
    )
    print(f"Training {options.task} with PPO for {options.steps:,} steps into {out}")
    with training.progress_reporter(options.steps, as_json=False) as report:
        training.train(choices, out / "run", report)
    rows = read_progress(out / "run" / "progress.csv")
    start = time.perf_counter()
    scores = score(options, out / "run")
    seconds = time.perf_counter() - start
    draw_curve(rows, options, out / "curve.png")
    picture = show_policy(options, out)
    write_summary(options, rows, scores, picture, seconds)
    print(f"\n{(out / 'summary.md').read_text()}\nWritten to {out / 'summary.md'}")


def score(options: Options, folder: Path) -> dict[str, dict[str, Any]]:
    """Evaluate the trained policy between its floor and its ceiling, on the same rows."""
    from robotasks.benchmark.evaluate import evaluate

    rows = held_out(options.task, options.rows, options.seed)
    entrants = {"PPO": str(folder), "scripted expert": "expert", "random": "random"}
    return {
        label: evaluate(
            find_entrant(name), rows, seed=options.seed, threads=options.threads
        ).summary()
        for label, name in entrants.items()
    }


def read_progress(path: Path) -> list[dict[str, float | None]]:
    """Read progress.csv; an empty cell is None."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {key: float(value) if value else None for key, value in row.items()}
            for row in csv.DictReader(file)
        ]


def draw_curve(rows: list[dict[str, float | None]], options: Options, path: Path) -> None:
    """Draw success over steps, on training episodes and on held-out rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for column, label, style in (
        ("train_success", "training episodes, exploring", "-"),
        ("eval_success", "held-out rows", "o-"),
    ):
        points = [(r["steps"], r[column]) for r in rows if r.get(column) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label)
    axes.set(xlabel="environment steps", ylabel="success", ylim=(-0.02, 1.02))
    axes.set_title(f"PPO on {options.task}, seed {options.seed}")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    save_figure(figure, path)


def show_policy(options: Options, out: Path) -> str:
    """Film the policy where OpenGL works, else draw it from above; returns the file's name."""
    from robotasks.commands import view

    backend = working_renderer()
    if backend is None:
        draw_from_above(options, out / "run", out / "contact_sheet.png")
        print(f"No OpenGL, so no film but a drawing. This mends it: {MEND_PICTURES}")
        return "contact_sheet.png"
    if os.environ.get("MUJOCO_GL") != backend:
        # MuJoCo picks its OpenGL when it is imported, which it is by now.
        os.environ["MUJOCO_GL"] = backend
        arguments = [options.task, "--agent", str(out / "run"), "--out", str(out / "policy.mp4")]
        arguments += ["--episodes", str(EPISODES_SHOWN), "--seed", str(options.seed)]
        code = "from robotasks.commands import main; main()"
        import subprocess

        subprocess.run([sys.executable, "-c", code, "view", *arguments], check=True)
        return "policy.mp4"
    film = view.Options(
        options.task,
        agent=str(out / "run"),
        out=out / "policy.mp4",
        episodes=EPISODES_SHOWN,
        seed=options.seed,
    )
    view.run(film)
    return "policy.mp4"


def draw_from_above(options: Options, folder: Path, path: Path) -> None:
    """Draw the ways of puck and tool of eight episodes, seen from above."""
    from matplotlib.figure import Figure

    from robotasks.envs.vector import TaskVectorEnv
    from robotasks.tasks.distribution import split_row

    count = 8
    env = TaskVectorEnv(held_out(options.task, count, options.seed), count)
    adapter = find_entrant(str(folder))(env)
    obs, _ = env.reset(seed=options.seed, options={"rows": list(range(count))})
    ways: dict[str, list[Any]] = {"tool": [], "puck": []}
    now, rows = env.readings(), env.task_rows()
    for _ in range(env.horizon - 1):
        ways["tool"].append(now.tcp_pos[:, :2].copy())
        if "puck_pos" in now:
            ways["puck"].append(now.puck_pos[:, :2].copy())
        obs = env.step(adapter.act(obs, explore=False))[0]
    figure = Figure(figsize=(12, 6), layout="constrained")
    for i, axes in enumerate(figure.subplots(2, 4).flat):
        for (label, way), colour in zip(ways.items(), ("tab:gray", "tab:orange"), strict=True):
            if way:
                axes.plot(*zip(*((p[i, 1], p[i, 0]) for p in way), strict=True), c=colour)
                axes.plot(way[-1][i, 1], way[-1][i, 0], "o", c=colour, label=label)
        task, row = rows[i]
        for mark in task.marks(task.goals.view(split_row(task, row)[0])):
            axes.plot(mark.pos[1], mark.pos[0], "x", c="tab:green", label="goal")
        axes.set(xlim=(0.35, -0.35), ylim=(0.3, 0.75), aspect="equal", xticks=[], yticks=[])
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    save_figure(figure, path)


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as PNG; the file appears when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    figure.savefig(partial, dpi=110, format="png")
    partial.replace(path)


def write_summary(
    options: Options,
    rows: list[dict[str, float | None]],
    scores: dict[str, dict[str, Any]],
    picture: str,
    seconds: float,
) -> None:
    """Write the page that says what was learned."""
    from robotasks import __version__

    table = "\n".join(
        f"| {label} | {s['success']:.1%} | {s['interval'][0]:.1%} to {s['interval'][1]:.1%} "
        f"| {s['success_ever']:.1%} | {s['mean_return']:.1f} |"
        for label, s in scores.items()
    )
    last = rows[-1] if rows else {}
    shown = f"![the policy]({picture})" if picture.endswith(".png") else f"[film]({picture})"
    text = f"""# A robot arm learns {options.task}

PPO, seed {options.seed}, {last.get("steps") or 0:,.0f} environment steps in
{last.get("wall_s") or 0:.0f} s of training (robotasks {__version__}). Scored on {options.rows}
held-out rows: goals, masses, frictions and shapes that training never met. Success means: at the
goal and at rest at the end of the episode, for a quarter of a second at least.
Evaluation took {seconds:.0f} s.

| agent | success | 95 % interval | at any time | return |
|---|---|---|---|---|
{table}

![learning curve](curve.png)

{shown}

Next: `robotasks view {options.task} --agent {options.out}/run`, `robotasks evaluate
{options.out}/run {options.task} --seed 1`, `tensorboard --logdir {options.out}/run`.
"""
    partial = options.out / "summary.md.partial"
    partial.write_text(text, encoding="utf-8")
    partial.replace(options.out / "summary.md")
