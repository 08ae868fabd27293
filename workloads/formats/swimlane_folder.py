"""Writing a run in the newest raw form: a folder with records, graph and names."""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from runtime.graph import DUMMY
from runtime.identity import task_ids
from runtime.trace import Trace
from scheduler.board import AIC, AIV, MIX
from workloads.files import write_folder
from workloads.formats.swimlane_writing import first_us, names_of, packed
from workloads.formats.thread_phases import complete_us, owners_of_cores, thread_phases, to_ticks
from workloads.formats.written_deps import deps_of

__all__ = ["write_swimlane_folder"]

_CYCLES_PER_US = 50
"""The counter of a2a3 runs at 50 MHz."""

_LEVEL = 4
"""All records."""

Ints = NDArray[np.int64]


def write_swimlane_folder(
    trace: Trace, folder: str | os.PathLike[str], *, is_packed: bool = False
) -> None:
    """Write a run as the device runtime of 2026-08 records one, in cycles of 50 MHz.

    Parameters
    ----------
    trace : Trace
        The run.
    folder : path
        Folder to make; it gets ``chip_swimlane_records.json``, ``deps.json`` and a name map.
    is_packed : bool
        Whether to pack each file with gzip.

    Raises
    ------
    InputError
        The folder is there and not empty, or cannot be written.
    """
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in trace.graph.name)
    names = {
        "level": 2,
        "orchestrator_name": None,
        "callable_id_to_name": names_of(trace.graph),
    }
    contents = {
        "chip_swimlane_records.json": _records(trace),
        "deps.json": deps_of(trace.graph),
        f"name_map_{name}.json": names,
    }
    files = {
        key + (".gz" if is_packed else ""): packed(
            msgspec.json.encode(content), is_packed=is_packed
        )
        for key, content in contents.items()
    }

    def write(temporary: Path) -> None:
        for key, content in files.items():
            (temporary / key).write_bytes(content)

    write_folder(folder, write)


def _records(trace: Trace) -> dict[str, Any]:
    zero_us = first_us(trace)
    core_id = trace.core_numbers
    by_number = np.argsort(core_id)
    is_aic = by_number < trace.aic_count
    core_tasks, control_tasks = _tasks(trace, core_id, zero_us)
    return {
        "chip_swimlane_level": _LEVEL,
        "metadata": {
            "clock_freq_hz": _CYCLES_PER_US * 1_000_000,
            "num_cores": len(core_id),
            "core_types": ["aic" if cube else "aiv" for cube in is_aic.tolist()],
            "core_to_thread": owners_of_cores(trace)[by_number].tolist(),
            "run_begin_cycles": int(to_ticks(np.zeros(1), _CYCLES_PER_US, zero_us)[0]),
        },
        "aicore_tasks": core_tasks.tolist(),
        "aicpu_tasks": control_tasks.tolist(),
        "aicpu_scheduler_phases": _scheduler(trace, zero_us),
        "aicpu_orchestrator_phases": [_orchestrator(trace, zero_us)],
    }


def _tasks(trace: Trace, core_id: Ints, zero_us: float) -> tuple[Ints, Ints]:
    """Records of the cores and of the control cores, by core and time."""
    order = np.lexsort((trace.start_us, trace.dispatch_us, core_id[trace.core]))
    core = core_id[trace.core[order]]
    # The register counts the tasks of each core.
    register = np.arange(len(core)) - np.searchsorted(core, core) + 1
    dispatch, start, end, finish = (
        to_ticks(column[order], _CYCLES_PER_US, zero_us)
        for column in (trace.dispatch_us, trace.start_us, trace.end_us, trace.finish_us)
    )
    task = task_ids(trace.graph)[trace.task[order]]
    received = np.zeros(len(core), dtype=np.int64)
    return (
        np.column_stack((core, task, register, start, end, received)),
        np.column_stack((core, register, dispatch, finish)),
    )


def _scheduler(trace: Trace, zero_us: float) -> list[list[dict[str, Any]]]:
    """Phases of each thread; dummy tasks are in those of the first."""
    phases = thread_phases(trace, _CYCLES_PER_US, zero_us)
    depth = _QueueDepths(trace, zero_us)
    begins, ends = depth.at(phases.begin), depth.at(phases.end)
    records: list[tuple[int, dict[str, Any]]] = []
    columns = zip(
        phases.thread.tolist(),
        phases.is_dispatch.tolist(),
        phases.begin.tolist(),
        phases.end.tolist(),
        phases.loop.tolist(),
        phases.tasks.tolist(),
        begins.tolist(),
        ends.tolist(),
        strict=True,
    )
    for thread, is_dispatch, begin, end, loop, tasks, first, last in columns:
        record = {
            "kind": "dispatch" if is_dispatch else "complete",
            "start_cycles": begin,
            "end_cycles": end,
            "loop_iter": loop,
            "tasks_processed": tasks,
        }
        if is_dispatch:
            record |= {"pop_hit": tasks, "pop_miss": 0}
        records.append((thread, record | {"shared_at_start": first, "shared_at_end": last}))
    records += [(0, record) for record in _dummies(trace, zero_us)]
    records.sort(key=lambda pair: (pair[0], pair[1]["start_cycles"]))
    threads: list[list[dict[str, Any]]] = [[] for _ in range(trace.thread_count + 1)]
    for thread, own in groupby(records, key=lambda pair: pair[0]):
        threads[thread] = [record for _, record in own]
    return threads


def _dummies(trace: Trace, zero_us: float) -> list[dict[str, Any]]:
    dummies = np.flatnonzero(trace.graph.kernel == DUMMY)
    cycles = to_ticks(complete_us(trace)[dummies], _CYCLES_PER_US, zero_us).tolist()
    ids = task_ids(trace.graph)[dummies].tolist()
    return [
        {
            "kind": "dummy_task",
            "start_cycles": at,
            "end_cycles": at,
            "loop_iter": 0,
            "tasks_processed": 1,
            "task_id": task_id,
            "shared_at_start": [0, 0, 0],
            "shared_at_end": [0, 0, 0],
        }
        for at, task_id in zip(cycles, ids, strict=True)
    ]


class _QueueDepths:
    """How many tasks of each shape are ready and not dispatched."""

    def __init__(self, trace: Trace, zero_us: float) -> None:
        _, first = np.unique(trace.task, return_index=True)
        ready_us = np.minimum(trace.ready_us, trace.dispatch_us)[first]
        shape = trace.graph.shape[trace.task[first]]
        ready = to_ticks(ready_us, _CYCLES_PER_US, zero_us)
        dispatch = to_ticks(trace.dispatch_us[first], _CYCLES_PER_US, zero_us)
        self._changes = [
            (np.sort(ready[shape == one]), np.sort(dispatch[shape == one]))
            for one in (AIC, AIV, MIX)
        ]

    def at(self, cycles: Ints) -> Ints:
        """Depths of the queues of AIC, AIV and MIX tasks at some times, shape (times, 3)."""
        return np.column_stack(
            [
                np.searchsorted(ready, cycles, "right") - np.searchsorted(gone, cycles, "right")
                for ready, gone in self._changes
            ]
        )


def _orchestrator(trace: Trace, zero_us: float) -> list[dict[str, Any]]:
    columns = zip(
        task_ids(trace.graph).tolist(),
        to_ticks(trace.orchestrator_begin_us, _CYCLES_PER_US, zero_us).tolist(),
        to_ticks(trace.orchestrator_end_us, _CYCLES_PER_US, zero_us).tolist(),
        strict=True,
    )
    return [
        {"submit_idx": place, "task_id": task_id, "start_cycles": begin, "end_cycles": end}
        for place, (task_id, begin, end) in enumerate(columns)
    ]
