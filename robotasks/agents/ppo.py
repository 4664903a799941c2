"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347), on one or many worlds.

The clipped surrogate on a Gaussian policy, GAE, observations and returns scaled by running
statistics, and a learning rate that follows the KL divergence, after rsl_rl
(Schwarke et al. 2025, arXiv 2509.10771), but once a rollout: within one the divergence only grows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.actor_critic import ActorCritic
from robotasks.agents.parts.adapter import PolicyAdapter
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.checks import check_options
from robotasks.agents.parts.collect import (
    Collector,
    env_device,
    env_sizes,
    hidden_size,
    picture_shape,
)
from robotasks.agents.parts.descent import descend, pace, passes, update_metrics
from robotasks.agents.parts.gae import gae, successor_values
from robotasks.agents.parts.loop import (
    Evaluate,
    Learner,
    OnProgress,
    Training,
    torch_threads,
)
from robotasks.agents.parts.nets import Activation
from robotasks.agents.parts.norm import return_scale, standardised
from robotasks.agents.parts.ppo_loss import policy_terms, value_loss
from robotasks.agents.parts.pretrained import adopt
from robotasks.agents.parts.run import CHECKPOINT, Run, read_config
from robotasks.agents.parts.state import load_on_policy, on_policy_state
from robotasks.agents.parts.vision import Eyes, EyesLearner


@dataclass(frozen=True)
class Config:
    """Options of PPO; the defaults suit 20 Hz manipulation with rewards in [0, 1]."""

    rollout: int = 16  # steps of every world between two updates; meant for about 256 worlds
    hidden: tuple[int, ...] = (128, 128)  # widths of the hidden layers, policy and critic alike
    activation: Activation = "elu"
    fine: float | None = None  # observed x are seen as tanh(fine * x), too: 5 shows millimetres
    initial_std: float = 0.5  # spread of the actions at the start, actions being in [-1, 1]
    final_std: float | None = None  # at its end at most; None leaves that to the gradient
    gamma: float = 0.97  # discount per step
    lam: float = 0.95  # GAE: 0 trusts the critic, 1 the rewards
    epochs: int = 8  # passes over each rollout
    minibatches: int = 8  # gradient steps per pass
    clip: float = 0.2  # how far the probability ratio may usefully move
    value_clip: float | None = None  # the same for values, in units of the scaled return
    entropy: float = 0.0  # weight of the entropy bonus
    value: float = 1.0  # weight of the value loss
    learning_rate: float = 1e-3  # the first one
    eyes_rate: float = 3e-3  # learning rate of what sees pictures, the first one
    eyes_epochs: int = 2  # its passes over each rollout
    eyes_minibatches: int = 32  # its gradient steps per pass
    target_kl: float | None = 0.05  # of the last pass; None keeps the learning rate
    final_kl: float = 0.05  # share of target_kl at the run's end, reached in a straight line
    max_grad_norm: float = 1.0
    threads: int = 1  # of torch; results repeat exactly for the same number only

    def __post_init__(self) -> None:
        """Raise ValueError for options that cannot work."""
        check_options(
            self,
            counts=(
                "rollout",
                "epochs",
                "minibatches",
                "eyes_epochs",
                "eyes_minibatches",
                "threads",
            ),
            positive=(
                "fine",
                "initial_std",
                "final_std",
                "clip",
                "learning_rate",
                "eyes_rate",
                "max_grad_norm",
            ),
            shares=("gamma", "lam", "final_kl"),
        )


class Rows(NamedTuple):
    """What is learned from: n steps of all worlds, in no order."""

    obs: Tensor  # (n, f), features: what policy and critic read
    actions: Tensor  # (n, a)
    log_probs: Tensor  # (n,) of the policy that acted
    values: Tensor  # (n,) of the critic then
    advantages: Tensor  # (n,), standardised
    returns: Tensor  # (n,), scaled

    def take(self, chosen: Tensor) -> Rows:
        """Some of the rows, by number or by mask."""
        return Rows(*(column[chosen] for column in self))


Loss = Callable[[Rows], tuple[Tensor, list[float]]]
Gradient = Callable[[Loss, Rows], list[float]]
"""Leaves the gradient of a loss in the parameters' `grad`; returns the loss's numbers."""


def whole_gradient(loss: Loss, rows: Rows) -> list[float]:
    """The gradient of the loss over all rows alike."""
    total, numbers = loss(rows)
    total.backward()
    return numbers


class PPO:
    """The learner: one call of `learn` per rollout.

    tasks: how many the worlds solve, world i the one with number i modulo `tasks`; returns and
    advantages are scaled within each. gradient: how a minibatch's losses become one step.
    """

    name = "ppo"

    def __init__(
        self,
        policy: ActorCritic,
        config: Config,
        worlds: int,
        tasks: int = 1,
        gradient: Gradient = whole_gradient,
    ) -> None:
        if worlds * config.rollout % config.minibatches:
            raise ValueError(
                f"{worlds} worlds * {config.rollout} steps cannot be split into "
                f"{config.minibatches} equal minibatches; choose a divisor."
            )
        self.policy, self.config = policy, config
        self.generator = policy.generator
        parts = policy.actor, policy.critic, policy.noise
        learned = [parameter for part in parts for parameter in part.parameters()]
        self.adam = torch.optim.Adam(learned, config.learning_rate, fused=True)
        self.eyes = EyesLearner(policy.eyes, config, self.generator) if policy.eyes else None
        self.return_scale = return_scale(worlds, config.gamma, tasks).to(policy.device)
        self.tasks, self.gradient = tasks, gradient

    def learn(self, batch: Batch, left: float) -> dict[str, float]:
        """Advantages, then `epochs` passes in `minibatches`, then the statistics move on."""
        metrics = self.fit(self.rows(batch), left)
        # Only now: collecting and learning must see the same features.
        if self.eyes:
            metrics |= self.eyes.learn(self.policy.normalise(batch.obs), batch.hidden, left)
        self.policy.normalise.update(batch.obs)
        return metrics

    def rows(self, batch: Batch) -> Rows:
        """What a rollout teaches."""
        obs, values, advantages = self._advantages(batch)
        return Rows(
            obs.flatten(0, 1),
            batch.actions.flatten(0, 1),
            batch.log_probs.flatten(),
            values.flatten(),
            standardised(advantages, self.tasks).flatten(),
            (advantages + values).flatten(),
        )

    def fit(self, rows: Rows, left: float) -> dict[str, float]:
        """All passes over a rollout, then the next learning rate."""
        config = self.config
        steps = passes(len(rows.obs), config.epochs, config.minibatches, self.generator)
        logged = [self._step(rows.take(chosen)) for chosen in steps]
        moved = [kl for _, _, kl, _ in logged[-config.minibatches :]]
        pace(self.adam, moved, config.target_kl, config.final_kl, left)
        self.policy.noise.narrow(config.initial_std, config.final_std, left)
        return update_metrics(logged, self.adam, self.policy.noise)

    @torch.no_grad()
    def _advantages(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Features (T, N, f), values (T, N), advantages (T, N)."""
        obs = self.policy.features(batch.obs)
        values = self.policy.value(obs)
        return obs, values, self.credit(batch, values)

    def credit(self, batch: Batch, values: Tensor) -> Tensor:
        """Advantages (T, N) of what was done, given the critic's `values` (T, N)."""
        config, policy = self.config, self.policy
        self.return_scale.update(batch.rewards, batch.dones)
        after = successor_values(batch, values, lambda raw: policy.value(policy.features(raw)))
        rewards = self.return_scale(batch.rewards)
        return gae(rewards, values, after, batch.dones, config.gamma, config.lam)

    def loss(self, rows: Rows) -> tuple[Tensor, list[float]]:
        """What is lowered, and the numbers that `update_metrics` names."""
        config, policy = self.config, self.policy
        log_probs, values = policy.log_prob(rows.obs, rows.actions), policy.value(rows.obs)
        terms = policy_terms(log_probs, rows.log_probs, rows.advantages, config.clip)
        critic = value_loss(values, rows.returns, rows.values, config.value_clip)
        loss = terms.loss + config.value * critic - config.entropy * policy.noise.entropy()
        numbers = (terms.loss, critic, terms.kl, terms.clip_fraction)
        return loss, [number.item() for number in numbers]

    def _step(self, rows: Rows) -> list[float]:
        """One gradient step on a minibatch; returns the numbers of its loss."""
        self.adam.zero_grad()
        numbers = self.gradient(self.loss, rows)
        descend(self.adam, self.config.max_grad_norm, "PPO", "Lower learning_rate or target_kl")
        return numbers

    def adapter(self) -> PolicyAdapter:
        """The agent as evaluation sees it; it follows further learning."""
        return PolicyAdapter(self.policy)

    def state(self) -> State:
        """Weights, statistics, optimisers and random stream."""
        return on_policy_state(self) | (self.eyes.state() if self.eyes else {})

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        load_on_policy(self, state)
        if self.eyes:
            self.eyes.load(state)


def train(
    env: VectorEnv,
    config: Config,
    run: Run,
    evaluate: Evaluate | None = None,
    on_progress: OnProgress | None = None,
) -> PolicyAdapter:
    """Train on `env` (SAME_STEP autoreset) as `run` says.

    A run that was killed and is resumed ends with the same bits as one that was not. Ctrl-C saves
    and is passed on. Raises RunError if the folder cannot be used, ValueError if `env` cannot.
    """
    with torch_threads(config.threads):
        generator, seen = torch.Generator().manual_seed(run.seed), env.single_observation_space
        shape = picture_shape(seen)
        eyes = Eyes(*shape, hidden_size(env), generator) if shape else None
        policy = ActorCritic(*env_sizes(env, seeing=True), config, generator, eyes=eyes)
        device = env_device(env)
        if device != policy.device:  # weights are drawn by the CPU's generator wherever they go
            policy.to(device)
            policy.generator = torch.Generator(device).manual_seed(run.seed)
        learner = PPO(policy, config, env.num_envs)
        act_and_learn(env, policy, learner, config, run, evaluate, on_progress)
    return learner.adapter()


def act_and_learn(
    env: VectorEnv,
    policy: ActorCritic,
    learner: Learner[Batch],
    config: Config,
    run: Run,
    evaluate: Evaluate | None,
    on_progress: OnProgress | None,
) -> None:
    """Let a policy act in `env` and its learner learn, as `run` says; see `train`."""
    collector = Collector(env, policy, config.rollout, hidden=policy.eyes is not None)

    def begin() -> None:
        if run.pretrained:
            adopt(policy, policy.noise, run.pretrained, learner.name)
        collector.start(run.seed)

    training = Training(run, learner, collector)
    training.carry_out(dataclasses.asdict(config), begin, evaluate, on_progress)


def load(folder: Path | str) -> PolicyAdapter:
    """The trained agent of a run folder, from its newest checkpoint.

    Raises RunError if there is none or it cannot be used.
    """
    stored = read_config(folder)
    with checkpoint.opened(Path(folder) / CHECKPOINT, PPO.name) as state:
        policy = rebuilt(Config(**stored["config"]), section(state, "learner/policy"))
    return PolicyAdapter(policy)


def rebuilt(config: Config, weights: State) -> ActorCritic:
    """The policy of a run's options and weights."""
    sizes = len(weights["normalise.mean"]), len(weights["noise.log_std"])
    generator, eyes = torch.Generator(), None
    if "eyes.shape" in weights:
        numbers, cameras, pixels, told = weights["eyes.shape"].tolist()
        eyes = Eyes(numbers, cameras, pixels, told, generator)
    policy = ActorCritic(*sizes, config, generator, eyes=eyes)
    policy.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return policy
