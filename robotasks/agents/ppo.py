"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347).

What differs from the paper: the learning rate follows the KL divergence (as in rsl_rl), episodes
cut by the clock bootstrap from their last observation, observations are normalised by running
statistics that belong to the agent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn

from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.checkpoint import State
from robotasks.agents.parts.collect import Collector
from robotasks.agents.parts.gae import gae, successor_values
from robotasks.agents.parts.loop import (
    Evaluate,
    OnProgress,
    Training,
    adam_state,
    load_adam,
    load_module,
    module_state,
    torch_threads,
)
from robotasks.agents.parts.nets import Activation, DiagonalGaussian, mlp
from robotasks.agents.parts.norm import RunningMeanStd
from robotasks.agents.parts.ppo_loss import adapted_rate, policy_terms, value_loss
from robotasks.agents.parts.run import CHECKPOINT, Run, open_run, read_config
from robotasks.benchmark.agent import Forgetful

NAME = "ppo"


@dataclass(frozen=True)
class Config:
    """Options of PPO."""

    rollout: int = 24
    """Steps per world between two updates."""
    hidden: tuple[int, ...] = (128, 128)
    """Widths of the hidden layers of policy and critic."""
    activation: Activation = "elu"
    """Nonlinearity between the layers."""
    initial_std: float = 0.7
    """Spread of the first policy's actions."""
    learning_rate: float = 1e-3
    """First learning rate; it then follows the KL divergence."""
    target_kl: float = 0.01
    """KL divergence per update that the learning rate steers to."""
    gamma: float = 0.97
    """Discount per control step."""
    lam: float = 0.95
    """Decay of generalised advantage estimation."""
    clip: float = 0.2
    """Bound on the probability ratio's move."""
    epochs: int = 5
    """Passes over each rollout."""
    minibatches: int = 4
    """Parts a pass is cut into."""
    entropy: float = 0.002
    """Weight of the entropy bonus."""
    max_grad_norm: float = 1.0
    """Bound on the gradient's length."""
    threads: int = 1
    """Threads torch computes with; the simulator uses the cores in the meantime."""


class Network(nn.Module):
    """Policy and critic, two networks on the same normalised observation."""

    def __init__(
        self, observation_size: int, action_size: int, config: Config, generator: torch.Generator
    ) -> None:
        """Draw every weight from `generator`."""
        super().__init__()
        self.normalise = RunningMeanStd((observation_size,))
        sizes = [observation_size, *config.hidden]
        self.policy = mlp([*sizes, action_size], config.activation, 0.01, generator)
        self.critic = mlp([*sizes, 1], config.activation, 1.0, generator)
        self.actions = DiagonalGaussian(action_size, config.initial_std)

    def value(self, obs: Tensor) -> Tensor:
        """Return the value (...) of raw observations (..., o)."""
        return self.critic(self.normalise(obs)).squeeze(-1)


class PPO:
    """The learner: acts while collecting, learns from what was collected."""

    name = NAME

    def __init__(self, observation_size: int, action_size: int, config: Config, seed: int) -> None:
        """seed: of the weights, the exploration and the order of the minibatches."""
        self.config, self.rate = config, config.learning_rate
        self.generator = torch.Generator().manual_seed(seed)
        self.network = Network(observation_size, action_size, config, self.generator)
        self.adam = torch.optim.Adam(self.network.parameters(), lr=self.rate, eps=1e-5)

    def act(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Return exploring actions (N, a) and their log-probabilities (N,)."""
        mean = self.network.policy(self.network.normalise(obs))
        return self.network.actions.sample(mean, self.generator)

    def learn(self, batch: Batch) -> dict[str, float]:
        """Improve on one rollout; returns what is worth logging."""
        config, network = self.config, self.network
        with torch.no_grad():
            values = network.value(batch.obs)
            after = successor_values(batch, values, network.value)
            advantages = gae(
                batch.rewards, values, after, batch.dones, config.gamma, config.lam
            )
            returns = advantages + values
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
            inputs = network.normalise(batch.obs)
        rows = [
            tensor.flatten(0, 1)
            for tensor in (inputs, batch.actions, batch.log_probs, advantages, returns, values)
        ]
        sums: dict[str, float] = {}
        count = 0
        for picked in self._minibatches(len(rows[0])):
            for name, value in self._step(*(row[picked] for row in rows)).items():
                sums[name] = sums.get(name, 0.0) + value
            count += 1
        metrics = {name: total / count for name, total in sums.items()}
        metrics["learning_rate"] = self.rate
        metrics["action_std"] = float(network.actions.log_std.detach().exp().mean())
        # Only now: the policy that acted and the one that learned saw the same inputs.
        network.normalise.update(batch.obs)
        return metrics

    def _minibatches(self, count: int) -> Iterator[Tensor]:
        for _ in range(self.config.epochs):
            yield from torch.randperm(count, generator=self.generator).chunk(
                self.config.minibatches
            )

    def _step(
        self,
        inputs: Tensor,
        actions: Tensor,
        log_probs: Tensor,
        advantages: Tensor,
        returns: Tensor,
        values: Tensor,
    ) -> dict[str, float]:
        """One gradient step on a minibatch."""
        config, network = self.config, self.network
        now = network.actions.log_prob(network.policy(inputs), actions)
        policy = policy_terms(now, log_probs, advantages, config.clip)
        critic = value_loss(network.critic(inputs).squeeze(-1), returns, values)
        entropy = network.actions.entropy()
        self.adam.zero_grad()
        (policy.loss + critic - config.entropy * entropy).backward()
        nn.utils.clip_grad_norm_(network.parameters(), config.max_grad_norm)
        kl = float(policy.kl)
        self.rate = adapted_rate(self.rate, kl, config.target_kl)
        self.adam.param_groups[0]["lr"] = self.rate
        self.adam.step()
        return {
            "kl": kl,
            "clip_fraction": float(policy.clip_fraction),
            "value_loss": float(critic.detach()),
            "entropy": float(entropy.detach()),
        }

    def adapter(self) -> Policy:
        """Return the agent as evaluation sees it, with the present weights."""
        return Policy(self.network, self.generator)

    def state(self) -> State:
        """Return everything the next update depends on, as copies."""
        return {
            **module_state(self.network, "network"),
            **adam_state(self.adam, "adam"),
            "generator": self.generator.get_state().numpy().copy(),
            "rate": np.array(self.rate),
        }

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        load_module(self.network, "network", state)
        load_adam(self.adam, "adam", state)
        self.generator.set_state(torch.from_numpy(state["generator"].copy()))
        self.rate = float(state["rate"])


class Policy(Forgetful):
    """A trained policy as an entrant of the benchmark; it does not adapt."""

    def __init__(self, network: Network, generator: torch.Generator) -> None:
        """generator: of exploring actions, copied so that evaluation disturbs no training."""
        self._network = network
        self._generator = torch.Generator()
        self._generator.set_state(generator.get_state())

    @torch.inference_mode()
    def act(self, obs: np.ndarray, explore: bool) -> np.ndarray:
        """Return actions (n, a): the policy's mean, or a sample of it when exploring."""
        network = self._network
        mean = network.policy(network.normalise(torch.from_numpy(np.ascontiguousarray(obs))))
        chosen = network.actions.sample(mean, self._generator)[0] if explore else mean
        return chosen.clamp(-1.0, 1.0).numpy()


def train(
    env: VectorEnv,
    config: Config,
    run: Run,
    *,
    evaluate: Evaluate | None = None,
    on_progress: OnProgress | None = None,
) -> Policy:
    """Train in `env` (SAME_STEP autoreset) and keep everything in the run's folder.

    A resumed run ends with the very weights of an uninterrupted one. Raises RunError where the
    folder cannot be used.
    """
    found = open_run(run, NAME, asdict(config))
    with torch_threads(config.threads):
        (observation_size,) = env.single_observation_space.shape
        (action_size,) = env.single_action_space.shape
        learner = PPO(observation_size, action_size, config, run.seed)
        collector = Collector(env, learner, config.rollout)
        collector.start(run.seed)
        training = Training(run, learner, collector)
        if found:
            training.restore()
        training.train(evaluate, on_progress)
    return learner.adapter()


def load(folder: Path | str) -> Policy:
    """Return the trained policy of a run folder; raises RunError where there is none."""
    stored: dict[str, Any] = read_config(folder)["config"]
    config = Config(**{**stored, "hidden": tuple(stored["hidden"])})
    state = checkpoint.section(checkpoint.load(Path(folder) / CHECKPOINT, NAME), "learner")
    arrays = checkpoint.section(state, "network")
    sizes = arrays["policy.0.weight"].shape[1], arrays["actions.log_std"].shape[0]
    learner = PPO(*sizes, config, seed=0)
    learner.load(state)
    return learner.adapter()
