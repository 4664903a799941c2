"""Every registered environment, and how the tests of this folder play it."""

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from robotasks.envs.single import make_env
from tests.families import every_task

IDS = every_task(by=lambda task: f"robotasks/{task.id}")
MODES = list(AutoresetMode)
GOALS = {"goal_conditioned": True, "reward": "sparse"}
SHORT = 12  # control steps of an episode where ends matter


def single(id_, **arguments):
    """Make one world that knows its episodes are short; `gym.make` would tell its wrapper alone."""
    return make_env(gym.spec(id_).kwargs["tasks"], **{"max_episode_steps": SHORT, **arguments})


def actions_for(env, steps, seed=0):
    rng = np.random.default_rng(seed)
    shape = env.action_space.shape
    return rng.uniform(-1, 1, (steps, *shape)).astype(np.float32)


def play(env, actions, seed=0):
    """Yield what reset and each step return, resetting at ends where nothing else does."""
    by_hand = env.metadata.get("autoreset_mode") in (None, AutoresetMode.DISABLED)
    yield env.reset(seed=seed)
    for action in actions:
        returned = env.step(action)
        over = by_hand and np.any(returned[3])
        yield returned
        if over:
            yield env.reset()


def arrays_in(*values):
    """Yield every array in what was returned, however deep."""
    for value in values:
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, dict):
            yield from arrays_in(*value.values())
