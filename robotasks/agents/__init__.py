"""Learning agents, one file each; importing this package loads no torch.

An agent's module offers `Config` (a frozen dataclass), `train(source, config, run, ...)` and
`load(folder)`. The source is a vector environment, for an imitator its demonstrations.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robotasks.benchmark.agent import Adapter

AGENTS: Mapping[str, str] = MappingProxyType(
    {
        "ppo": "robotasks.agents.ppo",
        "mtppo": "robotasks.agents.mtppo",
        "mtsac": "robotasks.agents.mtsac",
        "her": "robotasks.agents.her",
        "options": "robotasks.agents.options",
        "rl2": "robotasks.agents.rl2",
        "promp": "robotasks.agents.promp",
        "varibad": "robotasks.agents.varibad",
        "bc": "robotasks.agents.bc",
        "demo": "robotasks.agents.demo",
    }
)
IMITATORS = frozenset({"bc", "demo"})
GOAL_CONDITIONED = frozenset({"her"})
"""Agents that learn in goal-conditioned worlds, for which the reward is sparse."""
STARTING = frozenset({"ppo", "mtppo"})
"""Agents whose training may start from another run of theirs (`Run.pretrained`)."""

SEEING = frozenset({"ppo"})
"""Agents that learn from pictures (`observe="pixels"`)."""
DEVICE_LEARNERS = frozenset({"ppo"})
"""Agents that learn where the worlds are, tensors all the way (`engine="gpu"`)."""


def agent_module(name: str) -> ModuleType:
    """The module of agent `name`, imported now (it needs torch).

    Raises ValueError for an unknown name.
    """
    if name not in AGENTS:
        near = difflib.get_close_matches(name, AGENTS)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"Unknown agent {name!r}; there are {', '.join(sorted(AGENTS))}.{hint}")
    return importlib.import_module(AGENTS[name])


def load(folder: Path | str) -> Adapter:
    """The trained agent of a run folder, whichever agent it is.

    Raises RunError where the folder holds no usable run.
    """
    from robotasks.agents.parts.run import read_config

    return agent_module(str(read_config(folder)["agent"])).load(folder)
