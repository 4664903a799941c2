"""Seeing: pictures and numbers as one flat row, and the network that reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

STATE = "state"
_LAYERS = ((16, 4, 2), (32, 3, 1), (16, 1, 1))  # channels, width and stride of each convolution
_LEAST = 8  # pixels that leave a place to choose from


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
    """Turns rows of numbers and pictures, as `flattened` and normalised, into features.

    Each camera has convolutions of its own that end in places: where in the picture each channel
    is strongest (spatial soft-argmax, Levine et al. 2016, arXiv 1504.00702). They are put beside
    the numbers. Normalised pixel by pixel, what never changes in a picture is blank.
    """

    shape: Tensor

    def __init__(self, numbers: int, cameras: int, pixels: int, generator: torch.Generator) -> None:
        """numbers: how many come before the pictures. ValueError if these are too small."""
        super().__init__()
        if pixels < _LEAST:
            raise ValueError(f"the network needs pictures of {_LEAST} pixels or more, not {pixels}")
        self.numbers, self.cameras, self.pixels = numbers, cameras, pixels
        self.register_buffer("shape", torch.tensor([numbers, cameras, pixels]))
        self.views = nn.ModuleList(_convolutions(generator) for _ in range(cameras))
        self.features = numbers + cameras * 2 * _LAYERS[-1][0]

    def forward(self, rows: Tensor) -> Tensor:
        """Features (..., f) of rows (..., o)."""
        numbers, seen = rows[..., : self.numbers], rows[..., self.numbers :]
        pictures = seen.reshape(-1, self.cameras, self.pixels, self.pixels, 3)
        pictures = pictures.permute(1, 0, 4, 2, 3)
        found = [places(view(each)) for view, each in zip(self.views, pictures, strict=True)]
        return torch.cat([numbers, torch.cat(found, dim=1).reshape(*rows.shape[:-1], -1)], dim=-1)


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
