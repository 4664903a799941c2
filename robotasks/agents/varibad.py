"""VariBAD: act on a belief over what is hidden (Zintgraf et al. 2020, arXiv 1910.08348).

A recurrent encoder reads a trial, over all its episodes, and holds a belief over the row it is on:
a Gaussian over a few latent numbers m. It is a variational posterior: from m, rewards of the whole
trial, those to come included, have to be decoded, and each belief is the prior of the next one.
The policy has no memory; PPO trains it on the observation and the belief, means and
log-variances, as if they were given: how uncertain it is, it sees, and exploring pays over the
trial. No gradient of the policy reaches the encoder.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from robotasks.agents import ppo
from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.actor_critic import ActorCritic
from robotasks.agents.parts.adapter import MemoryAdapter
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.checks import check_options
from robotasks.agents.parts.collect import Collector, env_sizes
from robotasks.agents.parts.cores import GRUCore
from robotasks.agents.parts.descent import descend
from robotasks.agents.parts.loop import Evaluate, OnProgress, Training, torch_threads
from robotasks.agents.parts.nets import mlp
from robotasks.agents.parts.norm import RunningMeanStd
from robotasks.agents.parts.run import CHECKPOINT, Run, read_config
from robotasks.agents.parts.state import adam_state, load_adam, load_module, module_state
from robotasks.envs.observation import HISTORY
from robotasks.layout import Layout


@dataclass(frozen=True)
class Config(ppo.Config):
    """Options of VariBAD, beside those of PPO; a rollout is a trial, whatever `rollout` says."""

    gamma: float = 0.98  # discount per step, across the episodes of a trial
    epochs: int = 5
    target_kl: float | None = 0.02
    final_kl: float = 0.2
    entropy: float = 0.002
    latent: int = 5  # numbers that describe a row
    width: int = 128  # of the encoder's memory
    decoder: int = 64  # width of the decoder's two hidden layers
    reward_std: float = 0.1  # of a reward around the decoded one: how much each one tells
    belief_steps: int = 40  # gradient steps on the belief for each rollout
    trials: int = 16  # trials of such a step
    moments: int = 16  # beliefs of a trial that such a step decodes from
    belief_rate: float = 1e-3  # learning rate of encoder and decoder

    def __post_init__(self) -> None:
        """Raise ValueError for options that cannot work."""
        super().__post_init__()
        check_options(
            self,
            counts=("latent", "width", "decoder", "belief_steps", "trials", "moments"),
            positive=("reward_std", "belief_rate"),
        )


class Belief(nn.Module):
    """The encoder and its decoder: q(m | trial so far), and the reward of a transition given m.

    The decoder sees the `state` columns of an observation: not the history, which tells the
    rewards, so that they could be copied from it and m would be left empty.
    """

    state: Tensor

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        state: Tensor,
        config: Config,
        generator: torch.Generator,
    ) -> None:
        """state: numbers of the observation's columns that a reward may depend on, int64."""
        super().__init__()
        self.register_buffer("state", state)
        self.normalise = RunningMeanStd((observation_size,))
        self.core = GRUCore(observation_size, config.width, generator)
        self.head = mlp((config.width, 2 * config.latent), "elu", 0.1, generator)
        width = config.decoder
        # The first layer, in two parts: m and transitions are combined each with each.
        self.of_latent = mlp((config.latent, width), "elu", 1.0, generator)
        self.of_step = mlp((2 * len(state) + action_size, width), "elu", 1.0, generator)
        self.reward = mlp((width, width, 1), "elu", 1.0, generator)

    def forward(self, obs: Tensor) -> Tensor:
        """Means and log-variances (T, n, 2 l) after each step of normalised trials (T, n, o)."""
        return self.head(self.core(obs))

    def transitions(self, batch: Batch) -> Tensor:
        """What rewards are decoded from (T, N, x): state, action as taken, next state."""
        before, after = (self.normalise(obs) for obs in (batch.obs, batch.successors()))
        actions = batch.actions.clamp(-1, 1)
        return torch.cat([before[..., self.state], actions, after[..., self.state]], dim=-1)

    def decode(self, latent: Tensor, transitions: Tensor) -> Tensor:
        """Rewards (k, T, n) of all `transitions` (T, n, x) for each `latent` (k, n, l)."""
        joined = self.of_latent(latent)[:, None] + self.of_step(transitions)
        return self.reward(nn.functional.elu(joined)).squeeze(-1)


def sampled(belief: Tensor, generator: torch.Generator) -> Tensor:
    """A latent (..., l) of each belief (..., 2 l)."""
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
    """Fits a belief to trials by the evidence lower bound, step by step summed (eqs. 8 to 10)."""

    def __init__(self, belief: Belief, config: Config, generator: torch.Generator) -> None:
        self.belief, self.config, self.generator = belief, config, generator
        self.adam = torch.optim.Adam(belief.parameters(), config.belief_rate, fused=True)

    def fit(self, batch: Batch) -> dict[str, float]:
        """`belief_steps` gradient steps on random trials of a rollout, then the statistics move."""
        belief, config, logged = self.belief, self.config, []
        with torch.no_grad():
            obs, transitions = belief.normalise(batch.obs), belief.transitions(batch)
        columns = (obs, transitions, batch.rewards)
        for _ in range(config.belief_steps):
            chosen = self._drawn(obs.shape[1], config.trials)
            logged.append(self._step(*(column[:, chosen] for column in columns)))
        belief.normalise.update(batch.obs)
        names = ("reward_error", "belief_kl")
        return dict(zip(names, np.mean(logged, axis=0).tolist(), strict=True))

    def _step(self, obs: Tensor, transitions: Tensor, rewards: Tensor) -> list[float]:
        """One gradient step on trials (T, n, ...), the first two normalised.

        Returns the root mean square error of the rewards, and the divergence over a trial.
        """
        found = self.belief(obs)
        moments = self._drawn(len(obs), self.config.moments)
        latent = sampled(found[moments], self.generator)
        errors = (self.belief.decode(latent, transitions) - rewards).square()
        divergences = divergence(found)
        # The bound of one moment sums over all rewards of the trial: with their mean instead, the
        # divergence would outweigh what the rewards tell. Moments are averaged, in both terms.
        likelihood = -0.5 * errors.sum(dim=1).mean() / self.config.reward_std**2
        bound = likelihood - divergences.mean()
        self.adam.zero_grad()
        (-bound / len(obs)).backward()
        advice = "Lower belief_rate or raise reward_std"
        descend(self.adam, self.config.max_grad_norm, "VariBAD's belief", advice)
        return [errors.mean().sqrt().item(), divergences.sum(dim=0).mean().item()]

    def _drawn(self, of: int, count: int) -> Tensor:
        """At most `count` of `of` numbers, in random order."""
        return torch.randperm(of, generator=self.generator)[:count]


class BeliefPolicy(nn.Module):
    """A belief, and a policy and critic without memory on the observation and the belief."""

    context: int | None = None  # it reads trials of any length

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        state: Tensor,
        config: Config,
        generator: torch.Generator,
    ) -> None:
        """state: see `Belief`."""
        super().__init__()
        self.sizes = observation_size, action_size
        self.belief = Belief(observation_size, action_size, state, config, generator)
        seen = observation_size + 2 * config.latent
        self.actor_critic = ActorCritic(seen, action_size, config, generator)
        self.noise = self.actor_critic.noise
        self.generator = generator
        self.memory: Any = None  # of the worlds that are acted in; None between trials

    @torch.no_grad()
    def seen(self, obs: Tensor) -> Tensor:
        """What policy and critic see of raw trials (T, n, o): (T, n, o + 2 l), without gradient."""
        return torch.cat([obs, self.belief(self.belief.normalise(obs))], dim=-1)

    def read(self, obs: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """The middle of the actions (n, a) for the next raw `obs` (n, o), and the memory after it.

        memory: None before the first step of a trial.
        """
        belief = self.belief
        before = belief.core.start(len(obs)) if memory is None else memory
        found, after = belief.core.step(belief.normalise(obs), before)
        return self.actor_critic.mean(torch.cat([obs, belief.head(found)], dim=-1)), after

    def act(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Sampled actions (n, a) and their log-probabilities (n,) for the next raw `obs` (n, o)."""
        mean, self.memory = self.read(obs, self.memory)
        return self.noise.sample(mean, self.generator)


class VariBAD:
    """The learner: PPO on the beliefs that were acted on, then a better belief."""

    name = "varibad"

    def __init__(self, policy: BeliefPolicy, config: Config, worlds: int) -> None:
        self.policy = policy
        self.ppo = ppo.PPO(policy.actor_critic, config, worlds)
        self.believing = BeliefLearner(policy.belief, config, policy.generator)

    def learn(self, batch: Batch, left: float) -> dict[str, float]:
        """One call per rollout, which is one trial in every world."""
        self.policy.memory = None  # the trials are over
        seen = dataclasses.replace(
            batch.as_trials(),
            obs=self.policy.seen(batch.obs),
            last_obs=torch.zeros(batch.obs.shape[1], self.ppo.policy.sizes[0]),  # nothing follows
        )
        return self.ppo.learn(seen, left) | self.believing.fit(batch)

    def adapter(self) -> MemoryAdapter:
        """The agent as evaluation sees it; it follows further learning."""
        return MemoryAdapter(self.policy)

    def state(self) -> State:
        """Weights, statistics, optimisers, random stream; between rollouts there is no memory."""
        return {
            **{f"ppo/{name}": value for name, value in self.ppo.state().items()},
            **module_state(self.policy.belief, "belief"),
            **adam_state(self.believing.adam, "belief_adam"),
        }

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        self.ppo.load(section(state, "ppo"))
        load_module(self.policy.belief, "belief", state)
        load_adam(self.believing.adam, "belief_adam", state)


def state_columns(layout: Layout) -> Tensor:
    """Numbers of the columns that a reward may depend on: all but the history's, int64.

    Raises ValueError if the observation does not tell the last reward, which beliefs live on.
    """
    if "last_reward" not in layout:
        raise ValueError(
            f"{VariBAD.name} learns what is hidden from the rewards, which the observation does "
            f"not tell: it has {', '.join(layout)}. Reveal history (--reveal history)."
        )
    columns = range(layout.size)
    told = {i for name in HISTORY if name in layout for i in columns[layout.columns(name)]}
    return torch.tensor([i for i in columns if i not in told], dtype=torch.int64)


def train(
    env: Any,
    config: Config,
    run: Run,
    evaluate: Evaluate | None = None,
    on_progress: OnProgress | None = None,
) -> MemoryAdapter:
    """Train on `env` (SAME_STEP autoreset, trials of `env.episodes` episodes) as `run` says.

    A run that was killed and is resumed ends with the same bits as one that was not. Ctrl-C saves
    and is passed on. Raises RunError if the folder cannot be used, ValueError if `env` cannot.
    """
    config = dataclasses.replace(config, rollout=env.episodes * env.horizon)
    with torch_threads(config.threads):
        generator = torch.Generator().manual_seed(run.seed)
        policy = BeliefPolicy(*env_sizes(env), state_columns(env.layout), config, generator)
        learner = VariBAD(policy, config, env.num_envs)
        collector = Collector(env, policy, config.rollout, anew=True)
        options = dataclasses.asdict(config)
        training = Training(run, learner, collector)
        training.carry_out(options, lambda: collector.start(run.seed), evaluate, on_progress)
    return learner.adapter()


def load(folder: Path | str) -> MemoryAdapter:
    """The trained agent of a run folder, from its newest checkpoint.

    Raises RunError if there is none or it cannot be used.
    """
    stored = read_config(folder)
    with checkpoint.opened(Path(folder) / CHECKPOINT, VariBAD.name) as state:
        config, belief = Config(**stored["config"]), section(state, "learner/belief")
        sizes = len(belief["normalise.mean"]), len(state["learner/ppo/policy/noise.log_std"])
        columns = torch.from_numpy(belief["state"])
        policy = BeliefPolicy(*sizes, columns, config, torch.Generator())
        load_module(policy.belief, "learner/belief", state)
        load_module(policy.actor_critic, "learner/ppo/policy", state)
    return MemoryAdapter(policy)
