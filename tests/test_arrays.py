import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotasks import arrays

numbers = st.lists(st.floats(-10, 10), min_size=3, max_size=3).map(np.array)
angles = st.floats(-20, 20)


@given(angles, numbers)
def test_rotating_by_yaw_turns_the_plane(yaw, vector):
    turned = arrays.rotate(arrays.yaw_quat(np.array(yaw)), vector)
    c, s = math.cos(yaw), math.sin(yaw)
    x, y, z = vector
    assert np.allclose(turned, [c * x - s * y, s * x + c * y, z], atol=1e-9)


@given(angles)
def test_wrapped_angles_are_the_same_direction(angle):
    wrapped = float(arrays.wrap_angle(np.array(angle)))
    assert -math.pi <= wrapped < math.pi + 1e-12
    assert math.isclose(math.cos(wrapped), math.cos(angle), abs_tol=1e-9)


@given(numbers, numbers)
def test_norm_distance_and_dot_agree(a, b):
    assert np.isclose(arrays.distance(a, b) ** 2, arrays.dot(a - b, a - b), atol=1e-9)
    assert np.isclose(arrays.norm(a), np.linalg.norm(a))


@given(numbers)
def test_unit_has_length_one_or_zero(a):
    length = np.linalg.norm(arrays.unit(a))
    assert np.isclose(length, 1.0) or np.linalg.norm(a) < 1e-9


def test_closeness_falls_from_one():
    values = arrays.closeness(np.array([0.0, 0.1, 1.0]), 0.1)
    assert values[0] == 1.0
    assert values[1] == pytest.approx(1 - math.tanh(1))
    assert 0 <= values[2] < 1e-6


def test_torch_gives_what_numpy_gives():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    quat, vector = arrays.unit(rng.normal(size=(5, 4))), rng.normal(size=(5, 3))
    for function, inputs in (
        (arrays.rotate, (quat, vector)),
        (arrays.unit, (vector,)),
        (arrays.rotation6, (quat,)),
        (arrays.heading, (vector[:, 0],)),
        (arrays.clip, (vector, -0.5, 0.5)),
        (arrays.clip, (vector, vector - 1, vector + 1)),
    ):
        tensors = [torch.from_numpy(v) if isinstance(v, np.ndarray) else v for v in inputs]
        assert np.allclose(function(*inputs), function(*tensors).numpy(), atol=1e-12)
