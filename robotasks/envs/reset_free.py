"""Lives without resets: a goal follows a goal, and the world stays as the last one left it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from robotasks.envs.checks import checked_mask
from robotasks.envs.single import TaskEnv
from robotasks.envs.vector import TaskVectorEnv
from robotasks.tasks.reset_free import ResetFreeTask
from robotasks.tasks.task import HOLD, Task

PATIENCE = 200
"""Control steps for which a world may be stuck before a person comes."""
INTERVENTIONS = ("initial", "requested", "forced")
"""Why a person put things in place: to begin, because somebody asked, because it was stuck."""
_INITIAL, _REQUESTED, _FORCED = range(len(INTERVENTIONS))
_COUNTS = ("interventions", "periods", "achieved", "steps", "paid")
_KEPT = ("stuck_for", "failed", *_COUNTS)


class ResetFreeVectorEnv(TaskVectorEnv):
    """Worlds in each of which a robot lives: after `reset`, nothing is put back unasked.

    An episode is a *period* of one goal: at its end the row of infos and observations is that of
    any episode's end, but physics goes on and the next phase of the task has its turn. A person
    puts the world in a start, and the first phase begins, when

    - the life begins: the first reset, and every one with a seed (`initial`);
    - somebody asks: `request_intervention`, a reset within a period, or one that names a start or
      dynamics; the robot, after `asks_after` failed periods in a row; with `attended`, at every
      period's end (`requested`);
    - the world is stuck for `patience` steps, which ends its period, or is lost (`forced`).

    Infos count these per world as `interventions_initial`, `_requested` and `_forced`.
    """

    def __init__(
        self,
        tasks: str | Task = "hockey-auto",
        num_envs: int = 1,
        *,
        patience: int = PATIENCE,
        attended: bool = False,
        asks_after: int | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
        **arguments: Any,
    ) -> None:
        """Make the worlds; they begin with `reset`.

        patience: steps. attended: whether a person puts the puck back after every period, which
        is how episodic learning is done. asks_after: periods that fail in a row until the robot
        asks for a person, None for never. Other arguments are those of `TaskVectorEnv`.
        """
        if "episodes" in arguments:
            raise ValueError("a life has no trials: leave out episodes")
        if patience < 1:
            raise ValueError(f"patience must be at least 1, not {patience}")
        if arguments.get("engine", "cpu") != "cpu":
            raise ValueError("a life is watched by the host at every step: it needs engine='cpu'")
        if asks_after is not None and asks_after < 1:
            raise ValueError(f"asks_after must be at least 1 or None, not {asks_after}")
        super().__init__(tasks, num_envs, autoreset_mode=autoreset_mode, **arguments)
        if self._mode is AutoresetMode.NEXT_STEP:
            raise ValueError("a life has no step to spend on resets: pass SameStep or Disabled")
        crew, *others = self._crews
        if others or not isinstance(crew.task, ResetFreeTask) or crew.table is not None:
            name = crew.task.name
            raise ValueError(f"a life without resets has one task made for it, one start: {name}")
        self._arguments = {
            "tasks": tasks,
            "num_envs": num_envs,
            "patience": patience,
            "attended": attended,
            "asks_after": asks_after,
            "autoreset_mode": autoreset_mode,
            **arguments,
        }
        self.patience, self.attended, self.asks_after = patience, attended, asks_after
        self._task, self._crew = crew.task, crew
        self._phase = crew.task.goals.layout.columns("phase").start
        self._phases = int(crew.task.goals.high[self._phase])
        self._helped: bool | None = None  # whether a person comes now; None: as the rules say
        self._stuck_for, self._failed = np.zeros((2, num_envs), dtype=np.int64)
        by_phase = (num_envs, self._phases)
        self._interventions = np.zeros((num_envs, len(INTERVENTIONS)), dtype=np.int64)
        self._periods, self._achieved, self._steps = np.zeros((3, *by_phase), dtype=np.int64)
        self._paid = np.zeros(by_phase)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin lives with the first reset or a seed; else begin periods, see the class.

        options: as for `TaskVectorEnv`; a goal without its phase has the phase whose turn it is.
        """
        obs, infos = super().reset(seed=seed, options=options)
        return obs, infos | self._told()

    def request_intervention(self, mask: Any = None) -> tuple[Any, dict[str, Any]]:
        """Ask a person to put the worlds of `mask`, (n,) bool or None for all, in a start."""
        return self._turn(True, mask, {})

    def set_goal(self, goal: Mapping[str, Any], mask: Any = None) -> tuple[Any, dict[str, Any]]:
        """Let periods with this goal begin in the worlds of `mask`; nothing is put back.

        goal: {field: value or one value per world}. A phase that is not named is the one whose
        turn it is; other fields are drawn.
        """
        return self._turn(False, mask, {"goal": goal})

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one control step in every world, actions (n, 5) in [-1, 1]."""
        phases = self._crew.rows[:, self._phase].astype(np.int64)
        obs, rewards, never, truncated, infos = super().step(actions)
        every = np.arange(self.num_envs)
        self._steps[every, phases] += 1
        self._paid[every, phases] += rewards
        self._stuck_for += 1
        self._stuck_for *= self._task.stuck(self._crew.now)
        self._stuck_for[infos["diverged"]] = self.patience
        # Whoever waited long enough: their clock runs out with the next step.
        waited = (self._stuck_for >= self.patience) & ~self._record.over
        self._record.elapsed[waited] = self.horizon - 1
        return obs, rewards, never, truncated, infos | self._told()

    def life(self) -> dict[str, np.ndarray]:
        """Return what has happened since the lives began, summed over the worlds.

        interventions: (3,), see `INTERVENTIONS`. By phase, (phases,): periods that ended, how many
        of them achieved their goal, steps, and the sum of rewards paid.
        """
        return {name: getattr(self, f"_{name}").sum(axis=0) for name in _COUNTS}

    def get_state(self) -> dict[str, np.ndarray]:
        """Return all that the future depends on, as numeric arrays that may be saved."""
        return super().get_state() | {name: getattr(self, f"_{name}").copy() for name in _KEPT}

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on exactly where `get_state` was called, on an env made with the same arguments."""
        super().set_state(state)
        for name in _KEPT:
            getattr(self, f"_{name}")[...] = state[name]

    def _turn(self, helped: bool, mask: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        self._check_open()
        if not self._begun:
            raise ValueError("the life has not begun: call reset")
        self._helped = helped
        try:
            return self.reset(
                options=options | {"reset_mask": checked_mask(mask, self.num_envs, True)}
            )
        finally:
            self._helped = None

    def _begin(self, mask: np.ndarray, new_trial: bool, options: Mapping[str, Any]) -> None:
        """Begin the next period of each world of `mask`; only a person's help moves anything."""
        record, crew, phase = self._record, self._crew, self._phase
        born = mask & (record.episode < 0)
        lost = record.over & crew.engine.diverged
        stuck = lost | (self._stuck_for >= self.patience)
        forced = mask & ~born & stuck
        ended = mask & ~born & (record.elapsed > 0)
        achieved = record.streak >= HOLD
        failed = np.where(ended, (self._failed + 1) * ~achieved, self._failed)
        gives_up = self.asks_after is not None and failed >= self.asks_after
        by_rule = ~record.over | self.attended | gives_up
        asked = by_rule if self._helped is None else self._helped
        placed = "start" in options or "dynamics" in options
        requested = mask & ~born & ~forced & (asked | placed)
        anew = record.next_episodes(mask, new_trial)
        helped, worlds = born | forced | requested, np.flatnonzero(mask)
        before = crew.rows[worlds]
        turn = np.where(helped, 0, (crew.rows[:, phase] + 1) % self._phases)
        goal = {"phase": turn, **options.get("goal", {})}
        rows, starts = crew.draw(mask, worlds, anew[worlds], record, {**options, "goal": goal})
        if "dynamics" not in options:  # the puck of a life stays the same
            own = self._task.goals.layout.size
            rows[:, own:] = np.where(born[worlds, None], rows[:, own:], before[:, own:])
        # Until here nothing of the worlds has changed: a refused option leaves them as they are.
        phases = before[:, phase].astype(np.int64)
        self._periods[worlds, phases] += ended[worlds]
        self._achieved[worlds, phases] += (ended & achieved)[worlds]
        for name in _COUNTS:
            getattr(self, f"_{name}")[born] = 0
        for kind, who in enumerate((born, requested, forced)):
            self._interventions[who, kind] += 1
        crew.rows[worlds] = rows
        crew.memory[worlds], crew.expert_memory[worlds] = 0, 0
        self._failed = np.where(helped, 0, failed)
        if helped.any():
            self._stuck_for[helped] = 0
            crew.begin(helped, rows[helped[worlds]], starts[helped[worlds]])

    def _told(self) -> dict[str, np.ndarray]:
        """Return what infos tell of every world's life, as new arrays."""
        told: dict[str, np.ndarray] = {}
        for kind, values in zip(INTERVENTIONS, self._interventions.T, strict=True):
            told[f"interventions_{kind}"] = values.copy()
            told[f"_interventions_{kind}"] = np.ones(self.num_envs, dtype=bool)
        return told


class ResetFreeEnv(TaskEnv):
    """One life behind Gymnasium's `Env`; keyword arguments as for `ResetFreeVectorEnv`.

    Gymnasium asks for `reset` after a truncation: here that begins the next period, and moves
    nothing. A reset within a period is a request for a person.
    """

    kind = ResetFreeVectorEnv
    worlds: ResetFreeVectorEnv

    def __init__(self, tasks: str | Task = "hockey-auto", **arguments: Any) -> None:
        """Make the world; it begins with `reset`."""
        super().__init__(tasks, **arguments)

    def request_intervention(self) -> tuple[Any, dict[str, Any]]:
        """Ask a person to put the world in a start; returns what `reset` does."""
        obs, infos = self.worlds.request_intervention()
        return self._first(obs), self._info(infos)

    def set_goal(self, goal: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Let a period with this goal begin; nothing is put back. Returns what `reset` does."""
        obs, infos = self.worlds.set_goal(goal)
        return self._first(obs), self._info(infos)
