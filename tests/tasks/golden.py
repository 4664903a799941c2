"""Golden tables: what each task does, for as long as its version stays.

`python -m tests.tasks.golden` writes the tables that are missing, such as that of a raised version.
`--force push-to` writes one anew: for a version that no published result names.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from robotasks import TASKS, Task, TaskVectorEnv
from robotasks.envs.observation import Observer
from robotasks.layout import Layout, View
from robotasks.tasks import RESET_FREE
from robotasks.tasks.task import staged_reward

EVERY = TASKS | RESET_FREE
FOLDER = Path(__file__).parent / "golden"
WORLDS, CANDIDATES, TWINS = 2, 64, 6
LEAST = 10
"""Control steps that a table's actions have to last."""
NUDGE, STRAY = 1e-7, 5e-5
"""Twins of a stored world, nudged so much at the start, end at most so far away from it."""
KINDS = ("goal", "dynamics", "start")
Named = dict[str, Any]
"""Fields by name, each with one entry per world."""


def path_of(task: Task) -> Path:
    """Return where the table of a task and its version is."""
    return FOLDER / f"{task.id}.json"


def plain(array: Any) -> Any:
    """Return an array as the numbers that a table holds: rounded, no negative zeros."""
    array = np.asarray(array)
    return (array if array.dtype == bool else np.round(array, 6) + 0.0).tolist()


def named(view: View) -> Named:
    """Return the fields of a view as a table holds them."""
    return {name: plain(values) for name, values in view.fields().items()}


def flat(fields: Named) -> np.ndarray:
    """Join fields of a table, (WORLDS, columns)."""
    columns = [np.reshape(values, (WORLDS, -1)) for values in fields.values()]
    return np.concatenate([np.empty((WORLDS, 0)), *columns], axis=1)


def view(fields: Named) -> View:
    """Read fields of a table by name."""
    return Layout({name: np.size(each) // WORLDS for name, each in fields.items()}).view(
        flat(fields)
    )


def is_rate(name: str) -> bool:
    """Whether a reading is a velocity."""
    return name.endswith(("vel", "speed"))


def judged(task: Task, table: Named, readings: Named) -> Named:
    """Return what the task says of readings: reward, success and every slot of an observation."""
    now, goal = view(readings), view(table["goal"])
    observer = Observer({task: (now, goal)}, "state", ("goal", "dynamics"))
    dynamics = task.dynamics.scaled(flat(table["dynamics"]))
    seen = observer.observe(task, now, goal, dynamics, {}).astype(np.float64)
    return {
        "reward": plain(staged_reward(task.stages(now, goal))),
        "success": plain(task.success(now, goal)),
        "observation": named(observer.layout.view(seen)),
    }


def drawn(task: Task, seeds: Sequence[int]) -> Named:
    """Return the rows and starts that these seeds draw."""
    env = TaskVectorEnv(task, len(seeds), threads=1)
    env.reset(seed=seeds)
    state = env.get_state()
    spans = task.goals | task.dynamics, task.starts["default"]
    row, start = (
        named(span.view(state[f"crew0.{name}"]))
        for span, name in zip(spans, ("rows", "starts"), strict=True)
    )
    return {
        "goal": {name: row[name] for name in task.goals.layout},
        "dynamics": {name: row[name] for name in task.dynamics.layout},
        "start": start,
    }


def begun(task: Task, table: Named, copies: int = 1) -> TaskVectorEnv:
    """Make worlds on the rows and starts of a table, side by side with copies of each."""
    options = {
        kind: {name: np.repeat(values, copies, axis=0) for name, values in table[kind].items()}
        for kind in KINDS
    }
    env = TaskVectorEnv(task, copies * len(table["seeds"]), threads=1)
    env.reset(seed=0, options=options)
    return env


def replayed(task: Task, table: Named, steps: int) -> list[Named]:
    """Play the actions of a table, and then the expert's; return the readings at steps 0, 1, ..."""
    env = begun(task, table)
    readings = [named(env.readings())]
    for step in range(steps):
        expert = env.expert_actions()  # asked always: it may have a memory
        env.step(np.array(table["actions"][step]) if step < len(table["actions"]) else expert)
        readings.append(named(env.readings()))
    return readings


def portable(task: Task, candidates: Named) -> tuple[np.ndarray, np.ndarray]:
    """Find worlds whose course hardly depends on the last digits, in which processors differ.

    A trembling expert plays them, and twins of each that were nudged at the start do the same.
    Returns which are steady and come furthest, (WORLDS,), and their actions, (steps, WORLDS, 5).
    """
    env, rng = begun(task, candidates, copies=1 + TWINS), np.random.default_rng(0)
    state = env.get_state()
    positions = state["crew0.physics"][:, 1 : 1 + env.engines[0].model.nq]
    nudges = rng.normal(0, NUDGE, (CANDIDATES, 1 + TWINS, positions.shape[1]))
    nudges[:, 0] = 0
    positions += nudges.reshape(positions.shape)
    env.set_state(state)
    actions, strays, kept = [], np.zeros(CANDIDATES), np.arange(WORLDS)
    for _ in range(task.horizon // 3):
        tremble = rng.normal(0, 0.1, (CANDIDATES, 5))
        taken = np.clip(env.expert_actions()[:: 1 + TWINS] + tremble, -1, 1).round(1)
        rewards = env.step(np.repeat(taken, 1 + TWINS, axis=0))[1][:: 1 + TWINS]
        for name, values in env.readings().fields().items():
            if not is_rate(name):
                twins = values.reshape(CANDIDATES, 1 + TWINS, -1)
                strays = np.maximum(strays, abs(twins - twins[:, :1]).max(axis=(1, 2)))
        if np.count_nonzero(strays < STRAY) < WORLDS:
            break  # from here on nobody's course is to be relied on
        actions.append(taken)
        kept = np.argsort(np.where(strays < STRAY, -rewards, 0))[:WORLDS]
    if len(actions) < LEAST:
        raise RuntimeError(f"{task.name}: only {len(actions)} steps are steady")
    return kept, np.array(actions)[:, kept]


def made(task: Task) -> Named:
    """Make a table: what leads to its actions' end, and what the task says around success."""
    candidates = {"seeds": range(CANDIDATES), **drawn(task, range(CANDIDATES))}
    kept, actions = portable(task, candidates)
    table = {"task": task.id, "mujoco": mujoco.__version__, "horizon": task.horizon}
    table["seeds"] = kept.tolist()
    for kind in KINDS:
        table[kind] = {name: [each[i] for i in kept] for name, each in candidates[kind].items()}
    first = None
    while first is None:
        if len(actions) < LEAST:
            raise RuntimeError(f"{task.name}: the expert does not succeed after the tremble")
        table["actions"] = plain(actions)
        course = [
            {"readings": readings, **judged(task, table, readings)}
            for readings in replayed(task, table, task.horizon - 1)
        ]
        solved = [step for step, moment in enumerate(course) if any(moment["success"])]
        first = solved[0] if solved else None
        actions = actions if solved else actions[: len(actions) // 2]
    moments = sorted({len(actions) // 2, len(actions), first - 1, first})
    return table | {"moments": {str(step): course[step] for step in moments}}


def text(value: Any, indent: str = "") -> str:
    """Return JSON with one line per field, so that a change shows in few lines."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, separators=(",", ":"))
    inner = indent + " "
    lines = [f"{inner}{json.dumps(name)}: {text(each, inner)}" for name, each in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def main() -> None:
    """Write tables; one that exists is kept unless forced."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--force", nargs="+", default=[], choices=EVERY, metavar="TASK")
    forced = parser.parse_args().force
    FOLDER.mkdir(exist_ok=True)
    for task in EVERY.values():
        path = path_of(task)
        if path.exists() and task.name not in forced:
            print(f"{path.name} exists and stays; raise {type(task).__name__}.version for another")
            continue
        path.write_text(text(made(task)) + "\n")
        print(f"{path.name} written")
        for older in set(FOLDER.glob(f"{task.name}-v*.json")) - {path}:
            older.unlink()


if __name__ == "__main__":
    main()
