"""The step loop: many worlds, of one task or several, behind Gymnasium's vector interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from robotasks.envs.crew import Crew, override
from robotasks.envs.observation import Observer
from robotasks.envs.rendering import CAMERAS, MODES, Pictures
from robotasks.layout import View, unknown
from robotasks.physics.engine import Engine
from robotasks.tasks import find_task
from robotasks.tasks.distribution import Distribution, split_row
from robotasks.tasks.task import CONTROL_PERIOD, HOLD, Task

OPTIONS = ("reset_mask", "new_trial", "rows", "goal", "dynamics", "start")
REWARDS = ("dense", "sparse")
_COUNTERS = ("seed", "episode", "trial_episode", "elapsed", "streak", "first_success")
_LIVE = (*_COUNTERS, "over", "fresh", "last_action", "last_reward", "last_obs")


class TaskVectorEnv(gym.vector.VectorEnv):
    """Worlds that each solve a row of a task; world i works on task i modulo their number.

    Horizons are fixed: `terminated` is always False, success shows in `infos["success"]` once it
    has held 5 control steps. A world's trajectory follows from its own seed, row and actions,
    whatever the number of worlds or threads.
    """

    # One entry per world: its random stream, where it stands in trial and episode, its record.
    _seed: np.ndarray
    _episode: np.ndarray
    _trial_episode: np.ndarray
    _elapsed: np.ndarray
    _streak: np.ndarray
    _first_success: np.ndarray

    def __init__(
        self,
        tasks: str | Task | Distribution,
        num_envs: int = 1,
        *,
        max_episode_steps: int | None = None,
        observe: str = "state",
        reveal: Sequence[str] = ("goal",),
        reward: str = "dense",
        goal_conditioned: bool = False,
        episodes: int = 1,
        start: str = "default",
        stagger: bool = False,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        engine: str = "cpu",
        threads: int = 0,
        render_mode: str | None = None,
        camera: str = "front",
        width: int = 480,
        height: int = 480,
    ) -> None:
        """Make the worlds; they begin with `reset`.

        tasks: a name or a Task draws rows from the whole range, a Distribution from its tables.
        max_episode_steps: control steps of an episode; the task's own horizon if None.
        observe: "blind" (proprioception) or "state". reveal: which of goal, dynamics, task and
        history the observation tells. reward: "dense" (stages, 0 to 1) or "sparse" (success).
        goal_conditioned: dict observations and `compute_reward`, with the sparse reward.
        episodes: consecutive episodes on one row (a trial). stagger: spread the worlds' clocks.
        threads: native threads, 0 for all cores.
        """
        self._arguments = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        distribution, tables = _tasks(tasks)
        _check(num_envs, len(distribution), episodes, max_episode_steps)
        for kind, given, known in (
            ("reward", reward, REWARDS),
            ("render_mode", render_mode, (None, *MODES)),
            ("camera", camera, CAMERAS),
        ):
            if given not in known:
                raise ValueError(unknown(kind, given, map(str, known)))
        if goal_conditioned and (len(distribution) > 1 or not distribution[0].goal_conditioned):
            names = ", ".join(task.name for task in distribution)
            raise ValueError(f"{names}: goal_conditioned needs one task with a goal face")
        if goal_conditioned and reward != "sparse":
            raise ValueError('goal_conditioned pays compute_reward: pass reward="sparse"')
        self.num_envs, self.tasks = num_envs, distribution
        self.horizon = max_episode_steps or max(task.horizon for task in distribution)
        self.episodes, self.render_mode = episodes, render_mode
        self._mode = AutoresetMode(autoreset_mode)
        self.metadata = {
            "render_modes": list(MODES),
            "render_fps": round(1 / CONTROL_PERIOD),
            "autoreset_mode": self._mode,
        }
        self._dense, self._faced, self._stagger = reward == "dense", goal_conditioned, stagger
        self._shown = "goal" in reveal or goal_conditioned
        self._pictures = Pictures(camera, width, height)
        count = len(distribution)
        self._crews = [
            Crew(task, table, len(range(i, num_envs, count)), start, engine=engine, threads=threads)
            for i, (task, table) in enumerate(zip(distribution, tables, strict=True))
        ]
        self._of = [slice(i, None, count) for i in range(count)]
        told: Sequence[str] = reveal
        if goal_conditioned:  # the goal shows as desired_goal
            told = [word for word in reveal if word != "goal"]
        samples = {crew.task: (crew.now, crew.goal) for crew in self._crews}
        self._observer = Observer(samples, observe, told)
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (5,), np.float32)
        self.single_observation_space = self._space()
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        for name in _COUNTERS:
            setattr(self, f"_{name}", np.zeros(num_envs, dtype=np.int64))
        self._over, self._fresh = np.zeros((2, num_envs), dtype=bool)
        self._last_action, self._last_reward = np.zeros((num_envs, 5)), np.zeros(num_envs)
        self._last_obs = np.zeros((num_envs, self._observer.layout.size), dtype=np.float32)
        self._begun = self._closed = False

    @property
    def has_begun(self) -> bool:
        """Whether the worlds were ever reset."""
        return self._begun

    @property
    def engines(self) -> list[Engine]:
        """The engines, one per task: for measurements and planners."""
        return [crew.engine for crew in self._crews]

    @property
    def layout(self) -> Any:
        """Names of the observation's columns."""
        return self._observer.layout

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every world, or in those of `options["reset_mask"]`.

        seed: world i gets seed + i, or the i-th of a list; a seeded reset begins a new trial.
        options: reset_mask (n,) bool; new_trial; rows: row numbers of the distribution, one per
        world; goal, dynamics, start: {field: value or one value per world}.
        """
        self._check_open()
        options = dict(options or {})
        for name in options:
            if name not in OPTIONS:
                raise ValueError(unknown("reset option", name, OPTIONS))
        mask = _mask(options.get("reset_mask"), self.num_envs)
        if not self._begun and not mask.all():
            raise ValueError("the first reset has to cover every world; leave out reset_mask")
        new_trial = np.zeros(self.num_envs, dtype=bool)
        counters = {name: getattr(self, f"_{name}").copy() for name in _COUNTERS}
        self._reseed(seed, mask, new_trial)
        try:
            self._begin(mask, new_trial, options)
        except (ValueError, KeyError):
            for name, values in counters.items():
                getattr(self, f"_{name}")[:] = values
            raise
        if self._stagger and not self._begun:
            self._elapsed[:] = np.arange(self.num_envs) * self.horizon // self.num_envs
        self._begun = True
        self._last_obs[mask] = self._see()[mask]
        return self._face(self._last_obs), self._infos(np.zeros(self.num_envs, dtype=bool))

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one control step in every world, actions (n, 5) in [-1, 1].

        Returns observations, rewards (n,), terminations, truncations and infos; which
        observation a row shows at its end is the autoreset mode's business.
        """
        actions = self._check_actions(actions)
        resetting = self._over.copy()
        for crew, of in zip(self._crews, self._of, strict=True):
            crew.advance(actions[of])
        rewards, success = self._gather([crew.judge(self._dense) for crew in self._crews])
        (diverged,) = self._gather([(crew.engine.diverged,) for crew in self._crews])
        lost = diverged | resetting
        if lost.any():
            diverged[resetting] = False
            rewards[lost], success[lost] = 0.0, False
        self._elapsed += 1
        self._streak[:] = (self._streak + 1) * success
        first = (self._streak == HOLD) & (self._first_success < 0)
        self._first_success[first] = self._elapsed[first]
        truncated = ((self._elapsed >= self.horizon) | diverged) & ~resetting
        acted = ~resetting
        self._last_action[acted], self._last_reward[acted] = actions[acted], rewards[acted]
        self._fresh[:], self._over[:] = False, truncated
        self._restart(resetting)
        obs = self._see()
        if diverged.any():
            obs[diverged] = self._last_obs[diverged]  # the last good one
        face = self._face(obs)
        if self._faced:
            paid = self.compute_reward(face["achieved_goal"], face["desired_goal"], {})
            rewards = np.where(lost, 0.0, paid)
        infos: dict[str, Any] = {}
        if self._mode is AutoresetMode.SAME_STEP and truncated.any():
            infos = {"final_obs": face, "final_info": self._infos(diverged)}
            infos |= {f"_{name}": truncated.copy() for name in infos}
            self._restart(truncated)
            obs = np.where(truncated[:, None], self._see(), obs)
            face, diverged = self._face(obs), np.zeros_like(diverged)
        self._last_obs = obs
        never = np.zeros(self.num_envs, dtype=bool)
        return face, rewards, never, truncated, infos | self._infos(diverged)

    def compute_reward(self, achieved_goal: Any, desired_goal: Any, info: Any) -> np.ndarray:
        """Return the sparse reward of achieved and desired goals, both (..., g) -> (...)."""
        return np.asarray(self.tasks[0].reached(achieved_goal, desired_goal), dtype=np.float64)

    def expert_actions(self) -> np.ndarray:
        """Return the scripted expert's actions for the present state, (n, 5); it has a memory."""
        actions = np.empty((self.num_envs, 5), dtype=np.float32)
        for crew, of in zip(self._crews, self._of, strict=True):
            actions[of] = crew.expert()
        return actions

    def task_rows(self) -> list[tuple[Task, np.ndarray]]:
        """Return the task and a copy of the row that each world works on."""
        crews = len(self._crews)
        return [
            (self._crews[i % crews].task, self._crews[i % crews].rows[i // crews].copy())
            for i in range(self.num_envs)
        ]

    def readings(self) -> View:
        """Return the live sensor readings of an env with one task: for drawings and analysis."""
        if len(self._crews) > 1:
            raise ValueError("readings are those of one task; this env has several")
        return self._crews[0].now

    def render(self) -> tuple[np.ndarray, ...]:
        """Return a picture of every world in the render mode, or raise if there is none."""
        self._check_open()
        if self.render_mode is None:
            raise ValueError(f"make the environment with render_mode, one of {', '.join(MODES)}")
        return tuple(self.picture(i) for i in range(self.num_envs))

    def picture(self, world: int, camera: str | None = None) -> np.ndarray:
        """Return a picture of one world, (height, width, 3) uint8, or depth (height, width)."""
        crew = self._crews[world % len(self._crews)]
        local = world // len(self._crews)
        goal = crew.task.goals.view(split_row(crew.task, crew.rows[local])[0])
        marks = crew.task.marks(goal) if self._shown else ()
        depth = self.render_mode == "depth_array"
        return self._pictures.take(crew.engine.world(local), marks, depth, camera)

    def get_state(self) -> dict[str, np.ndarray]:
        """Return all that the future depends on, as numeric arrays that may be saved."""
        self._check_open()
        state = {name: getattr(self, f"_{name}").copy() for name in _LIVE}
        for i, crew in enumerate(self._crews):
            state |= {f"crew{i}.{name}": value for name, value in crew.get_state().items()}
        return state | {"begun": np.array(self._begun)}

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on exactly where `get_state` was called, on an env made with the same arguments."""
        self._check_open()
        present = self.get_state()
        for name, value in present.items():
            if name not in state or np.shape(state[name]) != value.shape:
                shape = np.shape(state[name]) if name in state else "nothing"
                raise ValueError(f"{name} should have shape {value.shape}, the state has {shape}")
        for name in _LIVE:
            getattr(self, f"_{name}")[...] = state[name]
        self._begun = bool(state["begun"])
        for i, crew in enumerate(self._crews):
            prefix = f"crew{i}."
            crew.set_state({k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)})

    def close_extras(self, **kwargs: Any) -> None:
        """Release the worlds; called once by `close`."""
        self._closed = True
        self._pictures.close()
        for crew in self._crews:
            crew.engine.close()

    def __reduce__(self) -> Any:
        """Pickle as the constructor's arguments and the state."""
        return _rebuild, (type(self), self._arguments, self.get_state())

    def _space(self) -> gym.Space:
        if not self._faced:
            return self._observer.space
        goal = gym.spaces.Box(-10.0, 10.0, (self._goals()[0].shape[1],), np.float32)
        return gym.spaces.Dict(
            observation=self._observer.space, achieved_goal=goal, desired_goal=goal
        )

    def _goals(self) -> tuple[np.ndarray, np.ndarray]:
        crew = self._crews[0]
        achieved, desired = crew.task.achieved(crew.now), crew.task.desired(crew.goal)
        return tuple(np.clip(g, -10.0, 10.0).astype(np.float32) for g in (achieved, desired))

    def _see(self) -> np.ndarray:
        """Observe every world, (n, size)."""
        seen = []
        for crew, of in zip(self._crews, self._of, strict=True):
            dynamics = crew.scaled_dynamics() if "dynamics" in self._observer.reveal else None
            history = self._history(of) if "history" in self._observer.reveal else {}
            seen.append(
                (self._observer.observe(crew.task, crew.now, crew.goal, dynamics, history),)
            )
        return self._gather(seen)[0]

    def _history(self, of: slice) -> dict[str, np.ndarray]:
        return {
            "last_action": self._last_action[of],
            "last_reward": self._last_reward[of],
            "episode_start": self._fresh[of].astype(np.float64),
            "time_left": 1 - self._elapsed[of] / self.horizon,
        }

    def _gather(self, parts: Sequence[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
        """Join each crew's arrays into arrays over all worlds; a sole crew's are taken over."""
        if len(parts) == 1:
            return parts[0]
        whole = []
        for columns in zip(*parts, strict=True):
            array = np.empty((self.num_envs, *columns[0].shape[1:]), columns[0].dtype)
            for of, column in zip(self._of, columns, strict=True):
                array[of] = column
            whole.append(array)
        return tuple(whole)

    def _face(self, obs: np.ndarray) -> Any:
        if not self._faced:
            return obs.copy()
        achieved, desired = self._goals()
        return {"observation": obs.copy(), "achieved_goal": achieved, "desired_goal": desired}

    def _infos(self, diverged: np.ndarray) -> dict[str, Any]:
        infos: dict[str, Any] = {
            "success": self._streak >= HOLD,
            "first_success": self._first_success.copy(),
            "elapsed": self._elapsed.copy(),
            "trial_start": self._fresh & (self._trial_episode == 0),
            "diverged": diverged.copy(),
        }
        return infos | {f"_{name}": np.ones(self.num_envs, dtype=bool) for name in infos}

    def _reseed(self, seed: Any, mask: np.ndarray, new_trial: np.ndarray) -> None:
        if seed is None and self._begun:
            return
        if seed is None or isinstance(seed, (int, np.integer)):
            super().reset(seed=None if seed is None else int(seed))
            base = int(self.np_random.integers(2**31)) if seed is None else int(seed)
            seeds: list[Any] = [base + i for i in range(self.num_envs)]
        else:
            seeds = list(seed)
            if len(seeds) != self.num_envs:
                raise ValueError(f"expected {self.num_envs} seeds, one per world, not {len(seeds)}")
            super().reset(seed=next((int(s) for s in seeds if s is not None), None))
            seeds = [int(self.np_random.integers(2**31)) if s is None else s for s in seeds]
        if min(seeds) < 0:
            raise ValueError(f"seeds must not be negative: {min(seeds)}")
        self._seed[mask] = np.asarray(seeds)[mask]
        self._episode[mask] = -1
        new_trial |= mask

    def _begin(self, mask: np.ndarray, new_trial: np.ndarray, options: Mapping[str, Any]) -> None:
        """Begin the next episode of each world of `mask`: a new row at a trial's end."""
        rows_given = options.get("rows")
        self._episode[mask] += 1
        new_trial = new_trial | (self._episode == 0) | (self._trial_episode + 1 >= self.episodes)
        new_trial |= bool(options.get("new_trial")) or rows_given is not None
        for crew, of in zip(self._crews, self._of, strict=True):
            self._begin_crew(crew, of, mask, new_trial, options)
        self._trial_episode[mask] = np.where(new_trial, 0, self._trial_episode + 1)[mask]
        self._elapsed[mask], self._streak[mask], self._first_success[mask] = 0, 0, -1
        self._over[mask], self._fresh[mask] = False, True
        anew = mask & new_trial
        self._last_action[anew], self._last_reward[anew] = 0.0, 0.0

    def _restart(self, mask: np.ndarray) -> None:
        """Begin the next episode where `mask` says so."""
        if mask.any():
            self._begin(mask, np.zeros_like(mask), {})

    def _begin_crew(
        self,
        crew: Crew,
        of: slice,
        mask: np.ndarray,
        new_trial: np.ndarray,
        options: Mapping[str, Any],
    ) -> None:
        worlds = np.arange(self.num_envs)[of]
        chosen = mask[of]
        ids = worlds[chosen]
        if not len(ids):
            return
        rows = crew.rows[chosen]
        for k, i in enumerate(ids):
            if new_trial[i]:
                rows[k] = crew.draw_row(self._seed[i], self._episode[i])
        if options.get("rows") is not None:
            rows[:] = _table_rows(crew, options["rows"], self.num_envs)[ids]
        goals, dynamics = split_row(crew.task, rows)
        override(crew.task.goals, goals, options.get("goal", {}), ids, self.num_envs)
        override(crew.task.dynamics, dynamics, options.get("dynamics", {}), ids, self.num_envs)
        given = np.zeros((len(ids), crew.starts.layout.size))
        override(crew.starts, given, options.get("start", {}), ids, self.num_envs)
        fixed = {name: crew.starts.layout.columns(name) for name in options.get("start", {})}
        starts = [
            crew.draw_start(
                self._seed[i], self._episode[i], rows[k], {n: given[k, c] for n, c in fixed.items()}
            )
            for k, i in enumerate(ids)
        ]
        crew.begin(chosen, rows, np.array(starts))

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the environment is closed; make a new one")

    def _check_actions(self, actions: Any) -> np.ndarray:
        self._check_open()
        if not self._begun:
            raise gym.error.ResetNeeded("call reset before step")
        given = np.asarray(actions)
        if given.shape != (self.num_envs, 5) or given.dtype.kind not in "fiu":
            raise ValueError(
                f"actions need shape ({self.num_envs}, 5) and real numbers, "
                f"got shape {given.shape} of {given.dtype}"
            )
        given = given.astype(np.float64)
        if not np.isfinite(given).all():
            raise ValueError(f"actions must be finite, got {given[~np.isfinite(given)][0]}")
        if self._mode is AutoresetMode.DISABLED and self._over.any():
            raise gym.error.ResetNeeded(
                f"world {int(np.flatnonzero(self._over)[0])} is at its end; reset it with "
                'options={"reset_mask": ...}'
            )
        return np.minimum(np.maximum(given, -1.0), 1.0)


def _tasks(tasks: Any) -> tuple[tuple[Task, ...], tuple[np.ndarray | None, ...]]:
    if isinstance(tasks, Distribution):
        return tasks.tasks, tasks.rows
    return (find_task(tasks) if isinstance(tasks, str) else tasks,), (None,)


def _check(worlds: int, tasks: int, episodes: int, steps: int | None) -> None:
    if not isinstance(worlds, (int, np.integer)) or worlds < tasks:
        raise ValueError(f"num_envs must be at least the number of tasks, {tasks}, not {worlds}")
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, not {episodes}")
    if steps is not None and steps < 1:
        raise ValueError(f"max_episode_steps must be at least 1, not {steps}")


def _mask(given: Any, worlds: int) -> np.ndarray:
    if given is None:
        return np.ones(worlds, dtype=bool)
    mask = np.asarray(given)
    if mask.shape != (worlds,) or mask.dtype != bool or not mask.any():
        raise ValueError(
            f"reset_mask needs {worlds} booleans with at least one True, "
            f"got shape {mask.shape} of {mask.dtype} with {int(np.count_nonzero(mask))} True"
        )
    return mask


def _table_rows(crew: Crew, numbers: Any, worlds: int) -> np.ndarray:
    if crew.table is None:
        raise ValueError("rows picks from a distribution; this env draws from the whole range")
    picked = np.broadcast_to(np.asarray(numbers), (worlds,))
    if picked.dtype.kind not in "iu" or picked.min() < 0 or picked.max() >= len(crew.table):
        raise ValueError(f"rows must be whole numbers from 0 to {len(crew.table) - 1}: {numbers}")
    return crew.table[picked]


def _rebuild(kind: type, arguments: dict[str, Any], state: dict[str, np.ndarray]) -> Any:
    env = kind(**arguments)
    env.set_state(state)
    return env
