"""What multi-task learning gives over learning each task alone, where both were measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from robotasks.benchmark.anchors import SINGLE
from robotasks.benchmark.provenance import check_comparable
from robotasks.benchmark.report.blocks import Estimate, Table, Value, text_of
from robotasks.benchmark.report.readings import LEVELS, Agents, Cells, learning, seeds_of
from robotasks.benchmark.results import Finished
from robotasks.benchmark.scores import area_ratio, gain, speed_up, success_at


def gain_tables(
    agents: Agents, split: str, suites: Mapping[str, Sequence[Finished]]
) -> list[Table]:
    """Compare every agent of a suite to learning on `MT1:<task>`, for each of its tasks.

    What learned alone is the same agent if it was measured there, else `ppo`. Left out is whom
    nobody has learned all tasks alone for, with the same seeds and at least two of them, or was
    not evaluated there within as many steps per task.
    Raises ValueError where the two were measured on different rows or versions.
    """
    tables = []
    for agent, together in agents.items():
        tasks = together[0].result.provenance[split].tables
        alone = {task: _alone(agent, task, suites) for task in tasks}
        same = all(seeds_of(cells) == seeds_of(together) for cells in alone.values())
        if len(tasks) < 2 or len(together) < 2 or not same or not together[0].curve:
            continue
        budget = together[0].result.train_steps / len(tasks)
        if all(min(cells[0].curve) <= budget for cells in alone.values()):
            tables.append(_table(agent, split, budget, together, alone))
    return tables


def _alone(agent: str, task: str, suites: Mapping[str, Sequence[Finished]]) -> Cells:
    name = task.rsplit("-v", 1)[0]
    cells = suites.get(f"MT1:{name}", ())
    found = [[cell for cell in cells if cell.result.agent == who] for who in (agent, SINGLE)]
    return sorted(found[0] or found[1], key=lambda cell: cell.result.seed)


def _table(
    agent: str, split: str, budget: float, together: Cells, alone: Mapping[str, Cells]
) -> Table:
    for task, cells in alone.items():
        check_comparable(
            {c.name: c.result.provenance[split].only(task) for c in (together[0], cells[0])}
        )
    multi = learning(together)[1][..., -1]
    single = np.stack([_at(cells, budget) for cells in alone.values()], axis=1)
    # What all tasks together have cost, in equal parts.
    shares = [cell.cpu_s[max(cell.curve)] / len(alone) for cell in together]
    paid = np.stack([_for(cells, shares) for cells in alone.values()], axis=1)
    found = gain(multi, single)
    rows: list[tuple[Value, ...]] = [
        (
            name,
            *map(Estimate.over_seeds, (ours, theirs)),
            *(Estimate.over_seeds(ours - other, within=(-1, 1)) for other in (theirs, bought)),
        )
        for name, ours, theirs, bought in (
            *zip(alone, multi.T, single.T, paid.T, strict=True),
            ("all tasks", *(successes.mean(axis=1) for successes in (multi, single, paid))),
        )
    ]
    note = (
        f"After {budget:,.0f} steps per task, on the learning curve's rows. At equal compute: over "
        "learning alone for as many CPU-seconds per task, '-' where nobody was evaluated within "
        f"them. Negative transfer, the whole interval below 0: {100 * found.negative:.0f} % of the "
        f"tasks.{_speed(together, alone)}"
    )
    title = f"Gain of {agent} over learning each task alone"
    columns = ("task", "together", "alone", "gain", "gain at equal compute")
    return Table(title, columns, tuple(rows), note)


def _at(cells: Cells, budget: float) -> np.ndarray:
    """Return the success of learning alone within a budget of steps, (seeds,)."""
    steps, success = learning(cells)
    return success_at(success[:, 0], np.array(steps), budget)


def _for(cells: Cells, shares: Sequence[float]) -> np.ndarray:
    """Return the same within CPU-seconds, one budget per seed; NaN where they were too few."""
    found = np.full(len(cells), np.nan)
    for i, (cell, share) in enumerate(zip(cells, shares, strict=True)):
        within = [steps for steps in cell.curve if cell.cpu_s[steps] <= share]
        if within:
            found[i] = cell.curve[max(within)].success
    return found


def _speed(together: Cells, alone: Mapping[str, Cells]) -> str:
    """Tell the ratio of areas and the speed-ups, from where learning alone was first evaluated."""
    steps, multi = learning(together)
    points = np.array(steps) / len(alone)
    known = points >= max(min(cell.curve) for cells in alone.values() for cell in cells)
    if np.count_nonzero(known) < 2:
        return ""
    points, multi = points[known], multi[..., known]
    single = np.array([[_at(cells, point) for point in points] for cells in alone.values()])
    single = single.transpose(2, 0, 1)  # seeds, tasks, points, as in multi
    ratios = area_ratio(multi.mean(axis=1), single.mean(axis=1), points)
    found = Estimate.over_seeds(ratios, within=(0, math.inf), share=False)
    told = f" Ratio of the areas under the curves: {text_of(found)}."
    for level in LEVELS:
        faster = speed_up(level, multi, single, points)
        told += f" Speed-up at {level:.0%}: {'-' if faster is None else faster}."
    return told
