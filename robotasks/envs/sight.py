"""What cameras show of all worlds, as observations: by ray tracing, on the device of the worlds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import gymnasium as gym
import numpy as np

from robotasks.envs.crew import Crew
from robotasks.layout import Array, unknown
from robotasks.physics.camera import Tracer
from robotasks.tasks.distribution import split_row
from robotasks.tasks.looks import CAMERAS
from robotasks.tasks.task import Task

EYES = ("front", "wrist")
"""Cameras of an observation unless others are named."""
MOMENTS = 10
"""How many clocks staggered worlds have: a step that ends some episodes draws all twice."""


class Sight:
    """Cameras on every world of some crews."""

    def __init__(
        self,
        crews: Sequence[Crew],
        cameras: Sequence[str],
        pixels: int,
        shown: bool,
        threads: int,
    ) -> None:
        """pixels: width and height. shown: whether pictures show the goal. threads: 0 for all."""
        if pixels < 1:
            raise ValueError(f"pixels must be at least 1, not {pixels}")
        if isinstance(cameras, str) or not cameras:
            raise ValueError(f"cameras is a list of some of {', '.join(CAMERAS)}, not {cameras!r}")
        for name in cameras:
            if name not in CAMERAS:
                raise ValueError(unknown("camera", name, CAMERAS))
        self._crews, self._cameras, self._shown = crews, tuple(cameras), shown
        picture = gym.spaces.Box(0, 255, (pixels, pixels, 3), np.uint8)
        self.spaces: Mapping[str, gym.Space] = dict.fromkeys(self._cameras, picture)
        self._marked = [np.full(crew.rows.shape, np.nan) for crew in crews]
        self._tracers = [
            Tracer(
                crew.task.scene(),
                crew.engine.worlds,
                self._cameras,
                pixels,
                pixels,
                markers=_most_marks(crew.task) if shown else 0,
                device="cpu" if crew.engine.host else str(crew.engine.sensors.device),
                threads=threads,
            )
            for crew in crews
        ]

    def pictures(self) -> Iterator[Array]:
        """Draw every crew's worlds, (worlds, cameras, pixels, pixels, 3) uint8 each."""
        for crew, tracer, marked in zip(self._crews, self._tracers, self._marked, strict=True):
            if self._shown:
                _mark(crew, tracer, marked)
            drawn = tracer.trace(crew.engine.look())
            yield crew.engine.asarray(drawn) if isinstance(drawn, np.ndarray) else drawn

    def named(self, seen: Array) -> dict[str, Array]:
        """Name the pictures of worlds, (worlds, cameras, ...), by their cameras."""
        return {name: seen[:, i] for i, name in enumerate(self._cameras)}

    def close(self) -> None:
        """Release the tracers."""
        for tracer in self._tracers:
            tracer.close()


def _mark(crew: Crew, tracer: Tracer, marked: np.ndarray) -> None:
    """Show the goals of the worlds whose rows are others than those `marked`."""
    for world in np.flatnonzero((crew.rows != marked).any(axis=1)):
        goal = crew.task.goals.view(split_row(crew.task, crew.rows[world])[0])
        tracer.mark(int(world), crew.task.marks(goal))
        marked[world] = crew.rows[world]


def _most_marks(task: Task) -> int:
    """Return how many markers a goal of this task has at most, among many."""
    goals = task.goals.draw(np.random.default_rng(0), 64)
    return max(len(task.marks(task.goals.view(goal))) for goal in goals)
