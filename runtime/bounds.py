"""Lower bounds of a run: what the scheduler's formulas need, read off graph, trace and device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from devices.device import Device
from devices.kernel import Direction, Parameter
from runtime.graph import TaskGraph, View
from runtime.trace import Trace
from scheduler.bounds import (
    Bound,
    LeastOverheads,
    area_bound,
    binding,
    memory_bound,
    orchestrator_bound,
    path_bound,
    thread_bound,
)

__all__ = ["Bounds", "find_bounds", "inout_edges"]


@dataclass(frozen=True)
class Bounds:
    """Lower bounds of one run.

    Attributes
    ----------
    wall_clock_us : float
        What they bound.
    all : tuple of Bound
        Critical path, area per core type, orchestrator, scheduler threads, memory and the longest
        chain through INOUT arguments; without those that the run has nothing of.
    """

    wall_clock_us: float
    all: tuple[Bound, ...]

    @cached_property
    def binding(self) -> Bound:
        """The largest, which explains the wall-clock best."""
        return binding(self.all)

    def ratio(self, bound: Bound) -> float:
        """Bound over wall-clock: 1 is a run that could not be faster."""
        return bound.us / self.wall_clock_us if self.wall_clock_us else 1.0


def find_bounds(trace: Trace, device: Device, least: LeastOverheads) -> Bounds:
    """Compute the lower bounds of a run.

    Parameters
    ----------
    trace : Trace
        The run. Kernel times, submit costs and walks over consumers are taken from it.
    device : Device
        For the memory's bandwidth.
    least : LeastOverheads
        What passed around each kernel at the least (see `least_overheads`).
    """
    graph, exec_us = trace.graph, np.zeros(len(trace.graph))
    np.maximum.at(exec_us, trace.task, trace.exec_us)
    is_task = graph.kernel >= 0
    is_walked = np.zeros(len(graph), dtype=np.bool_)
    is_walked[trace.task] = trace.released_by >= 0
    is_aic = trace.core < trace.aic_count
    bounds = [
        path_bound(
            "critical path", exec_us, is_task, is_walked, graph.fanin_start, graph.fanin, least
        ),
        area_bound("AIC area", trace.exec_us[is_aic], trace.aic_count, least),
        area_bound("AIV area", trace.exec_us[~is_aic], trace.aiv_count, least),
        orchestrator_bound(
            float(trace.submit_us[-1]) - trace.waited_us,
            trace.begin_us,
            float(trace.exec_us[-1]),
            least,
        ),
        thread_bound(
            len(trace),
            _first_batches(trace),
            _walked_us(trace),
            trace.thread_count,
            least,
        ),
        memory_bound(float(trace.hbm_bytes.sum()), device.memory.achieved_gbps.value),
        _chain_bound(graph, exec_us, is_task, is_walked, least),
    ]
    # A run of no time has a path of no length.
    some = [b for b in bounds if b.us > 0.0] or bounds[:1]
    return Bounds(trace.wall_clock_us, tuple(some))


def _first_batches(trace: Trace) -> int:
    """Tasks of the first batch of each thread, whose preparation no stamp shows."""
    first_us = np.full(trace.thread_count, np.inf)
    np.minimum.at(first_us, trace.thread, trace.dispatch_us)
    return int(np.count_nonzero(trace.dispatch_us == first_us[trace.thread]))


def _walked_us(trace: Trace) -> float:
    """What threads spent on completions before the last finish; a walk may go on after it."""
    done_us = np.minimum(trace.done_us, trace.finish_us.max())
    return float(np.maximum(done_us - trace.observe_us, 0.0).sum())


def _chain_bound(
    graph: TaskGraph,
    exec_us: NDArray[np.float64],
    is_task: NDArray[np.bool_],
    is_walked: NDArray[np.bool_],
    least: LeastOverheads,
) -> Bound:
    chained = inout_edges(graph)
    if not chained.any():
        return Bound("INOUT chain", 0.0)
    start = np.concatenate(([0], np.cumsum(chained)))[graph.fanin_start]
    return path_bound(
        "INOUT chain", exec_us, is_task, is_walked, start, graph.fanin[chained], least
    )


def inout_edges(graph: TaskGraph) -> NDArray[np.bool_]:
    """Which edges lead from a task to one that updates (INOUT) what the first has written.

    Returns
    -------
    bool array, in the order of `TaskGraph.fanin`
    """
    chained = np.zeros(len(graph.fanin), dtype=np.bool_)
    updates = [any(p.direction is Direction.INOUT for p in k.parameters) for k in graph.kernels]
    may_update = np.array([*updates, False, False])[graph.kernel]  # no dummy, no alloc
    for submit in np.flatnonzero(may_update).tolist():
        named = _arguments(graph, submit)
        updated = {id(v.buffer) for v, p in named if p.direction is Direction.INOUT}
        for place in range(graph.fanin_start[submit], graph.fanin_start[submit + 1]):
            before = _arguments(graph, int(graph.fanin[place]))
            written = {id(v.buffer) for v, p in before if p.direction is not Direction.IN}
            chained[place] = not updated.isdisjoint(written)
    return chained


def _arguments(graph: TaskGraph, submit: int) -> list[tuple[View, Parameter]]:
    """Tensor arguments of a task with what they are for; nothing where that is not known."""
    number = int(graph.kernel[submit])
    if number < 0 or not graph.views[submit]:
        return []
    return list(zip(graph.views[submit], graph.kernels[number].parameters, strict=True))
