"""VariBAD: act on a belief over what is hidden (Zintgraf et al. 2020, arXiv 1910.08348).

A recurrent encoder reads a trial, over all its episodes, and holds a belief over the row it is on:
a Gaussian over a few numbers (`agents/parts/belief.py`). It is learned from what past trials paid
or, with `decode="hidden"`, from what they hid (Humplik et al. 2019, arXiv 1905.06424). The
policy has no memory; PPO trains it on the observation and the belief, means and log-variances, as
if they were given: how uncertain it is, it sees, and exploring pays over the trial. No gradient of
the policy reaches the encoder.
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
from robotasks.agents.parts.belief import Belief, BeliefLearner, HiddenBelief, Options, RewardBelief
from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.checks import check_options, check_tells_rewards
from robotasks.agents.parts.collect import Collector, env_sizes, hidden_size, row_size
from robotasks.agents.parts.gae import cut_off, trial_advantages
from robotasks.agents.parts.loop import Evaluate, OnProgress, Training, torch_threads
from robotasks.agents.parts.run import CHECKPOINT, Run, read_config
from robotasks.agents.parts.silence import silenced
from robotasks.agents.parts.state import load_module, module_state
from robotasks.envs.observation import HISTORY
from robotasks.layout import Layout


@dataclass(frozen=True)
class Config(ppo.Config, Options):
    """Options of PPO and of the belief; a rollout is a trial, whatever `rollout` says."""

    gamma: float = 0.97  # discount per step, across the episodes of a trial
    epochs: int = 5
    minibatches: int = 32
    target_kl: float | None = 0.03
    final_kl: float = 0.1
    silent: float = 0.0  # share of worlds whose trials tell no rewards in their last episode

    def __post_init__(self) -> None:
        """Raise ValueError for options that cannot work."""
        super().__post_init__()
        check_options(self, shares=("silent",))
        self.check_belief()


def make_belief(
    sizes: tuple[int, int], state: Tensor, hidden: int, config: Config, generator: torch.Generator
) -> Belief:
    """The belief that the options ask for; state: of a `RewardBelief`, hidden: of the other."""
    if config.decode == "hidden":
        return HiddenBelief(sizes[0], hidden, config, generator)
    return RewardBelief(*sizes, state, config, generator)


class BeliefPolicy(nn.Module):
    """A belief, and a policy and critic without memory on the observation and the belief."""

    def __init__(
        self,
        sizes: tuple[int, int],
        belief: Belief,
        config: Config,
        generator: torch.Generator,
    ) -> None:
        """sizes: of an observation and of an action."""
        super().__init__()
        self.sizes, self.belief, self.trial = sizes, belief, config.rollout
        self.gamma = config.gamma
        observation_size, action_size = sizes
        seen = observation_size + 2 * self.belief.latent + 1
        self.actor_critic = ActorCritic(seen, action_size, config, generator, beside=1)
        self.noise = self.actor_critic.noise
        self.generator = generator
        self.memory: Any = None  # of the worlds that are acted in; None between trials

    @torch.no_grad()
    def seen(self, obs: Tensor) -> Tensor:
        """What policy and critic see of raw trials (T, n, o), without gradient (T, n, o + 2 l + 1).

        The last number is the critic's alone: how near the trial's end is.
        """
        return torch.cat([obs, self.belief(obs), cut_off(obs, self.gamma)], dim=-1)

    def read(self, obs: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """The middle of the actions (n, a) for the next raw `obs` (n, o), and the memory after it.

        memory: None before the first step of a trial.
        """
        belief, after = self.belief.step(obs, memory)
        unread = obs.new_zeros(len(obs), 1)  # it is the critic's
        return self.actor_critic.mean(torch.cat([obs, belief, unread], dim=-1)), after

    def act(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Sampled actions (n, a) and their log-probabilities (n,) for the next raw `obs` (n, o)."""
        mean, self.memory = self.read(obs, self.memory)
        return self.noise.sample(mean, self.generator)


class TrialPPO(ppo.PPO):
    """PPO that raises the return of whole trials."""

    def credit(self, batch: Batch, values: Tensor) -> Tensor:
        """Advantages (T, N) across the episodes of trials."""
        self.return_scale.update(batch.rewards, batch.trial_ends)
        rewards = self.return_scale(batch.rewards)
        return trial_advantages(batch, rewards, values, self.config.gamma, self.config.lam)


class VariBAD:
    """The learner: PPO on the beliefs that were acted on, then a better belief."""

    name = "varibad"

    def __init__(self, policy: BeliefPolicy, config: Config, batch: Batch) -> None:
        """batch: a rollout as it will be learned from."""
        self.policy = policy
        self.ppo = TrialPPO(policy.actor_critic, config, batch.rewards.shape[1])
        self.believing = BeliefLearner(policy.belief, config, batch, policy.generator)

    def learn(self, batch: Batch, left: float) -> dict[str, float]:
        """One call per rollout, which is one trial in every world."""
        self.policy.memory = None  # the trials are over
        seen = dataclasses.replace(batch, obs=self.policy.seen(batch.obs))
        return self.ppo.learn(seen, left) | self.believing.fit(batch, left)

    def adapter(self) -> MemoryAdapter:
        """The agent as evaluation sees it; it follows further learning."""
        return MemoryAdapter(self.policy)

    def state(self) -> State:
        """Weights, statistics, optimisers, random stream, the trials that are kept.

        Between rollouts there is no memory.
        """
        return {
            **{f"ppo/{name}": value for name, value in self.ppo.state().items()},
            **module_state(self.policy.belief, "belief"),
            **{f"believing/{name}": value for name, value in self.believing.state().items()},
        }

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        self.ppo.load(section(state, "ppo"))
        load_module(self.policy.belief, "belief", state)
        self.believing.load(section(state, "believing"))


def state_columns(layout: Layout) -> Tensor:
    """Numbers of the columns that a reward may depend on: all but the history's, int64.

    Raises ValueError if the observation does not tell the last reward, which beliefs live on.
    """
    check_tells_rewards(layout, f"{VariBAD.name} learns what is hidden from the rewards")
    numbers = range(layout.size)
    told = [numbers[layout.columns(name)] for name in layout if name not in HISTORY]
    return torch.tensor([i for columns in told for i in columns], dtype=torch.int64)


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
    env = silenced(env, config.silent)
    with torch_threads(config.threads):
        generator = torch.Generator().manual_seed(run.seed)
        sizes, state = env_sizes(env), state_columns(env.layout)
        knows = config.decode == "hidden"  # what is hidden, while it learns
        hidden = hidden_size(env) + row_size(env)
        belief = make_belief(sizes, state, hidden, config, generator)
        policy = BeliefPolicy(sizes, belief, config, generator)
        collector = Collector(env, policy, config.rollout, anew=True, rows=knows, hidden=knows)
        learner = VariBAD(policy, config, collector.batch)
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
        config, kept = Config(**stored["config"]), section(state, "learner/belief")
        sizes = len(kept["normalise.mean"]), len(state["learner/ppo/policy/noise.log_std"])
        columns = torch.from_numpy(kept.get("state", np.empty(0, np.int64)))
        hidden, generator = len(kept.get("scale.mean", ())), torch.Generator()
        belief = make_belief(sizes, columns, hidden, config, generator)
        policy = BeliefPolicy(sizes, belief, config, generator)
        load_module(policy.belief, "learner/belief", state)
        load_module(policy.actor_critic, "learner/ppo/policy", state)
    return MemoryAdapter(policy)
