"""Make a picture or a video of an agent at work, or open a window."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from robotasks.benchmark.agent import TrialSpec
from robotasks.commands.doctor import MEND_PICTURES, working_renderer
from robotasks.commands.entrants import find_entrant, senses
from robotasks.commands.evaluate import held_out
from robotasks.commands.output import show
from robotasks.envs.vector import TaskVectorEnv
from robotasks.tasks.distribution import split_row
from robotasks.tasks.task import CONTROL_PERIOD, Mark

NO_OPENGL = "disable"
"""The value of MUJOCO_GL with which MuJoCo looks for none."""
SHOWN = ("geom_size", "geom_rgba", "mat_rgba", "light_dir", "light_diffuse", "cam_pos", "cam_quat")
"""Model fields that the window follows."""
STEPS_PER_SECOND = round(1 / CONTROL_PERIOD)


@dataclass(frozen=True)
class Options:
    """Options of `view`."""

    task: Annotated[str, tyro.conf.Positional]
    """Name of the task."""
    agent: str = "expert"
    """expert, random, or the folder of a run."""
    out: Path = Path("view.mp4")
    """A .png (the moment after a quarter of an episode) or an .mp4."""
    interactive: bool = False
    """Open MuJoCo's window instead of writing a file."""
    episodes: int = 3
    """Episodes in a video."""
    every: int = 1
    """Draw every n-th of the 20 steps a second; drawing without a GPU takes its time."""
    seed: int = 0
    """Seed of rows and starts."""
    camera: Literal["front", "top", "side"] = "front"
    """Where to look from."""
    width: int = 640
    """Pixels."""
    height: int = 480
    """Pixels."""
    json: bool = False
    """Print one JSON object."""


def run(options: Options) -> None:
    """Write the file, or keep the window open until it is closed."""
    if options.interactive:
        watch(options)
        return
    if options.out.suffix not in (".mp4", ".png"):
        raise ValueError(f"--out needs a name that ends in .png or .mp4, not {options.out}")
    for name in ("episodes", "every", "width", "height"):
        if getattr(options, name) < 1:
            raise ValueError(f"{name} must be at least 1, not {getattr(options, name)}")
    if options.width % 2 or options.height % 2:
        raise ValueError("width and height must be even: the video format asks for it")
    backend = os.environ.get("MUJOCO_GL") or working_renderer()
    if backend is None and importlib.util.find_spec("mujoco_warp"):
        backend = NO_OPENGL  # the ray tracer draws
    if backend is None:
        raise RuntimeError(
            f"pictures need OpenGL, {MEND_PICTURES}; or MuJoCo Warp, pip install 'robotasks[gpu]'"
        )
    write(options, backend)
    show([{"task": options.task, "file": str(options.out)}], options.json)


def write(options: Options, backend: str) -> None:
    """Write the picture or the video with this value of MUJOCO_GL.

    MuJoCo picks its OpenGL when it is imported, so another one needs a process of its own.
    """
    if os.environ.get("MUJOCO_GL") != backend:
        code = "from robotasks.commands.view import *; from pathlib import *; "
        command = [sys.executable, "-c", f"{code}write({options!r}, {backend!r})"]
        done = subprocess.run(
            command,
            env=os.environ | {"MUJOCO_GL": backend},
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            raise RuntimeError((done.stderr.strip() or "the video failed").splitlines()[-1])
        return
    frames = film(options)
    if options.out.suffix == ".mp4":
        write_video(options.out, frames, Fraction(STEPS_PER_SECOND, options.every))
    else:
        write_picture(options.out, next(frames))


def play(options: Options, env: TaskVectorEnv) -> Iterator[None]:
    """Let the agent act, yielding before each step."""
    adapter = find_entrant(options.agent, options.seed)(env)
    adapter.begin_trial(1, TrialSpec(env.layout.size, 5, 1, env.horizon))
    obs, _ = env.reset(seed=options.seed)
    while True:
        yield
        obs = env.step(adapter.act(obs, explore=False))[0]


def film(options: Options) -> Iterator[np.ndarray]:
    """Yield the frames of the episodes; for a picture, the one after a quarter of the first."""
    env = TaskVectorEnv(
        held_out(options.task, 100, options.seed),
        autoreset_mode="SameStep",
        render_mode="rgb_array",
        camera=options.camera,
        width=options.width,
        height=options.height,
        **senses(options.agent),
    )
    still = options.out.suffix == ".png"
    for step, _ in enumerate(play(options, env)):
        if step == options.episodes * env.horizon:
            env.close()
            return
        if step == env.horizon // 4 if still else step % options.every == 0:
            yield env.picture(0)


def write_video(path: Path, frames: Iterable[np.ndarray], rate: Fraction) -> None:
    """Encode frames (height, width, 3) as H.264; the file appears when it is whole."""
    import av

    partial = path.with_name(path.name + ".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(partial), "w", format="mp4") as video:
        stream = video.add_stream("libx264", rate=rate, options={"crf": "26"})
        stream.pix_fmt = "yuv420p"
        for i, picture in enumerate(frames):
            if not i:
                stream.height, stream.width = picture.shape[:2]
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                video.mux(packet)
        for packet in stream.encode():
            video.mux(packet)
    partial.replace(path)


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a PNG; the file appears when it is whole."""
    import matplotlib.image

    partial = path.with_name(path.name + ".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    matplotlib.image.imsave(partial, picture, format="png")
    partial.replace(path)


def watch(options: Options) -> None:
    """Show the episodes in MuJoCo's window, at the speed of life."""
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        raise RuntimeError("--interactive needs a screen; write a video instead: --out view.mp4")
    import time

    import mujoco.viewer

    from robotasks.physics.camera import draw

    env = TaskVectorEnv(
        held_out(options.task, 100, options.seed),
        autoreset_mode="SameStep",
        **senses(options.agent),
    )
    env.reset(seed=options.seed)
    model, data = env.engines[0].world(0)
    with mujoco.viewer.launch_passive(model, data) as window:
        for _ in play(options, env):
            if not window.is_running():
                return
            world, now = env.engines[0].world(0)
            with window.lock():
                # The next episode's object may have another shape, and the lamp another place.
                for name in SHOWN:
                    getattr(model, name)[:] = getattr(world, name)
                data.qpos[:], data.mocap_pos[:] = now.qpos, now.mocap_pos
                mujoco.mj_forward(model, data)
                window.user_scn.ngeom = 0
                for mark in goal_marks(env, 0):
                    draw(mark, window.user_scn)
            window.sync()
            time.sleep(CONTROL_PERIOD)


def goal_marks(env: TaskVectorEnv, world: int) -> Sequence[Mark]:
    """Return the markers that show the goal of one world."""
    task, row = env.task_rows()[world]
    return task.marks(task.goals.view(split_row(task, row)[0]))
