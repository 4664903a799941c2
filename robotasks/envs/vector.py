"""The step loop: many worlds, of one task or several, behind Gymnasium's vector interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from robotasks.arrays import clip, copied, namespace, on_host, zeros_like
from robotasks.envs.checks import (
    check_counts,
    check_faced,
    check_steppable,
    checked_actions,
    checked_mask,
    checked_options,
    checked_seeds,
)
from robotasks.envs.crew import Crew
from robotasks.envs.making import for_gpu, samples_of, tasks_and_tables
from robotasks.envs.observation import Observer
from robotasks.envs.record import Record
from robotasks.envs.rendering import MODES, Pictures
from robotasks.envs.sight import EYES, MOMENTS, Sight
from robotasks.layout import Array, View, unknown
from robotasks.physics.engine import Engine
from robotasks.tasks.distribution import Distribution, split_row
from robotasks.tasks.looks import CAMERAS
from robotasks.tasks.task import CONTROL_PERIOD, Task

REWARDS = ("dense", "sparse")
_LAST = ("last_obs", "last_achieved")  # what a world that is lost in the next step shows


class TaskVectorEnv(gym.vector.VectorEnv):
    """Worlds that each solve a row of a task; world i works on task i modulo their number.

    Horizons are fixed: `terminated` is always False, success shows in `infos["success"]` once it
    has held 5 control steps. A world's trajectory follows from its own seed, row and actions,
    whatever the number of worlds or threads.
    """

    def __init__(
        self,
        tasks: str | Task | Distribution,
        num_envs: int = 1,
        *,
        max_episode_steps: int | None = None,
        observe: str = "state",
        cameras: Sequence[str] = EYES,
        pixels: int = 84,
        jitter: bool = False,
        reveal: Sequence[str] = ("goal",),
        reward: str = "dense",
        goal_conditioned: bool = False,
        layout_tasks: Sequence[str | Task] | None = None,
        episodes: int = 1,
        start: str | Sequence[str] = "default",
        stagger: bool = False,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        engine: str = "cpu",
        device: str | None = None,
        threads: int = 0,
        render_mode: str | None = None,
        camera: str = "front",
        width: int = 480,
        height: int = 480,
    ) -> None:
        """Make the worlds; they begin with `reset`.

        tasks: a name or a Task draws rows from the whole range, a Distribution from its tables.
        max_episode_steps: control steps of an episode; the task's own horizon if None.
        observe: "blind" (proprioception), "state", or "pixels": a dict of proprioception as `state`
        and a picture per camera, `pixels` wide and high, that shows the goal where it is revealed.
        jitter: light, colours and cameras differ a little between trials (`tasks/looks.py`).
        reveal: which of goal, dynamics, task and history the observation tells.
        reward: "dense" (stages, 0 to 1) or "sparse" (success).
        goal_conditioned: dict observations and `compute_reward`, with the sparse reward.
        layout_tasks: tasks, these among them, that share one observation layout; its own if None.
        start: name of the tasks' start, or of several, between which the worlds take turns.
        episodes: consecutive episodes on one row (a trial). stagger: spread the worlds' clocks,
        with pixels over ten moments, since a step that ends some episodes draws all twice.
        engine: "cpu" (numpy) or "gpu" (torch tensors on `device`, the first GPU if None; the same
        worlds in float32, see docs/gpu.md). threads: native threads, 0 for all cores.
        """
        self._arguments = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        distribution, tables = tasks_and_tables(tasks)
        starts = (start,) if isinstance(start, str) else tuple(start)
        played = [(*pair, s) for s in starts for pair in zip(distribution, tables, strict=True)]
        count = len(played)
        check_counts(num_envs, count, episodes, max_episode_steps, threads)
        for kind, given, known in (
            ("reward", reward, REWARDS),
            ("render_mode", render_mode, (None, *MODES)),
            ("camera", camera, CAMERAS),
        ):
            if given not in known:
                raise ValueError(unknown(kind, given, map(str, known)))
        if goal_conditioned:
            check_faced(distribution, count, reward, observe)
        if jitter and observe != "pixels" and render_mode is None:
            raise ValueError(
                'jitter varies pictures, and none are made: pass observe="pixels" or a render_mode'
            )
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
        self._crews = []
        for i, (task, table, begin) in enumerate(played):
            made = {"engine": engine, "threads": threads, **for_gpu(engine, device, task)}
            worlds = len(range(i, num_envs, count))
            self._crews.append(Crew(task, table, begin, worlds, jitter, **made))
        self._engine = self._crews[0].engine
        self._asarray, self._xp = self._engine.asarray, namespace(self._engine.sensors)
        self._record = Record(num_envs, self.horizon, episodes, self._engine)
        self._of = [slice(i, None, count) for i in range(count)]
        told: Sequence[str] = reveal
        if goal_conditioned or observe == "pixels":  # the goal shows as desired_goal, or is drawn
            told = [word for word in reveal if word != "goal"]
        samples = {crew.task: (crew.now, crew.goal) for crew in self._crews}
        if layout_tasks is not None:
            samples = samples_of(samples, layout_tasks)
        self._samples = samples
        self._observer = Observer(samples, observe, told, like=self._engine.sensors)
        self._sight = None
        if observe == "pixels":
            self._sight = Sight(self._crews, cameras, pixels, self._shown, threads)
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (5,), np.float32)
        self.single_observation_space = self._space()
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._last_obs = self._asarray(np.zeros((num_envs, self.layout.size), dtype=np.float32))
        none = self._asarray(np.zeros((num_envs, 0)))
        self._last_achieved = self._goals()[0] if goal_conditioned else none
        self._begun = self._closed = False

    @property
    def has_begun(self) -> bool:
        """Whether the worlds were ever reset."""
        return self._begun

    @property
    def device(self) -> Any:
        """The torch device of what is taken and given; None for numpy arrays."""
        return None if self._engine.host else self._engine.sensors.device

    @property
    def engines(self) -> list[Engine]:
        """The engines, one per task and start: for measurements and planners."""
        return [crew.engine for crew in self._crews]

    @property
    def layout(self) -> Any:
        """Names of the observation's columns."""
        return self._observer.layout

    def scaled_rows(self) -> Array:
        """Return the rows that the worlds are on, scaled to [-1, 1], (n, columns) float32.

        Goals' columns, then the dynamics'; zeros after those of a task that has fewer than others.
        No observation tells them: they are for learners that may know more than their policies.
        """
        told = [crew.scaled_rows() for crew in self._crews]
        widest = max(part.shape[1] for part in told)
        rows = np.zeros((self.num_envs, widest), dtype=np.float32)
        for part, of in zip(told, self._of, strict=True):
            rows[of, : part.shape[1]] = part
        return self._asarray(rows)

    def hidden(self) -> Array:
        """Return what these worlds do not tell in numbers, (n, columns) float32.

        Of what `observe="state"` tells where the goal is revealed: for learners that may know more
        than their policies.
        """
        whole, layout = self._observed(self._omniscient), self._omniscient.layout
        untold = [whole[:, layout.columns(name)] for name in layout if name not in self.layout]
        return namespace(whole).concat([whole[:, :0], *untold], axis=1)

    @cached_property
    def _omniscient(self) -> Observer:
        return Observer(self._samples, "state", ("goal",), like=self._engine.sensors)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every world, or in those of `options["reset_mask"]`.

        seed: world i gets seed + i, or the i-th of a list; a seeded reset begins a new trial.
        options: reset_mask (n,) bool; new_trial; rows: row numbers of the distribution, one per
        world; goal, dynamics, start: {field: value or one value per world}.
        """
        self._check_open()
        options = checked_options(options)
        mask = checked_mask(options.get("reset_mask"), self.num_envs, self._begun)
        new_trial = bool(options.get("new_trial")) or options.get("rows") is not None
        seeds = checked_seeds(seed, self.num_envs)
        before, chance = self._record.get_state(), (self._np_random, self._np_random_seed)
        try:
            self._reseed(seeds, mask)
            self._begin(mask, new_trial, options)
        except Exception:
            self._record.set_state(before)
            self._np_random, self._np_random_seed = chance
            raise
        if self._stagger and not self._begun:
            self._record.stagger(self.num_envs if self._sight is None else MOMENTS)
        self._begun = True
        chosen = self._asarray(mask)[:, None]
        self._last_obs = self._xp.where(chosen, self._see(), self._last_obs)
        face = self._face(self._last_obs)
        self._remember(face)
        return face, self._record.infos(self._never())

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Take one control step in every world, actions (n, 5) in [-1, 1].

        Returns observations, rewards (n,), terminations, truncations and infos; which
        observation a row shows at its end is the autoreset mode's business.
        """
        self._check_open()
        check_steppable(self._begun, self._record.over, self._mode is AutoresetMode.DISABLED)
        actions = checked_actions(actions, self.num_envs, self._engine)
        for crew, of in zip(self._crews, self._of, strict=True):
            crew.advance(actions[of])
        rewards, success, diverged = self._gather([crew.judge(self._dense) for crew in self._crews])
        resetting = self._record.over.copy()  # NEXT_STEP: this step only resets them
        over, where = self._asarray(resetting), self._xp.where
        lost = diverged | over
        # What the host cannot see it has to reckon with.
        any_lost = not self._engine.host or np.count_nonzero(lost)
        if any_lost:
            diverged &= ~over
            rewards, success = where(lost, 0.0, rewards), success & ~lost
        idle = resetting if np.count_nonzero(resetting) else None
        ended = self._record.tick(actions, rewards, success, diverged, idle)
        if idle is not None:
            self._restart(resetting)
        obs = self._see()
        if any_lost:
            obs = where(diverged[:, None], self._last_obs, obs)  # the last good one
        face = self._face(obs)
        if self._faced:
            before = self._last_achieved
            face["achieved_goal"] = where(diverged[:, None], before, face["achieved_goal"])
            paid = self.compute_reward(face["achieved_goal"], face["desired_goal"], {})
            rewards = where(lost, 0.0, paid)
        truncated, infos = self._asarray(ended), {}
        if self._mode is AutoresetMode.SAME_STEP and np.count_nonzero(ended):
            infos = {"final_obs": face, "final_info": self._record.infos(diverged)}
            infos |= {f"_{name}": copied(truncated) for name in infos}
            self._restart(ended)
            obs = where(truncated[:, None], self._see(), obs)
            face = self._face(obs)
            diverged = self._never() if self._engine.host else diverged & ~truncated
        self._last_obs = obs
        self._remember(face)
        infos = infos | self._record.infos(diverged)
        return face, rewards, self._never(), truncated, infos

    def compute_reward(self, achieved_goal: Any, desired_goal: Any, info: Any) -> Array:
        """Return the sparse reward of achieved and desired goals, both (..., g) -> (...)."""
        reached = self.tasks[0].reached(achieved_goal, desired_goal)
        kind = np.float64 if isinstance(reached, (np.ndarray, np.generic)) else self._xp.float32
        return namespace(reached).asarray(reached, dtype=kind)

    def expert_actions(self) -> Array:
        """Return the scripted expert's actions for the present state, (n, 5); it has a memory."""
        self._check_open()
        if not self._begun:
            raise gym.error.ResetNeeded("call reset before expert_actions")
        actions = self._asarray(np.empty((self.num_envs, 5), dtype=np.float32))
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
        self._check_open()
        if len(self._crews) > 1:
            raise ValueError("readings are those of one task and start; this env has several")
        return self._crews[0].now

    def render(self) -> tuple[np.ndarray, ...]:
        """Return a picture of every world in the render mode, or raise if there is none."""
        self._check_open()
        if self.render_mode is None:
            raise ValueError(f"make the environment with render_mode, one of {', '.join(MODES)}")
        return tuple(self.picture(i) for i in range(self.num_envs))

    def picture(self, world: int, camera: str | None = None) -> np.ndarray:
        """Return a picture of one world, (height, width, 3) uint8, or depth (height, width)."""
        self._check_open()
        crew = self._crews[world % len(self._crews)]
        local = world // len(self._crews)
        goal = crew.task.goals.view(split_row(crew.task, crew.rows[local])[0])
        marks = crew.task.marks(goal) if self._shown else ()
        depth = self.render_mode == "depth_array"
        return self._pictures.take(crew.task, crew.engine.world(local), marks, depth, camera)

    def get_state(self) -> dict[str, np.ndarray]:
        """Return all that the future depends on, as numeric arrays that may be saved."""
        self._check_open()
        state = self._record.get_state() | {
            name: on_host(getattr(self, f"_{name}")).copy() for name in _LAST
        }
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
            kind = np.asarray(state[name]).dtype
            if not np.can_cast(kind, value.dtype, "same_kind"):
                raise ValueError(f"{name} should be {value.dtype}, the state has {kind}")
        self._record.set_state(state)
        for name in _LAST:
            setattr(self, f"_{name}", self._asarray(np.array(state[name])))
        self._begun = bool(state["begun"])
        for i, crew in enumerate(self._crews):
            prefix = f"crew{i}."
            crew.set_state({k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)})

    def close_extras(self, **kwargs: Any) -> None:
        """Release the worlds; called once by `close`."""
        self._closed = True
        self._pictures.close()
        if self._sight is not None:
            self._sight.close()
        for crew in self._crews:
            crew.engine.close()

    def __reduce__(self) -> Any:
        """Pickle as the constructor's arguments and the state."""
        return _rebuild, (type(self), self._arguments, self.get_state())

    def _space(self) -> gym.Space:
        if self._sight is not None:
            return gym.spaces.Dict({"state": self._observer.space, **self._sight.spaces})
        if not self._faced:
            return self._observer.space
        goal = gym.spaces.Box(-10.0, 10.0, (self._goals()[0].shape[1],), np.float32)
        return gym.spaces.Dict(
            observation=self._observer.space, achieved_goal=goal, desired_goal=goal
        )

    def _goals(self) -> tuple[Array, Array]:
        crew, xp = self._crews[0], self._xp
        achieved, desired = crew.task.achieved(crew.now), crew.task.desired(crew.goal)
        return tuple(xp.astype(clip(g, -10.0, 10.0), xp.float32) for g in (achieved, desired))

    def _never(self) -> Array:
        return self._asarray(np.zeros(self.num_envs, dtype=bool))

    def _see(self) -> Array:
        """Observe every world, (n, size)."""
        return self._observed(self._observer)

    def _observed(self, observer: Observer) -> Array:
        seen = []
        for crew, of in zip(self._crews, self._of, strict=True):
            dynamics = crew.scaled_dynamics() if "dynamics" in observer.reveal else None
            history = self._record.history(of) if "history" in observer.reveal else {}
            seen.append((observer.observe(crew.task, crew.now, crew.goal, dynamics, history),))
        return self._gather(seen)[0]

    def _gather(self, parts: Sequence[tuple[Array, ...]]) -> tuple[Array, ...]:
        """Join each crew's arrays into arrays over all worlds; a sole crew's are taken over."""
        if len(parts) == 1:
            return parts[0]
        whole = []
        for columns in zip(*parts, strict=True):
            array = zeros_like(columns[0], self.num_envs, *columns[0].shape[1:])
            for of, column in zip(self._of, columns, strict=True):
                array[of] = column
            whole.append(array)
        return tuple(whole)

    def _face(self, obs: Array) -> Any:
        if self._sight is not None:
            (seen,) = self._gather([(pictures,) for pictures in self._sight.pictures()])
            return {"state": copied(obs), **self._sight.named(seen)}
        if not self._faced:
            return copied(obs)
        achieved, desired = self._goals()
        return {"observation": copied(obs), "achieved_goal": achieved, "desired_goal": desired}

    def _remember(self, face: Any) -> None:
        """Keep the achieved goals, which a world that is lost in the next step shows."""
        if self._faced:
            self._last_achieved = copied(face["achieved_goal"])

    def _reseed(self, seeds: list[int | None] | None, mask: np.ndarray) -> None:
        """Give the worlds new random streams; those without a seed keep theirs, once begun."""
        if seeds is None and self._begun:
            return
        given: list[int | None] = [None] * self.num_envs if seeds is None else seeds
        super().reset(seed=next((seed for seed in given if seed is not None), None))
        if not self._begun:
            drawn = int(self.np_random.integers(2**31))
            given = [drawn + i if seed is None else seed for i, seed in enumerate(given)]
        named = mask & np.array([seed is not None for seed in given])
        self._record.reseed([seed or 0 for seed in given], named)

    def _begin(self, mask: np.ndarray, new_trial: bool, options: Mapping[str, Any]) -> None:
        """Begin the next episode of each world of `mask`: a new row at a trial's end."""
        anew = self._record.next_episodes(mask, new_trial)
        drawn = []
        for crew, of in zip(self._crews, self._of, strict=True):
            worlds = np.arange(self.num_envs)[of][mask[of]]
            drawn.append(crew.draw(mask[of], worlds, anew[worlds], self._record, options))
        for crew, of, (rows, starts) in zip(self._crews, self._of, drawn, strict=True):
            if len(rows):
                crew.begin(mask[of], rows, starts)

    def _restart(self, mask: np.ndarray) -> None:
        """Begin the next episode where `mask` says so."""
        if mask.any():
            self._begin(mask, False, {})

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the environment is closed; make a new one")


def _rebuild(kind: type, arguments: dict[str, Any], state: dict[str, np.ndarray]) -> Any:
    env = kind(**arguments)
    env.set_state(state)
    return env
