"""A band that shows how full the rings were over time, and when the orchestrator waited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from plots.picture import FAINT, SLOWER, Box, blank_axes, kernel_colors, margin_text, pixel_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from runtime.ring_usage import RingUsage
    from runtime.trace import Trace

__all__ = ["BAND_PX", "draw_rings", "fullest", "use_per_column"]

BAND_PX = 76
LINE_PX = 17


def fullest(usages: Sequence[RingUsage]) -> list[RingUsage]:
    """The ring of each limited resource that was taken most, if it was taken at all."""
    found: dict[int, RingUsage] = {}
    for usage in usages:
        best = found.get(usage.resource)
        if usage.size and usage.high_water and (not best or usage.high_water > best.high_water):
            found[usage.resource] = usage
    return [found[resource] for resource in sorted(found)]


def use_per_column(
    usage: RingUsage, begin_us: float, window: tuple[float, float], columns: int
) -> NDArray[np.int64]:
    """Most that was taken in each of the columns that divide a window, shape (columns,).

    Parameters
    ----------
    usage : RingUsage
        Its times are the trace's own.
    begin_us : float
        The trace's time from which the window counts.
    window : tuple of float
        Begin and end in us.
    columns : int
        How many columns.
    """
    edges_us = np.linspace(*window, columns + 1) + begin_us
    first = np.searchsorted(usage.time_us, edges_us[:-1], side="right")
    used = np.concatenate(([0], usage.used))
    most = used[first]  # what was in use as the column begins
    inside = (usage.time_us > edges_us[0]) & (usage.time_us <= edges_us[-1])
    column = np.searchsorted(edges_us, usage.time_us[inside], side="left") - 1
    np.maximum.at(most, column, usage.used[inside])
    return most


def draw_rings(
    figure: Figure, trace: Trace, usages: Sequence[RingUsage], window: tuple[float, float], box: Box
) -> None:
    """Draw a line per resource, in percent of its size, and shade the waits.

    Parameters
    ----------
    figure : Figure
        Where to.
    trace : Trace
        The run.
    usages : sequence of RingUsage
        What to draw.
    window : tuple of float
        Begin and end in us from the first dispatch.
    box : Box
        Where the lines go; their names are written to the right of it.
    """
    axes = pixel_axes(figure, box)
    axes.set_xlim(*window)
    most = max(usage.high_water / usage.size for usage in usages)
    axes.set_ylim(0.0, 1.12 * most)
    axes.set_xticks([])
    axes.yaxis.set_major_locator(MaxNLocator(2, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.tick_params(axis="y", labelsize=7, length=2, colors=FAINT)
    axes.spines[["right", "top"]].set_visible(False)
    margin_text(axes, "ring space", 0.56 * most, 40, weight="bold")
    middle_us = np.linspace(*window, box.width, endpoint=False)
    colors = kernel_colors(len(usages))
    for usage, color in zip(usages, colors, strict=True):
        used = use_per_column(usage, trace.begin_us, window, box.width)
        axes.plot(middle_us, used / usage.size, color=color, linewidth=1.2, drawstyle="steps-post")
    _shade_waits(axes, trace, window, box.width)
    names = blank_axes(figure, Box(box.left + box.width + 28, box.top, 312, box.height))
    for line, (usage, color) in enumerate(zip(usages, colors, strict=True)):
        y = (line + 0.5) * LINE_PX
        names.plot([0, 14], [y, y], color=color, linewidth=2.0)
        text = f"{usage.name}: at most {usage.high_water:,} of {usage.size:,}"
        names.text(20, y, text, fontsize=8, va="center")


def _shade_waits(axes: Axes, trace: Trace, window: tuple[float, float], columns: int) -> None:
    """Shade the columns in which the orchestrator waited."""
    edges_us = np.linspace(*window, columns + 1) + trace.begin_us
    first = np.searchsorted(edges_us, trace.waits["begin_us"], side="right") - 1
    last = np.searchsorted(edges_us, trace.waits["end_us"], side="left")
    change = np.zeros(columns + 2, dtype=np.int64)
    shown = (last > 0) & (first < columns)
    np.add.at(change, np.clip(first[shown], 0, columns), 1)
    np.add.at(change, np.clip(last[shown], 0, columns), -1)
    waited = np.cumsum(change[:columns]) > 0
    bounds = np.flatnonzero(np.diff(np.concatenate(([0], waited, [0]))))
    edges_us -= trace.begin_us
    for begin, end in bounds.reshape(-1, 2).tolist():
        axes.axvspan(edges_us[begin], edges_us[end], color=SLOWER, alpha=0.18, linewidth=0)
