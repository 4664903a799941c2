"""A value function that needs no training: a line through features, fitted to what was returned.

Every task has its own (Duan et al. 2016, arXiv 1604.06778, section 3): a critic that tasks share
would have to be told which one it is asked about.
"""

from __future__ import annotations

import torch
from torch import Tensor

from robotasks.agents.parts.gae import gae


def clock(ends: Tensor) -> Tensor:
    """Steps (T, N) since the episode began, which `ends` (T, N) bool closes."""
    time = torch.zeros(ends.shape)
    for t in range(1, len(ends)):
        time[t] = (time[t - 1] + 1).masked_fill(ends[t - 1], 0.0)
    return time


def fitted_values(obs: Tensor, time: Tensor, returns: Tensor, ridge: float) -> Tensor:
    """Values (T, N), a column fitted alone: ridge regression of `returns` (T, N) on features.

    Features: `obs` (T, N, o) normalised, its square, three powers of `time` (T, N), which is
    counted in hundreds of steps, and a constant. ridge: what a slope costs, per step.
    """
    ages = time[..., None] / 100
    columns = [obs, obs.square(), ages, ages**2, ages**3, torch.ones_like(ages)]
    features = torch.cat(columns, dim=-1).transpose(0, 1).double()  # (N, T, f)
    cost = ridge * len(obs) * torch.eye(features.shape[-1], dtype=torch.float64)
    cost[-1, -1] *= 1e-6  # the mean itself is nearly free
    gram = features.mT @ features + cost
    weights = torch.linalg.solve(gram, features.mT @ returns.T[..., None].double())
    return (features @ weights)[..., 0].T.float()


def baseline_advantages(
    obs: Tensor, rewards: Tensor, dones: Tensor, gamma: float, lam: float, ridge: float
) -> Tensor:
    """Advantages (T, N) over a baseline, to zero mean and unit spread within each column.

    obs (T, N, o) normalised; rewards and dones (T, N). Nothing counts beyond an episode's end, nor
    the last step: what a step of a fixed horizon is worth, the time tells. Where all is paid
    alike, advantages are 0.
    """
    ends = dones.clone()
    ends[-1] = True
    none = torch.zeros_like(rewards)
    returns = gae(rewards, none, none, ends, gamma, 1.0)
    values = fitted_values(obs, clock(ends), returns, ridge)
    after = torch.cat([values[1:], none[:1]]).masked_fill(ends, 0.0)
    advantages = gae(rewards, values, after, ends, gamma, lam)
    return (advantages - advantages.mean(dim=0)) / (advantages.std(dim=0) + 1e-8)
