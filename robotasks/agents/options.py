"""Options (Sutton et al. 1999): a manager that chooses, every few steps, what a worker works at.

The workers are policies that have learned tasks with one part, told where it goes. On a task with
several parts a choice is a worker and a part: the worker sees that part in the place of its own,
beside the robot and the goal as the task shows them, and acts for `every` control steps. PPO trains
the manager on the whole task; to it a choice is one step. The workers stay as they are.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from robotasks.agents import bc, ppo
from robotasks.agents.parts import checkpoint
from robotasks.agents.parts.actor_critic import ActorCritic
from robotasks.agents.parts.adapter import check_sizes
from robotasks.agents.parts.batch import Batch
from robotasks.agents.parts.checkpoint import State, section
from robotasks.agents.parts.collect import Collector, env_sizes
from robotasks.agents.parts.loop import Evaluate, OnProgress, Training, torch_threads
from robotasks.agents.parts.run import CHECKPOINT, Run, read_config
from robotasks.agents.parts.skills import Skill, Skills, part_columns
from robotasks.agents.ppo import PPO
from robotasks.benchmark.agent import Forgetful, TrialSpec
from robotasks.envs.vector import TaskVectorEnv
from robotasks.layout import Layout

TRADES: Mapping[str, Any] = {"bc": bc, "ppo": ppo}  # agents whose runs can be workers


@dataclass(frozen=True)
class Config(ppo.Config):
    """Options of the manager, beside those of PPO, whose steps are choices here."""

    workers: tuple[str, ...] = ()  # run folders of bc or ppo, each on a task with one part
    every: int = 8  # control steps between two choices

    def __post_init__(self) -> None:
        """Raise ValueError for options that cannot work."""
        super().__post_init__()
        if self.every < 1:
            raise ValueError(f"every must be at least 1, not {self.every}.")


@dataclass(frozen=True)
class Worker:
    """A policy and the names of what it sees."""

    policy: Skill
    layout: Layout
    about: Mapping[str, Any]  # for the run's config.json: where it came from, how it is built


class Decisions(VectorEnv):
    """Worlds as the manager sees them: an action is a number for each choice, the largest is taken.

    A step lasts `every` control steps; its reward is their sum. An episode that ends among them
    ends the step's reward too: the next one begins under the same choice, and nothing of it counts
    until the next step.
    """

    def __init__(self, env: Any, skills: Skills, every: int) -> None:
        """env: with flat Box spaces and SAME_STEP autoreset. Raises ValueError for others."""
        seen, acted = env_sizes(env)
        if acted != skills.action_size:
            raise ValueError(f"The workers have {skills.action_size} actions, the worlds {acted}.")
        self.env, self.skills, self.every = env, skills, every
        self.num_envs, self.metadata = env.num_envs, env.metadata
        self.single_observation_space = env.single_observation_space
        self.single_action_space = Box(-np.inf, np.inf, (skills.choices,), np.float32)
        self.observation_space = env.observation_space
        self.action_space = batch_space(self.single_action_space, env.num_envs)
        self.obs = np.zeros((env.num_envs, seen), np.float32)

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[np.ndarray, dict]:
        """Begin; see the worlds' own `reset`."""
        self.obs, infos = self.env.reset(seed=seed, options=options)
        return self.obs, infos

    def step(self, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict]:
        """Let the chosen workers act, actions (N, choices)."""
        choice = torch.from_numpy(actions.argmax(axis=1))
        rewards = np.zeros(self.num_envs)
        ends = {name: np.zeros(self.num_envs, bool) for name in ("terminated", "truncated")}
        over, success = np.zeros((2, self.num_envs), bool)
        final_obs = np.zeros_like(self.obs)
        for _ in range(self.every):
            acted = self.skills.act(torch.tensor(self.obs), choice).numpy()
            self.obs, paid, terminated, truncated, infos = self.env.step(acted)
            rewards += np.where(over, 0.0, paid)
            new = (terminated | truncated) & ~over
            if new.any():
                ends["terminated"] |= new & terminated
                ends["truncated"] |= new & truncated
                final_obs[new] = infos["final_obs"][new]
                success[new] = infos["final_info"]["success"][new]
                over |= new
        told = {"final_obs": final_obs, "final_info": {"success": success}} if over.any() else {}
        return self.obs, rewards, ends["terminated"], ends["truncated"], told

    def get_state(self) -> dict[str, np.ndarray]:
        """The worlds' state and what they show; copies."""
        return {**self.env.get_state(), "decisions.obs": self.obs.copy()}

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """The inverse of `get_state`."""
        rest = dict(state)
        self.obs = rest.pop("decisions.obs").copy()
        self.env.set_state(rest)


class Manager:
    """The learner: PPO on choices."""

    name = "options"

    def __init__(self, policy: ActorCritic, skills: Skills, config: Config, worlds: int) -> None:
        self.skills, self.every, self.ppo = skills, config.every, PPO(policy, config, worlds)

    def learn(self, batch: Batch, left: float) -> dict[str, float]:
        """As PPO does; also tells how often each choice was made."""
        made = batch.actions.argmax(dim=-1).flatten().bincount(minlength=self.skills.choices)
        shares = (made / made.sum()).tolist()
        return self.ppo.learn(batch, left) | {f"choice.{i}": s for i, s in enumerate(shares)}

    def adapter(self) -> OptionsAdapter:
        """The agent as evaluation sees it; it follows further learning."""
        return OptionsAdapter(self.ppo.policy, self.skills, self.every)

    def state(self) -> State:
        """The manager, and the workers: who loads the run needs no other folder."""
        return {**self.ppo.state(), **self.skills.state()}

    def load(self, state: State) -> None:
        """Go on exactly where `state` was taken; the workers are the same."""
        self.ppo.load(state)


class OptionsAdapter(Forgetful):
    """An `Adapter`: each world's choice is made anew after `every` steps and with each episode."""

    def __init__(self, policy: ActorCritic, skills: Skills, every: int) -> None:
        self.policy, self.skills, self.every = policy, skills, every
        self.sizes = policy.sizes[0], skills.action_size
        self.generator = torch.Generator()
        self.clock, self.choice = torch.zeros(2, 0, dtype=torch.long)

    def begin_trial(self, n: int, spec: TrialSpec) -> None:
        """Forget all choices; ValueError if the worlds do not fit."""
        check_sizes(self, spec)
        self.generator.manual_seed(0)
        self.clock, self.choice = torch.zeros(2, n, dtype=torch.long)

    @torch.inference_mode()
    def act(self, obs: np.ndarray, explore: bool = False) -> np.ndarray:
        """Actions (n, a) float32 in [-1, 1] for `obs` (n, o)."""
        raw, policy = torch.tensor(obs, dtype=torch.float32), self.policy
        weighed = policy.sample(raw, self.generator) if explore else policy.mean(raw)
        self.choice = torch.where(self.clock % self.every == 0, weighed.argmax(-1), self.choice)
        self.clock = self.clock + 1
        return self.skills.act(raw, self.choice).numpy()

    def end_episode(self, mask: np.ndarray) -> None:
        """Choose anew where an episode begins."""
        self.clock = self.clock.masked_fill(torch.from_numpy(mask), 0)


def train(
    env: Any,
    config: Config,
    run: Run,
    evaluate: Evaluate | None = None,
    on_progress: OnProgress | None = None,
) -> OptionsAdapter:
    """Train a manager of `config.workers` on `env` (SAME_STEP autoreset) as `run` says.

    A run that was killed and is resumed ends with the same bits as one that was not. Ctrl-C saves
    and is passed on. Raises RunError if a folder cannot be used, ValueError if `env` cannot.
    """
    if not config.workers:
        raise ValueError(
            "options needs workers: train them on tasks with one part (bc, ppo) and name their run "
            "folders, --set workers=RUN,RUN"
        )
    return manage(
        [hired(folder) for folder in config.workers], env, config, run, evaluate, on_progress
    )


def hired(folder: str) -> Worker:
    """The worker in a run folder. Raises RunError or ValueError if it cannot be used."""
    stored = read_config(folder)
    agent, task = stored["agent"], stored["env"].get("tasks")
    if agent not in TRADES or task is None:
        raise ValueError(
            f"{folder} is a run of {agent} on {task or 'a suite'}; a worker has to be a run of "
            f"{' or '.join(TRADES)} on one task."
        )
    with closing(TaskVectorEnv(task, 1, reveal=stored["env"]["reveal"], threads=1)) as env:
        layout = env.layout
    digest = hashlib.sha256((Path(folder) / CHECKPOINT).read_bytes()).hexdigest()
    about = {"agent": agent, "task": task, "config": stored["config"], "sha256": digest}
    return Worker(TRADES[agent].load(folder).policy, layout, about)


def manage(
    workers: Sequence[Worker],
    env: Any,
    config: Config,
    run: Run,
    evaluate: Evaluate | None = None,
    on_progress: OnProgress | None = None,
) -> OptionsAdapter:
    """Train a manager of these workers; see `train`."""
    columns = [part_columns(worker.layout, env.layout) for worker in workers]
    skills = Skills([worker.policy for worker in workers], columns)
    with torch_threads(config.threads):
        decisions = Decisions(env, skills, config.every)
        generator = torch.Generator().manual_seed(run.seed)
        policy = ActorCritic(*env_sizes(decisions), config, generator)
        learner = Manager(policy, skills, config, env.num_envs)
        collector = Collector(decisions, policy, config.rollout, lasting=config.every)
        training = Training(run, learner, collector)
        options = {**dataclasses.asdict(config), "skills": [dict(w.about) for w in workers]}
        training.carry_out(options, lambda: collector.start(run.seed), evaluate, on_progress)
    return learner.adapter()


def load(folder: Path | str) -> OptionsAdapter:
    """The trained agent of a run folder, from its newest checkpoint; the workers' are not needed.

    Raises RunError if there is none or it cannot be used.
    """
    options = dict(read_config(folder)["config"])
    about = options.pop("skills")
    config = Config(**options)
    with checkpoint.opened(Path(folder) / CHECKPOINT, Manager.name) as state:
        policies = [
            rebuilt(worker["agent"], worker["config"], section(state, f"learner/workers/{i}"))
            for i, worker in enumerate(about)
        ]
        columns = [torch.from_numpy(state[f"learner/columns/{i}"]) for i in range(len(about))]
        policy = ppo.rebuilt(config, section(state, "learner/policy"))
    return OptionsAdapter(policy, Skills(policies, columns), config.every)


def rebuilt(agent: str, options: Mapping[str, Any], weights: State) -> Skill:
    """The policy of a worker from what a run tells of it."""
    module = TRADES[agent]
    return module.rebuilt(module.Config(**options), weights)
