"""What meta-learning and pre-training are worth, beside learning one thing alone: see `courses`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from robotasks.benchmark.courses import SCRATCH, TRANSFER, TUNED, course_name
from robotasks.benchmark.report.blocks import Block, Chart, Estimate, Table, Value
from robotasks.benchmark.report.readings import (
    LEVELS,
    Agents,
    Cells,
    adaptation,
    course_curves,
    seeds_of,
)
from robotasks.benchmark.scores import (
    Adaptation,
    Bounded,
    median_steps,
    transfer_matrix,
)
from robotasks.benchmark.scores import adaptation as worth


def alone_blocks(taught: Agents, agents: Agents, split: str, blind: Cells | None) -> list[Block]:
    """Return what courses show.

    taught: cells of courses; agents: those that played the splits; blind: those of them that
    fine-tuning starts from.
    """
    blocks: list[Block] = []
    scratch, tuned = taught.get(SCRATCH), taught.get(TUNED)
    if scratch or tuned:
        blocks.append(_chart({name: taught[name] for name in (SCRATCH, TUNED) if name in taught}))
    if scratch:
        blocks.append(_adaptation(scratch, tuned, agents, split))
    if scratch and tuned and blind:
        blocks.append(_tuning(scratch, tuned, blind))
    if TRANSFER in taught:
        blocks.append(_transfer(taught[TRANSFER]))
    return blocks


def _chart(taught: Agents) -> Chart:
    found = {name: course_curves(cells) for name, cells in taught.items()}
    steps = {name: points for name, (points, _) in found.items()}
    curves = {name: success.mean(axis=1) for name, (_, success) in found.items()}
    note = "Mean over test rows, each learned alone. Thin: seeds; thick: their mean."
    return Chart("Learning a test row alone", "steps on the row", steps, curves, note)


def _adaptation(scratch: Cells, tuned: Cells | None, agents: Agents, split: str) -> Table:
    """Compare K episodes of adaptation to learning as much alone."""
    rows: list[tuple[Value, ...]] = []
    for agent, cells in agents.items():
        if not cells[0].result.train_steps:
            continue
        curves = adaptation(cells, split)
        row: list[Value] = [agent, Estimate.over_seeds(curves[:, -1])]
        for other in (scratch, tuned):
            found = _worth(cells, curves, other) if other else []
            row += [_over(found, lambda a: a.speed_up), _over(found, lambda a: a.break_even)]
        rows.append(tuple(row))
    note = (
        f"On {split}. Speed-up: steps of learning as much alone over the steps of a trial. Pays "
        "after: new tasks until the steps of meta-training are saved; '-' if they are not. "
        "Medians over rows and seeds (lowest and highest seed); '-' below a success of 20 %, which "
        "is no adaptation. Steps to a success that is not reached count as more than were taken."
    )
    columns = (
        *("agent", "last episode", "speed-up over scratch", "pays after"),
        *("speed-up over fine-tuning", "pays after, then"),
    )
    return Table("Adapting and learning alone", columns, tuple(rows), note)


def _worth(cells: Cells, curves: np.ndarray, alone: Cells) -> list[Adaptation]:
    """Return what adapting is worth, over all seeds and then for each that both have."""
    steps, success = course_curves(alone)
    horizon, meta = cells[0].result.horizon, float(cells[0].result.train_steps)
    both = [
        (i, seeds_of(alone).index(s)) for i, s in enumerate(seeds_of(cells)) if s in seeds_of(alone)
    ]
    parts = [(curves.mean(axis=0), success), *((curves[i], success[j]) for i, j in both)]
    return [
        worth(curve, learned, np.array(steps), horizon=horizon, meta_steps=meta)
        for curve, learned in parts
    ]


def _over(
    found: Sequence[Adaptation] | None, number: Callable[[Adaptation], Bounded | None]
) -> Value:
    """Write a number over all seeds, and its range over them."""
    if not found:
        return None
    over_all, *each = (number(adapted) for adapted in found)
    ordered = sorted(each, key=lambda one: np.inf if one is None else one.value)
    if over_all is None or len(each) < 2:
        return _text(over_all)
    low, high = (_text(ordered[end]) or "never" for end in (0, -1))
    return f"{over_all} ({low} to {high})"


def _text(number: Bounded | None) -> str | None:
    return None if number is None else str(number)


def _tuning(scratch: Cells, tuned: Cells, blind: Cells) -> Table:
    """Compare fine-tuning to learning from scratch, at equal success."""
    steps, success = course_curves(scratch)
    tuned_steps, tuned_success = course_curves(tuned)
    cost = Bounded(float(blind[0].result.train_steps))
    rows: list[tuple[Value, ...]] = []
    for level in LEVELS:
        alone = median_steps(level, success, np.array(steps))
        ours = median_steps(level, tuned_success, np.array(tuned_steps))
        saved, faster = alone.minus(ours), alone.over(ours)
        pays = cost.over(saved) if saved and saved.value > 0 else None
        rows.append((f"{level:.0%}", *map(_text, (alone, ours, faster, pays))))
    note = "Medians over rows and seeds. Pays after: new rows until pre-training is saved."
    columns = ("success", "steps from scratch", "steps of fine-tuning", "speed-up", "pays after")
    return Table("Fine-tuning", columns, tuple(rows), note)


def _transfer(cells: Cells) -> Table:
    """Tell what having learned one task first is worth to another."""
    tasks = [task.rsplit("-v", 1)[0] for task in cells[0].result.provenance["train"].tables]
    steps, scratch = course_curves(cells, tasks)
    # On the diagonal stands learning from scratch, which transfers nothing.
    ways = [course_name(first if first != then else "", then) for first in tasks for then in tasks]
    shape = (len(cells), len(tasks), len(tasks), len(steps))
    tuned = course_curves(cells, ways, steps)[1].reshape(shape)
    found = transfer_matrix(tuned, scratch, np.array(steps))
    rows = tuple(
        (
            first,
            *(
                None
                if first == then
                else Estimate.over_seeds(found[:, i, j], within=None, share=False)
                for j, then in enumerate(tasks)
            ),
        )
        for i, first in enumerate(tasks)
    )
    note = (
        "Area under the learning curve of a task (columns) learned after another (rows), over that "
        "from scratch, less 1: above 0 it helps. '-' where from scratch nothing is learned."
    )
    return Table("Transfer", ("first", *tasks), rows, note, heat=True)
