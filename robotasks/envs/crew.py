"""A crew: the worlds of one task, from the draw of a row to the reward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from robotasks.arrays import namespace, on_host, zeros_like
from robotasks.envs.record import Record
from robotasks.layout import Array, Layout, View
from robotasks.physics.engine import StateRows, make_engine, sensor_layout
from robotasks.physics.robots.panda import command, tool_pose
from robotasks.tasks.distribution import split_row
from robotasks.tasks.looks import LOOKS, varied
from robotasks.tasks.span import Span
from robotasks.tasks.task import CONTROL_PERIOD, Task, staged_reward

SETPOINT, TOOL = Layout({"setpoint": 7}), Layout({"tool": 4})
_ROW, _START = 0, 1  # the two random streams of an episode
_REDRAWS = 1000


class Crew:
    """Worlds of one task: engine, rows, memories. `now`, `goal` and `dynamics` are live views."""

    def __init__(
        self,
        task: Task,
        table: np.ndarray | None,
        start: str,
        worlds: int,
        jitter: bool = False,
        **engine: Any,
    ) -> None:
        """table: the rows to draw from, or None for the task's whole range.

        jitter: whether looks vary, which are then dynamics of `task` that no table knows of.
        """
        if start not in task.starts:
            known = ", ".join(task.starts)
            raise ValueError(f"{task.name} has no start {start!r}; there are: {known}")
        self._told = task.dynamics.layout.size  # columns of the dynamics without looks
        task = varied(task) if jitter else task
        self.task, self.table, self.starts = task, table, task.starts[start]
        self._looks = LOOKS if jitter else Span()
        fields = {name for name, _ in task.fields(task.dynamics.view(task.dynamics.low[None]))}
        self.engine = make_engine(task.scene(), worlds, fields=fields, **engine)
        model = self.engine.model
        self.ticks = round(CONTROL_PERIOD / model.opt.timestep)
        self._states = StateRows(model)
        goals, dynamics = task.goals.layout, task.dynamics.layout
        self.rows = np.zeros((worlds, goals.size + dynamics.size))
        self.begun = np.zeros((worlds, self.starts.layout.size))
        sensors = self.engine.sensors
        self.memory = zeros_like(sensors, worlds, task.memory.size)
        self.expert_memory = zeros_like(sensors, worlds, task.expert_memory.size)
        self._tool = zeros_like(sensors, worlds, TOOL.size)
        self._live = self.engine.asarray(self.rows)  # the rows where the engine has its arrays
        goal, dynamic = split_row(task, self._live)
        self.goal, self.dynamics = goals.view(goal), dynamics.view(dynamic)
        self.now = View(
            (sensor_layout(model), self.engine.sensors),
            (TOOL, self._tool),
            (SETPOINT, self.engine.ctrl[:, :7]),
            (task.memory, self.memory),
        )

    def draw(
        self,
        chosen: np.ndarray,
        worlds: np.ndarray,
        anew: np.ndarray,
        record: Record,
        options: Mapping[str, Any],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw the rows and starts, (k, ...) each, of the next episodes of k worlds.

        chosen: which of this crew's worlds; worlds: their numbers in the environment; anew:
        which of them begin a trial, so that they get a new row. options: see `reset`.
        """
        streams = list(zip(record.seed[worlds], record.episode[worlds], strict=True))
        rows = self.rows[chosen]
        for k in np.flatnonzero(anew):
            rows[k] = self._draw_row(*streams[k])
        if options.get("rows") is not None:
            picked = self._picked(options["rows"], record.worlds)[worlds]
            rows[:, : picked.shape[1]] = picked
        starts = np.zeros((len(worlds), self.starts.layout.size))
        goals, dynamics = split_row(self.task, rows)
        for span, values, kind in (
            (self.task.goals, goals, "goal"),
            (self.task.dynamics, dynamics, "dynamics"),
            (self.starts, starts, "start"),
        ):
            for name, value in options.get(kind, {}).items():
                checked = span.check(name, value)
                if checked.shape[:-1] not in ((), (1,), (record.worlds,)):
                    raise ValueError(
                        f"{name} needs one value, or one for each of the {record.worlds} worlds; "
                        f"got shape {np.shape(value)}"
                    )
                every = np.broadcast_to(checked, (record.worlds, checked.shape[-1]))
                values[:, span.layout.columns(name)] = every[worlds]
        columns = [self.starts.layout.columns(name) for name in options.get("start", {})]
        for stream, row, start in zip(streams, rows, starts, strict=True):
            self._draw_start(*stream, row, start, columns)
        return rows, starts

    def _draw_row(self, seed: int, episode: int) -> np.ndarray:
        """Draw the row of the trial that begins at this episode of a world's stream."""
        rng = np.random.default_rng([seed, episode, _ROW])
        if self.table is not None:
            row = self.table[rng.integers(len(self.table))]
            return np.concatenate([row, self._looks.draw(rng)])
        return np.concatenate([self.task.goals.draw(rng), self.task.dynamics.draw(rng)])

    def _draw_start(
        self, seed: int, episode: int, row: np.ndarray, start: np.ndarray, given: list[slice]
    ) -> None:
        """Draw a start that the task admits for this row into `start`, but for `given` columns."""
        rng = np.random.default_rng([seed, episode, _START])
        goals, dynamics = split_row(self.task, row)
        goal, dynamic = self.task.goals.view(goals), self.task.dynamics.view(dynamics)
        for _ in range(_REDRAWS):
            drawn = self.starts.draw(rng)
            for columns in given:
                drawn[columns] = start[columns]
            if self.task.admits(self.starts.view(drawn), goal, dynamic):
                start[:] = drawn
                return
        raise ValueError(
            f"{self.task.name} admits no start like {self.starts.view(start)} "
            f"for the goal {goal}; choose other values"
        )

    def _picked(self, numbers: Any, worlds: int) -> np.ndarray:
        """Return the rows of the table with these numbers, one per world of the environment."""
        if self.table is None:
            raise ValueError("rows picks from a distribution; this env draws from the whole range")
        last, picked = len(self.table) - 1, np.asarray(numbers)
        if picked.shape not in ((), (1,), (worlds,)):
            raise ValueError(f"rows needs one number, or one for each of the {worlds} worlds")
        picked = np.broadcast_to(picked, (worlds,))
        if picked.dtype.kind not in "iu" or picked.min() < 0 or picked.max() > last:
            raise ValueError(f"rows must be whole numbers from 0 to {last}: {numbers}")
        return self.table[picked]

    def begin(self, mask: np.ndarray, rows: np.ndarray, starts: np.ndarray) -> None:
        """Begin an episode in the worlds of `mask`, each with its row and start."""
        task = self.task
        self.rows[mask], self.begun[mask] = rows, starts
        self.rows_changed()
        begun = self.engine.asarray(mask)
        self.memory[begun], self.expert_memory[begun] = 0, 0
        goals, dynamics = split_row(task, rows)
        dynamic = task.dynamics.view(dynamics)
        placement = task.place(self.starts.view(starts), task.goals.view(goals), dynamic)
        states = self._states.rows(placement, len(rows))
        self.engine.reset(mask, states, task.fields(dynamic))
        self._read_tool()

    def rows_changed(self) -> None:
        """Let `goal` and `dynamics` show the present rows."""
        if not self.engine.host:
            self._live[...] = self.engine.asarray(self.rows)

    def advance(self, actions: Array) -> None:
        """Take one control step, actions (n, 5)."""
        task, now = self.task, self.now
        self.engine.ctrl[:, :7] = command(now.setpoint, actions, now.tool, task.control)
        for name, value in task.drive(now, self.goal, self.dynamics).items():
            self.engine.ctrl[:, self.engine.model.actuator(name).id] = value
        self.engine.step(self.ticks)
        self._read_tool()
        if task.memory.size:
            memory = task.memory.view(self.memory)
            self.memory[...] = task.memory.pack(task.remember(memory, now, self.goal))

    def _read_tool(self) -> None:
        """Keep what control and observation both need of the tool's pose."""
        self._tool[...] = tool_pose(self.now.servo_pos)

    def judge(self, dense: bool) -> tuple[Array, Array, Array]:
        """Return rewards, whether the goal is met at this instant, and divergence, (n,) each."""
        diverged = self.engine.diverged
        if not dense:
            success = self.task.success(self.now, self.goal)
            return namespace(success).astype(success, self.memory.dtype), success, diverged
        stages = self.task.stages(self.now, self.goal)
        return staged_reward(stages), stages[-1].done, diverged

    def expert(self) -> Array:
        """Return the scripted expert's actions, (n, 5); its memory moves on."""
        layout = self.task.expert_memory
        memory = layout.view(self.expert_memory)
        actions, after = self.task.expert(self.now, self.goal, memory)
        if layout.size:
            self.expert_memory[...] = layout.pack(after)
        return actions

    def get_state(self) -> dict[str, np.ndarray]:
        """Return everything the worlds' future depends on, as copies."""
        return {
            "physics": on_host(self.engine.state()),
            "rows": self.rows.copy(),
            "starts": self.begun.copy(),
            "memory": on_host(self.memory).copy(),
            "expert_memory": on_host(self.expert_memory).copy(),
        }

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Restore what `get_state` returned; model fields follow from the rows."""
        self.rows[...], self.begun[...] = state["rows"], state["starts"]
        self.rows_changed()
        for name, target in (("memory", self.memory), ("expert_memory", self.expert_memory)):
            target[...] = self.engine.asarray(np.asarray(state[name]))
        everywhere = np.ones(self.engine.worlds, dtype=bool)
        dynamics = self.task.dynamics.view(split_row(self.task, self.rows)[1])
        self.engine.reset(everywhere, state["physics"], self.task.fields(dynamics))
        self._read_tool()

    def scaled_dynamics(self) -> Array:
        """Return the dynamics, without looks, scaled to [-1, 1], (n, d)."""
        return self.engine.asarray(split_row(self.task, self.scaled_rows())[1])

    def scaled_rows(self) -> np.ndarray:
        """Return goals and dynamics, without looks, scaled to [-1, 1], (n, columns)."""
        goals, dynamics = split_row(self.task, self.rows)
        dynamics = self.task.dynamics.scaled(dynamics)[:, : self._told]
        return np.concatenate([self.task.goals.scaled(goals), dynamics], axis=1)
