"""Resets worked out on the host, for engines that live elsewhere.

MuJoCo itself computes what follows from a world's state and model fields: its sensors, bounding
volumes, inverse weights. A reset of a device is then a copy of rows, without a forward pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial

import mujoco
import numpy as np
from mujoco import batch

from robotasks.physics.engine import STATE, Fields, field_index

_VEL = int(mujoco.mjtStage.mjSTAGE_VEL)
_AT_ONCE = 256
"""Worlds drafted together."""


class Drafts:
    """Rows that a reset writes: state, sensors, and every model field that differs.

    columns: where each part is in a row; parts are "state", "sensors" and names of fields.
    """

    def __init__(self, model: mujoco.MjModel, fields: Iterable[str], worlds: int) -> None:
        """fields: names of the model fields that resets set; what follows from them is found."""
        given = tuple(dict.fromkeys(fields))
        self._index = lru_cache(None)(partial(field_index, model))
        self._batch = batch.Batch(model, min(worlds, _AT_ONCE))
        self._sensors = self._batch.bind("sensordata")
        self._constants = bool(set(given) & set(mujoco.MjModel._setconst_inputs))
        self.fields = given + _derived(model, given) if self._constants else given
        self._values = {name: self._batch.expand(name) for name in self.fields}
        widths = {"state": mujoco.mj_stateSize(model, STATE), "sensors": model.nsensordata}
        widths |= {name: array[0].size for name, array in self._values.items()}
        ends = np.cumsum(list(widths.values())).tolist()
        self.columns = {
            name: slice(end - width, end)
            for (name, width), end in zip(widths.items(), ends, strict=True)
        }
        self.width = ends[-1]

    def rows(self, states: np.ndarray, fields: Fields) -> np.ndarray:
        """Return the rows, (count, width) float32, of worlds with these states and fields."""
        rows = np.empty((len(states), self.width), dtype=np.float32)
        size = self._batch.nsim
        for start in range(0, len(states), size):
            part = slice(start, min(start + size, len(states)))
            self._draft(rows[part], states[part], {k: v[part] for k, v in fields.items()})
        return rows

    def _draft(self, rows: np.ndarray, states: np.ndarray, fields: Fields) -> None:
        """Fill `rows`, at most as many as the batch has worlds."""
        ids = np.arange(len(states))
        self._batch.state[ids] = states
        for (name, owner), values in fields.items():
            if name not in self._values:
                raise ValueError(f"the engine was not told that {name} will differ between worlds")
            self._values[name][ids, self._index(name, owner)] = values
        if self._constants:
            self._batch.set_const(ids)
        self._batch.forward(ids, stage=_VEL)
        rows[:, self.columns["state"]] = states
        rows[:, self.columns["sensors"]] = self._sensors[ids]
        for name, values in self._values.items():
            rows[:, self.columns[name]] = values[ids].reshape(len(ids), -1)


def _derived(model: mujoco.MjModel, given: Iterable[str]) -> tuple[str, ...]:
    """Return the names of real-valued fields that change with the given ones: MuJoCo is asked."""
    probe = batch.Batch(model, 2)
    for name in given:
        values = probe.expand(name)
        values[1] = 1.1 * values[0] + 0.01
    probe.set_const()
    changed = (name for name in batch.MODEL_FIELDS if probe.expanded(name) is not None)
    return tuple(
        name for name in changed if name not in given and getattr(model, name).dtype.kind == "f"
    )
