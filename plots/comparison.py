"""Comparison: several runs on one time scale, their key figures and their latencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from devices.errors import InputError
from plots.lanes import (
    CONTROL_KINDS,
    Intervals,
    LaneGroup,
    busy_share,
    busy_us,
    checked_window,
    lane_groups,
    lane_intervals,
)
from plots.legend import Entry, Section, draw_legend, draw_swatches
from plots.picture import (
    FAINT,
    Box,
    blank_axes,
    draw_heading,
    kernel_colors,
    kind_colors,
    margin_text,
    new_figure,
    pixel_axes,
    shortened,
    time_axis,
)
from plots.shade import lane_shades, stacked_shades
from plots.summary import draw_figures, draw_latencies, figures_height
from runtime.functions import row_kernels

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from runtime.trace import Trace

__all__ = ["draw_comparison"]

WIDTH_PX, LEFT_PX, RIGHT_PX, TOP_PX = 1600, 168, 340, 80
COLUMNS = WIDTH_PX - LEFT_PX - RIGHT_PX
LABEL_PX, LANE_PX, GAP_PX, RUN_GAP_PX = 26, 10, 7, 50
BAND_PX = {"AIC": 84, "AIV": 64}
LATENCIES_PX, SUMMARY_PX, BOTTOM_PX = 440, 210, 52
SUBTITLE = (
    "us from the first dispatch, on one time scale; "
    "the height of the AIC and AIV bands is the share of cores that are busy"
)

ZOOM_BELOW = 0.45
"""A run shorter than this share of the longest is drawn a second time, stretched."""

ZOOM_GAP_PX = 60


@dataclass(frozen=True, slots=True)
class Run:
    """One of the runs that are compared.

    Attributes
    ----------
    intervals : Intervals
        What it did. Kernels are numbered by name through all runs, so that one kernel has one
        colour.
    names : list of str
        Of all runs' kernels, then `CONTROL_KINDS`.
    window : tuple of float
        From the first dispatch to the last finish in us.
    """

    label: str
    trace: Trace
    intervals: Intervals
    groups: list[LaneGroup]
    names: list[str]
    window: tuple[float, float]

    @property
    def colors(self) -> NDArray[np.float64]:
        """Colour of each kind, shape (kinds, 3)."""
        return kind_colors(len(self.names) - len(CONTROL_KINDS))

    @property
    def height(self) -> int:
        """Pixels that the run takes in the picture, its label and the space below included."""
        tracks = sum(_track_height(group) + GAP_PX for group in self.groups)
        return LABEL_PX + tracks + RUN_GAP_PX


def draw_comparison(
    traces: Sequence[tuple[str, Trace]],
    path: str | os.PathLike[str],
    title: str | None = None,
) -> None:
    """Draw runs below each other on one time scale, with their key figures and latencies.

    A run has a lane for the orchestrator and one for each scheduler thread, and bands whose
    height shows how many AICs and AIVs are busy, by kernel. A run that is much shorter than the
    longest is drawn a second time, stretched.

    Parameters
    ----------
    traces : sequence of (str, Trace)
        Two or more runs, each with the label to show.
    path : path
        File to write; its ending, ``.png``, ``.svg`` or ``.pdf``, chooses the format.
    title : str, optional
        Heading, instead of the labels.

    Raises
    ------
    InputError
        When there are fewer than two runs, one of them has no task, or the file cannot be
        written.
    """
    if len(traces) < 2:
        raise InputError(
            f"a comparison needs two runs or more, but got {len(traces)}; "
            f"add a run, or draw the one with draw_gantt"
        )
    runs = _runs(traces)
    longest_us = max(run.window[1] for run in runs)
    summary_top = TOP_PX + sum(run.height for run in runs) + GAP_PX
    summary_px = max(SUMMARY_PX, figures_height(len(runs)))
    with new_figure(path, WIDTH_PX, summary_top + summary_px + BOTTOM_PX) as figure:
        heading = title or " vs ".join(run.label for run in runs)
        draw_heading(figure, heading, SUBTITLE, LEFT_PX)
        draw_swatches(figure, _control_entries(), Box(WIDTH_PX - RIGHT_PX + 28, 44, 280, 16))
        top = TOP_PX
        for run, color in zip(runs, kernel_colors(len(runs)), strict=True):
            _draw_label(figure, run, top, color)
            _draw_run(figure, run, top, longest_us)
            top += run.height
        draw_latencies(figure, Box(LEFT_PX, summary_top, LATENCIES_PX, SUMMARY_PX), traces)
        left = LEFT_PX + LATENCIES_PX + 60
        box = Box(left, summary_top, WIDTH_PX - left - 24, summary_px)
        draw_figures(figure, box, [_figures(run) for run in runs])


def _runs(traces: Sequence[tuple[str, Trace]]) -> list[Run]:
    """Give kernels numbers by name through all runs, in order of appearance."""
    number: dict[str, int] = {}
    for _, trace in traces:
        for kernel in row_kernels(trace)[0]:
            number.setdefault(kernel.name, len(number))
    names = [*number, *CONTROL_KINDS]
    control = range(len(number), len(names))
    runs = []
    for label, trace in traces:
        window = checked_window(trace, None)
        own = lane_intervals(trace).touching(window)
        kind = np.array([*(number[kernel.name] for kernel in row_kernels(trace)[0]), *control])
        intervals = Intervals(own.lane, kind[own.kind], own.begin_us, own.end_us)
        runs.append(Run(label, trace, intervals, lane_groups(trace), names, window))
    return runs


def _draw_label(figure: Figure, run: Run, top: int, color: NDArray[np.float64]) -> None:
    """Write a run's name and key figures above it, with its colour in the summary."""
    axes = blank_axes(figure, Box(LEFT_PX, top, COLUMNS, LABEL_PX))
    axes.add_patch(Rectangle((0, 6), 20, 4, facecolor=color))
    name = axes.text(28, 8, shortened(run.label, 60), weight="bold", fontsize=11, va="center")
    axes.annotate(
        f"{run.trace.wall_clock_us:,.2f} us, {len(run.trace):,} tasks",
        (1, 0.5),
        (12, 0),
        xycoords=name,
        textcoords="offset points",
        va="center",
        color=FAINT,
    )


def _draw_run(figure: Figure, run: Run, top: int, longest_us: float) -> None:
    """Draw a run at the common scale, stretched as well if it is short, and its legend."""
    width = max(round(COLUMNS * run.window[1] / longest_us), 2)
    tracks = _draw_tracks(figure, run, LEFT_PX, top + LABEL_PX, width)
    for group, axes in zip(run.groups, tracks, strict=True):
        middle = _track_height(group) / 2
        busy = busy_share(run.intervals, group, run.window)
        margin_text(axes, group.label, middle, 58, weight="bold", fontsize=9)
        margin_text(axes, f"{busy:.1%}", middle, 6, fontsize=9, color=FAINT)
    time_axis(tracks[-1], run.window, (0.0, longest_us))
    if width < ZOOM_BELOW * COLUMNS:
        _draw_zoom(figure, run, top, width)
    legend = Box(WIDTH_PX - RIGHT_PX + 28, top, RIGHT_PX - 52, run.height)
    draw_legend(figure, [_legend(run)], legend)


def _draw_tracks(figure: Figure, run: Run, left: int, top: int, width: int) -> list[Axes]:
    """Draw the groups of lanes below each other; the axes of each, in pixels from their top."""
    all_axes = []
    for group in run.groups:
        pixels = _track_pixels(run, group, width)
        axes = pixel_axes(figure, Box(left, top, width, len(pixels)))
        axes.set_axis_off()
        extent = (run.window[0], run.window[1], len(pixels), 0)
        axes.imshow(pixels, extent=extent, aspect="auto", interpolation="none", zorder=1)
        all_axes.append(axes)
        top += len(pixels) + GAP_PX
    return all_axes


def _track_height(group: LaneGroup) -> int:
    """Pixels of a group: cores make one band, threads have a lane each."""
    return BAND_PX.get(group.name, LANE_PX * group.count)


def _track_pixels(run: Run, group: LaneGroup, columns: int) -> NDArray[np.uint8]:
    """Draw one group, shape (pixels, columns, 3)."""
    last = group.first + group.count - 1
    own = run.intervals.where((run.intervals.lane >= group.first) & (run.intervals.lane <= last))
    if group.name in BAND_PX:
        kinds = len(run.names)
        busy = busy_us(
            own.kind, own.begin_us, own.end_us, rows=kinds, window=run.window, columns=columns
        )
        all_us = group.count * (run.window[1] - run.window[0]) / columns
        return stacked_shades(busy / all_us, run.colors, _track_height(group))
    lanes = Intervals(own.lane - group.first, own.kind, own.begin_us, own.end_us)
    pixels = np.repeat(
        lane_shades(lanes, group.count, run.colors, run.window, columns), LANE_PX, axis=0
    )
    pixels[LANE_PX - 1 :: LANE_PX] = 255
    return pixels


def _draw_zoom(figure: Figure, run: Run, top: int, width: int) -> None:
    """Draw a short run again in the free space at its right, with a time axis of its own."""
    left = LEFT_PX + width + ZOOM_GAP_PX
    zoom_width = LEFT_PX + COLUMNS - left
    lanes_top = top + LABEL_PX
    tracks = _draw_tracks(figure, run, left, lanes_top, zoom_width)
    time_axis(tracks[-1], run.window, run.window)
    bottom = top + run.height - RUN_GAP_PX - GAP_PX
    box = Box(LEFT_PX + width, top, ZOOM_GAP_PX, bottom - top)
    between = blank_axes(figure, box)
    for y in (LABEL_PX, box.height - 1):
        between.plot([4, box.width - 4], [y, y], color=FAINT, linewidth=1, linestyle=":")
    stretch = f"the same, time stretched {zoom_width / width:.1f} times"
    label = blank_axes(figure, Box(left, top, zoom_width, LABEL_PX))
    label.text(zoom_width, 8, stretch, ha="right", va="center", fontsize=9, color=FAINT)


def _legend(run: Run) -> Section:
    """List the kernels that a run executed."""
    count = np.bincount(run.intervals.kind, minlength=len(run.names))
    total_us = np.bincount(
        run.intervals.kind, run.intervals.end_us - run.intervals.begin_us, len(run.names)
    )
    kernels = len(run.names) - len(CONTROL_KINDS)
    entries = [
        Entry(
            run.colors[kind],
            run.names[kind],
            (f"{count[kind]:,}", f"{total_us[kind] / count[kind]:,.2f}"),
            float(total_us[kind]),
        )
        for kind in np.flatnonzero(count[:kernels]).tolist()
    ]
    return Section("kernels", ("count", "avg us"), entries)


def _control_entries() -> list[Entry]:
    """List what the AICPU threads do."""
    return [Entry(color, name) for color, name in zip(kind_colors(0), CONTROL_KINDS, strict=True)]


def _figures(run: Run) -> tuple[str, ...]:
    """Give a run's line of the table of key figures."""
    latency_us = run.trace.latency_us
    busy = {group.name: busy_share(run.intervals, group, run.window) for group in run.groups}
    shares = [
        f"{busy[name]:.1%}" if name in busy else "-"
        for name in ("orchestrator", "scheduler", "AIC", "AIV")
    ]
    return (
        run.label,
        f"{run.trace.wall_clock_us:,.2f}",
        f"{len(run.trace):,}",
        f"{latency_us.mean():,.2f}",
        f"{np.median(latency_us):,.2f}",
        f"{latency_us.sum() / run.window[1]:,.1f}",
        *shares,
    )
