"""Weights that a few gradient steps adapt, row by row (Finn et al. 2017, arXiv 1703.03400).

Functions take one row's weights; `torch.func.vmap` makes them those of many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from robotasks.agents.parts.nets import Activation, mlp

Weights = dict[str, Tensor]
"""A network's parameters by name, of one row; with one more axis in front, of many."""


class Start(nn.Module):
    """A network from which every row starts, and how far each of its weights steps.

    Steps of a learned length are those of Meta-SGD (Li et al. 2017, arXiv 1707.09835).
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Activation,
        rate: float,
        learned: bool,
        generator: torch.Generator,
    ) -> None:
        """sizes: of the layers. rate: of all steps at the start. learned: whether rates are."""
        super().__init__()
        self.network = mlp(sizes, activation, 0.01, generator)
        self.rates = nn.ParameterList(
            nn.Parameter(torch.full_like(p, rate), requires_grad=learned)
            for p in self.network.parameters()
        )

    @property
    def weights(self) -> Weights:
        """Those before the first step."""
        return dict(self.network.named_parameters())

    def output(self, weights: Weights, x: Tensor) -> Tensor:
        """What the network makes of `x` (..., i) with one row's weights, (..., k)."""
        return functional_call(self.network, weights, (x,))

    def stepped(
        self, weights: Weights, loss: Callable[[Weights], Tensor], through: bool = True
    ) -> Weights:
        """One row's weights after a gradient step down a loss.

        through: whether what is made of the result may be derived through the gradient as well.
        """
        slopes = grad(loss)(weights)
        if not through:
            slopes = {name: slope.detach() for name, slope in slopes.items()}
        rates = zip(weights, self.rates, strict=True)
        return {name: weights[name] - rate * slopes[name] for name, rate in rates}
