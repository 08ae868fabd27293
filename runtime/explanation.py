"""Why a run took as long as it did: its wall-clock, split exactly.

The walk begins at the last finish and goes back in time. A task on it could not have finished
earlier because of its own kernel, head and tail, because it waited for a core or for a thread once
it was ready, and because it was not ready earlier; then the walk goes on with the producer whose
completion made it ready, or ends with the orchestrator, which submitted it when all its producers
were complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runtime.occupancy import Occupancies
from runtime.trace import Trace

__all__ = ["Explanation", "Reason", "Share", "explain"]

Floats = NDArray[np.float64]

_ROUNDING_US = 1e-6
"""Sums of stamps differ by less, whatever their order."""

ALLOCS = "(allocs)"
"""Stands for a kernel where the orchestrator made hidden allocs."""


class Reason(IntEnum):
    """Why time passed."""

    KERNEL = 0
    """A task on the path ran."""
    HEAD = 1
    """From the dispatch stamp of a task on the path to its start."""
    COMPLETION = 2
    """A producer had ended, but no thread had seen, completed and passed it on."""
    CORE = 3
    """A task was ready, and no core of its type, or not the one that it was to run on, was idle."""
    THREAD = 4
    """A task was ready and a core idle, but no scheduler thread had dispatched it."""
    ORCHESTRATOR = 5
    """All producers of a task were complete, but it was not submitted yet."""
    TAIL = 6
    """From the end of the last task to its finish."""
    SPACE = 7
    """The orchestrator waited for space in a ring before it could submit a task."""
    MEMORY = 8
    """A task on the path ran more slowly than alone, as others took their share of the memory."""

    @property
    def label(self) -> str:
        """What it is called in tables."""
        return _LABELS[self]


_LABELS = {
    Reason.KERNEL: "kernel time",
    Reason.HEAD: "head",
    Reason.COMPLETION: "completion to be seen",
    Reason.CORE: "free core",
    Reason.THREAD: "scheduler thread",
    Reason.ORCHESTRATOR: "orchestrator",
    Reason.TAIL: "tail",
    Reason.SPACE: "ring space",
    Reason.MEMORY: "memory share",
}


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the wall-clock.

    Attributes
    ----------
    reason : Reason
        Why it passed.
    kernel : str
        What it passed with: the kernel of the task on the path; for `CORE`, what held the cores;
        for `ORCHESTRATOR`, what was submitted meanwhile; for `SPACE`, what had to wait.
    us : float
        How long.
    tasks : int
        Tasks on the path that it was a part of.
    """

    reason: Reason
    kernel: str
    us: float
    tasks: int


@dataclass(frozen=True)
class Explanation:
    """A wall-clock in parts.

    Attributes
    ----------
    trace : Trace
        The run.
    row : int64 array, shape (m,)
        The tasks of the path, first to last, as rows of the trace.
    part_us : float64 array, shape (m, 9)
        What each task of the path adds to the wall-clock, by reason.
    cores : Occupancies
        Who held the cores.
    """

    trace: Trace
    row: NDArray[np.int64]
    part_us: Floats
    cores: Occupancies

    @property
    def wall_clock_us(self) -> float:
        """Sum of all parts."""
        return self.trace.wall_clock_us

    @cached_property
    def by_reason_us(self) -> dict[Reason, float]:
        """Wall-clock by reason."""
        return {reason: float(self.part_us[:, reason].sum()) for reason in Reason}

    @cached_property
    def shares(self) -> tuple[Share, ...]:
        """Wall-clock by reason and kernel, largest first; parts of no length are left out."""
        names = [*(kernel.name for kernel in self.trace.graph.kernels), ALLOCS]
        found = []
        for reason in Reason:
            us, tasks = self._by_kernel(reason)
            found += [
                Share(reason, names[kernel], float(us[kernel]), int(tasks[kernel]))
                for kernel in np.flatnonzero(us > 0.0).tolist()
            ]
        return tuple(sorted(found, key=lambda share: -share.us))

    def _by_kernel(self, reason: Reason) -> tuple[Floats, NDArray[np.int64]]:
        """Time and tasks per kernel, shape (kernels + 1,)."""
        trace, kernels = self.trace, len(self.trace.graph.kernels)
        part_us = self.part_us[:, reason]
        concerned = np.flatnonzero(part_us > 0.0)
        if reason is Reason.ORCHESTRATOR:
            return self._submitted(kernels + 1)
        if reason is Reason.SPACE:
            return self._blocked(kernels + 1)
        if reason is Reason.CORE:
            us = np.zeros((len(self.row), kernels + 1))
            _, dispatch_us = _released(trace, self.row)
            for place in concerned.tolist():
                row = int(self.row[place])
                us[place, :-1] = self._holders(row)
                before = int(trace.before[row])
                if before >= 0:
                    first_us = max(float(dispatch_us[place]), trace.begin_us)
                    queued_us = float(trace.held_from_us[row]) - first_us
                    us[place, trace.kernel[before]] += max(queued_us, 0.0)
            return us.sum(axis=0), np.count_nonzero(us, axis=0)
        kernel = self.trace.kernel[self.row[concerned]]
        return _sum_and_count(kernel, part_us[concerned], kernels + 1)

    def _holders(self, row: int) -> Floats:
        """Time that each kernel kept one task from getting a core, shape (kernels,)."""
        trace = self.trace
        cores = self.cores.awaited_by(row)
        return cores.held_us(float(trace.ready_us[row]), float(trace.dispatch_us[row]))

    def _submitted(self, columns: int) -> tuple[Floats, NDArray[np.int64]]:
        """Time of the orchestrator before the first task of the path was submitted."""
        trace, first = self.trace, int(self.row[0])
        begin_us = np.maximum(trace.orchestrator_begin_us, trace.begin_us)
        end_us = np.minimum(trace.orchestrator_end_us, trace.ready_us[first])
        spent_us = np.maximum(end_us - begin_us, 0.0)
        kernel = np.where(trace.graph.kernel < 0, columns - 1, trace.graph.kernel)
        spent = spent_us > 0.0
        us, tasks = _sum_and_count(kernel[spent], spent_us[spent], columns)
        # A recorded orchestrator has pauses, or was not recorded: they count with the task that
        # had to wait for it.
        pauses_us = float(self.part_us[0, Reason.ORCHESTRATOR]) - float(us.sum())
        if pauses_us > _ROUNDING_US:
            us[trace.kernel[first]] += pauses_us
            tasks[trace.kernel[first]] += 1
        return us, tasks

    def _blocked(self, columns: int) -> tuple[Floats, NDArray[np.int64]]:
        """Time for which submits waited for space before the first task of the path came."""
        trace = self.trace
        waited_us = _waited_us(trace, float(trace.ready_us[self.row[0]]))
        kernel = trace.graph.kernel[trace.waits["submit"]]
        kernel = np.where(kernel < 0, columns - 1, kernel)
        spent = waited_us > 0.0
        return _sum_and_count(kernel[spent], waited_us[spent], columns)


def _waited_us(trace: Trace, until_us: float) -> Floats:
    """The part of each wait for space that lies between the first dispatch and some time."""
    begin_us = np.maximum(trace.waits["begin_us"], trace.begin_us)
    waited_us: Floats = np.minimum(trace.waits["end_us"], until_us) - begin_us
    return np.maximum(waited_us, 0.0)


def _sum_and_count(
    kernel: NDArray[np.integer], us: Floats, columns: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Sum of times and number of them per kernel, shape (columns,)."""
    count = np.bincount(kernel, minlength=columns).astype(np.int64)
    return np.bincount(kernel, us, columns).astype(np.float64), count


def explain(trace: Trace) -> Explanation:
    """Split the wall-clock of a run, walking back from its last finish.

    Returns
    -------
    Explanation
        Its parts sum to the wall-clock.
    """
    row_of = np.full(len(trace.graph), -1)
    last = np.argsort(trace.finish_us, kind="stable")
    row_of[trace.task[last]] = last  # of a task on several cores, the one that ends it
    released_by = trace.released_by.tolist()
    row = int(np.argmax(trace.finish_us))
    path = [row]
    while released_by[row] >= 0:
        row = int(row_of[released_by[row]])
        path.append(row)
    rows = np.array(path[::-1])
    cores = Occupancies(trace)
    return Explanation(trace, rows, _parts(trace, rows, cores), cores)


def _parts(trace: Trace, rows: NDArray[np.int64], cores: Occupancies) -> Floats:
    """What each task of the path adds, by reason, shape (m, 9)."""
    begin_us = trace.begin_us

    def between(first_us: Floats, last_us: Floats) -> Floats:
        # Before the first dispatch nothing counts.
        return np.maximum(last_us, begin_us) - np.maximum(first_us, begin_us)

    ready_us, dispatch_us = _released(trace, rows)
    start_us, end_us = trace.start_us[rows], trace.end_us[rows]
    part_us = np.zeros((len(rows), len(Reason)))
    part_us[:, Reason.MEMORY] = between(start_us + trace.alone_us[rows], end_us)
    part_us[:, Reason.KERNEL] = between(start_us, end_us) - part_us[:, Reason.MEMORY]
    queued_us = np.maximum(between(dispatch_us, trace.held_from_us[rows]), 0.0)
    part_us[:, Reason.HEAD] = between(dispatch_us, start_us) - queued_us
    part_us[:-1, Reason.COMPLETION] = between(end_us[:-1], ready_us[1:])
    part_us[-1:, Reason.TAIL] = between(end_us[-1:], trace.finish_us[rows[-1:]])
    space_us = _waited_us(trace, float(ready_us[0])).sum()
    part_us[0, Reason.SPACE] = space_us
    part_us[:1, Reason.ORCHESTRATOR] = between(np.array([begin_us]), ready_us[:1]) - space_us
    waited_us = between(ready_us, dispatch_us)
    part_us[:, Reason.CORE] = np.minimum(_core_waits(trace, rows, cores), waited_us)
    part_us[:, Reason.THREAD] = waited_us - part_us[:, Reason.CORE]
    part_us[:, Reason.CORE] += queued_us  # in the core's second slot
    return part_us


def _released(trace: Trace, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """When each task of the path was ready and dispatched, and free to run.

    A recorded dispatch may lie before the end of the producer, where the task was staged early;
    until then nothing that concerns its own core or thread has held it up.
    """
    ready_us, dispatch_us = trace.ready_us[rows], trace.dispatch_us[rows]
    free_us = np.minimum(trace.end_us[rows[:-1]], trace.start_us[rows[1:]])
    early = dispatch_us[1:] < free_us
    ready_us[1:] = np.where(early, free_us, ready_us[1:])
    dispatch_us[1:] = np.where(early, free_us, dispatch_us[1:])
    return ready_us, dispatch_us


def _core_waits(trace: Trace, rows: NDArray[np.int64], cores: Occupancies) -> Floats:
    """How long no core was idle that each task could have run on, while it was ready."""
    waits_us = np.zeros(len(rows))
    for place in np.flatnonzero(trace.dispatch_us[rows] > trace.begin_us).tolist():
        row = int(rows[place])
        first_us = max(float(trace.ready_us[row]), trace.begin_us)
        awaited = cores.awaited_by(row)
        waits_us[place] = awaited.full_us(first_us, float(trace.dispatch_us[row]))
    return waits_us
