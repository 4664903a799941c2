"""Train a robot arm to push a puck anywhere, score it on held-out goals, show what it learned."""

from __future__ import annotations

import importlib.metadata
import io
import os
import platform
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robotasks.agents.parts.files import write_atomically
from robotasks.agents.tuned import TUNED
from robotasks.commands import train, view
from robotasks.commands.doctor import MEND_PICTURES, working_renderer
from robotasks.commands.entrants import find_entrant
from robotasks.commands.evaluate import held_out
from robotasks.commands.progress import progress_reporter, read_progress

EPISODES_SHOWN = 4
FILM_SIZE = (640, 480)


@dataclass(frozen=True)
class Options:
    """Options of `quickstart`."""

    task: str = "push-to"
    """Name of the task."""
    steps: int = 1_000_000
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
    choices = train.Options(
        "ppo",
        options.task,
        steps=options.steps,
        seed=options.seed,
        resume=True,
        threads=options.threads,
        tuned=options.task in TUNED["ppo"],
    )
    if options.rows < 1:
        raise ValueError(f"rows must be at least 1, not {options.rows}")
    training = train.prepare(choices, out / "run")
    print(f"Training {options.task} with PPO for {options.steps:,} steps into {out}")
    try:
        with progress_reporter(options.steps, as_json=False) as report:
            training(report)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        raise
    rows = read_progress(out / "run" / "progress.csv")
    print(f"Scoring the policy, the expert and random actions on {options.rows} held-out rows")
    start = time.perf_counter()
    scores = score(options, out / "run")
    seconds = time.perf_counter() - start
    draw_curve(rows, options, out / "curve.png")
    picture = show_policy(options, out)
    write_summary(options, rows, scores, picture, seconds)
    print(f"\n{(out / 'summary.md').read_text(encoding='utf-8')}")
    print(f"Written to {out / 'summary.md'}")


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
    axes.set_xlim(left=0)
    axes.set_title(f"PPO on {options.task}, seed {options.seed}")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    save_figure(figure, path)


def show_policy(options: Options, out: Path) -> str:
    """Film the policy where OpenGL works, else draw it from above; returns the file's name."""
    backend = working_renderer()
    if backend is None:
        draw_from_above(options, out / "run", out / "contact_sheet.png")
        print(f"No OpenGL, so no film but a drawing. This mends it: {MEND_PICTURES}")
        return "contact_sheet.png"
    print(f"Filming {EPISODES_SHOWN} episodes")
    film = view.Options(
        options.task,
        agent=str(out / "run"),
        out=out / "policy.mp4",
        episodes=EPISODES_SHOWN,
        every=2,
        width=FILM_SIZE[0],
        height=FILM_SIZE[1],
        seed=options.seed,
    )
    view.write(film, backend)
    return "policy.mp4"


def draw_from_above(options: Options, folder: Path, path: Path) -> None:
    """Draw the ways of puck and tool of eight episodes, seen from above."""
    from matplotlib.figure import Figure

    from robotasks.benchmark.agent import TrialSpec
    from robotasks.envs.vector import TaskVectorEnv

    count = 8
    env = TaskVectorEnv(held_out(options.task, count, options.seed), count)
    adapter = find_entrant(str(folder))(env)
    adapter.begin_trial(count, TrialSpec(env.layout.size, 5, 1, env.horizon))
    obs, _ = env.reset(seed=options.seed, options={"rows": list(range(count))})
    ways: dict[str, list[Any]] = {"tool": [], "puck": []}
    now = env.readings()
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
        for mark in view.goal_marks(env, i):
            axes.plot(mark.pos[1], mark.pos[0], "x", c="tab:green", label="goal")
        axes.set(xlim=(0.35, -0.35), ylim=(0.3, 0.75), aspect="equal", xticks=[], yticks=[])
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    save_figure(figure, path)


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as PNG; the file appears when it is whole."""
    content = io.BytesIO()
    figure.savefig(content, dpi=110, format="png")
    write_atomically(path, content.getvalue())


def write_summary(
    options: Options,
    rows: list[dict[str, float | None]],
    scores: dict[str, dict[str, Any]],
    picture: str,
    seconds: float,
) -> None:
    """Write the page that says what was learned."""
    table = "\n".join(
        f"| {label} | {s['success']:.1%} | {s['interval'][0]:.1%} to {s['interval'][1]:.1%} "
        f"| {s['success_ever']:.1%} | {s['mean_return']:.1f} |"
        for label, s in scores.items()
    )
    last = rows[-1] if rows else {}
    shown = f"![the policy]({picture})" if picture.endswith(".png") else f"[film]({picture})"
    packages = ("robotasks", "mujoco", "gymnasium", "numpy", "torch")
    versions = ", ".join(f"{name} {found(name)}" for name in packages)
    command, run_folder = program(), options.out / "run"
    tuned = " --tuned" if options.task in TUNED["ppo"] else ""
    text = f"""# A robot arm learns {options.task}

PPO, seed {options.seed}, {last.get("steps") or 0:,.0f} environment steps in
{last.get("wall_s") or 0:.0f} s of training. Scored on {options.rows} held-out rows: goals and
dynamics that training never met. Success means: the goal is met at the end of the episode, and
has been for a quarter of a second at least.

| agent | success | 95 % interval | at any time | return |
|---|---|---|---|---|
{table}

![learning curve](curve.png)

{shown}

The three evaluations took {seconds:.0f} s. Made with {versions},
Python {platform.python_version()}, {os.cpu_count()} cores.

## What next

```sh
{command} view {options.task} --agent {run_folder} --out other.mp4 --seed 1
{command} evaluate {run_folder} {options.task} --seed 1
{command} train ppo {options.task}{tuned} --seed 1
tensorboard --logdir {run_folder}
```
"""
    write_atomically(options.out / "summary.md", text.encode())


def found(package: str) -> str:
    """Return a package's version."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # robotasks itself, in a bare checkout
        return "(not installed)"


def program() -> str:
    """Return how to call the command line from here: it may not be on the PATH."""
    if shutil.which("robotasks"):
        return "robotasks"
    beside = Path(sys.executable).parent / "robotasks"
    if not beside.exists():
        return "robotasks"
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)
