"""Lines: a figure over a number that was varied, a line for each of what else was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from devices.errors import InputError
from plots.picture import (
    FAINT,
    GRID,
    Box,
    draw_heading,
    kernel_colors,
    new_figure,
    pixel_axes,
    shortened,
    text_width,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["MOST_LINES", "Line", "draw_lines"]

WIDTH_PX, HEIGHT_PX = 1200, 720
LEFT_PX, TOP_PX, BOTTOM_PX, RIGHT_PX = 110, 96, 84, 50
FONT_POINTS, NAME_LENGTH, NAME_PX = 9.5, 44, 18
MOST_TICKS = 14

MOST_LINES = 12
"""Lines beyond these would have colours that cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes
    ----------
    name : str
        What it is the line of; written at its end.
    x, y : tuple of float
        Its points, from left to right; NaN in `y` where there is none.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


def draw_lines(
    lines: Sequence[Line],
    path: str | os.PathLike[str],
    *,
    title: str,
    subtitle: str,
    x_label: str,
    y_label: str,
) -> None:
    """Draw a figure over what was varied.

    The scale is logarithmic where what was varied grows by factors. The least value has a ring.

    Parameters
    ----------
    lines : sequence of Line
        1 to 12, with the same `x`.
    path : path
        File to write; its ending, ``.png``, ``.svg`` or ``.pdf``, chooses the format.
    title, subtitle, x_label, y_label : str
        What is written.

    Raises
    ------
    InputError
        There is no value to draw, there are too many lines, or the file cannot be written.
    """
    if len(lines) > MOST_LINES:
        raise InputError(f"a picture has at most {MOST_LINES} lines, not {len(lines)}")
    if not any(math.isfinite(y) for line in lines for y in line.y):
        raise InputError("there is no value to draw: every point has failed")
    names = [shortened(line.name, NAME_LENGTH) for line in lines]
    right = RIGHT_PX + int(max(text_width(name, FONT_POINTS) for name in names))
    box = Box(LEFT_PX, TOP_PX, WIDTH_PX - LEFT_PX - right, HEIGHT_PX - TOP_PX - BOTTOM_PX)
    with new_figure(path, WIDTH_PX, HEIGHT_PX) as figure:
        axes = pixel_axes(figure, box)
        for line, color in zip(lines, kernel_colors(len(lines)), strict=True):
            axes.plot(line.x, line.y, color=color, linewidth=1.8, zorder=3)
            dots = {"markerfacecolor": color, "markeredgecolor": "white", "markeredgewidth": 0.8}
            axes.plot(line.x, line.y, "o", markersize=6.5, zorder=4, **dots)
        _ring_least(axes, lines)
        _dress(axes, np.array(lines[0].x), x_label, y_label)
        _name_lines(axes, lines, names, box)
        draw_heading(figure, title, subtitle, 40)


def _ring_least(axes: Axes, lines: Sequence[Line]) -> None:
    points = [(y, x) for line in lines for x, y in zip(line.x, line.y, strict=True)]
    y, x = min(point for point in points if math.isfinite(point[0]))
    axes.plot([x], [y], "o", markersize=13, markerfacecolor="none", markeredgecolor=FAINT, zorder=5)


def _dress(axes: Axes, x: NDArray[np.float64], x_label: str, y_label: str) -> None:
    """Scales, ticks, labels and a grid."""
    if _grows_by_factors(x):
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(
        FixedLocator(x.tolist()) if len(x) <= MOST_TICKS else MaxNLocator(10)
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.7g}"))
    axes.set_xlabel(x_label, labelpad=10)
    axes.set_ylabel(y_label, labelpad=10)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["right", "top", "left"]].set_visible(False)
    axes.tick_params(length=0)
    axes.margins(x=0.03, y=0.08)


def _grows_by_factors(x: NDArray[np.float64]) -> bool:
    """Whether numbers are closer to a geometric than to an arithmetic series."""
    if len(x) < 3 or x.min() <= 0:
        return False
    ordered = np.sort(x)
    steps, factors = np.diff(ordered), np.diff(np.log(ordered))
    return bool(factors.std() / factors.mean() < steps.std() / steps.mean())


def _name_lines(axes: Axes, lines: Sequence[Line], names: Sequence[str], box: Box) -> None:
    """Write the names at the ends of the lines, moved apart where they would cover each other."""
    axes.autoscale_view()
    low, high = axes.get_ylim()
    last = [next((y for y in reversed(line.y) if math.isfinite(y)), low) for line in lines]
    wanted = [(y - low) / ((high - low) or 1.0) * box.height for y in last]
    order = np.argsort(wanted)
    places = _apart([wanted[n] for n in order], NAME_PX, box.height)
    colors = kernel_colors(len(lines))
    for number, place in zip(order.tolist(), places, strict=True):
        axes.annotate(
            names[number],
            xy=(1.0, place / box.height),
            xycoords="axes fraction",
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            fontsize=FONT_POINTS,
            color=colors[number] * 0.8,
        )


def _apart(wanted: Sequence[float], gap: float, height: float) -> list[float]:
    """Places in rising order, each `gap` above the one before, as near as can be to the wanted."""
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + gap) if places else place)
    top = height
    for number in reversed(range(len(places))):
        places[number] = min(places[number], top)
        top = places[number] - gap
    return places
