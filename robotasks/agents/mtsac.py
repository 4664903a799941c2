"""Multi-task soft actor-critic: one policy for all tasks of a suite, learned off-policy.

SAC (Haarnoja et al. 2018, arXiv 1812.05905) told the task, with a temperature for each (Yu et al.
2020, Meta-World, arXiv 1910.10897). As in BRC (Nauman et al. 2025, arXiv 2505.23150) the critics
are classifiers: each says how likely every value of a fixed range is (C51, Bellemare et al. 2017,
arXiv 1707.06887), and learns by the cross entropy, whose gradients are alike for tasks that pay
much and little. Rewards are scaled so that every task's returns fit into that range.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.adapter import PolicyAdapter
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.categorical import projected
from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.checks import check_options
from robotasks.agents.parts.collect import Collector, env_sizes
from robotasks.agents.parts.descent import descend, falling
from robotasks.agents.parts.loop import Evaluate, OnProgress, Training, torch_threads
from robotasks.agents.parts.nets import residual, squashed
from robotasks.agents.parts.norm import TaskReturnLimit, statistics
from robotasks.agents.parts.run import CHECKPOINT, Run, read_config
from robotasks.agents.parts.state import (
    adams_state,
    generator_state,
    load_adams,
    load_generator,
    load_module,
    module_state,
)
from robotasks.agents.parts.store import Store
from robotasks.agents.parts.tasks import TaskNetwork, task_columns

LIMIT, ATOMS = 10.0, 101  # values that a critic tells apart: so many, evenly within +-LIMIT
RETURNS = 5.0  # what the largest return becomes; the rest of the range is the entropy's
LOG_STD = -5.0, 1.0  # of the actions before they are squashed
NAMED = 10  # tasks up to which each one's weight of the entropy is logged, by number


@dataclass(frozen=True)
class Config:
    """Options of multi-task SAC; the defaults suit about 256 worlds and one core."""

    rollout: int = 16  # steps of every world between two updates
    ratio: int = 16  # env steps for each gradient step
    buffer: int = 400_000  # transitions kept, all worlds together; a checkpoint holds them all
    learning_starts: int = 10_000  # env steps before the first gradient step
    by: str = "task"  # the observation slot whose one-hot code tells tasks apart
    embedding: int | None = None  # width of a learned embedding of the task; None tells the one-hot
    heads: Literal["one", "task"] = "one"  # last layers, of policy and critics: one, or one a task
    hidden: tuple[int, ...] = (128, 128)  # the first layer and the blocks after it, of one width
    gamma: float = 0.97  # discount per step
    tau: float = 0.01  # how much of a critic its target takes over in a gradient step
    batch: int = 256  # transitions of a gradient step
    temperature: float = 0.02  # weight of the entropy at the start, in units of the scaled return
    entropy: float = -0.5  # what is wanted of each action number; -0.5 is a spread of 0.15
    learning_rate: float = 1e-3  # the first one
    final_rate: float = 0.05  # share of it at the run's end, reached in a straight line
    max_grad_norm: float = 10.0
    threads: int = 1  # of torch; results repeat exactly for the same number only

    def __post_init__(self) -> None:
        """Raise ValueError for options that cannot work."""
        check_options(
            self,
            counts=("rollout", "ratio", "buffer", "batch", "threads", "embedding"),
            positive=("tau", "temperature", "learning_rate", "max_grad_norm"),
            shares=("gamma", "tau", "final_rate"),
        )


class SoftActorCritic(nn.Module):
    """A policy, two critics and their slow targets, all told the task."""

    atoms: Tensor

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        columns: slice,
        config: Config,
        generator: torch.Generator,
    ) -> None:
        """columns: those of an observation that tell the task."""
        super().__init__()
        self.sizes, self.generator = (observation_size, action_size), generator

        def network(inputs: int, outputs: int) -> TaskNetwork:
            sizes, told = (inputs, *config.hidden, outputs), (config.embedding, config.heads)
            return TaskNetwork(sizes, "relu", 0.01, generator, columns, *told, residual)

        self.normalise = statistics(observation_size, columns)
        self.actor = network(observation_size, 2 * action_size)
        both = observation_size + action_size
        self.critics = nn.ModuleList(network(both, ATOMS) for _ in range(2))
        self.targets = copy.deepcopy(self.critics).requires_grad_(False)
        self.register_buffer("atoms", torch.linspace(-LIMIT, LIMIT, ATOMS))

    def draw(self, obs: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Sampled actions (n, a) in [-1, 1] and their log-probabilities (n,), obs normalised."""
        mean, log_std = self.actor(obs).chunk(2, dim=-1)
        return squashed(mean, log_std.clamp(*LOG_STD), generator)

    def act(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Sampled actions (N, a) and their log-probabilities (N,) for raw `obs` (N, o)."""
        return self.draw(self.normalise(obs), self.generator)

    def mean(self, obs: Tensor) -> Tensor:
        """The middle of the actions (n, a) for raw `obs` (n, o)."""
        return self.actor(self.normalise(obs)).chunk(2, dim=-1)[0].tanh()

    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """Sampled actions (n, a) for raw `obs` (n, o)."""
        return self.draw(self.normalise(obs), generator)[0]

    def track(self, tau: float) -> None:
        """Let the targets follow the critics."""
        with torch.no_grad():
            torch._foreach_lerp_([*self.targets.parameters()], [*self.critics.parameters()], tau)


class MTSAC:
    """The learner: a number of gradient steps for each rollout.

    tasks: how many the worlds solve, world i the one with number i modulo `tasks`.
    """

    name = "mtsac"

    def __init__(self, policy: SoftActorCritic, config: Config, batch: Batch, tasks: int) -> None:
        """batch: a rollout as it will be learned from.

        Raises ValueError if it is too small for a gradient step or too large for the buffer.
        """
        self.policy, self.config, self.tasks = policy, config, tasks
        self.store = Store(config.buffer, batch)
        self.steps = self.store.block // config.ratio
        if not self.steps:
            raise ValueError(
                f"A rollout of {self.store.block} steps of all worlds is less than the ratio of "
                f"{config.ratio}, so nothing would be learned. Lower ratio, or use more worlds."
            )
        self.limit = TaskReturnLimit(batch.rewards.shape[1], config.gamma, tasks)
        self.log_weight = nn.Parameter(torch.full((tasks,), math.log(config.temperature)))
        self.wanted = config.entropy * policy.sizes[1]
        parts = {"actor": policy.actor, "critics": policy.critics}
        params = {name: [*part.parameters()] for name, part in parts.items()}
        params["temperature"] = [self.log_weight]
        rate = config.learning_rate
        self.adams = {k: torch.optim.Adam(p, rate, fused=True) for k, p in params.items()}

    def learn(self, batch: Batch, left: float) -> dict[str, float]:
        """Keep a rollout, and take gradient steps on all that is kept, once that is enough."""
        config, policy, store = self.config, self.policy, self.store
        for adam in self.adams.values():
            share = falling(config.final_rate, left)
            adam.param_groups[0]["lr"] = config.learning_rate * share
        policy.normalise.update(batch.obs)
        self.limit.update(batch.rewards, batch.dones)
        store.add(batch)
        enough = store.added >= config.learning_starts
        logged = [self._step() for _ in range(self.steps if enough else 0)]
        means = np.mean(logged, axis=0).tolist() if logged else [float("nan")] * 3
        weights = self.log_weight.detach().exp()
        found = [*means, weights.mean().item()]
        metrics = dict(zip(("critic_loss", "value", "entropy", "weight"), found, strict=True))
        if 1 < self.tasks <= NAMED:
            metrics |= {f"weight.{i}": weight for i, weight in enumerate(weights.tolist())}
        return metrics

    def _step(self) -> list[float]:
        """One gradient step of critics, policy and temperatures; returns what is logged."""
        rows, worlds = self.store.draw(self.config.batch, self.policy.generator)
        task = worlds % self.tasks
        weight = self.log_weight.detach().exp()[task]
        obs = self.policy.normalise(rows.obs)
        rewards = rows.rewards * (RETURNS / self.limit.largest.clamp(min=1e-6))[task]
        wanted = self._target(rewards, rows.ends, self.policy.normalise(rows.after), weight)
        loss = self._improve_critics(torch.cat([obs, rows.actions], dim=-1), wanted)
        value, log_probs = self._improve_actor(obs, weight)
        self._improve_temperatures(log_probs, task)
        self.policy.track(self.config.tau)
        return [loss, value, -log_probs.mean().item()]

    @torch.no_grad()
    def _target(self, rewards: Tensor, ends: Tensor, after: Tensor, weight: Tensor) -> Tensor:
        """Chances (n, k) of the values that an action was worth, by its reward and what followed.

        An episode that the clock stopped is worth what it would have gone on to be.
        """
        policy = self.policy
        actions, log_probs = policy.draw(after, policy.generator)
        follows = torch.cat([after, actions], dim=-1)
        chances = sum(target(follows).softmax(dim=-1) for target in policy.targets) / 2
        onward = self.config.gamma * (~ends)[:, None]
        soft = policy.atoms - (weight * log_probs)[:, None]
        return projected(rewards[:, None] + onward * soft, chances, policy.atoms)

    def _improve_critics(self, taken: Tensor, wanted: Tensor) -> float:
        """Lower the cross entropy between wanted chances (n, k) and those of `taken` (n, o + a)."""
        losses = [functional.cross_entropy(critic(taken), wanted) for critic in self.policy.critics]
        self._descend("critics", sum(losses, torch.zeros(())))
        return losses[0].item()

    def _improve_actor(self, obs: Tensor, weight: Tensor) -> tuple[float, Tensor]:
        """Raise what the critics expect, and the entropy; returns the first and log-probabilities.

        Both critics count alike, as in BRC, where SAC takes the smaller of the two.
        """
        policy = self.policy
        policy.critics.requires_grad_(False)
        actions, log_probs = policy.draw(obs, policy.generator)
        tried = torch.cat([obs, actions], dim=-1)
        values = [critic(tried).softmax(dim=-1) @ policy.atoms for critic in policy.critics]
        value = sum(values, torch.zeros(())) / 2
        self._descend("actor", (weight * log_probs - value).mean())
        policy.critics.requires_grad_(True)
        return value.mean().item(), log_probs.detach()

    def _improve_temperatures(self, log_probs: Tensor, task: Tensor) -> None:
        """Weigh the entropy of a task more where there is less of it than wanted."""
        lacking = log_probs + self.wanted
        self._descend("temperature", -(self.log_weight[task] * lacking).mean())

    def _descend(self, part: str, loss: Tensor) -> None:
        self.adams[part].zero_grad()
        loss.backward()
        descend(self.adams[part], self.config.max_grad_norm, "mtsac", "Lower learning_rate")

    def adapter(self) -> PolicyAdapter:
        """The agent as evaluation sees it; it follows further learning."""
        return PolicyAdapter(self.policy)

    def state(self) -> State:
        """Networks, statistics, optimisers, random stream and all transitions kept."""
        return {
            **module_state(self.policy, "policy"),
            **module_state(self.limit, "limit"),
            **adams_state(self.adams),
            **generator_state(self.policy.generator, "generator"),
            **{f"store/{name}": column for name, column in self.store.state().items()},
            "log_weight": self.log_weight.detach().numpy().copy(),
        }

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        load_module(self.policy, "policy", state)
        load_module(self.limit, "limit", state)
        load_generator(self.policy.generator, "generator", state)
        self.store.load(section(state, "store"))
        with torch.no_grad():
            self.log_weight.copy_(torch.from_numpy(state["log_weight"]))
        load_adams(self.adams, state)


def train(
    env: Any,
    config: Config,
    run: Run,
    evaluate: Evaluate | None = None,
    on_progress: OnProgress | None = None,
) -> PolicyAdapter:
    """Train on `env` (SAME_STEP autoreset, world i with task i modulo their number) as `run` says.

    A run that was killed and is resumed ends with the same bits as one that was not. Ctrl-C saves
    and is passed on. Raises RunError if the folder cannot be used, ValueError if `env` cannot.
    """
    with torch_threads(config.threads):
        columns = task_columns(env, config.by, MTSAC.name)
        generator = torch.Generator().manual_seed(run.seed)
        policy = SoftActorCritic(*env_sizes(env), columns, config, generator)
        collector = Collector(env, policy, config.rollout)
        learner = MTSAC(policy, config, collector.batch, len(env.tasks))
        training = Training(run, learner, collector)
        options = dataclasses.asdict(config)
        training.carry_out(options, lambda: collector.start(run.seed), evaluate, on_progress)
    return learner.adapter()


def load(folder: Path | str) -> PolicyAdapter:
    """The trained agent of a run folder, from its newest checkpoint.

    Raises RunError if there is none or it cannot be used.
    """
    stored = read_config(folder)
    with checkpoint.opened(Path(folder) / CHECKPOINT, MTSAC.name) as state:
        config = Config(**stored["config"])
        saved = section(state, "learner/policy")
        seen = saved["normalise.mean"].shape[-1]
        columns = slice(*saved["actor.columns"].tolist())
        action_size = state["learner/store/actions"].shape[-1]
        policy = SoftActorCritic(seen, action_size, columns, config, torch.Generator())
        load_module(policy, "learner/policy", state)
    return PolicyAdapter(policy)
