"""List the tasks and agents, or the suites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from robotasks.agents import AGENTS
from robotasks.benchmark.anchors import VARIANTS
from robotasks.benchmark.suites import SUITES, Suite
from robotasks.commands.entrants import UNTRAINED
from robotasks.commands.output import show
from robotasks.tasks import TASKS


@dataclass(frozen=True)
class Options:
    """Options of `list`."""

    suites: bool = False
    """List the suites and not the tasks."""
    json: bool = False
    """Print one JSON object per line."""


def run(options: Options) -> None:
    """Print one row per task, and the agents' names; or one row per suite."""
    if options.suites:
        about = [_about(suite, names=options.json) for suite in SUITES.values()]
        show(about, options.json, "suites, and how many tasks they have")
        return
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
        print(f"agents: {', '.join(dict.fromkeys((*UNTRAINED, *AGENTS, *VARIANTS)))}")


def _about(suite: Suite, names: bool) -> dict[str, Any]:
    """Describe a suite, with its tasks' names or with their numbers."""
    tasks = {"train": suite.train, "held_out": suite.held_out}
    return {
        "suite": suite.name,
        **{kind: list(given) if names else len(given) for kind, given in tasks.items()},
        "revealed": ", ".join(suite.reveal),
        "episodes": suite.episodes,
        "steps": suite.steps,
    }
