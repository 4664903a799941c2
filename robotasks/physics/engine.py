"""What a task may ask of physics, whichever engine runs it.

An engine holds *worlds*: copies of one compiled model that advance together. The
contract between physics and tasks is the model's named sensors: `sensors` has one row
of readings a world, fresh (describing the state after the last tick) after every `step`
and `reset`. A world's whole physical state is one row, MuJoCo's
`mjSTATE_INTEGRATION`: time, positions, velocities, warm start, controls, mocap poses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import mujoco
import numpy as np

from robotasks.layout import Array, Layout, unknown

STATE = mujoco.mjtState.mjSTATE_INTEGRATION
Fields = Mapping[tuple[str, str], Array]
"""(model field, object name) -> values, one row per world: what differs between worlds."""
EVERY = "*"
"""Stands for all objects of a model field; its values are (worlds, objects, ...)."""

POSES = ("geom_xpos", "geom_xmat", "cam_xpos", "cam_xmat", "light_xpos", "light_xdir")
LOOKS = ("geom_size", "geom_rgba", "mat_rgba", "light_diffuse", "cam_fovy")
"""What pictures follow from: poses of the data, and model fields that worlds may differ in."""


class Engine(Protocol):
    """Worlds: copies of one compiled model, advanced together."""

    model: mujoco.MjModel
    worlds: int
    host: bool
    """Whether the arrays are the host's, so that looking into them costs no wait."""
    ctrl: Array
    """Live actuator inputs, (worlds, nu)."""
    sensors: Array
    """Live sensor readings, (worlds, nsensordata), read-only."""

    @property
    def diverged(self) -> Array:
        """Which worlds could not be simulated, (worlds,) bool, a new array each time.

        Of the last `step` on the host; elsewhere of any since a world's last reset.
        """
        ...

    def asarray(self, values: np.ndarray) -> Array:
        """Return host values as an array like the engine's own; on the host the very same."""
        ...

    def step(self, ticks: int) -> None:
        """Advance every world by `ticks` physics steps; sensors then show the new state."""
        ...

    def reset(self, mask: np.ndarray, states: np.ndarray, fields: Fields) -> None:
        """Put the worlds of `mask` into `states` and give them their own model `fields`.

        mask: (worlds,) bool; states: (count, nstate); fields: rows of (count, ...). All of them
        are the host's.
        """
        ...

    def state(self) -> Array:
        """Return a copy of the state rows, (worlds, nstate)."""
        ...

    def look(self) -> Mapping[str, Array]:
        """Return what pictures follow from, live: `POSES` and those of `LOOKS` that differ."""
        ...

    def world(self, index: int) -> tuple[mujoco.MjModel, mujoco.MjData]:
        """Return one world as a model and data of its own, for pictures and planners."""
        ...

    def close(self) -> None:
        """Release the worlds; the engine must not be used afterwards."""
        ...


@dataclass(frozen=True)
class Room:
    """How much of what varies a world of the GPU engine has room for."""

    contacts: int
    """Contacts, or pairs of geoms that are near; worlds share what they do not need."""
    rows: int
    """Rows of constraints; every world has its own."""


ENGINES = ("cpu", "gpu")


def make_engine(
    spec: mujoco.MjSpec,
    worlds: int,
    engine: str = "cpu",
    threads: int = 0,
    device: str | None = None,
    fields: Iterable[str] = (),
    room: Room | None = None,
) -> Engine:
    """Compile a scene and make its worlds.

    threads: native threads of the CPU engine; 0 takes every core. The other arguments are the GPU
    engine's: device, the first GPU if None, or "cpu"; fields, the names of all model fields that
    resets will set; room, which it cannot do without.
    Raises ValueError on a name that is no engine, or a sensor an engine cannot keep fresh.
    """
    if engine not in ENGINES:
        raise ValueError(unknown("engine", engine, ENGINES))
    model = spec.compile()
    # Acceleration-stage sensors (force, touch) would show another world's values after
    # a masked reset; the honest force signal is the servo's lead.
    for i in range(model.nsensor):
        if model.sensor_needstage[i] > int(mujoco.mjtStage.mjSTAGE_VEL):
            raise ValueError(
                f"sensor {model.sensor(i).name!r} needs the acceleration stage; "
                "use position- and velocity-stage sensors only"
            )
    if engine == "gpu":
        if room is None:
            raise ValueError("engine='gpu' needs to know how much room for contacts to keep")
        try:
            from robotasks.physics.gpu import GpuEngine
        except ImportError as error:
            raise ImportError(
                f"engine='gpu' needs MuJoCo Warp and torch ({error}): pip install 'robotasks[gpu]'"
            ) from error
        return GpuEngine(model, worlds, device, fields, room)
    from robotasks.physics.cpu import CpuEngine

    return CpuEngine(model, worlds, threads)


def sensor_layout(model: mujoco.MjModel) -> Layout:
    """Name the columns of `sensordata`.

    Neighbours called `joint_pos.1`, `joint_pos.2`, ... join into one field `joint_pos`.
    """
    widths: dict[str, int] = {}
    previous = ""
    for i in range(model.nsensor):
        name = model.sensor(i).name.split(".")[0]
        if name in widths and name != previous:
            raise ValueError(f"the parts of sensor {name!r} are not neighbours")
        widths[name] = widths.get(name, 0) + int(model.sensor_dim[i])
        previous = name
    return Layout(widths)


@dataclass(frozen=True)
class Placement:
    """Where a scene's moving parts are at a start; every value has one row per world.

    joints: joint name -> position (a free joint: x, y, z, w, x, y, z).
    velocities: joint name -> velocity; missing ones are at rest.
    mocap: mocap body name -> position (3) and quaternion (4), joined.
    ctrl: actuator name -> input.
    """

    joints: Mapping[str, Array] = field(default_factory=dict)
    velocities: Mapping[str, Array] = field(default_factory=dict)
    mocap: Mapping[str, Array] = field(default_factory=dict)
    ctrl: Mapping[str, Array] = field(default_factory=dict)

    def __or__(self, other: Placement) -> Placement:
        """Join two placements; the right one wins where both speak."""
        return Placement(
            {**self.joints, **other.joints},
            {**self.velocities, **other.velocities},
            {**self.mocap, **other.mocap},
            {**self.ctrl, **other.ctrl},
        )


class StateRows:
    """Turns placements into state rows of one model."""

    def __init__(self, model: mujoco.MjModel) -> None:
        data = mujoco.MjData(model)
        self.default = np.empty(mujoco.mj_stateSize(model, STATE))
        mujoco.mj_getState(model, data, self.default, STATE)
        self._columns: dict[tuple[str, str], slice] = {}
        qpos, qvel = _offset(model, "QPOS"), _offset(model, "QVEL")
        for i in range(model.njnt):
            joint = model.joint(i)
            position, velocity = joint.qposadr[0] + qpos, joint.dofadr[0] + qvel
            free = joint.type[0] == int(mujoco.mjtJoint.mjJNT_FREE)
            self._columns["joint", joint.name] = slice(position, position + (7 if free else 1))
            self._columns["velocity", joint.name] = slice(velocity, velocity + (6 if free else 1))
        for i in range(model.nu):
            start = _offset(model, "CTRL") + i
            self._columns["actuator", model.actuator(i).name] = slice(start, start + 1)
        for i in range(model.nbody):
            mocap = model.body_mocapid[i]
            if mocap >= 0:
                position = _offset(model, "MOCAP_POS") + 3 * mocap
                turn = _offset(model, "MOCAP_QUAT") + 4 * mocap
                self._columns["mocap", model.body(i).name] = slice(position, position + 3)
                self._columns["mocap turn", model.body(i).name] = slice(turn, turn + 4)

    def rows(self, placement: Placement, count: int) -> np.ndarray:
        """Return `count` state rows with everything the placement names in place."""
        states = np.tile(self.default, (count, 1))
        for kind, values in (
            ("joint", placement.joints),
            ("velocity", placement.velocities),
            ("actuator", placement.ctrl),
        ):
            for name, value in values.items():
                self._write(states, kind, name, value)
        for name, pose in placement.mocap.items():
            self._write(states, "mocap", name, pose[..., :3])
            self._write(states, "mocap turn", name, pose[..., 3:])
        return states

    def _write(self, states: np.ndarray, kind: str, name: str, value: Array) -> None:
        where = self._columns.get((kind, name))
        if where is None:
            raise ValueError(unknown(kind, name, [n for k, n in self._columns if k == kind]))
        target = states[:, where]
        target[...] = value[..., None] if value.ndim < 2 and target.shape[1] == 1 else value


def _offset(model: mujoco.MjModel, component: str) -> int:
    """Column at which a component starts within a state row."""
    bit = int(getattr(mujoco.mjtState, f"mjSTATE_{component}"))
    return mujoco.mj_stateSize(model, int(STATE) & (bit - 1))


def field_index(model: mujoco.MjModel, name: str, owner: str) -> int | slice:
    """Row of a model field (`geom_size`, `pair_friction`, ...) that belongs to a named object."""
    if owner == EVERY:
        return slice(None)
    kind = name.split("_")[0]
    access = {
        "body": model.body,
        "geom": model.geom,
        "pair": model.pair,
        "site": model.site,
        "actuator": model.actuator,
        "jnt": model.joint,
        "dof": model.joint,
        "eq": model.equality,
        "light": model.light,
    }
    if kind not in access:
        raise ValueError(unknown("kind of model field", name, access))
    try:
        found = access[kind](owner)
    except KeyError as error:
        raise ValueError(f"model field {name!r}: {error.args[0]}") from None
    return int(found.dofadr[0]) if kind == "dof" else int(found.id)
