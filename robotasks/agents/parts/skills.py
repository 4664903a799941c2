"""Policies for one part, put to work on any of several parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from robotasks.agents.parts.adapter import Sized
from robotasks.agents.parts.checkpoint import State
from robotasks.layout import Layout

PART, MOUNT = "object", "fixture"  # what slots of parts and of places for them are called


class Skill(Sized, Protocol):
    """What is asked of a policy for one part; a torch module."""

    def mean(self, obs: Tensor) -> Tensor:
        """The middle of the actions (n, a) for raw `obs` (n, o)."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Weights and statistics by name."""
        ...


class Skills:
    """All that can be chosen: choice c is worker c // parts at part c % parts."""

    def __init__(self, policies: Sequence[Skill], columns: Sequence[Tensor]) -> None:
        """columns: of each worker, (parts, o): the columns of the whole observation it reads."""
        self.policies, self.columns, self.parts = policies, columns, len(columns[0])
        self.choices = len(policies) * self.parts
        self.action_size = policies[0].sizes[1]

    @torch.inference_mode()
    def act(self, obs: Tensor, choice: Tensor) -> Tensor:
        """Actions (n, a) in [-1, 1] for raw `obs` (n, o) and what was chosen, (n,)."""
        actions = torch.zeros(len(obs), self.action_size)
        worker, part = choice // self.parts, choice % self.parts
        for i, (policy, columns) in enumerate(zip(self.policies, self.columns, strict=True)):
            mine = worker == i
            actions[mine] = policy.mean(obs[mine].gather(1, columns[part[mine]]))
        return actions.clamp(-1, 1)

    def state(self) -> State:
        """Weights and columns of all workers, copies."""
        state: dict[str, Tensor] = {}
        for i, (policy, columns) in enumerate(zip(self.policies, self.columns, strict=True)):
            weights = {f"workers/{i}/{k}": v for k, v in policy.state_dict().items()}
            state |= {**weights, f"columns/{i}": columns}
        return {name: value.detach().numpy().copy() for name, value in state.items()}


def part_columns(worker: Layout, whole: Layout) -> Tensor:
    """What a worker reads of the whole observation to serve each part, (parts, o).

    The place for a part is the one of its number, or the only one. Raises ValueError if there is
    but one part, or if the worker sees what the whole observation does not show.
    """
    parts = sum(name.startswith(PART) for name in whole)
    if parts < 2:
        raise ValueError(f"There are {parts} parts to choose from, so there is nothing to manage.")
    return torch.stack([_columns_for(part, worker, whole) for part in range(parts)])


def _columns_for(part: int, worker: Layout, whole: Layout) -> Tensor:
    renamed = {f"{PART}0": f"{PART}{part}"}
    if f"{MOUNT}{part}" in whole:
        renamed[f"{MOUNT}0"] = f"{MOUNT}{part}"
    names = [renamed.get(name, name) for name in worker]
    missing = [name for name in names if name not in whole]
    twice = [name for name in worker if name.startswith(PART) and name not in renamed]
    if missing or twice:
        raise ValueError(
            f"A worker serves one part and sees what the whole task shows; this one also sees "
            f"{', '.join(missing + twice)}. Clone it on a task with one part, told the same."
        )
    return torch.cat([torch.arange(whole.size)[whole.columns(name)] for name in names])
