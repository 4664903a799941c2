"""Courses: learners that learn one thing alone, from scratch or from what another has learned.

They are the measure of adaptation and of transfer. On a meta-learning suite, `scratch` learns test
rows one by one from nothing, `finetune` from the pooled policy. On a multi-task suite, `transfer`
learns every task from nothing, and from every other task.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robotasks.benchmark.anchors import BLIND, Variant
from robotasks.benchmark.suites import Suite
from robotasks.benchmark.tiers import Tier
from robotasks.tasks.distribution import Distribution

SCRATCH, TUNED, TRANSFER = COURSES = "scratch", "finetune", "transfer"
"""Names under which they are played as agents of the benchmark."""
BASES = {TUNED: BLIND}
"""The agent whose run, on the same suite with the same seed, the courses of another start from."""
LEARNER = Variant("ppo", worlds=64)
"""Who learns in all courses; told what the suite tells."""


@dataclass(frozen=True)
class Course:
    """What one learner learns, all its worlds alike, and where it begins."""

    name: str
    rows: Distribution
    """To train on."""
    test: Distribution
    """For its learning curve."""
    after: str = ""
    """Name of the course whose run it starts from, `BASE`, or "" for nothing."""


BASE = "base"
"""As `Course.after`: the agent's that `BASES` names."""


def courses(agent: str, suite: Suite, tier: Tier, seed: int, test_seed: int) -> list[Course]:
    """Return the courses of an agent in the order in which they have to be played.

    Raises ValueError on a suite that they say nothing about.
    """
    if agent == TRANSFER:
        test = suite.rows(suite.tested, test_seed, tier.curve_rows)
        names = [task.name for task in test.tasks]
        if len(names) < 2 or suite.held_out:
            raise ValueError(f"{agent} is from task to task: play it on MT5 or a larger MT suite")
        train = suite.rows("train", seed, tier.train_rows)
        ways = [("", name) for name in names]
        ways += [(first, then) for first in names for then in names if first != then]
        return [
            Course(course_name(first, then), train.only(then), test.only(then), first)
            for first, then in ways
        ]
    if suite.episodes < 2:
        raise ValueError(f"{agent} learns rows whose goal is hidden: play it on an ML suite")
    trials = math.ceil(tier.curve_rows / suite.episodes)
    test = suite.rows(suite.tested, test_seed, tier.courses)
    return [
        Course(
            f"{task.name}-{number}",
            Distribution((task,), (row[None],)),
            Distribution((task,), (np.tile(row, (trials, 1)),)),
            BASE if agent in BASES else "",
        )
        for task, table in zip(test.tasks, test.rows, strict=True)
        for number, row in enumerate(table)
    ]


def course_name(first: str, then: str) -> str:
    """Return the name of the course on the task `then` that follows one on `first`, "" for none."""
    return f"{then}-after-{first}" if first else then
