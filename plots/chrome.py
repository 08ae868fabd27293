"""Traces for Chrome and Perfetto, laid out as the device tools lay theirs out."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from plots.endings import CHROME_ENDINGS
from plots.events import (
    PROCESSES,
    Arrow,
    Arrowhead,
    Counter,
    Event,
    Metadata,
    Slice,
    core_thread,
)
from plots.stamps import Identity, Stamps, identity_of, stamps_of, to_us
from plots.timeline import Slices, arrows_of, counts_of, slices_of, threads_of
from runtime.functions import row_kernels
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
    ending = file_ending(path, CHROME_ENDINGS)
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
    orchestrator, scheduler, core_view, cpu_view = slices_of(trace, stamps)
    return [
        *_metadata(trace, cpu_view),
        *_control(orchestrator, identity),
        *_control(scheduler, identity),
        *_cores(trace, stamps, identity, core_view, cpu_view),
        *_arrows(trace, stamps),
        *_counters(trace, stamps),
    ]


def _metadata(trace: Trace, cpu_view: Slices) -> Iterator[Metadata]:
    """Name processes and threads and put them in order."""
    for index, (pid, name) in enumerate(PROCESSES.items()):
        yield Metadata("process_name", pid, 0, {"name": name})
        yield Metadata("process_sort_index", pid, 0, {"sort_index": index})
    for thread in threads_of(trace, cpu_view.tid):
        yield Metadata("thread_name", thread.pid, thread.tid, {"name": thread.name})
        yield Metadata("thread_sort_index", thread.pid, thread.tid, {"sort_index": thread.index})


def _control(slices: Slices, identity: Identity) -> Iterator[Slice]:
    """Make a slice of each submit, or of each dispatch and of each completion."""
    columns = zip(
        slices.name.tolist(),
        slices.tid.tolist(),
        to_us(slices.begin),
        to_us(slices.end - slices.begin),
        slices.submit.tolist(),
        strict=True,
    )
    names, tasks = slices.names, len(slices.names) - 2  # the last two are no names of kernels
    for name, tid, ts, duration, submit in columns:
        label = f"({identity.label[submit]})" if name < tasks else ""
        arguments = identity.arguments(submit, "")
        yield Slice(
            f"{names[name]}{label}", slices.category, slices.pid, tid, ts, duration, arguments
        )


def _cores(
    trace: Trace, stamps: Stamps, identity: Identity, core_view: Slices, cpu_view: Slices
) -> Iterator[Slice]:
    """Make two slices of each task: as its core sees it, and as the scheduler does."""
    kernels, _ = row_kernels(trace)
    cores = trace.core_numbers[trace.core].tolist()
    views = [
        (
            view.category,
            view.pid,
            view.tid.tolist(),
            to_us(view.begin),
            to_us(view.end - view.begin),
        )
        for view in (core_view, cpu_view)
    ]
    costs = zip(
        core_view.name.tolist(),
        core_view.submit.tolist(),
        to_us(stamps.end - stamps.start),
        to_us(stamps.start - stamps.dispatch),
        to_us(stamps.finish - stamps.end),
        to_us(stamps.finish - stamps.dispatch),
        strict=True,
    )
    for row, (kernel, submit, exec_us, head_us, tail_us, latency_us) in enumerate(costs):
        arguments = identity.arguments(submit, f", FuncId:{kernel}, CoreId:{cores[row]}")
        arguments.core_type = kernels[kernel].core.value
        arguments.exec_us, arguments.head_us = exec_us, head_us
        arguments.tail_us, arguments.latency_us = tail_us, latency_us
        name = f"{kernels[kernel].name}({identity.label[submit]})"
        for category, pid, tid, begin_us, duration_us in views:
            yield Slice(name, category, pid, tid[row], begin_us[row], duration_us[row], arguments)


def _arrows(trace: Trace, stamps: Stamps) -> Iterator[Arrow | Arrowhead]:
    """Make an arrow of each edge between tasks."""
    producer, consumer = arrows_of(trace)
    tail = to_us(np.maximum(stamps.start, stamps.end - ARROW_NS)[producer])
    head = to_us(stamps.start[consumer])
    tail_core, head_core = trace.core[producer].tolist(), trace.core[consumer].tolist()
    for index in range(len(producer)):
        yield Arrow(index, core_thread(tail_core[index]), tail[index])
        yield Arrowhead(index, core_thread(head_core[index]), head[index])


def _counters(trace: Trace, stamps: Stamps) -> Iterator[Counter]:
    """Count ready tasks and busy cores of each type."""
    for counts in counts_of(trace, stamps):
        for ts, value in zip(to_us(counts.time), counts.value.tolist(), strict=True):
            yield Counter(counts.name, counts.pid, ts, {counts.unit: value})
