"""What a report is made of, whatever it is written as."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from robotasks.benchmark.statistics import t_interval


@dataclass(frozen=True)
class Estimate:
    """A number over seeds, with its 95 % interval where there are at least two."""

    value: float
    low: float | None = None
    high: float | None = None
    share: bool = True
    """Whether it is printed in per cent."""

    @classmethod
    def over_seeds(
        cls, values: np.ndarray, *, within: tuple[float, float] | None = (0, 1), share: bool = True
    ) -> Estimate | None:
        """Return the mean of values (seeds,); None where one of them is undefined (NaN).

        within: what the number cannot leave; nor does its interval.
        """
        values = np.asarray(values, dtype=np.float64)
        if not len(values) or np.isnan(values).any():
            return None
        if len(values) < 2:
            return cls(float(values[0]), share=share)
        found = t_interval(values)
        low, high = within or (-math.inf, math.inf)
        return cls(
            float(found.estimate), max(low, float(found.low)), min(high, float(found.high)), share
        )

    def __str__(self) -> str:
        numbers = [
            f"{round(100 * number, 1) + 0.0:.1f}" if self.share else f"{round(number, 2) + 0.0:.2f}"
            for number in (self.value, self.low, self.high)
            if number is not None  # and adding 0.0 makes 0 of -0
        ]
        unit = " %" if self.share else ""
        interval = f" ({numbers[1]} to {numbers[2]})" if len(numbers) > 1 else ""
        return f"{numbers[0]}{unit}{interval}"


Value = str | int | float | Estimate | None


@dataclass(frozen=True)
class Table:
    """Rows of values under columns; None is what is undefined."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    note: str = ""
    heat: bool = False
    """Whether shares are also shown as colours: a heat map."""

    def plain(self) -> dict[str, object]:
        """Return it for JSON, a mapping for each row."""
        rows = [
            {
                name: asdict(value) if isinstance(value, Estimate) else value
                for name, value in zip(self.columns, row, strict=True)
            }
            for row in self.rows
        ]
        return {"title": self.title, "note": self.note, "rows": rows}


@dataclass(frozen=True)
class Chart:
    """Success over something, a line for every agent, and one for each of its seeds."""

    title: str
    x_label: str
    x: Mapping[str, Sequence[float]]
    """For each agent, its points, (points,)."""
    success: Mapping[str, np.ndarray]
    """For each agent, (seeds, points)."""
    note: str = ""

    def plain(self) -> dict[str, object]:
        """Return it for JSON."""
        lines = {
            agent: {self.x_label: list(self.x[agent]), "success": values.tolist()}
            for agent, values in self.success.items()
        }
        return {"title": self.title, "note": self.note, "lines": lines}

    def table(self) -> Table:
        """Return its numbers, means over seeds: agents side by side."""
        agents = tuple(self.success)
        means = {
            agent: dict(zip(self.x[agent], values.mean(axis=0).tolist(), strict=True))
            for agent, values in self.success.items()
        }
        places = sorted({place for points in self.x.values() for place in points})
        rows = tuple(
            (
                f"{place:,}",
                *(Estimate(means[a][place]) if place in means[a] else None for a in agents),
            )
            for place in places
        )
        return Table(self.title, (self.x_label, *agents), rows, self.note)


@dataclass(frozen=True)
class Commands:
    """Lines to be typed."""

    title: str
    lines: tuple[str, ...]

    def plain(self) -> dict[str, object]:
        """Return it for JSON."""
        return {"title": self.title, "lines": list(self.lines)}


Block = Table | Chart | Commands


@dataclass(frozen=True)
class Section:
    """Blocks under a heading."""

    title: str
    about: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """A whole report."""

    title: str
    stamp: str
    """A warning that belongs on everything; "" for none."""
    about: str
    sections: tuple[Section, ...]


def text_of(value: Value) -> str:
    """Return a value as tables for people print it."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
