"""Finding the agent a user names."""

from __future__ import annotations

from pathlib import Path

from robotasks.agents import load
from robotasks.benchmark.agent import Expert, Random
from robotasks.benchmark.evaluate import Entrant
from robotasks.layout import unknown

ANCHORS = ("expert", "random")


def find_entrant(name: str, seed: int = 0) -> Entrant:
    """Return the entrant called `name`: expert, random, or a run folder.

    Raises ValueError if it is neither, or a folder that holds no run.
    """
    if name == "expert":
        return Expert
    if name == "random":
        return lambda env: Random(seed)
    if not Path(name).exists():
        raise ValueError(f"{unknown('agent', name, ANCHORS)} Or name the folder of a run.")
    trained = load(name)
    return lambda env: trained
