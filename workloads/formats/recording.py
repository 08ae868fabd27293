"""What a device recorded of a run, whatever file it came in: columns in us, with its own ids."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError

__all__ = [
    "NO_FUNCTION",
    "ROUNDING_US",
    "SKEW_US",
    "Cores",
    "Edges",
    "Recording",
    "Rows",
    "SchedulerPhases",
    "SubmitPhases",
    "check_rows",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_FUNCTION = -1
"""Stands for the function of a row where the file does not say it."""

SKEW_US = 1.0
"""How far stamps of two clocks may contradict each other; both count at 50 MHz and are set once."""

ROUNDING_US = 0.0025
"""Times that are printed with three decimals may contradict each other by this."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Executions on cores, in the order of the file, `r` of them.

    Attributes
    ----------
    where : str
        What the file calls them.
    task, function, core : int64 array, shape (r,)
        Task id, function id or `NO_FUNCTION`, and the device's number of the core.
    is_aic : bool array, shape (r,)
        Whether the core is a cube core.
    dispatch_us, start_us, end_us, finish_us : float64 array, shape (r,)
        Stamps.
    """

    where: str
    task: Ints
    function: Ints
    core: Ints
    is_aic: NDArray[np.bool_]
    dispatch_us: Floats
    start_us: Floats
    end_us: Floats
    finish_us: Floats


@dataclass(frozen=True, slots=True)
class Edges:
    """Producer and consumer of each edge, by task id, and the record that has it; shape (e,)."""

    producer: Ints
    consumer: Ints
    record: Ints


@dataclass(frozen=True, slots=True)
class SubmitPhases:
    """When the orchestrator worked on each task, shape (s,), in order of submission."""

    task: Ints
    begin_us: Floats
    end_us: Floats


@dataclass(frozen=True, slots=True)
class SchedulerPhases:
    """Phases in which scheduler threads completed or dispatched, shape (p,)."""

    thread: Ints
    is_dispatch: NDArray[np.bool_]
    begin_us: Floats
    end_us: Floats
    processed: Ints


@dataclass(frozen=True, slots=True)
class Cores:
    """What a file says of cores: how many, of which type, and whose.

    Attributes
    ----------
    is_aic : bool array, shape (cores,), or None
        Whether each is a cube core.
    thread : int64 array, shape (cores,), or None
        The scheduler thread that owns each.
    """

    is_aic: NDArray[np.bool_] | None
    thread: Ints | None


@dataclass(frozen=True)
class Recording:
    """A recorded run.

    Attributes
    ----------
    path : Path
        The file.
    format : str
        Which format it was, with its version.
    rows : Rows
        Executions on cores.
    edges : Edges
        Edges that the file has.
    submits : SubmitPhases or None
        What the orchestrator did.
    phases : SchedulerPhases or None
        What the scheduler threads did.
    dummies : dict of int to float
        Tasks that ran on no core, and when they were complete, in us.
    cores : Cores
        What is known of the cores.
    names : dict of int to str
        Names of functions, where the file itself has them.
    notes : tuple of str
        What the file does not say.
    """

    path: Path
    format: str
    rows: Rows
    edges: Edges
    submits: SubmitPhases | None
    phases: SchedulerPhases | None
    dummies: dict[int, float]
    cores: Cores
    names: dict[int, str]
    notes: tuple[str, ...]


def check_rows(path: Path, rows: Rows) -> list[str]:
    """Refuse rows that cannot be; returns notes on those that can hardly be.

    Raises
    ------
    InputError
        There are none; a stamp lies before one that comes first; a core has two types, or runs
        two kernels at the same time; or a row is there twice. The message names the record.
    """
    if not len(rows.task):
        raise InputError(f"{path}: {rows.where}: is empty; record a run that executes tasks")
    stamps = ("dispatch", "start", "end", "finish")
    columns = (rows.dispatch_us, rows.start_us, rows.end_us, rows.finish_us)
    skewed = 0
    for place in range(3):
        early, late = columns[place], columns[place + 1]
        most_us = ROUNDING_US if place == 1 else SKEW_US
        wrong = np.flatnonzero(early - late > most_us)
        if len(wrong):
            record = int(wrong[0])
            raise InputError(
                f"{path}: {rows.where}[{record}]: {stamps[place + 1]} is {late[record]:.3f} us, "
                f"before {stamps[place]} at {early[record]:.3f} us; the record is damaged"
            )
        skewed += int(np.count_nonzero(early - late > ROUNDING_US))
    _check_cores(path, rows)
    if skewed:
        return [f"{skewed} stamps lie up to {SKEW_US:g} us before one that has to come first."]
    return []


def _check_cores(path: Path, rows: Rows) -> None:
    order = np.lexsort((rows.end_us, rows.start_us, rows.core))
    core, is_aic = rows.core[order], rows.is_aic[order]
    start_us, end_us, task = rows.start_us[order], rows.end_us[order], rows.task[order]
    same = core[1:] == core[:-1]

    def refuse(which: NDArray[np.bool_], what: str) -> None:
        for place in np.flatnonzero(which)[:1].tolist():
            first, second = sorted((int(order[place]), int(order[place + 1])))
            raise InputError(
                f"{path}: {rows.where}[{second}]: core {core[place]} {what} {rows.where}[{first}]"
            )

    refuse(same & (is_aic[1:] != is_aic[:-1]), "has another core_type than in")
    twice = (task[1:] == task[:-1]) & (start_us[1:] == start_us[:-1]) & (end_us[1:] == end_us[:-1])
    refuse(same & twice & (end_us[1:] > start_us[1:]), "has the same record as")
    refuse(same & (start_us[1:] < end_us[:-1] - ROUNDING_US), "runs at the same time as in")
