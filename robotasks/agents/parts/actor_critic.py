"""Policy and critic of the agents that descend from PPO."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from robotasks.agents.parts.nets import Activation, DiagonalGaussian, mlp
from robotasks.agents.parts.norm import statistics
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

    @property
    def fine(self) -> float | None:
        """Observed numbers are also seen magnified by so much, near 0; None does not."""
        ...


class ActorCritic(nn.Module):
    """Policy and critic, two networks on the same features: the normalised observation.

    Where that has pictures, the features are what eyes tell of it; policy and critic do not teach
    them to see. Where the policy is told which of several tasks it is about, each task has its own
    statistics and its own spread of actions.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        config: Shape,
        generator: torch.Generator,
        network: Network = mlp,
        eyes: Eyes | None = None,
        beside: int = 0,
    ) -> None:
        """beside: how many numbers at the end of an observation the critic alone reads."""
        super().__init__()
        self.sizes = eyes.numbers if eyes else observation_size, action_size
        features = eyes.features if eyes else observation_size
        self.told, self.fine = observation_size - beside, config.fine
        if self.fine:
            if eyes:
                raise ValueError("fine magnifies numbers; what sees pictures leaves it out")
            features += self.told
        self.eyes, self.own = eyes, features - beside
        activation = config.activation
        self.actor = network((self.own, *config.hidden, action_size), activation, 0.01, generator)
        self.critic = network((features, *config.hidden, 1), activation, 1.0, generator)
        of = self.actor.of if isinstance(self.actor, TaskNetwork) else slice(0, 0)
        self.normalise = statistics(observation_size, of)
        self.noise = DiagonalGaussian(action_size, config.initial_std, tasks=of.stop - of.start)
        self.generator = generator

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.noise.log_std.device

    def features(self, raw: Tensor) -> Tensor:
        """What policy and critic read (..., f) of raw observations (..., o)."""
        known = self.normalise.mean.shape[-1]
        if raw.shape[-1] != known:
            raise ValueError(
                f"observations of {raw.shape[-1]} numbers, pictures included; this policy was "
                f"trained on {known}: make worlds with the cameras and pixels of its run"
            )
        obs = self.normalise(raw)
        if self.eyes is not None:
            with torch.no_grad():
                return self.eyes(obs)
        if not self.fine:
            return obs
        # Not of the normalised ones: their 0 is the usual place, not the one to go to.
        near = torch.tanh(self.fine * raw[..., : self.told])
        return torch.cat([obs[..., : self.told], near, obs[..., self.told :]], dim=-1)

    def mean(self, raw: Tensor) -> Tensor:
        """The middle of the actions (n, a) for raw observations (n, o)."""
        return self._middle(self.features(raw))

    def act(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Sampled actions (N, a) and their log-probabilities (N,) for raw observations (N, o)."""
        return self._sample(raw, self.generator)

    def sample(self, raw: Tensor, generator: torch.Generator) -> Tensor:
        """Sampled actions (n, a) for raw observations (n, o)."""
        return self._sample(raw, generator)[0]

    def log_prob(self, features: Tensor, actions: Tensor) -> Tensor:
        """Log-density (n,) of `actions` (n, a)."""
        return self.noise.log_prob(self._middle(features), actions, self._task(features))

    def value(self, features: Tensor) -> Tensor:
        """Values (...) of what `features` (..., f) show."""
        return self.critic(features).squeeze(-1)

    def _sample(self, raw: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        features = self.features(raw)
        return self.noise.sample(self._middle(features), generator, self._task(features))

    def _middle(self, features: Tensor) -> Tensor:
        return self.actor(features[..., : self.own])

    def _task(self, features: Tensor) -> Tensor | None:
        """Number (...) of the task that features are about; None where there is but one."""
        if isinstance(self.actor, TaskNetwork) and self.actor.tasks > 1:
            return self.actor.task(features)
        return None
