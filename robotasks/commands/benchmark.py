"""Train and evaluate agents on a suite, over several seeds; a killed benchmark goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from robotasks.benchmark.anchors import BASELINES, ORACLE
from robotasks.benchmark.courses import BASES, COURSES, courses
from robotasks.benchmark.results import RESULT, read_cell
from robotasks.benchmark.suites import find_suite
from robotasks.benchmark.tiers import STAMP, TIERS
from robotasks.commands.cells import METER, TEST_SEED, Cell, attempt
from robotasks.commands.entrants import ANCHORS, find_entrant, find_learner
from robotasks.commands.output import show
from robotasks.commands.pool import processes, ray_cluster

POLL_S = 0.5
SPENT = ("train_rows", "steps", "courses", "course_steps")
"""What a tier spends and a user may choose."""
SAME_FOR_ALL = ("suite", "tier", "quotable", "folder")
"""What a table for people leaves out."""


@dataclass(frozen=True)
class Options:
    """Options of `benchmark`."""

    suite: Annotated[str, tyro.conf.Positional]
    """Name of a suite (robotasks list --suites), or MT1:<task> or ML1:<task>."""
    agents: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """expert, random, ppo, ppo-blind (told nothing) and on ML suites ppo-sighted (told the goal) if
    none is named; another agent that learns (docs/protocol.md); scratch, finetune or
    transfer, which learn one thing alone; or module:name, yours."""
    tier: Literal["smoke", "laptop", "full"] = "laptop"
    """How much is spent; smoke shows that all works, its numbers are no results."""
    seeds: int | None = None
    """How many seeds, from 0; the tier's own number if not given."""
    steps: int | None = None
    """Control steps of training, all tasks and worlds together; the tier's own number if not given.
    The report's ledger tells them apart."""
    train_rows: int | None = None
    """Training rows per task, for the memorisation curve; the tier's own number if not given. Each
    number needs an --out of its own."""
    courses: int | None = None
    """Test rows per task that scratch and finetune learn; the tier's own number if not given."""
    course_steps: int | None = None
    """Control steps of each course; the tier's own number if not given. A course is tested as
    often as any training, so shorter ones tell more exactly how soon something is learned."""
    out: Path = Path("runs/benchmark")
    """Folder of the cells; what is finished there is left alone, what was killed goes on."""
    jobs: int = 0
    """Cells played at a time, 0 for as many as there are cores."""
    threads: int = 0
    """Threads of each simulator, 0 to share the cores; scores do not depend on it."""
    ray: str | None = None
    """Address of a Ray cluster to play on ("auto" or HOST:PORT); it has to share the folder."""
    worlds: int = 256
    """Trials played at a time; scores do not depend on it, but for a network's last bits."""
    json: bool = False
    """Print one JSON object per cell."""


def run(options: Options) -> None:
    """Play all cells; RuntimeError at the end if some failed."""
    cells, jobs = plan(options), options.jobs or os.cpu_count() or 1
    pool = ray_cluster(options.ray, cells[0].threads) if options.ray else processes(jobs)
    rows, failed = [], []
    with pool as submit, progress_display(cells, hidden=options.json) as refresh:
        # Those that start from another's run come when all the others are there.
        for later in (False, True):
            wave = [cell for cell in cells if (cell.agent in BASES) == later]
            playing = {submit(attempt, cell): cell for cell in wave}
            for future in finishing(playing, refresh):
                cell, trouble = playing[future], future.result()
                if trouble:
                    failed.append(f"{cell.folder}: {trouble}")
                    continue
                rows.append(summary(cell))
                if options.json:
                    print(json.dumps(rows[-1]), flush=True)
    if rows and not options.json:
        title = f"{options.suite}, success" + (
            "" if TIERS[options.tier].quotable else f" ({STAMP})"
        )
        show(sorted(rows, key=lambda row: (row["agent"], row["seed"])), False, title)
    if failed:
        raise RuntimeError("\n  ".join([f"{len(failed)} of {len(cells)} cells failed:", *failed]))


def plan(options: Options) -> list[Cell]:
    """Return the cells to play, those of seed 0 first; ValueError or KeyError on mistakes."""
    suite, tier = find_suite(options.suite), TIERS[options.tier]
    seeds = tier.seeds if options.seeds is None else options.seeds
    own = {name: getattr(options, name) for name in SPENT}
    chosen = {name: value for name, value in own.items() if value is not None}
    for name, value in {"seeds": seeds, "worlds": options.worlds, **chosen}.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    for name, value in (("jobs", options.jobs), ("threads", options.threads)):
        if value < 0:
            raise ValueError(f"{name} must be at least 0, not {value}")
    # Where everybody is told the goal, who is told it is nobody special.
    usual = [agent for agent in (*ANCHORS, *BASELINES) if suite.episodes > 1 or agent != ORACLE]
    named = options.agents or usual
    agents = [*dict.fromkeys((*(BASES[agent] for agent in named if agent in BASES), *named))]
    for agent in agents:
        if agent in COURSES:
            courses(agent, suite, tier, 0, TEST_SEED)  # raises where they say nothing
        elif find_learner(agent) is None:
            find_entrant(agent)
    cores = os.cpu_count() or 1
    ending = f"--tier {tier.name} --seeds {seeds}"
    ending += "".join(f" --{name.replace('_', '-')} {value}" for name, value in chosen.items())
    return [
        Cell(
            suite.name,
            agent,
            seed,
            replace(tier, **chosen),
            options.out.absolute(),
            f"robotasks benchmark {suite.name} {agent} {ending}",
            worlds=options.worlds,
            threads=options.threads or max(1, cores // (options.jobs or cores)),
        )
        for seed in range(seeds)
        for agent in agents
    ]


def finishing(playing: Mapping[Future[str], Cell], refresh: Any) -> Iterator[Future[str]]:
    """Yield what is finished as it is, and call `refresh` while waiting."""
    left = {*playing}
    while left:
        done, left = wait(left, timeout=POLL_S, return_when=FIRST_COMPLETED)
        refresh()
        yield from done


def summary(cell: Cell) -> dict[str, Any]:
    """Return what is printed of a finished cell."""
    found = read_cell(cell.folder)
    splits = {split: scores.success for split, scores in found.splits.items()}
    ends = [curve[max(curve)].success for curve in found.courses.values()]
    return {
        "suite": found.result.suite,
        "agent": found.result.agent,
        "seed": found.result.seed,
        "tier": found.result.tier,
        "quotable": found.result.quotable,
        **{split: splits.get(split) for split in found.result.provenance},
        "courses": sum(ends) / len(ends) if ends else None,
        "train_steps": found.result.train_steps,
        "wall_s": found.result.wall_s,
        "cpu_s": found.result.cpu_s,
        "folder": str(cell.folder),
    }


@contextmanager
def progress_display(cells: list[Cell], hidden: bool) -> Iterator[Any]:
    """Yield a function that shows how far all cells are, by what they write into their folders."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), disable=hidden) as bars:
        all_ = bars.add_task("cells", total=len(cells))
        lines = {cell: bars.add_task("", visible=False) for cell in cells}

        def refresh() -> None:
            finished = {cell for cell in cells if (cell.folder / RESULT).exists()}
            bars.update(all_, completed=len(finished))
            for cell, line in lines.items():
                path = cell.folder / METER
                if cell in finished or not path.exists():
                    bars.update(line, visible=False)
                    continue
                meter = json.loads(path.read_text(encoding="utf-8"))
                bars.update(
                    line,
                    visible=True,
                    description=f"{cell.agent}, seed {cell.seed}: {meter['stage']}",
                    completed=meter["done"],
                    total=meter["total"],
                )

        yield refresh
