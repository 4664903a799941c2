"""Markers as MuJoCo gets them; needs no OpenGL."""

import math

import mujoco
import numpy as np
import pytest

from robotasks.physics.camera import draw
from robotasks.tasks.task import Mark


def test_a_marker_is_turned_by_its_yaw():
    scene = mujoco.MjvScene(mujoco.MjSpec().compile(), maxgeom=2)
    yaw = 0.4
    draw(Mark(pos=(0.5, 0.1, 0.001), size=(0.06, 0.015, 0.001), shape="box", yaw=yaw), scene)
    draw(Mark(pos=(0.5, 0.1, 0.001), size=(0.06, 0.015, 0.001), shape="box"), scene)
    turned, straight = scene.geoms[0], scene.geoms[1]
    assert turned.mat @ [1, 0, 0] == pytest.approx([math.cos(yaw), math.sin(yaw), 0])
    assert np.array_equal(straight.mat, np.eye(3))
    assert turned.pos == pytest.approx([0.5, 0.1, 0.001])
    assert turned.size == pytest.approx([0.06, 0.015, 0.001])
