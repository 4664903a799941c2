"""How much room for contacts the GPU engine should keep: the CPU engine plays, and is watched."""

from __future__ import annotations

import functools
import math
from typing import cast

import mujoco
import numpy as np

from robotasks.envs.crew import Crew
from robotasks.envs.record import Record
from robotasks.physics.cpu import CpuEngine
from robotasks.physics.engine import Room
from robotasks.tasks.task import Task

MARGIN = 1.5
"""Room kept, as a multiple of the most that was seen."""
_WORLDS, _STEPS = 16, 120


@functools.cache
def room_for(task: Task) -> Room:
    """Play the expert in half of the worlds and chance in the others; return room for the worst.

    Both engines count rows of constraints alike. Warp also holds a place for each pair of geoms
    whose bounds meet, which are counted here by their bounding spheres.
    """
    crew = Crew(task, None, "default", _WORLDS, threads=1)
    engine = cast(CpuEngine, crew.engine)
    record = Record(_WORLDS, task.horizon, 1, engine)
    everywhere, worlds = np.ones(_WORLDS, dtype=bool), np.arange(_WORLDS)
    record.reseed(worlds.tolist(), everywhere)
    anew = record.next_episodes(everywhere, True)
    crew.begin(everywhere, *crew.draw(everywhere, worlds, anew, record, {}))
    near = _Near(engine)
    contacts, rows = engine.batch.bind("ncon"), engine.batch.bind("nefc")
    rng, most = np.random.default_rng(0), [0, 0]
    for _ in range(min(task.horizon, _STEPS)):
        actions = rng.uniform(-1, 1, (_WORLDS, 5))
        actions[::2] = crew.expert()[::2]
        crew.advance(actions)
        most = [max(most[0], contacts.max(), near.count()), max(most[1], rows.max())]
    engine.close()
    return Room(*(math.ceil(MARGIN * count) + 4 for count in most))


class _Near:
    """Counts pairs of geoms that may collide and whose bounding spheres meet."""

    def __init__(self, engine: CpuEngine) -> None:
        model = engine.model
        self._places = engine.batch.bind("geom_xpos")
        self._radii = np.broadcast_to(model.geom_rbound, (engine.worlds, model.ngeom))
        if (each := engine.batch.expanded("geom_rbound")) is not None:
            self._radii = each
        first, second = np.triu_indices(model.ngeom, 1)
        kind, meets, body = model.geom_contype, model.geom_conaffinity, model.geom_bodyid
        collide = (kind[first] & meets[second]) | (kind[second] & meets[first])
        chosen = (collide != 0) & (body[first] != body[second])
        self._pairs = (
            np.concatenate([first[chosen], model.pair_geom1]),
            np.concatenate([second[chosen], model.pair_geom2]),
        )
        self._planes = model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)

    def count(self) -> int:
        """Return the number in the world where it is largest."""
        first, second = self._pairs
        apart = np.linalg.norm(self._places[:, first] - self._places[:, second], axis=-1)
        reach = self._radii[:, first] + self._radii[:, second]
        endless = self._planes[first] | self._planes[second]
        return int(((apart < reach) | endless).sum(axis=1).max())
