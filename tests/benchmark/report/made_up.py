"""Finished cells with made-up episodes: reports need no simulation."""

import json
from pathlib import Path

import numpy as np

from robotasks.benchmark.provenance import Provenance
from robotasks.benchmark.records import Record, Scores
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
)

SPLITS = ("train", "interp", "dyn")


def scores(chance, tasks, episodes, rng, rows=8):
    """Episodes that succeed by chance, the more the later they come in a trial."""
    return Scores(
        tuple(
            Record(task, row, k, bool(won), 9 if won else -1, float(won), False)
            for task in tasks
            for row in range(rows)
            for k in range(episodes)
            for won in [rng.random() < chance * (0.7 + 0.3 * (k + 1) / episodes)]
        )
    )


def solved(share, tasks, rows=20):
    """One episode a row, of which the first ones are solved."""
    return Scores(
        tuple(
            Record(task, row, 0, row < share * rows, -1, 0.0, False)
            for task in tasks
            for row in range(rows)
        )
    )


def write_cell(
    out: Path,
    agent="ppo",
    seed=0,
    *,
    chance=0.5,
    suite="MT5",
    tasks=("a-v1", "b-v1"),
    episodes=1,
    steps=300_000,
    quotable=True,
    versions=("0.1.0", "4.0.0"),
    rows_hash="f00d",
    breaches=(),
    seconds=100.0,
    courses=None,
):
    """Write a cell as the benchmark would; returns its folder.

    courses: for each of them, steps -> success, in a cell that has nothing else.
    """
    folder = out / suite.replace(":", "-") / f"{agent}-s{seed}"
    (folder / CURVE).mkdir(parents=True)
    rng = np.random.default_rng([seed, len(agent), round(chance * 100)])
    told = {split: (f"t{seed}" if split == "train" else rows_hash) for split in SPLITS}
    result = Result(
        suite=suite,
        suite_version=1,
        agent=agent,
        seed=seed,
        tier="laptop" if quotable else "smoke",
        quotable=quotable,
        reveal=("goal",),
        breaches=breaches,
        command=f"robotasks benchmark {suite} {agent} --tier smoke --seeds 2",
        provenance={
            split: Provenance(dict.fromkeys(tasks, hash_), *versions)
            for split, hash_ in told.items()
        },
        task_sets=told,
        horizon=50,
        train_steps=steps,
        play_steps=9_600,
        wall_s=123.4,
        cpu_s=98.7,
    )
    (folder / RESULT).write_text(result.text())
    (folder / CELL).write_text(json.dumps({}))
    for name, curve in (courses or {}).items():
        (folder / TAKEN / name).mkdir(parents=True)
        for point, share in curve.items():
            path = folder / TAKEN / name / f"{point:010d}{ENDING}"
            path.write_bytes(pack(solved(share, tasks[:1])))
    if courses:
        return folder
    for split in SPLITS:
        records_path(folder, split).write_bytes(pack(scores(chance, tasks, episodes, rng)))
    for rewards in TOLD if episodes > 1 else ():
        less = pack(scores(chance / 2, tasks, episodes, rng))
        records_path(folder, SPLITS[1], rewards).write_bytes(less)
    spent = {}
    for point in range(1, 5) if steps else ():
        path = folder / CURVE / f"{steps * point // 4:010d}{ENDING}"
        path.write_bytes(pack(scores(chance * point / 4, tasks, episodes, rng, rows=4)))
        spent[steps * point // 4] = seconds * point / 4
    (folder / CURVE / COSTS).write_text(json.dumps(spent))
    return folder
