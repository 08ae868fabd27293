"""Traces for Chrome and Perfetto, laid out as the device tools lay theirs out."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from devices.kernel import CoreType
from plots.endings import TRACE_ENDINGS
from plots.events import (
    AICORE_VIEW,
    AICPU_VIEW,
    ORCHESTRATOR,
    ORCHESTRATOR_THREAD,
    PROCESSES,
    SCHEDULER,
    Arrow,
    Arrowhead,
    Counter,
    Event,
    Metadata,
    Slice,
    core_thread,
    scheduler_thread,
)
from plots.lanes import core_names
from plots.stamps import (
    Identity,
    Integers,
    Stamps,
    durations_us,
    identity_of,
    slots_of,
    stamps_of,
    to_us,
)
from runtime.graph import ALLOC, TaskGraph
from workloads.files import file_ending, write_file

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.trace import Trace

__all__ = ["write_chrome_trace"]

ARROW_NS = 10
"""An arrow leaves its task this long before the end, so that it binds to the task's slice."""


def write_chrome_trace(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a run for ui.perfetto.dev or chrome://tracing.

    Processes, threads and names are those of the device's swimlane tool: AICore View (start to
    end), AICPU View (dispatch to finish), AICPU Scheduler and AICPU Orchestrator, with arrows
    for the edges between tasks and counters of ready tasks and busy cores. Times count from the
    begin of orchestration, in us with three decimals.

    Parameters
    ----------
    trace : Trace
        The run.
    path : path
        File to write, ending in ``.json`` or ``.json.gz``.

    Raises
    ------
    InputError
        When the ending is another or the file cannot be written.
    """
    ending = file_ending(path, TRACE_ENDINGS)
    content = msgspec.json.encode({"displayTimeUnit": "ns", "traceEvents": _events(trace)})
    if ending.endswith(".gz"):
        # Without the time of writing in it, the same run gives the same bytes.
        content = gzip.compress(content, compresslevel=6, mtime=0)

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_file(path, write)


def _events(trace: Trace) -> list[Event]:
    """Make everything that goes into the file, in its order."""
    stamps, identity = stamps_of(trace), identity_of(trace.graph)
    slots = slots_of(trace.core, stamps.dispatch, stamps.finish)
    return [
        *_metadata(trace, slots),
        *_orchestrator(trace, stamps, identity),
        *_scheduler(trace, stamps, identity),
        *_cores(trace, stamps, identity, slots),
        *_arrows(trace, stamps),
        *_counters(trace, stamps),
    ]


def _metadata(trace: Trace, slots: list[int]) -> Iterator[Metadata]:
    """Name processes and threads and put them in order."""
    for index, (pid, name) in enumerate(PROCESSES.items()):
        yield Metadata("process_name", pid, 0, {"name": name})
        yield Metadata("process_sort_index", pid, 0, {"sort_index": index})
    yield from _thread(ORCHESTRATOR, ORCHESTRATOR_THREAD, "Orch_0", 0)
    for thread in range(trace.thread_count):
        yield from _thread(SCHEDULER, scheduler_thread(thread), f"Sched_{thread}", thread)
    names = core_names(trace)
    for core, name in enumerate(names):
        yield from _thread(AICORE_VIEW, core_thread(core), name, core)
        yield from _thread(AICPU_VIEW, core_thread(core), name, core)
    for core, slot in sorted(set(zip(trace.core.tolist(), slots, strict=True))):
        if slot:
            name = f"{names[core]} slot {slot}"
            yield from _thread(AICPU_VIEW, core_thread(core, slot), name, core)


def _thread(pid: int, tid: int, name: str, index: int) -> Iterator[Metadata]:
    """Name a thread and place it in its process; threads with one index are placed by `tid`."""
    yield Metadata("thread_name", pid, tid, {"name": name})
    yield Metadata("thread_sort_index", pid, tid, {"sort_index": index})


def _orchestrator(trace: Trace, stamps: Stamps, identity: Identity) -> Iterator[Slice]:
    """Make a slice of each submit."""
    graph, tid = trace.graph, ORCHESTRATOR_THREAD
    begin = to_us(stamps.submit_begin)
    only_thread = np.zeros(len(graph), dtype=np.int64)
    duration = durations_us(only_thread, stamps.submit_begin, stamps.submit_end)
    for submit, kernel in enumerate(graph.kernel.tolist()):
        name = "alloc" if kernel == ALLOC else _name(graph, kernel, identity.label[submit])
        arguments = identity.arguments(submit, "")
        yield Slice(
            name, "orchestrator", ORCHESTRATOR, tid, begin[submit], duration[submit], arguments
        )


def _name(graph: TaskGraph, kernel: int, label: str) -> str:
    """Name a task as the device tools do."""
    return f"{graph.kernels[kernel].name}({label})"


def _scheduler(trace: Trace, stamps: Stamps, identity: Identity) -> Iterator[Slice]:
    """Make a slice of each dispatch and of each completion."""
    thread = np.concatenate([trace.thread, trace.thread])
    begin = np.concatenate([stamps.dispatch_begin, stamps.observe])
    end = np.concatenate([stamps.dispatch, stamps.finish])
    name = ["dispatch"] * len(trace) + ["complete"] * len(trace)
    submit = [*trace.task.tolist()] * 2
    columns = zip(
        name, thread.tolist(), to_us(begin), durations_us(thread, begin, end), submit, strict=True
    )
    for phase, owner, ts, duration, task in columns:
        arguments = identity.arguments(task, "")
        yield Slice(phase, "scheduler", SCHEDULER, scheduler_thread(owner), ts, duration, arguments)


def _cores(trace: Trace, stamps: Stamps, identity: Identity, slots: list[int]) -> Iterator[Slice]:
    """Make two slices of each task: as its core sees it, and as the scheduler does."""
    graph, kernels, submits = trace.graph, trace.kernel.tolist(), trace.task.tolist()
    cores = trace.core.tolist()
    threads = [core_thread(core, slot) for core, slot in zip(cores, slots, strict=True)]
    start, dispatch = to_us(stamps.start), to_us(stamps.dispatch)
    run = durations_us(trace.core, stamps.start, stamps.end)
    held = durations_us(np.array(threads, dtype=np.int64), stamps.dispatch, stamps.finish)
    costs = zip(
        to_us(stamps.end - stamps.start),
        to_us(stamps.start - stamps.dispatch),
        to_us(stamps.finish - stamps.end),
        to_us(stamps.finish - stamps.dispatch),
        strict=True,
    )
    for row, (exec_us, head_us, tail_us, latency_us) in enumerate(costs):
        kernel, submit, core = kernels[row], submits[row], cores[row]
        arguments = identity.arguments(submit, f", FuncId:{kernel}, CoreId:{core}")
        arguments.core_type = graph.kernels[kernel].core.value
        arguments.exec_us, arguments.head_us = exec_us, head_us
        arguments.tail_us, arguments.latency_us = tail_us, latency_us
        name = _name(graph, kernel, identity.label[submit])
        thread = core_thread(core)
        yield Slice(name, "event", AICORE_VIEW, thread, start[row], run[row], arguments)
        thread = threads[row]
        yield Slice(name, "event", AICPU_VIEW, thread, dispatch[row], held[row], arguments)


def _arrows(trace: Trace, stamps: Stamps) -> Iterator[Arrow | Arrowhead]:
    """Make an arrow of each edge between tasks; allocs have no slice from which one could start."""
    graph = trace.graph
    row = np.full(len(graph), -1)
    row[trace.task] = np.arange(len(trace))
    consumer = row[np.repeat(np.arange(len(graph)), np.diff(graph.fanin_start))]
    producer = row[graph.fanin]
    drawn = (producer >= 0) & (consumer >= 0)
    producer, consumer = producer[drawn], consumer[drawn]
    tail = to_us(np.maximum(stamps.start, stamps.end - ARROW_NS)[producer])
    head = to_us(stamps.start[consumer])
    tail_core, head_core = trace.core[producer].tolist(), trace.core[consumer].tolist()
    for index in range(len(producer)):
        yield Arrow(index, core_thread(tail_core[index]), tail[index])
        yield Arrowhead(index, core_thread(head_core[index]), head[index])


def _counters(trace: Trace, stamps: Stamps) -> Iterator[Counter]:
    """Count ready tasks and busy cores of each type."""
    # Rounded stamps may show a task ready just after its dispatch.
    ready = np.minimum(stamps.ready, stamps.dispatch)
    is_aic = trace.core < trace.aic_count
    for core in (CoreType.AIC, CoreType.AIV):
        own = is_aic == (core is CoreType.AIC)
        waiting = _changes(ready[own], stamps.dispatch[own])
        busy = _changes(stamps.start[own], stamps.end[own])
        for ts, value in waiting:
            yield Counter(f"ready {core.name}", SCHEDULER, ts, {"tasks": value})
        for ts, value in busy:
            yield Counter(f"busy {core.name}", AICORE_VIEW, ts, {"cores": value})


def _changes(begin: Integers, end: Integers) -> Iterator[tuple[float, int]]:
    """How many of the intervals hold, wherever that changes: time in us, and number."""
    time, inverse = np.unique(np.concatenate([begin, end]), return_inverse=True)
    change = np.repeat([1, -1], len(begin))
    steps = np.bincount(inverse, change, len(time)).astype(np.int64)
    value = np.cumsum(steps)
    kept = steps != 0
    return zip(to_us(time[kept]), value[kept].tolist(), strict=True)
