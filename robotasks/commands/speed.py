"""Measure throughput against the bare physics."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, cast

import mujoco
import numpy as np
import tyro

from robotasks.commands.output import show
from robotasks.envs.vector import TaskVectorEnv
from robotasks.physics.cpu import CpuEngine
from robotasks.tasks import TASKS, find_task
from robotasks.tasks.task import CONTROL_PERIOD

FRESH = int(mujoco.mjtStage.mjSTAGE_VEL)


@dataclass(frozen=True)
class Options:
    """Options of `speed`."""

    tasks: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Names of the tasks; all of them if none is given."""
    worlds: tuple[int, ...] = (1, 256)
    """Numbers of worlds to measure with."""
    repeats: int = 7
    """Interleaved repeats; medians are reported."""
    seconds: float = 0.5
    """CPU time of one repeat, about."""
    threads: int = 0
    """Threads of the simulator, 0 for all cores."""
    json: bool = False
    """Print one JSON object per line."""


def run(options: Options) -> None:
    """Measure every task with every number of worlds."""
    tasks = [find_task(name).name for name in options.tasks] or list(TASKS)
    rows = [measure(task, worlds, options) for task in tasks for worlds in options.worlds]
    show(rows, options.json, "speed: overhead is full step over bare physics, in CPU time")


def measure(task: str, worlds: int, options: Options) -> dict[str, Any]:
    """Time full steps with random actions, resets included, against the bare physics calls.

    Both advance the same worlds under the same set-points, which a first pass records.
    """
    env = TaskVectorEnv(
        task, worlds, autoreset_mode="SameStep", stagger=True, threads=options.threads
    )
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (env.horizon, worlds, 5)).astype(np.float32)
    count = _calibrate(lambda k: env.step(actions[k % env.horizon]), options.seconds)
    engine = cast(CpuEngine, env.engines[0])
    ticks = round(CONTROL_PERIOD / engine.model.opt.timestep)
    setpoints = np.empty((count, *engine.ctrl.shape))
    full, physics, wall = [], [], []
    for _ in range(options.repeats):
        begin = env.get_state()
        for k in range(count):
            env.step(actions[k % env.horizon])
            setpoints[k] = engine.ctrl
        env.set_state(begin)
        clock, start = time.perf_counter(), time.process_time()
        for k in range(count):
            env.step(actions[k % env.horizon])
        full.append((time.process_time() - start) / count)
        wall.append((time.perf_counter() - clock) / count)
        env.set_state(begin)
        start = time.process_time()
        for k in range(count):
            engine.ctrl[:] = setpoints[k]
            engine.batch.step(nstep=ticks, stage=FRESH)
        physics.append((time.process_time() - start) / count)
        env.set_state(begin)
    cpu = statistics.median(full)
    return {
        "task": task,
        "worlds": worlds,
        "env_steps_per_s": worlds / statistics.median(wall),
        "sim_s_per_cpu_s": worlds * CONTROL_PERIOD / cpu,
        "episodes_per_cpu_s": worlds / cpu / env.horizon,
        "overhead": statistics.median(f / p for f, p in zip(full, physics, strict=True)),
    }


def _calibrate(step: Callable[[int], Any], seconds: float) -> int:
    """Return how many steps take about `seconds` of CPU time."""
    start, count = time.process_time(), 0
    while time.process_time() - start < seconds / 5 or count < 5:
        step(count)
        count += 1
    return max(10, round(count * seconds / (time.process_time() - start)))
