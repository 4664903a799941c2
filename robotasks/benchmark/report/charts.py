"""Charts as SVG, drawn by matplotlib, to stand within a web page."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from robotasks.benchmark.report.blocks import Chart

SIZE = 4.2, 2.9  # inches: letters stay readable on a telephone
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "svg.fonttype": "none",  # letters stay letters
    "svg.hashsalt": "robotasks",  # the same chart is the same text
}


def svg(chart: Chart, agents: Sequence[str], prefix: str) -> str:
    """Draw a chart; every seed is a thin line, their mean a thick one.

    agents: all of the page's, each of which keeps its colour. prefix: of the drawing's ids, which
    have to be unique on a page.
    """
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot()
        for agent, success in chart.success.items():
            colour = f"C{agents.index(agent)}"
            for seed in success:
                axes.plot(chart.x[agent], seed, color=colour, lw=0.8, alpha=0.4)
            mean = success.mean(axis=0)
            axes.plot(chart.x[agent], mean, "o-", color=colour, lw=2, ms=3, label=agent)
        axes.set(xlabel=chart.x_label, ylabel="success", ylim=(-0.03, 1.03))
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.xaxis.set_major_formatter(lambda x, _: f"{x / 1e6:g} M" if x >= 1e5 else f"{x:,.0f}")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=8)
        text = io.StringIO()
        figure.savefig(
            text, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    drawing = text.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", drawing)
    return drawing.replace("<svg", f'<svg role="img" aria-label="{chart.title}"', 1)
