"""A report written as a web page of one file, as Markdown, or as JSON."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from html import escape

from robotasks.benchmark.report.blocks import (
    Block,
    Chart,
    Commands,
    Estimate,
    Page,
    Table,
    Value,
    text_of,
)
from robotasks.benchmark.report.charts import svg

CSS = """
:root { color-scheme: light; --ink: #1d2630; --faint: #5d6b7a; --line: #dde3ea; --heat: #5aa9e6; }
body { margin: 0 auto; max-width: 66rem; padding: 1.2rem; color: var(--ink); background: #fff;
  font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .4rem 0; }
h2 { margin: 2.4rem 0 .3rem; padding-top: .8rem; border-top: 2px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p { margin: .3rem 0; color: var(--faint); overflow-wrap: anywhere; }
nav a { margin-right: 1rem; }
.stamp { background: #fff3cd; color: #7a5200; border: 1px solid #e7c65a; border-radius: .3rem;
  padding: .4rem .7rem; font-weight: 600; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem .25rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th.text, td.text { text-align: left; }
td small { color: var(--faint); }
.heat td + td { padding: .25rem .7rem; text-align: center; background:
  color-mix(in srgb, var(--heat) calc(var(--share, 0) * 100%), transparent); }
.heat th + th { padding: .25rem .7rem; text-align: center; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr));
  gap: 0 1.5rem; }
figure { margin: 0; max-width: 32rem; }
svg { width: 100%; height: auto; }
@media (max-width: 40rem) { td small { display: block; } }
pre { background: #f4f6f8; border-radius: .3rem; padding: .6rem .8rem; overflow-x: auto;
  font-size: .82rem; }
"""


def html(page: Page) -> str:
    """Write one HTML page that needs nothing else: no network, no script, charts as inline SVG."""
    agents = sorted(
        {a for s in page.sections for b in s.blocks if isinstance(b, Chart) for a in b.success}
    )
    numbers = itertools.count()
    stamp = f'<p class="stamp">{escape(page.stamp)}</p>' if page.stamp else ""
    parts = [f"<h1>{escape(page.title)}</h1>", stamp, f"<p>{escape(page.about)}</p>"]
    links = (f'<a href="#{_anchor(s.title)}">{escape(s.title)}</a>' for s in page.sections)
    parts.append(f"<nav>{''.join(links)}</nav>")
    for section in page.sections:
        parts.append(f'<h2 id="{_anchor(section.title)}">{escape(section.title)}</h2>')
        parts.append(f"<p>{escape(section.about)}</p>{stamp}")
        for charts, blocks in itertools.groupby(section.blocks, lambda b: isinstance(b, Chart)):
            written = [_block(block, agents, f"c{next(numbers)}") for block in blocks]
            parts += ['<div class="charts">', *written, "</div>"] if charts else written
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.title)}</title><style>{CSS}</style></head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


def markdown(page: Page) -> str:
    """Write Markdown; charts become tables of their numbers."""
    stamp = [f"**{page.stamp}**"] if page.stamp else []
    parts = [f"# {page.title}", *stamp, page.about]
    for section in page.sections:
        parts += [f"## {section.title}", section.about, *stamp]
        for block in section.blocks:
            parts += [f"### {block.title}"]
            if isinstance(block, Commands):
                parts.append("\n".join(["```sh", *block.lines, "```"]))
                continue
            table = block.table() if isinstance(block, Chart) else block
            head = [table.columns, ["---", *("--:" for _ in table.columns[1:])]]
            rows = [[text_of(value) for value in row] for row in table.rows]
            parts.append("\n".join(f"| {' | '.join(row)} |" for row in [*head, *rows]))
            parts += [block.note] if block.note else []
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(page: Page) -> str:
    """Write JSON: the numbers unrounded."""
    sections = [
        {"title": s.title, "about": s.about, "blocks": [block.plain() for block in s.blocks]}
        for s in page.sections
    ]
    content = {"title": page.title, "stamp": page.stamp, "about": page.about, "sections": sections}
    return json.dumps(content, indent=1) + "\n"


WRITERS: Mapping[str, Callable[[Page], str]] = {"html": html, "md": markdown, "json": plain}
"""By the ending of a file's name."""


def _block(block: Block, agents: list[str], prefix: str) -> str:
    title = f"<h3>{escape(block.title)}</h3>"
    if isinstance(block, Commands):
        return f"{title}<pre>{escape(chr(10).join(block.lines))}</pre>"
    note = f"<p>{escape(block.note)}</p>" if block.note else ""
    if isinstance(block, Chart):
        return f"<figure>{title}{svg(block, agents, prefix)}{note}</figure>"
    return title + _table(block) + note


def _table(table: Table) -> str:
    first = table.rows[0] if table.rows else table.columns
    head = "".join(
        f"<th{_kind(value)}>{escape(name)}</th>"
        for name, value in zip(table.columns, first, strict=True)
    )
    rows = ("".join(_cell(value) for value in row) for row in table.rows)
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    kind = ' class="heat"' if table.heat else ""
    return f'<div class="scroll"><table{kind}><tr>{head}</tr>\n{body}</table></div>'


def _cell(value: Value) -> str:
    if not isinstance(value, Estimate):
        return f"<td{_kind(value)}>{escape(text_of(value))}</td>"
    number, _, interval = str(value).partition(" (")
    small = f" <small>({escape(interval)}</small>" if interval else ""
    share = min(1.0, max(0.0, value.value))
    return f'<td style="--share:{share:.3f}">{escape(number)}{small}</td>'


def _kind(value: Value) -> str:
    return ' class="text"' if isinstance(value, str) else ""


def _anchor(title: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in title.lower())
