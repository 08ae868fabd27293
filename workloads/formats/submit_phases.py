"""What the orchestrator recorded of each submit, brought into the order of submission."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from workloads.formats.recording import ROUNDING_US, SubmitPhases
from workloads.formats.records import MOST_RINGS

__all__ = ["check_phase_times", "known_task", "submit_phases"]

_NO_TASK = frozenset({-1, (1 << 32) - 1, (1 << 64) - 1})
"""What phases that belong to no task have for its id: the end of a scope, for one."""

_SKIPPED, _REFUSED = -1, -2


def known_task(task_id: int) -> int:
    """A task id as it goes into a column; negative where it is none."""
    if task_id in _NO_TASK:
        return _SKIPPED
    return task_id if 0 <= task_id < MOST_RINGS << 32 else _REFUSED


def check_phase_times(
    begin_us: NDArray[np.float64], end_us: NDArray[np.float64], place: Callable[[int], str]
) -> None:
    """Refuse phases that end before they begin; `place` names a record.

    Raises
    ------
    InputError
        One does.
    """
    for record in np.flatnonzero(begin_us - end_us > ROUNDING_US)[:1].tolist():
        raise InputError(
            f"{place(record)}: ends at {end_us[record]:.3f} us, before it begins at "
            f"{begin_us[record]:.3f} us; the record is damaged"
        )


def submit_phases(
    path: Path,
    columns: Sequence[NDArray[np.int64]],
    begin_us: NDArray[np.float64],
    end_us: NDArray[np.float64],
    place: Callable[[int], str],
) -> SubmitPhases | None:
    """Join the phases of each task, which may be several or one.

    Parameters
    ----------
    path : Path
        The file, for messages.
    columns : two int64 arrays, shape (p,)
        Task id, as `known_task` has it, and number of the submit.
    begin_us, end_us : float64 array, shape (p,)
        When each phase was.
    place : callable
        Names a record.

    Raises
    ------
    InputError
        An id is out of range, a submit has two tasks or a task two submits, or a phase ends before
        it begins.
    """
    task, number = columns
    for record in np.flatnonzero(task == _REFUSED)[:1].tolist():
        raise InputError(
            f"{place(record)}.task_id: is out of range; the ring is above 32 bits and below "
            f"{MOST_RINGS}"
        )
    check_phase_times(begin_us, end_us, place)
    kept = np.flatnonzero(task >= 0)
    if not len(kept):
        return None
    task, number, begin_us, end_us = task[kept], number[kept], begin_us[kept], end_us[kept]
    order = np.lexsort((task, number))
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (number[order][1:] != number[order][:-1]) | (task[order][1:] != task[order][:-1])
    first = np.flatnonzero(new)
    tasks, numbers = task[order][first], number[order][first]
    for twice in np.flatnonzero(np.diff(numbers) == 0)[:1].tolist():
        raise InputError(
            f"{path}: aicpu_orchestrator_phases: submit {numbers[twice]} has two tasks, "
            f"{tasks[twice]} and {tasks[twice + 1]}; it holds more than one run"
        )
    ids, count = np.unique(tasks, return_counts=True)
    for again in np.flatnonzero(count > 1)[:1].tolist():
        raise InputError(
            f"{path}: aicpu_orchestrator_phases: task {ids[again]} has two submits; it holds more "
            "than one run"
        )
    return SubmitPhases(
        tasks,
        np.minimum.reduceat(begin_us[order], first),
        np.maximum.reduceat(end_us[order], first),
    )
