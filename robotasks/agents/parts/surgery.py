"""Combining the gradients of several tasks when they pull in different directions.

Every rule here returns a combination of the tasks' gradients, so that all it has to know are their
inner products, an (M, M) matrix for M tasks. Its weights are scaled like those of a mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch

Rule = Literal["mean", "pcgrad", "cagrad"]

CAGRAD_C = 0.4  # how far CAGrad may leave the mean, as a share of the mean's length
ITERATIONS, TOLERANCE = 500, 1e-7  # of CAGrad's small convex problem; weights add up to 1


def weights(rule: Rule, gram: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """How much of each task's gradient to take, (M,), by the inner products `gram` (M, M).

    generator: for the random orders of PCGrad.
    """
    if rule == "mean":
        return np.full(len(gram), 1 / len(gram))
    if rule == "pcgrad":
        orders = torch.rand(gram.shape, generator=generator).argsort(dim=1)
        return pcgrad(gram, orders.numpy())
    return cagrad(gram)


def pcgrad(gram: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Projecting conflicting gradients (Yu et al. 2020, arXiv 2001.06782, algorithm 1).

    Each task's gradient loses its part against that of every other one it conflicts with, one
    after the other; orders (M, M): in which order, a permutation of the tasks in every row.
    Returns the weights of the mean of the projected gradients (the paper takes their sum).
    """
    count = len(gram)
    mixed, own = np.eye(count), np.arange(count)  # row i: the projected gradient i, by its weights
    for others in orders.T:
        along = (mixed * gram[others]).sum(axis=1)
        one = np.flatnonzero((along < 0) & (others != own))
        other = others[one]
        mixed[one, other] -= along[one] / gram[other, other]
    return mixed.mean(axis=0)


def cagrad(gram: np.ndarray, c: float = CAGRAD_C) -> np.ndarray:
    """Conflict-averse gradient descent (Liu et al. 2021, arXiv 2110.14048, algorithm 1).

    The direction that helps the worst-off task most, no farther than `c` times the mean's length
    from the mean g_0. Its dual looks for the w in the simplex that minimises
    g_w . g_0 + c |g_0| |g_w|; the direction is then g_0 + c |g_0| g_w / |g_w|.
    """
    mean = np.full(len(gram), 1 / len(gram))
    scale = np.trace(gram) / len(gram)
    if scale <= 0:
        return mean
    gram = gram / scale
    pull, radius = gram @ mean, c * np.sqrt(max(0.0, mean @ gram @ mean))

    def dual(w: np.ndarray) -> tuple[float, np.ndarray]:
        length = np.sqrt(max(1e-12, w @ gram @ w))
        return w @ pull + radius * length, pull + radius / length * (gram @ w)

    w = _on_simplex(dual, mean)
    length = np.sqrt(max(0.0, w @ gram @ w))
    # No length: no direction helps all tasks at once.
    return mean + radius / length * w if length > 1e-6 else mean


def _on_simplex(
    function: Callable[[np.ndarray], tuple[float, np.ndarray]], w: np.ndarray
) -> np.ndarray:
    """Minimise a convex function (value, slope) over the simplex: projected gradients from `w`."""
    step = 1.0
    value, slope = function(w)
    for _ in range(ITERATIONS):
        while True:
            moved = _project(w - step * slope)
            change = moved - w
            found = function(moved)
            bound = value + slope @ change + change @ change / (2 * step)
            if found[0] <= bound + 1e-15 or step < 1e-9:
                break
            step /= 2
        w, (value, slope) = moved, found
        if np.abs(change).max() < TOLERANCE * max(1.0, step):
            break
        step *= 2
    return w


def _project(v: np.ndarray) -> np.ndarray:
    """The nearest point to `v` (M,) with entries that are not negative and add up to 1."""
    falling = np.sort(v)[::-1]
    excess = (falling.cumsum() - 1) / np.arange(1, len(v) + 1)
    return np.maximum(v - excess[falling > excess][-1], 0)


def cosines(gram: np.ndarray) -> np.ndarray:
    """Cosine of the angle between each two gradients, (M, M); 0 where one has no length."""
    lengths = np.sqrt(np.diag(gram))
    products = np.outer(lengths, lengths)
    return np.divide(gram, products, out=np.zeros_like(gram), where=products > 0)
