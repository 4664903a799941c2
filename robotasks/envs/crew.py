"""A crew: the worlds of one task, from the draw of a row to the reward."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from robotasks.layout import Layout, View
from robotasks.physics.engine import StateRows, make_engine, sensor_layout
from robotasks.physics.robots.panda import command, tool_yaw
from robotasks.tasks.distribution import split_row
from robotasks.tasks.task import CONTROL_PERIOD, Task, staged_reward

SETPOINT = Layout({"setpoint": 7})
_ROW, _START = 0, 1  # the two random streams of an episode
_REDRAWS = 1000


class Crew:
    """Worlds of one task: engine, rows, memories. `now`, `goal` and `dynamics` are live views."""

    def __init__(
        self, task: Task, table: np.ndarray | None, worlds: int, start: str, **engine: Any
    ) -> None:
        """table: the rows to draw from, or None for the task's whole range."""
        if start not in task.starts:
            known = ", ".join(task.starts)
            raise ValueError(f"{task.name} has no start {start!r}; there are: {known}")
        self.task, self.table, self.starts = task, table, task.starts[start]
        self.engine = make_engine(task.scene(), worlds, **engine)
        model = self.engine.model
        self.ticks = round(CONTROL_PERIOD / model.opt.timestep)
        self._states = StateRows(model)
        goals, dynamics = task.goals.layout, task.dynamics.layout
        self.rows = np.zeros((worlds, goals.size + dynamics.size))
        self.begun = np.zeros((worlds, self.starts.layout.size))
        self.memory = np.zeros((worlds, task.memory.size))
        self.expert_memory = np.zeros((worlds, task.expert_memory.size))
        goal, dynamic = split_row(task, self.rows)
        self.goal, self.dynamics = goals.view(goal), dynamics.view(dynamic)
        self.now = View(
            (sensor_layout(model), self.engine.sensors),
            (SETPOINT, self.engine.ctrl[:, :7]),
            (task.memory, self.memory),
        )

    def draw_row(self, seed: int, episode: int) -> np.ndarray:
        """Draw the row of the trial that begins at this episode of a world's stream."""
        rng = np.random.default_rng([seed, episode, _ROW])
        if self.table is not None:
            return self.table[rng.integers(len(self.table))]
        return np.concatenate([self.task.goals.draw(rng), self.task.dynamics.draw(rng)])

    def draw_start(
        self, seed: int, episode: int, row: np.ndarray, given: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """Draw a start that the task admits for this row; `given` fields are as they are."""
        rng = np.random.default_rng([seed, episode, _START])
        goals, dynamics = split_row(self.task, row)
        goal, dynamic = self.task.goals.view(goals), self.task.dynamics.view(dynamics)
        for _ in range(_REDRAWS):
            start = self.starts.draw(rng)
            for name, value in given.items():
                start[self.starts.layout.columns(name)] = value
            if self.task.admits(self.starts.view(start), goal, dynamic):
                return start
        raise ValueError(
            f"{self.task.name} admits no start for the goal {goal} with the given start fields "
            f"{dict(given) or 'none'}; choose other values"
        )

    def begin(self, mask: np.ndarray, rows: np.ndarray, starts: np.ndarray) -> None:
        """Begin an episode in the worlds of `mask`, each with its row and start."""
        task = self.task
        self.rows[mask], self.begun[mask] = rows, starts
        self.memory[mask], self.expert_memory[mask] = 0, 0
        goals, dynamics = split_row(task, rows)
        dynamic = task.dynamics.view(dynamics)
        placement = task.place(self.starts.view(starts), task.goals.view(goals), dynamic)
        states = self._states.rows(placement, len(rows))
        self.engine.reset(mask, states, task.fields(dynamic))

    def advance(self, actions: np.ndarray) -> None:
        """Take one control step, actions (n, 5)."""
        now, control = self.now, self.task.control
        yaw = tool_yaw(now.tcp_xaxis)
        self.engine.ctrl[:, :7] = command(now.setpoint, actions, now.tcp_pos, yaw, control)
        self.engine.step(self.ticks)
        if self.task.memory.size:
            memory = self.task.memory.view(self.memory)
            self.memory[...] = self.task.memory.pack(
                self.task.remember(memory, self.now, self.goal)
            )

    def judge(self, dense: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the rewards (n,) and whether the goal is met at this instant (n,)."""
        if not dense:
            success = self.task.success(self.now, self.goal)
            return success.astype(np.float64), success
        stages = self.task.stages(self.now, self.goal)
        return staged_reward(stages), stages[-1].done

    def expert(self) -> np.ndarray:
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
            "physics": self.engine.state(),
            "rows": self.rows.copy(),
            "starts": self.begun.copy(),
            "memory": self.memory.copy(),
            "expert_memory": self.expert_memory.copy(),
        }

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Restore what `get_state` returned; model fields follow from the rows."""
        for name, target in (
            ("rows", self.rows),
            ("starts", self.begun),
            ("memory", self.memory),
            ("expert_memory", self.expert_memory),
        ):
            target[...] = state[name]
        everywhere = np.ones(self.engine.worlds, dtype=bool)
        self.engine.reset(everywhere, state["physics"], self.task.fields(self.dynamics))

    def scaled_dynamics(self) -> np.ndarray:
        """Return the dynamics scaled to [-1, 1], (n, d)."""
        return self.task.dynamics.scaled(split_row(self.task, self.rows)[1])


def override(
    span: Any, values: np.ndarray, given: Mapping[str, Any], worlds: Iterable[int], total: int
) -> None:
    """Write the given fields into the rows of `worlds`; values are per world or one for all."""
    for name, value in given.items():
        checked = span.check(name, value)
        per_world = np.broadcast_to(checked, (total, checked.shape[-1]))
        values[:, span.layout.columns(name)] = per_world[list(worlds)]
