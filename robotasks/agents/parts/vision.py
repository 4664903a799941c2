"""Seeing: pictures and numbers as one flat row, and the network that reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from robotasks.agents.parts.checkpoint import State
from robotasks.agents.parts.descent import FINAL, descend, falling, passes
from robotasks.agents.parts.nets import mlp
from robotasks.agents.parts.state import adam_state, load_adam

STATE = "state"
_LAYERS = ((16, 4, 2), (32, 3, 1), (16, 1, 1))  # channels, width and stride of each convolution
_LEAST = 8  # pixels that leave a place to choose from
_HIDDEN = 128  # width of the layer between places and state


def flattened(obs: Any) -> Tensor:
    """Observations as rows (n, o): arrays and tensors as they are, dictionaries side by side.

    Of a dictionary the numbers of `state` come first, then the pictures (n, p, p, 3) in the order
    of their names, 0 to 1.
    """
    if not isinstance(obs, Mapping):
        return torch.as_tensor(obs)
    pictures = [torch.as_tensor(obs[name]) for name in sorted(obs.keys() - {STATE})]
    rows = [torch.as_tensor(obs[STATE]), *(p.flatten(1) / 255 for p in pictures)]
    return torch.cat(rows, dim=1)


class Eyes(nn.Module):
    """Reads the state off rows of numbers and pictures, as `flattened` and normalised.

    Each camera has convolutions of its own that end in places: where in the picture each channel
    is strongest (spatial soft-argmax, Levine et al. 2016, arXiv 1504.00702). Normalised pixel by
    pixel, what never changes in a picture is blank. From places and numbers a small network tells
    what the numbers leave out of the state: having to copy them too, it learned half as fast.
    """

    shape: Tensor

    def __init__(
        self, numbers: int, cameras: int, pixels: int, told: int, generator: torch.Generator
    ) -> None:
        """numbers: how many come before the pictures. told: how many they leave out of
        the state.

        Raises ValueError if the pictures are too small.
        """
        super().__init__()
        if pixels < _LEAST:
            raise ValueError(f"the network needs pictures of {_LEAST} pixels or more, not {pixels}")
        self.numbers, self.cameras, self.pixels = numbers, cameras, pixels
        self.register_buffer("shape", torch.tensor([numbers, cameras, pixels, told]))
        self.views = nn.ModuleList(_convolutions(generator) for _ in range(cameras))
        found = numbers + cameras * 2 * _LAYERS[-1][0]
        self.teller = mlp((found, _HIDDEN, told), "elu", 1.0, generator)
        self.features = numbers + told

    def forward(self, rows: Tensor) -> Tensor:
        """Features (..., f) of rows (..., o): the numbers, and what the pictures tell."""
        return torch.cat([rows[..., : self.numbers], self.tell(rows)], dim=-1)

    def tell(self, rows: Tensor) -> Tensor:
        """What pictures show of the state (..., told), from rows (..., o)."""
        numbers, seen = rows[..., : self.numbers], rows[..., self.numbers :]
        pictures = seen.reshape(-1, self.cameras, self.pixels, self.pixels, 3)
        pictures = pictures.permute(1, 0, 4, 2, 3)
        found = [places(view(each)) for view, each in zip(self.views, pictures, strict=True)]
        where = torch.cat(found, dim=1).reshape(*rows.shape[:-1], -1)
        return self.teller(torch.cat([numbers, where], dim=-1))


class Teaching(Protocol):
    """The options of a lesson in seeing."""

    @property
    def eyes_rate(self) -> float:
        """The learning rate, the first one."""
        ...

    @property
    def eyes_epochs(self) -> int:
        """Passes over each rollout."""
        ...

    @property
    def eyes_minibatches(self) -> int:
        """Gradient steps per pass."""
        ...

    @property
    def max_grad_norm(self) -> float:
        """Longer gradients are shortened to this."""
        ...


class EyesLearner:
    """Teaches eyes to tell what the numbers leave out, which is known while they learn.

    Supervised, as in Levine et al. 2016 (arXiv 1504.00702, section 5.2): rewards tell little of
    what to look for, and a policy that read what it half sees would also have to learn to see.
    """

    def __init__(self, eyes: Eyes, config: Teaching, generator: torch.Generator) -> None:
        self.eyes, self.config, self.generator = eyes, config, generator
        self.adam = torch.optim.Adam(eyes.parameters(), config.eyes_rate, fused=True)

    def learn(self, obs: Tensor, hidden: Tensor, left: float) -> dict[str, float]:
        """Passes over a rollout's normalised `obs` (T, N, o); hidden: what to tell (T, N, k).

        left: the share of the run that lies ahead, 1 to 0; the learning rate falls with it.
        """
        rows, wanted, config, errors = obs.flatten(0, 1), hidden.flatten(0, 1), self.config, []
        self.adam.param_groups[0]["lr"] = config.eyes_rate * falling(FINAL, left)
        for chosen in passes(
            len(rows), config.eyes_epochs, config.eyes_minibatches, self.generator
        ):
            error = nn.functional.mse_loss(self.eyes.tell(rows[chosen]), wanted[chosen])
            self.adam.zero_grad()
            error.backward()
            descend(self.adam, config.max_grad_norm, "Seeing", "Lower eyes_rate")
            errors.append(error.item())
        return {"eyes_error": math.sqrt(sum(errors) / len(errors))}

    def state(self) -> State:
        """The optimiser; the eyes are the policy's."""
        return adam_state(self.adam, "eyes_adam")

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        load_adam(self.adam, "eyes_adam", state)


def places(maps: Tensor) -> Tensor:
    """Where each channel of `maps` (n, c, h, w) is strongest: (n, 2 c), -2 to 2 down and across."""
    n, c, h, w = maps.shape
    share = maps.flatten(2).softmax(dim=-1).reshape(n, c, h, w)
    down, across = (torch.linspace(-2, 2, size, device=maps.device) for size in (h, w))
    return torch.cat([(share.sum(3) * down).sum(2), (share.sum(2) * across).sum(2)], dim=1)


def _convolutions(generator: torch.Generator) -> nn.Sequential:
    """The layers of one camera: orthogonal weights, zero biases, the last one linear."""
    layers: list[nn.Module] = []
    channels = 3
    for wanted, width, stride in _LAYERS:
        layer = nn.utils.skip_init(nn.Conv2d, channels, wanted, width, stride=stride)
        nn.init.orthogonal_(layer.weight, math.sqrt(2), generator)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
        channels = wanted
    return nn.Sequential(*layers[:-1])
