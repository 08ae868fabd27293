"""Waterfall: which parts a difference between two wall-clocks is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from matplotlib.patches import Rectangle

from devices.errors import InputError
from plots.legend import Entry, draw_swatches
from plots.picture import (
    FAINT,
    FASTER,
    INK,
    SLOWER,
    TOTAL,
    Box,
    blank_axes,
    draw_heading,
    margin_text,
    new_figure,
    pixel_axes,
    shortened,
    signed,
    time_axis,
    white_casing,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Part", "draw_waterfall"]

WIDTH_PX, LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 1600, 380, 490, 106, 58
MARGIN_PX = 40
PITCH_PX, BAR_PX, CAP_PX = 36, 22, 10
LABEL_LENGTH = 40
LEAST_PX = 2
"""A bar of a change that is not 0 is at least this wide, so that its colour is seen."""

COLUMNS = (("us", 120), ("% of start", 220), ("least .. most of any order, us", 466))
TOLERANCE_US = 0.01


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a difference, in us; what makes a run faster is negative.

    Attributes
    ----------
    label : str
        What changed, such as ``"false serial chains"``.
    us : float
        The part.
    low_us, high_us : float
        Least and most that the part can be over all orders in which the steps are taken.
    """

    label: str
    us: float
    low_us: float
    high_us: float


@dataclass(frozen=True, slots=True)
class Row:
    """A bar from one time to another, with its whisker and its text; totals have no whisker."""

    label: str
    begin_us: float
    end_us: float
    whisker_us: tuple[float, float] | None
    color: str
    figures: tuple[str, ...]

    @property
    def text_color(self) -> str:
        """Colour of the row's time: a change has its bar's, which may be too short to be seen."""
        return INK if self.whisker_us is None or self.begin_us == self.end_us else self.color


def draw_waterfall(
    title: str,
    start: tuple[str, float],
    parts: Sequence[Part],
    end: tuple[str, float],
    path: str | os.PathLike[str],
) -> None:
    """Draw how the parts of a difference lead from one wall-clock to another.

    Bars lie below each other, each from where the one before ends. A whisker shows what the
    part can be when the steps are taken in another order.

    Parameters
    ----------
    title : str
        Heading.
    start, end : tuple of (str, float)
        Label and wall-clock in us of the two totals.
    parts : sequence of Part
        Changes in the order to draw, which sum to the difference of the totals.
    path : path
        File to write; its ending, ``.png``, ``.svg`` or ``.pdf``, chooses the format.

    Raises
    ------
    InputError
        When a time is not finite, the start is not above 0, a part lies outside its spread, the
        parts do not sum to end - start within 0.01 us, or the file cannot be written.
    """
    _check(start, parts, end)
    rows = _rows(start, parts, end)
    height = PITCH_PX * len(rows)
    with new_figure(path, WIDTH_PX, TOP_PX + height + BOTTOM_PX) as figure:
        width = WIDTH_PX - LEFT_PX - RIGHT_PX
        axes = pixel_axes(figure, Box(LEFT_PX, TOP_PX, width, height))
        axes.set_ylim(height, 0)
        span = _span(rows)
        time_axis(axes, span, span, "wall-clock (us)")
        _draw_rows(axes, rows, LEAST_PX * (span[1] - span[0]) / width)
        _draw_figures(figure, rows, Box(WIDTH_PX - RIGHT_PX, TOP_PX - 30, RIGHT_PX, height + 30))
        _draw_key(figure, Box(LEFT_PX, TOP_PX - 36, 150, 16))
        draw_heading(figure, title, _subtitle(start[1], end[1]), MARGIN_PX)


def _check(start: tuple[str, float], parts: Sequence[Part], end: tuple[str, float]) -> None:
    """Refuse what does not add up."""
    for label, us in (start, end):
        if not (math.isfinite(us) and us >= 0):
            raise InputError(f"total {label!r} is {us:g} us; give a wall-clock of 0 us or more")
    if start[1] == 0:
        raise InputError(
            f"total {start[0]!r} is 0 us, so parts have no share of it; start from a longer run"
        )
    for part in parts:
        if not all(map(math.isfinite, (part.us, part.low_us, part.high_us))):
            raise InputError(f"part {part.label!r} is not finite; give its times in us")
        if not part.low_us - TOLERANCE_US <= part.us <= part.high_us + TOLERANCE_US:
            raise InputError(
                f"part {part.label!r} of {part.us:.3f} us lies outside its spread "
                f"{part.low_us:.3f}..{part.high_us:.3f}; give a spread that holds it"
            )
    total_us, wanted_us = math.fsum(part.us for part in parts), end[1] - start[1]
    if abs(total_us - wanted_us) > TOLERANCE_US:
        raise InputError(
            f"the parts sum to {total_us:.3f} us, but {end[0]!r} - {start[0]!r} is "
            f"{wanted_us:.3f} us; give parts that sum to it within {TOLERANCE_US} us"
        )


def _rows(start: tuple[str, float], parts: Sequence[Part], end: tuple[str, float]) -> list[Row]:
    """Make the bars: the start, each part from where the one before ends, the end."""
    rows = [_total(start, start[1])]
    before_us = accumulate((part.us for part in parts), initial=start[1])
    for part, us in zip(parts, before_us, strict=False):
        spread = [signed(part.low_us), signed(part.high_us)]
        figures = (
            signed(part.us),
            signed(100 * part.us / start[1]) + "%",
            " .. ".join(dict.fromkeys(spread)),
        )
        color = FASTER if part.us < 0 else SLOWER
        whisker = (us + part.low_us, us + part.high_us)
        rows.append(Row(part.label, us, us + part.us, whisker, color, figures))
    return [*rows, _total(end, start[1])]


def _total(total: tuple[str, float], start_us: float) -> Row:
    """Make the bar of a total."""
    label, us = total
    return Row(label, 0.0, us, None, TOTAL, (f"{us:,.2f}", f"{us / start_us:.2%}", ""))


def _span(rows: Sequence[Row]) -> tuple[float, float]:
    """Begin and end of the axis, which shows all bars and whiskers and has 0 on it."""
    times = [time for row in rows for time in (row.begin_us, row.end_us, *(row.whisker_us or ()))]
    first, last = min(times), max(times)
    room = 0.02 * (last - first)
    return (first - room if first < 0 else 0.0), last + room


def _draw_rows(axes: Axes, rows: Sequence[Row], least_us: float) -> None:
    """Draw the bars with their labels, and lines that carry the running total down."""
    axes.axvline(0, color=FAINT, linewidth=0.8, zorder=1)
    for index, row in enumerate(rows):
        middle = PITCH_PX * (index + 0.5)
        change = row.end_us - row.begin_us
        if change:
            change = math.copysign(max(abs(change), least_us), change)
        bar = Rectangle((row.begin_us, middle - BAR_PX / 2), change, BAR_PX, color=row.color)
        axes.add_patch(bar)
        bar.set(linewidth=0, zorder=2)
        if index + 1 < len(rows):
            down = (middle - BAR_PX / 2, middle + PITCH_PX + BAR_PX / 2)
            axes.plot([row.end_us] * 2, down, color=FAINT, linewidth=0.7, zorder=3)
        if row.whisker_us:
            _draw_whisker(axes, row.whisker_us, middle)
        weight = "normal" if row.whisker_us else "bold"
        margin_text(axes, shortened(row.label, LABEL_LENGTH), middle, 10, weight=weight)


def _draw_whisker(axes: Axes, ends_us: tuple[float, float], y: float) -> None:
    """Draw the least and the most of a part, unless they are the same."""
    if ends_us[1] - ends_us[0] <= TOLERANCE_US:
        return
    low, high = ends_us
    top, bottom = y - CAP_PX / 2, y + CAP_PX / 2
    axes.plot(
        [low, low, low, high, high, high],
        [top, bottom, y, y, top, bottom],
        color=INK,
        linewidth=1.1,
        path_effects=white_casing(2.4),
        zorder=4,
    )


def _draw_figures(figure: Figure, rows: Sequence[Row], box: Box) -> None:
    """Write the figures of each bar in columns, which stay legible however short the bar is."""
    axes = blank_axes(figure, box)
    first = box.height - PITCH_PX * len(rows)
    for column, (heading, right) in enumerate(COLUMNS):
        axes.text(right, first - 14, heading, ha="right", va="center", fontsize=9, color=FAINT)
        for index, row in enumerate(rows):
            y = first + PITCH_PX * (index + 0.5)
            weight = "bold" if row.whisker_us is None else "normal"
            color = (row.text_color, INK, FAINT)[column]
            axes.text(
                right, y, row.figures[column], ha="right", va="center", weight=weight, color=color
            )


def _draw_key(figure: Figure, box: Box) -> None:
    """Say what the colours are."""
    draw_swatches(figure, [Entry(FASTER, "faster"), Entry(SLOWER, "slower")], box)


def _subtitle(start_us: float, end_us: float) -> str:
    """Give the difference in figures, and what a whisker is."""
    change_us = end_us - start_us
    share = signed(100 * change_us / start_us)
    return (
        f"{signed(change_us)} us ({share}%)   \N{MIDDLE DOT}   a part depends on the order in "
        f"which the steps are taken: whiskers show the least and the most over all orders"
    )
