"""Seeing: pictures and numbers as one flat row, and the network that reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

STATE = "state"
_LAYERS = ((16, 4), (32, 4), (32, 3))  # channels and width of each convolution; all have stride 2
_LEAST = 22  # pixels that leave the last layer one


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

    Three convolutions with stride 2 look at the pictures of all cameras at once; what they find is
    put beside the numbers. Normalised pixel by pixel, what never changes is blank.
    """

    shape: Tensor

    def __init__(self, numbers: int, cameras: int, pixels: int, generator: torch.Generator) -> None:
        """numbers: how many come before the pictures. ValueError if these are too small."""
        super().__init__()
        if pixels < _LEAST:
            raise ValueError(f"the network needs pictures of {_LEAST} pixels or more, not {pixels}")
        self.numbers, self.cameras, self.pixels = numbers, cameras, pixels
        self.register_buffer("shape", torch.tensor([numbers, cameras, pixels]))
        layers: list[nn.Module] = []
        channels, width = 3 * cameras, pixels
        for wanted, size in _LAYERS:
            layers += [_convolution(channels, wanted, size, generator), nn.ReLU()]
            channels, width = wanted, (width - size) // 2 + 1
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.inputs = numbers + cameras * pixels * pixels * 3
        self.features = numbers + channels * width * width

    def forward(self, rows: Tensor) -> Tensor:
        """Features (..., f) of rows (..., o); ValueError if pictures have another size."""
        if rows.shape[-1] != self.inputs:
            raise ValueError(
                f"expected {self.numbers} numbers and {self.cameras} pictures of {self.pixels} x "
                f"{self.pixels} pixels, got {rows.shape[-1]} numbers in all"
            )
        numbers, seen = rows[..., : self.numbers], rows[..., self.numbers :]
        seen = seen.reshape(-1, self.cameras, self.pixels, self.pixels, 3)
        seen = seen.permute(0, 1, 4, 2, 3).flatten(1, 2)
        found = self.layers(seen).reshape(*rows.shape[:-1], -1)
        return torch.cat([numbers, found], dim=-1)


def _convolution(inputs: int, outputs: int, size: int, generator: torch.Generator) -> nn.Conv2d:
    """A convolution with stride 2, orthogonal weights and zero biases."""
    layer = nn.utils.skip_init(nn.Conv2d, inputs, outputs, size, stride=2)
    nn.init.orthogonal_(layer.weight, math.sqrt(2), generator)
    nn.init.zeros_(layer.bias)
    return layer
