"""Suites: which tasks an agent trains on, which it is tested on, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from robotasks.benchmark import splits
from robotasks.envs.vector import TaskVectorEnv
from robotasks.layout import unknown
from robotasks.tasks import TASKS, find_task
from robotasks.tasks.distribution import Distribution

TRAIN_ROWS, TEST_ROWS = 256, 64
"""Rows per task and seed."""

TRIAL_EPISODES = 10
"""Consecutive episodes on each row of a meta-learning suite."""

# Each family in the order in which the suites take from it: the flagship; the one nearest to it;
# three more skills with short horizons; four that are longer or finer; and last the one that every
# ML suite holds out, short again. It asks for skills that come before it, and hides something that
# only acting tells. Short is at most 300 control steps, since a suite has one horizon.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "push": (
        *("push-to", "push-pull", "push-heavy", "push-wall", "push-slide"),
        *("push-slot", "push-two", "push-sweep", "push-pose"),
        "push-around",  # push-to past a post: where to?
    ),
    "hockey": (
        *("hockey-shoot", "hockey-pass", "hockey-wrist", "hockey-bank", "hockey-stop"),
        *("hockey-goalie", "hockey-one-timer", "hockey-dribble", "hockey-retrieve"),
        "hockey-slap",  # a spot, as in shoot, and a speed, as in pass: which?
    ),
    "shape": (
        *("shape-insert-held", "shape-insert", "shape-lift", "shape-place", "shape-extract"),
        *("shape-insert-tight", "shape-select", "shape-sort2", "shape-sort3"),
        "shape-insert-moved",  # insert, and the board is anywhere: where?
    ),
    "lid": (
        *("lid-twist-held", "lid-twist-on", "lid-place", "lid-twist-off", "lid-slide"),
        *("lid-press", "lid-flip", "lid-screw-on", "lid-unscrew"),
        "lid-choose",  # place, with two lids and two tumblers: which?
    ),
    "plane": (
        *("plane-wheel-held", "plane-wheel", "plane-wing", "plane-propeller", "plane-nose"),
        *("plane-wheel-pair", "plane-change-wheel", "plane-disassemble", "plane-assemble"),
        "plane-tail",  # a wing with a key: which way round?
    ),
}
"""Fifty tasks, ten a family; nested, so that a larger suite adds tasks and never swaps any."""


@dataclass(frozen=True)
class Suite:
    """Tasks, what the agent is told, and its budget; all its environments have the same spaces."""

    name: str
    train: tuple[str, ...]
    """Names of the tasks to train on."""
    held_out: tuple[str, ...] = ()
    """Names of the tasks to be tested on; if there are none, the training tasks' test rows are."""
    reveal: tuple[str, ...] = ("goal",)
    episodes: int = 1
    """Consecutive episodes on one row: what an agent may adapt over."""
    steps: int = 2_000_000
    """Control steps of training, all tasks and worlds together."""
    version: int = 1
    """Rises when the suite's numbers change, or the version of one of its tasks."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all its tasks, training first."""
        return self.train + self.held_out

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `TaskVectorEnv` that all its environments share."""
        return {
            "reveal": self.reveal,
            "episodes": self.episodes,
            "layout_tasks": self.names,
            "max_episode_steps": max(find_task(name).horizon for name in self.names),
        }

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits it can be scored on: `train`, and the tests that some task has."""
        tested = [find_task(name) for name in self.held_out or self.train]
        having = {split for task in tested for split in splits.splits_of(task)}
        return tuple(split for split in splits.SPLITS if split in having)

    @property
    def tested(self) -> str:
        """The first split with rows that training does not meet: `interp`, if a task has it."""
        return next(split for split in self.splits if split != "train")

    def rows(self, split: str = "train", seed: int = 0, count: int | None = None) -> Distribution:
        """Draw `count` rows per task: of the training tasks, or for a test of those to be tested.

        A test has the tasks that have its split. count: 256 for training and 64 for a test if None.
        Raises ValueError if none has the split.
        """
        names = self.train if split == "train" else self.held_out or self.train
        tasks = [find_task(name) for name in names]
        having = [task for task in tasks if split in splits.splits_of(task)] or tasks
        if count is None:
            count = TRAIN_ROWS if split == "train" else TEST_ROWS
        return splits.draw(having, split, count, seed)

    def make(
        self,
        split: str = "train",
        seed: int = 0,
        num_envs: int = 1,
        count: int | None = None,
        **env: Any,
    ) -> TaskVectorEnv:
        """Make worlds on the rows that `rows` draws; world i has task i modulo their number.

        env: further arguments of `TaskVectorEnv`, which go before the suite's own.
        """
        return TaskVectorEnv(self.rows(split, seed, count), num_envs, **{**self.arguments, **env})


def _first(count: int, without: str = "") -> tuple[str, ...]:
    """Return the first `count` tasks of every family but one."""
    return tuple(
        t for family, names in FAMILIES.items() if family != without for t in names[:count]
    )


def _multi(name: str, train: tuple[str, ...]) -> Suite:
    """Multi-task: goal and task are told; 2 M steps a task."""
    return Suite(name, train, (), ("goal", "task"), 1, 2_000_000 * len(train))


def _meta(name: str, train: tuple[str, ...], held_out: tuple[str, ...]) -> Suite:
    """Meta-learning: goals are hidden, ten episodes on each row tell them; 4 M steps a task."""
    return Suite(name, train, held_out, ("history",), TRIAL_EPISODES, 4_000_000 * len(train))


_LAST = tuple(names[-1] for names in FAMILIES.values())
_ALL = (
    *(_multi(f"MT{5 * each}", _first(each)) for each in (1, 2, 5, 10)),
    *(_meta(f"ML{5 * each}", _first(each), _LAST) for each in (1, 2, 5, 9)),
    *(_meta(f"LOFO-{out}", _first(5, without=out), FAMILIES[out][:5]) for out in FAMILIES),
)
SUITES: Mapping[str, Suite] = {suite.name: suite for suite in _ALL}
"""The suites of several tasks; `MT1:<task>` and `ML1:<task>` are made as they are asked for."""


def is_suite(name: str) -> bool:
    """Return whether a name is a suite's: theirs begin with a capital, those of tasks do not."""
    return name[:1].isupper()


def find_suite(name: str) -> Suite:
    """Return a suite, `MT1:<task>` and `ML1:<task>` among them; a KeyError lists the near ones."""
    kind, _, task = name.partition(":")
    if kind in ("MT1", "ML1") and task:
        version = find_task(task).version
        if kind == "MT1":
            return Suite(name, (task,), version=version)
        return Suite(name, (task,), (), ("history",), TRIAL_EPISODES, 10_000_000, version)
    if name not in SUITES:
        raise KeyError(unknown("suite", name, [*SUITES, "MT1:<task>", "ML1:<task>"]))
    return SUITES[name]


def make_suite(suite: str, **arguments: Any) -> TaskVectorEnv:
    """Make a suite's worlds by name, as Gymnasium does; arguments as for `Suite.make`."""
    return find_suite(suite).make(**arguments)


def register_suites() -> None:
    """Register every suite with Gymnasium; doing it again changes nothing.

    `robotasks/MT10-v1`, `robotasks/ML10-train-v1`, `robotasks/ML10-test-v1` (the split `interp`);
    Gymnasium reads a colon as "import this first", so MT1:push-to is `robotasks/MT1-push-to-v1`.
    """
    singles = (find_suite(f"{kind}:{task}") for kind in ("MT1", "ML1") for task in TASKS)
    for suite in (*SUITES.values(), *singles):
        sides = {"": "train"} if "goal" in suite.reveal else {"-train": "train", "-test": "interp"}
        for ending, split in sides.items():
            id_ = f"robotasks/{suite.name.replace(':', '-')}{ending}-v{suite.version}"
            if id_ not in gym.registry:
                gym.register(
                    id_,
                    vector_entry_point="robotasks.benchmark.suites:make_suite",
                    kwargs={"suite": suite.name, "split": split},
                )
