"""What commands print: tables for people, one JSON object a line for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def show(rows: Sequence[Mapping[str, Any]], as_json: bool, title: str = "") -> None:
    """Print rows with the same keys, as a table or as JSON lines."""
    if as_json:
        for row in rows:
            print(json.dumps(row), flush=True)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None)
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, (list, tuple)):
        return " to ".join(_cell(item) for item in value)
    return str(value)
