"""Names for the columns of a flat array.

Sensors, goals, observations and task memory are all flat arrays whose last axis
holds named fields. A `Layout` knows the names and widths; a `View` reads them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from array_api_compat import array_namespace

Array = Any
"""A numpy or torch array: whatever the Array API standard covers."""


class Layout:
    """Ordered field names and their widths.

    A field of width 1 is a scalar: it is read without a last axis, shape `(...)`.
    Layouts are immutable, hashable and comparable.
    """

    __slots__ = ("_hash", "size", "slices", "widths")

    def __init__(self, widths: Mapping[str, int] | Iterable[tuple[str, int]] = ()) -> None:
        self.widths: dict[str, int] = dict(widths)
        self.slices: dict[str, slice | int] = {}
        start = 0
        for name, width in self.widths.items():
            if width < 1:
                raise ValueError(f"field {name!r} needs a width of at least 1, not {width}")
            self.slices[name] = start if width == 1 else slice(start, start + width)
            start += width
        self.size: int = start
        self._hash = hash(tuple(self.widths.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """Field names in column order."""
        return tuple(self.widths)

    def columns(self, name: str) -> slice:
        """Return the columns of one field, always as a slice."""
        where = self.slices[self.check(name)]
        return where if isinstance(where, slice) else slice(where, where + 1)

    def check(self, name: str) -> str:
        """Return `name` if it is a field, else raise a KeyError that lists the near ones."""
        if name not in self.widths:
            raise KeyError(unknown("field", name, self.widths))
        return name

    def view(self, flat: Array) -> View:
        """Read `flat`, shape (..., size), by name."""
        if flat.shape[-1] != self.size:
            raise ValueError(
                f"expected {self.size} columns ({', '.join(self.names)}), got {flat.shape[-1]}"
            )
        return View((self, flat))

    def pack(self, fields: Mapping[str, Array]) -> Array:
        """Join the fields into one array, shape (..., size); every field must be given."""
        if fields.keys() != self.widths.keys():
            raise ValueError(
                f"expected the fields {', '.join(self.names)}; got {', '.join(fields) or 'none'}"
            )
        xp = array_namespace(*fields.values())
        return xp.concat(
            [
                fields[name][..., None] if width == 1 else fields[name]
                for name, width in self.widths.items()
            ],
            axis=-1,
        )

    def __or__(self, other: Layout) -> Layout:
        """Return the union; a name that both have must have one width."""
        for name in self.widths.keys() & other.widths.keys():
            if self.widths[name] != other.widths[name]:
                raise ValueError(
                    f"field {name!r} has width {self.widths[name]} in one layout and "
                    f"{other.widths[name]} in the other"
                )
        return Layout({**self.widths, **other.widths})

    def __iter__(self) -> Iterator[str]:
        return iter(self.widths)

    def __len__(self) -> int:
        return len(self.widths)

    def __contains__(self, name: object) -> bool:
        return name in self.widths

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and list(self.widths.items()) == list(other.widths.items())

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Layout({self.widths})"


class View:
    """Named read access to one or more flat arrays: `view.tcp_pos` has shape (..., 3).

    Reading copies nothing: what is read stays a window on the array, and is remembered under its
    name, so that reading it again is free. A name that several layouts share belongs to the first.
    """

    def __init__(self, *parts: tuple[Layout, Array]) -> None:
        self._parts = parts

    def __getattr__(self, name: str) -> Array:
        for layout, flat in self._parts:
            where = layout.slices.get(name)
            if where is not None:
                window = flat[..., where]
                self.__dict__[name] = window
                return window
        known = [field for layout, _ in self._parts for field in layout]
        raise AttributeError(unknown("field", name, known))

    def __contains__(self, name: object) -> bool:
        return any(name in layout for layout, _ in self._parts)

    def fields(self) -> dict[str, Array]:
        """Return every field by name."""
        return {name: getattr(self, name) for layout, _ in self._parts for name in layout}

    def __repr__(self) -> str:
        return f"View({', '.join(f'{name}={value}' for name, value in self.fields().items())})"


NOTHING = Layout()
"""The layout without fields."""


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that `name` is not a `kind`, which ones exist, and which are near."""
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"unknown {kind} {name!r}.{hint} Known: {', '.join(names) or 'none'}."
