"""The trace of a recorded run: the stamps of the file, and those that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.demand import Limits
from runtime.graph import ALLOC, DUMMY, TaskGraph
from runtime.trace import WAIT, Trace
from workloads.formats.recorded_rows import RecordedRun
from workloads.formats.recorded_tasks import RecordedTasks
from workloads.formats.recording import ROUNDING_US, SKEW_US, Recording, Rows, SchedulerPhases

__all__ = ["build_recorded_trace"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NO_LIMITS = Limits(
    rings=0,
    task_window=0,
    heap_bytes=0,
    output_alignment_bytes=1,
    dep_pool_entries=0,
    tensormap_entries=0,
    holds_scopes=False,
)

_NO_SUBMITS = (
    "The file has no orchestrator phases: tasks count as submitted when the first of those "
    "submitted from then on is dispatched, and the orchestrator as never busy."
)
_NO_PHASES = "The file has no scheduler phases: threads count as never busy."


@dataclass(frozen=True, slots=True)
class _Readiness:
    """Of each submit: when it was submitted, when it was ready, and what made it so, shape (n,)."""

    submit_us: Floats
    ready_us: Floats
    released_by: NDArray[np.int32]


def build_recorded_trace(graph: TaskGraph, run: RecordedRun) -> tuple[Trace, tuple[str, ...]]:
    """Build the trace of a recorded run; returns what had to be guessed as well.

    A task is ready when it is submitted and the last of its producers has finished, at the latest
    when it is dispatched.
    """
    notes: list[str] = []
    recording, cores, tasks = run.recording, run.cores, run.tasks
    rows, task, count = recording.rows, tasks.row, len(graph)
    first_us, last_us = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(first_us, task, rows.dispatch_us)
    np.maximum.at(last_us, task, rows.finish_us)
    begin_us, submit_us = _submitted(recording, tasks, first_us, notes)
    readiness = _readiness(graph, recording, tasks, submit_us, first_us, last_us, notes)
    thread = cores.thread.astype(np.int16)[cores.row]
    observe_us = done_us = rows.finish_us
    dispatch_cost_us = 0.0
    if recording.phases is None:
        notes.append(_NO_PHASES)
    else:
        observe_us, done_us = _completions(recording.phases, thread, rows)
        dispatch_cost_us = _dispatch_cost_us(recording.phases)
    completed_us = np.where(np.isfinite(last_us), last_us, submit_us)
    np.maximum.at(completed_us, task, done_us)
    is_task = graph.kernel != ALLOC
    trace = Trace(
        graph=graph,
        task=task,
        submit_us=readiness.submit_us[task],
        ready_us=readiness.ready_us[task],
        dispatch_us=rows.dispatch_us,
        start_us=rows.start_us,
        end_us=rows.end_us,
        observe_us=observe_us,
        finish_us=rows.finish_us,
        done_us=done_us,
        core=cores.row,
        thread=thread,
        orchestrator_begin_us=begin_us,
        orchestrator_end_us=submit_us,
        dispatch_cost_us=dispatch_cost_us,
        aic_count=cores.aic_count,
        aiv_count=cores.aiv_count,
        thread_count=cores.thread_count,
        released_by=readiness.released_by[task],
        named_core=np.full(len(task), -1, dtype=np.int16),
        decision_us=0.0,
        policy="recorded",
        waits=np.array([], dtype=WAIT),
        release_us=completed_us,
        linked=np.bincount(tasks.consumer[is_task[tasks.producer]], minlength=count).astype(
            np.int32
        ),
        limits=_NO_LIMITS,
        alone_us=rows.end_us - rows.start_us,
        hbm_bytes=np.zeros(len(task)),
        gm_bytes=np.zeros(len(task)),
        side=run.executed.side,
        core_id=_numbering(cores.device_id),
    )
    return trace, tuple(notes)


def _numbering(device_id: Ints) -> NDArray[np.int32] | None:
    """The device's numbers of cores, where they differ from those here."""
    is_same = np.array_equal(device_id, np.arange(len(device_id)))
    return None if is_same else device_id.astype(np.int32)


def _submitted(
    recording: Recording, tasks: RecordedTasks, first_us: Floats, notes: list[str]
) -> tuple[Floats, Floats]:
    """When the orchestrator began and ended each submit."""
    if recording.submits is None:
        notes.append(_NO_SUBMITS)
        latest_us = np.minimum.accumulate(first_us[::-1])[::-1]
        # Behind the last task, when that was dispatched.
        dispatched_us = first_us[np.isfinite(first_us)]
        latest_us = np.minimum(latest_us, dispatched_us.max())
        return latest_us, latest_us
    submits = recording.submits
    order = np.argsort(submits.task)
    found = np.searchsorted(submits.task[order], tasks.id)
    found = order[np.minimum(found, len(order) - 1)]
    known = submits.task[found] == tasks.id
    if not known.all():
        notes.append(
            f"{np.count_nonzero(~known)} tasks have no orchestrator phase; they count as submitted "
            "with the one before."
        )
    begin_us = np.where(known, submits.begin_us[found], -np.inf)
    end_us = np.where(known, submits.end_us[found], -np.inf)
    zero_us = float(submits.begin_us.min())
    end_us = np.maximum(np.maximum.accumulate(end_us), zero_us)
    return np.where(known, begin_us, end_us), end_us


def _readiness(
    graph: TaskGraph,
    recording: Recording,
    tasks: RecordedTasks,
    submit_us: Floats,
    first_us: Floats,
    last_us: Floats,
    notes: list[str],
) -> _Readiness:
    submitted_us = np.minimum(submit_us, first_us)
    complete_us = last_us.copy()  # allocs are complete before anything asks
    cause = np.arange(len(graph), dtype=np.int32)
    for dummy in np.flatnonzero(graph.kernel == DUMMY).tolist():
        # What a dummy task waited for is what made those ready that wait for it.
        producers = graph.producers(dummy)
        latest = int(producers[np.argmax(complete_us[producers])]) if len(producers) else -1
        waited_us = complete_us[latest] if latest >= 0 else -np.inf
        seen_us = recording.dummies.get(int(tasks.id[dummy]), -np.inf)
        complete_us[dummy] = max(submitted_us[dummy], waited_us, seen_us)
        cause[dummy] = cause[latest] if waited_us > submitted_us[dummy] else -1
    released_by = np.full(len(graph), -1, dtype=np.int32)
    held = _holds(recording, tasks, notes)
    producer, consumer = tasks.producer[held], tasks.consumer[held]
    order = np.lexsort((complete_us[producer], consumer))
    last = np.flatnonzero(np.diff(consumer[order], append=-1))
    edge = order[last]
    waited_us = np.full(len(graph), -np.inf)
    waited_us[consumer[edge]] = complete_us[producer[edge]]
    released_by[consumer[edge]] = cause[producer[edge]]
    released_by[waited_us <= submitted_us] = -1
    ready_us = np.minimum(np.maximum(submitted_us, waited_us), first_us)
    return _Readiness(submitted_us, ready_us, released_by)


def _holds(recording: Recording, tasks: RecordedTasks, notes: list[str]) -> NDArray[np.bool_]:
    """Which edges the run kept to; those of another run, or of a wrong graph, hold up nothing."""
    count, rows = len(tasks.id), recording.rows
    if not len(tasks.producer):
        return np.ones(0, dtype=np.bool_)
    start_us, end_us = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(start_us, tasks.row, rows.start_us)
    np.maximum.at(end_us, tasks.row, rows.end_us)
    holds = end_us[tasks.producer] <= start_us[tasks.consumer] + SKEW_US
    if not holds.all():
        notes.append(
            f"{np.count_nonzero(~holds)} edges lead to tasks that started before their producers "
            "ended; the run did not keep to them."
        )
    return np.asarray(holds)


def _completions(
    phases: SchedulerPhases, thread: NDArray[np.int16], stamps: Rows
) -> tuple[Floats, Floats]:
    """When a thread began and ended to complete each row.

    A phase that completes several tasks is divided where they finish. Phases say how many they
    completed; where records are missing, those that a row finishes in are taken.
    """
    end_us, finish_us = stamps.end_us, stamps.finish_us
    observe_us, done_us = finish_us.copy(), finish_us.copy()
    for number in np.unique(thread).tolist():
        own = np.flatnonzero(~phases.is_dispatch & (phases.thread == number))
        own = own[np.lexsort((phases.end_us[own], phases.begin_us[own]))]
        rows = np.flatnonzero(thread == number)
        # Of rows that finish with one stamp the thread has seen first what ended first.
        rows = rows[np.lexsort((end_us[rows], finish_us[rows]))]
        if not len(own):
            continue
        begin_us, stop_us = phases.begin_us[own], phases.end_us[own]
        count = np.maximum(phases.processed[own], 0)
        if count.sum() == len(rows):
            phase = np.repeat(np.arange(len(own)), count)
        else:
            phase = np.searchsorted(begin_us, finish_us[rows], side="right") - 1
        after_us = finish_us[rows] - begin_us[phase]
        before_us = stop_us[phase] - finish_us[rows]
        inside = (phase >= 0) & (np.minimum(after_us, before_us) >= -ROUNDING_US)
        rows, phase = rows[inside], phase[inside]
        if not len(rows):
            continue
        is_first = np.diff(phase, prepend=-1) != 0
        is_last = np.diff(phase, append=-1) != 0
        previous_us = np.concatenate([[-np.inf], finish_us[rows][:-1]])
        from_us = np.where(is_first, begin_us[phase], previous_us)
        observe_us[rows] = np.minimum(np.maximum(from_us, end_us[rows]), finish_us[rows])
        ended_us = np.where(is_last, stop_us[phase], finish_us[rows])
        done_us[rows] = np.maximum(ended_us, finish_us[rows])
    return observe_us, done_us


def _dispatch_cost_us(phases: SchedulerPhases) -> float:
    """What threads spent on each dispatch, on average."""
    chosen = phases.is_dispatch & (phases.processed > 0)
    count = int(phases.processed[chosen].sum())
    spent_us = float((phases.end_us[chosen] - phases.begin_us[chosen]).sum())
    return spent_us / count if count else 0.0
