"""Sequence models: read step by step while acting, at once while learning, with the same result.

A core has `width` (of its output), and: `start(n)` is the memory of n worlds before a trial,
`step(x, memory)` reads the next input (n, i) and gives the output (n, width) and the memory after
it, and a call reads whole trials, (T, n, i) to (T, n, width).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from robotasks.agents.parts.nets import linear


class GRUCore(nn.Module):
    """A gated recurrent unit (Cho et al. 2014, arXiv 1406.1078), as in RL2."""

    def __init__(self, inputs: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.width = width
        with torch.random.fork_rng([]):  # its own initialisation draws from the global generator
            self.cell = nn.GRU(inputs, width)
        for name, parameter in self.cell.named_parameters():
            if name.startswith("bias"):
                nn.init.zeros_(parameter)
            else:
                for gate in parameter.data.chunk(3):
                    nn.init.orthogonal_(gate, generator=generator)

    def start(self, n: int) -> Tensor:
        """Zeros (n, width)."""
        return torch.zeros(n, self.width)

    def step(self, x: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """Output (n, width) for the next input (n, i), and the memory after it."""
        output, after = self.cell(x[None], memory[None])
        return output[0], after[0]

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (T, n, width) for whole trials (T, n, i)."""
        return self.cell(x)[0]


class TransformerCore(nn.Module):
    """A causal transformer over the steps of a trial (Vaswani et al. 2017, arXiv 1706.03762).

    Layers are normalised before each part, and each part begins as nothing, so that the output
    is at first the embedded input alone: on-policy transformers are fragile at the start.
    """

    def __init__(
        self, inputs: int, width: int, context: int, generator: torch.Generator, layers: int = 2
    ) -> None:
        super().__init__()
        self.width = width
        self.embed = linear(inputs, width, 1.0, generator)
        self.blocks = nn.ModuleList(_Block(width, generator) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.register_buffer("positions", _sinusoids(context, width), persistent=False)

    def start(self, n: int) -> list[Tensor]:
        """What attention looks back on, nothing: one (2, n, 0, width) a layer."""
        return [torch.zeros(2, n, 0, self.width) for _ in self.blocks]

    def step(self, x: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """Output (n, width) for the next input (n, i), and the memory after it."""
        y, after = self._read(x[None], memory)
        return y[0], after

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (T, n, width) for whole trials (T, n, i)."""
        return self._read(x, self.start(x.shape[1]))[0]

    def remember(self, x: Tensor) -> list[Tensor]:
        """The memory (2, n, T, width) a layer after whole trials (T, n, i)."""
        return self._read(x, self.start(x.shape[1]))[1]

    def consult(self, x: Tensor, memory: list[Tensor]) -> Tensor:
        """Outputs (t, n, width) for steps (t, n, i), each alone with what the memory holds.

        None of them is remembered, and all are in the last place that there is: a memory may hold
        several trials side by side.
        """
        y = (self.embed(x) + self.get_buffer("positions")[-1]).transpose(0, 1)
        for block, past in zip(self.blocks, memory, strict=True):
            y, _ = block(y, past, apart=True)
        return self.norm(y).transpose(0, 1)

    def _read(self, x: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Read steps (t, n, i) that follow what the memory holds."""
        before = memory[0].shape[2]
        positions = self.get_buffer("positions")[before : before + len(x)]
        y = (self.embed(x) + positions[:, None]).transpose(0, 1)
        after = []
        for block, past in zip(self.blocks, memory, strict=True):
            y, known = block(y, past)
            after.append(known)
        return self.norm(y).transpose(0, 1), after


class _Block(nn.Module):
    """Attention to all steps so far, then two layers step by step; each is added to its input."""

    HEADS = 4

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask = linear(width, 3 * width, 1.0, generator)
        self.answer = linear(width, width, 0.0, generator)
        self.rise = linear(width, 2 * width, math.sqrt(2), generator)
        self.fall = linear(2 * width, width, 0.0, generator)

    def forward(self, x: Tensor, past: Tensor, apart: bool = False) -> tuple[Tensor, Tensor]:
        """Read steps (n, t, w) after `past`, keys and values (2, n, p, w); return both anew.

        apart: whether each step sees the past and itself alone, and no other step.
        """
        queries, *new = self.ask(self.before(x)).chunk(3, dim=-1)
        known = torch.cat([past, torch.stack(new)], dim=2)
        steps, length = x.shape[1], known.shape[2]
        sees = torch.ones(steps, length, dtype=torch.bool).tril(length - steps)
        if apart:
            sees[:, length - steps :] = torch.eye(steps, dtype=torch.bool)
        q, k, v = (p.unflatten(-1, (self.HEADS, -1)).transpose(1, 2) for p in (queries, *known))
        found = functional.scaled_dot_product_attention(q, k, v, attn_mask=sees)
        x = x + self.answer(found.transpose(1, 2).flatten(-2))
        return x + self.fall(functional.gelu(self.rise(self.between(x)))), known


def _sinusoids(length: int, width: int) -> Tensor:
    """Positions as waves of rising length, (length, width)."""
    rates = torch.exp(-math.log(10_000.0) * torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
