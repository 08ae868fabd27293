"""Gantt chart: what every core and every AICPU thread did over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import PathPatch

from plots.bound_lines import BoundLine, draw_bounds, label_bounds, labels_height
from plots.gantt_legend import Legend, draw_gantt_legend, kind_sections, line_marks
from plots.lanes import (
    SHORTEST_US,
    Intervals,
    LaneGroup,
    busy_share,
    checked_window,
    lane_groups,
    lane_intervals,
)
from plots.path_steps import PathSteps, draw_path, is_coarse, path_intervals
from plots.picture import (
    FAINT,
    Box,
    draw_heading,
    kind_colors,
    margin_text,
    new_figure,
    pixel_axes,
    rectangles,
    time_axis,
)
from plots.ring_band import BAND_PX, draw_rings, fullest
from plots.shade import lane_shades
from runtime.functions import row_kernels

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from runtime.ring_usage import RingUsage
    from runtime.trace import Trace

__all__ = ["draw_gantt"]

Window = tuple[float, float]

WIDTH_PX, HEIGHT_PX = 1600, 900
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 168, 340, 72, 58
COLUMNS = WIDTH_PX - LEFT_PX - RIGHT_PX
GROUP_GAP_PX = 14
BAND_GAP_PX = 16
CONTROL_PITCH_PX = {"orchestrator": 18, "scheduler": 14}
LEAST_PITCH_PX, MOST_PITCH_PX = 3, 40
TWO_LINES_PX = 34
LANE_NUMBER_PX = 27

BAR_PX = 3
"""Intervals at least this wide are drawn as bars, narrower ones as shade."""

MOST_BARS = 8000
"""With more bars than this everything is shade, which keeps vector files small."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where lanes lie, in pixels from the top of the axes.

    Attributes
    ----------
    groups : list of LaneGroup
        The lanes, from top to bottom.
    top, height : int64 array, shape (lanes,)
        Of each lane.
    total : int
        Height of the axes.
    """

    groups: list[LaneGroup]
    top: NDArray[np.int64]
    height: NDArray[np.int64]
    total: int


def draw_gantt(
    trace: Trace,
    path: str | os.PathLike[str],
    window: Window | None = None,
    title: str | None = None,
    *,
    bounds: Sequence[BoundLine] = (),
    steps: PathSteps | None = None,
    rings: Sequence[RingUsage] = (),
) -> None:
    """Draw what every core and AICPU thread did over time.

    Kernels have colours. What is wider than a few pixels is a bar; what is narrower makes a
    shade, the paler the smaller the share of the time in which the lane was busy, so a run of
    any size is drawn truthfully.

    Parameters
    ----------
    trace : Trace
        The run.
    path : path
        File to write; its ending, ``.png``, ``.svg`` or ``.pdf``, chooses the format.
    window : tuple of float, optional
        Begin and end in us from the first dispatch; by default the wall-clock. Orchestration
        before the first dispatch lies at negative times.
    title : str, optional
        Heading, instead of the program's name.
    bounds : sequence of BoundLine, optional
        Lower bounds of the wall-clock, drawn as dashed lines with their share of it; those
        outside the window are left out.
    steps : PathSteps, optional
        The walk that explains the wall-clock, drawn as outlined bars and a line that joins them;
        where steps are too narrow to be told apart, as a coarse line through their lanes.
    rings : sequence of RingUsage
        How full the rings were; of each resource the fullest ring is drawn below the lanes, and
        the times at which the orchestrator waited for space are shaded.

    Raises
    ------
    InputError
        When the window shows nothing of the run, the run has no task, a bound is no time, steps
        are no rows of the trace, or the file cannot be written.
    """
    shown = checked_window(trace, window)
    layout = _layout(lane_groups(trace))
    visible = lane_intervals(trace).touching(shown)
    drawn = visible.clipped(shown)
    as_bar = _as_bar(drawn, shown)
    wall_clock_us = max(trace.wall_clock_us, SHORTEST_US)
    labels = label_bounds(bounds, wall_clock_us, shown, COLUMNS)
    walk = path_intervals(trace, steps or PathSteps(np.zeros(0, dtype=np.int64)))
    # The legend of a whole run counts what lies before the first dispatch as well.
    is_whole = shown[0] <= 0.0 and shown[1] >= trace.wall_clock_us
    legend = Legend(
        kind_sections(trace, lane_intervals(trace) if is_whole else visible),
        line_marks(len(labels), len(walk), is_coarse(walk, shown, COLUMNS)),
        has_shades=not as_bar.all(),
    )
    top = TOP_PX + labels_height(labels)
    # A chip of few cores has a legend that is higher than its lanes.
    lanes_px = max(layout.total, min(legend.height, HEIGHT_PX - TOP_PX - BOTTOM_PX))
    taken = fullest(rings)
    band_px = BAND_PX + BAND_GAP_PX if taken else 0
    with new_figure(path, WIDTH_PX, top + lanes_px + BOTTOM_PX + band_px) as figure:
        axes = pixel_axes(figure, Box(LEFT_PX, top, COLUMNS, layout.total))
        axes.set_ylim(layout.total, 0)
        time_axis(axes, shown, shown, "time from the first dispatch (us)")
        colors = kind_colors(len(row_kernels(trace)[0]))
        _draw_shades(axes, drawn.where(~as_bar), colors, layout, shown)
        _draw_bars(axes, drawn.where(as_bar), colors, layout)
        if len(walk):
            draw_path(axes, walk, (layout.top, layout.height), shown, COLUMNS)
        draw_bounds(axes, labels)
        _label_groups(axes, layout, visible, shown)
        box = Box(WIDTH_PX - RIGHT_PX + 28, top, RIGHT_PX - 52, lanes_px)
        draw_gantt_legend(figure, legend, box)
        if taken:
            box = Box(LEFT_PX, top + lanes_px + BOTTOM_PX, COLUMNS, BAND_PX)
            draw_rings(figure, trace, taken, shown, box)
        draw_heading(figure, title or trace.graph.name, _subtitle(trace, window), LEFT_PX)


def _layout(groups: list[LaneGroup]) -> Layout:
    """Give cores what the AICPU lanes leave of the picture, each lane in whole pixels."""
    cores = sum(group.count for group in groups if group.name not in CONTROL_PITCH_PX)
    control = sum(CONTROL_PITCH_PX.get(group.name, 0) * group.count for group in groups)
    room = HEIGHT_PX - TOP_PX - BOTTOM_PX - control - GROUP_GAP_PX * (len(groups) - 1)
    core_pitch = min(max(room // max(cores, 1), LEAST_PITCH_PX), MOST_PITCH_PX)
    tops: list[int] = []
    heights: list[int] = []
    y = 0
    for group in groups:
        pitch = CONTROL_PITCH_PX.get(group.name, core_pitch)
        tops += [y + index * pitch for index in range(group.count)]
        heights += [pitch - 1 if pitch > LEAST_PITCH_PX else pitch] * group.count
        y += pitch * group.count + GROUP_GAP_PX
    return Layout(groups, np.array(tops), np.array(heights), y - GROUP_GAP_PX)


def _as_bar(intervals: Intervals, window: Window) -> NDArray[np.bool_]:
    """Tell which intervals are wide enough to be a bar, shape (m,)."""
    us_per_pixel = (window[1] - window[0]) / COLUMNS
    wide = intervals.end_us - intervals.begin_us >= BAR_PX * us_per_pixel
    return wide & (np.count_nonzero(wide) <= MOST_BARS)


def _draw_shades(
    axes: Axes, intervals: Intervals, colors: NDArray[np.float64], layout: Layout, window: Window
) -> None:
    """Draw one picture of all lanes, idle ones too, with a pixel for each pixel of the axes."""
    shades = lane_shades(intervals, len(layout.top), colors, window, COLUMNS)
    pixels = np.zeros((layout.total, COLUMNS, 4), dtype=np.uint8)
    for lane, (top, height) in enumerate(zip(layout.top, layout.height, strict=True)):
        pixels[top : top + height, :, :3] = shades[lane]
        pixels[top : top + height, :, 3] = 255
    extent = (window[0], window[1], layout.total, 0)
    axes.imshow(pixels, extent=extent, aspect="auto", interpolation="none", zorder=1)


def _draw_bars(
    axes: Axes, intervals: Intervals, colors: NDArray[np.float64], layout: Layout
) -> None:
    """One outline per kind: thousands of bars as artists of their own would take minutes."""
    for kind in np.unique(intervals.kind):
        bars = intervals.where(intervals.kind == kind)
        path = rectangles(
            bars.begin_us, bars.end_us, layout.top[bars.lane], layout.height[bars.lane]
        )
        # The thin white edge separates tasks of one kernel that follow each other closely.
        axes.add_patch(
            PathPatch(path, facecolor=colors[kind], edgecolor="white", linewidth=0.4, zorder=2)
        )


def _label_groups(axes: Axes, layout: Layout, intervals: Intervals, window: Window) -> None:
    """Name and busy share of each group, and numbers for as many lanes as have room."""
    for group in layout.groups:
        busy = busy_share(intervals, group, window)
        top, height = layout.top[group.lanes], layout.height[group.lanes]
        middle = float(top[0] + top[-1] + height[-1]) / 2
        if top[-1] + height[-1] - top[0] >= TWO_LINES_PX:
            margin_text(axes, group.label, middle - 8, 30, weight="bold")
            margin_text(axes, f"{busy:.1%} busy", middle + 8, 30, fontsize=9, color=FAINT)
            _number_lanes(axes, top + height / 2, group.numbers)
        else:
            margin_text(axes, group.label, middle, 58, weight="bold")
            margin_text(axes, f"{busy:.1%}", middle, 6, fontsize=9, color=FAINT)


def _number_lanes(axes: Axes, middle: NDArray[np.float64], numbers: Sequence[int]) -> None:
    """Write numbers beside a group's lanes, given their middles, as many as have room."""
    pitch = middle[1] - middle[0] if len(middle) > 1 else LANE_NUMBER_PX
    step = 1
    while step * pitch < LANE_NUMBER_PX:
        step *= 2
    for lane in range(0, len(middle), step):
        margin_text(axes, str(numbers[lane]), float(middle[lane]), 6, fontsize=7, color=FAINT)


def _subtitle(trace: Trace, window: Window | None) -> str:
    """Give the run in figures, and which part of it is shown."""
    latency_us = trace.latency_us
    parts = [
        f"wall-clock {trace.wall_clock_us:,.2f} us",
        f"{len(trace):,} tasks",
        f"average latency {latency_us.mean():.2f} us",
        f"{latency_us.sum() / max(trace.wall_clock_us, SHORTEST_US):.1f} tasks in flight",
    ]
    if window is not None:
        parts.append(f"shown: {window[0]:,g} to {window[1]:,g} us, busy shares of that time")
    return "   \N{MIDDLE DOT}   ".join(parts)
