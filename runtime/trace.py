"""The record of a run: one row per task, one column per stamp."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.demand import Limits
from runtime.graph import TaskGraph
from runtime.table import columns_of, dataframe_of

__all__ = ["WAIT", "Trace"]

Floats = NDArray[np.float64]

WAIT = np.dtype(
    [("submit", np.int32), ("resource", np.int8), ("begin_us", np.float64), ("end_us", np.float64)]
)
"""A wait of the orchestrator for space."""


@dataclass(frozen=True)
class Trace:
    """When and where every task of a graph ran.

    Rows are executions of kernels on a core, `t` of them, in order of submission. A task has one
    row, a MIX or block task one for each core and block; allocs and dummy tasks have none.
    Columns named ``*_us`` hold microseconds since the orchestrator started.

    Attributes
    ----------
    graph : TaskGraph
        What ran.
    task : int32 array, shape (t,)
        The submit that each row belongs to.
    submit_us, ready_us : float64 array, shape (t,)
        When the orchestrator had submitted the task, and when it and all its producers were
        complete.
    dispatch_us : float64 array, shape (t,)
        When a scheduler thread wrote the task to its core.
    start_us, end_us : float64 array, shape (t,)
        When the kernel ran.
    observe_us, done_us : float64 array, shape (t,)
        When the scheduler thread read the core's end, and when it had walked the consumers.
    finish_us : float64 array, shape (t,)
        The finish stamp: one of the two, by version of the runtime.
    core, thread : int16 array, shape (t,)
        Which core ran it, and which scheduler thread owns that core. Cube cores come first.
    orchestrator_begin_us, orchestrator_end_us : float64 array, shape (n,)
        When the orchestrator worked on each submit, allocs included.
    dispatch_cost_us : float
        What a scheduler thread spends before each dispatch stamp, the decision included.
    aic_count, aiv_count : int
        Cores of each type on the device.
    thread_count : int
        Scheduler threads.
    released_by : int32 array, shape (t,)
        The submit whose completion made the task ready; -1 if it was ready when submitted.
    named_core : int16 array, shape (t,)
        The core that the policy named for it, or that is its own of the cluster named; -1 for any.
    decision_us : float
        What a scheduler thread spends on the policy's decision, a part of `dispatch_cost_us`.
    policy : str
        The policy, with its parameters.
    waits : structured array, fields submit, resource, begin_us, end_us
        When the orchestrator waited for space, before which submit, and for which `Resource`.
    release_us : float64 array, shape (n,)
        When a scheduler thread dropped the references of each completed task to its producers;
        for allocs, when they were made.
    linked : int32 array, shape (n,)
        Entries of the dependency pool that each submit took.
    limits : Limits
        Sizes of rings and pools.
    alone_us : float64 array, shape (t,)
        How long the kernel would have run if it had had the memory to itself.
    hbm_bytes, gm_bytes : float64 array, shape (t,)
        What HBM moved for it, in whole lines of L2, and what it loaded and stored.
    side : int8 array, shape (t,), or None
        Which side of its MIX kernel each row executed, 0 for that of the cube core; where it is
        None, the place of the core in its cluster decides.
    core_id : int32 array, shape (aic_count + aiv_count,), or None
        How the device numbers each core, where that is not as here.
    """

    graph: TaskGraph
    task: NDArray[np.int32]
    submit_us: Floats
    ready_us: Floats
    dispatch_us: Floats
    start_us: Floats
    end_us: Floats
    observe_us: Floats
    finish_us: Floats
    done_us: Floats
    core: NDArray[np.int16]
    thread: NDArray[np.int16]
    orchestrator_begin_us: Floats
    orchestrator_end_us: Floats
    dispatch_cost_us: float
    aic_count: int
    aiv_count: int
    thread_count: int
    released_by: NDArray[np.int32]
    named_core: NDArray[np.int16]
    decision_us: float
    policy: str
    waits: NDArray[np.void]
    release_us: Floats
    linked: NDArray[np.int32]
    limits: Limits
    alone_us: Floats
    hbm_bytes: Floats
    gm_bytes: Floats
    side: NDArray[np.int8] | None = None
    core_id: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.task)

    def __repr__(self) -> str:
        return f"Trace({self.graph.name}: {len(self)} tasks, {self.wall_clock_us:.2f} us)"

    @property
    def kernel(self) -> NDArray[np.int32]:
        """Index into the graph's kernels, shape (t,)."""
        return self.graph.kernel[self.task]

    @property
    def core_numbers(self) -> NDArray[np.int64]:
        """The device's number of each core, shape (aic_count + aiv_count,)."""
        if self.core_id is not None:
            return self.core_id.astype(np.int64)
        return np.arange(self.aic_count + self.aiv_count)

    @property
    def exec_us(self) -> Floats:
        """Exec of each task: end - start."""
        return self.end_us - self.start_us

    @property
    def head_us(self) -> Floats:
        """Head OH of each task: start - dispatch."""
        return self.start_us - self.dispatch_us

    @property
    def tail_us(self) -> Floats:
        """Tail OH of each task: finish - end."""
        return self.finish_us - self.end_us

    @property
    def latency_us(self) -> Floats:
        """Latency of each task: finish - dispatch."""
        return self.finish_us - self.dispatch_us

    @cached_property
    def begin_us(self) -> float:
        """The first dispatch, where the device tools begin to count."""
        return float(self.dispatch_us.min())

    @cached_property
    def wall_clock_us(self) -> float:
        """Wall-clock = Total Test Time: last finish - first dispatch."""
        return float(self.finish_us.max()) - self.begin_us

    @cached_property
    def before(self) -> NDArray[np.int64]:
        """The row that ran before each one on its core, shape (t,); -1 if there is none."""
        order = np.lexsort((self.start_us, self.core))
        before = np.full(len(self), -1)
        same = self.core[order][1:] == self.core[order][:-1]
        before[order[1:][same]] = order[:-1][same]
        return before

    @cached_property
    def held_from_us(self) -> Floats:
        """When each row has its core for itself: at its dispatch, or when the one before ends."""
        before_us = np.where(self.before >= 0, self.end_us[self.before], -np.inf)
        return np.maximum(self.dispatch_us, before_us)

    @cached_property
    def waited_us(self) -> float:
        """How long the orchestrator waited for ring space after the first dispatch."""
        begin_us = np.maximum(self.waits["begin_us"], self.begin_us)
        return float(np.maximum(self.waits["end_us"] - begin_us, 0.0).sum())

    def columns(self) -> dict[str, NDArray[Any]]:
        """The rows by name, for notebooks.

        Returns
        -------
        dict of str to array, shape (t,) each
            task
                The submit.
            kernel, core_type : object arrays of str
                Name of the kernel; AIC or AIV.
            core, thread, ring
                The core, its scheduler thread, and the task ring.
            submit_us, ready_us, dispatch_us, start_us, end_us, observe_us, finish_us, done_us
                The stamps.
            exec_us, head_us, tail_us, latency_us
                Exec, Head OH, Tail OH and latency.
            alone_us, hbm_bytes, gm_bytes, released_by, named_core
                As the columns of the trace.
        """
        return columns_of(self)

    def to_dataframe(self, library: str | None = None) -> Any:
        """The rows as a data frame, with the columns of `columns`.

        Parameters
        ----------
        library : str, optional
            ``"pandas"`` or ``"polars"``; by default pandas, or polars if pandas is missing.

        Raises
        ------
        InputError
            The library is another or is not installed.
        """
        return dataframe_of(self, library)

    def equals(self, other: Trace) -> bool:
        """Whether both traces hold the same stamps, bit for bit."""
        return all(
            np.array_equal(getattr(self, column.name), getattr(other, column.name))
            for column in fields(self)
            if column.name != "graph"
        )
