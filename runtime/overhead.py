"""The overhead measure of the device tools: idle cores beside tasks that could run on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.trace import Trace

__all__ = ["Overhead", "measure_overhead"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Overhead:
    """Time in which cores of a type are idle while a ready task of that type is undispatched.

    Attributes
    ----------
    window_us : float
        First start to last end, of which the others are parts.
    aic_us, aiv_us : float
        For each type.
    all_us : float
        Both types at once.
    any_us : float
        All types that have a ready task, and at least one has.
    """

    window_us: float
    aic_us: float
    aiv_us: float
    all_us: float
    any_us: float


def measure_overhead(trace: Trace, *, once_submitted: bool = False) -> Overhead:
    """Measure a run's overhead as the device tools do.

    A core is idle between the end of a task and its next dispatch. A task is ready when its last
    producer has ended.

    Parameters
    ----------
    once_submitted : bool
        Whether a task is ready only when it is submitted as well. The device tools do not ask for
        that, so a slow orchestrator counts as overhead there.
    """
    first_us, last_us = float(trace.start_us.min()), float(trace.end_us.max())
    ready_us = _ready_us(trace, first_us)
    if once_submitted:
        ready_us = np.maximum(ready_us, trace.submit_us)
    # Submits can lie behind the dispatch by rounding alone.
    ready_us = np.minimum(ready_us, trace.dispatch_us)
    is_aic = trace.core < trace.aic_count
    times_us = np.unique(np.concatenate([ready_us, trace.dispatch_us, trace.end_us]))
    times_us = np.concatenate([times_us[times_us < last_us], [last_us]])
    lasted_us = np.diff(np.maximum(times_us, first_us), append=last_us)
    waiting, loses = [], []
    for rows, cores in ((is_aic, trace.aic_count), (~is_aic, trace.aiv_count)):
        undispatched = _count(ready_us[rows], trace.dispatch_us[rows], times_us) > 0
        idle = _count(trace.dispatch_us[rows], trace.end_us[rows], times_us) < cores
        waiting.append(undispatched)
        loses.append(undispatched & idle)
    some = waiting[0] | waiting[1]
    every = some & (loses[0] | ~waiting[0]) & (loses[1] | ~waiting[1])
    return Overhead(
        window_us=last_us - first_us,
        aic_us=float(lasted_us[loses[0]].sum()),
        aiv_us=float(lasted_us[loses[1]].sum()),
        all_us=float(lasted_us[loses[0] & loses[1]].sum()),
        any_us=float(lasted_us[every].sum()),
    )


def _ready_us(trace: Trace, first_us: float) -> Floats:
    """When the last producer of each row ended; without producers, when the window begins."""
    graph = trace.graph
    end_us = np.full(len(graph), first_us)
    np.maximum.at(end_us, trace.task, trace.end_us)
    of_edge = np.where(graph.kernel[graph.fanin] < 0, first_us, end_us[graph.fanin])
    ready_us = np.full(len(graph), first_us)
    consumer = np.repeat(np.arange(len(graph)), np.diff(graph.fanin_start))
    np.maximum.at(ready_us, consumer, of_edge)
    return ready_us[trace.task]


def _count(begin_us: Floats, end_us: Floats, times_us: Floats) -> NDArray[np.int64]:
    """How many of some intervals contain the time that begins at each moment, shape (m,)."""
    begun = np.searchsorted(np.sort(begin_us), times_us, side="right")
    ended = np.searchsorted(np.sort(end_us), times_us, side="right")
    return begun - ended
