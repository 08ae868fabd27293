"""Summary of several runs: the distribution of their latencies and a table of key figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter, StrMethodFormatter

from plots.picture import FAINT, GRID, Box, blank_axes, kernel_colors, pixel_axes, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from runtime.trace import Trace

__all__ = ["draw_figures", "draw_latencies", "figures_height"]

POINTS = 400
LEAST_US = 1e-3
DENSE_TICKS_BELOW = 500

ROW_PX, LABEL_PX = 26, 272
COLUMNS = (
    ("wall-clock", "us"),
    ("tasks", ""),
    ("latency us", "average"),
    ("", "median"),
    ("tasks in", "flight"),
    ("orches-", "trator"),
    ("scheduler", "threads"),
    ("AIC", "busy"),
    ("AIV", "busy"),
)
HEADER_PX = 44


def draw_latencies(figure: Figure, box: Box, traces: Sequence[tuple[str, Trace]]) -> None:
    """Draw which share of each run's tasks has at most a latency, with the medians.

    Parameters
    ----------
    figure : Figure
        What to draw on.
    box : Box
        Where; tick labels and the axis label lie outside.
    traces : sequence of (str, Trace)
        Runs with their labels; the first has the palette's first colour, and so on.
    """
    axes = pixel_axes(figure, box)
    axes.set_xscale("log")
    # A sample of the ranks keeps a vector file small; the quantiles themselves are exact.
    share = np.linspace(0, 1, POINTS + 1)
    for (_, trace), color in zip(traces, kernel_colors(len(traces)), strict=True):
        latency_us = np.maximum(np.quantile(trace.latency_us, share), LEAST_US)
        median_us = latency_us[POINTS // 2]
        axes.plot(latency_us, share, color=color, linewidth=2)
        axes.plot([median_us, median_us], [0, 0.5], color=color, linewidth=1, linestyle="--")
        axes.plot([median_us], [0.5], color=color, marker="o", markersize=6)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("latency of a task (us), median marked")
    axes.set_ylabel("share of tasks")
    first_us, last_us = axes.get_xlim()
    steps = (1.0, 2.0, 5.0) if last_us / first_us < DENSE_TICKS_BELOW else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=steps, numticks=20))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.7g}"))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(color=GRID, linewidth=0.6)
    axes.spines[["right", "top"]].set_visible(False)


def figures_height(runs: int) -> int:
    """Pixels that the table of key figures takes."""
    return HEADER_PX + ROW_PX * runs


def draw_figures(figure: Figure, box: Box, rows: Sequence[Sequence[str]]) -> None:
    """Draw a table of key figures, a line for each run.

    Parameters
    ----------
    figure : Figure
        What to draw on.
    box : Box
        Where.
    rows : sequence of sequence of str
        Label of a run, then a figure for each of the table's columns.
    """
    axes = blank_axes(figure, box)
    step = (box.width - LABEL_PX) / len(COLUMNS)
    for column, lines in enumerate(COLUMNS):
        x = LABEL_PX + (column + 1) * step
        for line, text in enumerate(lines):
            axes.text(x, 8 + 14 * line, text, ha="right", va="center", fontsize=8.5, color=FAINT)
    axes.plot([0, box.width], [HEADER_PX - 12] * 2, color=GRID, linewidth=0.8)
    colors = kernel_colors(len(rows))
    for index, row in enumerate(rows):
        y = HEADER_PX + ROW_PX * index
        axes.add_patch(Rectangle((0, y - 2), 20, 4, facecolor=colors[index]))
        axes.text(28, y, shortened(row[0], 30), va="center", fontsize=8.5, weight="bold")
        for column, text in enumerate(row[1:]):
            x = LABEL_PX + (column + 1) * step
            axes.text(x, y, text, ha="right", va="center", fontsize=9.5)
