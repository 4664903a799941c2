"""From finished cells to a report: every number is computed from their records, here and now."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from robotasks.benchmark.anchors import BLIND, CEILING, ORACLE
from robotasks.benchmark.report.alone import alone_blocks
from robotasks.benchmark.report.blocks import (
    Block,
    Chart,
    Commands,
    Estimate,
    Page,
    Section,
    Table,
    Value,
)
from robotasks.benchmark.report.gains import gain_tables
from robotasks.benchmark.report.readings import (
    Agents,
    Cells,
    adaptation,
    learning,
    matrix,
    seeds_of,
    successes,
    told_less,
)
from robotasks.benchmark.results import TOLD, Finished, by_suite
from robotasks.benchmark.scores import LEAST_GAP, gap_closed, regret
from robotasks.benchmark.statistics import holm, probability_of_improvement, t_test
from robotasks.benchmark.tiers import STAMP

LEAST_SEEDS = 3
"""Fewer seeds that agents share are not compared: a t test on two says nothing."""
INTERVALS = "Mean over seeds, with Student's 95 % interval over them where there are two or more."


def build(cells: Sequence[Finished], unfinished: Sequence[str] = ()) -> Page:
    """Put cells together; unfinished: names of cells that are left out, to be told.

    Raises ValueError where cells do not fit together.
    """
    suites = by_suite(cells)
    sections = [_suite(name, suites) for name in suites]
    stamp = "" if all(cell.result.quotable for cell in cells) else STAMP[0].upper() + STAMP[1:]
    about = f"{len(cells)} cells: an agent, trained and evaluated with one seed, each."
    if unfinished:
        about += f" Left out, since they are not finished: {', '.join(unfinished)}."
    return Page("robotasks: results", stamp, about, (*sections, _measured(suites)))


def _suite(name: str, suites: Mapping[str, Sequence[Finished]]) -> Section:
    group = suites[name]
    first = group[0].result
    tested = first.tested
    agents = _by_agent([cell for cell in group if cell.splits], tested)
    taught = _grouped([cell for cell in group if cell.courses])
    tasks, trained = (first.provenance[split].tables for split in (tested, "train"))
    about = f"Tier {first.tier}. Trained on {_listed(trained)}; tested on {_listed(tasks)}."
    blocks: list[Block] = []
    if agents:
        about += " " + _size(agents, tested)
        blocks += [*_played(agents, tested), *gain_tables(agents, tested, suites)]
    blocks += alone_blocks(taught, agents, tested, agents.get(BLIND))
    blocks += _pairs(agents, tested)
    everyone = {**agents, **taught}
    blocks += [_ledger(everyone), _commands(everyone)]
    return Section(name, about, tuple(blocks))


def _size(agents: Agents, tested: str) -> str:
    """Return how many rows and episodes were played."""
    scores = next(iter(agents.values()))[0].splits[tested]
    rows = len(scores.records) // (scores.episodes * len(scores.by_task()))
    episodes = f"{scores.episodes} episode{'s' * (scores.episodes > 1)}"
    return f"{rows} rows per task and split, {episodes} on each."


def _played(agents: Agents, tested: str) -> list[Block]:
    """Return what the agents that played the splits show."""
    first = next(iter(agents.values()))[0]
    splits = [*first.splits]
    blocks: list[Block] = [_success(agents, splits)]
    if first.splits[tested].episodes > 1:
        blocks += [_adaptation(agents, tested), _told_less(agents, tested)]
        blocks += [_adaptation_chart(agents, split) for split in splits[1:]]
    blocks += _learning_chart(agents, tested)
    if len(first.splits[tested].by_task()) > 1:
        blocks.append(_heat_map(agents, tested))
    return blocks


def _by_agent(group: Sequence[Finished], tested: str) -> Agents:
    """Group cells by agent, the best first."""
    agents = _grouped(group)
    best = sorted(agents, key=lambda agent: -successes(agents[agent], tested).mean())
    return {agent: agents[agent] for agent in best}


def _grouped(group: Sequence[Finished]) -> Agents:
    ordered = sorted(group, key=lambda cell: (cell.result.agent, cell.result.seed))
    grouped = itertools.groupby(ordered, lambda cell: cell.result.agent)
    return {agent: tuple(cells) for agent, cells in grouped}


def _success(agents: Agents, splits: Sequence[str]) -> Table:
    rows = tuple(
        (
            agent,
            len(cells),
            *(Estimate.over_seeds(successes(cells, split)) for split in splits),
            _contract(cells),
        )
        for agent, cells in agents.items()
    )
    columns = ("agent", "seeds", *splits, "contract")
    return Table("Success by split", columns, rows, INTERVALS)


def _contract(cells: Sequence[Finished]) -> str:
    """Return which rules of the protocol were broken by some seed."""
    if cells[0].result.agent == CEILING:
        return "reads the simulator"
    broken = {breach.split(":")[0] for cell in cells for breach in cell.result.breaches}
    return f"broken: {', '.join(sorted(broken))}" if broken else "kept"


def _adaptation(agents: Agents, split: str) -> Table:
    """Tell what the episodes of a trial are worth, on the anchors' scale where they are there."""
    rows: list[tuple[Value, ...]] = []
    for agent, cells in agents.items():
        curves = adaptation(cells, split)
        ends = [Estimate.over_seeds(curves[:, k]) for k in (0, -1)]
        blind, oracle = (_alike(agents, name, cells) for name in (BLIND, ORACLE))
        closed = lost = None
        if oracle is not None:
            sighted = successes(oracle, split)
            lost = Estimate.over_seeds(regret(curves, sighted)[:, -1], within=None, share=False)
            if blind is not None:
                gaps = gap_closed(curves, successes(blind, split), sighted)
                closed = Estimate.over_seeds(gaps[:, -1], within=None, share=False)
        rows.append((agent, *ends, closed, lost))
    note = (
        f"On {split}. Gap closed: 0 is {BLIND}, blind to the goal, and 1 is {ORACLE}, which is "
        f"told it; '-' where a seed's gap is below {LEAST_GAP}. Regret: successes lost to {ORACLE} "
        "over a trial."
    )
    columns = ("agent", "first episode", "last episode", "gap closed", "regret")
    return Table("Adaptation", columns, tuple(rows), note)


def _told_less(agents: Agents, split: str) -> Table:
    """Tell what is left of the last episode's success where an agent is told fewer rewards."""
    rows = tuple(
        (
            agent,
            *(
                Estimate.over_seeds(curves[:, -1])
                for curves in (adaptation(cells, split), *(told_less(cells, name) for name in TOLD))
            ),
        )
        for agent, cells in agents.items()
    )
    columns = ("agent", "all rewards", "success alone", "none in the last episode")
    note = f"Success of the last episode on {split}, by what the agent is told of its rewards."
    return Table("Rewards at test time", columns, rows, note)


def _alike(agents: Agents, name: str, cells: Cells) -> Cells | None:
    """Return the cells of an anchor, if it has the same seeds."""
    anchor = agents.get(name)
    return anchor if anchor is not None and seeds_of(anchor) == seeds_of(cells) else None


def _adaptation_chart(agents: Agents, split: str) -> Chart:
    curves = {agent: adaptation(cells, split) for agent, cells in agents.items()}
    x = {agent: range(curve.shape[1]) for agent, curve in curves.items()}
    return Chart(f"Adaptation on {split}", "episodes on the row before", x, curves)


def _learning_chart(agents: Agents, split: str) -> list[Block]:
    found = {agent: learning(cells) for agent, cells in agents.items() if cells[0].curve}
    steps = {agent: points for agent, (points, _) in found.items()}
    curves = {agent: success.mean(axis=1) for agent, (_, success) in found.items()}
    if not curves:
        return []
    note = f"On the first rows of {split}, all episodes. Thin: seeds; thick: their mean."
    return [Chart("Learning", "steps of training", steps, curves, note)]


def _heat_map(agents: Agents, split: str) -> Table:
    means = [matrix(cells, split).mean(axis=0).tolist() for cells in agents.values()]
    tasks = next(iter(agents.values()))[0].splits[split].by_task()
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (task, *(Estimate(mean[i]) for mean in means)) for i, task in enumerate(tasks)
    )
    note = f"On {split}, mean over seeds."
    return Table("Success by task", ("task", *agents), rows, note, heat=True)


def _pairs(agents: Agents, split: str) -> list[Block]:
    """Compare agents two by two, on the seeds that they share."""
    rows: list[tuple[Value, ...]] = []
    chances = []
    for (one, ours), (other, theirs) in itertools.combinations(agents.items(), 2):
        shared = {*seeds_of(ours)} & {*seeds_of(theirs)}
        if len(shared) < LEAST_SEEDS:
            continue
        a, b = (
            matrix([cell for cell in cells if cell.result.seed in shared], split)
            for cells in (ours, theirs)
        )
        difference = a.mean(axis=1) - b.mean(axis=1)
        chances.append(float(t_test(difference)))
        better = float(probability_of_improvement(a, b))
        rows.append((one, other, Estimate.over_seeds(difference, within=(-1, 1)), better))
    if not rows:
        return []
    adjusted = holm(chances).tolist()
    note = (
        f"On {split}. p: paired t test over seeds, Holm's correction over all pairs. P(better): "
        "share of pairs of seeds in which the first has the higher success, mean over tasks."
    )
    columns = ("agent", "against", "difference", "P(better)", "p")
    table: tuple[tuple[Value, ...], ...] = tuple(
        (*row, p) for row, p in zip(rows, adjusted, strict=True)
    )
    return [Table("Agents two by two", columns, table, note)]


def _ledger(agents: Agents) -> Table:
    rows = tuple(
        (
            agent,
            cell.result.seed,
            cell.result.train_steps,
            cell.result.play_steps,
            round(cell.result.wall_s),
            round(cell.result.cpu_s),
        )
        for agent, cells in agents.items()
        for cell in cells
    )
    columns = ("agent", "seed", "steps of training", "of evaluation", "wall s", "CPU s")
    return Table("What it cost", columns, rows, "Seconds say as much as the machine was busy.")


def _commands(agents: Agents) -> Commands:
    found = (cell.result.command for cells in agents.values() for cell in cells)
    return Commands("What makes it again", tuple(dict.fromkeys(found)))


def _measured(suites: Mapping[str, Sequence[Finished]]) -> Section:
    """Tell on which rows and with which versions all of it was measured."""
    sets: dict[tuple[Value, ...], None] = {}
    tasks: dict[tuple[Value, ...], None] = {}
    versions: dict[str, None] = {}
    for name, group in suites.items():
        for cell in sorted(group, key=lambda cell: cell.result.seed):
            for split, provenance in cell.result.provenance.items():
                seed = cell.result.seed if split == "train" else "all"
                sets[name, split, str(seed), cell.result.task_sets[split]] = None
                versions[f"robotasks {provenance.robotasks}, MuJoCo {provenance.mujoco}"] = None
                if split != "train":
                    for task, hash_ in provenance.tables.items():
                        tasks[name, task, split, hash_] = None
    return Section(
        "Provenance",
        f"Measured with {' and '.join(versions)}.",
        (
            Table("Sets of rows", ("suite", "split", "seed", "hash"), tuple(sets)),
            Table("Test rows of each task", ("suite", "task", "split", "hash"), tuple(tasks)),
        ),
    )


def _listed(names: Mapping[str, str]) -> str:
    return ", ".join(names) if len(names) <= 10 else f"{len(names)} tasks"
