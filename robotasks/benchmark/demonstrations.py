"""Demonstrations: an agent's episodes, step by step, to learn from or to replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robotasks.benchmark.agent import TrialSpec
from robotasks.benchmark.evaluate import Entrant
from robotasks.benchmark.splits import draw
from robotasks.envs.vector import TaskVectorEnv
from robotasks.layout import View
from robotasks.tasks import find_task
from robotasks.tasks.distribution import split_row

_STREAM = 2  # of a (seed, number) pair; evaluation has the others
_MOVES = slice(0, 4)  # the columns of an action that move the tool; the last one is the fingers'


@dataclass(frozen=True)
class Recipe:
    """All that an episode depends on, but for its number."""

    task: str
    """Name of the task."""
    agent: str = "expert"
    """Who acts."""
    seed: int = 0
    split: str | None = None
    """Split of the task's rows; None for its whole range, as in training."""
    noise: float = 0.0
    """Standard deviation of what is added to the moves; see `play`."""
    per_row: int = 1
    """Episodes on each row. If there are several, every second one, the first among them, has no
    noise: it is as a demonstration that is shown, the others are as a learner's own course."""
    reveal: tuple[str, ...] = ("goal",)
    """What observations tell, see `TaskVectorEnv`."""
    pixels: int = 0
    """Width and height of the pictures taken at every step; 0 for none."""

    def __post_init__(self) -> None:
        """Raise KeyError or ValueError for what cannot be played."""
        find_task(self.task)
        for name in ("seed", "noise", "pixels"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        if self.per_row < 1:
            raise ValueError(f"per_row must be at least 1, not {self.per_row}")
        if self.per_row > 1 and self.split is None:
            raise ValueError("several episodes on a row are on a split's: name one (split='train')")

    def row(self, number: int) -> int:
        """Return which row an episode is on."""
        return number // self.per_row

    def noise_of(self, number: int) -> float:
        """Return the standard deviation of the noise of an episode."""
        return self.noise if self.per_row == 1 or number % self.per_row % 2 else 0.0


@dataclass(frozen=True)
class Episode:
    """One episode of T steps; observation t is what action t was chosen for."""

    number: int
    seed: int
    """With `goal` and `dynamics` all that a reset needs to begin it again."""
    goal: dict[str, np.ndarray]
    dynamics: dict[str, np.ndarray]
    obs: np.ndarray
    """(T + 1, o) float32, the last one included."""
    pixels: np.ndarray | None
    """(T + 1, height, width, 3) uint8."""
    intended: np.ndarray
    """(T, 5) float32: what the agent chose."""
    actions: np.ndarray
    """(T, 5) float32: what was done, noise included."""
    rewards: np.ndarray
    """(T,) float64, the dense reward."""
    success: np.ndarray
    """(T + 1,) bool: whether the goal had been met for five steps."""
    diverged: bool
    """Whether the physics was lost, which ends an episode before its horizon."""

    @property
    def solved(self) -> bool:
        """Whether success held at the end."""
        return bool(self.success[-1]) and not self.diverged


def play(
    recipe: Recipe, entrant: Entrant, numbers: Sequence[int], threads: int = 0
) -> list[Episode]:
    """Play the episodes with these numbers, all at a time, each in a world of its own.

    An episode depends on the recipe and its number alone, not on those played beside it (nor on
    `threads`), but for the last bits of an agent that is a network.
    Noise shows how to recover: normal, added to x, y, z and yaw of what the agent chose (DART,
    Laskey et al. 2017, arXiv 1703.09327). The fingers have none: a dropped part teaches nothing.
    """
    rows = [recipe.row(number) for number in numbers]
    table = recipe.split and draw([recipe.task], recipe.split, max(rows) + 1, recipe.seed)
    view: dict[str, Any] = {
        "render_mode": "rgb_array",
        "width": recipe.pixels,
        "height": recipe.pixels,
    }
    env = TaskVectorEnv(
        table or recipe.task,
        len(numbers),
        reveal=recipe.reveal,
        threads=threads,
        **(view if recipe.pixels else {}),
    )
    try:
        return _play(env, recipe, entrant, numbers, {"rows": rows} if table else {})
    finally:
        env.close()


def _play(
    env: TaskVectorEnv,
    recipe: Recipe,
    entrant: Entrant,
    numbers: Sequence[int],
    options: dict[str, Any],
) -> list[Episode]:
    words = [np.random.SeedSequence([recipe.seed, n, _STREAM]).generate_state(2) for n in numbers]
    seeds = [int(word[0]) for word in words]
    chance = [np.random.default_rng(word) for word in words]
    spread = np.array([[recipe.noise_of(number)] for number in numbers])
    adapter = entrant(env)
    adapter.begin_trial(len(numbers), TrialSpec(env.layout.size, 5, 1, env.horizon))
    obs, infos = env.reset(seed=seeds, options=options)
    rows = env.task_rows()
    shown, success, pixels = [obs], [infos["success"]], [_pictures(env, recipe)]
    intended, actions, rewards, ends = [], [], [], []
    for _ in range(env.horizon):
        intended.append(adapter.act(obs, False))
        actions.append(intended[-1].copy())
        noise = np.stack([rng.normal(0, 1, 4) for rng in chance])
        actions[-1][:, _MOVES] += spread * noise
        np.clip(actions[-1], -1, 1, out=actions[-1])
        obs, reward, _, truncated, infos = env.step(actions[-1])
        adapter.observe(actions[-1], reward, obs, truncated)
        shown.append(obs)
        success.append(infos["success"])
        pixels.append(_pictures(env, recipe))
        rewards.append(reward)
        ends.append(truncated)
    # A world that diverges ends early; what it does after that is another episode's.
    lengths = np.argmax(ends, axis=0) + 1
    all_obs, all_success = np.stack(shown), np.stack(success)
    all_intended, all_actions, all_rewards = map(np.stack, (intended, actions, rewards))
    return [
        Episode(
            number=number,
            seed=seeds[i],
            goal=_fields(task.goals.view(split_row(task, row)[0])),
            dynamics=_fields(task.dynamics.view(split_row(task, row)[1])),
            obs=all_obs[: steps + 1, i],
            pixels=np.stack([taken[i] for taken in pixels[: steps + 1]]) if recipe.pixels else None,
            intended=all_intended[:steps, i],
            actions=all_actions[:steps, i],
            rewards=all_rewards[:steps, i],
            success=all_success[: steps + 1, i],
            diverged=bool(steps < env.horizon),
        )
        for i, (number, steps, (task, row)) in enumerate(zip(numbers, lengths, rows, strict=True))
    ]


def _pictures(env: TaskVectorEnv, recipe: Recipe) -> tuple[np.ndarray, ...]:
    """Return what all worlds look like now; nothing where no pictures are asked for."""
    return env.render() if recipe.pixels else ()


def _fields(view: View) -> dict[str, np.ndarray]:
    return {name: np.array(value) for name, value in view.fields().items()}
