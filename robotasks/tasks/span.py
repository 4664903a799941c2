"""Spans: named numbers with bounds, from which goals, dynamics and starts are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from robotasks.layout import Layout, View, unknown

Bound = float | tuple[float, ...]


@dataclass(frozen=True)
class Choice:
    """One of `count` kinds, drawn evenly and stored as 0, 1, ..., count - 1."""

    count: int


class Span:
    """Named fields with bounds: `Span(target=((0.4, -0.2), (0.6, 0.2)), shape=Choice(3))`.

    A field is a pair (low, high) of numbers or of equally long tuples, or a `Choice`.
    A draw is a flat row, read through `layout`.
    """

    def __init__(self, **fields: tuple[Bound, Bound] | Choice) -> None:
        self.fields: Mapping[str, tuple[Bound, Bound] | Choice] = dict(fields)
        widths, low, high, whole = {}, [], [], []
        for name, bounds in self.fields.items():
            if isinstance(bounds, Choice):
                ends: tuple[Any, Any] = (0.0, float(bounds.count))
            else:
                ends = bounds
            bottom, top = (np.atleast_1d(np.asarray(end, dtype=np.float64)) for end in ends)
            if bottom.shape != top.shape or not (bottom <= top).all():
                raise ValueError(f"{name}={bounds} is not a (low, high) pair with low <= high")
            widths[name] = len(bottom)
            low.append(bottom)
            high.append(top)
            whole += [isinstance(bounds, Choice)] * len(bottom)
        self.layout = Layout(widths)
        self.low = np.concatenate([np.empty(0), *low])
        self.high = np.concatenate([np.empty(0), *high])
        self.whole = np.array(whole, dtype=bool)

    def draw(self, rng: np.random.Generator, count: int | None = None) -> np.ndarray:
        """Draw one row, (size,), or `count` of them, (count, size), evenly over the bounds."""
        shape = (len(self.low),) if count is None else (count, len(self.low))
        rows = self.low + (self.high - self.low) * rng.random(shape)
        return np.where(self.whole, np.floor(rows), rows)

    def view(self, rows: Any) -> View:
        """Read rows, (..., size), by field name."""
        return self.layout.view(rows)

    def scaled(self, rows: Any) -> Any:
        """Map rows to [-1, 1] between the bounds; a constant field becomes 0."""
        return (rows - self._middle) * self._inverse

    def check(self, name: str, values: Any) -> np.ndarray:
        """Return the values of one field as (..., width) after checking name, shape and bounds.

        Raises KeyError on an unknown name, ValueError on a wrong width or a value out of range.
        """
        if name not in self.layout:
            raise KeyError(unknown("field", name, self.layout))
        where, width = self.layout.columns(name), self.layout.widths[name]
        given = np.asarray(values, dtype=np.float64)
        if width == 1 and (given.ndim == 0 or given.shape[-1] != 1):
            given = given[..., None]
        if given.ndim == 0 or given.shape[-1] != width:
            raise ValueError(f"{name} needs {width} numbers a world, got shape {np.shape(values)}")
        low, high = self.low[where], np.where(self.whole, self.high - 1, self.high)[where]
        if not ((given >= low) & (given <= high)).all():
            raise ValueError(
                f"{name}={np.asarray(values).tolist()} lies outside {low.tolist()}..{high.tolist()}"
            )
        if self.whole[where].any() and (given != np.floor(given)).any():
            raise ValueError(f"{name}={np.asarray(values).tolist()} must be a whole number")
        return given

    @cached_property
    def _middle(self) -> np.ndarray:
        return (self.low + self.high - self.whole) / 2

    @cached_property
    def _inverse(self) -> np.ndarray:
        half = (self.high - self.low - self.whole) / 2
        return np.where(half > 0, 1 / np.where(half > 0, half, 1), 0.0)

    def __or__(self, other: Span) -> Span:
        """Join two spans; a field that both have is an error."""
        shared = self.fields.keys() & other.fields.keys()
        if shared:
            raise ValueError(f"both spans have {', '.join(sorted(shared))}")
        return Span(**self.fields, **other.fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and list(self.fields.items()) == list(other.fields.items())

    def __hash__(self) -> int:
        return hash(tuple(self.fields.items()))

    def __repr__(self) -> str:
        return f"Span({', '.join(f'{name}={bounds}' for name, bounds in self.fields.items())})"
