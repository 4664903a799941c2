"""Tiers: how much a run of the benchmark spends, from a check that all works to the real thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Tier:
    """What one cell, an agent trained and evaluated on a suite with one seed, spends."""

    name: str
    steps: int | None
    """Control steps of training, all tasks and worlds together; the suite's own if None."""
    train_rows: int
    """Training rows per task."""
    rows: int
    """Trials per task and split, each on a row of its own."""
    points: int
    """Evaluations during training: the points of the learning curve."""
    curve_rows: int
    """Episodes per task at each of them; a trial more where its episodes do not divide them."""
    seeds: int
    """How many seeds a table has, unless told otherwise."""
    hours: float
    """About what a cell of MT5 takes that trains, on one core, at 1200 steps a second."""
    worlds: int = 256
    """Worlds that an agent trains in together, at most."""
    quotable: bool = True
    """Whether its numbers are results."""
    courses: int = 2
    """Test rows per task that are learned one by one, from scratch and by fine-tuning."""
    course_steps: int = 8_192
    """Control steps of each of these, and of each course of the transfer matrix."""


SMOKE = Tier("smoke", 50_000, 256, 16, 4, 4, seeds=2, hours=0.02, quotable=False)
LAPTOP = Tier(
    *("laptop", 4_000_000, 256, 32, 16, 16), seeds=5, hours=1.0, courses=4, course_steps=400_000
)
FULL = Tier(
    *("full", None, 256, 64, 40, 32), seeds=10, hours=2.7, courses=8, course_steps=2_000_000
)

TIERS: Mapping[str, Tier] = {tier.name: tier for tier in (SMOKE, LAPTOP, FULL)}
STAMP = "smoke tier: it shows that everything works and is not a result"
"""What everything carries that comes from a tier that is not quotable."""
