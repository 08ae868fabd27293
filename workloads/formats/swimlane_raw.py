"""Swimlanes of the newest form: tuples of cycle counts, which are joined on core and register."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from devices.errors import InputError
from workloads.formats.blocks import FileLimits
from workloads.formats.json_pieces import Nesting, json_pieces
from workloads.formats.recording import (
    NO_FUNCTION,
    Cores,
    Edges,
    Recording,
    Rows,
    SchedulerPhases,
    check_rows,
)
from workloads.formats.records import CoreId, RecordTable, TaskId, decode_value
from workloads.formats.submit_phases import check_phase_times, known_task, submit_phases

__all__ = ["read_raw_recording"]

_NESTING = {
    "aicore_tasks": Nesting.ARRAY,
    "aicpu_tasks": Nesting.ARRAY,
    "aicpu_scheduler_phases": Nesting.ARRAYS,
    "aicpu_orchestrator_phases": Nesting.ARRAYS,
}

_REGISTER_BITS = 40

_Cycles = Annotated[int, Meta(ge=0, lt=1 << 62)]
_Register = Annotated[int, Meta(ge=0, lt=1 << _REGISTER_BITS)]
_Small = Annotated[int, Meta(ge=-1, lt=1 << 31)]

_NO_CORES_TASK = ("dummy_task", "predicated_skip")
"""Phases in which a scheduler thread completed a task that runs on no core."""

_OBSERVED = (
    "The file has no dispatch and finish stamps, as level 1: executions count from where the core "
    "picks them up to their end, and the total is what the device tools call AICore Observed Span."
)


class _CoreTask(Struct, array_like=True, forbid_unknown_fields=True):
    core_id: CoreId
    task_token_raw: TaskId
    reg_task_id: _Register
    start_cycles: _Cycles
    end_cycles: _Cycles
    receive_to_start_cycles: _Cycles = 0


class _ControlTask(Struct, array_like=True, forbid_unknown_fields=True):
    core_id: CoreId
    reg_task_id: _Register
    dispatch_cycles: _Cycles
    finish_cycles: _Cycles


class _SchedulerPhase(Struct):
    kind: str
    start_cycles: _Cycles
    end_cycles: _Cycles
    tasks_processed: _Small = 0
    task_id: int = -1


class _SubmitPhase(Struct):
    submit_idx: _Small
    task_id: int
    start_cycles: _Cycles
    end_cycles: _Cycles


class _Metadata(Struct):
    clock_freq_hz: Annotated[int, Meta(gt=0, le=10**12)]
    num_cores: CoreId | None = None
    core_types: list[Literal["aic", "aiv"]] | None = None
    core_to_thread: list[_Small] | None = None
    run_begin_cycles: _Cycles | None = None
    """Where a writer says when the run began; the device does not."""


def _core_columns(tasks: list[_CoreTask]) -> list[NDArray[Any]]:
    return [
        np.array(column, dtype=np.int64)
        for column in (
            [t.core_id for t in tasks],
            [t.task_token_raw for t in tasks],
            [t.reg_task_id for t in tasks],
            [t.start_cycles for t in tasks],
            [t.end_cycles for t in tasks],
            [t.receive_to_start_cycles for t in tasks],
        )
    ]


def _control_columns(tasks: list[_ControlTask]) -> list[NDArray[Any]]:
    return [
        np.array(column, dtype=np.int64)
        for column in (
            [t.core_id for t in tasks],
            [t.reg_task_id for t in tasks],
            [t.dispatch_cycles for t in tasks],
            [t.finish_cycles for t in tasks],
        )
    ]


def _scheduler_columns(phases: list[_SchedulerPhase]) -> list[NDArray[Any]]:
    kinds = {"complete": 0, "dispatch": 1} | dict.fromkeys(_NO_CORES_TASK, 2)
    return [
        np.array([kinds.get(p.kind, -1) for p in phases], dtype=np.int64),
        np.array([p.start_cycles for p in phases], dtype=np.int64),
        np.array([p.end_cycles for p in phases], dtype=np.int64),
        np.array([p.tasks_processed for p in phases], dtype=np.int64),
        np.array([known_task(p.task_id) for p in phases], dtype=np.int64),
    ]


def _submit_columns(phases: list[_SubmitPhase]) -> list[NDArray[Any]]:
    return [
        np.array([known_task(p.task_id) for p in phases], dtype=np.int64),
        np.array([p.submit_idx for p in phases], dtype=np.int64),
        np.array([p.start_cycles for p in phases], dtype=np.int64),
        np.array([p.end_cycles for p in phases], dtype=np.int64),
    ]


class _Reader:
    """Takes the pieces of one file in."""

    def __init__(self, path: Path, limits: FileLimits) -> None:
        self.path = path
        names = _CoreTask.__struct_fields__, _ControlTask.__struct_fields__
        self.tables: dict[str, RecordTable[Any]] = {
            "aicore_tasks": RecordTable(
                path, "aicore_tasks", _CoreTask, _core_columns, limits, names[0]
            ),
            "aicpu_tasks": RecordTable(
                path, "aicpu_tasks", _ControlTask, _control_columns, limits, names[1]
            ),
            "aicpu_scheduler_phases": RecordTable(
                path, "aicpu_scheduler_phases", _SchedulerPhase, _scheduler_columns, limits
            ),
            "aicpu_orchestrator_phases": RecordTable(
                path, "aicpu_orchestrator_phases", _SubmitPhase, _submit_columns, limits
            ),
        }
        self.metadata: _Metadata | None = None
        self.threads: list[tuple[int, int]] = []  # of each run of scheduler phases: whose, how many
        within: dict[tuple[str, int | None], int] = {}
        for piece in json_pieces(path, _NESTING, limits):
            table = self.tables.get(piece.key)
            if table is not None:
                place = piece.key, piece.array
                count = table.add(piece.content, piece.array, within.get(place, 0))
                within[place] = within.get(place, 0) + count
                if piece.key == "aicpu_scheduler_phases":
                    self.threads.append((piece.array or 0, count))
            elif piece.key == "metadata":
                self.metadata = decode_value(path, piece.key, piece.content, _Metadata)


def read_raw_recording(path: Path, version: str, limits: FileLimits) -> Recording:
    """Read a file of tuples of cycles; level 1 has those of the cores only.

    Raises
    ------
    InputError
        A record is not as it has to be, or has no partner; the message names file, record, field.
    """
    reader = _Reader(path, limits)
    if reader.metadata is None:
        raise InputError(f"{path}: metadata: is missing; without clock_freq_hz cycles are no time")
    core_tasks, control_tasks, scheduler, orchestrator = reader.tables.values()
    if not core_tasks.count:
        raise InputError(f"{path}: aicore_tasks: is empty or missing; record a run of tasks")
    core, task, register, start, end, receive = core_tasks.columns()
    control = control_tasks.columns()
    kind, begin_phase, end_phase, processed, phase_task = scheduler.columns()
    submit_task, submit, begin_submit, end_submit = orchestrator.columns()
    notes: list[str] = []
    if control_tasks.count:
        partner = _partners(reader, (core, register), control, notes)
        dispatch, finish = control[2][partner], control[3][partner]
    else:
        notes.append(_OBSERVED)
        dispatch, finish = start - receive, end
    zero = min(
        int(times.min()) for times in (dispatch, start, begin_phase, begin_submit) if len(times)
    )
    begin = reader.metadata.run_begin_cycles
    zero = zero if begin is None else min(zero, begin)
    cycles_per_us = reader.metadata.clock_freq_hz / 1e6

    def to_us(cycles: NDArray[np.int64]) -> NDArray[np.float64]:
        return (cycles - zero) / cycles_per_us

    is_aic, cores = _cores(reader, core)
    rows = Rows(
        "aicore_tasks",
        task,
        np.full(len(task), NO_FUNCTION, dtype=np.int64),
        core,
        is_aic,
        to_us(dispatch),
        to_us(start),
        to_us(end),
        to_us(finish),
    )
    notes += check_rows(path, rows)
    begin_us, end_us = to_us(begin_phase), to_us(end_phase)
    check_phase_times(begin_us, end_us, scheduler.place)
    owner = np.repeat(*np.array(reader.threads or [(0, 0)], dtype=np.int64).T)
    kept, alone = (kind == 0) | (kind == 1), (kind == 2) & (phase_task >= 0)
    none = np.array([], dtype=np.int64)
    submits = submit_phases(
        path, (submit_task, submit), to_us(begin_submit), to_us(end_submit), orchestrator.place
    )
    return Recording(
        path=path,
        format=f"swimlane {version}",
        rows=rows,
        edges=Edges(none, none, none),
        submits=submits,
        phases=SchedulerPhases(
            owner[kept], kind[kept] == 1, begin_us[kept], end_us[kept], processed[kept]
        )
        if kept.any()
        else None,
        dummies=dict(zip(phase_task[alone].tolist(), end_us[alone].tolist(), strict=True)),
        cores=cores,
        names={},
        notes=tuple(notes),
    )


def _partners(
    reader: _Reader,
    of_core: tuple[NDArray[np.int64], NDArray[np.int64]],
    control: list[NDArray[np.int64]],
    notes: list[str],
) -> NDArray[np.int64]:
    """The record of the control cores for each record of a core."""
    wanted, there = (
        (core << _REGISTER_BITS) | register for core, register in (of_core, control[:2])
    )
    for name, keys in (("aicore_tasks", wanted), ("aicpu_tasks", there)):
        order = np.argsort(keys, kind="stable")
        for twice in np.flatnonzero(np.diff(keys[order]) == 0)[:1].tolist():
            first, second = order[twice : twice + 2].tolist()
            raise InputError(
                f"{reader.path}: {name}[{second}]: has core_id and reg_task_id of "
                f"{name}[{first}]; it is there twice"
            )
    order = np.argsort(there)
    found = np.minimum(np.searchsorted(there[order], wanted), len(there) - 1)
    partner = order[found]
    for record in np.flatnonzero(there[partner] != wanted)[:1].tolist():
        raise InputError(
            f"{reader.path}: aicore_tasks[{record}]: aicpu_tasks has no record of core "
            f"{of_core[0][record]} and reg_task_id {of_core[1][record]}; records were lost"
        )
    lost = len(there) - len(wanted)
    if lost:
        notes.append(f"{lost} tasks were dispatched of which the cores have no record.")
    return partner


def _cores(reader: _Reader, core: NDArray[np.int64]) -> tuple[NDArray[np.bool_], Cores]:
    """Whether each row is on a cube core, and what is known of all cores."""
    metadata, path = reader.metadata, reader.path
    if metadata is None or metadata.core_types is None:
        raise InputError(f"{path}: metadata.core_types: is missing; it says which cores are cubes")
    types = metadata.core_types
    if metadata.num_cores is not None and len(types) != metadata.num_cores:
        raise InputError(
            f"{path}: metadata.core_types: has {len(types)} cores, num_cores is "
            f"{metadata.num_cores}"
        )
    for record in np.flatnonzero(core >= len(types))[:1].tolist():
        raise InputError(
            f"{path}: aicore_tasks[{record}].core_id: is {core[record]}; metadata.core_types has "
            f"{len(types)} cores"
        )
    is_aic = np.array([name == "aic" for name in types], dtype=np.bool_)
    owners = metadata.core_to_thread
    return is_aic[core], Cores(is_aic, None if owners is None else np.array(owners, dtype=np.int64))
