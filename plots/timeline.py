"""What a trace viewer shows of a run: threads, slices, arrows and counters, in columns.

Processes, threads and names are those of the device's swimlane tool. Times are in whole
nanoseconds from the begin of orchestration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from devices.kernel import CoreType
from plots.events import (
    AICORE_VIEW,
    AICPU_VIEW,
    ORCHESTRATOR,
    ORCHESTRATOR_THREAD,
    SCHEDULER,
    core_thread,
    scheduler_thread,
)
from plots.lanes import core_names
from plots.stamps import Integers, Stamps, cut_ends, slots_of
from runtime.functions import row_kernels

if TYPE_CHECKING:
    from runtime.trace import Trace

__all__ = ["Counts", "Slices", "Thread", "arrows_of", "counts_of", "slices_of", "threads_of"]


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread; those of a process are shown in the order of `index`, then of `tid`."""

    pid: int
    tid: int
    name: str
    index: int


@dataclass(frozen=True, slots=True)
class Slices:
    """What takes time on the threads of a process, `m` of it.

    Attributes
    ----------
    pid : int
        The process.
    category : str
        What kind of slices they are.
    names : sequence of str
        Names that slices have.
    name : int64 array, shape (m,)
        Index into `names`; of those that are tasks, the number of the kernel, or in the views
        that of `row_kernels`.
    tid, begin, end, submit : int64 array, shape (m,)
        Thread, time, and the submit that it is for.
    """

    pid: int
    category: str
    names: tuple[str, ...]
    name: Integers
    tid: Integers
    begin: Integers
    end: Integers
    submit: Integers

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of something there are, wherever that changes; shape (k,) each."""

    pid: int
    name: str
    unit: str
    time: Integers
    value: Integers


def threads_of(trace: Trace, tids: Integers) -> Iterator[Thread]:
    """The threads of a run; `tids` are those of the slices of the AICPU View."""
    yield Thread(ORCHESTRATOR, ORCHESTRATOR_THREAD, "Orch_0", 0)
    for thread in range(trace.thread_count):
        yield Thread(SCHEDULER, scheduler_thread(thread), f"Sched_{thread}", thread)
    names = core_names(trace)
    for core, name in enumerate(names):
        yield Thread(AICORE_VIEW, core_thread(core), name, core)
        yield Thread(AICPU_VIEW, core_thread(core), name, core)
    for core, tid in sorted(set(zip(trace.core.tolist(), tids.tolist(), strict=True))):
        slot = next(s for s in range(len(trace) + 1) if core_thread(core, s) == tid)
        if slot:
            yield Thread(AICPU_VIEW, tid, f"{names[core]} slot {slot}", core)


def slices_of(trace: Trace, stamps: Stamps) -> tuple[Slices, Slices, Slices, Slices]:
    """The slices of the orchestrator, the scheduler threads, the AICore and the AICPU View.

    Those of the scheduler are first all dispatches, then all completions; those of the views are
    the rows of the trace.
    """
    kernels = tuple(kernel.name for kernel in trace.graph.kernels)
    rows = trace.task.astype(np.int64)
    core = core_thread(trace.core.astype(np.int64))
    slots = np.array(slots_of(trace.core, stamps.dispatch, stamps.finish), dtype=np.int64)
    executed, number = row_kernels(trace)
    functions = tuple(kernel.name for kernel in executed)
    function, count = number.astype(np.int64), len(trace)
    return (
        _slices(
            ORCHESTRATOR,
            "orchestrator",
            (*kernels, "dummy", "alloc"),  # -2 is a dummy task, -1 an alloc
            trace.graph.kernel.astype(np.int64) % (len(kernels) + 2),
            np.full(len(trace.graph), ORCHESTRATOR_THREAD),
            stamps.submit_begin,
            stamps.submit_end,
            np.arange(len(trace.graph)),
        ),
        _slices(
            SCHEDULER,
            "scheduler",
            ("dispatch", "complete"),
            np.repeat(np.arange(2), count),
            scheduler_thread(np.tile(trace.thread.astype(np.int64), 2)),
            np.concatenate([stamps.dispatch_begin, stamps.observe]),
            np.concatenate([stamps.dispatch, stamps.finish]),
            np.tile(rows, 2),
        ),
        _slices(AICORE_VIEW, "event", functions, function, core, stamps.start, stamps.end, rows),
        _slices(
            AICPU_VIEW,
            "event",
            functions,
            function,
            core_thread(trace.core.astype(np.int64), slots),
            stamps.dispatch,
            stamps.finish,
            rows,
        ),
    )


def _slices(
    pid: int,
    category: str,
    names: tuple[str, ...],
    name: Integers,
    tid: Integers,
    begin: Integers,
    end: Integers,
    submit: Integers,
) -> Slices:
    return Slices(pid, category, names, name, tid, begin, cut_ends(tid, begin, end), submit)


def arrows_of(trace: Trace) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of producer and consumer of each edge between tasks that run.

    Allocs have no slice from which an arrow could start; of a task of several rows it is the last.
    """
    graph = trace.graph
    row = np.full(len(graph), -1)
    row[trace.task] = np.arange(len(trace))
    consumer = row[np.repeat(np.arange(len(graph)), np.diff(graph.fanin_start))]
    producer = row[graph.fanin]
    drawn = (producer >= 0) & (consumer >= 0)
    return producer[drawn], consumer[drawn]


def counts_of(trace: Trace, stamps: Stamps) -> Iterator[Counts]:
    """Ready tasks and busy cores of each type."""
    # Rounded stamps may show a task ready just after its dispatch.
    ready = np.minimum(stamps.ready, stamps.dispatch)
    is_aic = trace.core < trace.aic_count
    for core in (CoreType.AIC, CoreType.AIV):
        own = is_aic == (core is CoreType.AIC)
        waiting = _changes(ready[own], stamps.dispatch[own])
        busy = _changes(stamps.start[own], stamps.end[own])
        yield Counts(SCHEDULER, f"ready {core.name}", "tasks", *waiting)
        yield Counts(AICORE_VIEW, f"busy {core.name}", "cores", *busy)


def _changes(begin: Integers, end: Integers) -> tuple[Integers, Integers]:
    """How many of the intervals hold, wherever that changes: time, and number."""
    time, inverse = np.unique(np.concatenate([begin, end]), return_inverse=True)
    change = np.repeat([1, -1], len(begin))
    steps = np.bincount(inverse, change, len(time)).astype(np.int64)
    value = np.cumsum(steps)
    kept = steps != 0
    return time[kept], value[kept]
