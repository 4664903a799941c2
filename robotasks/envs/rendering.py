"""Pictures of environments, made when the first is asked for: OpenGL's, else the ray tracer's."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from robotasks.physics.engine import LOOKS, POSES
from robotasks.tasks.task import Mark, Task

if TYPE_CHECKING:
    from robotasks.physics.camera import Camera, Tracer

MOST_MARKS = 16
"""Markers that a picture has room for."""
MODES = ("rgb_array", "depth_array")


class Pictures:
    """A camera that opens on first use and survives a change of model."""

    def __init__(self, camera: str, width: int, height: int) -> None:
        if min(width, height) < 1:
            raise ValueError(f"a picture needs at least one pixel, not {width} x {height}")
        self._camera, self._width, self._height = camera, width, height
        self._open: dict[int, Camera] = {}
        self._tracers: dict[tuple[Task, str, str], Tracer] = {}

    def take(
        self,
        task: Task,
        world: tuple[mujoco.MjModel, mujoco.MjData],
        marks: Sequence[Mark],
        depth: bool,
        camera: str | None,
    ) -> np.ndarray:
        """Return rgb (height, width, 3) uint8, or depth in metres (height, width) float32."""
        from robotasks.physics.camera import Camera

        model, data = world
        if not self._tracers and model.ngeom not in self._open:
            try:
                self._open[model.ngeom] = Camera(model, self._width, self._height)
            except RuntimeError:
                if importlib.util.find_spec("mujoco_warp") is None:
                    raise
        if model.ngeom not in self._open:
            return self._trace(task, world, marks, depth, camera or self._camera)
        return self._open[model.ngeom].render(
            model, data, camera or self._camera, marks=marks, depth=depth
        )

    def _trace(
        self,
        task: Task,
        world: tuple[mujoco.MjModel, mujoco.MjData],
        marks: Sequence[Mark],
        depth: bool,
        camera: str,
    ) -> np.ndarray:
        """Draw one world without OpenGL."""
        from robotasks.physics.camera import Tracer

        key = task, camera, "depth" if depth else "rgb"
        if key not in self._tracers:
            size = self._width, self._height
            self._tracers[key] = Tracer(task.scene(), 1, [camera], *size, key[2], MOST_MARKS)
        model, data = world
        tracer = self._tracers[key]
        tracer.mark(0, marks)
        look = {name: getattr(data, name)[None] for name in POSES}
        look |= {name: getattr(model, name)[None] for name in LOOKS}
        return tracer.trace(look)[0, 0]

    def close(self) -> None:
        """Release the renderers."""
        for tracer in self._tracers.values():
            tracer.close()
        self._tracers.clear()
        for camera in self._open.values():
            camera.close()
        self._open.clear()
