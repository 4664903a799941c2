"""Running statistics: observations to zero mean and unit spread, rewards to returns of unit spread.

They belong to the agent, not to the environment, and travel with its checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator

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
        _take_in(rows.reshape(-1, *self.mean.shape), self.mean, self.var, self.count)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., *shape) normalised and clipped, float32."""
        scale = 1 / (self.var.sqrt() + self.EPSILON)
        return ((x - self.mean.float()) * scale.float()).clamp(-self.LIMIT, self.LIMIT)


class TaskMeanStd(RunningMeanStd):
    """The same within each task, (tasks, size) all in all; rows (..., size) tell theirs.

    What moves by millimetres in one task would be still beside what moves by the width of the
    table in another. The `columns` that tell the task are left as they are.
    """

    def __init__(self, size: int, columns: slice) -> None:
        super().__init__((columns.stop - columns.start, size))
        self.of = columns
        self.count = torch.zeros(len(self.mean), dtype=torch.float64)

    @torch.no_grad()
    def update(self, rows: Tensor) -> None:
        """Take in `rows` (..., size), unless frozen."""
        if self.frozen:
            return
        rows = rows.flatten(end_dim=-2)
        task = rows[:, self.of].argmax(dim=-1)
        for k in task.unique().tolist():
            _take_in(rows[task == k], self.mean[k], self.var[k], self.count[k])

    def forward(self, x: Tensor) -> Tensor:
        """`x` (..., size) normalised and clipped, float32."""
        task = x[..., self.of].argmax(dim=-1)
        scale = 1 / (self.var.sqrt() + self.EPSILON)
        normal = (x - self.mean.float()[task]) * scale.float()[task]
        normal[..., self.of] = x[..., self.of]
        return normal.clamp(-self.LIMIT, self.LIMIT)


def statistics(size: int, columns: slice = slice(0, 0)) -> RunningMeanStd:
    """Statistics of rows (..., size): within each task if `columns` tell several."""
    several = columns.stop - columns.start > 1
    return TaskMeanStd(size, columns) if several else RunningMeanStd((size,))


def _take_in(rows: Tensor, mean: Tensor, var: Tensor, count: Tensor) -> None:
    """Merge rows (n, *shape) into their running statistics, in place."""
    new_var, new_mean = torch.var_mean(rows.to(torch.float64), dim=0, correction=0)
    total = count + len(rows)
    weight = len(rows) / total  # the first batch replaces the unit prior
    shift = new_mean - mean
    var.copy_((1 - weight) * var + weight * new_var + weight * (1 - weight) * shift**2)
    mean.add_(weight * shift)
    count.copy_(total)


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
        self.stats.update(_running_returns(self.running, rewards, dones, self.gamma))

    def forward(self, rewards: Tensor) -> Tensor:
        """`rewards` divided by the spread of their returns; not shifted, so that signs stay."""
        return rewards / (self.stats.var.sqrt() + self.stats.EPSILON).float()


class TaskReturnScale(nn.Module):
    """A `ReturnScale` for each of `tasks`: world i works on task i modulo their number.

    The returns run world by world, the spread is that of a task's worlds together: else the task
    that pays most would set the scale of all, and the critic would hardly see the others.
    """

    def __init__(self, worlds: int, gamma: float, tasks: int) -> None:
        super().__init__()
        self.of = worlds_of(tasks)
        self.scales = nn.ModuleList(
            ReturnScale(len(range(worlds)[columns]), gamma) for columns in self.of
        )

    def update(self, rewards: Tensor, dones: Tensor) -> None:
        """Take in the next steps: `rewards` and `dones` (T, N)."""
        for scale, columns in self._each():
            scale.update(rewards[:, columns], dones[:, columns])

    def forward(self, rewards: Tensor) -> Tensor:
        """`rewards` (T, N), each divided by the spread of its task's returns."""
        scaled = torch.empty_like(rewards)
        for scale, columns in self._each():
            scaled[:, columns] = scale(rewards[:, columns])
        return scaled

    def _each(self) -> Iterator[tuple[ReturnScale, slice]]:
        """Every task's scale and its worlds."""
        for scale, columns in zip(self.scales, self.of, strict=True):
            assert isinstance(scale, ReturnScale)  # what a ModuleList holds, its type does not say
            yield scale, columns


class TaskReturnLimit(nn.Module):
    """The largest discounted return so far, either way, of each of `tasks`.

    The returns run world by world; world i works on task i modulo the number of tasks.
    """

    running: Tensor
    largest: Tensor

    def __init__(self, worlds: int, gamma: float, tasks: int) -> None:
        super().__init__()
        self.gamma, self.of = gamma, worlds_of(tasks)
        self.register_buffer("running", torch.zeros(worlds))
        self.register_buffer("largest", torch.zeros(tasks))

    @torch.no_grad()
    def update(self, rewards: Tensor, dones: Tensor) -> None:
        """Take in the next steps: `rewards` and `dones` (T, N)."""
        returns = _running_returns(self.running, rewards, dones, self.gamma).abs().amax(dim=0)
        found = torch.stack([returns[columns].max() for columns in self.of])
        torch.maximum(self.largest, found, out=self.largest)


def _running_returns(running: Tensor, rewards: Tensor, dones: Tensor, gamma: float) -> Tensor:
    """Discounted returns so far (T, N) after each of the next steps; `running` (N,) moves on."""
    returns = torch.empty_like(rewards)
    for t, (reward, done) in enumerate(zip(rewards, dones, strict=True)):
        returns[t] = running.mul_(gamma).add_(reward)
        running.masked_fill_(done, 0.0)
    return returns


def return_scale(worlds: int, gamma: float, tasks: int = 1) -> ReturnScale | TaskReturnScale:
    """One scale, or one for each of several tasks."""
    return ReturnScale(worlds, gamma) if tasks == 1 else TaskReturnScale(worlds, gamma, tasks)


def worlds_of(tasks: int) -> list[slice]:
    """The worlds of each of `tasks`: world i works on task i modulo their number."""
    return [slice(task, None, tasks) for task in range(tasks)]


def standardised(values: Tensor, tasks: int = 1) -> Tensor:
    """`values` (T, N) to zero mean and unit spread, within the worlds of each of `tasks`."""
    scaled = torch.empty_like(values)
    for columns in worlds_of(tasks):
        own = values[:, columns]
        scaled[:, columns] = (own - own.mean()) / (own.std() + 1e-8)
    return scaled
