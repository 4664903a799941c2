"""Policies as evaluation sees them, without memory and with one: numpy in, numpy out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from robotasks.agents.parts.nets import DiagonalGaussian
from robotasks.agents.parts.vision import flattened

if TYPE_CHECKING:
    from robotasks.benchmark.agent import TrialSpec


class Sized(Protocol):
    """What worlds have to fit."""

    sizes: tuple[int, int]  # of an observation, pictures left out, and of an action


def check_sizes(policy: Sized, spec: TrialSpec) -> None:
    """Raise ValueError if a trial's worlds have other observations or actions than a policy."""
    theirs = (spec.observation_size, spec.action_size)
    if theirs != policy.sizes:
        raise ValueError(
            f"The worlds have observations and actions of sizes {theirs}; this policy was "
            f"trained for {policy.sizes}. Evaluate it on the task and options it knows."
        )


class Policy(Sized, Protocol):
    """What the adapter asks of a policy."""

    def mean(self, obs: Tensor) -> Tensor:
        """The middle of the actions (n, a) for raw `obs` (n, o)."""
        ...

    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """Sampled actions (n, a); the middle if there is one action for each observation."""
        ...


class PolicyAdapter:
    """An `Adapter`: the mean action, or with `explore` a sampled one. Nothing is remembered."""

    def __init__(self, policy: Policy, seed: int = 0) -> None:
        self.policy, self.seed = policy, seed
        self.device = getattr(policy, "device", torch.device("cpu"))
        # Its own stream: evaluating in the middle of training must not change the training.
        self.generator = torch.Generator(self.device).manual_seed(seed)

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Begin the stream of samples anew; ValueError if the worlds do not fit the policy."""
        self.generator.manual_seed(self.seed)
        check_sizes(self.policy, spec)

    @torch.inference_mode()
    def act(self, obs: Any, explore: bool = False) -> np.ndarray:
        """Actions (n, a) float32 in [-1, 1] for `obs` (n, o), or numbers and pictures by name."""
        raw = flattened(obs).to(self.device, torch.float32, copy=True)
        actions = self.policy.sample(raw, self.generator) if explore else self.policy.mean(raw)
        return actions.clamp(-1, 1).cpu().numpy()

    def observe(
        self, actions: np.ndarray, rewards: np.ndarray, obs: np.ndarray, done: np.ndarray
    ) -> None:
        """Nothing is learned at test time."""

    def end_episode(self, mask: np.ndarray) -> None:
        """Nothing is kept between episodes."""


class Reader(Sized, Protocol):
    """What the adapter asks of a policy that reads a trial step by step."""

    trial: int  # control steps of the trials that it learned from

    @property
    def noise(self) -> DiagonalGaussian:
        """How sampled actions spread."""
        ...

    def read(self, obs: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """The middle of the actions (n, a) for the next raw `obs` (n, o), and the memory after it.

        memory: None before the first step of a trial.
        """
        ...


class MemoryAdapter:
    """An `Adapter`: reads a trial step by step and samples its actions, as when it learned.

    What it did and was paid reaches it through the observation; the noise of its actions is part
    of how it finds out. (Measured on ML1:reach: the mean actions solve half as many episodes.)
    In a trial longer than those it learned from, every further episode is its last one again: it
    begins with the memory with which that one began. (Reading on, it loses what it knew.)
    """

    def __init__(self, policy: Reader, seed: int = 0) -> None:
        self.policy, self.seed, self.memory = policy, seed, None
        self.generator = torch.Generator()

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Forget; ValueError if the worlds do not fit the policy, or an episode its trials."""
        check_sizes(self.policy, spec)
        if spec.horizon > self.policy.trial:
            raise ValueError(
                f"An episode has {spec.horizon} steps, but this agent learned from trials of "
                f"{self.policy.trial}. Evaluate it on the suite and options it knows."
            )
        self.left = self.policy.trial // spec.horizon - 1  # episodes that have to be read yet
        self.memory = self.known = None
        self.generator.manual_seed(self.seed)

    @torch.inference_mode()
    def act(self, obs: np.ndarray, explore: bool = False) -> np.ndarray:
        """Actions (n, a) float32 in [-1, 1] for `obs` (n, o), the next of every world."""
        mean, self.memory = self.policy.read(torch.tensor(obs, dtype=torch.float32), self.memory)
        actions, _ = self.policy.noise.sample(mean, self.generator)
        return actions.clamp(-1, 1).numpy()

    def observe(
        self, actions: np.ndarray, rewards: np.ndarray, obs: np.ndarray, done: np.ndarray
    ) -> None:
        """Nothing beside what the next observation tells."""

    def end_episode(self, mask: np.ndarray) -> None:
        """The memory goes on, as far as it learned to. All worlds end their episodes together."""
        if self.left:
            self.left, self.known = self.left - 1, self.memory
        self.memory = self.known
