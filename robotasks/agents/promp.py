"""ProMP: a policy that a few gradient steps adapt (Rothfuss et al. 2019, arXiv 1810.06784); and
MAML (Finn et al. 2017, arXiv 1703.03400).

On a row it knows nothing of, the policy plays some episodes, takes a policy-gradient step on them,
plays on, and so forth: the stages of a trial. What is learned is where to start and how far each
weight steps, such that what is played after the steps is paid most. The steps' surrogate is a
likelihood ratio, whose second derivative is that of the expected return; a log-probability's would
be that of the density alone. A rollout is a trial in every world, and every world is a row with
weights of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import vmap

from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.baseline import baseline_advantages
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.checks import check_options
from robotasks.agents.parts.collect import env_sizes
from robotasks.agents.parts.descent import descend
from robotasks.agents.parts.inner import Start, Weights
from robotasks.agents.parts.loop import Evaluate, OnProgress, Training, torch_threads
from robotasks.agents.parts.nets import Activation, DiagonalGaussian
from robotasks.agents.parts.norm import RunningMeanStd
from robotasks.agents.parts.ppo_loss import policy_terms
from robotasks.agents.parts.run import CHECKPOINT, Run, read_config
from robotasks.agents.parts.state import (
    adam_state,
    generator_state,
    load_adam,
    load_generator,
    load_module,
    module_state,
)
from robotasks.agents.parts.trials import SteppingAdapter, Trials


@dataclass(frozen=True)
class Config:
    """Options of ProMP; the defaults suit about 40 worlds and rewards that come often."""

    shots: int = 5  # episodes that a row plays before each step of its weights
    hidden: tuple[int, ...] = (64, 64)  # widths of the hidden layers
    activation: Activation = "tanh"
    initial_std: float = 0.5  # spread of the actions at the start, actions being in [-1, 1]
    inner_rate: float = 0.3  # length of a row's steps at the start
    rates: Literal["learned", "fixed"] = "learned"  # one for each weight, or the same for all
    order: Literal["full", "first", "reptile"] = "full"  # what is derived; see `ProMP`
    inner_gamma: float = 0.9  # discount per step of what a row learns from
    gamma: float = 0.97  # discount per step of what learning to learn raises
    lam: float = 0.95  # GAE: 0 trusts the baseline, 1 the rewards
    ridge: float = 0.01  # what slopes of the baseline cost
    outer_steps: int = 5  # gradient steps on each rollout
    clip: float = 0.3  # how far the probability ratio may usefully move
    inner_kl: float = 5e-4  # weight of how far the policies that played have moved since
    learning_rate: float = 3e-3
    max_grad_norm: float = 1.0
    threads: int = 1  # of torch; results repeat exactly for the same number only

    def __post_init__(self) -> None:
        """Raise ValueError for options that cannot work."""
        rates = ("inner_rate", "learning_rate", "max_grad_norm")
        check_options(
            self,
            counts=("shots", "outer_steps", "threads"),
            positive=("initial_std", "ridge", "clip", *rates),
            shares=("inner_gamma", "gamma", "lam"),
        )
        if self.inner_kl < 0:
            raise ValueError(f"inner_kl must be at least 0, not {self.inner_kl}.")


class Stage(NamedTuple):
    """What was played between two steps: T control steps of N rows; of one, without that axis."""

    obs: Tensor  # (T, N, o), normalised
    actions: Tensor  # (T, N, a)
    log_probs: Tensor  # (T, N) of the policy that acted
    inner: Tensor  # (T, N) advantages that a row learns from
    outer: Tensor  # (T, N) advantages that learning to learn raises


class AdaptivePolicy(nn.Module):
    """Where all rows start, how far each weight steps, and how actions spread.

    The spread stays what it is while a row adapts: a few episodes would make it collapse.
    """

    def __init__(
        self, observation_size: int, action_size: int, config: Config, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.sizes, self.config = (observation_size, action_size), config
        self.normalise = RunningMeanStd((observation_size,))
        sizes, learned = (observation_size, *config.hidden, action_size), config.rates == "learned"
        self.start = Start(sizes, config.activation, config.inner_rate, learned, generator)
        self.noise = DiagonalGaussian(action_size, config.initial_std)
        self.generator = generator

    def begin(self, count: int) -> Rows:
        """Rows before their first step."""
        return Rows(self, count)

    def stage(self, batch: Batch) -> Stage:
        """What a rollout teaches."""
        obs, config = self.normalise(batch.obs), self.config
        inner, outer = (
            baseline_advantages(obs, batch.rewards, batch.dones, gamma, config.lam, config.ridge)
            for gamma in (config.inner_gamma, config.gamma)
        )
        return Stage(obs, batch.actions, batch.log_probs, inner, outer)

    def log_probs(self, weights: Weights, stage: Stage) -> Tensor:
        """Log-probabilities (T,) of what one row did."""
        return self.noise.log_prob(self.start.output(weights, stage.obs), stage.actions)

    def stepped(self, weights: Weights, stage: Stage) -> Weights:
        """One row's weights after a step up the policy gradient of its stage."""

        def loss(weights: Weights) -> Tensor:
            ratio = (self.log_probs(weights, stage) - stage.log_probs).exp()
            return -(ratio * stage.inner).mean()

        return self.start.stepped(weights, loss, through=self.config.order == "full")


class Rows:
    """Worlds on their way from the common start, each with weights of its own."""

    def __init__(self, policy: AdaptivePolicy, count: int) -> None:
        self.policy = policy
        start = policy.start.weights
        self.weights = {name: p.detach().expand(count, *p.shape) for name, p in start.items()}

    @torch.no_grad()
    def mean(self, obs: Tensor) -> Tensor:
        """The middle of the actions (N, a) for raw `obs` (N, o)."""
        return vmap(self.policy.start.output)(self.weights, self.policy.normalise(obs))

    def act(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Sampled actions (N, a) and their log-probabilities (N,) for raw `obs` (N, o)."""
        return self.policy.noise.sample(self.mean(obs), self.policy.generator)

    @torch.no_grad()
    def learn(self, batch: Batch) -> None:
        """Each world takes a step on what it played."""
        stage = self.policy.stage(batch)
        self.weights = vmap(self.policy.stepped, in_dims=(0, 1))(self.weights, stage)


class ProMP:
    """The learner: raises what is paid in the stages that follow a step, all alike.

    order: "full" derives through the steps; "first" takes their directions as given; "reptile"
    (Nichol et al. 2018, arXiv 1803.02999) moves the start towards where the rows end up, after a
    step on the last stage too, and learns neither rates nor spread.
    """

    name = "promp"

    def __init__(self, policy: AdaptivePolicy, config: Config, steps: int) -> None:
        """steps: of a row's weights in a trial."""
        self.policy, self.config, self.steps = policy, config, steps
        self.generator = policy.generator
        learned = [p for p in policy.parameters() if p.requires_grad]
        self.adam = torch.optim.Adam(learned, config.learning_rate, fused=True)

    def learn(self, batch: Sequence[Batch], left: float) -> dict[str, float]:
        """Gradient steps on one trial in every world, then the statistics move on."""
        stages = [self.policy.stage(part) for part in batch]
        reptile = self.config.order == "reptile"
        step = self._reptile_step if reptile else self._step
        logged = [step(stages) for _ in range(1 if reptile else self.config.outer_steps)]
        for part in batch:
            self.policy.normalise.update(part.obs)
        episodes = self.config.shots * batch[0].rewards.shape[1]
        rates = torch.cat([rate.detach().flatten() for rate in self.policy.start.rates])
        return {
            **{name: float(np.mean([row[name] for row in logged])) for name in logged[0]},
            **{f"return.{k}": part.rewards.sum().item() / episodes for k, part in enumerate(batch)},
            "inner_rate": rates.mean().item(),
            "action_std": self.policy.noise.log_std.detach().exp().mean().item(),
        }

    def loss(self, weights: Weights, stages: Sequence[Stage]) -> tuple[Tensor, dict[str, Tensor]]:
        """What is lowered on one row's stages from a start, and numbers to be logged."""
        surrogates, moved = [], []
        for before, after in pairwise(stages):
            log_ratio = self.policy.log_probs(weights, before) - before.log_probs
            moved.append((log_ratio.exp() - 1 - log_ratio).mean())
            weights = self.policy.stepped(weights, before)
            log_probs = self.policy.log_probs(weights, after)
            surrogates.append(
                policy_terms(log_probs, after.log_probs, after.outer, self.config.clip)
            )
        policy, kl, clipped = (torch.stack(c).mean() for c in zip(*surrogates, strict=True))
        inner_kl = torch.stack(moved).mean()
        numbers = {"policy_loss": policy, "kl": kl, "clip_fraction": clipped, "inner_kl": inner_kl}
        return policy + self.config.inner_kl * inner_kl, numbers

    def _step(self, stages: list[Stage]) -> dict[str, float]:
        """One step down the mean loss of all rows; returns the means of its numbers."""
        losses, numbers = vmap(self.loss, in_dims=(None, 1))(self.policy.start.weights, stages)
        self.adam.zero_grad()
        losses.mean().backward()
        self._descend()
        return {name: number.mean().item() for name, number in numbers.items()}

    def _reptile_step(self, stages: list[Stage]) -> dict[str, float]:
        """One step towards the mean of where rows end up; returns how far off that is."""

        def end(weights: Weights, stages: Sequence[Stage]) -> Weights:
            for stage in stages:
                weights = self.policy.stepped(weights, stage)
            return weights

        start = self.policy.start.weights
        with torch.no_grad():
            ends = vmap(end, in_dims=(None, 1))(start, stages)
        self.adam.zero_grad()
        for name, parameter in start.items():
            parameter.grad = parameter.detach() - ends[name].mean(dim=0)
        gaps = torch.cat([p.grad.flatten() for p in start.values() if p.grad is not None])
        self._descend()
        return {"gap": gaps.norm().item()}

    def _descend(self) -> None:
        descend(self.adam, self.config.max_grad_norm, "ProMP", "Lower learning_rate or inner_rate")

    def adapter(self) -> SteppingAdapter:
        """The agent as evaluation sees it; it follows further learning."""
        return SteppingAdapter(self.policy, self.config.shots, self.steps)

    def state(self) -> State:
        """Weights, rates, statistics, optimiser and random stream."""
        return {
            **module_state(self.policy, "policy"),
            **adam_state(self.adam, "adam"),
            **generator_state(self.generator, "generator"),
        }

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        load_module(self.policy, "policy", state)
        load_adam(self.adam, "adam", state)
        load_generator(self.generator, "generator", state)


def train(
    env: Any,
    config: Config,
    run: Run,
    evaluate: Evaluate | None = None,
    on_progress: OnProgress | None = None,
) -> SteppingAdapter:
    """Train on `env` (SAME_STEP autoreset, trials of `env.episodes` episodes) as `run` says.

    A run that was killed and is resumed ends with the same bits as one that was not. Ctrl-C saves
    and is passed on. Raises RunError if the folder cannot be used, ValueError if `env` cannot.
    """
    steps = steps_of(env.episodes, config.shots)
    with torch_threads(config.threads):
        generator = torch.Generator().manual_seed(run.seed)
        policy = AdaptivePolicy(*env_sizes(env), config, generator)
        learner = ProMP(policy, config, steps)
        trials = Trials(env, policy, config.shots * env.horizon, stages=steps + 1)
        options = {**dataclasses.asdict(config), "steps": steps}
        training = Training(run, learner, trials)
        training.carry_out(options, lambda: trials.collector.start(run.seed), evaluate, on_progress)
    return learner.adapter()


def steps_of(episodes: int, shots: int) -> int:
    """Steps of a row's weights in a trial: one after each stage of `shots` episodes but the last.

    Raises ValueError if the trial is not made of two such stages or more.
    """
    stages, rest = divmod(episodes, shots)
    if rest or stages < 2:
        raise ValueError(
            f"A trial of {episodes} episodes is not two or more stages of {shots}: choose another "
            "number of episodes (--episodes) or of shots (--set shots=1)."
        )
    return stages - 1


def load(folder: Path | str) -> SteppingAdapter:
    """The trained agent of a run folder, from its newest checkpoint.

    Raises RunError if there is none or it cannot be used.
    """
    options = dict(read_config(folder)["config"])
    steps = options.pop("steps")
    with checkpoint.opened(Path(folder) / CHECKPOINT, ProMP.name) as state:
        config, weights = Config(**options), section(state, "learner/policy")
        sizes = len(weights["normalise.mean"]), len(weights["noise.log_std"])
        policy = AdaptivePolicy(*sizes, config, torch.Generator())
        load_module(policy, "learner/policy", state)
    return SteppingAdapter(policy, config.shots, steps)
