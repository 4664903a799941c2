"""Score an agent on rows it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from robotasks.agents.parts.files import write_atomically
from robotasks.benchmark.evaluate import evaluate
from robotasks.commands.entrants import find_entrant, senses
from robotasks.commands.output import show
from robotasks.tasks.distribution import Distribution

HELD_OUT = 1_000_000
"""Added to the seed of held-out rows. Training draws its rows in each episode from streams of its
own, over continuous ranges, so no row is ever met twice."""


@dataclass(frozen=True)
class Options:
    """Options of `evaluate`."""

    agent: Annotated[str, tyro.conf.Positional]
    """expert, random, or the folder of a run."""
    task: Annotated[str, tyro.conf.Positional]
    """Name of the task."""
    rows: int = 200
    """How many rows (goals and dynamics) to draw."""
    seed: int = 0
    """Seed of the rows and starts."""
    episodes: int = 1
    """Consecutive episodes on each row."""
    worlds: int = 256
    """Rows played at a time; the result does not depend on it, but for a network's last bits."""
    threads: int = 0
    """Threads of the simulator, 0 for all cores; the result does not depend on it."""
    records: Path | None = None
    """Also write every episode to this file, one JSON object per line."""
    json: bool = False
    """Print one JSON object per line."""


def run(options: Options) -> None:
    """Play the grid and print the scores."""
    rows = held_out(options.task, options.rows, options.seed)
    scores = evaluate(
        find_entrant(options.agent, options.seed),
        rows,
        episodes=options.episodes,
        seed=options.seed,
        worlds=options.worlds,
        threads=options.threads,
        **senses(options.agent),
    )
    if options.records:
        write_atomically(options.records, scores.json_lines().encode())
    summary = {"task": options.task, "agent": options.agent, "rows": len(rows), **scores.summary()}
    show([summary], options.json)


def held_out(task: str, count: int, seed: int) -> Distribution:
    """Draw `count` rows of a task for evaluation."""
    if count < 1:
        raise ValueError(f"rows must be at least 1, not {count}")
    return Distribution.draw([task], count, HELD_OUT + seed)
