"""Running statistics: observations to zero mean and unit spread, rewards to returns of unit spread.

They belong to the agent, not to the environment, and travel with its checkpoint.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RunningMeanStd(nn.Module):
    """Mean and variance of all rows seen, each of `shape` (float64), merged batch by batch.

    The merge is exact (Chan et al. 1979). Calling it normalises: (x - mean) / (std + EPSILON).
    """

    EPSILON = 1e-2  # a feature that hardly moves stays small instead of becoming noise
    LIMIT = 10.0  # normalised values are clipped to +-LIMIT

    mean: Tensor
    var: Tensor
    count: Tensor
    frozen: Tensor

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("var", torch.ones(shape, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.register_buffer("frozen", torch.zeros((), dtype=torch.bool))

    def freeze(self) -> None:
        """Learn no more (fine-tuning, adaptation at test time); kept in checkpoints."""
        self.frozen.fill_(True)

    @torch.no_grad()
    def update(self, rows: Tensor) -> None:
        """Take in `rows` (..., *shape), unless frozen."""
        if self.frozen:
            return
        rows = rows.to(torch.float64).reshape(-1, *self.mean.shape)
        var, mean = torch.var_mean(rows, dim=0, correction=0)
        total = self.count + len(rows)
        weight = len(rows) / total  # the first batch replaces the unit prior
        shift = mean - self.mean
        self.var.copy_((1 - weight) * self.var + weight * var + weight * (1 - weight) * shift**2)
        self.mean.add_(weight * shift)
        self.count.copy_(total)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., *shape) normalised and clipped, float32."""
        scale = 1 / (self.var.sqrt() + self.EPSILON)
        return ((x - self.mean.float()) * scale.float()).clamp(-self.LIMIT, self.LIMIT)


class ReturnScale(nn.Module):
    """The spread of discounted returns, to divide rewards by: a critic then learns at scale one."""

    running: Tensor

    def __init__(self, worlds: int, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma
        self.stats = RunningMeanStd()
        self.register_buffer("running", torch.zeros(worlds))

    @torch.no_grad()
    def update(self, rewards: Tensor, dones: Tensor) -> None:
        """Take in the next steps: `rewards` and `dones` (T, N)."""
        returns = torch.empty_like(rewards)
        for t, (reward, done) in enumerate(zip(rewards, dones, strict=True)):
            returns[t] = self.running.mul_(self.gamma).add_(reward)
            self.running.masked_fill_(done, 0.0)
        self.stats.update(returns)

    def forward(self, rewards: Tensor) -> Tensor:
        """`rewards` divided by the spread of their returns; not shifted, so that signs stay."""
        return rewards / (self.stats.var.sqrt() + self.stats.EPSILON).float()
