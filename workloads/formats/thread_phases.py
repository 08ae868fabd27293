"""What scheduler threads did in a run, as the device records it: phases with a number of tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.graph import DUMMY
from runtime.trace import Trace

__all__ = ["ThreadPhases", "complete_us", "owners_of_cores", "thread_phases", "to_ticks"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ThreadPhases:
    """Phases of all scheduler threads, by thread and time, shape (p,).

    Attributes
    ----------
    thread : int64 array
        Whose.
    is_dispatch : bool array
        Whether tasks were dispatched; else they were completed.
    begin, end : int64 array
        In ticks.
    tasks : int64 array
        How many rows of the trace.
    loop : int64 array
        In which iteration of its thread's loop, from 1; an iteration completes, then dispatches.
    """

    thread: Ints
    is_dispatch: NDArray[np.bool_]
    begin: Ints
    end: Ints
    tasks: Ints
    loop: Ints


def to_ticks(us: NDArray[np.float64], ticks_per_us: int, zero_us: float) -> Ints:
    """Times in whole ticks from a zero on."""
    return np.rint((us - zero_us) * ticks_per_us).astype(np.int64)


def thread_phases(trace: Trace, ticks_per_us: int, zero_us: float) -> ThreadPhases:
    """The phases of the threads of a run.

    Tasks that a thread dispatches with one stamp make one phase, for it prepared them all before.
    No phase reaches into the next of its thread.
    """
    thread = trace.thread.astype(np.int64)
    stamp = to_ticks(trace.dispatch_us, ticks_per_us, zero_us)
    together, tasks = np.unique(np.column_stack((thread, stamp)), axis=0, return_counts=True)
    cost = np.rint(tasks * trace.dispatch_cost_us * ticks_per_us).astype(np.int64)
    count = len(trace)
    owner = np.concatenate([thread, together[:, 0]])
    is_dispatch = np.repeat([False, True], [count, len(together)])
    begin = np.concatenate(
        [to_ticks(trace.observe_us, ticks_per_us, zero_us), together[:, 1] - cost]
    )
    end = np.concatenate([to_ticks(trace.done_us, ticks_per_us, zero_us), together[:, 1]])
    number = np.concatenate([np.ones(count, dtype=np.int64), tasks])
    # What ends first comes first; a dispatch begins no sooner than what came before has ended.
    order = np.lexsort((begin, end, owner))
    owner, is_dispatch, begin, end, number = (
        column[order] for column in (owner, is_dispatch, begin, end, number)
    )
    same = owner[1:] == owner[:-1]
    begin = np.maximum(begin, 0)
    begin[1:] = np.where(same, np.maximum(begin[1:], end[:-1]), begin[1:])
    begin = np.minimum(begin, end)
    new = np.ones(len(owner), dtype=np.int64)
    new[1:] = ~same | (is_dispatch[:-1] & ~is_dispatch[1:])
    so_far = np.cumsum(new)
    first = np.searchsorted(owner, owner)
    return ThreadPhases(owner, is_dispatch, begin, end, number, so_far - so_far[first] + 1)


def owners_of_cores(trace: Trace) -> NDArray[np.int64]:
    """The scheduler thread of each core, shape (cores,).

    Clusters are dealt out to the threads in turn; what rows say counts more.
    """
    clusters = max(trace.aic_count, 1)
    cluster = np.concatenate(
        [
            np.arange(trace.aic_count),
            np.arange(trace.aiv_count) // max(trace.aiv_count // clusters, 1),
        ]
    )
    owner = cluster % trace.thread_count
    owner[trace.core] = trace.thread
    return owner.astype(np.int64)


def complete_us(trace: Trace) -> NDArray[np.float64]:
    """When each submit was complete, shape (n,): dummy tasks with the last that they wait for."""
    graph = trace.graph
    complete = trace.orchestrator_end_us.copy()
    np.maximum.at(complete, trace.task, trace.finish_us)
    for dummy in np.flatnonzero(graph.kernel == DUMMY).tolist():
        producers = graph.producers(dummy)
        complete[dummy] = max(complete[dummy], complete[producers].max(initial=-np.inf))
    return complete
