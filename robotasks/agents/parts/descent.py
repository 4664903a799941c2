"""A gradient step, how large the next one may be, and what is told of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from robotasks.agents.parts.nets import DiagonalGaussian
from robotasks.agents.parts.ppo_loss import adapted_rate

FINAL = 0.05
"""Share of a learning rate that remains at a run's end."""


def falling(final: float, left: float) -> float:
    """What falls in a straight line from 1 to `final` as `left` does from 1 to 0.

    left: the share of the run that lies ahead.
    """
    return final + (1 - final) * left


def passes(
    rows: int, epochs: int, minibatches: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """The numbers of the rows of each gradient step: shuffled anew, and split, in every pass."""
    for _ in range(epochs):
        order = torch.randperm(rows, generator=generator, device=generator.device)
        yield from order.chunk(minibatches)


def descend(adam: torch.optim.Optimizer, max_norm: float, who: str, advice: str) -> None:
    """Step along the gradients that are there, shortened to `max_norm` all together.

    Raises FloatingPointError, which says `who` diverged and gives `advice`, before anything moves.
    """
    norm = nn.utils.clip_grad_norm_(adam.param_groups[0]["params"], max_norm)
    if not torch.isfinite(norm):
        raise FloatingPointError(
            f"{who} diverged: a gradient is not finite. {advice}; "
            "the run's last checkpoint is intact."
        )
    adam.step()


def pace(
    adam: torch.optim.Optimizer,
    kls: Sequence[float],
    target: float | None,
    final: float,
    left: float,
) -> None:
    """Let the learning rate follow the KL divergences of the last pass; None keeps it.

    target: the wanted divergence, which falls to its share `final` as `left`, the share of the run
    that lies ahead, falls from 1 to 0.
    """
    if target is not None:
        group = adam.param_groups[0]
        wanted = target * falling(final, left)
        group["lr"] = adapted_rate(group["lr"], float(np.mean(kls)), wanted)


def update_metrics(
    steps: Sequence[Sequence[float]], adam: torch.optim.Optimizer, noise: DiagonalGaussian
) -> dict[str, float]:
    """What PPO logs of an update: means over its `steps`, (policy, value, kl, clipped) each."""
    names = ("policy_loss", "value_loss", "kl", "clip_fraction")
    return {
        **dict(zip(names, np.mean(steps, axis=0).tolist(), strict=True)),
        "learning_rate": adam.param_groups[0]["lr"],
        "action_std": noise.log_std.detach().exp().mean().item(),
    }
