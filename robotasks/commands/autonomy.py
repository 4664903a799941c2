"""Learn hockey without a person, or with one after every shot, and tell what a person is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from robotasks.agents import agent_module
from robotasks.agents.parts.run import PROGRESS, Run
from robotasks.benchmark import autonomy
from robotasks.benchmark.agent import Expert
from robotasks.benchmark.evaluate import Entrant, Scores, evaluate
from robotasks.commands.evaluate import held_out
from robotasks.commands.output import show
from robotasks.commands.progress import follow, read_progress
from robotasks.commands.train import agent_config
from robotasks.envs.reset_free import PATIENCE, ResetFreeVectorEnv
from robotasks.tasks.distribution import Distribution

EVALUATE_EVERY = 10  # updates, of 4096 steps each by default
LIVES: Mapping[str, Mapping[str, Any]] = {
    "free": {},
    "asking": {"asks_after": 2},
    "attended": {"attended": True},
}
"""How the worlds of each life are made."""


@dataclass(frozen=True)
class Options:
    """Options of `autonomy`."""

    life: tyro.conf.Positional[Literal["free", "asking", "attended"]]
    """free: shoot and retrieve in turn, nothing is put back. asking: the same, but the robot asks
    for a person after two failures in a row. attended: a person puts the puck back after every
    shot, as in episodic learning."""
    task: tyro.conf.Positional[Literal["hockey-auto", "hockey-auto-long"]] = "hockey-auto"
    """On the short rink all is within reach; on the long one a shot puck is not."""
    agent: Literal["ppo", "mtppo"] = "ppo"
    """mtppo has heads for the phases of a life with --set by=goal_which heads=task."""
    steps: int = 1_000_000
    """Environment steps, all worlds together."""
    seed: int = 0
    """Seed of everything random."""
    out: Path | None = None
    """Folder of the run; runs/LIFE-TASK-sSEED if not given."""
    resume: bool = False
    """Go on from the folder's last checkpoint; a finished run is only scored."""
    against: Path | None = None
    """Folder of an attended run, or for such a run that of another: tells the price of autonomy."""
    worlds: int = 256
    """Lives that are lived together."""
    patience: int = PATIENCE
    """Steps for which a puck may be stuck before a person comes."""
    threads: int = 0
    """Threads of the simulator, 0 for all cores."""
    set: tuple[str, ...] = ("gamma=0.99", "initial_std=0.8")
    """Options of the agent: shots are worth waiting for, and found by bold strokes alone."""
    rows: int = 50
    """Held-out shots, and as many retrievals, of the evaluations in between."""
    json: bool = False
    """Print one JSON object."""


def run(options: Options) -> None:
    """Train, and print the scores; Ctrl-C leaves a run that can be resumed."""
    folder = options.out or Path("runs", f"{options.life}-{options.task}-s{options.seed}")
    other = read_course(options.against) if options.against else None
    follow(prepare(options, folder), folder, options.steps, options.json)
    course = read_course(folder)
    best = deployed(Expert, shots(options), options).mean_return
    told: dict[str, Any] = {"run": str(folder), "life": options.life, "task": options.task}
    told |= autonomy.scores(course, best)
    if other is not None:
        alone, helped = (other, course) if options.life == "attended" else (course, other)
        told["price_of_autonomy"] = autonomy.price_of_autonomy(alone, helped)
    if options.json:
        show([told], as_json=True)
    else:
        show([{"score": name, "value": value} for name, value in told.items()], as_json=False)


def prepare(options: Options, folder: Path) -> Callable[[Callable[[Any], None]], Any]:
    """Check the options and make the worlds; the result trains, reporting after each update."""
    if options.steps < 1:
        raise ValueError(f"steps must be at least 1, not {options.steps}")
    module = agent_module(options.agent)
    config = agent_config(module.Config, options.set)
    arguments: dict[str, Any] = {
        "tasks": options.task,
        "num_envs": options.worlds,
        "patience": options.patience,
        **LIVES[options.life],
    }
    env = ResetFreeVectorEnv(**arguments, stagger=True, threads=options.threads)
    run_ = Run(
        folder=folder,
        seed=options.seed,
        steps=options.steps,
        resume=options.resume,
        env=arguments,
        log_every=EVALUATE_EVERY,
        evaluate_every=EVALUATE_EVERY,
    )
    ways, back = shots(options), retrievals(options)

    def score(adapter: Any) -> dict[str, float]:
        fresh = deployed(lambda env: adapter, ways, options)
        brought = deployed(lambda env: adapter, back, options, start="anywhere")
        return {
            "success": fresh.success,
            "mean_return": fresh.mean_return,
            "retrieve_success": brought.success,
            **autonomy.life_so_far(env),
        }

    return lambda report: module.train(env, config, run_, evaluate=score, on_progress=report)


def shots(options: Options) -> Distribution:
    """Return the held-out rows of the first phase."""
    return _held_out_of(options, lambda phase: phase == 0)


def retrievals(options: Options) -> Distribution:
    """Return the held-out rows of the other phases."""
    return _held_out_of(options, lambda phase: phase > 0)


def deployed(entrant: Entrant, rows: Distribution, options: Options, **env: Any) -> Scores:
    """Score an entrant in an environment of its own, with a fresh start on every row."""
    return evaluate(entrant, rows, worlds=options.rows, threads=options.threads, **env)


def read_course(folder: Path) -> list[autonomy.Moment]:
    """Read the evaluations of a run of this command; ValueError if it is none, or has none yet."""
    path = folder / PROGRESS
    if not path.is_file():
        raise ValueError(f"{path} is missing: {folder} is no run of `robotasks autonomy`")
    rows = read_progress(path)
    if not rows or "eval_forced" not in rows[0]:
        raise ValueError(f"{path} has no evaluations of `robotasks autonomy`")
    return [autonomy.moment_of(row) for row in rows]


def _held_out_of(options: Options, wanted: Callable[[np.ndarray], np.ndarray]) -> Distribution:
    # Phases are even, so eight times the rows hold enough of each.
    drawn = held_out(options.task, 8 * options.rows, seed=500_000 + options.seed)
    kept = drawn.where(lambda goal, dynamics: wanted(goal.phase))
    return Distribution(kept.tasks, (kept.rows[0][: options.rows],))
