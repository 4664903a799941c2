"""Finding the agent a user names."""

from __future__ import annotations

import importlib
from contextlib import closing
from pathlib import Path
from typing import Any

from robotasks.agents import AGENTS, GOAL_CONDITIONED, IMITATORS, load
from robotasks.agents.knn import Nearest
from robotasks.agents.parts.run import read_config
from robotasks.benchmark.agent import Expert, Random
from robotasks.benchmark.anchors import CEILING, FLOOR, VARIANTS, Variant
from robotasks.benchmark.courses import COURSES, LEARNER
from robotasks.benchmark.evaluate import Entrant
from robotasks.benchmark.suites import find_suite
from robotasks.envs.vector import TaskVectorEnv
from robotasks.layout import Layout, unknown

ANCHORS = (CEILING, FLOOR)
METRIC = "knn"
SIGHT = ("observe", "cameras", "pixels", "jitter")
"""Arguments of worlds that a run keeps where it was not trained on the state."""
UNTRAINED = (*ANCHORS, METRIC)
"""Entrants that need no training, by name."""


def find_entrant(name: str, seed: int = 0) -> Entrant:
    """Return the entrant called `name`: expert, random, knn, module:name, or a run folder.

    Raises ValueError if it is none of them, or a folder that holds no run.
    """
    if name == CEILING:
        return Expert
    if name == FLOOR:
        return lambda env: Random(seed)
    if name == METRIC:
        return lambda env: Nearest()
    if ":" in name:
        return _imported(name)
    _check(name)
    trained = load(name)
    return lambda env: trained


def senses(name: str) -> dict[str, Any]:
    """Return the arguments of `TaskVectorEnv` with which an entrant sees what it learned from.

    Raises ValueError like `find_entrant`.
    """
    if name in UNTRAINED or ":" in name:
        return {}
    _check(name)
    stored = read_config(name)
    told, face = stored["env"].get("reveal", ["goal"]), goal_face(stored["agent"])
    seen = {word: stored["env"][word] for word in SIGHT if word in stored["env"]}
    return {**shared(suite_of(name)), "reveal": told, **face, **seen}


def goal_face(agent: str) -> dict[str, Any]:
    """Return the arguments of worlds for an agent that learns from goals; none for others."""
    return {"goal_conditioned": True, "reward": "sparse"} if agent in GOAL_CONDITIONED else {}


def trained_episodes(name: str) -> int:
    """Return how many episodes the trials had that an entrant learned from; 1 if there were none.

    Raises ValueError like `find_entrant`.
    """
    if name in UNTRAINED or ":" in name:
        return 1
    _check(name)
    return int(read_config(name)["env"].get("episodes", 1))


def suite_of(folder: Path | str) -> str | None:
    """Return the suite whose observations the agent of a run folder knows; None if it is none.

    An agent that was pre-trained on a suite goes on with its observations on a task.
    """
    env = read_config(folder)["env"]
    return env.get("layout", env.get("suite"))


def check_reads(folder: str, layout: Layout) -> None:
    """Raise ValueError unless the agent of a run folder has learned to read such observations."""
    suite = suite_of(folder)
    task = find_suite(suite).train[0] if suite else read_config(folder)["env"]["tasks"]
    with closing(TaskVectorEnv(task, 1, threads=1, **senses(folder))) as env:
        theirs, ours = env.layout.widths.items(), layout.widths.items()
    if [*theirs] != [*ours]:
        there, here = (
            ", ".join(f"{name} ({width})" for name, width in sorted(only)) or "nothing"
            for only in (theirs - ours, ours - theirs)
        )
        raise ValueError(
            f"{folder} cannot be a start: its observations differ (only there: {there}; only "
            f"here: {here}). Pre-train on a suite that has both tasks, and is told the same."
        )


def shared(suite: str | None) -> dict[str, Any]:
    """Return the arguments that give a task the spaces and the horizon of a suite; none without."""
    arguments = find_suite(suite).arguments if suite else {}
    return {name: value for name, value in arguments.items() if name != "episodes"}


def find_learner(name: str) -> Variant | None:
    """Return how an agent of that name learns by acting; None if it is none of ours that does.

    Raises ValueError for one that learns from demonstrations or from goals: no suite has them.
    """
    if name == METRIC or VARIANTS.get(name, Variant(name)).agent in IMITATORS:
        command = "evaluate" if name == METRIC else "train"
        raise ValueError(
            f"{name} imitates, and a suite has no demonstrations: use `{command} {name}`"
        )
    if name in GOAL_CONDITIONED:
        raise ValueError(f"{name} needs a goal face, and a suite has none: use `train {name}`")
    if name in COURSES:
        return LEARNER
    return VARIANTS.get(name, Variant(name) if name in AGENTS else None)


def _imported(name: str) -> Entrant:
    """Return what a user's own module calls by that name."""
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{name!r} cannot be imported ({error}): name an entrant as module:name, and let "
            "PYTHONPATH lead to the module"
        ) from error


def _check(name: str) -> None:
    if not Path(name).exists():
        raise ValueError(
            f"{unknown('agent', name, UNTRAINED)} Or name the folder of a run, or module:name."
        )
