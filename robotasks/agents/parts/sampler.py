"""Minibatches of demonstrated steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robotasks.agents.parts.checkpoint import State
from robotasks.agents.parts.state import generator_state, load_generator


@dataclass(frozen=True)
class Pairs:
    """K minibatches of B demonstrated steps."""

    obs: Tensor  # (K, B, o), raw
    actions: Tensor  # (K, B, a)


class DemonstrationSource:
    """A `Source` that draws from demonstrations: it remembers its place in the random stream."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator, self.steps = generator, 0

    def recent(self) -> tuple[float, float]:
        """No episodes are played: NaN, NaN."""
        return float("nan"), float("nan")

    def state(self) -> State:
        """The place in the stream; the demonstrations are the run's own affair."""
        steps = {"steps": np.array(self.steps, np.int64)}
        return steps | generator_state(self.generator, "generator")

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        self.steps = int(state["steps"])
        load_generator(self.generator, "generator", state)


class Sampler(DemonstrationSource):
    """Draws demonstrated steps evenly, with replacement; `extra` of each minibatch among `marked`.

    obs, actions: of all steps, (M, o) and (M, a). batch: B. minibatches: K, of one rollout.
    marked: numbers of steps, (m,).
    """

    def __init__(
        self,
        obs: Tensor,
        actions: Tensor,
        batch: int,
        minibatches: int,
        generator: torch.Generator,
        marked: Tensor | None = None,
        extra: int = 0,
    ) -> None:
        super().__init__(generator)
        self.obs, self.actions, self.marked, self.extra = obs, actions, marked, extra
        self.shape = (minibatches, batch)

    @property
    def per_update(self) -> int:
        """Demonstrated steps of one rollout."""
        return self.shape[0] * self.shape[1]

    def rollout(self) -> Pairs:
        """The next minibatches."""
        chosen = torch.randint(len(self.obs), self.shape, generator=self.generator)
        if self.marked is not None:
            size = (self.shape[0], self.extra)
            drawn = torch.randint(len(self.marked), size, generator=self.generator)
            chosen[:, : self.extra] = self.marked[drawn]
        self.steps += self.per_update
        return Pairs(self.obs[chosen], self.actions[chosen])
