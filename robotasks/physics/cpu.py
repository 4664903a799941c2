"""The CPU engine: MuJoCo's native batch, threads in C, numpy arrays, float64.

Worlds are independent: the numbers of one do not depend on how many others there are,
nor on the number of threads.
"""

from __future__ import annotations

import os
from functools import lru_cache, partial

import mujoco
import numpy as np
from mujoco import batch

from robotasks.physics.engine import LOOKS, POSES, Fields, field_index

_VEL = int(mujoco.mjtStage.mjSTAGE_VEL)
# The kinds of divergence: positions, velocities and accelerations are neighbours.
_BAD = slice(int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1)


class CpuEngine:
    """Worlds on `mujoco.batch.Batch`; see `robotasks.physics.engine.Engine`."""

    host = True

    def __init__(self, model: mujoco.MjModel, worlds: int, threads: int) -> None:
        self.model = model
        self._index = lru_cache(partial(field_index, model))
        self.worlds = worlds
        # A thread that has no world to step would still be woken at every step.
        used = min(threads or os.cpu_count() or 1, worlds)
        self.batch = batch.Batch(model, worlds, nthread=used)
        log = mujoco.MjLogConfig.get()
        log.logto_file = False  # `diverged` tells; the user's folder is no place for a log
        mujoco.MjLogConfig.set(log)
        self.ctrl: np.ndarray = self.batch.bind("ctrl")
        self.sensors: np.ndarray = self.batch.bind("sensordata")
        self.diverged = np.zeros(worlds, dtype=bool)
        self._warnings = self.batch.warning[:, _BAD, 1]  # live counts, (worlds, kinds)
        self._known = self._warnings.copy()
        self._poses: dict[str, np.ndarray] = {}

    def asarray(self, values: np.ndarray) -> np.ndarray:
        """Return the values themselves."""
        return values

    def step(self, ticks: int) -> None:
        """Advance every world by `ticks` physics steps; sensors then show the new state."""
        lost: np.ndarray | None = None
        try:
            self.batch.step(nstep=ticks, stage=_VEL)
        except batch.SimulationError as error:
            lost = error.ids  # the other worlds ran to completion
        self.diverged = np.zeros(self.worlds, dtype=bool)
        new = self._warnings != self._known
        if np.count_nonzero(new):
            self.diverged[:] = new.any(axis=1)
            self._known[:] = self._warnings
        if lost is not None:
            self.diverged[lost] = True

    def reset(self, mask: np.ndarray, states: np.ndarray, fields: Fields) -> None:
        """Put the worlds of `mask` into `states` and give them their own model `fields`."""
        ids = np.flatnonzero(mask)
        if not len(ids):
            return
        self.batch.state[ids] = states
        for (name, owner), values in fields.items():
            self.batch.expand(name)[ids, self._index(name, owner)] = values
        if any(name in mujoco.MjModel._setconst_inputs for name, _ in fields):
            self.batch.set_const(ids)
        self.batch.forward(ids, stage=_VEL)

    def state(self) -> np.ndarray:
        """Return a copy of the state rows, (worlds, nstate)."""
        return self.batch.state.copy()

    def look(self) -> dict[str, np.ndarray]:
        """Return what pictures follow from, live: poses and the model fields that differ."""
        if not self._poses:  # from now on every call to physics keeps them fresh
            self._poses = {name: self.batch.bind(name) for name in POSES}
            self.batch.forward(stage=_VEL)
        fields = {name: self.batch.expanded(name) for name in LOOKS}
        return self._poses | {name: each for name, each in fields.items() if each is not None}

    def world(self, index: int) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """Return one world as a model and data of its own, for pictures and planners."""
        model, data = self.batch.get_model(index), self.batch.get_data(index)
        mujoco.mj_forward(model, data)
        return model, data

    def close(self) -> None:
        """Release the worlds; the engine must not be used afterwards."""
        del self.batch, self.ctrl, self.sensors, self._warnings, self._poses
