"""Make a picture or a video of an agent at work, or open a window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from robotasks.benchmark.agent import TrialSpec
from robotasks.commands.entrants import find_entrant
from robotasks.commands.evaluate import held_out
from robotasks.envs.vector import TaskVectorEnv

FRAMES_PER_SECOND = 20


@dataclass(frozen=True)
class Options:
    """Options of `view`."""

    task: Annotated[str, tyro.conf.Positional]
    """Name of the task."""
    agent: str = "expert"
    """expert, random, or the folder of a run."""
    out: Path = Path("view.mp4")
    """A .png (the moment half-way through an episode) or an .mp4."""
    interactive: bool = False
    """Open MuJoCo's window instead of writing a file."""
    episodes: int = 3
    """Episodes in a video."""
    seed: int = 0
    """Seed of rows and starts."""
    camera: str = "front"
    """front, top or side."""
    width: int = 640
    """Pixels."""
    height: int = 480
    """Pixels."""


def run(options: Options) -> None:
    """Write the file, or keep the window open until it is closed."""
    if options.interactive:
        watch(options)
        return
    if options.out.suffix == ".mp4":
        write_video(options.out, film(options), FRAMES_PER_SECOND)
    elif options.out.suffix == ".png":
        write_picture(options.out, film(options))
    else:
        raise ValueError(f"--out needs a name that ends in .png or .mp4, not {options.out}")
    print(options.out)


def play(options: Options, env: TaskVectorEnv) -> Iterator[None]:
    """Let the agent act, yielding before each step."""
    adapter = find_entrant(options.agent, options.seed)(env)
    adapter.begin_trial(1, TrialSpec(env.layout.size, 5, 1, env.horizon))
    obs, _ = env.reset(seed=options.seed)
    while True:
        yield
        obs = env.step(adapter.act(obs, explore=False))[0]


def film(options: Options) -> Iterator[np.ndarray]:
    """Yield the frames of the episodes."""
    env = TaskVectorEnv(
        held_out(options.task, 100, options.seed),
        autoreset_mode="SameStep",
        render_mode="rgb_array",
        camera=options.camera,
        width=options.width,
        height=options.height,
    )
    for step, _ in enumerate(play(options, env)):
        if step == options.episodes * env.horizon:
            env.close()
            return
        yield env.picture(0)


def write_video(path: Path, frames: Iterable[np.ndarray], rate: int) -> None:
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


def write_picture(path: Path, frames: Iterable[np.ndarray]) -> None:
    """Write the frame half-way through the first episode."""
    import matplotlib.image

    path.parent.mkdir(parents=True, exist_ok=True)
    for step, picture in enumerate(frames):
        if step == 40:
            matplotlib.image.imsave(path, picture)
            return


def watch(options: Options) -> None:
    """Show the episodes in MuJoCo's window, at the speed of life."""
    import time

    import mujoco.viewer

    env = TaskVectorEnv(held_out(options.task, 100, options.seed), autoreset_mode="SameStep")
    env.reset(seed=options.seed)
    model, data = env.engines[0].world(0)
    with mujoco.viewer.launch_passive(model, data) as window:
        for _ in play(options, env):
            if not window.is_running():
                return
            now = env.engines[0].world(0)[1]
            data.qpos[:], data.mocap_pos[:] = now.qpos, now.mocap_pos
            mujoco.mj_forward(model, data)
            window.sync()
            time.sleep(1 / FRAMES_PER_SECOND)
