"""Sweep: how much wall-clock is saved when one kernel at a time gets faster."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_rgb

from devices.errors import InputError
from plots.picture import (
    FAINT,
    FASTER,
    GRID,
    INK,
    Box,
    blank_axes,
    draw_heading,
    margin_text,
    new_figure,
    pixel_axes,
    shortened,
    signed,
    text_width,
    time_axis,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["SweepRow", "draw_sweep"]

WIDTH_PX, LEFT_PX, TOP_PX, BOTTOM_PX = 1600, 350, 104, 58
MARGIN_PX = 40
PITCH_PX, COLUMN_PX, RIGHT_MARGIN_PX = 20, 74, 40
DOT_POINTS = 7.0
NAME_LENGTH = 38
FONT_POINTS = 9

MOST_ROWS = 40
"""Kernels beyond these, which gain least, are left out."""

MOST_FACTORS = 8
"""Shades of one colour beyond these could not be told apart."""

PALEST, DARKEST = 0.6, 0.55
"""How far the first factor's colour goes towards white, and the last one's towards black."""


@dataclass(frozen=True, slots=True)
class SweepRow:
    """What one kernel's time does to the wall-clock.

    Attributes
    ----------
    kernel, core : str
        Name of the kernel and the type of core that runs it.
    factors : tuple of float
        What the kernel's time was multiplied by; 0.5 is twice as fast.
    speedup_percent : tuple of float
        For each factor, the wall-clock saved in percent of the wall-clock.
    """

    kernel: str
    core: str
    factors: tuple[float, ...]
    speedup_percent: tuple[float, ...]


def draw_sweep(title: str, rows: Sequence[SweepRow], path: str | os.PathLike[str]) -> None:
    """Draw what each kernel would gain, the one that gains most first.

    Parameters
    ----------
    title : str
        Heading.
    rows : sequence of SweepRow
        One or more kernels. The 40 that gain most are drawn.
    path : path
        File to write; its ending, ``.png``, ``.svg`` or ``.pdf``, chooses the format.

    Raises
    ------
    InputError
        When there is no row, a row has not one finite gain for each factor, a factor is not
        above 0, there are more than 8 factors, or the file cannot be written.
    """
    factors = _checked_factors(rows)
    ranked = sorted(rows, key=lambda row: -max(row.speedup_percent))
    shown, left_out = ranked[:MOST_ROWS], ranked[MOST_ROWS:]
    height = PITCH_PX * len(shown)
    right_px = COLUMN_PX * len(factors) + RIGHT_MARGIN_PX
    with new_figure(path, WIDTH_PX, TOP_PX + height + BOTTOM_PX) as figure:
        axes = pixel_axes(figure, Box(LEFT_PX, TOP_PX, WIDTH_PX - LEFT_PX - right_px, height))
        axes.set_ylim(height, 0)
        span = _span(shown)
        time_axis(axes, span, span, "wall-clock saved (%)")
        colors = dict(zip(factors, _colors(len(factors)), strict=True))
        _draw_rows(axes, shown, colors)
        figures = Box(WIDTH_PX - right_px, TOP_PX - 36, right_px, height + 36)
        _draw_figures(figure, shown, colors, figures)
        draw_heading(figure, title, _subtitle(left_out), MARGIN_PX)


def _checked_factors(rows: Sequence[SweepRow]) -> list[float]:
    """All factors, that which changes least first."""
    if not rows:
        raise InputError("a sweep without kernels has nothing to draw; give a row or more")
    for row in rows:
        count, gains = len(row.factors), len(row.speedup_percent)
        if count != gains or not count:
            raise InputError(
                f"kernel {row.kernel!r} has {count} factors and {gains} gains; "
                f"give one gain for each factor"
            )
        if not all(math.isfinite(factor) and factor > 0 for factor in row.factors):
            raise InputError(
                f"kernel {row.kernel!r} has factors {row.factors}; give numbers above 0"
            )
        if not all(map(math.isfinite, row.speedup_percent)):
            raise InputError(
                f"kernel {row.kernel!r} has gains {row.speedup_percent}; give finite percents"
            )
    factors = sorted({factor for row in rows for factor in row.factors}, reverse=True)
    if len(factors) > MOST_FACTORS:
        raise InputError(
            f"the rows have {len(factors)} different factors; choose at most {MOST_FACTORS}"
        )
    return factors


def _colors(count: int) -> NDArray[np.float64]:
    """Shades of one colour from pale to dark, shape (count, 3)."""
    base = np.array(to_rgb(FASTER))
    stops = np.array([base + (1 - base) * PALEST, base, base * (1 - DARKEST)])
    where = np.linspace(0, 2, count) if count > 1 else np.array([1.0])
    return np.stack([np.interp(where, [0, 1, 2], stops[:, part]) for part in range(3)], axis=1)


def _span(rows: Sequence[SweepRow]) -> tuple[float, float]:
    """Begin and end of the axis in percent, with 0 on it."""
    gains = [gain for row in rows for gain in row.speedup_percent]
    first, last = min(0.0, *gains), max(0.0, *gains)
    if first == last:
        return -0.05, 1.0
    room = 0.02 * (last - first)
    return first - room, last + room


def _draw_rows(
    axes: Axes, rows: Sequence[SweepRow], colors: dict[float, NDArray[np.float64]]
) -> None:
    """Draw a line through each kernel's gains, and dots on it."""
    axes.axvline(0, color=FAINT, linewidth=0.8, zorder=1)
    middle = PITCH_PX * (np.arange(len(rows)) + 0.5)
    first = [min(0.0, *row.speedup_percent) for row in rows]
    last = [max(0.0, *row.speedup_percent) for row in rows]
    axes.hlines(middle, first, last, color=GRID, linewidth=3, zorder=2)
    for factor, color in colors.items():
        dots = [
            (gain, y)
            for row, y in zip(rows, middle, strict=True)
            for own, gain in zip(row.factors, row.speedup_percent, strict=True)
            if own == factor
        ]
        axes.plot(
            *zip(*dots, strict=True),
            linestyle="none",
            marker="o",
            markersize=DOT_POINTS,
            markerfacecolor=color,
            markeredgecolor="white",
            markeredgewidth=0.6,
            clip_on=False,
            zorder=3,
        )
    for row, y in zip(rows, middle.tolist(), strict=True):
        margin_text(axes, shortened(row.kernel, NAME_LENGTH), y, 44, fontsize=FONT_POINTS)
        margin_text(axes, shortened(row.core, 4), y, 10, fontsize=FONT_POINTS - 1, color=FAINT)


def _draw_figures(
    figure: Figure,
    rows: Sequence[SweepRow],
    colors: dict[float, NDArray[np.float64]],
    box: Box,
) -> None:
    """Write the gains in a column for each factor, with its dot beside the heading."""
    axes = blank_axes(figure, box)
    first = box.height - PITCH_PX * len(rows)
    for column, (factor, color) in enumerate(colors.items()):
        right = COLUMN_PX * (column + 1)
        heading = f"\N{MULTIPLICATION SIGN} {factor:.3g}"
        axes.text(right, first - 14, heading, ha="right", va="center", fontsize=FONT_POINTS)
        left = right - text_width(heading, FONT_POINTS) - 10
        axes.plot(left, first - 14, marker="o", markersize=DOT_POINTS, color=color)
        for index, row in enumerate(rows):
            gain = dict(zip(row.factors, row.speedup_percent, strict=True)).get(factor)
            text = "-" if gain is None else f"{signed(gain)}%"
            y = first + PITCH_PX * (index + 0.5)
            axes.text(right, y, text, ha="right", va="center", fontsize=FONT_POINTS, color=INK)


def _subtitle(left_out: Sequence[SweepRow]) -> str:
    """Say how to read the picture, and what is not in it."""
    text = (
        "wall-clock saved when only this kernel gets faster: its time \N{MULTIPLICATION SIGN} the "
        "factor, all else as it is"
    )
    if left_out:
        most = max(max(row.speedup_percent) for row in left_out)
        text += f"   \N{MIDDLE DOT}   {len(left_out)} more kernels, each {signed(most)}% or less"
    return text
