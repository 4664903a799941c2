"""How well a robot learns without a person: both scores of EARL, and the price of autonomy.

After Sharma et al. 2022 (Autonomous Reinforcement Learning: Formalism and Benchmarking, arXiv
2112.09605). *Deployed*: how good the policies of a training are, each from a fresh start in an
environment of its own. *Continuing*: what the robot was paid over its whole life, exploration
included.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from robotasks.envs.reset_free import INTERVENTIONS, ResetFreeVectorEnv
from robotasks.tasks.task import CONTROL_PERIOD

SOLVED = 0.8
"""Success rate at which the price of autonomy is taken."""


@dataclass(frozen=True)
class Moment:
    """Where a training stands: its policy, deployed, and the life so far, all worlds together."""

    steps: int
    """Of the life."""
    success: float
    """Of the policy in the first phase, from fresh starts."""
    mean_return: float
    """The same policy's mean sum of rewards."""
    shots: int
    """Periods of the first phase, such as shots."""
    goals: int
    """Those of them that achieved their goal."""
    retrievals: int
    """Periods of the other phases."""
    retrieved: int
    """Those of them that achieved their goal."""
    retrieving: int
    """Steps spent in those."""
    paid: float
    """Sum of rewards."""
    initial: int
    """Interventions to begin with."""
    requested: int
    """Interventions that were asked for."""
    forced: int
    """Interventions because a world was stuck."""


def life_so_far(env: ResetFreeVectorEnv) -> dict[str, float]:
    """Return the fields of a `Moment` that tell the life of these worlds."""
    life = env.life()
    periods, achieved, steps = life["periods"], life["achieved"], life["steps"]
    return {
        "shots": int(periods[0]),
        "goals": int(achieved[0]),
        "retrievals": int(periods[1:].sum()),
        "retrieved": int(achieved[1:].sum()),
        "retrieving": int(steps[1:].sum()),
        "paid": float(life["paid"].sum()),
        **dict(zip(INTERVENTIONS, life["interventions"].tolist(), strict=True)),
    }


def moment_of(row: Mapping[str, float | None]) -> Moment:
    """Read a row of progress.csv that has the columns of an evaluation, `eval_` before each."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Moment):
        value = row["steps" if field.name == "steps" else f"eval_{field.name}"]
        values[field.name] = value if field.type == "float" or value is None else round(value)
    return Moment(**values)


def scores(course: Sequence[Moment], best: float) -> dict[str, float | None]:
    """Return what a training is worth; `course` in order of steps, `best` the return to compare to.

    Raises ValueError on an empty course, or one in which no step was taken.
    """
    if not course or course[-1].steps < 1:
        raise ValueError("scores need a training that was evaluated at least once")
    end = course[-1]
    hours = end.steps * CONTROL_PERIOD / 3600
    helped = end.requested + end.forced
    return {
        "steps": end.steps,
        "deployed_success": end.success,
        "deployed_regret": mean_regret(course, best),
        "continuing_reward": end.paid / end.steps,
        "interventions_initial": end.initial,
        "interventions_requested": end.requested,
        "interventions_forced": end.forced,
        "goals_per_intervention": end.goals / (end.initial + helped),
        "interventions_per_1000_shots": 1000 * helped / end.shots if end.shots else None,
        "shots_per_hour": end.shots / hours,
        "retrieving_share": end.retrieving / end.steps,
        "steps_to_solve": steps_to(course, SOLVED),
    }


def mean_regret(course: Sequence[Moment], best: float) -> float:
    """Return by how much the policies fall short of the return `best`, the mean over the steps.

    An evaluation stands for the steps since the one before.
    """
    starts = [0, *(moment.steps for moment in course)]
    lengths = [after - before for before, after in itertools.pairwise(starts)]
    lost = sum(
        length * (best - moment.mean_return) for length, moment in zip(lengths, course, strict=True)
    )
    return lost / course[-1].steps


def steps_to(course: Sequence[Moment], success: float) -> int | None:
    """Return the steps after which the policy first succeeded so often; None if it never did."""
    return next((moment.steps for moment in course if moment.success >= success), None)


def price_of_autonomy(free: Sequence[Moment], attended: Sequence[Moment]) -> float | None:
    """Return how many times the steps it takes to solve the task without a person.

    None if one of the two never solves it.
    """
    alone, helped = steps_to(free, SOLVED), steps_to(attended, SOLVED)
    return None if alone is None or helped is None else alone / helped
