"""Bars: a figure of each of some names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from devices.errors import InputError
from plots.picture import (
    FAINT,
    FASTER,
    INK,
    TOTAL,
    Box,
    draw_heading,
    margin_text,
    new_figure,
    pixel_axes,
    shortened,
    text_width,
    time_axis,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = ["draw_bars"]

WIDTH_PX, TOP_PX, BOTTOM_PX, RIGHT_PX, MARGIN_PX = 1200, 96, 64, 110, 40
PITCH_PX, FONT_POINTS, NAME_LENGTH = 30, 9.5, 50

MOST_BARS = 100


def draw_bars(
    names: Sequence[str],
    values: Sequence[float],
    path: str | os.PathLike[str],
    *,
    title: str,
    subtitle: str,
    label: str,
) -> None:
    """Draw a bar for each name, from 0; the least is blue.

    Parameters
    ----------
    names : sequence of str
        At most 100.
    values : sequence of float
        NaN where there is none.
    path : path
        File to write; its ending, ``.png``, ``.svg`` or ``.pdf``, chooses the format.
    title, subtitle, label : str
        What is written; the last at the axis.

    Raises
    ------
    InputError
        There is no value to draw, there are too many, or the file cannot be written.
    """
    known = [value for value in values if math.isfinite(value)]
    if not known:
        raise InputError("there is no value to draw: every point has failed")
    if len(names) > MOST_BARS:
        raise InputError(f"a picture has at most {MOST_BARS} bars, not {len(names)}")
    shown = [shortened(name, NAME_LENGTH) for name in names]
    left = MARGIN_PX + 14 + int(max(text_width(name, FONT_POINTS) for name in shown))
    height = PITCH_PX * len(names)
    with new_figure(path, WIDTH_PX, TOP_PX + height + BOTTOM_PX) as figure:
        axes = pixel_axes(figure, Box(left, TOP_PX, WIDTH_PX - left - RIGHT_PX, height))
        axes.set_ylim(height, 0)
        span = min(0.0, *known, 0.0), max(0.0, *known, 1e-12)
        time_axis(axes, span, span, label)
        middles = PITCH_PX * (np.arange(len(names)) + 0.5)
        for name, value, y in zip(shown, values, middles.tolist(), strict=True):
            margin_text(axes, name, y, 10, fontsize=FONT_POINTS)
            is_known = math.isfinite(value)
            if is_known:
                color = FASTER if value == min(known) else TOTAL
                axes.barh(y, value, height=0.66 * PITCH_PX, color=color, zorder=2)
            axes.annotate(
                f"{value:,.2f}" if is_known else "failed",
                xy=(max(value, 0.0) if is_known else 0.0, y),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=FONT_POINTS,
                color=INK if is_known else FAINT,
                annotation_clip=False,
            )
        draw_heading(figure, title, subtitle, MARGIN_PX)
