"""Geometry and shaping functions for numpy and torch arrays alike.

Every function takes arrays with any leading axes `...` and works element by element:
no matrix product, whose rounding may depend on the number of rows, so a world's
numbers are the same bit for bit in any batch.
Quaternions are (w, x, y, z), angles radians.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from robotasks.layout import Array

_MODULES: dict[type, ModuleType] = {}


def namespace(x: Array) -> ModuleType:
    """The Array API module of an array: remembered by type, since a look-up costs as much as
    three additions and a single world makes many.
    """
    kind = type(x)
    if kind not in _MODULES:
        _MODULES[kind] = array_namespace(x)
    return _MODULES[kind]


def copied(x: Array) -> Array:
    """Return a copy of an array."""
    return x.copy() if isinstance(x, np.ndarray) else x.clone()


def on_host(x: Array) -> np.ndarray:
    """Return an array as numpy's: itself, or a copy from the device, for which it waits."""
    return x if isinstance(x, np.ndarray) else x.cpu().numpy()


def hosted(values: Any) -> Any:
    """Return what an environment returned, tuples and dictionaries of arrays, as numpy's."""
    if isinstance(values, dict):
        return {name: hosted(each) for name, each in values.items()}
    return tuple(map(hosted, values)) if isinstance(values, tuple) else on_host(values)


def zeros_like(x: Array, *shape: int) -> Array:
    """Return zeros of `shape` with the type of number and the device of `x`."""
    return namespace(x).zeros(shape, dtype=x.dtype, device=x.device)


def norm(x: Array) -> Array:
    """Euclidean length of the last axis, (..., n) -> (...), n at least 2."""
    xp = namespace(x)
    length = xp.hypot(x[..., 0], x[..., 1])
    for i in range(2, x.shape[-1]):
        length = xp.hypot(length, x[..., i])
    return length


def distance(a: Array, b: Array) -> Array:
    """Euclidean distance of points, (..., n) x (..., n) -> (...)."""
    return norm(a - b)


def dot(a: Array, b: Array) -> Array:
    """Inner product of the last axis, (..., n) x (..., n) -> (...)."""
    product = a * b
    total = product[..., 0]
    for i in range(1, product.shape[-1]):
        total = total + product[..., i]
    return total


def unit(x: Array) -> Array:
    """The direction of a vector, (..., n) -> (..., n); zero stays zero."""
    length = norm(x)[..., None]
    return x / namespace(x).where(length > 1e-9, length, 1.0)


def closeness(d: Array, scale: float) -> Array:
    """Map a distance to (0, 1]: 1 at zero, 0.24 at `scale`, towards 0 far away."""
    return 1.0 - namespace(d).tanh(d / scale)


def clip(x: Array, low: Array | float, high: Array | float | None) -> Array:
    """Limit `x` to [low, high]; the bounds may be numbers or arrays, None for no upper one."""
    if isinstance(x, np.ndarray):  # a quarter of the cost of clip
        least = np.maximum(x, low)
        return least if high is None else np.minimum(least, high)
    return namespace(x).clip(x, low, high)


def excess(d: Array, slack: Array | float) -> Array:
    """By how much a distance exceeds a slack, (...); 0 within it."""
    return clip(d - slack, 0.0, None)


def wrap_angle(angle: Array) -> Array:
    """Map angles to [-pi, pi)."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


def rotate(quat: Array, vector: Array) -> Array:
    """Rotate vectors by unit quaternions, (..., 4) x (..., 3) -> (..., 3)."""
    w, u = quat[..., :1], quat[..., 1:]
    t = 2 * cross(u, vector)
    return vector + w * t + cross(u, t)


def cross(a: Array, b: Array) -> Array:
    """Vector product, (..., 3) x (..., 3) -> (..., 3)."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return stack(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)


def stack(*columns: Array) -> Array:
    """Join scalars per row into vectors, n times (...) -> (..., n)."""
    return namespace(columns[0]).concat([column[..., None] for column in columns], axis=-1)


def yaw_quat(yaw: Array) -> Array:
    """Quaternion of a turn by `yaw` about the vertical, (...) -> (..., 4)."""
    xp = namespace(yaw)
    zero = xp.zeros_like(yaw)
    return stack(xp.cos(yaw / 2), zero, zero, xp.sin(yaw / 2))


def rotation6(quat: Array) -> Array:
    """First two columns of the rotation matrix, (..., 4) -> (..., 6): a continuous code."""
    w, x, y, z = quat[..., 0], quat[..., 1], quat[..., 2], quat[..., 3]
    return stack(
        1 - 2 * (y * y + z * z),
        2 * (x * y + w * z),
        2 * (x * z - w * y),
        2 * (x * y - w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z + w * x),
    )


def heading(yaw: Array) -> Array:
    """Sine and cosine of an angle, (...) -> (..., 2)."""
    xp = namespace(yaw)
    return stack(xp.sin(yaw), xp.cos(yaw))
