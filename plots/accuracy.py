"""Accuracy: simulated over published, both on logarithmic axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import StrMethodFormatter

from devices.errors import InputError
from plots.picture import (
    FAINT,
    GRID,
    INK,
    Box,
    draw_heading,
    kernel_colors,
    new_figure,
    pixel_axes,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = ["Accuracy", "draw_accuracy"]

WIDTH_PX, HEIGHT_PX = 900, 900
BOX = Box(90, 90, 770, 740)
BANDS = (0.1, 0.25)
"""Errors whose lines are drawn."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A published figure and the simulated one.

    Attributes
    ----------
    kind : str
        Figures of one kind have one colour.
    published_us, simulated_us : float
        Both, above 0.
    """

    kind: str
    published_us: float
    simulated_us: float


def draw_accuracy(points: Sequence[Accuracy], path: str | os.PathLike[str]) -> None:
    """Draw a point for each figure; on the diagonal both are the same.

    Parameters
    ----------
    points : sequence of Accuracy
        One or more.
    path : path
        File to write; its ending, ``.png``, ``.svg`` or ``.pdf``, chooses the format.

    Raises
    ------
    InputError
        When there is no point, a time is not above 0, or the file cannot be written.
    """
    times = [time for p in points for time in (p.published_us, p.simulated_us)]
    if not times:
        raise InputError("there is no published figure to draw; give one or more")
    if not all(math.isfinite(time) and time > 0 for time in times):
        raise InputError("published and simulated times are drawn on logarithms; give some above 0")
    ends = np.array([min(times) / 1.5, max(times) * 1.5])
    with new_figure(path, WIDTH_PX, HEIGHT_PX) as figure:
        axes = pixel_axes(figure, BOX)
        axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.set_xlabel("published (us)")
        axes.set_ylabel("simulated (us)")
        axes.grid(color=GRID, linewidth=0.5)
        axes.plot(ends, ends, color=INK, linewidth=1)
        for band in BANDS:
            for factor in (1 - band, 1 + band):
                axes.plot(ends, ends * factor, color=FAINT, linewidth=0.7, linestyle="--")
        kinds = list(dict.fromkeys(point.kind for point in points))
        for kind, color in zip(kinds, kernel_colors(len(kinds)), strict=True):
            own = [(p.published_us, p.simulated_us) for p in points if p.kind == kind]
            axes.plot(*zip(*own, strict=True), "o", color=color, markersize=6, label=kind)
        axes.legend(frameon=False, loc="upper left")
        bands = " and ".join(f"{band:.0%}" for band in BANDS)
        draw_heading(
            figure, "Simulated against published", f"{len(points)} figures; lines at {bands}", 90
        )
