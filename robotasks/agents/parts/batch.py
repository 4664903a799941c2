"""One rollout as tensors: T steps of N worlds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """T steps of N worlds, time first; observations are raw (not normalised).

    It holds no values: what a value is (a critic, a recurrent critic, a fitted baseline) is the
    agent's affair, and one pass over all T * N rows is cheaper than T passes while collecting.
    """

    obs: Tensor  # (T, N, o) what the action was chosen from
    actions: Tensor  # (T, N, a) as sampled, before clipping to the action space
    log_probs: Tensor  # (T, N) of `actions` under the policy that acted
    rewards: Tensor  # (T, N)
    terminated: Tensor  # (T, N) bool: the task ended, nothing follows
    truncated: Tensor  # (T, N) bool: the clock stopped, the world would have gone on
    final_obs: Tensor  # (T, N, o) last observation of an episode; only where `dones`
    last_obs: Tensor  # (N, o) what follows the last step, after a reset where one was due
    rows: Tensor  # (N, r) what the trials are about, scaled to [-1, 1]; r = 0 unless asked for
    hidden: Tensor  # (T, N, k) the state as far as `obs` does not tell it; k = 0 unless asked for

    @classmethod
    def empty(
        cls,
        steps: int,
        worlds: int,
        observation_size: int,
        action_size: int,
        device: torch.device | str = "cpu",
        row_size: int = 0,
        hidden_size: int = 0,
    ) -> Batch:
        """Buffers to be filled, all zero."""
        rows = (steps, worlds)
        return cls(
            obs=torch.zeros(*rows, observation_size, device=device),
            actions=torch.zeros(*rows, action_size, device=device),
            log_probs=torch.zeros(rows, device=device),
            rewards=torch.zeros(rows, device=device),
            terminated=torch.zeros(rows, dtype=torch.bool, device=device),
            truncated=torch.zeros(rows, dtype=torch.bool, device=device),
            final_obs=torch.zeros(*rows, observation_size, device=device),
            last_obs=torch.zeros(worlds, observation_size, device=device),
            rows=torch.zeros(worlds, row_size, device=device),
            hidden=torch.zeros(*rows, hidden_size, device=device),
        )

    @property
    def dones(self) -> Tensor:
        """(T, N) bool: the episode ended at this step, for either reason."""
        return self.terminated | self.truncated

    @property
    def trial_ends(self) -> Tensor:
        """(T, N) bool: the last step, to whoever learns over episodes: a rollout is a trial then.

        The end of an episode is none of the trial: what an episode finds out pays in the next one.
        """
        ends = torch.zeros_like(self.terminated)
        ends[-1] = True
        return ends

    def successors(self) -> Tensor:
        """(T, N, o): what each step led to; at an episode's end, its last observation."""
        after = torch.cat([self.obs[1:], self.last_obs[None]])
        return torch.where(self.dones[..., None], self.final_obs, after)
