"""Writing a run as a swimlane of version 2, which the device's own tools read."""

from __future__ import annotations

import gzip
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from runtime.functions import function_columns, functions_of
from runtime.graph import ALLOC, DUMMY, TaskGraph
from runtime.identity import RING_SHIFT, task_ids
from runtime.trace import Trace
from workloads.files import file_ending, write_file
from workloads.formats.thread_phases import owners_of_cores, thread_phases, to_ticks

__all__ = ["SWIMLANE_ENDINGS", "first_us", "names_of", "packed", "write_swimlane"]

SWIMLANE_ENDINGS = (".json", ".json.gz")

_TICKS_PER_US = 1000
"""Times are written with three decimals."""


class _Row(Struct):
    task_id: int
    func_id: int
    core_id: int
    core_type: str
    ring_id: int
    start_time_us: float
    end_time_us: float
    duration_us: float
    dispatch_time_us: float
    finish_time_us: float
    fanout: list[int]
    fanout_count: int


class _Phase(Struct):
    start_time_us: float
    end_time_us: float
    phase: str
    loop_iter: int
    tasks_processed: int


class _Submit(Struct):
    phase: str
    start_time_us: float
    end_time_us: float
    submit_idx: int
    task_id: int


class _Swimlane(Struct):
    version: int
    tasks: list[_Row]
    aicpu_scheduler_phases: list[list[_Phase]]
    aicpu_orchestrator_phases: list[list[_Submit]]
    core_to_thread: list[int]
    callable_id_to_name: dict[str, str]


def write_swimlane(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a run as the device runtime of 2026-04 records one: version 2, times in us.

    The device's converter, overhead analysis and flow chart read it and print the Total Test Time
    and the counts of `runtime.statistics`. Each execution is a row; its fan-out has the consumers
    that run on cores, those behind dummy tasks too, as this version has no dummy tasks. Names of
    functions stand in the file as well, where other tools do not look.

    Parameters
    ----------
    trace : Trace
        The run.
    path : path
        File to write, ending in ``.json`` or ``.json.gz``.

    Raises
    ------
    InputError
        The ending is another, or the file cannot be written.
    """
    ending = file_ending(path, SWIMLANE_ENDINGS)
    zero_us = first_us(trace)
    owner = owners_of_cores(trace)
    swimlane = _Swimlane(
        version=2,
        tasks=_rows(trace, zero_us),
        aicpu_scheduler_phases=_scheduler(trace, zero_us),
        aicpu_orchestrator_phases=_orchestrator(trace, zero_us),
        core_to_thread=owner[np.argsort(trace.core_numbers)].tolist(),
        callable_id_to_name=names_of(trace.graph),
    )
    content = packed(msgspec.json.encode(swimlane), is_packed=ending.endswith(".gz"))

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_file(path, write)


def packed(content: bytes, *, is_packed: bool) -> bytes:
    """The content of a file, packed if it is to be; the same content gives the same bytes."""
    return gzip.compress(content, compresslevel=6, mtime=0) if is_packed else content


def names_of(graph: TaskGraph) -> dict[str, str]:
    """Names of functions by their numbers, as a name map has them."""
    return {str(number): one.name for number, one in enumerate(functions_of(graph))}


def first_us(trace: Trace) -> float:
    """Where to count from: the begin of the run, or what lies before it."""
    firsts = (trace.orchestrator_begin_us, trace.dispatch_us, trace.observe_us)
    return min(0.0, *(float(column.min()) for column in firsts))


def _us(ticks: NDArray[np.int64]) -> list[float]:
    """Us with three decimals; the nearest float is printed so."""
    return [tick / _TICKS_PER_US for tick in ticks.tolist()]


def _rows(trace: Trace, zero_us: float) -> list[_Row]:
    """Rows in order of task ids, as the device writes them."""
    ids = task_ids(trace.graph)
    order = np.lexsort((trace.core, ids[trace.task]))
    dispatch, start, end, finish = (
        to_ticks(column[order], _TICKS_PER_US, zero_us)
        for column in (trace.dispatch_us, trace.start_us, trace.end_us, trace.finish_us)
    )
    core = trace.core[order]
    consumers = _consumers(trace.graph, ids)
    columns = zip(
        trace.task[order].tolist(),
        ids[trace.task[order]].tolist(),
        function_columns(trace)[order].tolist(),
        trace.core_numbers[core].tolist(),
        (core < trace.aic_count).tolist(),
        _us(start),
        _us(end),
        _us(end - start),
        _us(dispatch),
        _us(finish),
        strict=True,
    )
    return [
        _Row(
            task_id,
            function,
            core_id,
            "aic" if is_aic else "aiv",
            task_id >> RING_SHIFT,
            start_us,
            end_us,
            exec_us,
            dispatch_us,
            finish_us,
            consumers[task],
            len(consumers[task]),
        )
        for (
            task,
            task_id,
            function,
            core_id,
            is_aic,
            start_us,
            end_us,
            exec_us,
            dispatch_us,
            finish_us,
        ) in columns
    ]


def _consumers(graph: TaskGraph, ids: NDArray[np.int64]) -> list[list[int]]:
    """Task ids of the consumers of each submit that run on cores, the latest last."""
    start, consumer = graph.fanout
    direct = [consumer[first:last] for first, last in pairwise(start)]
    dummies = np.flatnonzero(graph.kernel == DUMMY).tolist()
    for dummy in reversed(dummies):  # those behind a dummy task come after it
        own = set(direct[dummy])
        for producer in graph.producers(dummy).tolist():
            direct[producer] = sorted({*direct[producer], *own})
    runs = (graph.kernel >= 0).tolist()
    numbers = ids.tolist()
    return [[numbers[c] for c in own if runs[c]] for own in direct]


def _scheduler(trace: Trace, zero_us: float) -> list[list[_Phase]]:
    """Phases of each thread, and nothing for the orchestrator's, as the device has it."""
    phases = thread_phases(trace, _TICKS_PER_US, zero_us)
    threads: list[list[_Phase]] = [[] for _ in range(trace.thread_count + 1)]
    columns: Any = zip(
        phases.thread.tolist(),
        _us(phases.begin),
        _us(phases.end),
        phases.is_dispatch.tolist(),
        phases.loop.tolist(),
        phases.tasks.tolist(),
        strict=True,
    )
    for thread, begin_us, end_us, is_dispatch, loop, tasks in columns:
        phase = "dispatch" if is_dispatch else "complete"
        threads[thread].append(_Phase(begin_us, end_us, phase, loop, tasks))
    return threads


def _orchestrator(trace: Trace, zero_us: float) -> list[list[_Submit]]:
    """One phase for each submit, in the last thread."""
    columns = zip(
        trace.graph.kernel.tolist(),
        _us(to_ticks(trace.orchestrator_begin_us, _TICKS_PER_US, zero_us)),
        _us(to_ticks(trace.orchestrator_end_us, _TICKS_PER_US, zero_us)),
        task_ids(trace.graph).tolist(),
        strict=True,
    )
    submits = [
        _Submit("orch_alloc" if kernel == ALLOC else "orch_params", begin, end, place, task_id)
        for place, (kernel, begin, end, task_id) in enumerate(columns)
    ]
    return [*[[] for _ in range(trace.thread_count)], submits]
