"""Networks. Every initial weight comes from the generator given, none from torch's global one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["tanh", "elu", "relu"]
ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "elu": nn.ELU, "relu": nn.ReLU}


def mlp(
    sizes: Sequence[int], activation: Activation, last_gain: float, generator: torch.Generator
) -> nn.Sequential:
    """Linear layers of `sizes` with `activation` between them, orthogonal weights, zero biases.

    `last_gain` scales the last layer: small for a policy, which then starts near zero action.
    """
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        last = i == len(sizes) - 2
        # skip_init: the layer's own initialisation would draw from the global generator.
        layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
        nn.init.orthogonal_(layer.weight, last_gain if last else math.sqrt(2), generator)
        nn.init.zeros_(layer.bias)
        layers += [layer] if last else [layer, ACTIVATIONS[activation]()]
    return nn.Sequential(*layers)


def gaussian_log_prob(mean: Tensor, log_std: Tensor, actions: Tensor) -> Tensor:
    """Log-density (...) of `actions` (..., a) around `mean` (..., a), spread as `log_std` (a,)."""
    scaled = (actions - mean) * (-log_std).exp()
    constant = log_std.sum() + 0.5 * math.log(2 * math.pi) * mean.shape[-1]
    return -0.5 * scaled.square().sum(-1) - constant


class DiagonalGaussian(nn.Module):
    """A normal distribution around a given mean, whose spread does not depend on the state."""

    def __init__(self, size: int, initial_std: float) -> None:
        super().__init__()
        self.log_std = nn.Parameter(torch.full((size,), math.log(initial_std)))

    def sample(self, mean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Actions (..., a) around `mean` (..., a) and their log-probabilities (...)."""
        noise = torch.empty_like(mean).normal_(generator=generator)
        actions = mean + self.log_std.exp() * noise
        return actions, self.log_prob(mean, actions)

    def log_prob(self, mean: Tensor, actions: Tensor) -> Tensor:
        """Log-density (...) of `actions` (..., a)."""
        return gaussian_log_prob(mean, self.log_std, actions)

    def entropy(self) -> Tensor:
        """Differential entropy, a scalar: the same in every state."""
        return (self.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum()
