"""Put finished cells of the benchmark together as one web page, Markdown or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from robotasks.agents.parts.files import write_atomically
from robotasks.benchmark.report.content import build
from robotasks.benchmark.report.writers import WRITERS
from robotasks.benchmark.results import find_cells, read_cell
from robotasks.layout import unknown


@dataclass(frozen=True)
class Options:
    """Options of `report`."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Folders that `robotasks benchmark --out` made, or some of the cells in them."""
    out: Path = Path("report.html")
    """File to write; its ending says as what: .html, .md or .json."""
    format: Literal["html", "md", "json"] | None = None
    """What to write if the file's ending does not say it."""


def run(options: Options) -> None:
    """Score the records again and write the page."""
    ending = options.format or options.out.suffix.removeprefix(".")
    if ending not in WRITERS:
        raise ValueError(f"{options.out}: {unknown('ending', ending, WRITERS)} Or pass --format.")
    if not options.folders:
        raise ValueError("name at least one folder that `robotasks benchmark` made")
    finished, unfinished = find_cells(options.folders)
    page = build([read_cell(folder) for folder in finished], [*map(str, unfinished)])
    write_atomically(options.out, WRITERS[ending](page).encode())
    print(options.out)
