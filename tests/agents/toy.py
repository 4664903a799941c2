"""A toy for agents: points in the plane that must reach a goal; microseconds a step."""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import Box, Dict
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from robotasks.benchmark.agent import TrialSpec
from robotasks.layout import Layout


class PointEnv(VectorEnv):
    """Observation: position (2), goal (2), zeros. The first two actions move by up to 0.1.

    Reward 1 - tanh(4 distance); success within 0.1 at the end; truncation after `horizon` steps.
    Draws are a hash of (world seed, episode), so that the state is a few plain arrays.
    """

    def __init__(
        self, num_envs: int = 16, horizon: int = 20, observation_size: int = 4, action_size: int = 2
    ) -> None:
        self.num_envs, self.horizon = num_envs, horizon
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = Box(-2, 2, (observation_size,), np.float32)
        self.single_action_space = Box(-1, 1, (action_size,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.seeds = np.zeros(num_envs, np.uint64)
        self.episode = np.zeros(num_envs, np.uint64)
        self.elapsed = np.zeros(num_envs, np.int64)
        self.points = np.zeros((num_envs, 4))  # position, goal

    def reset(self, *, seed=None, options=None):
        """World i gets seed + i; clocks are spread over the horizon."""
        if seed is not None:
            self.seeds[:] = seed + np.arange(self.num_envs)
            self.episode[:] = 0
        self.elapsed[:] = np.arange(self.num_envs) % self.horizon
        self._begin(np.ones(self.num_envs, bool))
        return self._observe(), {}

    def step(self, actions):
        """Move, pay, and begin anew where the clock has run out."""
        assert np.abs(actions).max() <= 1
        self.points[:, :2] += 0.1 * actions[:, :2]
        self.elapsed += 1
        distance = np.linalg.norm(self.points[:, :2] - self.points[:, 2:], axis=1)
        ends = self.elapsed >= self.horizon
        infos = {}
        if ends.any():
            infos = {
                "final_obs": self._observe(),
                "_final_obs": ends,
                "final_info": {"success": distance < 0.1, "_success": ends},
                "_final_info": ends,
            }
            self.elapsed[ends] = 0
            self._begin(ends)
        return self._observe(), 1 - np.tanh(4 * distance), np.zeros_like(ends), ends, infos

    def get_state(self):
        """Copies of everything."""
        names = ("seeds", "episode", "elapsed", "points")
        return {name: getattr(self, name).copy() for name in names}

    def set_state(self, state):
        """The inverse of `get_state`."""
        for name, value in state.items():
            getattr(self, name)[...] = value

    def _begin(self, mask):
        keys = (self.seeds[mask] << np.uint64(20)) + self.episode[mask] * np.uint64(4)
        bits = (keys[:, None] + np.arange(4, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        bits ^= bits >> np.uint64(32)
        self.points[mask] = (bits >> np.uint64(11)) / 2**53 * 2 - 1
        self.episode[mask] += np.uint64(1)

    def _observe(self):
        obs = np.zeros(self.observation_space.shape, np.float32)
        obs[:, :4] = self.points
        return obs


class BanditEnv(VectorEnv):
    """Arms that pay 1 with a hidden chance; an action pulls the arm with the largest number.

    A trial is one row of chances, uniform or given; its episodes have `horizon` pulls each.
    Observation: the last pull as one-hot, its pay, 1 at the first step of an episode.
    """

    def __init__(self, num_envs=16, arms=3, horizon=10, episodes=1, chances=None) -> None:
        self.num_envs, self.horizon, self.episodes = num_envs, horizon, episodes
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = Box(-2, 2, (arms + 2,), np.float32)
        self.single_action_space = Box(-1, 1, (arms,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.layout = Layout({"last_action": arms, "last_reward": 1, "episode_start": 1})
        self.given = chances
        self.rng = np.random.default_rng(0)
        self.chances = np.zeros((num_envs, arms))
        self.elapsed = np.zeros((), np.int64)
        self.regret = np.zeros(num_envs)

    def reset(self, *, seed=None, options=None):
        """Begin new trials in all worlds."""
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self.elapsed[...] = 0
        drawn = self.rng.random(self.chances.shape)
        self.chances[:] = drawn if self.given is None else self.given(self.rng, drawn)
        self.regret[:] = 0
        return self._observe(np.zeros_like(self.chances), np.zeros(self.num_envs)), {}

    def step(self, actions):
        """Pull, and begin anew where the clock has run out: all worlds at once."""
        pulled, rewards, regret = self._pull(actions)
        self.regret += regret
        self.elapsed += 1
        ends = np.full(self.num_envs, self.elapsed % self.horizon == 0)
        obs, infos = self._observe(pulled, rewards), {}
        if ends.all():
            told = {"success": rewards > 0, "_success": ends}
            infos = {"final_obs": obs, "final_info": told, "_final_obs": ends, "_final_info": ends}
            if self.elapsed == self.horizon * self.episodes:
                self.final_regret = self.regret.copy()
                obs, _ = self.reset()
        return obs, rewards, np.zeros_like(ends), ends, infos

    def get_state(self):
        """Copies of everything; the random stream as text that numpy can hold."""
        words = self.rng.bit_generator.state["state"]
        stream = [words[name] >> shift & (2**64 - 1) for name in words for shift in (0, 64)]
        names = ("chances", "elapsed", "regret")
        kept = {name: getattr(self, name).copy() for name in names}
        return kept | {"stream": np.array(stream, np.uint64)}

    def set_state(self, state):
        """The inverse of `get_state`."""
        for name in ("chances", "elapsed", "regret"):
            getattr(self, name)[...] = state[name]
        low, high, inc_low, inc_high = (int(word) for word in state["stream"])
        whole = self.rng.bit_generator.state
        whole["state"] = {"state": low | high << 64, "inc": inc_low | inc_high << 64}
        self.rng.bit_generator.state = whole

    def scaled_rows(self):
        """The hidden chances, scaled to [-1, 1]."""
        return (2 * self.chances - 1).astype(np.float32)

    def hidden(self):
        """The hidden chances, to learners."""
        return self.chances.astype(np.float32)

    def _pull(self, actions):
        """What is shown of the pull, what it pays, what the best arm would have paid beyond it."""
        pulled = np.eye(self.chances.shape[1])[actions.argmax(axis=1)]
        chance = (pulled * self.chances).sum(axis=1)
        rewards = (self.rng.random(self.num_envs) < chance).astype(np.float64)
        return pulled, rewards, self.chances.max(axis=1) - chance

    def _observe(self, pulled, rewards):
        first = np.full((self.num_envs, 1), float(self.elapsed % self.horizon == 0))
        return np.hstack([pulled, rewards[:, None], first]).astype(np.float32)


class TargetEnv(BanditEnv):
    """Places, one a trial: an action pays 1 less its distance from there. Observations are 0."""

    def _pull(self, actions):
        distance = np.linalg.norm(actions - self.chances, axis=1)
        return np.zeros_like(self.chances), 1 - distance, distance

    def _observe(self, pulled, rewards):
        return 0 * super()._observe(pulled, rewards)


def best_arm_known(rng, drawn):
    """One arm pays always, the others never."""
    return (drawn == drawn.max(axis=1, keepdims=True)).astype(np.float64)


def regret(adapter, env):
    """Mean regret of an agent over one trial in every world of a new `env`."""
    trials = env.num_envs
    obs, _ = env.reset(seed=77)
    adapter.begin_trial(
        trials, TrialSpec(obs.shape[1], env.chances.shape[1], env.episodes, env.horizon)
    )
    for _ in range(env.episodes * env.horizon):
        obs, *_ = env.step(adapter.act(obs, explore=False))
    return env.final_regret.mean()


class TurnedPointEnv(PointEnv):
    """Several tasks, world i with task i modulo their number: task k turns the moves by k / count.

    So no policy solves them all that does not know the task; the observation tells it. pays: what
    each task's rewards are multiplied by.
    """

    def __init__(self, num_envs=16, tasks=3, pays=None, told=True, horizon=30) -> None:
        width = tasks if told else 0
        super().__init__(num_envs, horizon, observation_size=4 + width)
        self.tasks = tuple(f"turn{k}" for k in range(tasks))
        self.layout = Layout({"points": 4, "task": tasks} if told else {"points": 4})
        self.which = np.arange(num_envs) % tasks
        self.code, self.pays = np.eye(tasks, width)[self.which], np.ones(tasks)
        if pays is not None:
            self.pays = np.array(pays)
        angle = 2 * np.pi * self.which / tasks
        self.turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def step(self, actions):
        """Turn the moves, and pay in the task's currency."""
        moves = np.einsum("ijn,nj->ni", self.turn, actions) / np.sqrt(2)
        obs, rewards, *rest = super().step(moves)
        return obs, rewards * self.pays[self.which], *rest

    def _observe(self):
        obs = super()._observe()
        obs[:, 4:] = self.code
        return obs


class ErrandEnv(PointEnv):
    """A point that has to visit two places, the first one first; the last action does nothing.

    Observation: the way to either place (2 each), the turn as one-hot (2). Reward 1 - tanh(4 way),
    of the place whose turn it is, halved before the first was visited; success at the second one.
    """

    def __init__(self, num_envs=16, horizon=24) -> None:
        super().__init__(num_envs, horizon, observation_size=6, action_size=3)
        self.layout = Layout({"object0": 2, "object1": 2, "goal_which": 2})
        self.here, self.turn = np.zeros((num_envs, 2)), np.zeros(num_envs, np.int64)

    def step(self, actions):
        """Move, and take note of a visit."""
        self.here += 0.25 * actions[:, :2]
        self.elapsed += 1
        ways = np.linalg.norm(self.here[:, None] - self.places, axis=-1)
        paid = (0.5 + 0.5 * self.turn) * (1 - np.tanh(4 * ways[np.arange(len(ways)), self.turn]))
        self.turn |= ways[:, 0] < 0.1
        success = (self.turn == 1) & (ways[:, 1] < 0.1)
        ends, infos = self.elapsed >= self.horizon, {}
        if ends.any():
            told = {"success": success}
            infos = {"final_obs": self._observe(), "final_info": told}
            self.elapsed[ends] = 0
            self._begin(ends)
        return self._observe(), paid, np.zeros_like(ends), ends, infos

    @property
    def places(self):
        """Where to go, (n, 2, 2)."""
        return self.points.reshape(-1, 2, 2)

    def get_state(self):
        """Copies of everything."""
        return super().get_state() | {"here": self.here.copy(), "turn": self.turn.copy()}

    def _begin(self, mask):
        super()._begin(mask)
        self.here[mask], self.turn[mask] = 0.0, 0

    def _observe(self):
        ways = (self.places - self.here[:, None]).reshape(-1, 4)
        return np.hstack([ways, np.eye(2)[self.turn]]).astype(np.float32)


class GoalPointEnv(PointEnv):
    """The same with a goal face, in steps of 0.2: pays 1 within 0.2 of the goal, else 0."""

    def __init__(self, num_envs=16, horizon=20) -> None:
        super().__init__(num_envs, horizon, observation_size=2)
        names = ("achieved_goal", "desired_goal", "observation")
        self.single_observation_space = Dict({name: Box(-10, 10, (2,)) for name in names})
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    def compute_reward(self, achieved_goal, desired_goal, info):
        """The sparse reward, (...) for goals (..., 2)."""
        return (np.linalg.norm(achieved_goal - desired_goal, axis=-1) < 0.2).astype(np.float64)

    def step(self, actions):
        """Pay what `compute_reward` says, also at an episode's end."""
        obs, _, terminated, ends, infos = super().step(2 * np.clip(actions, -0.5, 0.5))
        shown = obs if not infos else infos["final_obs"]
        rewards = self.compute_reward(shown["achieved_goal"], shown["desired_goal"], {})
        if infos:
            infos["final_info"]["success"] = rewards > 0
        return obs, rewards, terminated, ends, infos

    def _observe(self):
        here, goal = self.points[:, :2].astype(np.float32), self.points[:, 2:].astype(np.float32)
        return {"achieved_goal": here, "desired_goal": goal, "observation": here.copy()}
