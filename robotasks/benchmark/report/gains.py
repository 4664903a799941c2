"""What multi-task learning gives over learning each task alone, where both were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from robotasks.benchmark.anchors import SINGLE
from robotasks.benchmark.provenance import check_comparable
from robotasks.benchmark.report.blocks import Estimate, Table, Value
from robotasks.benchmark.report.readings import Agents, Cells, learning, seeds_of
from robotasks.benchmark.results import Finished
from robotasks.benchmark.scores import gain, success_at


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
    multi = learning(together)[1][..., -1]
    single = np.empty_like(multi)
    for i, (task, cells) in enumerate(alone.items()):
        check_comparable(
            {c.name: c.result.provenance[split].only(task) for c in (together[0], cells[0])}
        )
        steps, success = learning(cells)
        single[:, i] = success_at(success[:, 0], np.array(steps), budget)
    found = gain(multi, single)
    rows: list[tuple[Value, ...]] = [
        (
            name,
            Estimate.over_seeds(ours),
            Estimate.over_seeds(theirs),
            Estimate.over_seeds(ours - theirs, within=(-1, 1)),
        )
        for name, ours, theirs in (
            *zip(alone, multi.T, single.T, strict=True),
            ("all tasks", multi.mean(axis=1), single.mean(axis=1)),
        )
    ]
    note = (
        f"After {budget:,.0f} steps per task, on the learning curve's rows. Negative transfer, the "
        f"whole interval below 0: {100 * found.negative:.0f} % of the tasks."
    )
    title = f"Gain of {agent} over learning each task alone"
    return Table(title, ("task", "together", "alone", "gain"), tuple(rows), note)
