"""One cell of the benchmark: train an agent on a suite with one seed, and play the test grid."""

from __future__ import annotations

import json
import math
import re
import traceback
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from robotasks.agents import agent_module, load
from robotasks.agents.parts.files import write_atomically
from robotasks.agents.parts.run import PROGRESS, Run, differences
from robotasks.benchmark.anchors import CEILING, Variant
from robotasks.benchmark.contract import examine
from robotasks.benchmark.courses import BASE, BASES, COURSES, LEARNER, Course, courses
from robotasks.benchmark.evaluate import Entrant, evaluate
from robotasks.benchmark.provenance import Provenance
from robotasks.benchmark.records import Scores
from robotasks.benchmark.results import (
    CELL,
    COSTS,
    CURVE,
    ENDING,
    RESULT,
    TAKEN,
    TOLD,
    Result,
    pack,
    records_path,
    unpack,
)
from robotasks.benchmark.suites import Suite, find_suite
from robotasks.benchmark.tiers import Tier
from robotasks.commands.entrants import find_entrant, find_learner
from robotasks.commands.meter import Meter
from robotasks.commands.progress import read_progress
from robotasks.commands.train import TRAINING, agent_config, suite_worlds
from robotasks.envs.vector import TaskVectorEnv
from robotasks.tasks.distribution import Distribution

METER, ERROR, RUN = "meter.json", "error.txt", "run"
TEST_SEED = 0
"""Of the test rows and of all starts: every agent and seed meets the same ones."""
CONTRACT_ROWS, CONTRACT_EPISODES = 2, 2
"""Rows per task, and episodes on each, on which the contract is tried."""


@dataclass(frozen=True)
class Cell:
    """Who is trained and evaluated on what, and where; all plain values, for another process."""

    suite: str
    agent: str
    seed: int
    tier: Tier
    out: Path
    command: str
    """What the result says makes it again."""
    worlds: int = 256
    """Trials played at a time."""
    threads: int = 1
    """Of the simulator."""

    @property
    def folder(self) -> Path:
        """Where all of it lies."""
        suite, agent = (re.sub(r"[^\w.-]", "-", name) for name in (self.suite, self.agent))
        return self.out / suite / f"{agent}-s{self.seed}"


def attempt(cell: Cell) -> str:
    """Play a cell; return why it failed, "" if it did not. The traceback is kept in its folder."""
    try:
        play(cell)
    except Exception as error:
        write_atomically(cell.folder / ERROR, traceback.format_exc().encode())
        return f"{type(error).__name__}: {error}"
    return ""


def play(cell: Cell) -> None:
    """Train and evaluate a cell, or go on where it was killed; a finished one is left alone.

    Raises ValueError if its folder holds another cell.
    """
    suite, learner = find_suite(cell.suite), find_learner(cell.agent)
    told = suite.reveal if learner is None or learner.reveal is None else learner.reveal
    env = {**suite.arguments, "reveal": list(told), "threads": cell.threads}
    grid = {split: _rows(suite, split, cell, cell.tier.rows) for split in suite.splits}
    promised = _promised(cell, suite, told, grid)
    _open(cell, promised)
    if (cell.folder / RESULT).exists():
        return
    meter = Meter(cell.folder / METER)
    breaches: tuple[str, ...] = ()
    with nullcontext() if learner is None else _one_torch_thread():
        if cell.agent in COURSES:
            _take_courses(cell, suite, env, meter)
        else:
            breaches = _play_splits(cell, suite, learner, env, grid, meter)
    steps = _trained_steps(cell)
    spent = {"train_steps": steps, "play_steps": _played_steps(cell, suite), **meter.seconds()}
    found = {**promised, "breaches": breaches, **spent}
    text = Result(**found, command=cell.command).text()
    write_atomically(cell.folder / RESULT, text.encode())
    (cell.folder / ERROR).unlink(missing_ok=True)


def _play_splits(
    cell: Cell,
    suite: Suite,
    learner: Variant | None,
    env: Mapping[str, Any],
    grid: Mapping[str, Distribution],
    meter: Meter,
) -> tuple[str, ...]:
    """Train an agent if it learns, and play every split; return the rules that it broke."""
    if learner is None:
        entrant = find_entrant(cell.agent, cell.seed)
    else:
        entrant = _train(cell, suite, learner, env, meter)
    plays = [(split, "") for split in grid]
    if suite.episodes > 1:
        plays += [(suite.tested, rewards) for rewards in TOLD]
    for number, (split, rewards) in enumerate(plays):
        path = records_path(cell.folder, split, rewards)
        if not path.exists():
            meter.note(f"playing {split} {rewards}".rstrip(), number, len(plays) + 1)
            _play(entrant, grid[split], cell, {**env, **TOLD.get(rewards, {})}, path)
    meter.note("examining", len(plays), len(plays) + 1)
    return _examine(entrant, grid[suite.tested], cell, env)


def _rows(suite: Suite, split: str, cell: Cell, count: int) -> Distribution:
    return suite.rows(split, cell.seed if split == "train" else TEST_SEED, count)


def _promised(
    cell: Cell, suite: Suite, told: tuple[str, ...], grid: Mapping[str, Distribution]
) -> dict[str, Any]:
    """Return the fields of the result that are known beforehand."""
    return {
        "suite": suite.name,
        "suite_version": suite.version,
        "agent": cell.agent,
        "seed": cell.seed,
        "tier": cell.tier.name,
        "quotable": cell.tier.quotable,
        "reveal": told,
        "provenance": {split: Provenance.of(rows) for split, rows in grid.items()},
        "task_sets": {split: rows.hash for split, rows in grid.items()},
        "horizon": suite.arguments["max_episode_steps"],
    }


def _open(cell: Cell, promised: Mapping[str, Any]) -> None:
    """Claim the folder: whoever goes on there has to promise the same result."""
    provenance = {split: asdict(entry) for split, entry in promised["provenance"].items()}
    identity = {**promised, "provenance": provenance, "tier": asdict(cell.tier)}
    identity = json.loads(json.dumps(identity))  # as it will be read back
    path = cell.folder / CELL
    if path.exists():
        found = differences(json.loads(path.read_text(encoding="utf-8")), identity)
        if found:
            raise ValueError(
                f"{cell.folder} holds another cell: {'; '.join(found)}. Choose another --out."
            )
        return
    write_atomically(path, (json.dumps(identity, indent=1) + "\n").encode())


def _train(
    cell: Cell, suite: Suite, learner: Variant, env: Mapping[str, Any], meter: Meter
) -> Entrant:
    """Train on the training rows."""
    tier, made = cell.tier, {**env, "episodes": learner.episodes or suite.episodes}
    count = min(tier.worlds, learner.worlds)
    worlds, told = suite_worlds(suite, cell.seed, count, tier.train_rows, **made)
    run = _run(cell, cell.folder / RUN, tier.steps or suite.steps, told)
    rows = _rows(suite, suite.tested, cell, math.ceil(tier.curve_rows / suite.episodes))
    adapter = _learn(learner, worlds, run, cell, rows, cell.folder / CURVE, env, meter)
    return _entrant(adapter)


def _take_courses(cell: Cell, suite: Suite, env: Mapping[str, Any], meter: Meter) -> None:
    """Learn one thing after the other, each alone."""
    taken = courses(cell.agent, suite, cell.tier, cell.seed, TEST_SEED)
    count = min(cell.tier.worlds, LEARNER.worlds)
    for number, course in enumerate(taken):
        folder = cell.folder / TAKEN / course.name
        told = {"suite": suite.name, "rows": course.rows.hash, "num_envs": count}
        start = _start(cell, course)
        run = _run(cell, folder / RUN, cell.tier.course_steps, told, start)
        before = folder / f"{0:010d}{ENDING}"
        if start and not before.exists():
            _play(_entrant(load(start)), course.test, cell, env, before)
        worlds = TaskVectorEnv(course.rows, count, **env, **TRAINING)
        stage = f"course {number + 1} of {len(taken)}"
        _learn(LEARNER, worlds, run, cell, course.test, folder, env, meter, stage)


def _start(cell: Cell, course: Course) -> Path | None:
    """Return the run that a course starts from, if it does; ValueError if it is not there."""
    if course.after != BASE:
        return cell.folder / TAKEN / course.after / RUN if course.after else None
    base = replace(cell, agent=BASES[cell.agent])
    if not (base.folder / RESULT).exists():
        raise ValueError(f"{cell.agent} starts from {base.agent}, which is not in {base.folder}")
    return base.folder / RUN


def _run(
    cell: Cell, folder: Path, steps: int, told: Mapping[str, Any], start: Path | None = None
) -> Run:
    return Run(
        folder=folder,
        seed=cell.seed,
        steps=steps,
        resume=True,
        pretrained=start,
        env=told,
        evaluations=cell.tier.points,
    )


def _learn(
    learner: Variant,
    worlds: TaskVectorEnv,
    run: Run,
    cell: Cell,
    rows: Distribution,
    curve: Path,
    env: Mapping[str, Any],
    meter: Meter,
    stage: str = "training",
) -> Any:
    """Train as a run says, from its last checkpoint if there is one; return the agent's adapter.

    The records of the evaluations on `rows` in between go to the folder `curve`, and what had been
    spent by then.
    """
    module, costs = agent_module(learner.agent), curve / COSTS

    def score(adapter: Any) -> dict[str, float]:
        path = curve / f"{meter.done:010d}{ENDING}"
        scores = _play(_entrant(adapter), rows, cell, env, path)
        spent = json.loads(costs.read_text(encoding="utf-8")) if costs.exists() else {}
        spent[str(meter.done)] = meter.seconds()["cpu_s"]
        write_atomically(costs, json.dumps(spent).encode())
        return {"success": scores.success, "return": scores.mean_return}

    return module.train(
        worlds,
        agent_config(module.Config, learner.set),
        run,
        evaluate=score,
        on_progress=lambda progress: meter.note(stage, progress.steps, progress.total),
    )


def _entrant(adapter: Any) -> Entrant:
    """Return what makes an adapter that is there already."""
    return lambda env: adapter


def _play(
    entrant: Entrant, rows: Distribution, cell: Cell, env: Mapping[str, Any], path: Path
) -> Scores:
    """Play the grid and write its records."""
    scores = evaluate(entrant, rows, seed=TEST_SEED, worlds=cell.worlds, **env)
    write_atomically(path, pack(scores))
    return scores


def _examine(
    entrant: Entrant, rows: Distribution, cell: Cell, env: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the rules that the agent breaks; the scripted expert may look where others may not."""
    if cell.agent == CEILING:
        return ()
    options = {**env, "episodes": CONTRACT_EPISODES}
    breaches = examine(entrant, rows, seed=TEST_SEED, per_task=CONTRACT_ROWS, **options)
    return tuple(map(str, breaches))


def _one_torch_thread() -> AbstractContextManager[None]:
    from robotasks.agents.parts.loop import torch_threads

    return torch_threads(1)


def _trained_steps(cell: Cell) -> int:
    files = cell.folder.rglob(f"{RUN}/{PROGRESS}")
    return sum(int(read_progress(file)[-1]["steps"] or 0) for file in files)


def _played_steps(cell: Cell, suite: Suite) -> int:
    """Return the control steps of all evaluations; every episode has the suite's horizon."""
    files = cell.folder.rglob(f"*{ENDING}")
    return suite.arguments["max_episode_steps"] * sum(len(unpack(file).records) for file in files)
