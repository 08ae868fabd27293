"""Swimlanes whose records are objects with times in us: versions 1 and 2, and what followed."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from devices.errors import InputError
from workloads.formats.blocks import FileLimits
from workloads.formats.json_pieces import Nesting, json_pieces
from workloads.formats.name_map import NAMES_KEY, decode_names
from workloads.formats.recording import (
    ROUNDING_US,
    Cores,
    Edges,
    Recording,
    Rows,
    SchedulerPhases,
    check_rows,
)
from workloads.formats.records import CoreId, Microseconds, RecordTable, TaskId, decode_value
from workloads.formats.submit_phases import check_phase_times, known_task, submit_phases

__all__ = ["read_us_recording"]

_NESTING = {
    "tasks": Nesting.ARRAY,
    "aicpu_scheduler_phases": Nesting.ARRAYS,
    "aicpu_orchestrator_phases": Nesting.ARRAYS,
}

_Small = Annotated[int, Meta(ge=-1, lt=1 << 31)]

_HOLES = (
    "The fan-out of this version holds only consumers that were registered before their producer "
    "completed, so edges may be missing; deps.json of a newer runtime has all."
)
_NO_EDGES = "The file has no edges; deps.json of the same program has them."


class _Task(Struct):
    task_id: TaskId
    func_id: _Small
    core_id: CoreId
    core_type: Literal["aic", "aiv"]
    start_time_us: Microseconds
    end_time_us: Microseconds
    dispatch_time_us: Microseconds = 0.0
    finish_time_us: Microseconds = 0.0
    duration_us: Microseconds | None = None
    ring_id: _Small | None = None
    fanout: list[TaskId] = []
    fanout_count: _Small | None = None


class _SchedulerPhase(Struct):
    start_time_us: Microseconds
    end_time_us: Microseconds
    phase: str
    tasks_processed: _Small = 0


class _SubmitPhase(Struct):
    start_time_us: Microseconds
    end_time_us: Microseconds
    submit_idx: _Small
    task_id: int


def _task_columns(tasks: list[_Task]) -> list[NDArray[Any]]:
    fanout = [len(t.fanout) for t in tasks]
    counts = [
        n if t.fanout_count is None else t.fanout_count for t, n in zip(tasks, fanout, strict=True)
    ]
    durations = [t.duration_us for t in tasks]
    rings = [t.task_id >> 32 if t.ring_id is None else t.ring_id for t in tasks]
    return [
        np.array([t.task_id for t in tasks], dtype=np.int64),
        np.array([t.func_id for t in tasks], dtype=np.int64),
        np.array([t.core_id for t in tasks], dtype=np.int64),
        np.array([t.core_type == "aic" for t in tasks], dtype=np.bool_),
        np.array([t.dispatch_time_us for t in tasks], dtype=np.float64),
        np.array([t.start_time_us for t in tasks], dtype=np.float64),
        np.array([t.end_time_us for t in tasks], dtype=np.float64),
        np.array([t.finish_time_us for t in tasks], dtype=np.float64),
        np.array([np.nan if d is None else d for d in durations], dtype=np.float64),
        np.array(rings, dtype=np.int64),
        np.array(fanout, dtype=np.int64),
        np.array(counts, dtype=np.int64),
    ]


def _scheduler_columns(phases: list[_SchedulerPhase]) -> list[NDArray[Any]]:
    return [
        np.array([p.start_time_us for p in phases], dtype=np.float64),
        np.array([p.end_time_us for p in phases], dtype=np.float64),
        np.array([p.phase == "dispatch" for p in phases], dtype=np.bool_),
        np.array([p.phase in ("complete", "dispatch") for p in phases], dtype=np.bool_),
        np.array([p.tasks_processed for p in phases], dtype=np.int64),
    ]


def _submit_columns(phases: list[_SubmitPhase]) -> list[NDArray[Any]]:
    return [
        np.array([known_task(p.task_id) for p in phases], dtype=np.int64),
        np.array([p.submit_idx for p in phases], dtype=np.int64),
        np.array([p.start_time_us for p in phases], dtype=np.float64),
        np.array([p.end_time_us for p in phases], dtype=np.float64),
    ]


class _Reader:
    """Takes the pieces of one file in."""

    def __init__(self, path: Path, limits: FileLimits) -> None:
        self.path = path
        self.consumers: list[NDArray[np.int64]] = []
        self.tasks = RecordTable(path, "tasks", _Task, self._task_columns, limits)
        self.scheduler = RecordTable(
            path, "aicpu_scheduler_phases", _SchedulerPhase, _scheduler_columns, limits
        )
        self.orchestrator = RecordTable(
            path, "aicpu_orchestrator_phases", _SubmitPhase, _submit_columns, limits
        )
        self.thread: list[int] = []  # of each run of scheduler phases
        self.counts: list[int] = []
        self.core_to_thread: list[int] | None = None
        self.names: dict[int, str] = {}

    def _task_columns(self, tasks: list[_Task]) -> list[NDArray[Any]]:
        flat = list(chain.from_iterable(t.fanout for t in tasks))
        self.consumers.append(np.array(flat, dtype=np.int64))
        return _task_columns(tasks)

    def read(self, limits: FileLimits) -> None:
        """Read the whole file."""
        within: dict[tuple[str, int | None], int] = {}
        for piece in json_pieces(self.path, _NESTING, limits):
            place = piece.key, piece.array
            first = within.get(place, 0)
            if piece.key == "tasks":
                within[place] = first + self.tasks.add(piece.content, None, first)
            elif piece.key == "aicpu_scheduler_phases":
                count = self.scheduler.add(piece.content, piece.array, first)
                within[place] = first + count
                self.thread.append(piece.array or 0)
                self.counts.append(count)
            elif piece.key == "aicpu_orchestrator_phases":
                within[place] = first + self.orchestrator.add(piece.content, piece.array, first)
            elif piece.key == "core_to_thread":
                self.core_to_thread = decode_value(
                    self.path, piece.key, piece.content, list[_Small]
                )
            elif piece.key == NAMES_KEY:
                self.names = decode_names(self.path, piece.content)


def read_us_recording(path: Path, version: str, limits: FileLimits) -> Recording:
    """Read a file of version 1 or 2, or of level 1 to 4 with records of the same form.

    Raises
    ------
    InputError
        A record is not as it has to be; the message names file, record and field.
    """
    reader = _Reader(path, limits)
    reader.read(limits)
    if not reader.tasks.count:
        raise InputError(f"{path}: tasks: is empty or missing; record a run that executes tasks")
    notes: list[str] = []
    rows, edges = _rows(reader, notes)
    notes += check_rows(path, rows)
    notes.append(_HOLES if len(edges.producer) else _NO_EDGES)
    begin_us, end_us, is_dispatch, kept, processed = reader.scheduler.columns()
    thread = np.repeat(np.array(reader.thread, dtype=np.int64), np.array(reader.counts, np.int64))
    check_phase_times(begin_us, end_us, reader.scheduler.place)
    task, number, *submit_us = reader.orchestrator.columns()
    owners = reader.core_to_thread
    return Recording(
        path=path,
        format=f"swimlane {version}",
        rows=rows,
        edges=edges,
        submits=submit_phases(
            path, (task, number), submit_us[0], submit_us[1], reader.orchestrator.place
        ),
        phases=SchedulerPhases(
            thread[kept], is_dispatch[kept], begin_us[kept], end_us[kept], processed[kept]
        )
        if kept.any()
        else None,
        dummies={},
        cores=Cores(None, None if owners is None else np.array(owners, dtype=np.int64)),
        names=reader.names,
        notes=tuple(notes),
    )


def _rows(reader: _Reader, notes: list[str]) -> tuple[Rows, Edges]:
    """The rows and the edges of a file, once their fields agree with each other."""
    (task, function, core, is_aic, *stamps, duration_us, ring, fanout, count) = (
        reader.tasks.columns()
    )
    dispatch_us, start_us, end_us, finish_us = stamps
    place = reader.tasks.place

    def refuse(wrong: NDArray[np.bool_], what: str) -> None:
        for record in np.flatnonzero(wrong)[:1].tolist():
            raise InputError(f"{place(record)}.{what}; the record is damaged")

    refuse(ring != task >> 32, "ring_id: is not the ring of task_id, which is above 32 bits")
    refuse(count != fanout, "fanout_count: is not the number of consumers in fanout")
    refuse(
        np.abs(duration_us - (end_us - start_us)) > ROUNDING_US,
        "duration_us: is not the time from start_time_us to end_time_us",
    )
    missing = (finish_us == 0.0) & (end_us > 0.0)
    if missing.any():
        notes.append(
            f"{np.count_nonzero(missing)} executions have no finish stamp; their ends stand for "
            "it, and their starts for dispatch stamps that are missing too."
        )
        finish_us = np.where(missing, end_us, finish_us)
        dispatch_us = np.where(missing & (dispatch_us == 0.0), start_us, dispatch_us)
    rows = Rows("tasks", task, function, core, is_aic, dispatch_us, start_us, end_us, finish_us)
    record = np.repeat(np.arange(len(task)), fanout)
    consumer = np.concatenate([*reader.consumers, np.array([], dtype=np.int64)])
    reader.consumers.clear()
    return rows, Edges(task[record], consumer, record)
