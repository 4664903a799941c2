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


LOG_VAR = -10.0, 2.0
"""How sure a Gaussian that a network tells may be, and how unsure."""


def unlikely(told: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """How unlikely `known` (..., k) is as `told` (..., 2 k), in means and log-variances.

    The negative log-likelihood (), and by how much the means are off (): averages. Where a network
    is sure, a small error costs much: so it becomes exact.
    """
    mean, log_var = told.chunk(2, dim=-1)
    var = log_var.clamp(*LOG_VAR).exp()
    return nn.functional.gaussian_nll_loss(mean, known, var), (mean - known).abs().mean()


def linear(inputs: int, outputs: int, gain: float, generator: torch.Generator) -> nn.Linear:
    """A linear layer with orthogonal weights, scaled by `gain`, and zero biases."""
    # skip_init: the layer's own initialisation would draw from the global generator.
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain, generator)
    nn.init.zeros_(layer.bias)
    return layer


def mlp(
    sizes: Sequence[int], activation: Activation, last_gain: float, generator: torch.Generator
) -> nn.Sequential:
    """Linear layers of `sizes` with `activation` between them, orthogonal weights, zero biases.

    `last_gain` scales the last layer: small for a policy, which then starts near zero action.
    """
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        last = i == len(sizes) - 2
        layer = linear(inputs, outputs, last_gain if last else math.sqrt(2), generator)
        layers += [layer] if last else [layer, ACTIVATIONS[activation]()]
    return nn.Sequential(*layers)


def residual(
    sizes: Sequence[int], activation: Activation, last_gain: float, generator: torch.Generator
) -> nn.Sequential:
    """Layers of `sizes` as in BroNet (Nauman et al. 2024, arXiv 2405.16158): normalised, residual.

    The first makes an input of the hidden width, which all hidden layers share; each further hidden
    size is a block that is added to its input.
    """
    inputs, *hidden, outputs = sizes
    if len({*hidden}) != 1:
        raise ValueError(f"a residual network has hidden layers of one width, not of {hidden}")
    width, gain, act = hidden[0], math.sqrt(2), ACTIVATIONS[activation]
    stem = linear(inputs, width, gain, generator), nn.LayerNorm(width), act()
    blocks = [_Added(width, act, generator) for _ in hidden[1:]]
    return nn.Sequential(*stem, *blocks, linear(width, outputs, last_gain, generator))


class _Added(nn.Module):
    """Two normalised layers, added to their input (n, w)."""

    def __init__(self, width: int, act: type[nn.Module], generator: torch.Generator) -> None:
        super().__init__()
        first, second = (linear(width, width, math.sqrt(2), generator) for _ in range(2))
        self.layers = nn.Sequential(first, nn.LayerNorm(width), act(), second, nn.LayerNorm(width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def gaussian_log_prob(mean: Tensor, log_std: Tensor, actions: Tensor) -> Tensor:
    """Log-density (...) of `actions` (..., a) around `mean` (..., a), spread as `log_std` says.

    log_std: (a,) or (..., a).
    """
    scaled = (actions - mean) * (-log_std).exp()
    constant = log_std.sum(-1) + 0.5 * math.log(2 * math.pi) * mean.shape[-1]
    return -0.5 * scaled.square().sum(-1) - constant


class DiagonalGaussian(nn.Module):
    """A normal distribution around a given mean, whose spread does not depend on the state.

    Of several tasks each has its own spread; then everybody says which `task` (...) it is about.
    """

    def __init__(self, size: int, initial_std: float, tasks: int = 1) -> None:
        super().__init__()
        shape = (tasks, size) if tasks > 1 else (size,)
        self.log_std = nn.Parameter(torch.full(shape, math.log(initial_std)))

    def sample(
        self, mean: Tensor, generator: torch.Generator, task: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Actions (..., a) around `mean` (..., a) and their log-probabilities (...)."""
        noise = torch.empty_like(mean).normal_(generator=generator)
        actions = mean + self._of(task).exp() * noise
        return actions, self.log_prob(mean, actions, task)

    def log_prob(self, mean: Tensor, actions: Tensor, task: Tensor | None = None) -> Tensor:
        """Log-density (...) of `actions` (..., a)."""
        return gaussian_log_prob(mean, self._of(task), actions)

    def entropy(self) -> Tensor:
        """Differential entropy, a scalar: the same in every state; the mean over tasks."""
        return (self.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum(-1).mean()

    @torch.no_grad()
    def narrow(self, initial: float, final: float | None, left: float) -> None:
        """Let no action spread wider than on the way from `initial` to `final`; None lets it.

        left: the share of the run that lies ahead, 1 to 0; the limit falls by equal factors.
        """
        if final is not None:
            self.log_std.clamp_(max=left * math.log(initial) + (1 - left) * math.log(final))

    def _of(self, task: Tensor | None) -> Tensor:
        return self.log_std if task is None else self.log_std[task]


def squashed(mean: Tensor, log_std: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw from a normal distribution (..., a), squashed by tanh, and tell the log-density (...).

    As in SAC (Haarnoja et al. 2018, arXiv 1812.05905, appendix C). Gradients reach both inputs.
    """
    noise = torch.empty_like(mean).normal_(generator=generator)
    wide = mean + log_std.exp() * noise
    # log(1 - tanh(wide)^2), finite also where that rounds to 0.
    slope = 2 * (math.log(2) - wide - nn.functional.softplus(-2 * wide))
    density = -0.5 * noise.square() - log_std - 0.5 * math.log(2 * math.pi)
    return wide.tanh(), (density - slope).sum(dim=-1)
