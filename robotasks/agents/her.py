"""Hindsight experience replay (Andrychowicz et al. 2017, arXiv 1707.01495), for sparse rewards.

What was not the goal was reached all the same: four of five transitions are learned from as if a
later place of their episode had been the goal. The off-policy learner under it is TQC (Kuznetsov
et al. 2020, arXiv 2005.04269) or SAC (Haarnoja et al. 2018, arXiv 1812.05905). Learner and replay
are those of Stable-Baselines3 and sb3-contrib; worlds, run folder and checkpoints are ours.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import torch
from sb3_contrib import TQC
from stable_baselines3 import SAC
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.her import HerReplayBuffer
from torch import Tensor, nn

from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.checks import check_options
from robotasks.agents.parts.loop import Evaluate, OnProgress, Training, torch_threads
from robotasks.agents.parts.replay import Excursions, Replay
from robotasks.agents.parts.run import CHECKPOINT, Run, read_config
from robotasks.agents.parts.state import adams_state, load_adams, load_module, module_state
from robotasks.agents.parts.streams import Streams
from robotasks.benchmark.agent import Forgetful, TrialSpec
from robotasks.envs.sb3 import Sb3VecEnv

ALGORITHMS: dict[str, Any] = {"tqc": TQC, "sac": SAC}
GOAL_SCALE, LIMIT = 0.1, 10.0  # as the slot `goal_pos` of other agents' observations


@dataclass(frozen=True)
class Config:
    """Options of HER; the defaults are those of rl-zoo3 for Fetch tasks, made lighter."""

    algorithm: Literal["sac", "tqc"] = "sac"  # a gradient step of TQC takes twice as long
    rollout: int = 16  # steps of every world between two updates
    ratio: int = 16  # env steps for each gradient step
    buffer: int = 400_000  # transitions kept, all worlds together; a checkpoint holds them all
    learning_starts: int = 20_000  # env steps before the first gradient step
    excursions: float = 0.3  # share of the worlds that act at random
    hold: int = 8  # steps for which such a world keeps its direction
    relabelled: int = 4  # transitions with a goal in hindsight for each one with its own
    hidden: tuple[int, ...] = (128, 128)  # widths of the hidden layers, policy and critics alike
    gamma: float = 0.97  # discount per step
    tau: float = 0.02  # how much of a critic its target takes over in a gradient step
    batch: int = 512  # transitions of a gradient step
    entropy: float = 0.05  # weight of the entropy at the start, which adapts; rewards are 0 or 1
    learning_rate: float = 1e-3
    threads: int = 1  # of torch; results repeat exactly for the same number only

    def __post_init__(self) -> None:
        """Raise ValueError for options that cannot work."""
        check_options(
            self,
            counts=("rollout", "ratio", "hold", "buffer", "relabelled", "batch", "threads"),
            positive=("learning_rate", "entropy"),
            shares=("excursions",),
        )
        for name in ("gamma", "tau"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be within 0..1, not {getattr(self, name)}.")


class Features(BaseFeaturesExtractor):
    """Sees the observation, and the goal from where things are: in units of `GOAL_SCALE`."""

    def __init__(self, space: gym.spaces.Dict) -> None:
        sizes = [gym.spaces.flatdim(space[name]) for name in ("observation", "desired_goal")]
        super().__init__(space, sum(sizes))

    def forward(self, obs: dict[str, Tensor]) -> Tensor:
        """Features (n, o + g)."""
        ahead = (obs["desired_goal"] - obs["achieved_goal"]) / GOAL_SCALE
        return torch.cat([obs["observation"], ahead.clamp(-LIMIT, LIMIT)], dim=-1)


class HER:
    """The learner: a number of gradient steps for each rollout."""

    name = "her"

    def __init__(self, model: Any, config: Config, streams: Streams) -> None:
        self.model, self.config, self.streams = model, config, streams
        self.adams = {
            "actor": model.actor.optimizer,
            "critic": model.critic.optimizer,
            "entropy": model.ent_coef_optimizer,
        }

    def learn(self, batch: HerReplayBuffer, left: float) -> dict[str, float]:
        """Gradient steps on the replay, once it holds enough and an episode that has ended."""
        config, model = self.config, self.model
        steps = config.rollout * batch.n_envs // config.ratio
        if model.num_timesteps < config.learning_starts or not (batch.ep_length > 0).any():
            steps = 0
        if steps:
            with self.streams:
                model.train(steps, config.batch)
        names = ("actor_loss", "critic_loss", "ent_coef")
        found = {name: model.logger.name_to_value.get(f"train/{name}") for name in names}
        model.logger.name_to_value.clear()
        metrics = {name: float("nan") if v is None else float(v) for name, v in found.items()}
        if steps and not np.isfinite([*metrics.values()]).all():
            raise FloatingPointError(
                f"HER diverged ({metrics}). Lower learning_rate; "
                "the run's last checkpoint is intact."
            )
        return metrics

    def adapter(self) -> HerAdapter:
        """The agent as evaluation sees it; it follows further learning."""
        return HerAdapter(self.model.policy)

    def state(self) -> State:
        """Weights, optimisers, the entropy's weight, random streams and the sizes of the spaces."""
        model = self.model
        space = model.observation_space
        sizes = [space[name].shape[0] for name in ("observation", "desired_goal")]
        state = {
            **module_state(model.policy, "policy"),
            **adams_state(self.adams),
            "entropy": model.log_ent_coef.detach().numpy().copy(),
            "sizes": np.array([*sizes, model.action_space.shape[0]]),
        }
        return state | {f"streams/{name}": v for name, v in self.streams.state().items()}

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken."""
        load_module(self.model.policy, "policy", state)
        with torch.no_grad():
            self.model.log_ent_coef.copy_(torch.from_numpy(state["entropy"]))
        load_adams(self.adams, state)
        self.streams.load(section(state, "streams"))


class HerAdapter(Forgetful):
    """An `Adapter` on goal-conditioned worlds: the mean action, or with `explore` a sampled one."""

    def __init__(self, policy: Any) -> None:
        self.policy, self.streams = policy, Streams(0)

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Begin the stream of samples anew; ValueError if the worlds do not fit the policy."""
        self.streams = Streams(0)
        known = self.policy.observation_space["observation"].shape[0]
        if spec.observation_size != known:
            raise ValueError(
                f"The worlds have observations of size {spec.observation_size}; this policy was "
                f"trained for {known}. Evaluate it on the task and options it knows."
            )

    def act(self, obs: Any, explore: bool = False) -> np.ndarray:
        """Actions (n, a) float32 in [-1, 1] for observations, a dict of arrays (n, ...)."""
        if not isinstance(obs, dict):
            raise ValueError("her acts on goal-conditioned worlds: make them with goal_conditioned")
        with self.streams:
            return self.policy.predict(obs, deterministic=not explore)[0]


def shape(config: Config) -> dict[str, Any]:
    """What a policy of SB3 is made with."""
    return {"net_arch": list(config.hidden), "features_extractor_class": Features}


def train(
    env: Any,
    config: Config,
    run: Run,
    evaluate: Evaluate | None = None,
    on_progress: OnProgress | None = None,
) -> HerAdapter:
    """Train on `env` (goal-conditioned, SAME_STEP autoreset) as `run` says.

    A run that was killed and is resumed ends with the same bits as one that was not. Ctrl-C saves
    and is passed on. Raises RunError if the folder cannot be used, ValueError if `env` cannot.
    """
    if not isinstance(env.single_observation_space, gym.spaces.Dict):
        raise ValueError(
            "her needs goal-conditioned worlds (goal_conditioned=True, reward='sparse'), as "
            "`robotasks train her TASK` makes them; a suite has none."
        )
    with torch_threads(config.threads):
        streams, worlds = Streams(run.seed), Sb3VecEnv(env)
        with streams:
            model = ALGORITHMS[config.algorithm](
                "MultiInputPolicy",
                worlds,
                learning_rate=config.learning_rate,
                buffer_size=config.buffer,
                batch_size=config.batch,
                tau=config.tau,
                ent_coef=f"auto_{config.entropy}",
                gamma=config.gamma,
                replay_buffer_class=HerReplayBuffer,
                replay_buffer_kwargs={"n_sampled_goal": config.relabelled},
                policy_kwargs=shape(config),
                device="cpu",
            )
        model.set_logger(Logger(None, []))
        excursions = Excursions(model, config.excursions, config.hold)
        replay = Replay(model, worlds, config.rollout, excursions, streams)
        learner = HER(model, config, streams)
        training = Training(run, learner, replay)
        model._total_timesteps = training.updates * training.per_update
        options = dataclasses.asdict(config)
        training.carry_out(options, lambda: replay.start(run.seed), evaluate, on_progress)
    return learner.adapter()


def load(folder: Path | str) -> HerAdapter:
    """The trained agent of a run folder, from its newest checkpoint; no pickle is read.

    Raises RunError if there is none or it cannot be used.
    """
    stored = read_config(folder)
    with checkpoint.opened(Path(folder) / CHECKPOINT, HER.name) as state, Streams(0):
        config = Config(**stored["config"])
        seen, goal, action = state["learner/sizes"].tolist()
        boxes = {"achieved_goal": goal, "desired_goal": goal, "observation": seen}
        spaces = gym.spaces.Dict({k: gym.spaces.Box(-10, 10, (n,)) for k, n in boxes.items()})
        kind = ALGORITHMS[config.algorithm].policy_aliases["MultiInputPolicy"]
        policy: nn.Module = kind(
            spaces,
            gym.spaces.Box(-1, 1, (action,)),
            lambda left: config.learning_rate,
            **shape(config),
        )
        load_module(policy, "learner/policy", state)
    return HerAdapter(policy)
