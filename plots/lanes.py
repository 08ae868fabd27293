"""Lanes: what the orchestrator, each scheduler thread and each core did, as intervals of time.

Times are in microseconds from the first dispatch, where the device tools begin to count;
orchestration before it has negative times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from runtime.functions import row_kernels
from runtime.graph import ALLOC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.trace import Trace

__all__ = [
    "CONTROL_KINDS",
    "SHORTEST_US",
    "Intervals",
    "LaneGroup",
    "busy_share",
    "busy_us",
    "checked_window",
    "core_lane",
    "core_names",
    "lane_groups",
    "lane_intervals",
    "time_span",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CONTROL_KINDS = ("submit", "alloc", "dispatch", "complete")
"""What an AICPU thread does; their kinds are numbered after the graph's kernels."""

SHORTEST_US = 1e-3
"""What stands for the length of a run that takes no time, so that it has a time axis."""


@dataclass(frozen=True, slots=True)
class LaneGroup:
    """Lanes that belong together, numbered from `first`.

    Attributes
    ----------
    name : str
        ``"orchestrator"``, ``"scheduler"``, ``"AIC"`` or ``"AIV"``.
    numbers : sequence of int
        What lanes are called within the group: from 0, or as the device numbers its cores.
    """

    name: str
    first: int
    numbers: Sequence[int]

    @property
    def count(self) -> int:
        """How many lanes there are."""
        return len(self.numbers)

    @property
    def lanes(self) -> slice:
        """Where the group's lanes stand among all."""
        return slice(self.first, self.first + self.count)

    @property
    def label(self) -> str:
        """Name with the number of lanes, such as ``"3 schedulers"`` or ``"24 AIC"``."""
        if self.count == 1:
            return self.name
        plural = "s" if self.name == "scheduler" else ""
        return f"{self.count} {self.name}{plural}"


@dataclass(frozen=True, slots=True)
class Intervals:
    """When lanes were busy, and with what.

    Attributes
    ----------
    lane : int64 array, shape (m,)
        Numbered as `lane_groups` has them.
    kind : int64 array, shape (m,)
        Index into the kernels of `row_kernels`, or how many there are of these plus an index into
        `CONTROL_KINDS`.
    begin_us, end_us : float64 array, shape (m,)
        From the first dispatch.
    """

    lane: Integers
    kind: Integers
    begin_us: Floats
    end_us: Floats

    def __len__(self) -> int:
        return len(self.lane)

    def where(self, chosen: NDArray[np.bool_]) -> Intervals:
        """Choose the intervals for which `chosen`, shape (m,), is true."""
        return Intervals(
            self.lane[chosen], self.kind[chosen], self.begin_us[chosen], self.end_us[chosen]
        )

    def touching(self, window: tuple[float, float]) -> Intervals:
        """Choose the intervals of which a part lies in a window."""
        return self.where((self.end_us > window[0]) & (self.begin_us < window[1]))

    def clipped(self, window: tuple[float, float]) -> Intervals:
        """Cut the intervals to a window."""
        begin, end = np.clip(self.begin_us, *window), np.clip(self.end_us, *window)
        return Intervals(self.lane, self.kind, begin, end)


def lane_groups(trace: Trace) -> list[LaneGroup]:
    """Lanes from top to bottom: orchestrator, scheduler threads, AICs, AIVs; no empty group."""
    cubes: Sequence[int] = range(trace.aic_count)
    vectors: Sequence[int] = range(trace.aiv_count)
    if trace.core_id is not None:
        cubes = trace.core_id[: trace.aic_count].tolist()
        vectors = trace.core_id[trace.aic_count :].tolist()
    numbers = {
        "orchestrator": range(1),
        "scheduler": range(trace.thread_count),
        "AIC": cubes,
        "AIV": vectors,
    }
    groups, first = [], 0
    for name, own in numbers.items():
        if own:
            groups.append(LaneGroup(name, first, own))
        first += len(own)
    return groups


def core_names(trace: Trace) -> list[str]:
    """Name of each core in the order of `Trace.core`: its type and its number on the device."""
    kinds = ["AIC"] * trace.aic_count + ["AIV"] * trace.aiv_count
    numbers = trace.core_numbers.tolist()
    return [f"{kind}_{number}" for kind, number in zip(kinds, numbers, strict=True)]


def core_lane(trace: Trace) -> Integers:
    """Lane of the core that ran each task, shape (t,)."""
    return 1 + trace.thread_count + trace.core.astype(np.int64)


def lane_intervals(trace: Trace) -> Intervals:
    """Everything that happened in a run, m = n + 3 t intervals.

    A submit (or an alloc) occupies the orchestrator, a task occupies its core from start to end,
    and its scheduler thread twice: before the dispatch stamp and from observing its end until
    its consumers have been walked.
    """
    kernels, number = row_kernels(trace)
    parts = (
        _submits(trace, len(kernels)),
        _scheduler(trace, len(kernels)),
        Intervals(core_lane(trace), number.astype(np.int64), trace.start_us, trace.end_us),
    )
    return Intervals(
        np.concatenate([part.lane for part in parts]),
        np.concatenate([part.kind for part in parts]),
        np.concatenate([part.begin_us for part in parts]) - trace.begin_us,
        np.concatenate([part.end_us for part in parts]) - trace.begin_us,
    )


def _submits(trace: Trace, kernels: int) -> Intervals:
    """Fill the orchestrator's lane, in the trace's own time."""
    return Intervals(
        np.zeros(len(trace.graph), dtype=np.int64),
        kernels + (trace.graph.kernel == ALLOC).astype(np.int64),
        trace.orchestrator_begin_us,
        trace.orchestrator_end_us,
    )


def _scheduler(trace: Trace, kernels: int) -> Intervals:
    """Fill the scheduler threads' lanes, in the trace's own time."""
    lane = 1 + np.concatenate([trace.thread, trace.thread]).astype(np.int64)
    kind = np.repeat(np.array([kernels + 2, kernels + 3]), len(trace))
    begin = np.concatenate([trace.dispatch_us - trace.dispatch_cost_us, trace.observe_us])
    end = np.concatenate([trace.dispatch_us, trace.done_us])
    return Intervals(lane, kind, begin, end)


def busy_share(intervals: Intervals, group: LaneGroup, window: tuple[float, float]) -> float:
    """Busy time of a group's lanes in a window over all their time in it, 0..1."""
    last = group.first + group.count - 1
    inside = intervals.where((intervals.lane >= group.first) & (intervals.lane <= last))
    inside = inside.clipped(window)
    busy = float((inside.end_us - inside.begin_us).sum())
    return busy / ((window[1] - window[0]) * group.count)


def busy_us(
    row: Integers,
    begin_us: Floats,
    end_us: Floats,
    *,
    rows: int,
    window: tuple[float, float],
    columns: int,
) -> Floats:
    """Exact busy time in every cell of a grid over time.

    Parameters
    ----------
    row : int64 array, shape (m,)
        Row of each interval, 0..rows - 1; a lane, or any combination of lane and kind.
    begin_us, end_us : float64 array, shape (m,)
        The intervals; what lies outside the window does not count.
    rows, columns : int
        Size of the grid; columns divide the window evenly.
    window : tuple of float
        Begin and end of the grid in us.

    Returns
    -------
    float64 array, shape (rows, columns)
        Microseconds. Intervals of one row that overlap count twice.
    """
    width = (window[1] - window[0]) / columns
    # In columns, an interval is a part of its first column, whole ones and a part of its last.
    begin = np.clip((begin_us - window[0]) / width, 0, columns)
    end = np.maximum(np.clip((end_us - window[0]) / width, 0, columns), begin)
    first = np.minimum(begin.astype(np.int64), columns - 1)
    last = np.minimum(end.astype(np.int64), columns - 1)
    cells = rows * columns
    one_column = first == last
    in_first = np.where(one_column, end, first + 1) - begin
    in_last = np.where(one_column, 0.0, end - last)
    parts = np.bincount(row * columns + first, in_first, cells)
    parts += np.bincount(row * columns + last, in_last, cells)
    whole = _whole(row, first, last, rows, columns)
    return np.asarray((parts.reshape(rows, columns) + whole) * width)


def _whole(row: Integers, first: Integers, last: Integers, rows: int, columns: int) -> Floats:
    """How many intervals cover each cell from its begin to its end; counts, hence exact."""
    through = last > first + 1
    step = columns + 1
    cells = rows * step
    opened = np.bincount(row[through] * step + first[through] + 1, minlength=cells)
    closed = np.bincount(row[through] * step + last[through], minlength=cells)
    return np.cumsum((opened - closed).reshape(rows, step), axis=1)[:, :columns].astype(np.float64)


def time_span(trace: Trace) -> tuple[float, float]:
    """Begin of orchestration and last finish, in us from the first dispatch.

    Raises
    ------
    InputError
        When the run has no task.
    """
    if not len(trace):
        raise InputError(
            f"the run of {trace.graph.name!r} has no task, so there is nothing to draw; "
            f"check that its program executes an incore region"
        )
    begin = float(trace.orchestrator_begin_us.min(initial=trace.begin_us)) - trace.begin_us
    return begin, max(trace.wall_clock_us, SHORTEST_US)


def checked_window(trace: Trace, window: tuple[float, float] | None) -> tuple[float, float]:
    """Settle the time to draw: the wall-clock, unless a window is given.

    Raises
    ------
    InputError
        When the window is empty, not finite or shows nothing of the run, or the run has no task.
    """
    first, last = time_span(trace)
    if window is None:
        return 0.0, last
    begin, end = map(float, window)
    if not (math.isfinite(begin) and math.isfinite(end)) or end <= begin:
        raise InputError(
            f"window {begin:g}..{end:g} us is empty; give a begin and a later end in us from the "
            f"first dispatch, within {first:.3f}..{last:.3f}"
        )
    if end <= first or begin >= last:
        raise InputError(
            f"window {begin:g}..{end:g} us shows nothing of the run, which lasts from "
            f"{first:.3f} to {last:.3f} us from the first dispatch; choose a window within that"
        )
    return begin, end
