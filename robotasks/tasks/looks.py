"""How a world looks: light, colours and cameras, which vary without changing what happens.

They are drawn like dynamics, after everything else, so that a world has the same goals, dynamics
and starts with them and without.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import mujoco
import numpy as np

from robotasks.layout import Array, View
from robotasks.physics.engine import EVERY
from robotasks.tasks.span import Span
from robotasks.tasks.task import Task

CAMERAS = ("front", "top", "side", "wrist")
"""Cameras of every scene."""
_LAMP = "key"
_TINT = ((0.85,) * 3, (1.15,) * 3)
LOOKS = Span(
    lamp_lean=((-0.3, -0.3), (0.3, 0.3)),
    lamp_strength=(0.7, 1.3),
    table_tint=_TINT,
    part_tint=_TINT,
    **{f"{name}_shift": ((-0.015,) * 3, (0.015,) * 3) for name in CAMERAS},
    **{f"{name}_turn": ((-0.02,) * 3, (0.02,) * 3) for name in CAMERAS},
)
"""lamp_lean: added to the x and y of the lamp's direction, whose z is -1. lamp_strength: factor.
table_tint: factors of red, green and blue of table and floor; part_tint: of all but the robot.
shift and turn: of each camera along and about its own axes (m, rad)."""


@cache
def varied(task: Task) -> Task:
    """Return the task with `LOOKS` among its dynamics; it is the same problem."""
    kind, scene = type(task), task.scene().compile()

    class Varied(kind):  # type: ignore[misc, valid-type]
        dynamics = kind.dynamics | LOOKS

        def fields(self, dynamics: View) -> Mapping[tuple[str, str], Array]:
            return {**super().fields(dynamics), **look_fields(scene, dynamics)}

    return Varied()


def look_fields(scene: mujoco.MjModel, looks: View) -> dict[tuple[str, str], np.ndarray]:
    """Return the model fields of looks, numpy rows (n, ...), as differences from a scene."""
    lamp = scene.light(_LAMP)
    lean = lamp.dir / -lamp.dir[2] + np.pad(looks.lamp_lean, ((0, 0), (0, 1)))
    strength = looks.lamp_strength[:, None]
    names = [scene.camera(i).name for i in range(scene.ncam)]
    moved = [_camera(scene.camera(name), looks, name) for name in names]
    return {
        ("light_dir", _LAMP): lean / np.sqrt((lean**2).sum(axis=1, keepdims=True)),
        ("light_diffuse", _LAMP): lamp.diffuse * strength,
        ("mat_rgba", EVERY): _tinted(scene.mat_rgba, looks.table_tint),
        ("geom_rgba", EVERY): np.where(
            _is_part(scene)[:, None],
            _tinted(scene.geom_rgba, looks.part_tint),
            scene.geom_rgba,
        ),
        ("cam_pos", EVERY): np.stack([place for place, _ in moved], axis=1),
        ("cam_quat", EVERY): np.stack([turn for _, turn in moved], axis=1),
    }


def _tinted(colours: np.ndarray, tint: np.ndarray) -> np.ndarray:
    """Return colours (c, 4) times tints (n, 3), (n, c, 4) within 0..1."""
    factors = np.pad(tint, ((0, 0), (0, 1)), constant_values=1)
    return np.clip(colours * factors[:, None], 0, 1)


def _is_part(scene: mujoco.MjModel) -> np.ndarray:
    """Return which geoms have a colour of their own and are not the robot's, (ngeom,) bool."""
    robot = scene.body_rootid[scene.body("hand").id]
    # A colour besides a material would take its place.
    return (scene.body_rootid[scene.geom_bodyid] != robot) & (scene.geom_matid < 0)


def _camera(camera: mujoco.MjModel, looks: View, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the places (n, 3) and quaternions (n, 4) of one camera."""
    axes, (w, x, y, z) = np.empty(9), camera.quat
    mujoco.mju_quat2Mat(axes, camera.quat)
    shift, turn = getattr(looks, f"{name}_shift"), getattr(looks, f"{name}_turn")
    half = np.sqrt((turn**2).sum(axis=1, keepdims=True)) / 2
    small = np.concatenate([np.cos(half), turn / 2 * np.sinc(half / np.pi)], axis=1)
    # The quaternion product with `small` on the right; sums, since a matrix product may round
    # differently with the number of worlds.
    product = np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    place = camera.pos + (axes.reshape(3, 3) * shift[:, None]).sum(axis=2)
    return place, (product * small[:, None]).sum(axis=2)
