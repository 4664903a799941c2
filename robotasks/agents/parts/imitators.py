"""Four ways to imitate what was shown on a row. All see normalised observations, rows in front.

`prepare` makes of D demonstrations what `answer` acts on. Both are differentiable, so all learn in
the same way: demonstrations in, and the error of the answers down.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import vmap

from robotasks.agents.parts.cores import TransformerCore
from robotasks.agents.parts.inner import Start, Weights
from robotasks.agents.parts.nets import mlp


class Attending(nn.Module):
    """A transformer reads the demonstrations; each moment looks back on them (Duan et al. 2017,
    arXiv 1703.07326, has an attention over one demonstration, too).

    It knows no earlier moment of its own episode: what one did last tells too well what one does
    next, and a clone then repeats itself (de Haan et al. 2019, arXiv 1905.11979).
    """

    def __init__(
        self,
        sizes: tuple[int, int],
        horizon: int,
        width: int,
        hidden: Sequence[int],
        generator: torch.Generator,
    ) -> None:
        """sizes: o and a. horizon: T. width: of the transformer. hidden: layers to the action."""
        super().__init__()
        self.inputs, self.outputs = sizes
        self.core = TransformerCore(sum(sizes), width, horizon + 1, generator)
        self.head = mlp((width + self.inputs, *hidden, self.outputs), "relu", 0.01, generator)

    def prepare(self, obs: Tensor, actions: Tensor) -> list[Tensor]:
        """Keys and values, (2, B, D T, width) a layer."""
        steps = torch.cat([obs, actions], dim=-1)  # (B, D, T, i)
        read = self.core.remember(steps.flatten(0, 1).transpose(0, 1))
        return [layer.unflatten(1, steps.shape[:2]).flatten(2, 3) for layer in read]

    def answer(self, told: list[Tensor], obs: Tensor) -> Tensor:
        """Actions (B, S, a) for `obs` (B, S, o)."""
        unknown = torch.zeros(*obs.shape[:-1], self.outputs)
        steps = torch.cat([obs, unknown], dim=-1).transpose(0, 1)
        found = self.core.consult(steps, told).transpose(0, 1)
        return self.head(torch.cat([found, obs], dim=-1))


class Tuned(nn.Module):
    """A clone that takes gradient steps on the demonstrations.

    With steps in training these are learned from (MIL: Finn et al. 2017, arXiv 1709.04905), and so
    is how long each weight's are. Without, the clone of all rows is fine-tuned in tests alone.
    """

    def __init__(
        self,
        sizes: tuple[int, int],
        hidden: Sequence[int],
        steps: tuple[int, int],
        rate: float,
        generator: torch.Generator,
    ) -> None:
        """sizes: o and a. steps: in training and in tests. rate: length of a step."""
        super().__init__()
        self.steps = steps
        observation_size, action_size = sizes
        layers, learned = (observation_size, *hidden, action_size), steps[0] > 0
        self.start = Start(layers, "relu", rate, learned, generator)

    def prepare(self, obs: Tensor, actions: Tensor) -> Weights:
        """Weights (B, ...) after the steps."""
        start, steps = self.start.weights, self.steps[0 if self.training else 1]
        weights = {name: p.expand(len(obs), *p.shape) for name, p in start.items()}
        for _ in range(steps):
            weights = vmap(self._stepped)(weights, obs.flatten(1, 2), actions.flatten(1, 2))
        return weights

    def _stepped(self, weights: Weights, obs: Tensor, actions: Tensor) -> Weights:
        """One row's weights after a step on its demonstrated moments, (m, o) and (m, a)."""

        def error(weights: Weights) -> Tensor:
            return (self.start.output(weights, obs) - actions).square().mean()

        return self.start.stepped(weights, error)

    def answer(self, told: Weights, obs: Tensor) -> Tensor:
        """Actions (B, S, a) for `obs` (B, S, o)."""
        return vmap(self.start.output)(told, obs)


class Neighbours(nn.Module):
    """The nearest demonstrated moments in a learned embedding (Vinyals et al. 2016, arXiv
    1606.04080, for classes) correct a clone of all rows.

    What they hold is how the expert's actions differed from the clone's: a mean of that goes on
    beside the demonstrated path, where a mean of actions would not.
    """

    def __init__(
        self,
        sizes: tuple[int, int],
        hidden: Sequence[int],
        width: int,
        generator: torch.Generator,
    ) -> None:
        """sizes: o and a. width: of the embedding."""
        super().__init__()
        observation_size, action_size = sizes
        self.clone = mlp((observation_size, *hidden, action_size), "relu", 0.01, generator)
        self.embed = mlp((observation_size, *hidden, width), "relu", 1.0, generator)

    def prepare(self, obs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Places (B, D T, width) of what was shown, and corrections (B, D T, a)."""
        obs, actions = obs.flatten(1, 2), actions.flatten(1, 2)
        return self.embed(obs), actions - self.clone(obs)

    def answer(self, told: tuple[Tensor, Tensor], obs: Tensor) -> Tensor:
        """Actions (B, S, a) for `obs` (B, S, o)."""
        places, corrections = told
        apart = self.embed(obs)[:, :, None] - places[:, None]
        near = (-apart.square().sum(dim=-1)).softmax(dim=-1)
        return self.clone(obs) + near @ corrections
