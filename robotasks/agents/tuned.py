"""Options with which agents have learned a task: what `train --tuned` takes, one row a task.

How well and how fast each learns so is in results/README.md. A row without options says that the
defaults serve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from robotasks.layout import unknown


@dataclass(frozen=True)
class Tuned:
    """How an agent trains on a task."""

    set: tuple[str, ...] = ()
    """Options of the agent, NAME=VALUE each."""
    start: tuple[str, ...] = ("default",)
    """Starts of the training episodes, between which the worlds take turns."""
    horizon: int | None = None
    """Control steps of a training episode; the task's own if None."""


DEFAULTS = Tuned()
SHOT = Tuned(set=("gamma=0.99",))
"""One act, whose accuracy is worth waiting for."""
SLAP = Tuned(set=SHOT.set, start=("default", "swung"))
"""A shot for which the stick is swung back first."""
FETCH = Tuned(
    set=("gamma=0.85", "lam=0.9", "fine=5"),
    start=("default", "default", "near", "held"),
    horizon=80,
)
"""Several acts, of which the last pays most: a part is fetched, carried, put and let go."""
FIND = replace(FETCH, start=("default", "near", "near", "held"), horizon=90)
"""The same, of a part that lies any way round."""
LIFT = replace(FETCH, start=("default", "near"), horizon=60)
"""The first of these acts alone."""

TUNED: Mapping[str, Mapping[str, Tuned]] = {
    "ppo": {
        **dict.fromkeys(
            (
                *("push-to", "push-wall", "push-heavy", "push-pull", "push-slot", "push-around"),
                *("hockey-retrieve", "shape-insert-held", "plane-wheel-held"),
                *("lid-twist-held", "lid-flip", "lid-slide"),
            ),
            DEFAULTS,
        ),
        **dict.fromkeys(
            ("hockey-shoot", "hockey-stop", "hockey-one-timer", "hockey-wrist", "hockey-dribble"),
            SHOT,
        ),
        "hockey-slap": SLAP,
        **dict.fromkeys(("shape-extract", "lid-place", "plane-wheel"), FETCH),
        "plane-tail": replace(FETCH, horizon=90),
        **dict.fromkeys(
            (
                *("shape-insert", "shape-insert-moved", "shape-insert-tight", "shape-place"),
                "plane-wing",
            ),
            FIND,
        ),
        "plane-propeller": replace(FIND, horizon=100),
        "shape-lift": LIFT,
    },
    "her": {"push-to": DEFAULTS},
    "mtsac": {"push-to": DEFAULTS},
}
"""By the agent's name and the task's: what has been learned at 75 % or more."""


def find_tuned(agent: str, task: str) -> Tuned:
    """Return the row of an agent and a task. Raises ValueError if there is none."""
    tasks = TUNED.get(agent)
    if tasks is None:
        raise ValueError(f"--tuned has {unknown('agent', agent, TUNED)}")
    if task not in tasks:
        raise ValueError(
            f"--tuned has no options of {agent} for {task}; it has them for "
            f"{', '.join(sorted(tasks))}. Leave it out, or give yours by --start, --horizon, --set."
        )
    return tasks[task]
