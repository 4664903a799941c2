"""The terms of proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class PolicyTerms(NamedTuple):
    """Scalars, averaged over the rows given."""

    loss: Tensor  # minus the clipped surrogate
    kl: Tensor  # estimate of KL(old || new), >= 0, no gradient
    clip_fraction: Tensor  # share of rows whose ratio left the clip range, no gradient


def policy_terms(
    log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, clip: float
) -> PolicyTerms:
    """The clipped surrogate (eq. 7) and how far the policy has moved; inputs of one shape.

    KL is estimated by (ratio - 1) - log ratio: unbiased, never negative, and it needs no more
    than the log-probabilities (Schulman, "Approximating KL divergence", 2020).
    """
    log_ratio = log_probs - old_log_probs
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    loss = -torch.minimum(ratio * advantages, clipped * advantages).mean()
    with torch.no_grad():
        kl = (ratio - 1 - log_ratio).mean()
        clip_fraction = ((ratio - 1).abs() > clip).float().mean()
    return PolicyTerms(loss, kl, clip_fraction)


def value_loss(
    values: Tensor, returns: Tensor, old_values: Tensor, clip: float | None = None
) -> Tensor:
    """Half the mean squared error; with `clip`, pessimistic beyond that distance from the old."""
    error = (values - returns).square()
    if clip is not None:
        near = old_values + (values - old_values).clamp(-clip, clip)
        error = torch.maximum(error, (near - returns).square())
    return 0.5 * error.mean()


def adapted_rate(rate: float, kl: float, target: float, factor: float = 1.5) -> float:
    """The next learning rate: smaller beyond twice the target KL, larger below half of it.

    Kept within 1e-5..1e-2, as rsl_rl does. A KL of exactly 0 (nothing learned yet) tells nothing.
    """
    if kl > 2 * target:
        return max(1e-5, rate / factor)
    if 0 < kl < target / 2:
        return min(1e-2, rate * factor)
    return rate
