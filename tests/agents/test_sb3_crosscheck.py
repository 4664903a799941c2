"""Our PPO against that of Stable-Baselines3: the same worlds, budget and hyper-parameters."""

import math

import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from robotasks import Distribution, TaskVectorEnv
from robotasks.agents import ppo
from robotasks.agents.parts.loop import torch_threads
from robotasks.agents.parts.run import Run
from robotasks.benchmark.agent import Forgetful
from robotasks.benchmark.evaluate import evaluate
from robotasks.benchmark.statistics import wilson_interval
from robotasks.envs.sb3 import Sb3VecEnv

WORLDS = 256
SEEDS = (0, 1, 2)
ROWS = Distribution.draw(["reach"], 200, seed=1_000_000)
# A constant learning rate: Stable-Baselines3 has none that follows the KL divergence.
CONFIG = ppo.Config(
    rollout=8, epochs=4, minibatches=8, entropy=0.001, learning_rate=1e-3, target_kl=None
)


def make_worlds():
    return TaskVectorEnv("reach", WORLDS, autoreset_mode="SameStep", stagger=True, threads=1)


def train_ours(seed, steps, folder):
    return ppo.train(make_worlds(), CONFIG, Run(folder, seed=seed, steps=steps))


def train_theirs(seed, steps):
    model = PPO(
        "MlpPolicy",
        VecNormalize(Sb3VecEnv(make_worlds()), gamma=CONFIG.gamma),
        learning_rate=CONFIG.learning_rate,
        n_steps=CONFIG.rollout,
        batch_size=WORLDS * CONFIG.rollout // CONFIG.minibatches,
        n_epochs=CONFIG.epochs,
        gamma=CONFIG.gamma,
        gae_lambda=CONFIG.lam,
        clip_range=CONFIG.clip,
        ent_coef=CONFIG.entropy,
        vf_coef=CONFIG.value,
        max_grad_norm=CONFIG.max_grad_norm,
        policy_kwargs={
            "net_arch": list(CONFIG.hidden),
            "activation_fn": torch.nn.ELU,
            "log_std_init": math.log(CONFIG.initial_std),
        },
        seed=seed,
    )
    return MeanAction(model.learn(steps))


class MeanAction(Forgetful):
    """What a Stable-Baselines3 model does without exploring, on observations as it knows them."""

    def __init__(self, model):
        self.model, self.normalise = model, model.get_vec_normalize_env().normalize_obs

    def act(self, obs, explore):
        return self.model.predict(self.normalise(obs), deterministic=True)[0]


def interval(agents):
    """The 95 % interval of their success on the held-out rows, all seeds together."""
    wins = 0
    for agent in agents:
        scores = evaluate(lambda env, agent=agent: agent, ROWS, worlds=len(ROWS), threads=1)
        wins += sum(record.success for record in scores.records)
    print(f"{wins} of {len(agents) * len(ROWS)}")
    return wilson_interval(wins, len(agents) * len(ROWS))


@pytest.mark.slow
@pytest.mark.parametrize(("rollouts", "least"), [(36, 0.9), (97, 0.97)])
def test_both_succeed_alike(rollouts, least, tmp_path):
    """On the way (74 k steps) and at the end (199 k): the intervals overlap, and both are high."""
    steps = rollouts * CONFIG.rollout * WORLDS
    with torch_threads(1):
        ours = interval([train_ours(seed, steps, tmp_path / str(seed)) for seed in SEEDS])
        theirs = interval([train_theirs(seed, steps) for seed in SEEDS])
    assert max(ours[0], theirs[0]) <= min(ours[1], theirs[1])
    assert min(ours[0], theirs[0]) > least
