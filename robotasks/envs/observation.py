"""What an agent sees: named slots packed into one flat float32 array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gymnasium as gym
import numpy as np

from robotasks.arrays import clip, namespace, zeros_like
from robotasks.layout import Array, Layout, View, unknown
from robotasks.tasks.slots import LIMIT, PROPRIOCEPTION, SLOTS, proprioception
from robotasks.tasks.task import Task

SENSES = ("blind", "state", "pixels")
KNOWLEDGE = ("goal", "dynamics", "task", "history")
HISTORY = ("last_action", "last_reward", "episode_start", "time_left")


class Observer:
    """Packs the observations of a set of tasks into one layout.

    The layout is the union of the tasks' slots, in the order of the vocabulary. A slot that a
    task lacks is zero; where tasks differ, `present` has one bit per slot that says so.
    """

    def __init__(
        self,
        samples: Mapping[Task, tuple[View, View]],
        observe: str,
        reveal: Sequence[str],
        like: Array | None = None,
    ) -> None:
        """samples: for each task its readings and a goal, to learn which slots it fills.

        like: an array of the kind that will be observed; None for one of the samples'.
        """
        if observe not in SENSES:
            raise ValueError(unknown("value of observe", observe, SENSES))
        for word in [reveal] if isinstance(reveal, str) else reveal:
            if word not in KNOWLEDGE or isinstance(reveal, str):
                raise ValueError(f"reveal is a list: {unknown('word in reveal', word, KNOWLEDGE)}")
        self.blind, self.reveal = observe != "state", frozenset(reveal)
        self._tasks = list(samples)
        self._slots = {task: self._filled(task, *sample) for task, sample in samples.items()}
        used = set().union(*self._slots.values())
        widths = {name: slot.width for name, slot in SLOTS.items() if name in used}
        scales = [SLOTS[name].scale for name in widths]
        if "task" in self.reveal:
            widths["task"] = len(self._tasks)
            scales.append((1.0,) * len(self._tasks))
        self._shared = [name for name in widths if name != "task"]
        self._mixed = any(slots != used for slots in self._slots.values())
        if self._mixed:
            widths["present"] = len(self._shared)
            scales.append((1.0,) * len(self._shared))
        self.layout = Layout(widths)
        like = next(iter(samples.values()))[0].tcp_pos if like is None else like
        inverse = 1 / np.concatenate([np.asarray(scale) for scale in scales])
        self._inverse = namespace(like).asarray(inverse, dtype=like.dtype, device=like.device)
        self.space = gym.spaces.Box(-LIMIT, LIMIT, (self.layout.size,), np.float32)

    def observe(
        self, task: Task, now: View, goal: View, dynamics: Array, history: Mapping[str, Array]
    ) -> Array:
        """Return the observations of one task's worlds, (n, size) float32.

        dynamics: scaled to [-1, 1], (n, d); history: the slots of `HISTORY`, if revealed.
        """
        xp = namespace(now.tcp_pos)
        values = proprioception(now) | dict(history)
        if not self.blind:
            values.update(task.observe(now))
        if "goal" in self.reveal:
            values.update(task.cue(now, goal))
        count = now.tcp_pos.shape[0]
        if "dynamics" in self.reveal:
            spare = zeros_like(dynamics, count, SLOTS["dynamics"].width - dynamics.shape[1])
            values["dynamics"] = xp.concat([dynamics, spare], axis=-1)
        columns = []
        for name in self._shared:
            value = values.get(name)
            if value is None:
                value = zeros_like(now.tcp_pos, count, SLOTS[name].width)
            columns.append(value if value.ndim == 2 else value[:, None])
        if "task" in self.reveal:
            columns.append(_constant(now.tcp_pos, [other is task for other in self._tasks]))
        if self._mixed:
            columns.append(_constant(now.tcp_pos, [n in self._slots[task] for n in self._shared]))
        flat = xp.concat(columns, axis=-1) * self._inverse
        return xp.astype(clip(flat, -LIMIT, LIMIT), xp.float32)

    def _filled(self, task: Task, now: View, goal: View) -> set[str]:
        """Names of the slots a task fills; each must be in the vocabulary with its width."""
        seen: dict[str, Array] = {} if self.blind else dict(task.observe(now))
        if "goal" in self.reveal:
            seen.update(task.cue(now, goal))
        for name, value in seen.items():
            if name not in SLOTS:
                raise ValueError(f"{task.name}: {unknown('observation slot', name, SLOTS)}")
            width = value.shape[-1] if value.ndim == 2 else 1
            if width != SLOTS[name].width:
                raise ValueError(f"{task.name}: {name} is {SLOTS[name].width} wide, not {width}")
        names = set(PROPRIOCEPTION) | set(seen)
        if "dynamics" in self.reveal:
            names.add("dynamics")
        return names | set(HISTORY) if "history" in self.reveal else names


def _constant(like: Array, bits: Sequence[bool]) -> Array:
    """Return the same bits for every row of `like`, (n, bits)."""
    row = namespace(like).asarray(bits, dtype=like.dtype, device=like.device)
    return zeros_like(like, len(like), len(bits)) + row
