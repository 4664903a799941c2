"""Multi-task proximal policy optimisation: one policy for all tasks of a suite.

PPO (arXiv 1707.06347) on worlds of several tasks, told which one each is about, by a one-hot code
or by a learned embedding of unit length (Nauman et al. 2025, arXiv 2505.23150). Tasks move, pay
and progress differently, so observations, returns and advantages are scaled within each (Hessel et
al. 2019, arXiv 1809.04474, for the values). With `heads=task` the last layers are each task's own
(Yu et al. 2020, Meta-World, arXiv 1910.10897), with `combine` the tasks' gradients are made to
agree before they are added up: PCGrad (arXiv 2001.06782) or CAGrad (arXiv 2110.14048).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from robotasks.agents import ppo
from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.actor_critic import ActorCritic
from robotasks.agents.parts.adapter import PolicyAdapter
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.checks import check_options
from robotasks.agents.parts.collect import env_sizes
from robotasks.agents.parts.loop import Evaluate, OnProgress, torch_threads
from robotasks.agents.parts.run import CHECKPOINT, Run, read_config
from robotasks.agents.parts.state import load_module
from robotasks.agents.parts.surgery import Rule, cosines, weights
from robotasks.agents.parts.tasks import TaskNetwork, task_columns
from robotasks.agents.ppo import PPO, Loss, Rows, whole_gradient

MATRIX_LIMIT = 10  # tasks up to which the whole matrix of conflicts is logged, a column a pair


@dataclass(frozen=True)
class Config(ppo.Config):
    """Options of multi-task PPO, beside those of PPO; `rollout` is multiplied by the tasks."""

    by: str = "task"  # the observation slot whose one-hot code tells tasks apart
    embedding: int | None = None  # width of a learned embedding of the task; None tells the one-hot
    heads: Literal["one", "task"] = "one"  # last layers, of policy and critic: one, or one a task
    combine: Rule = "mean"  # how the tasks' gradients become one

    def __post_init__(self) -> None:
        """Raise ValueError for options that cannot work."""
        super().__post_init__()
        check_options(self, counts=("embedding",))


class TaskGradients:
    """The gradient of each task's loss, in the parts of policy and critic that tasks share."""

    def __init__(self, policy: ActorCritic, rule: Rule) -> None:
        actor, critic = policy.actor, policy.critic
        assert isinstance(actor, TaskNetwork) and isinstance(critic, TaskNetwork)
        self.network, self.rule, self.generator = actor, rule, policy.generator
        self.shared = {"actor": actor.shared(), "critic": critic.shared()}
        shared = {id(p) for params in self.shared.values() for p in params}
        self.own = [p for p in policy.parameters() if id(p) not in shared]

    def __call__(self, loss: Loss, rows: Rows) -> list[float]:
        """Combine the gradients by the rule: policy and critic apart, heads without any rule."""
        _, numbers, gradients = self._each(loss, rows)
        count = len(numbers)
        for params in self.shared.values():
            flat = self._flat(gradients, params)
            taken = torch.from_numpy(weights(self.rule, _gram(flat), self.generator))
            combined = taken.to(flat.dtype) @ flat
            parts = combined.split([p.numel() for p in params])
            for parameter, part in zip(params, parts, strict=True):
                parameter.grad = part.view_as(parameter)
        for parameter in self.own:
            parameter.grad = torch.stack([of[parameter] for of in gradients]).sum(dim=0) / count
        return np.mean(numbers, axis=0).tolist()

    def conflicts(self, loss: Loss, rows: Rows) -> dict[str, float]:
        """Cosines between the tasks' gradients: their mean, the share below 0, and each pair's.

        Columns end in the numbers of the two tasks, in the suite's order.
        """
        tasks, _, gradients = self._each(loss, rows)
        found: dict[str, float] = {}
        if len(tasks) < 2:
            return found
        one, other = np.triu_indices(len(tasks), k=1)
        for name, params in self.shared.items():
            pairs = cosines(_gram(self._flat(gradients, params)))[one, other]
            found[f"{name}_cosine"] = float(pairs.mean())
            found[f"{name}_conflicts"] = float((pairs < 0).mean())
            if len(tasks) <= MATRIX_LIMIT:
                for i, j, cosine in zip(one, other, pairs, strict=True):
                    found[f"{name}_cosine.{tasks[i]}.{tasks[j]}"] = float(cosine)
        return found

    def _each(
        self, loss: Loss, rows: Rows
    ) -> tuple[list[int], list[list[float]], list[dict[nn.Parameter, Tensor]]]:
        """The tasks that have rows, and of each the loss's numbers and all its gradients."""
        params = [*self.own, *(p for params in self.shared.values() for p in params)]
        of = self.network.task(rows.obs)
        tasks, numbers, gradients = of.unique().tolist(), [], []
        for task in tasks:
            value, told = loss(rows.take(of == task))
            numbers.append(told)
            gradients.append(dict(zip(params, torch.autograd.grad(value, params), strict=True)))
        return tasks, numbers, gradients

    @staticmethod
    def _flat(
        gradients: Sequence[dict[nn.Parameter, Tensor]], params: Sequence[nn.Parameter]
    ) -> Tensor:
        """Gradients as rows, (tasks, numbers of `params`)."""
        return torch.stack([torch.cat([of[p].flatten() for p in params]) for of in gradients])


def _gram(flat: Tensor) -> np.ndarray:
    """Inner products of the rows, in float64: differences of large numbers follow."""
    wide = flat.double()
    return (wide @ wide.T).numpy()


class MTPPO:
    """The learner: PPO with the tasks' gradients measured, and combined as asked."""

    name = "mtppo"

    def __init__(self, policy: ActorCritic, config: Config, worlds: int, tasks: int) -> None:
        self.gradients = TaskGradients(policy, config.combine)
        # Without a rule one pass over all rows does, and is faster.
        gradient = whole_gradient if config.combine == "mean" else self.gradients
        self.ppo = PPO(policy, config, worlds, tasks, gradient)

    def learn(self, batch: Batch, left: float) -> dict[str, float]:
        """As PPO does; conflicts are those before the first step, where the policy still acted."""
        rows = self.ppo.rows(batch)
        conflicts = self.gradients.conflicts(self.ppo.loss, rows)
        metrics = self.ppo.fit(rows, left)
        self.ppo.policy.normalise.update(batch.obs)
        return metrics | conflicts

    def adapter(self) -> PolicyAdapter:
        """The agent as evaluation sees it; it follows further learning."""
        return self.ppo.adapter()

    def state(self) -> State:
        """Weights, statistics, optimiser and random stream."""
        return self.ppo.state()

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        self.ppo.load(state)


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
        columns = task_columns(env, config.by, MTPPO.name)
        # As much of each task in an update, and in a minibatch, as where each is learned alone.
        config = replace(config, rollout=config.rollout * len(env.tasks))
        policy = _policy(*env_sizes(env), columns, config, run.seed)
        learner = MTPPO(policy, config, env.num_envs, len(env.tasks))
        ppo.act_and_learn(env, policy, learner, config, run, evaluate, on_progress)
    return learner.adapter()


def load(folder: Path | str) -> PolicyAdapter:
    """The trained agent of a run folder, from its newest checkpoint.

    Raises RunError if there is none or it cannot be used.
    """
    stored = read_config(folder)
    with checkpoint.opened(Path(folder) / CHECKPOINT, MTPPO.name) as state:
        config = Config(**stored["config"])
        saved = section(state, "learner/policy")
        sizes = saved["normalise.mean"].shape[-1], saved["noise.log_std"].shape[-1]
        policy = _policy(*sizes, slice(*saved["actor.columns"].tolist()), config)
        load_module(policy, "learner/policy", state)
    return PolicyAdapter(policy)


def _policy(
    observation_size: int, action_size: int, columns: slice, config: Config, seed: int = 0
) -> ActorCritic:
    """A new policy and critic."""
    network = partial(TaskNetwork, columns=columns, embedding=config.embedding, heads=config.heads)
    generator = torch.Generator().manual_seed(seed)
    return ActorCritic(observation_size, action_size, config, generator, network)
