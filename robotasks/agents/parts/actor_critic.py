"""Policy and critic of the agents that descend from PPO."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from robotasks.agents.parts.nets import Activation, DiagonalGaussian, mlp
from robotasks.agents.parts.norm import RunningMeanStd
from robotasks.agents.parts.tasks import TaskNetwork
from robotasks.agents.parts.vision import Eyes

Network = Callable[[Sequence[int], Activation, float, torch.Generator], nn.Module]
"""Makes a network of these layer sizes; `mlp` is one."""


class Shape(Protocol):
    """The options that make the networks."""

    @property
    def hidden(self) -> tuple[int, ...]:
        """Widths of the hidden layers."""
        ...

    @property
    def activation(self) -> Activation:
        """Between the layers."""
        ...

    @property
    def initial_std(self) -> float:
        """Spread of the actions at the start."""
        ...


class ActorCritic(nn.Module):
    """Policy and critic, two networks on the same normalised observation.

    Where that has pictures, both read what one pair of eyes finds in it. Where the policy is told
    which of several tasks it is about, actions spread in each as that task has it.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        config: Shape,
        generator: torch.Generator,
        network: Network = mlp,
        eyes: Eyes | None = None,
    ) -> None:
        super().__init__()
        self.sizes = eyes.numbers if eyes else observation_size, action_size
        self.eyes = eyes or nn.Identity()
        features = eyes.features if eyes else observation_size
        inner, activation = (features, *config.hidden), config.activation
        self.normalise = RunningMeanStd((observation_size,))
        self.actor = network((*inner, action_size), activation, 0.01, generator)
        self.critic = network((*inner, 1), activation, 1.0, generator)
        tasks = self.actor.tasks if isinstance(self.actor, TaskNetwork) else 1
        self.noise = DiagonalGaussian(action_size, config.initial_std, tasks)
        self.generator = generator

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.noise.log_std.device

    def mean(self, obs: Tensor) -> Tensor:
        """The middle of the actions (n, a) for raw `obs` (n, o)."""
        return self.actor(self.eyes(self._normalised(obs)))

    def task(self, obs: Tensor) -> Tensor | None:
        """Number (...) of the task of normalised `obs` (..., o); None where there is but one."""
        if isinstance(self.actor, TaskNetwork) and self.actor.tasks > 1:
            return self.actor.task(obs)
        return None

    def _sample(self, raw: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        obs = self._normalised(raw)
        return self.noise.sample(self.actor(self.eyes(obs)), generator, self.task(obs))

    def _normalised(self, obs: Tensor) -> Tensor:
        known = len(self.normalise.mean)
        if obs.shape[-1] != known:
            raise ValueError(
                f"observations of {obs.shape[-1]} numbers, pictures included; this policy was "
                f"trained on {known}: make worlds with the cameras and pixels of its run"
            )
        return self.normalise(obs)

    def act(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Sampled actions (N, a) and their log-probabilities (N,) for raw `obs` (N, o)."""
        return self._sample(obs, self.generator)

    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """Sampled actions (n, a) for raw `obs` (n, o)."""
        return self._sample(obs, generator)[0]

    def value(self, obs: Tensor) -> Tensor:
        """Value (...) of normalised `obs` (..., o)."""
        return self.critic(self.eyes(obs)).squeeze(-1)

    def mean_and_value(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """The middle of the actions (n, a), and the value (n,), of normalised `obs` (n, o)."""
        seen = self.eyes(obs)
        return self.actor(seen), self.critic(seen).squeeze(-1)
