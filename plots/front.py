"""Front: runs as points of wall-clock over on-chip memory, and those that none beats in both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter

from devices.errors import InputError
from plots.picture import (
    FAINT,
    FASTER,
    GRID,
    INK,
    SLOWER,
    TOTAL,
    Box,
    blank_axes,
    draw_heading,
    new_figure,
    pixel_axes,
    shortened,
    white_casing,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FrontPoint", "draw_front"]

WIDTH_PX, HEIGHT_PX = 1500, 760
BOX = Box(100, 104, 800, 570)
SIDE = Box(950, 104, 520, 600)
MARGIN_PX = 40
LINE_PX, ENTRY_PX = 18, 45
FONT_POINTS, NAME_LENGTH = 9, 74

MOST_LISTED = 10
"""Points of the front beyond these have a number, and no words at the side."""


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """A run.

    Attributes
    ----------
    name : str
        What it ran with.
    on_chip_percent : float
        The largest part of an on-chip memory that a kernel takes.
    wall_clock_us : float
        Its wall-clock.
    """

    name: str
    on_chip_percent: float
    wall_clock_us: float


def draw_front(
    path: str | os.PathLike[str],
    *,
    title: str,
    subtitle: str,
    points: Sequence[FrontPoint],
    front: Sequence[FrontPoint],
    races: Sequence[FrontPoint] = (),
    baseline: FrontPoint | None = None,
    best: FrontPoint | None = None,
) -> None:
    """Draw all runs, and the front as a staircase whose points are told at the side.

    Parameters
    ----------
    path : path
        File to write; its ending, ``.png``, ``.svg`` or ``.pdf``, chooses the format.
    title, subtitle : str
        What is written above.
    points : sequence of FrontPoint
        Runs that may be chosen.
    front : sequence of FrontPoint
        One or more of them, the fastest first.
    races : sequence of FrontPoint
        Runs that may not, as unordered tasks met in them.
    baseline, best : FrontPoint, optional
        What is marked.

    Raises
    ------
    InputError
        There is no front, a figure is not finite, or the file cannot be written.
    """
    marked = [point for point in (baseline, best) if point is not None]
    every = [*points, *front, *races, *marked]
    if not front:
        raise InputError("no point has run, so there is no front to draw")
    if not all(math.isfinite(p.on_chip_percent + p.wall_clock_us) for p in every):
        raise InputError("a front is drawn of finite figures")
    with new_figure(path, WIDTH_PX, HEIGHT_PX) as figure:
        axes = pixel_axes(figure, BOX)
        _draw_runs(axes, points, races)
        _draw_front(axes, front)
        _draw_marked(axes, baseline, best)
        top = _dress(axes, [*front, *races, *marked], every)
        above = sum(point.wall_clock_us > top for point in points)
        _draw_side(figure, front, (above, top), bool(races), baseline, best)
        draw_heading(figure, title, subtitle, MARGIN_PX)


def _draw_runs(axes: Axes, points: Sequence[FrontPoint], races: Sequence[FrontPoint]) -> None:
    axes.plot(*_places(points), "o", markersize=5, color=TOTAL, alpha=0.55, markeredgewidth=0)
    axes.plot(*_places(races), "x", markersize=5, color=SLOWER, alpha=0.6, markeredgewidth=1.1)


def _places(points: Sequence[FrontPoint]) -> tuple[list[float], list[float]]:
    return [p.on_chip_percent for p in points], [p.wall_clock_us for p in points]


def _draw_front(axes: Axes, front: Sequence[FrontPoint]) -> None:
    """A staircase: what is right of and above it is beaten."""
    x, y = _places(sorted(front, key=lambda point: point.on_chip_percent))
    axes.step(x, y, where="post", color=FASTER, linewidth=1.6, zorder=3)
    axes.plot(x, y, "o", markersize=15, color=FASTER, markeredgecolor="white", zorder=4)
    for number, point in enumerate(front[:MOST_LISTED], start=1):
        place = point.on_chip_percent, point.wall_clock_us
        axes.annotate(
            str(number),
            place,
            color="white",
            fontsize=8.5,
            weight="bold",
            ha="center",
            va="center",
            zorder=6,
        )


def _draw_marked(axes: Axes, baseline: FrontPoint | None, best: FrontPoint | None) -> None:
    for point, text, color, offset in (
        (baseline, "baseline", INK, (14, 12)),
        (best, "best", FASTER, (14, -20)),
    ):
        if point is None:
            continue
        is_right = point.on_chip_percent > 80.0
        place = point.on_chip_percent, point.wall_clock_us
        axes.plot(
            *place, "o", markersize=22, color="none", markeredgecolor=color, markeredgewidth=1.8
        )
        axes.annotate(
            f"{text} {point.wall_clock_us:,.0f} us",
            place,
            xytext=(-offset[0] if is_right else offset[0], offset[1]),
            textcoords="offset points",
            fontsize=FONT_POINTS + 1,
            weight="bold",
            color=color,
            ha="right" if is_right else "left",
            path_effects=white_casing(3),
            zorder=7,
        )


def _dress(axes: Axes, near: Sequence[FrontPoint], every: Sequence[FrontPoint]) -> float:
    """Scales, labels and a grid; all of a memory is a line. Gives the end of the scale.

    Slow runs would press the front flat: what is `near` it decides how far the scale goes.
    """
    times = [p.wall_clock_us for p in near]
    low, high = min(times), max(times)
    slowest = max(p.wall_clock_us for p in every)
    top = min(high + max(0.45 * (high - low), 0.1 * high), 1.06 * slowest)
    axes.set_xlim(0, max(106.0, *(p.on_chip_percent + 6.0 for p in every)))
    axes.set_ylim(low - max(0.12 * (top - low), 0.01 * low), top)
    axes.axvline(100.0, color=FAINT, linewidth=0.8, linestyle="--", zorder=1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.7g}"))
    axes.set_xlabel("largest part of an on-chip memory that a kernel takes (%)", labelpad=10)
    axes.set_ylabel("wall-clock (us)", labelpad=10)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["right", "top", "left"]].set_visible(False)
    axes.tick_params(length=0)
    return top


def _draw_side(
    figure: Figure,
    front: Sequence[FrontPoint],
    above: tuple[int, float],
    has_races: bool,
    baseline: FrontPoint | None,
    best: FrontPoint | None,
) -> None:
    """The points of the front in words, and what the other marks mean."""
    axes = blank_axes(figure, SIDE)
    style: dict[str, Any] = {"fontsize": FONT_POINTS, "va": "center"}
    axes.text(0, 6, "Front: none is faster with less memory", weight="bold", **style)
    y = 34.0
    for number, point in enumerate(front[:MOST_LISTED], start=1):
        axes.plot([8], [y], "o", markersize=15, color=FASTER, markeredgecolor="white")
        axes.text(8, y, str(number), color="white", ha="center", weight="bold", **style)
        is_both = point == best and point == baseline
        mark = "best, baseline" if is_both else {best: "best", baseline: "baseline"}.get(point, "")
        text = f"{point.wall_clock_us:,.2f} us with {point.on_chip_percent:.1f} %"
        axes.text(26, y, text + (f", the {mark}" if mark else ""), weight="bold", **style)
        name = shortened(point.name, NAME_LENGTH)
        axes.text(26, y + LINE_PX, name, color=FAINT, fontsize=FONT_POINTS - 1, va="center")
        y += ENTRY_PX
    if len(front) > MOST_LISTED:
        axes.text(26, y, f"and {len(front) - MOST_LISTED} more", color=FAINT, **style)
        y += ENTRY_PX / 2
    axes.plot([8], [y], "o", markersize=5, color=TOTAL, alpha=0.55, markeredgewidth=0)
    count, top = above
    more = f"; {count} more above {top:,.0f} us" if count else ""
    axes.text(26, y, f"other runs{more}", **style)
    if has_races:
        y += LINE_PX + 4
        axes.plot([8], [y], "x", markersize=5, color=SLOWER, markeredgewidth=1.1)
        axes.text(26, y, "runs in which tasks overlap that nothing orders: not chosen", **style)
