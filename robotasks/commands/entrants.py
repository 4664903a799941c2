"""Finding the agent a user names."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from robotasks.agents import load
from robotasks.agents.parts.run import read_config
from robotasks.benchmark.agent import Expert, Random
from robotasks.benchmark.anchors import CEILING, FLOOR
from robotasks.benchmark.evaluate import Entrant
from robotasks.layout import unknown

ANCHORS = (CEILING, FLOOR)


def find_entrant(name: str, seed: int = 0) -> Entrant:
    """Return the entrant called `name`: expert, random, module:name, or a run folder.

    Raises ValueError if it is none of them, or a folder that holds no run.
    """
    if name == CEILING:
        return Expert
    if name == FLOOR:
        return lambda env: Random(seed)
    if ":" in name:
        return _imported(name)
    _check(name)
    trained = load(name)
    return lambda env: trained


def senses(name: str) -> dict[str, Any]:
    """Return the arguments of `TaskVectorEnv` with which an entrant sees what it learned from.

    Raises ValueError like `find_entrant`.
    """
    if name in ANCHORS or ":" in name:
        return {}
    _check(name)
    return {"reveal": read_config(name)["env"].get("reveal", ["goal"])}


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
            f"{unknown('agent', name, ANCHORS)} Or name the folder of a run, or module:name."
        )
