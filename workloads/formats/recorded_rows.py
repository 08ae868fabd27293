"""Rows of a recorded run, and what was found for each, in the order in which a trace has them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from workloads.formats.deps import Dependences
from workloads.formats.recorded_cores import RecordedCores, find_cores
from workloads.formats.recorded_tasks import RecordedTasks, find_tasks
from workloads.formats.recording import Recording, Rows
from workloads.formats.task_functions import TaskFunctions, find_functions

__all__ = ["RecordedRun", "find_run"]


@dataclass(frozen=True)
class RecordedRun:
    """A recording and what was found in it; its rows are ordered by task, core and start."""

    recording: Recording
    cores: RecordedCores
    tasks: RecordedTasks
    executed: TaskFunctions


def find_run(recording: Recording, dependences: Dependences | None) -> RecordedRun:
    """Find the cores, the tasks and what they execute, and order the rows.

    Raises
    ------
    InputError
        As `find_cores`, `find_tasks` and `find_functions`, which name rows as the file does.
    """
    cores = find_cores(recording)
    tasks = find_tasks(recording, dependences)
    executed = find_functions(recording, tasks, dependences, cores.lane)
    rows = recording.rows
    order = np.lexsort((rows.start_us, cores.row, tasks.row))
    return RecordedRun(
        replace(
            recording,
            rows=Rows(
                rows.where,
                rows.task[order],
                rows.function[order],
                rows.core[order],
                rows.is_aic[order],
                rows.dispatch_us[order],
                rows.start_us[order],
                rows.end_us[order],
                rows.finish_us[order],
            ),
        ),
        replace(cores, row=cores.row[order], lane=cores.lane[order]),
        replace(tasks, row=tasks.row[order]),
        replace(executed, side=executed.side[order]),
    )
