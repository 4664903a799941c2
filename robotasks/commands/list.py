"""List the tasks and agents."""

from __future__ import annotations

from dataclasses import dataclass

from robotasks.agents import AGENTS
from robotasks.commands.output import show
from robotasks.tasks import TASKS


@dataclass(frozen=True)
class Options:
    """Options of `list`."""

    json: bool = False
    """Print one JSON object per line."""


def run(options: Options) -> None:
    """Print one row per task, and the agents' names."""
    rows = [
        {
            "task": task.name,
            "id": f"robotasks/{task.id}",
            "family": task.family,
            "horizon": task.horizon,
            "goal": ", ".join(task.goals.layout.names),
            "dynamics": ", ".join(task.dynamics.layout.names) or "-",
            "about": (task.__doc__ or "").splitlines()[0],
        }
        for task in TASKS.values()
    ]
    show(rows, options.json, "tasks")
    if not options.json:
        print(f"agents: expert, random, {', '.join(AGENTS)}")
