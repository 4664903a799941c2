"""Networks for several tasks, told by the observation which one it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from robotasks.agents.parts.nets import Activation, mlp
from robotasks.layout import unknown

Body = Callable[[Sequence[int], Activation, float, torch.Generator], nn.Sequential]
"""Makes layers of these sizes, the last one linear; `mlp` is one."""


class TaskNetwork(nn.Module):
    """A network that is told the task by `columns` of its input, a normalised observation.

    They are replaced by the plain one-hot code or by the embedding: normalised, the code of a
    task that training never met would be far out. Without such columns there is one task.
    """

    columns: Tensor

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Activation,
        last_gain: float,
        generator: torch.Generator,
        columns: slice,
        embedding: int | None = None,
        heads: Literal["one", "task"] = "one",
        body: Body = mlp,
    ) -> None:
        super().__init__()
        inputs, *hidden, outputs = sizes
        width = columns.stop - columns.start
        self.of, self.tasks = columns, max(1, width)
        self.register_buffer("columns", torch.tensor([columns.start, columns.stop]))
        self.embedding = None
        if embedding:
            drawn = torch.empty(self.tasks, embedding).normal_(generator=generator)
            self.embedding = nn.Parameter(nn.functional.normalize(drawn, dim=-1))
        told = embedding or self.tasks
        self.heads = self.tasks if heads == "task" else 1
        layers = (inputs - width + told, *hidden, self.heads * outputs)
        self.layers = body(layers, activation, last_gain, generator)

    def task(self, obs: Tensor) -> Tensor:
        """Number (...) of the task that normalised `obs` (..., o) are about."""
        if self.tasks == 1:
            return torch.zeros(obs.shape[:-1], dtype=torch.long)
        return obs[..., self.of].argmax(dim=-1)

    def forward(self, obs: Tensor) -> Tensor:
        """Outputs (..., k) for normalised `obs` (..., o)."""
        task = self.task(obs)
        code = nn.functional.one_hot(task, self.tasks).to(obs.dtype)
        told = code
        if self.embedding is not None:
            told = code @ nn.functional.normalize(self.embedding, dim=-1)
        seen = (obs[..., : self.of.start], told, obs[..., self.of.stop :])
        found = self.layers(torch.cat(seen, dim=-1))
        if self.heads == 1:
            return found
        return (found.unflatten(-1, (self.tasks, -1)) * code[..., None]).sum(dim=-2)

    def shared(self) -> list[nn.Parameter]:
        """What all tasks use: everything but the heads and the embedding, which are each task's."""
        last = self.layers[-1]
        own = [*last.parameters()] if self.heads > 1 else []
        return [p for p in self.layers.parameters() if not any(p is other for other in own)]


def task_columns(env: Any, by: str, agent: str) -> slice:
    """The columns of an observation that tell the task; an empty slice if there is but one task.

    by: their slot; where the goals of one task are as different as tasks, that slot's choices are
    the tasks here. Raises ValueError if there are several tasks and they are not told apart.
    """
    if by in env.layout:
        return env.layout.columns(by)
    if by != "task":
        raise ValueError(unknown("observation slot", by, env.layout))
    if len(env.tasks) > 1:
        raise ValueError(
            f"{agent} has to be told which of the {len(env.tasks)} tasks a world is about: "
            "add task to what is revealed (--reveal goal task), or train ppo, which is not told."
        )
    return slice(0, 0)
