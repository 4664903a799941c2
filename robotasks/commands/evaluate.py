"""Score an agent on rows it has not seen, of a task or of all tasks of a suite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from robotasks.agents.parts.files import write_atomically
from robotasks.benchmark.evaluate import evaluate
from robotasks.benchmark.suites import find_suite, is_suite
from robotasks.commands.entrants import find_entrant, senses, shared, trained_episodes
from robotasks.commands.output import show
from robotasks.tasks.distribution import Distribution

HELD_OUT = 1_000_000
"""Added to the seed of held-out rows. Training draws its rows in each episode from streams of its
own, over continuous ranges, so no row is ever met twice."""


@dataclass(frozen=True)
class Options:
    """Options of `evaluate`."""

    agent: Annotated[str, tyro.conf.Positional]
    """expert, random, knn (which asks for --demos), or the folder of a run."""
    task: Annotated[str, tyro.conf.Positional]
    """Name of a task, or of a suite: then one line a task, and their mean."""
    rows: int = 200
    """How many rows (goals and dynamics) of each task to draw."""
    seed: int = 0
    """Seed of the rows and starts."""
    episodes: int | None = None
    """Consecutive episodes on each row, scored one by one too. If not given: those of the suite,
    else of the trials that a run trained on, else 1."""
    demos: int = 0
    """Episodes of the expert that the agent is shown on each row, if it takes any."""
    worlds: int = 256
    """Rows played at a time; the result does not depend on it, but for a network's last bits."""
    engine: Literal["cpu", "gpu"] = "cpu"
    """Physics: cpu, or gpu (docs/gpu.md)."""
    device: str | None = None
    """Device of the gpu engine: the first GPU, or cpu, which is slow and for tests."""
    threads: int = 0
    """Threads of the simulator, 0 for all cores; the result does not depend on it."""
    records: Path | None = None
    """Also write every episode to this file, one JSON object per line."""
    json: bool = False
    """Print one JSON object per line."""


def run(options: Options) -> None:
    """Play the grid and print the scores."""
    rows = held_out(options.task, options.rows, options.seed)
    suite = find_suite(options.task) if is_suite(options.task) else None
    arguments = shared(suite.name if suite else None)
    scores = evaluate(
        find_entrant(options.agent, options.seed),
        rows,
        episodes=options.episodes or (suite.episodes if suite else trained_episodes(options.agent)),
        seed=options.seed,
        worlds=options.worlds,
        demos=options.demos,
        engine=options.engine,
        device=options.device,
        threads=options.threads,
        **{**arguments, **senses(options.agent)},
    )
    if options.records:
        write_atomically(options.records, scores.json_lines().encode())
    parts = scores.by_task() if len(rows.tasks) > 1 else {}
    lines = [
        {
            "task": task,
            "agent": options.agent,
            "rows": len(part.records) // part.episodes,
            **part.summary(),
            **(part.by_episode() if options.json else {}),
        }
        for task, part in {**parts, options.task: scores}.items()
    ]
    show(lines, options.json)
    if scores.episodes > 1 and not options.json:  # as columns they would not fit a terminal
        curve = enumerate(scores.curve().tolist())
        show([{"episode": k, "success": share} for k, share in curve], False, "adaptation")


def held_out(name: str, count: int, seed: int) -> Distribution:
    """Draw `count` rows of a task for evaluation, or of each task that a suite tests."""
    if count < 1:
        raise ValueError(f"rows must be at least 1, not {count}")
    if is_suite(name):
        suite = find_suite(name)
        return suite.rows(suite.tested, seed, count)
    return Distribution.draw([name], count, HELD_OUT + seed)
