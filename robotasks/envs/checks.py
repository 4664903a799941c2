"""Checks of what users pass in: each says what was given, what exists and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from robotasks.arrays import clip, namespace
from robotasks.layout import Array, unknown
from robotasks.physics.engine import Engine
from robotasks.tasks.task import Task

OPTIONS = ("reset_mask", "new_trial", "rows", "goal", "dynamics", "start")


def check_counts(worlds: int, least: int, episodes: int, steps: int | None, threads: int) -> None:
    """Raise ValueError unless the numbers of worlds, episodes, steps and threads make sense.

    least: number of tasks times starts, each of which needs a world.
    """
    if not least:
        raise ValueError("start needs the name of a start")
    if not _is_whole(worlds) or worlds < least:
        raise ValueError(
            f"num_envs must be at least {least}, a world per task and start, not {worlds}"
        )
    if not _is_whole(episodes) or episodes < 1:
        raise ValueError(f"episodes must be at least 1, not {episodes}")
    if steps is not None and (not _is_whole(steps) or steps < 1):
        raise ValueError(f"max_episode_steps must be at least 1, not {steps}")
    if not _is_whole(threads) or threads < 0:
        raise ValueError(f"threads must be 0 (all cores) or more, not {threads}")


def check_faced(tasks: Sequence[Task], count: int, reward: str, observe: str) -> None:
    """Raise ValueError unless worlds can be goal-conditioned; count: of tasks times starts."""
    if count > 1 or not tasks[0].goal_conditioned:
        names = ", ".join(task.name for task in tasks)
        raise ValueError(f"{names}: goal_conditioned needs one task and start, a goal face")
    if reward != "sparse":
        raise ValueError('goal_conditioned pays compute_reward: pass reward="sparse"')
    if observe == "pixels":
        raise ValueError("goal_conditioned worlds observe their state: leave out pixels")


def checked_seeds(seed: Any, worlds: int) -> list[int | None] | None:
    """Return a seed per world; ValueError on what is no whole number from 0 to 2**63."""
    if seed is None:
        return None
    if isinstance(seed, (Sequence, np.ndarray)) and not isinstance(seed, (str, bytes)):
        seeds = list(seed)
        if len(seeds) != worlds:
            raise ValueError(f"expected {worlds} seeds, one per world, not {len(seeds)}")
    else:
        seeds = [seed + i for i in range(worlds)] if _is_whole(seed) else [seed]
    for each in seeds:
        if each is not None and not _is_whole(each):
            raise ValueError(f"a seed is a whole number, not {each!r}")
        if each is not None and not 0 <= each < 2**63:
            raise ValueError(
                f"seeds must not be negative: {each}"
                if each < 0
                else f"seeds must be below 2**63: {each}"
            )
    return [None if each is None else int(each) for each in seeds]


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def checked_actions(actions: Any, worlds: int, engine: Engine) -> Array:
    """Return actions, (worlds, 5) of the engine's kind, clipped to [-1, 1]; ValueError on others.

    A number that is none is found where the host can look at it; elsewhere its world diverges.
    """
    if not engine.host and not isinstance(actions, (np.ndarray, list, tuple)):
        if tuple(actions.shape) != (worlds, 5) or actions.device != engine.sensors.device:
            raise ValueError(
                f"actions need shape ({worlds}, 5) and device {engine.sensors.device}, "
                f"got shape {tuple(actions.shape)} on {actions.device}"
            )
        return namespace(actions).astype(clip(actions, -1.0, 1.0), engine.sensors.dtype)
    given = np.asarray(actions)
    if given.shape != (worlds, 5) or given.dtype.kind not in "fiu":
        raise ValueError(
            f"actions need shape ({worlds}, 5) and real numbers, "
            f"got shape {given.shape} of {given.dtype}"
        )
    given = given.astype(np.float64)
    if np.count_nonzero(abs(given) <= 1) < given.size:  # NaN is counted out, too
        if not np.isfinite(given).all():
            raise ValueError(f"actions must be finite, got {given[~np.isfinite(given)][0]}")
        given = np.clip(given, -1.0, 1.0)
    return engine.asarray(given)


def checked_options(options: Any) -> dict[str, Any]:
    """Return the options of a reset as a dict; ValueError on an unknown name."""
    given: Mapping[str, Any] = {} if options is None else options
    if not isinstance(given, Mapping):
        raise ValueError(f"options is a dict of {', '.join(OPTIONS)}; got {options!r}")
    for name, value in given.items():
        if name not in OPTIONS:
            raise ValueError(unknown("reset option", name, OPTIONS))
        if name in ("goal", "dynamics", "start") and not isinstance(value, Mapping):
            raise ValueError(f"{name} is a dict {{field: value}}; got {value!r}")
    return dict(given)


def checked_mask(given: Any, worlds: int, begun: bool) -> np.ndarray:
    """Return the worlds to reset, (worlds,) bool; all of them where nothing is given."""
    if given is None:
        return np.ones(worlds, dtype=bool)
    mask = np.asarray(given)
    if mask.shape != (worlds,) or mask.dtype != bool or not mask.any():
        raise ValueError(
            f"reset_mask needs {worlds} booleans with at least one True, "
            f"got shape {mask.shape} of {mask.dtype} with {int(np.count_nonzero(mask))} True"
        )
    if not begun and not mask.all():
        raise ValueError("the first reset has to cover every world; leave out reset_mask")
    return mask


def check_steppable(begun: bool, over: np.ndarray, disabled: bool) -> None:
    """Raise ResetNeeded before the first reset, or where a world is at its end for good."""
    if not begun:
        raise gym.error.ResetNeeded("call reset before step")
    if disabled and over.any():
        raise gym.error.ResetNeeded(
            f"world {int(np.flatnonzero(over)[0])} is at its end; reset it with "
            'options={"reset_mask": ...}'
        )
