"""Few-shot imitation: do on a new row what an expert was seen to do there, once or a few times.

Lessons are drawn from rows with several recorded episodes: one is shown, another is asked about,
and the absolute error of the actions is lowered, as in behaviour cloning. Goals may be hidden: the
demonstration tells. `method` says how it is used: "attend" reads it with a transformer, "mil" takes
gradient steps on it that were learned to help, "nearest" looks among its moments in a learned
embedding, and "tune" learns a clone of all rows and fine-tunes it in the test, which Patacchiola et
al. 2023 (arXiv 2306.13554) found to be a strong contender.
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
from robotasks.agents.parts.adapter import check_sizes
from robotasks.agents.parts.checkpoint import State
from robotasks.agents.parts.checks import check_options
from robotasks.agents.parts.descent import descend
from robotasks.agents.parts.imitators import Attending, Neighbours, Tuned
from robotasks.agents.parts.lessons import Lessons, LessonSampler
from robotasks.agents.parts.loop import Evaluate, OnProgress, Training, torch_threads
from robotasks.agents.parts.norm import RunningMeanStd
from robotasks.agents.parts.run import CHECKPOINT, Run, read_config
from robotasks.agents.parts.state import adam_state, load_adam, load_module, module_state
from robotasks.benchmark.agent import Demos, Forgetful, TrialSpec, UnsupportedError
from robotasks.benchmark.dataset import Demonstrations


@dataclass(frozen=True)
class Config:
    """Options of few-shot imitation; a step of the run is a demonstrated step asked about."""

    method: Literal["attend", "tune", "nearest", "mil"] = "attend"
    shots: int = 1  # demonstrations of a lesson; in a test there may be any number
    hidden: tuple[int, ...] = (128, 128)  # widths of the hidden layers
    width: int = 64  # of the transformer, of the embedding
    inner_steps: int = 2  # gradient steps on the demonstrations, of mil
    inner_rate: float = 0.05  # their length at the start; it is learned
    tune_steps: int = 200  # gradient steps on the demonstrations, of tune in tests
    tune_rate: float = 0.1  # their length
    batch: int = 32  # lessons of a gradient step
    moments: int = 16  # steps of each that are asked about
    minibatches: int = 16  # gradient steps of an update
    learning_rate: float = 1e-3  # the first one; it falls to 0
    weight_decay: float = 1e-4
    max_grad_norm: float = 1.0
    threads: int = 1  # of torch; results repeat exactly for the same number only

    def __post_init__(self) -> None:
        """Raise ValueError for options that cannot work."""
        sizes = ("shots", "width", "batch", "moments", "minibatches", "threads")
        check_options(
            self,
            counts=(*sizes, "inner_steps", "tune_steps"),
            positive=("inner_rate", "tune_rate", "learning_rate", "max_grad_norm"),
        )
        if self.weight_decay < 0:
            raise ValueError(f"weight_decay must be at least 0, not {self.weight_decay}.")


def make_imitator(
    sizes: tuple[int, int], horizon: int, config: Config, generator: torch.Generator
) -> Attending | Tuned | Neighbours:
    """A new imitator; sizes of an observation and of an action, steps of an episode."""
    if config.method == "attend":
        return Attending(sizes, horizon, config.width, config.hidden, generator)
    if config.method == "nearest":
        return Neighbours(sizes, config.hidden, config.width, generator)
    if config.method == "tune":
        steps, rate = (0, config.tune_steps), config.tune_rate
    else:
        steps, rate = (config.inner_steps, config.inner_steps), config.inner_rate
    return Tuned(sizes, config.hidden, steps, rate, generator)


class DemoPolicy(nn.Module):
    """An imitator of raw observations."""

    def __init__(
        self,
        sizes: tuple[int, int],
        horizon: int,
        config: Config,
        generator: torch.Generator,
    ) -> None:
        """sizes: of an observation and of an action. horizon: steps of a demonstration."""
        super().__init__()
        self.sizes, self.horizon = sizes, horizon
        self.normalise = RunningMeanStd((sizes[0],))
        self.imitator = make_imitator(sizes, horizon, config, generator)

    def prepare(self, obs: Tensor, actions: Tensor) -> Any:
        """What demonstrations (B, D, T, o) and (B, D, T, a) tell."""
        return self.imitator.prepare(self.normalise(obs), actions)

    def answer(self, told: Any, obs: Tensor) -> Tensor:
        """Actions (B, S, a) for `obs` (B, S, o)."""
        return self.imitator.answer(told, self.normalise(obs))


class DemoLearner:
    """The learner: one call of `learn` per rollout of lessons."""

    name = "demo"

    def __init__(self, policy: DemoPolicy, config: Config) -> None:
        self.policy, self.config = policy.eval(), config
        learned = [p for p in policy.parameters() if p.requires_grad]
        self.adam = torch.optim.AdamW(
            learned, config.learning_rate, weight_decay=config.weight_decay, fused=True
        )

    def learn(self, batch: Lessons, left: float) -> dict[str, float]:
        """One gradient step on each minibatch."""
        self.adam.param_groups[0]["lr"] = self.config.learning_rate * left
        self.policy.train()
        columns = (batch.shown, batch.done, batch.asked, batch.answers)
        errors = [self._step(*lesson) for lesson in zip(*columns, strict=True)]
        self.policy.eval()
        return {"error": float(np.mean(errors))}

    def _step(self, shown: Tensor, done: Tensor, asked: Tensor, answers: Tensor) -> float:
        """One gradient step; returns the mean absolute error before it."""
        found = self.policy.answer(self.policy.prepare(shown, done), asked)
        loss = nn.functional.l1_loss(found, answers)
        self.adam.zero_grad()
        loss.backward()
        descend(self.adam, self.config.max_grad_norm, "demo", "Lower learning_rate or inner_rate")
        return loss.item()

    def adapter(self) -> DemoAdapter:
        """The agent as evaluation sees it; it follows further learning."""
        return DemoAdapter(self.policy)

    def state(self) -> State:
        """Weights, statistics and optimiser."""
        return {**module_state(self.policy, "policy"), **adam_state(self.adam, "adam")}

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        load_module(self.policy, "policy", state)
        load_adam(self.adam, "adam", state)


class DemoAdapter(Forgetful):
    """An `Adapter` that takes demonstrations; what it is paid changes nothing."""

    def __init__(self, policy: DemoPolicy) -> None:
        self.policy = policy
        self.told: Any = None

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Forget the demonstrations; ValueError if the worlds do not fit the policy."""
        check_sizes(self.policy, spec)
        self.told = None

    @torch.no_grad()
    def ingest_demos(self, demos: Demos) -> None:
        """Read the demonstrations of each world; ValueError unless they are as long as known ones.

        One that failed counts as another one of that world that did not, if there is one.
        """
        steps = demos.obs.shape[2]
        if steps != self.policy.horizon:
            raise ValueError(
                f"These demonstrations have {steps} steps, this imitator learned from episodes of "
                f"{self.policy.horizon}: show it the task that it knows."
            )
        obs, actions = demos.obs.copy(), demos.actions.copy()
        for world, success in enumerate(demos.success):
            if success.any():
                good = np.flatnonzero(success)
                kept = np.where(success, np.arange(len(success)), np.resize(good, len(success)))
                obs[world], actions[world] = demos.obs[world, kept], demos.actions[world, kept]
        self.told = self.policy.prepare(torch.from_numpy(obs), torch.from_numpy(actions))

    @torch.no_grad()
    def act(self, obs: np.ndarray, explore: bool = False) -> np.ndarray:
        """Actions (n, a) float32 in [-1, 1] for `obs` (n, o), whether to explore or not.

        Raises UnsupportedError without demonstrations.
        """
        if self.told is None:
            raise UnsupportedError(
                "demo was shown nothing to imitate: give it demonstrations (--demos 1, or demos=1)"
            )
        actions = self.policy.answer(self.told, torch.tensor(obs, dtype=torch.float32)[:, None])
        return actions[:, 0].clamp(-1, 1).numpy()


def train(
    demonstrations: Demonstrations,
    config: Config,
    run: Run,
    evaluate: Evaluate | None = None,
    on_progress: OnProgress | None = None,
) -> DemoAdapter:
    """Train on `demonstrations` as `run` says; nothing is simulated but by `evaluate`.

    A run that was killed and is resumed ends with the same bits as one that was not. Ctrl-C saves
    and is passed on. Raises RunError if the folder cannot be used, ValueError if there are too few
    demonstrations on each row.
    """
    with torch_threads(config.threads):
        generator = torch.Generator().manual_seed(run.seed)
        shape = (config.minibatches, config.batch)
        sampler = LessonSampler(demonstrations, config.shots, config.moments, shape, generator)
        _, horizon, observation_size = sampler.obs.shape
        sizes = observation_size, sampler.actions.shape[2]
        policy = DemoPolicy(sizes, horizon, config, generator)
        policy.normalise.update(sampler.obs)
        learner = DemoLearner(policy, config)
        options = {**dataclasses.asdict(config), "sizes": sizes, "horizon": horizon}
        training = Training(run, learner, sampler)
        training.carry_out(options, lambda: None, evaluate, on_progress)
    return learner.adapter()


def load(folder: Path | str) -> DemoAdapter:
    """The trained agent of a run folder, from its newest checkpoint.

    Raises RunError if there is none or it cannot be used.
    """
    options = dict(read_config(folder)["config"])
    (observation_size, action_size), horizon = options.pop("sizes"), options.pop("horizon")
    with checkpoint.opened(Path(folder) / CHECKPOINT, DemoLearner.name) as state:
        sizes, config = (observation_size, action_size), Config(**options)
        policy = DemoPolicy(sizes, horizon, config, torch.Generator())
        load_module(policy, "learner/policy", state)
    return DemoAdapter(policy.eval())
