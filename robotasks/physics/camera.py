"""Pictures through OpenGL, with markers that are drawn but never simulated."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

import mujoco
import numpy as np

from robotasks.layout import unknown
from robotasks.physics.scene import HIDDEN

SHAPES = {
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "box": mujoco.mjtGeom.mjGEOM_BOX,
}


class Marker(Protocol):
    """Something to draw beside the model: position and half sizes in metres, yaw in radians."""

    @property
    def pos(self) -> tuple[float, float, float]: ...  # noqa: D102
    @property
    def size(self) -> tuple[float, float, float]: ...  # noqa: D102
    @property
    def shape(self) -> str: ...  # noqa: D102
    @property
    def rgba(self) -> tuple[float, float, float, float]: ...  # noqa: D102
    @property
    def yaw(self) -> float: ...  # noqa: D102


class Camera:
    """Renders worlds of one model's structure; sizes and colours may differ between them."""

    def __init__(self, model: mujoco.MjModel, width: int, height: int) -> None:
        """Open OpenGL; raises RuntimeError, with the way out, where it does not work."""
        model.vis.global_.offwidth = max(model.vis.global_.offwidth, width)
        model.vis.global_.offheight = max(model.vis.global_.offheight, height)
        try:
            self._renderer = mujoco.Renderer(model, height, width)
        except Exception as error:  # each OpenGL library fails with an exception of its own
            raise RuntimeError(
                f"pictures need OpenGL, which does not work here ({error}); "
                "`robotasks doctor` tells the command that mends it"
            ) from error
        self._options = mujoco.MjvOption()
        self._options.geomgroup[HIDDEN] = 0
        self._options.sitegroup[:] = 0

    def render(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        camera: str,
        marks: Iterable[Marker] = (),
        depth: bool = False,
    ) -> np.ndarray:
        """Return rgb (height, width, 3) uint8, or depth in metres (height, width) float32."""
        known = [model.camera(i).name for i in range(model.ncam)]
        if camera not in known:
            raise ValueError(unknown("camera", camera, known))
        renderer = self._renderer
        renderer._model = model  # the renderer would keep the sizes and colours of its first world
        renderer.update_scene(data, camera, self._options)
        for mark in marks:
            draw(mark, renderer.scene)
        if depth:
            renderer.enable_depth_rendering()
            picture = renderer.render().copy()
            renderer.disable_depth_rendering()
            return picture
        return renderer.render().copy()

    def close(self) -> None:
        """Release OpenGL; may be called again."""
        self._renderer.close()


def draw(mark: Marker, scene: mujoco.MjvScene) -> None:
    """Add a marker to a scene: a picture's, or the window's `user_scn`."""
    if mark.shape not in SHAPES:
        raise ValueError(unknown("marker shape", mark.shape, SHAPES))
    cos, sin = math.cos(mark.yaw), math.sin(mark.yaw)
    mujoco.mjv_initGeom(
        scene.geoms[scene.ngeom],
        SHAPES[mark.shape],
        np.asarray(mark.size, dtype=np.float64),
        np.asarray(mark.pos, dtype=np.float64),
        np.array([cos, -sin, 0, sin, cos, 0, 0, 0, 1]),
        np.asarray(mark.rgba, dtype=np.float32),
    )
    scene.ngeom += 1
