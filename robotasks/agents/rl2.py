"""RL2: a policy with a memory that learns to learn (Duan et al. 2016, arXiv 1611.02779; Wang et
al. 2016, arXiv 1611.05763).

Its memory reads what it sees, does and is paid, over all episodes of a trial, and is emptied only
between trials; PPO raises the return of whole trials, so exploring pays where it helps later. A
rollout is a trial in every world: no memory is cut, and one call reads it all. (Only a world whose
simulation is lost ends its trial early, and reads on.) The memory is a GRU or a transformer; the
observation's `history` tells last action and reward, episode starts, time left.

While it learns, the rows are known, if not to the policy: with `infer` the memory also learns to
tell the row of its trial and how sure it is (Humplik et al. 2019, arXiv 1905.06424). Policy and
critic read what it tells; the critic is told the row. It is told in any case how near the trial's
end is, which no memory counts well.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.adapter import MemoryAdapter
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.checks import check_options
from robotasks.agents.parts.collect import Collector, env_sizes, row_size
from robotasks.agents.parts.cores import GRUCore, TransformerCore
from robotasks.agents.parts.descent import descend, pace, update_metrics
from robotasks.agents.parts.gae import cut_off, trial_advantages
from robotasks.agents.parts.loop import Evaluate, OnProgress, Training, torch_threads
from robotasks.agents.parts.nets import DiagonalGaussian, mlp, unlikely
from robotasks.agents.parts.norm import ReturnScale, RunningMeanStd, standardised
from robotasks.agents.parts.ppo_loss import policy_terms, value_loss
from robotasks.agents.parts.run import CHECKPOINT, Run, read_config
from robotasks.agents.parts.silence import silenced
from robotasks.agents.parts.state import load_module, load_on_policy, on_policy_state


@dataclass(frozen=True)
class Config:
    """Options of RL2; the defaults suit about 128 worlds and trials of a few hundred steps."""

    core: Literal["gru", "transformer"] = "gru"
    width: int = 128  # of the memory; 64 suits a transformer
    hidden: int = 128  # width of the layer between memory and outputs
    initial_std: float = 0.5  # spread of the actions at the start, actions being in [-1, 1]
    final_std: float | None = None  # at its end at most; None leaves that to the gradient
    gamma: float = 0.98  # discount per step, across the episodes of a trial
    lam: float = 0.95  # GAE: 0 trusts the critic, 1 the rewards
    epochs: int = 5  # passes over each rollout
    minibatches: int = 8  # gradient steps per pass, each on whole trials
    clip: float = 0.2  # how far the probability ratio may usefully move
    entropy: float = 0.002  # weight of the entropy bonus
    value: float = 1.0  # weight of the value loss
    infer: float = 0.0  # weight of telling the row from the memory; above 0 the critic knows it
    silent: float = 0.0  # share of worlds whose trials tell no rewards in their last episode
    learning_rate: float = 1e-3  # the first one
    target_kl: float | None = 0.02  # of the last pass; None keeps the learning rate
    final_kl: float = 0.2  # share of target_kl at the run's end, reached in a straight line
    max_grad_norm: float = 1.0
    threads: int = 1  # of torch; results repeat exactly for the same number only

    def __post_init__(self) -> None:
        """Raise ValueError for options that cannot work."""
        check_options(
            self,
            counts=("width", "hidden", "epochs", "minibatches", "threads"),
            positive=("initial_std", "final_std", "clip", "learning_rate", "max_grad_norm"),
            shares=("gamma", "lam", "silent", "final_kl"),
        )
        if not self.infer >= 0:
            raise ValueError(f"infer must be at least 0, not {self.infer}.")


class MemoryPolicy(nn.Module):
    """Policy and critic that read one memory, and beside it the present observation."""

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        trial: int,
        row: int,
        config: Config,
        generator: torch.Generator,
    ) -> None:
        """trial: control steps of the trials it learns from: all that a transformer looks back on.

        row: numbers of a row that the memory learns to tell and the critic is told; 0 for none.
        """
        super().__init__()
        self.sizes = observation_size, action_size
        self.normalise = RunningMeanStd((observation_size,))
        self.core: GRUCore | TransformerCore
        if config.core == "gru":
            self.core = GRUCore(observation_size, config.width, generator)
        else:
            self.core = TransformerCore(observation_size, config.width, trial, generator)
        inner = config.width + 2 * row + observation_size
        self.actor = mlp((inner, config.hidden, action_size), "elu", 0.01, generator)
        self.critic = mlp((inner + row + 1, config.hidden, 1), "elu", 1.0, generator)
        self.teller = (
            mlp((config.width, config.hidden, 2 * row), "elu", 0.1, generator) if row else None
        )
        self.noise = DiagonalGaussian(action_size, config.initial_std)
        self.trial, self.gamma = trial, config.gamma
        self.generator = generator
        self.memory: Any = None  # of the worlds that are acted in; None between trials

    def forward(self, obs: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Middle of the actions (T, n, a), values (T, n), what is told of the rows (T, n, 2 r).

        obs: normalised trials (T, n, o), one on each of the rows (n, r).
        """
        memory = self.core(obs)
        told = self.tell(memory)
        read = torch.cat([memory, told.detach(), obs], dim=-1)
        known = rows.expand(len(obs), *rows.shape)
        known = torch.cat([known, cut_off(obs, self.gamma)], dim=-1)
        values = self.critic(torch.cat([read, known], dim=-1)).squeeze(-1)
        return self.actor(read), values, told

    def tell(self, memory: Tensor) -> Tensor:
        """What memories (..., w) tell of their rows: means and log-variances (..., 2 r)."""
        return memory[..., :0] if self.teller is None else self.teller(memory)

    def read(self, obs: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """The middle of the actions (n, a) for the next raw `obs` (n, o), and the memory after it.

        memory: None before the first step of a trial.
        """
        obs = self.normalise(obs)
        before = self.core.start(len(obs)) if memory is None else memory
        found, after = self.core.step(obs, before)
        return self.actor(torch.cat([found, self.tell(found), obs], dim=-1)), after

    def act(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Sampled actions (n, a) and their log-probabilities (n,) for the next raw `obs` (n, o)."""
        mean, self.memory = self.read(obs, self.memory)
        return self.noise.sample(mean, self.generator)


class RL2:
    """The learner: one call of `learn` per rollout, which is one trial in every world."""

    name = "rl2"

    def __init__(self, policy: MemoryPolicy, config: Config, worlds: int) -> None:
        if worlds < config.minibatches:
            raise ValueError(
                f"{worlds} worlds make no {config.minibatches} minibatches of whole trials; "
                "choose fewer minibatches or more worlds."
            )
        self.policy, self.config, self.generator = policy, config, policy.generator
        self.adam = torch.optim.Adam(policy.parameters(), config.learning_rate, fused=True)
        self.return_scale = ReturnScale(worlds, config.gamma)

    def learn(self, batch: Batch, left: float) -> dict[str, float]:
        """Advantages over whole trials, then `epochs` passes, then the statistics move on."""
        config, policy, logged = self.config, self.policy, []
        policy.memory = None  # the trials are over
        obs, values, advantages = self._advantages(batch)
        columns = (
            obs,
            batch.actions,
            batch.log_probs,
            standardised(advantages),
            advantages + values,
            batch.rows[None],
        )
        for _ in range(config.epochs):
            order = torch.randperm(obs.shape[1], generator=self.generator)
            parts = order.tensor_split(config.minibatches)
            logged += [self._step(*(column[:, part] for column in columns)) for part in parts]
        *ppo, off = zip(*logged, strict=True)
        pace(self.adam, ppo[2][-config.minibatches :], config.target_kl, config.final_kl, left)
        policy.noise.narrow(config.initial_std, config.final_std, left)
        policy.normalise.update(batch.obs)
        metrics = update_metrics(list(zip(*ppo, strict=True)), self.adam, policy.noise)
        return metrics | ({"row_error": float(np.mean(off))} if config.infer else {})

    @torch.no_grad()
    def _advantages(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised observations (T, N, o), values (T, N), advantages (T, N)."""
        config, policy = self.config, self.policy
        self.return_scale.update(batch.rewards, batch.trial_ends)
        obs = policy.normalise(batch.obs)
        _, values, _ = policy(obs, batch.rows)
        rewards = self.return_scale(batch.rewards)
        return obs, values, trial_advantages(batch, rewards, values, config.gamma, config.lam)

    def _step(
        self,
        obs: Tensor,
        actions: Tensor,
        old: Tensor,
        advantages: Tensor,
        returns: Tensor,
        rows: Tensor,
    ) -> list[float]:
        """One gradient step on trials (T, n, ...) on rows (1, n, r); returns what is logged."""
        config, policy = self.config, self.policy
        mean, values, told = policy(obs, rows[0])
        log_probs = policy.noise.log_prob(mean, actions)
        terms = policy_terms(log_probs, old, advantages, config.clip)
        critic = value_loss(values, returns, values)
        loss = terms.loss + config.value * critic - config.entropy * policy.noise.entropy()
        off = torch.zeros(())
        if config.infer:
            surprise, off = unlikely(told, rows.expand(len(obs), -1, -1))
            loss = loss + config.infer * surprise
        self.adam.zero_grad()
        loss.backward()
        descend(self.adam, config.max_grad_norm, "RL2", "Lower learning_rate or target_kl")
        numbers = terms.loss, critic, terms.kl, terms.clip_fraction, off
        return [number.item() for number in numbers]

    def adapter(self) -> MemoryAdapter:
        """The agent as evaluation sees it; it follows further learning."""
        return MemoryAdapter(self.policy)

    def state(self) -> State:
        """Weights, statistics, optimiser and random stream; between rollouts there is no memory."""
        return on_policy_state(self)

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        load_on_policy(self, state)


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
    trial = env.episodes * env.horizon
    env = silenced(env, config.silent)
    with torch_threads(config.threads):
        generator = torch.Generator().manual_seed(run.seed)
        row = row_size(env) if config.infer else 0
        policy = MemoryPolicy(*env_sizes(env), trial, row, config, generator)
        learner = RL2(policy, config, env.num_envs)
        collector = Collector(env, policy, trial, anew=True, rows=row > 0)
        options = {**dataclasses.asdict(config), "trial": trial, "row": row}
        training = Training(run, learner, collector)
        training.carry_out(options, lambda: collector.start(run.seed), evaluate, on_progress)
    return learner.adapter()


def load(folder: Path | str) -> MemoryAdapter:
    """The trained agent of a run folder, from its newest checkpoint.

    Raises RunError if there is none or it cannot be used.
    """
    options = dict(read_config(folder)["config"])
    trial, row = options.pop("trial"), options.pop("row", 0)
    with checkpoint.opened(Path(folder) / CHECKPOINT, RL2.name) as state:
        weights = section(state, "learner/policy")
        sizes = len(weights["normalise.mean"]), len(weights["noise.log_std"])
        policy = MemoryPolicy(*sizes, trial, row, Config(**options), torch.Generator())
        load_module(policy, "learner/policy", state)
    return MemoryAdapter(policy)
