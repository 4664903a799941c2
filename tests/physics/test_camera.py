"""Markers as MuJoCo gets them, and OpenGL beside torch."""

import math
import subprocess
import sys

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


def test_who_has_drawn_may_train(gl):
    code = (
        "import mujoco\n"
        "from robotasks.physics.camera import Camera\n"
        "Camera(mujoco.MjSpec().compile(), 8, 8)\n"
        "import torch\n"
        "torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
