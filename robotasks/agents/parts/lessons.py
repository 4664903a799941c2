"""Lessons: demonstrations on a row, and what the expert did in another episode on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robotasks.agents.parts.sampler import DemonstrationSource
from robotasks.benchmark.dataset import Demonstrations


@dataclass(frozen=True)
class Lessons:
    """K minibatches of B lessons, each on a row of its own; observations are raw."""

    shown: Tensor  # (K, B, D, T, o) of D demonstrations
    done: Tensor  # (K, B, D, T, a) what the expert did there
    asked: Tensor  # (K, B, S, o) some moments of the other episode
    answers: Tensor  # (K, B, S, a) what the expert did there


class LessonSampler(DemonstrationSource):
    """A `Source` of lessons: rows are drawn evenly and with replacement.

    What is shown is without noise, as it will be in tests; what is asked about is any other episode
    on the row.
    """

    def __init__(
        self,
        demonstrations: Demonstrations,
        shots: int,
        moments: int,
        shape: tuple[int, int],
        generator: torch.Generator,
    ) -> None:
        """shots: D. moments: S. shape: (K, B), of one rollout.

        Raises ValueError if there are no two rows with enough episodes, or not all are as long.
        """
        super().__init__(generator)
        lengths = sorted({len(obs) for obs in demonstrations.obs})
        if len(lengths) > 1:
            raise ValueError(
                f"{demonstrations.dataset} has episodes of {lengths} steps: leave out those that "
                "were lost (record without --all)"
            )
        self.obs = torch.from_numpy(np.stack(demonstrations.obs))  # (E, T, o)
        self.actions = torch.from_numpy(np.stack(demonstrations.actions))  # (E, T, a)
        self.rows = usable_rows(demonstrations, shots)
        self.shots, self.moments, self.shape = shots, moments, shape

    @property
    def per_update(self) -> int:
        """Demonstrated steps that one rollout asks about."""
        return self.shape[0] * self.shape[1] * self.moments

    def rollout(self) -> Lessons:
        """The next lessons."""
        picked = [self._pick() for _ in range(self.shape[0] * self.shape[1])]
        shown, asked = (torch.tensor(column) for column in zip(*picked, strict=True))
        drawn = torch.rand(len(asked), self.obs.shape[1], generator=self.generator)
        when = drawn.argsort(dim=1)[:, : self.moments]
        columns = (
            self.obs[shown],
            self.actions[shown],
            self.obs[asked[:, None], when],
            self.actions[asked[:, None], when],
        )
        self.steps += self.per_update
        return Lessons(*(column.unflatten(0, self.shape) for column in columns))

    def _pick(self) -> tuple[list[int], int]:
        """Numbers of the episodes that are shown, and of the one that is asked about."""
        clean, episodes = self.rows[self._draw(len(self.rows))]
        order = torch.randperm(len(clean), generator=self.generator).tolist()
        shown = [clean[i] for i in order[: self.shots]]
        others = [episode for episode in episodes if episode not in shown]
        return shown, others[self._draw(len(others))]

    def _draw(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self.generator))


def usable_rows(demonstrations: Demonstrations, shots: int) -> list[tuple[list[int], list[int]]]:
    """Of each row that has enough: its episodes without noise, and all its episodes, by number.

    Raises ValueError if there are not two such rows.
    """
    rows: dict[int, list[int]] = {}
    for number, row in enumerate(demonstrations.rows):
        rows.setdefault(row, []).append(number)
    found = []
    for episodes in rows.values():
        clean = [number for number in episodes if not demonstrations.disturbed[number]]
        if len(clean) >= shots and len(episodes) > shots:
            found.append((clean, episodes))
    if len(found) < 2:
        raise ValueError(
            f"{demonstrations.dataset} has {len(found)} rows with {shots} demonstrations without "
            "noise and another episode, too few to learn from: record several episodes on each "
            f"row (--split train --per-row {2 * shots}) of more rows (--episodes)"
        )
    return found
