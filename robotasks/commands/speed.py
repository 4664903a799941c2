"""Measure throughput against the bare physics."""

from __future__ import annotations

import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
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
SIDE = 84
"""Width and height of the pictures that are measured."""
GPU_TASKS, GPU_WORLDS = ("reach", "push-to"), (1024, 4096, 8192, 16384)
"""What the gpu engine is measured with where nothing is named."""


@dataclass(frozen=True)
class Options:
    """Options of `speed`."""

    tasks: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Names of the tasks; if none is given all of them, on the gpu engine reach and push-to."""
    worlds: tuple[int, ...] | None = None
    """Numbers of worlds to measure with: 1 and 256; on the gpu engine 1024 to 16384."""
    measure: tuple[Literal["state", "pixels", "ppo"], ...] | None = None
    """Steps that tell the state, against the bare physics; that show a picture; PPO with all it
    learns. State alone on the cpu engine, on the gpu engine all."""
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
    gpu = options.engine == "gpu"
    tasks = [find_task(name).name for name in options.tasks] or list(GPU_TASKS if gpu else TASKS)
    counts = options.worlds or (GPU_WORLDS if gpu else (1, 256))
    measures = {
        "state": measure_gpu if gpu else measure,
        "pixels": measure_pixels,
        "ppo": measure_ppo,
    }
    wanted: Sequence[str] = options.measure or (list(measures) if gpu else ["state"])
    rows: list[dict[str, Any]] = []
    try:
        for task, worlds in itertools.product(tasks, counts):
            row: dict[str, Any] = {"task": task, "worlds": worlds}
            for name in wanted:
                row |= measures[name](task, worlds, options)
            rows.append(row)
    finally:  # what was measured is shown, though more worlds than there is memory for were asked
        if rows:
            clock = "time" if gpu else "CPU time"
            title = f"speed: overhead is full step over bare physics, in {clock}"
            show(rows, options.json, title)


def measure(task: str, worlds: int, options: Options) -> dict[str, Any]:
    """Time full steps with random actions, resets included, against the bare physics calls.

    Both advance the same worlds under the same set-points, which a first pass records.
    """
    env = TaskVectorEnv(task, worlds, autoreset_mode="SameStep", stagger=True, **_physics(options))
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
        "env_steps_per_s": worlds / statistics.median(wall),
        "sim_s_per_cpu_s": worlds * CONTROL_PERIOD / cpu,
        "episodes_per_cpu_s": worlds / cpu / env.horizon,
        "overhead": statistics.median(f / p for f, p in zip(full, physics, strict=True)),
    }


def measure_pixels(task: str, worlds: int, options: Options) -> dict[str, Any]:
    """Time steps with random actions that show a picture of each world, by the wall's clock."""
    env = TaskVectorEnv(
        task,
        worlds,
        autoreset_mode="SameStep",
        observe="pixels",
        cameras=("front",),
        pixels=SIDE,
        **_physics(options),
    )
    env.reset(seed=0)
    engine, rng = env.engines[0], np.random.default_rng(0)
    actions = [engine.asarray(rng.uniform(-1, 1, (worlds, 5))) for _ in range(8)]

    def timed(count: int) -> float:
        start = time.perf_counter()
        for k in range(count):
            obs, *_ = env.step(actions[k % len(actions)])
        obs["front"][0].max().item()  # a device has to be done by then
        return (time.perf_counter() - start) / count

    count = max(3, round(options.seconds / timed(2)))
    took = [timed(count) for _ in range(options.repeats)]
    return {"pixels_steps_per_s": worlds / statistics.median(took)}


def measure_ppo(task: str, worlds: int, options: Options) -> dict[str, Any]:
    """Time PPO, acting and learning, by the wall's clock; its first update is left out."""
    from robotasks.agents import ppo
    from robotasks.agents.parts.run import Run

    env = TaskVectorEnv(task, worlds, autoreset_mode="SameStep", stagger=True, **_physics(options))
    config = ppo.Config(threads=options.threads or os.cpu_count() or 1)
    steps = (1 + options.repeats) * config.rollout * worlds
    rates: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        job = Run(Path(folder) / "run", seed=0, steps=steps)
        ppo.train(env, config, job, on_progress=lambda progress: rates.append(progress.fps))
    return {"ppo_steps_per_s": statistics.median(rates[1:])}


def measure_gpu(task: str, worlds: int, options: Options) -> dict[str, Any]:
    """Time full steps with random actions, resets included, against bare ticks of MuJoCo Warp.

    Both advance the same worlds under the same set-points. The clock is the wall's, or of the CPU
    where that is the device, since others may keep it busy.
    """
    env = TaskVectorEnv(task, worlds, autoreset_mode="SameStep", stagger=True, **_physics(options))
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
        "device": engine.name,
        "env_steps_per_s": worlds / step,
        "bare_substeps_per_s": worlds * ticks / physics,
        "overhead": statistics.median(full / physics for full, physics in spent),
    }


def _physics(options: Options) -> dict[str, Any]:
    """Arguments of worlds on the engine that is measured."""
    chosen = {"engine": options.engine, "device": options.device, "threads": options.threads}
    return {name: value for name, value in chosen.items() if value is not None}


def _calibrate(step: Callable[[int], Any], seconds: float) -> int:
    """Return how many steps take about `seconds` of CPU time."""
    start, count = time.process_time(), 0
    while time.process_time() - start < seconds / 5 or count < 5:
        step(count)
        count += 1
    return max(10, round(count * seconds / (time.process_time() - start)))
