"""Heat map: a figure over two things that were varied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle

from devices.errors import InputError
from plots.picture import (
    FAINT,
    FASTER,
    GRID,
    INK,
    SLOWER,
    Box,
    blank_axes,
    draw_heading,
    new_figure,
    pixel_axes,
    shortened,
    text_width,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["draw_heat_map"]

MOST_CELLS = 400
"""Rows or columns at the most: each has a pixel or more."""

CELL_PX, LEAST_PX, MOST_PX = (92, 44), (680, 400), (1400, 900)
TOP_PX, BOTTOM_PX, RIGHT_PX, MARGIN_PX = 104, 96, 150, 40
BAR_PX, BAR_GAP_PX = 16, 34
FONT_POINTS, NAME_LENGTH = 9.5, 30
FEWEST_PX = (46, 18)
"""A cell that is smaller has no number in it."""

_SHADES = LinearSegmentedColormap.from_list("shades", ["#eef5fa", "#7fb8d9", FASTER, "#00324f"])


def draw_heat_map(
    values: NDArray[np.float64],
    columns: Sequence[str],
    rows: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str,
    subtitle: str,
    x_label: str,
    y_label: str,
    label: str,
) -> None:
    """Draw a cell for each pair; the least has a frame, and what has failed is left blank.

    Parameters
    ----------
    values : float64 array, shape (rows, columns)
        NaN where there is none. The first row is drawn at the bottom.
    columns, rows : sequence of str
        What stands at them.
    path : path
        File to write; its ending, ``.png``, ``.svg`` or ``.pdf``, chooses the format.
    title, subtitle, x_label, y_label, label : str
        What is written; the last at the scale.

    Raises
    ------
    InputError
        There is no value to draw, there are too many cells, or the file cannot be written.
    """
    if max(values.shape) > MOST_CELLS:
        raise InputError(f"a heat map has at most {MOST_CELLS} rows and columns")
    if not np.isfinite(values).any():
        raise InputError("there is no value to draw: every point has failed")
    names = [shortened(name, NAME_LENGTH) for name in rows]
    left = MARGIN_PX + 40 + int(max(text_width(name, FONT_POINTS) for name in names))
    width, height = (
        int(np.clip(count * size, least, most))
        for count, size, least, most in zip(
            values.shape[::-1], CELL_PX, LEAST_PX, MOST_PX, strict=True
        )
    )
    box = Box(left, TOP_PX, width, height)
    total = (box.left + box.width + RIGHT_PX, box.top + box.height + BOTTOM_PX)
    with new_figure(path, *total) as figure:
        axes = pixel_axes(figure, box)
        shown = values[np.isfinite(values)]
        scale = Normalize(float(shown.min()), float(shown.max()))
        cells = _SHADES(scale(np.ma.masked_invalid(values)))
        axes.imshow(cells, origin="lower", aspect="auto", interpolation="nearest")
        _number_cells(axes, values, scale, box)
        _frame_least(axes, values)
        _ticks(axes, [shortened(name, NAME_LENGTH) for name in columns], names, box)
        axes.set_xlabel(x_label, labelpad=10)
        axes.set_ylabel(y_label, labelpad=10)
        _draw_scale(figure, scale, label, box)
        draw_heading(figure, title, subtitle, MARGIN_PX)


def _number_cells(axes: Axes, values: NDArray[np.float64], scale: Normalize, box: Box) -> None:
    """Write the value into each cell, if there is room, and a dash where it has failed."""
    rows, columns = values.shape
    if box.width / columns < FEWEST_PX[0] or box.height / rows < FEWEST_PX[1]:
        return
    for (row, column), value in np.ndenumerate(values):
        is_known = bool(np.isfinite(value))
        is_dark = is_known and float(scale(value)) > 0.45
        text = _short(float(value)) if is_known else "failed"
        color = "white" if is_dark else (INK if is_known else FAINT)
        axes.text(column, row, text, ha="center", va="center", fontsize=FONT_POINTS, color=color)


def _short(value: float) -> str:
    """A number in at most seven characters or so."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _frame_least(axes: Axes, values: NDArray[np.float64]) -> None:
    row, column = np.unravel_index(np.nanargmin(values), values.shape)
    corner = (float(column) - 0.5, float(row) - 0.5)
    frame = Rectangle(corner, 1, 1, fill=False, edgecolor=SLOWER, linewidth=2.4, zorder=5)
    axes.add_patch(frame)
    frame.set_clip_on(False)


def _ticks(axes: Axes, columns: Sequence[str], rows: Sequence[str], box: Box) -> None:
    """Names at the edges, as many as there is room for, and white lines between cells."""
    widest = max(text_width(name, FONT_POINTS) for name in columns) + 12
    every = max(1, int(np.ceil(widest * len(columns) / box.width)))
    axes.set_xticks(range(0, len(columns), every), columns[::every], fontsize=FONT_POINTS)
    every = max(1, int(np.ceil(16 * len(rows) / box.height)))
    axes.set_yticks(range(0, len(rows), every), rows[::every], fontsize=FONT_POINTS)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if max(len(columns), len(rows)) <= 40:
        axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=2)
        axes.tick_params(which="minor", length=0)


def _draw_scale(figure: Figure, scale: Normalize, label: str, box: Box) -> None:
    """The colours and what they mean, to the right."""
    place = Box(box.left + box.width + BAR_GAP_PX, box.top, BAR_PX, box.height)
    axes = pixel_axes(figure, place)
    low, high = float(scale.vmin or 0.0), float(scale.vmax or 0.0)
    shades = _SHADES(np.linspace(0, 1, 256))[:, None, :]
    axes.imshow(shades, origin="lower", aspect="auto", extent=(0, 1, 0, 1))
    axes.set_xticks([])
    axes.set_yticks(
        np.linspace(0, 1, 5), [_short(v) for v in np.linspace(low, high, 5)], fontsize=FONT_POINTS
    )
    axes.yaxis.tick_right()
    axes.tick_params(length=0)
    axes.spines[:].set_color(GRID)
    text = blank_axes(figure, Box(place.left, place.top - 28, RIGHT_PX - BAR_GAP_PX, 22))
    text.text(0, 11, label, fontsize=FONT_POINTS, color=FAINT, va="center")
