"""The GPU engine: MuJoCo Warp, torch tensors, float32, thousands of worlds.

Tensors share the memory of Warp's arrays, and a tick is one captured graph, so stepping touches
the host only to launch. Nothing here waits for the device: resets are copies of rows drafted on
the host (`drafts.py`), and what went wrong is told when the news arrives.

`device="cpu"` runs the same code, graphs included, without a GPU: for tests, since it is slow.
"""

from __future__ import annotations

import copy
import dataclasses
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import mujoco
import mujoco_warp as mjw
import numpy as np
import torch
import warp as wp
from torch import Tensor

from robotasks.physics.drafts import Drafts
from robotasks.physics.engine import LOOKS, POSES, STATE, Fields, Room

_LIMIT = mujoco.mjMAXVAL
"""What MuJoCo calls bad: larger numbers than this, and none."""
_NO_ROOM = int(
    mjw.OverflowType.NEFC
    | mjw.OverflowType.BROADPHASE
    | mjw.OverflowType.NARROWPHASE
    | mjw.OverflowType.CCD
)
_WIDTHS = {"geom_size": 3, "geom_rgba": 4, "mat_rgba": 4, "light_diffuse": 3, "cam_fovy": 1}
_PARTS = (
    ("TIME", "time"),
    ("QPOS", "qpos"),
    ("QVEL", "qvel"),
    ("ACT", "act"),
    ("WARMSTART", "qacc_warmstart"),
    ("CTRL", "ctrl"),
    ("QFRC_APPLIED", "qfrc_applied"),
    ("XFRC_APPLIED", "xfrc_applied"),
    ("EQ_ACTIVE", "eq_active"),
    ("MOCAP_POS", "mocap_pos"),
    ("MOCAP_QUAT", "mocap_quat"),
    ("USERDATA", "userdata"),
)
"""A state row's parts, in its order, and the names of their arrays."""


class GpuEngine:
    """Worlds on MuJoCo Warp; see `robotasks.physics.engine.Engine`.

    A world that cannot be simulated, by bad numbers or for want of room, is put back to where its
    episode began and counts as `diverged` until it is reset.
    """

    host = False

    def __init__(
        self,
        model: mujoco.MjModel,
        worlds: int,
        device: str | None,
        fields: Iterable[str],
        room: Room,
    ) -> None:
        """fields: names of the model fields that resets set. room: of the buffers for contacts.

        Raises RuntimeError where the device is missing or its memory too small,
        NotImplementedError if the scene has a feature that MuJoCo Warp lacks.
        """
        self.model, self.worlds = model, worlds
        self._room = room
        self.device = _torch_device(device)
        self._home = wp.device_from_torch(self.device)
        self._drafts = Drafts(model, fields, worlds)
        with _explained(worlds, room, self.device), wp.ScopedDevice(self._home):
            self._model, self._data = self._put(tuple(fields))
        self._state = self._parts()
        self._fields = {
            name: _flat(getattr(self._model, name))
            for name in self._drafts.fields
            if name in _batchable()
        }
        data = self._data
        self.ctrl = wp.to_torch(data.ctrl)
        self.sensors = wp.to_torch(data.sensordata)
        # Bad inputs, too: Warp would take them for the largest forces.
        checked = (data.qpos, data.qvel, data.qacc, data.ctrl)
        self._checked = [wp.to_torch(each) for each in checked]
        self._overflow = wp.to_torch(data.overflow)
        self._lost = torch.zeros(worlds, dtype=torch.bool, device=self.device)
        self._starts = torch.zeros((worlds, self._drafts.columns["state"].stop), device=self.device)
        self._starts[:] = self.state()
        with _explained(worlds, room, self.device), wp.ScopedDevice(self._home):
            self._tick = self._captured(self._advance)
            self._fresh = self._captured(self._sense)
        # Where all parts lie in one place, as in the model's own pose, anything may have happened.
        self._restore(torch.ones_like(self._lost))
        self.sensors.zero_()
        self._overflow.zero_()
        self._told = False
        self._stale = False  # poses lag behind a reset, unlike sensors
        self._news = torch.zeros((), dtype=torch.int64, pin_memory=self._home.is_cuda)
        self._sent = torch.cuda.Event() if self._home.is_cuda else None

    @property
    def diverged(self) -> Tensor:
        """Which worlds are lost since their last reset, (worlds,) bool, a new tensor each time."""
        return self._lost.clone()

    @property
    def name(self) -> str:
        """Name of the device, as its maker calls it."""
        return self._home.name

    def asarray(self, values: np.ndarray) -> Tensor:
        """Copy host values to the device, floats as float32, without waiting for it."""
        tensor = torch.from_numpy(np.array(values))
        tensor = tensor.float() if tensor.is_floating_point() else tensor
        if not self._home.is_cuda:
            return tensor
        return tensor.pin_memory().to(self.device, non_blocking=True)

    def step(self, ticks: int) -> None:
        """Advance every world by `ticks` physics steps; sensors then show the new state."""
        self.tick(ticks)
        bad = (self._overflow & _NO_ROOM) != 0
        for values in self._checked:
            bad = bad | ~(values.abs() <= _LIMIT).all(dim=1)
        self._lost |= bad
        self._restore(bad)
        self._launch(self._fresh)
        self._stale = False
        self._report()
        self._overflow.zero_()

    def tick(self, ticks: int) -> None:
        """Run the bare physics, sensors left out: what measurements compare with."""
        for _ in range(ticks):
            self._launch(self._tick)

    def wait(self) -> None:
        """Wait until the device has done all it was told."""
        wp.synchronize_device(self._home)

    def reset(self, mask: np.ndarray, states: np.ndarray, fields: Fields) -> None:
        """Put the worlds of `mask`, on the host, into `states`; `fields` are all that differ."""
        ids = np.flatnonzero(mask)
        if not len(ids):
            return
        self._check_owners(fields)
        where, rows = self.asarray(ids), self.asarray(self._drafts.rows(states, fields))
        columns = self._drafts.columns
        self._starts.index_copy_(0, where, rows[:, columns["state"]])
        for name, values in self._fields.items():
            values.index_copy_(0, where, rows[:, columns[name]])
        self._lost.index_fill_(0, where, False)
        self._restore(self.asarray(mask))
        self._stale = True
        self.sensors.index_copy_(0, where, rows[:, columns["sensors"]])

    def state(self) -> Tensor:
        """Return a copy of the state rows, (worlds, nstate)."""
        return torch.cat([part.to(torch.float32) for part, _ in self._state], dim=1)

    def look(self) -> dict[str, Tensor]:
        """Return what pictures follow from, live: poses and the model fields that differ."""
        if self._stale:
            self._launch(self._fresh)
            self._stale = False
        fields = {name: self._fields[name] for name in LOOKS if name in self._fields}
        sizes = {
            name: each.reshape(self.worlds, -1, _WIDTHS[name]) for name, each in fields.items()
        }
        return {name: wp.to_torch(getattr(self._data, name)) for name in POSES} | sizes

    def world(self, index: int) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """Return one world as a model and data of its own, for pictures and planners."""
        model = copy.copy(self.model)
        for name, values in self._fields.items():
            getattr(model, name).reshape(-1)[:] = values[index].cpu().numpy()
        data = mujoco.MjData(model)
        row = self.state()[index].cpu().numpy().astype(np.float64)
        mujoco.mj_setState(model, data, row, STATE)
        mujoco.mj_forward(model, data)
        return model, data

    def close(self) -> None:
        """Release the worlds; the engine must not be used afterwards."""
        del self._tick, self._fresh, self._state, self._fields, self.ctrl, self.sensors
        del self._checked, self._overflow, self._starts, self._model, self._data, self._drafts

    def _put(self, fields: Iterable[str]) -> tuple[Any, Any]:
        """Build Warp's model, with arrays per world where worlds differ, and its data."""
        shared = [name for name in fields if name not in _batchable()]
        if shared:
            raise NotImplementedError(f"{', '.join(shared)} cannot differ between worlds")
        sizes = {name: self.worlds for name in self._drafts.fields if name in _batchable()}
        # Warp finds four contacts of two boxes by default; without this flag it finds those that
        # MuJoCo does. Of other pairs of shapes it ignores the flag.
        scene = copy.copy(self.model)
        scene.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_NATIVECCD)
        model = mjw.put_model(scene, batch_sizes=sizes)
        model.opt.warn_overflow = 0  # `_report` does
        data = mjw.make_data(
            self.model, nworld=self.worlds, nconmax=self._room.contacts, njmax=self._room.rows
        )
        return model, data

    def _parts(self) -> list[tuple[Tensor, slice]]:
        """Return the arrays that make up a state, (worlds, width) each, and their columns."""
        parts, start = [], 0
        for bit, name in _PARTS:
            width = mujoco.mj_stateSize(self.model, getattr(mujoco.mjtState, f"mjSTATE_{bit}"))
            if width:
                flat = wp.to_torch(getattr(self._data, name)).reshape(self.worlds, width)
                parts.append((flat, slice(start, start + width)))
            start += width
        if start != mujoco.mj_stateSize(self.model, STATE):
            raise NotImplementedError("engine='gpu' keeps no history and no plastic state")
        return parts

    def _advance(self) -> None:
        """One tick; sensors are left for its end."""
        options = self._model.opt
        before = options.disableflags
        options.disableflags = before | int(mjw.DisableBit.SENSOR)
        mjw.step(self._model, self._data)
        options.disableflags = before

    def _sense(self) -> None:
        """The position and velocity stages at the present state."""
        model, data = self._model, self._data
        mjw.fwd_position(model, data)
        mjw.sensor_pos(model, data)
        mjw.fwd_velocity(model, data)
        mjw.sensor_vel(model, data)

    def _captured(self, launches: Callable[[], None]) -> Any:
        """Record what `launches` launches; it runs once before, since that loads the kernels."""
        launches()
        wp.synchronize_device(self._home)
        with wp.ScopedCapture() as capture:
            launches()
        return capture.graph

    def _launch(self, graph: Any) -> None:
        """Run a graph after what torch was told before, and before what it is told next."""
        stream = wp.stream_from_torch(self.device) if self._home.is_cuda else None
        wp.capture_launch(graph, stream=stream)

    def _restore(self, mask: Tensor) -> None:
        """Put the worlds of `mask` where their episodes began."""
        for part, columns in self._state:
            begun = self._starts[:, columns].to(part.dtype)
            part.copy_(torch.where(mask[:, None], begun, part))

    def _report(self) -> None:
        """Warn, once, of worlds without room, as soon as the host may know without waiting."""
        if self._told:
            return
        without = ((self._overflow & _NO_ROOM) != 0).sum()
        if self._sent is None:
            self._news.copy_(without)
        elif self._sent.query():
            count = int(self._news)
            self._news.copy_(without, non_blocking=True)
            self._sent.record(torch.cuda.current_stream(self.device))
            self._tell(count)
            return
        self._tell(int(self._news))

    def _tell(self, count: int) -> None:
        if count:
            self._told = True
            warnings.warn(
                f"{count} of {self.worlds} worlds had more contacts than there was room for "
                f"({self._room.contacts} contacts, {self._room.rows} constraint rows a world); "
                "their episodes count as diverged. Pass a larger room.",
                RuntimeWarning,
                stacklevel=4,
            )

    def _check_owners(self, fields: Fields) -> None:
        """Refuse what Warp would ignore: it computes the poses of static geoms only once."""
        for name, owner in fields:
            if name in ("geom_pos", "geom_quat"):
                body = self.model.geom(owner).bodyid[0]
                if self.model.body_weldid[body] == 0:
                    raise NotImplementedError(
                        f"engine='gpu' cannot move {owner!r}: it belongs to the static world; "
                        "put it on a mocap body, or use engine='cpu'"
                    )


def _batchable() -> set[str]:
    """Names of the model fields that may differ between Warp's worlds."""
    return {
        each.name
        for each in dataclasses.fields(mjw.Model)
        if next(iter(getattr(each.type, "shape", ())), None) == "*"
    }


def _flat(array: Any) -> Tensor:
    """View a Warp array as (worlds, numbers)."""
    tensor = wp.to_torch(array)
    return tensor.reshape(len(tensor), -1)


def _torch_device(name: str | None) -> torch.device:
    """Return the device, the first GPU for None; RuntimeError that says what is missing."""
    wp.config.log_level = wp.LOG_WARNING  # not every kernel that it loads
    wp.init()
    device = torch.device(name or "cuda")
    if device.type not in ("cuda", "cpu"):
        raise ValueError(f"device is 'cuda', 'cuda:N' or 'cpu', not {name!r}")
    if device.type == "cpu":
        return device
    try:
        if not torch.cuda.is_available():
            raise RuntimeError(f"torch {torch.__version__} finds none")
        wp.get_device(f"cuda:{device.index or 0}")
    except (RuntimeError, ValueError) as error:
        raise RuntimeError(
            f"engine='gpu' needs an NVIDIA GPU with its driver and a CUDA build of torch "
            f"({error}); device='cpu' runs it without one, slowly"
        ) from error
    return torch.device("cuda", device.index or 0)


@contextmanager
def _explained(worlds: int, room: Room, device: torch.device) -> Iterator[None]:
    """Say what to change where Warp refuses a scene or memory runs out."""
    try:
        yield
    except NotImplementedError as error:
        raise NotImplementedError(
            f"engine='gpu' cannot simulate this scene: {error} Change the scene or use engine='cpu'"
        ) from error
    except (RuntimeError, MemoryError) as error:
        if "alloc" not in str(error).lower() and "memory" not in str(error).lower():
            raise
        raise RuntimeError(
            f"{worlds} worlds with room for {room.contacts} contacts and {room.rows} constraint "
            f"rows each do not fit the memory of {device}: make fewer worlds"
        ) from error
