"""Behaviour cloning (Pomerleau 1989): regression from what an expert saw to what it did.

A deterministic network without memory lowers the absolute error of the actions, by AdamW with a
learning rate that falls in a straight line. Experts act at the limits of the actions and switch
between them, where the squared error would care for the switches most. A clone drifts to states
that no demonstration shows (Ross & Bagnell 2010); noise in the recording (`robotasks record
--noise`) shows the way back from some.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.adapter import PolicyAdapter
from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.checks import check_options
from robotasks.agents.parts.loop import Evaluate, OnProgress, Training, torch_threads
from robotasks.agents.parts.nets import Activation, mlp
from robotasks.agents.parts.norm import RunningMeanStd
from robotasks.agents.parts.run import CHECKPOINT, Run, read_config
from robotasks.agents.parts.sampler import Pairs, Sampler
from robotasks.agents.parts.state import adam_state, load_adam, load_module, module_state
from robotasks.benchmark.dataset import Demonstrations

JUMP = 1.0  # between two actions, half of their range


@dataclass(frozen=True)
class Config:
    """Options of behaviour cloning; a step of the run is a demonstrated step learned from."""

    episodes: int | None = None  # of the dataset, its first ones; None for all
    hidden: tuple[int, ...] = (256, 256)  # widths of the hidden layers
    activation: Activation = "relu"
    batch: int = 256  # demonstrated steps of a gradient step
    minibatches: int = 64  # gradient steps of an update
    learning_rate: float = 1e-3  # the first one; it falls to 0
    weight_decay: float = 1e-4
    switches: float = 0.0  # share of each minibatch that is drawn from steps where an action jumps
    threads: int = 1  # of torch; results repeat exactly for the same number only

    def __post_init__(self) -> None:
        """Raise ValueError for options that cannot work."""
        check_options(self, counts=("batch", "minibatches", "threads"), positive=("learning_rate",))
        if self.episodes is not None and self.episodes < 1:
            raise ValueError(f"episodes must be at least 1, not {self.episodes}.")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must be at least 0, not {self.weight_decay}.")
        if not 0 <= self.switches < 1:
            raise ValueError(f"switches must be within 0..1, below 1, not {self.switches}.")


class Clone(nn.Module):
    """A deterministic policy: one network on the normalised observation."""

    def __init__(
        self, observation_size: int, action_size: int, config: Config, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.sizes = observation_size, action_size
        self.normalise = RunningMeanStd((observation_size,))
        sizes = (observation_size, *config.hidden, action_size)
        self.actor = mlp(sizes, config.activation, 0.01, generator)

    def mean(self, obs: Tensor) -> Tensor:
        """The actions (..., a) for raw `obs` (..., o)."""
        return self.actor(self.normalise(obs))

    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """The same: there is but one action."""
        return self.mean(obs)


class BC:
    """The learner: one call of `learn` per rollout of minibatches."""

    name = "bc"

    def __init__(self, policy: Clone, config: Config) -> None:
        self.policy, self.config = policy, config
        self.adam = torch.optim.AdamW(
            policy.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True
        )

    def learn(self, batch: Pairs, left: float) -> dict[str, float]:
        """One gradient step on each minibatch."""
        self.adam.param_groups[0]["lr"] = self.config.learning_rate * left
        errors = [self._step(*pair) for pair in zip(batch.obs, batch.actions, strict=True)]
        return {"error": float(np.mean(errors))}

    def _step(self, obs: Tensor, actions: Tensor) -> float:
        """One gradient step; returns the mean absolute error before it."""
        loss = nn.functional.l1_loss(self.policy.mean(obs), actions)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss.item()

    def adapter(self) -> PolicyAdapter:
        """The agent as evaluation sees it; it follows further learning."""
        return PolicyAdapter(self.policy)

    def state(self) -> State:
        """Weights, statistics and optimiser."""
        return {**module_state(self.policy, "policy"), **adam_state(self.adam, "adam")}

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        load_module(self.policy, "policy", state)
        load_adam(self.adam, "adam", state)


def train(
    demonstrations: Demonstrations,
    config: Config,
    run: Run,
    evaluate: Evaluate | None = None,
    on_progress: OnProgress | None = None,
) -> PolicyAdapter:
    """Train on `demonstrations` as `run` says; nothing is simulated but by `evaluate`.

    A run that was killed and is resumed ends with the same bits as one that was not. Ctrl-C saves
    and is passed on. Raises RunError if the folder cannot be used, ValueError if there are fewer
    demonstrations than `config.episodes`.
    """
    obs, actions = map(torch.from_numpy, demonstrations.steps(config.episodes))
    with torch_threads(config.threads):
        generator = torch.Generator().manual_seed(run.seed)
        policy = Clone(obs.shape[1], actions.shape[1], config, generator)
        policy.normalise.update(obs)
        learner = BC(policy, config)
        marked = switches(demonstrations.actions[: config.episodes]) if config.switches else None
        extra = round(config.switches * config.batch)
        sampler = Sampler(obs, actions, config.batch, config.minibatches, generator, marked, extra)
        training = Training(run, learner, sampler)
        training.carry_out(dataclasses.asdict(config), lambda: None, evaluate, on_progress)
    return learner.adapter()


def switches(episodes: Sequence[np.ndarray]) -> Tensor:
    """The steps, numbered through all episodes, whose action is far from the one before.

    Such are rare and decide: fingers open in one step of 200, and a clone that never opens them has
    a small error (Wen et al. 2021, arXiv 2106.06452, for the idea). episodes: actions (T, a) in
    [-1, 1], of each. Raises ValueError if there are none.
    """
    jumps = [np.abs(np.diff(a, axis=0, prepend=a[:1])).max(axis=1) > JUMP for a in episodes]
    found = np.flatnonzero(np.concatenate(jumps))
    if not len(found):
        raise ValueError("No action jumps in these demonstrations; leave switches at 0.")
    return torch.from_numpy(found)


def load(folder: Path | str) -> PolicyAdapter:
    """The trained agent of a run folder, from its newest checkpoint.

    Raises RunError if there is none or it cannot be used.
    """
    stored = read_config(folder)
    with checkpoint.opened(Path(folder) / CHECKPOINT, BC.name) as state:
        policy = rebuilt(Config(**stored["config"]), section(state, "learner/policy"))
    return PolicyAdapter(policy)


def rebuilt(config: Config, weights: State) -> Clone:
    """The policy of a run's options and weights."""
    last_bias = weights[f"actor.{2 * len(config.hidden)}.bias"]
    sizes = len(weights["normalise.mean"]), len(last_bias)
    policy = Clone(*sizes, config, torch.Generator())
    policy.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return policy
