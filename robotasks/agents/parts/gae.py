"""Generalised advantage estimation (Schulman et al. 2016, arXiv 1506.02438)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from robotasks.agents.parts.batch import Batch


def gae(
    rewards: Tensor, values: Tensor, next_values: Tensor, cut: Tensor, gamma: float, lam: float
) -> Tensor:
    """Advantages (T, N): sum over k of (gamma lam)^k delta_(t+k), up to the first `cut`.

    All inputs are (T, N). `next_values` is the value of each step's true successor (see
    `successor_values`). `cut` marks the last step of what belongs together: an episode, or for an
    agent that learns across episodes, a trial.
    """
    deltas = rewards + gamma * next_values - values
    carry = gamma * lam * (~cut).to(deltas.dtype)
    advantages = torch.empty_like(deltas)
    advantage = torch.zeros_like(deltas[0])
    for t in range(len(deltas) - 1, -1, -1):
        advantage = deltas[t] + carry[t] * advantage
        advantages[t] = advantage
    return advantages


def successor_values(batch: Batch, values: Tensor, value: Callable[[Tensor], Tensor]) -> Tensor:
    """Value (T, N) of what follows each step; `values` (T, N) are those of `batch.obs`.

    A time limit is no end of the world: a truncated step is followed by its episode's last
    observation, never by the first of the next episode. Nothing follows a terminated one.
    """
    after = torch.cat([values[1:], value(batch.last_obs)[None]])
    if batch.truncated.any():
        after[batch.truncated] = value(batch.final_obs[batch.truncated])
    return after.masked_fill(batch.terminated, 0.0)


def trial_advantages(
    batch: Batch, rewards: Tensor, values: Tensor, gamma: float, lam: float
) -> Tensor:
    """Advantages (T, N) across the episodes of trials, from scaled `rewards` and `values` (T, N).

    The end of an episode is none of the trial: what an episode finds out pays in the next one, as
    far as the critic foretells it. Nothing follows the last step.
    """
    ends = batch.trial_ends
    anew = batch.dones & ~ends
    after = expected(torch.cat([values[1:], 0 * values[:1]]), values, anew)
    return gae(rewards, values, after, ends | anew, gamma, lam)


def cut_off(trials: Tensor, gamma: float) -> Tensor:
    """Share (T, n, 1) of a lasting reward's worth that lies beyond the end of trials (T, n, ...).

    For the critic: which episode is the last can hardly be read from what is seen.
    """
    left = torch.arange(len(trials), 0, -1.0)
    return (gamma**left)[:, None, None].expand(*trials.shape[:2], 1)


def expected(after: Tensor, values: Tensor, ends: Tensor) -> Tensor:
    """What follows (T, N), but where episodes end (`ends`) what `values` (T, N) foretell of it.

    Where the next episode starts is luck, which nobody's action brought about and which outweighs
    what the last ones did. What a straight line through all worlds makes of the values before it
    takes the place of the values after it.
    """
    after = after.clone()
    for t in ends.any(dim=1).nonzero().flatten().tolist():
        worlds = ends[t]
        before, then = values[t, worlds], after[t, worlds]
        spread = before - before.mean()
        slope = (spread * then).sum() / (spread.square().sum() + 1e-8)
        after[t, worlds] = then.mean() + slope * spread
    return after
