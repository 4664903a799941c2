"""Measure throughput against the bare physics."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import mujoco
import numpy as np
import tyro

from robotasks.arrays import copied
from robotasks.commands.output import show
from robotasks.envs.vector import TaskVectorEnv
from robotasks.physics.cpu import CpuEngine
from robotasks.tasks import TASKS, find_task
from robotasks.tasks.task import CONTROL_PERIOD

if TYPE_CHECKING:
    from robotasks.physics.gpu import GpuEngine

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
    engine: Literal["cpu", "gpu"] = "cpu"
    """Physics to measure."""
    device: str | None = None
    """Device of the gpu engine: the first GPU, or cpu."""
    threads: int = 0
    """Threads of the simulator, 0 for all cores."""
    json: bool = False
    """Print one JSON object per line."""


def run(options: Options) -> None:
    """Measure every task with every number of worlds."""
    tasks = [find_task(name).name for name in options.tasks] or list(TASKS)
    gpu = options.engine == "gpu"
    one = measure_gpu if gpu else measure
    rows = [one(task, worlds, options) for task in tasks for worlds in options.worlds]
    clock = "time" if gpu else "CPU time"
    show(rows, options.json, f"speed: overhead is full step over bare physics, in {clock}")


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


def measure_gpu(task: str, worlds: int, options: Options) -> dict[str, Any]:
    """Time full steps with random actions, resets included, against bare ticks of MuJoCo Warp.

    Both advance the same worlds under the same set-points. The clock is the wall's, or of the CPU
    where that is the device, since others may keep it busy.
    """
    arguments: dict[str, Any] = {"engine": "gpu", "device": options.device}
    env = TaskVectorEnv(task, worlds, autoreset_mode="SameStep", stagger=True, **arguments)
    env.reset(seed=0)
    engine = cast("GpuEngine", env.engines[0])
    now = time.perf_counter if env.device.type == "cuda" else time.process_time
    rng = np.random.default_rng(0)
    actions = [engine.asarray(rng.uniform(-1, 1, (worlds, 5))) for _ in range(64)]
    ticks = round(CONTROL_PERIOD / engine.model.opt.timestep)

    def timed(run: Callable[[int], Any], count: int) -> float:
        engine.wait()
        start = now()
        for k in range(count):
            run(k)
        engine.wait()
        return (now() - start) / count

    def full(k: int) -> None:
        env.step(actions[k % len(actions)])

    def bare(k: int) -> None:
        engine.ctrl[...] = setpoints[k]
        engine.tick(ticks)

    count = max(10, min(env.horizon, round(options.seconds / timed(full, 5))))
    setpoints: list[Any] = []
    spent: list[tuple[float, float]] = []
    for _ in range(options.repeats):
        begin = env.get_state()
        setpoints.clear()
        for k in range(count):
            full(k)
            setpoints.append(copied(engine.ctrl))
        env.set_state(begin)
        took = timed(full, count)
        env.set_state(begin)
        spent.append((took, timed(bare, count)))
        env.set_state(begin)
    step, physics = (statistics.median(each) for each in zip(*spent, strict=True))
    return {
        "task": task,
        "worlds": worlds,
        "device": engine.name,
        "env_steps_per_s": worlds / step,
        "bare_substeps_per_s": worlds * ticks / physics,
        "overhead": statistics.median(full / physics for full, physics in spent),
    }


def _calibrate(step: Callable[[int], Any], seconds: float) -> int:
    """Return how many steps take about `seconds` of CPU time."""
    start, count = time.process_time(), 0
    while time.process_time() - start < seconds / 5 or count < 5:
        step(count)
        count += 1
    return max(10, round(count * seconds / (time.process_time() - start)))
