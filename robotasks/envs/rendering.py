"""Pictures of environments, made when the first is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from robotasks.tasks.task import Mark

if TYPE_CHECKING:
    from robotasks.physics.camera import Camera

MODES = ("rgb_array", "depth_array")
CAMERAS = ("front", "top", "side", "wrist")


class Pictures:
    """A camera that opens on first use and survives a change of model."""

    def __init__(self, camera: str, width: int, height: int) -> None:
        if min(width, height) < 1:
            raise ValueError(f"a picture needs at least one pixel, not {width} x {height}")
        self._camera, self._width, self._height = camera, width, height
        self._open: dict[int, Camera] = {}

    def take(
        self,
        world: tuple[mujoco.MjModel, mujoco.MjData],
        marks: Sequence[Mark],
        depth: bool,
        camera: str | None,
    ) -> np.ndarray:
        """Return rgb (height, width, 3) uint8, or depth in metres (height, width) float32."""
        from robotasks.physics.camera import Camera

        model, data = world
        if model.ngeom not in self._open:
            self._open[model.ngeom] = Camera(model, self._width, self._height)
        return self._open[model.ngeom].render(
            model, data, camera or self._camera, marks=marks, depth=depth
        )

    def close(self) -> None:
        """Release the renderers."""
        for camera in self._open.values():
            camera.close()
        self._open.clear()
