"""What is kept of rollouts for learning off-policy, on the native batch."""

from __future__ import annotations

from collections.abc import Mapping
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


class Blocks:
    """The latest blocks, each of the same named columns: at most `most` of them.

    There is room for one block more than are kept, and the next one goes there. So what `state`
    shows stays as it is until the block after that, without a copy of it all at every update.
    """

    def __init__(self, most: int, block: Mapping[str, Tensor]) -> None:
        """block: one as it will be added."""
        self.most = most
        self.columns = {
            name: torch.zeros(most + 1, *column.shape, dtype=column.dtype)
            for name, column in block.items()
        }
        self.added = 0  # blocks so far, kept or not

    @property
    def kept(self) -> int:
        """How many there are to draw from."""
        return min(self.added, self.most)

    def add(self, block: Mapping[str, Tensor]) -> None:
        """Keep a block; the oldest one goes where there is no more room."""
        for name, column in self.columns.items():
            column[self.added % (self.most + 1)] = block[name]
        self.added += 1

    def places(self, ages: Tensor) -> Tensor:
        """Where in the columns blocks are, of which 0 is the oldest that is kept."""
        return (self.added - self.kept + ages) % (self.most + 1)

    def state(self) -> State:
        """What is kept; not copies, but the next `add` leaves it alone."""
        used = min(self.added, self.most + 1)
        state = {name: column[:used].numpy() for name, column in self.columns.items()}
        return state | {"added": np.array(self.added, np.int64)}

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        self.added = int(state["added"])
        for name, column in self.columns.items():
            column[: len(state[name])] = torch.from_numpy(state[name])


class Store:
    """The latest transitions, in blocks of one rollout each: at most `capacity` transitions."""

    def __init__(self, capacity: int, batch: Batch) -> None:
        """batch: a rollout as it will be added. Raises ValueError if not even one can be kept."""
        self.block = batch.rewards.numel()
        if capacity < self.block:
            raise ValueError(f"A buffer of {capacity} cannot hold a rollout of {self.block} steps.")
        self.blocks = Blocks(capacity // self.block, self._columns(batch))

    def __len__(self) -> int:
        """Transitions kept."""
        return self.blocks.kept * self.block

    @property
    def added(self) -> int:
        """Transitions so far, kept or not."""
        return self.blocks.added * self.block

    def add(self, batch: Batch) -> None:
        """Keep a rollout; the oldest one goes where there is no more room."""
        self.blocks.add(self._columns(batch))

    def draw(self, count: int, generator: torch.Generator) -> tuple[Transitions, Tensor]:
        """Draw evenly, with replacement: `count` transitions, and the worlds (count,) they are of.

        Raises ValueError if nothing is kept.
        """
        if not len(self):
            raise ValueError("There are no transitions to draw from; add a rollout first.")
        drawn = torch.randint(len(self), (count,), generator=generator)
        places = self.blocks.places(drawn // self.block) * self.block + drawn % self.block
        columns = self.blocks.columns
        rows = {name: column.flatten(0, 2)[places] for name, column in columns.items()}
        return Transitions(**rows), places % columns["rewards"].shape[-1]

    def state(self) -> State:
        """What is kept; not copies, but the next `add` leaves it alone."""
        return self.blocks.state()

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        self.blocks.load(state)

    @staticmethod
    def _columns(batch: Batch) -> dict[str, Tensor]:
        """The transitions of a rollout, (T, N, ...)."""
        return Transitions(
            batch.obs, batch.actions, batch.rewards, batch.terminated, batch.successors()
        )._asdict()
