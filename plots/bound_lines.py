"""Lower bounds of the wall-clock: dashed lines through a Gantt chart, with labels above it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devices.errors import InputError
from plots.picture import (
    INK,
    POINTS_PER_PIXEL,
    shortened,
    text_width,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = ["BoundLabel", "BoundLine", "draw_bounds", "label_bounds", "labels_height"]

LEVEL_PX, BELOW_PX = 16, 4
FONT_POINTS = 8.5
NAME_LENGTH = 28
DASHES = (0, (4, 2.5))
GAP_PX = 10
INDENT_PX = 4

ROUNDING = 1e-9
"""A bound that is the wall-clock itself may lie beyond it by the last digits of a sum."""


@dataclass(frozen=True, slots=True)
class BoundLine:
    """A time that the wall-clock cannot be below.

    Attributes
    ----------
    name : str
        What sets the bound, such as ``"critical path"``.
    us : float
        The bound, which is drawn at this time from the first dispatch.
    """

    name: str
    us: float


@dataclass(frozen=True, slots=True)
class BoundLabel:
    """A bound with its text and the level above the lanes, from 0, where the text stands."""

    us: float
    text: str
    level: int


def label_bounds(
    bounds: Sequence[BoundLine],
    wall_clock_us: float,
    window: tuple[float, float],
    columns: int,
) -> list[BoundLabel]:
    """Word the labels of bounds and give them levels, so that nothing crosses a text.

    Parameters
    ----------
    bounds : sequence of BoundLine
        Those outside the window are left out.
    wall_clock_us : float
        What the bounds are given a share of; above 0.
    window : tuple of float
        Begin and end of the axes in us from the first dispatch.
    columns : int
        Width of the axes in pixels.

    Raises
    ------
    InputError
        When a bound is negative or not finite.
    """
    labels: list[BoundLabel] = []
    pixels_per_us = columns / (window[1] - window[0])
    last_us = window[1] + ROUNDING * abs(window[1])
    # A text stands to the right of its line. From right to left, a text that reaches across
    # lines stands above their labels, so it is crossed by none of them.
    for bound in sorted(_checked(bounds), key=lambda bound: -bound.us):
        if not window[0] <= bound.us <= last_us:
            continue
        text = _text(bound, wall_clock_us)
        end_us = bound.us + (text_width(text, FONT_POINTS) + GAP_PX) / pixels_per_us
        below = [label.level for label in labels if label.us < end_us]
        labels.append(BoundLabel(bound.us, text, 1 + max(below, default=-1)))
    return labels


def _checked(bounds: Sequence[BoundLine]) -> Sequence[BoundLine]:
    """Refuse what is no time."""
    for bound in bounds:
        if not (math.isfinite(bound.us) and bound.us >= 0):
            raise InputError(
                f"bound {bound.name!r} is {bound.us:g} us; give a time of 0 us or more"
            )
    return bounds


def _text(bound: BoundLine, wall_clock_us: float) -> str:
    """Name the bound, its time and its share of the wall-clock."""
    time = f"{bound.us:,.0f}" if bound.us >= 100 else f"{bound.us:.2f}"
    share = bound.us / wall_clock_us
    return f"{shortened(bound.name, NAME_LENGTH)} {time} us ({share:.1%})"


def labels_height(labels: Sequence[BoundLabel]) -> int:
    """Pixels that labels take above the lanes."""
    return BELOW_PX + LEVEL_PX * (1 + max(label.level for label in labels)) if labels else 0


def draw_bounds(axes: Axes, labels: Sequence[BoundLabel]) -> None:
    """Draw each bound from the bottom of the lanes up to its label.

    Parameters
    ----------
    axes : Axes
        Whose x axis is in us from the first dispatch and whose y axis is in pixels from the top.
    labels : sequence of BoundLabel
        What to draw; the space above the axes must be free.
    """
    bottom = max(axes.get_ylim())
    for label in labels:
        y = -BELOW_PX - (label.level + 0.5) * LEVEL_PX
        ends = ([label.us, label.us], [bottom, y - 5])
        # On dark bars the gaps of the dashes show, in white; on light ones the dashes.
        axes.plot(*ends, color="white", linewidth=1.8, clip_on=False, zorder=5)
        axes.plot(*ends, color=INK, linewidth=1.1, linestyle=DASHES, clip_on=False, zorder=5)
        axes.annotate(
            label.text,
            xy=(label.us, y),
            xytext=(INDENT_PX * POINTS_PER_PIXEL, 0),
            textcoords="offset points",
            va="center",
            fontsize=FONT_POINTS,
            annotation_clip=False,
        )
