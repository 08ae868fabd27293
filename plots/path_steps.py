"""The path of the wall-clock: the tasks that explain it, marked and joined on a Gantt chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from devices.errors import InputError
from plots.lanes import Intervals, busy_us, core_lane
from plots.picture import INK, rectangles, white_casing
from runtime.functions import row_kernels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from runtime.trace import Trace

__all__ = ["PathSteps", "draw_path", "is_coarse", "path_intervals"]

Floats = NDArray[np.float64]

LEAST_STEP_PX = 4
"""With steps narrower than this on average the path is drawn coarsely."""

COARSE_PX = 6
"""How far the coarse line's points are from each other."""

OUTLINED_PX = 4
"""A narrower step has no outline, which would cover it."""

LINE_WIDTH, OUTLINE_WIDTH, CASING = 0.9, 1.5, 1.3


@dataclass(frozen=True, slots=True, eq=False)
class PathSteps:
    """The walk that explains the wall-clock: each step waited for the one before.

    Attributes
    ----------
    row : integer array, shape (m,)
        Rows of the trace, in order of time.
    """

    row: NDArray[np.integer]


def path_intervals(trace: Trace, steps: PathSteps) -> Intervals:
    """When and in which lane the steps of a path ran, shape (m,), from the first dispatch.

    Raises
    ------
    InputError
        When `steps` are no rows of the trace or run backwards in time.
    """
    row = np.asarray(steps.row)
    if row.ndim != 1 or (row.size and not np.issubdtype(row.dtype, np.integer)):
        raise InputError(
            f"the rows of a path are {row.dtype} of shape {row.shape}; "
            f"give one integer for each step"
        )
    row = row.astype(np.int64)
    wrong = row[(row < 0) | (row >= len(trace))]
    if wrong.size:
        raise InputError(
            f"step {wrong[0]} of a path is no row of the trace; give rows 0..{len(trace) - 1}"
        )
    start, end = trace.start_us[row] - trace.begin_us, trace.end_us[row] - trace.begin_us
    if row.size and start[0] > start[-1]:
        raise InputError(
            "the path runs backwards: its first step starts after its last; "
            "give the steps in order of time"
        )
    return Intervals(core_lane(trace)[row], row_kernels(trace)[1][row].astype(np.int64), start, end)


def is_coarse(path: Intervals, window: tuple[float, float], columns: int) -> bool:
    """Tell whether a window shows more steps of a path than can be told from each other."""
    return len(path.touching(window)) * LEAST_STEP_PX > columns


def draw_path(
    axes: Axes,
    path: Intervals,
    lanes: tuple[NDArray[np.int64], NDArray[np.int64]],
    window: tuple[float, float],
    columns: int,
) -> None:
    """Outline the steps' bars and join them, or draw a coarse line when there are too many.

    Parameters
    ----------
    axes : Axes
        Whose x axis is in us from the first dispatch and whose y axis is in pixels from the top.
    path : Intervals
        The steps, as `path_intervals` gives them.
    lanes : tuple of int64 array, shape (lanes,)
        Top and height of each lane in pixels.
    window : tuple of float
        Begin and end of the axes in us.
    columns : int
        Width of the axes in pixels.
    """
    top, height = lanes
    if is_coarse(path, window, columns):
        _draw_line(axes, _coarse_line(path, top + height / 2, window, columns // COARSE_PX))
        return
    near = _near(path, window)
    outlined = near.end_us - near.begin_us >= OUTLINED_PX * (window[1] - window[0]) / columns
    _draw_line(axes, _joining_line(near, top + height / 2, outlined))
    bars = near.where(outlined)
    _draw_outlines(axes, rectangles(bars.begin_us, bars.end_us, top[bars.lane], height[bars.lane]))


def _near(path: Intervals, window: tuple[float, float]) -> Intervals:
    """Choose the steps that are seen in a window, or from or to which a line is."""
    line_from = np.concatenate([path.begin_us[:1], path.end_us[:-1]])
    line_to = np.concatenate([path.begin_us[1:], path.end_us[-1:]])
    return path.where((line_to >= window[0]) & (line_from <= window[1]))


def _joining_line(path: Intervals, middle: Floats, outlined: NDArray[np.bool_]) -> Path:
    """Lead from the end of a step to the start of the next, and through steps without outline."""
    y = middle[path.lane]
    points = np.stack([path.begin_us, y, path.end_us, y], axis=1).reshape(-1, 2)
    codes = np.full(len(points), Path.LINETO, dtype=Path.code_type)
    codes[1::2][outlined] = Path.MOVETO
    codes[:1] = Path.MOVETO
    return Path(points, codes)


def _coarse_line(path: Intervals, middle: Floats, window: tuple[float, float], bins: int) -> Path:
    """Lead through the lane in which the path spends most of each short time."""
    time_us = busy_us(
        path.lane, path.begin_us, path.end_us, rows=len(middle), window=window, columns=bins
    )
    edges = np.linspace(*window, bins + 1)
    on_path = time_us.max(axis=0) > 0
    x = (edges[:-1] + edges[1:])[on_path] / 2
    return Path(np.stack([x, middle[time_us.argmax(axis=0)[on_path]]], axis=1))


def _draw_line(axes: Axes, line: Path) -> None:
    """Draw the path's thin line."""
    axes.add_patch(
        PathPatch(
            line,
            facecolor="none",
            edgecolor=INK,
            linewidth=LINE_WIDTH,
            path_effects=white_casing(LINE_WIDTH + CASING),
            zorder=3,
        )
    )


def _draw_outlines(axes: Axes, outlines: Path) -> None:
    """Draw all outlines as one: thousands of artists would take minutes."""
    axes.add_patch(
        PathPatch(
            outlines,
            facecolor="none",
            edgecolor=INK,
            linewidth=OUTLINE_WIDTH,
            path_effects=white_casing(OUTLINE_WIDTH + CASING),
            zorder=4,
        )
    )
