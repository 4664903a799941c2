"""Transitions kept for learning off-policy, on the native batch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.checkpoint import State


class Transitions(NamedTuple):
    """Transitions (...) in no order; observations are raw."""

    obs: Tensor  # (..., o)
    actions: Tensor  # (..., a)
    rewards: Tensor  # (...)
    ends: Tensor  # (...) bool: nothing follows. A clock that stopped is no such end
    after: Tensor  # (..., o) what the action led to, never an observation after a reset


class Store:
    """The latest transitions, in blocks of one rollout each: at most `capacity` transitions.

    There is room for one block more than are kept, and the next rollout goes there. So what `state`
    shows stays as it is until the rollout after that, without a copy of it all at every update.
    """

    def __init__(self, capacity: int, batch: Batch) -> None:
        """batch: a rollout as it will be added. Raises ValueError if not even one can be kept."""
        self.block = batch.rewards.numel()
        self.most = capacity // self.block
        if self.most < 1:
            raise ValueError(f"A buffer of {capacity} cannot hold a rollout of {self.block} steps.")
        columns = self._columns(batch)
        places = self.most + 1
        self.columns = Transitions(*(torch.zeros(places, *c.shape, dtype=c.dtype) for c in columns))
        self.added = 0  # blocks so far, kept or not

    def __len__(self) -> int:
        """Transitions kept."""
        return min(self.added, self.most) * self.block

    def add(self, batch: Batch) -> None:
        """Keep a rollout; the oldest one goes where there is no more room."""
        for column, values in zip(self.columns, self._columns(batch), strict=True):
            column[self.added % (self.most + 1)] = values
        self.added += 1

    def draw(self, count: int, generator: torch.Generator) -> tuple[Transitions, Tensor]:
        """Draw evenly, with replacement: `count` transitions, and the worlds (count,) they are of.

        Raises ValueError if nothing is kept.
        """
        if not self.added:
            raise ValueError("There are no transitions to draw from; add a rollout first.")
        drawn = torch.randint(len(self), (count,), generator=generator)
        oldest = max(0, self.added - self.most) * self.block
        places = (oldest + drawn) % ((self.most + 1) * self.block)
        rows = Transitions(*(column.flatten(0, 2)[places] for column in self.columns))
        return rows, places % self.columns.rewards.shape[-1]

    def state(self) -> State:
        """What is kept; not copies, but the next `add` leaves it alone."""
        used = min(self.added, self.most + 1)
        state = {name: column[:used].numpy() for name, column in self.columns._asdict().items()}
        return state | {"added": np.array(self.added, np.int64)}

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        self.added = int(state["added"])
        for name, column in self.columns._asdict().items():
            column[: len(state[name])] = torch.from_numpy(state[name])

    @staticmethod
    def _columns(batch: Batch) -> Transitions:
        """The transitions of a rollout, (T, N, ...)."""
        return Transitions(
            batch.obs, batch.actions, batch.rewards, batch.terminated, batch.successors()
        )
