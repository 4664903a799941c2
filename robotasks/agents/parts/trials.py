"""Playing trials stage by stage, in training and in tests, the weights of every world stepping in
between."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from robotasks.agents.parts.adapter import Sized, check_sizes
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.checkpoint import State
from robotasks.agents.parts.collect import Collector
from robotasks.agents.parts.nets import DiagonalGaussian
from robotasks.benchmark.agent import TrialSpec, named_streams


class Rows(Protocol):
    """N worlds, each with weights of its own."""

    def mean(self, obs: Tensor) -> Tensor:
        """The middle of the actions (N, a) for raw observations (N, o)."""
        ...

    def act(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Sampled actions (N, a) and their log-probabilities (N,) for raw observations (N, o)."""
        ...

    def learn(self, batch: Batch) -> None:
        """Take a step on what was played."""
        ...


class Beginner(Sized, Protocol):
    """What every row starts from."""

    @property
    def noise(self) -> DiagonalGaussian:
        """How sampled actions spread."""
        ...

    def begin(self, count: int) -> Rows:
        """Rows before their first step."""
        ...


class Trials:
    """A `Source` of whole trials: one in every world, in stages of `steps` control steps each."""

    def __init__(self, env: Any, policy: Beginner, steps: int, stages: int) -> None:
        self.policy, self.stages = policy, stages
        self.collector = Collector(env, policy.begin(env.num_envs), steps)
        self.steps = 0

    @property
    def per_update(self) -> int:
        """Env steps of one rollout."""
        return self.stages * self.collector.per_update

    def rollout(self) -> list[Batch]:
        """The stages of the next trials, in tensors of their own."""
        self.collector.policy = rows = self.policy.begin(self.collector.env.num_envs)
        played: list[Batch] = []
        for stage in range(self.stages):
            if stage:
                rows.learn(played[-1])
            self.collector.anew = stage == 0
            batch = self.collector.rollout()
            played.append(Batch(**{name: t.clone() for name, t in vars(batch).items()}))
        self.steps = self.collector.steps
        return played

    def recent(self) -> tuple[float, float]:
        """Success rate and mean return of the episodes that ended last; NaN before the first."""
        return self.collector.recent()

    def state(self) -> State:
        """Everything the next rollout depends on; between trials no world has its own weights."""
        return self.collector.state()

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        self.collector.load(state)
        self.steps = self.collector.steps


class SteppingAdapter:
    """An `Adapter`: plays as in training, each world's weights taking a step after every stage.

    As long as a step is to come it samples actions, which a policy gradient asks for; after the
    last it takes the mean action, or with `explore` a sampled one.
    """

    def __init__(self, policy: Beginner, shots: int, steps: int, seed: int = 0) -> None:
        """shots: episodes of a stage. steps: how many are taken, as many as in training."""
        self.policy, self.shots, self.most, self.seed = policy, shots, steps, seed

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Forget; ValueError if the worlds do not fit the policy."""
        check_sizes(self.policy, spec)
        self.rows, self.left, self.played = self.policy.begin(n), self.most, 0
        self.stage = Batch.empty(self.shots * spec.horizon, n, *self.policy.sizes)
        self.streams: list[np.random.Generator] = []

    @torch.no_grad()
    def act(self, obs: np.ndarray, explore: bool = False) -> np.ndarray:
        """Actions (n, a) float32 in [-1, 1] for `obs` (n, o)."""
        self.streams = self.streams or named_streams(obs, self.seed)
        seen = torch.tensor(obs, dtype=torch.float32)
        mean = actions = self.rows.mean(seen)
        if explore or self.left:
            size = mean.shape[-1]
            drawn = np.stack([stream.standard_normal(size) for stream in self.streams])
            noise = self.policy.noise
            actions = mean + noise.log_std.exp() * torch.from_numpy(drawn).float()
            if self.left:
                stage, t = self.stage, self.played
                stage.obs[t], stage.actions[t] = seen, actions
                stage.log_probs[t] = noise.log_prob(mean, actions)
        return actions.clamp(-1, 1).numpy()

    def observe(
        self, actions: np.ndarray, rewards: np.ndarray, obs: np.ndarray, done: np.ndarray
    ) -> None:
        """Note what was paid; when a stage is over, take a step."""
        if not self.left:
            return
        self.stage.rewards[self.played] = torch.from_numpy(rewards)
        self.stage.truncated[self.played] = torch.from_numpy(done)
        self.played += 1
        if self.played == len(self.stage.rewards):
            self.rows.learn(self.stage)
            self.left, self.played = self.left - 1, 0

    def end_episode(self, mask: np.ndarray) -> None:
        """The weights go on: that is what a trial is for."""
