"""Beliefs over what a trial hides: Gaussians over a few numbers, held by a memory that reads it.

What the numbers stand for depends on what has to be told from them, in training alone: the rewards
of the whole trial (VariBAD, Zintgraf et al. 2020, arXiv 1910.08348), or what is hidden itself,
which is known while an agent learns (Humplik et al. 2019, arXiv 1905.06424). Either way a trial
teaches whoever acted in it, so beliefs are learned from many past trials, not from the latest
alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.checks import check_options
from robotasks.agents.parts.cores import GRUCore
from robotasks.agents.parts.descent import FINAL, descend, falling
from robotasks.agents.parts.nets import LOG_VAR, mlp, unlikely
from robotasks.agents.parts.norm import RunningMeanStd
from robotasks.agents.parts.state import adam_state, load_adam
from robotasks.agents.parts.store import Blocks


@dataclass(frozen=True)
class Options:
    """What belief and lessons are made of."""

    decode: Literal["rewards", "hidden"] = "rewards"  # what has to be told from a belief
    latent: int = 5  # numbers that rewards are decoded from
    width: int = 128  # of the memory, and of the layer between it and the belief
    decoder: int = 64  # width of the two hidden layers that decode rewards
    reward_std: float = 0.1  # of a reward around the decoded one: how much each one tells
    kept: int = 4096  # trials that a belief is learned from, the latest; a checkpoint holds them
    belief_steps: int = 30  # gradient steps on the belief for each rollout
    trials: int = 32  # trials of such a step
    moments: int = 16  # beliefs of a trial from which such a step decodes rewards
    belief_rate: float = 1e-3  # learning rate of the belief, the first one
    max_grad_norm: float = 1.0

    def check_belief(self) -> None:
        """Raise ValueError for options that cannot work."""
        counts = ("latent", "width", "decoder", "kept", "belief_steps", "trials", "moments")
        check_options(self, counts=counts, positive=("reward_std", "belief_rate", "max_grad_norm"))
        if self.decode not in ("rewards", "hidden"):
            raise ValueError(f"decode is rewards or hidden, not {self.decode}.")


class Belief(nn.Module):
    """A memory, and on it the belief: means and log-variances of `latent` numbers.

    It sees the present observation beside the memory: where things are need not pass through it.
    A belief of its kind says what it keeps of trials to learn from, and what it loses on them.
    """

    names: tuple[str, str]
    """Of the two numbers that tell how it does."""

    def __init__(
        self, observation_size: int, latent: int, width: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.latent = latent
        self.normalise = RunningMeanStd((observation_size,))
        self.core = GRUCore(observation_size, width, generator)
        inner = width + observation_size
        self.head = mlp((inner, width, 2 * latent), "elu", 0.1, generator)

    def forward(self, obs: Tensor) -> Tensor:
        """Beliefs (T, n, 2 l) after each step of raw trials (T, n, o)."""
        obs = self.normalise(obs)
        return self.head(torch.cat([self.core(obs), obs], dim=-1))

    def step(self, obs: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """Beliefs (n, 2 l) after the next raw `obs` (n, o), and the memory after it.

        memory: None before the first step of a trial.
        """
        before = self.core.start(len(obs)) if memory is None else memory
        obs = self.normalise(obs)
        found, after = self.core.step(obs, before)
        return self.head(torch.cat([found, obs], dim=-1)), after

    def look(self, lesson: Mapping[str, Tensor]) -> None:
        """Follow the statistics of what is to be learned from."""
        self.normalise.update(lesson["obs"])

    @abstractmethod
    def lesson(self, batch: Batch) -> dict[str, Tensor]:
        """What is to be kept of trials, one in each world: columns (t, N, ...), time first."""

    @abstractmethod
    def loss(
        self, trials: Mapping[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, list[float]]:
        """What is lowered on trials (t, n, ...), and two numbers that tell how it does."""


class RewardBelief(Belief):
    """A variational posterior: from samples of it the rewards of the whole trial are decoded.

    Those to come are included, and each belief is the prior of the next one (eqs. 8 to 10).
    The decoder sees the `state` columns of an observation: not the history, which tells the
    rewards, so that they could be copied from it and the belief would be left empty.
    """

    names = "reward_error", "belief_kl"
    state: Tensor

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        state: Tensor,
        options: Options,
        generator: torch.Generator,
    ) -> None:
        """state: numbers of the observation's columns that a reward may depend on, int64."""
        super().__init__(observation_size, options.latent, options.width, generator)
        self.register_buffer("state", state)
        self.moments, self.reward_std = options.moments, options.reward_std
        width = options.decoder
        # The first layer, in two parts: samples and transitions are combined each with each.
        self.of_latent = mlp((self.latent, width), "elu", 1.0, generator)
        self.of_step = mlp((2 * len(state) + action_size, width), "elu", 1.0, generator)
        self.reward = mlp((width, width, 1), "elu", 1.0, generator)

    def lesson(self, batch: Batch) -> dict[str, Tensor]:
        """Observations, actions, rewards, and what each step led to."""
        return {
            "obs": batch.obs,
            "actions": batch.actions.clamp(-1, 1),
            "rewards": batch.rewards,
            "after": batch.successors(),
        }

    def loss(
        self, trials: Mapping[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, list[float]]:
        """The evidence lower bound, negative; the error of rewards, and the divergence of a trial.

        The bound of one moment sums over all rewards of the trial: with their mean instead, the
        divergence would outweigh what the rewards tell. Moments are averaged, in both terms.
        """
        found = self(trials["obs"])
        moments = torch.randperm(len(found), generator=generator)[: self.moments]
        latent = sampled(found[moments], generator)
        errors = (self.decode(latent, self.transitions(trials)) - trials["rewards"]).square()
        divergences = divergence(found)
        likelihood = -0.5 * errors.sum(dim=1).mean() / self.reward_std**2
        bound = likelihood - divergences.mean()
        shown = [errors.mean().sqrt().item(), divergences.sum(dim=0).mean().item()]
        return -bound / len(found), shown

    def transitions(self, trials: Mapping[str, Tensor]) -> Tensor:
        """What rewards are decoded from (T, n, x): state, action as taken, next state."""
        before, after = (self.normalise(trials[name])[..., self.state] for name in ("obs", "after"))
        return torch.cat([before, trials["actions"], after], dim=-1)

    def decode(self, latent: Tensor, transitions: Tensor) -> Tensor:
        """Rewards (k, T, n) of all `transitions` (T, n, x) for each `latent` (k, n, l)."""
        joined = self.of_latent(latent)[:, None] + self.of_step(transitions)
        return self.reward(nn.functional.elu(joined)).squeeze(-1)


class HiddenBelief(Belief):
    """A belief over what is hidden, as likely as can be.

    That is the row, and what an observation would show if it told the goal: where that lies from
    where things are now.
    """

    names = "belief_error", "belief_spread"

    def __init__(
        self,
        observation_size: int,
        hidden: int,
        options: Options,
        generator: torch.Generator,
    ) -> None:
        """hidden: how many numbers, those of `Batch.hidden` and of a row together."""
        super().__init__(observation_size, hidden, options.width, generator)
        self.scale = RunningMeanStd((self.latent,))

    def lesson(self, batch: Batch) -> dict[str, Tensor]:
        """Observations, and what they hide."""
        rows = batch.rows.expand(len(batch.obs), *batch.rows.shape)
        return {"obs": batch.obs, "hidden": torch.cat([batch.hidden, rows], dim=-1)}

    def loss(
        self, trials: Mapping[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, list[float]]:
        """The negative log-likelihood; by how much it is off on average, and how sure it is."""
        told = self(trials["obs"])
        loss, off = unlikely(told, self.scale(trials["hidden"]))
        spread = (0.5 * told.chunk(2, dim=-1)[1].clamp(*LOG_VAR)).exp()
        return loss, [off.item(), spread.mean().item()]

    def look(self, lesson: Mapping[str, Tensor]) -> None:
        """Follow the statistics of what is hidden, too."""
        super().look(lesson)
        self.scale.update(lesson["hidden"])


def sampled(belief: Tensor, generator: torch.Generator) -> Tensor:
    """A sample (..., l) of each belief (..., 2 l)."""
    mean, log_var = belief.chunk(2, dim=-1)
    noise = torch.empty_like(mean).normal_(generator=generator)
    return mean + (0.5 * log_var).exp() * noise


def divergence(belief: Tensor) -> Tensor:
    """KL (T, n) of each belief (T, n, 2 l) to the one before it; the first to the unit normal."""
    before = torch.cat([torch.zeros_like(belief[:1]), belief[:-1]])
    mean, log_var = belief.chunk(2, dim=-1)
    prior_mean, prior_log_var = before.chunk(2, dim=-1)
    spread = (log_var - prior_log_var).exp() + (mean - prior_mean).square() / prior_log_var.exp()
    return 0.5 * (prior_log_var - log_var + spread - 1).sum(-1)


class BeliefLearner:
    """Fits a belief to the latest trials, those of many rollouts."""

    def __init__(
        self, belief: Belief, options: Options, batch: Batch, generator: torch.Generator
    ) -> None:
        """batch: a rollout as it will be learned from: a trial in each world."""
        self.belief, self.options, self.generator = belief, options, generator
        self.adam = torch.optim.Adam(belief.parameters(), options.belief_rate, fused=True)
        self.worlds = batch.rewards.shape[1]
        self.store = Blocks(max(1, options.kept // self.worlds), belief.lesson(batch))

    def fit(self, batch: Batch, left: float) -> dict[str, float]:
        """Keep a rollout, then `belief_steps` gradient steps on trials that are kept."""
        options, logged = self.options, []
        lesson = self.belief.lesson(batch)
        self.store.add(lesson)
        self.belief.look(lesson)
        self.adam.param_groups[0]["lr"] = options.belief_rate * falling(FINAL, left)
        advice = "Lower belief_rate or raise reward_std"
        for _ in range(options.belief_steps):
            loss, numbers = self.belief.loss(self._drawn(), self.generator)
            self.adam.zero_grad()
            loss.backward()
            descend(self.adam, options.max_grad_norm, "The belief", advice)
            logged.append(numbers)
        return dict(zip(self.belief.names, np.mean(logged, axis=0).tolist(), strict=True))

    def _drawn(self) -> dict[str, Tensor]:
        """Some of the trials kept, with replacement: columns (t, n, ...)."""
        count = self.store.kept * self.worlds
        drawn = torch.randint(count, (self.options.trials,), generator=self.generator)
        places, worlds = self.store.places(drawn // self.worlds), drawn % self.worlds
        columns = self.store.columns
        return {name: column[places, :, worlds].transpose(0, 1) for name, column in columns.items()}

    def state(self) -> State:
        """The optimiser and the trials that are kept; the belief is its owner's."""
        kept = {f"trials/{name}": column for name, column in self.store.state().items()}
        return adam_state(self.adam, "adam") | kept

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        load_adam(self.adam, "adam", state)
        self.store.load(section(state, "trials"))
