"""The task graph: what the runtime knows of a program when every task has been submitted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from devices.dtypes import DType
from devices.kernel import CoreType, Direction, Kernel
from runtime.launch import Launch
from runtime.map_entries import MapEntries
from runtime.scopes import Scopes
from scheduler.board import AIC, AIV, MIX
from scheduler.board import DUMMY as NO_CORE
from scheduler.tasks import longest_to

__all__ = ["ALLOC", "DUMMY", "Buffer", "TaskGraph", "View", "whole_view"]

ALLOC = -1
"""Stands for a kernel in `TaskGraph.kernel` where a submit only allocates tensors."""

DUMMY = -2
"""Stands for a kernel where a task only orders others: it runs on no core."""


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """A tensor's memory: an argument of the program or a tensor that an alloc made.

    Attributes
    ----------
    owner : int
        Submit that allocated it, -1 for an argument of the program.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType
    owner: int

    @property
    def nbytes(self) -> int:
        """Bytes that its elements take."""
        return self.dtype.nbytes(math.prod(self.shape))


@dataclass(frozen=True, slots=True)
class View:
    """A rectangle of a buffer, which a task names as an argument; shape and offset in elements."""

    buffer: Buffer
    shape: tuple[int, ...]
    offset: tuple[int, ...]


def whole_view(buffer: Buffer) -> View:
    """All of a buffer."""
    rank = len(buffer.shape)
    origin = _ORIGINS[rank] if rank < len(_ORIGINS) else (0,) * rank
    return View(buffer, buffer.shape, origin)


_ORIGINS = [(0,) * rank for rank in range(8)]
"""Offsets of whole views, which share them: there may be millions."""


@dataclass(frozen=True)
class TaskGraph:
    """A program's submits and the edges that the runtime finds between them.

    Submits are numbered in program order; `n` counts tasks and hidden allocs. The graph is
    immutable, is built once and serves any number of simulations.

    Attributes
    ----------
    name : str
        Name of the program.
    kernels : sequence of Kernel
        The kernels that tasks execute.
    kernel : int32 array, shape (n,)
        Index into `kernels`, `ALLOC` or `DUMMY`.
    ring : int8 array, shape (n,)
        Task ring, from the depth of the scope that encloses the submit.
    fanin_start : int64 array, shape (n + 1,)
        Where each submit's producers begin in `fanin` (CSR).
    fanin : int32 array
        Producers, allocs included, without repetition.
    chain_entries : int32 array, shape (n,)
        TensorMap entries that the submit's lookups walked.
    dropped : int
        Producers that lookups found and the lookup cap left out.
    views : sequence of tuple of View
        Tensor arguments of each submit; the tensors made, for an alloc.
    scalars : sequence of tuple of int
        Scalar arguments of each submit.
    scopes : Scopes
        What holds submits together, and until when.
    map_entries : MapEntries
        What the TensorMap held.
    launches : mapping of int to Launch
        How submits are launched that are not run once, on one core (or one cluster, if MIX).
    """

    name: str
    kernels: Sequence[Kernel]
    kernel: NDArray[np.int32]
    ring: NDArray[np.int8]
    fanin_start: NDArray[np.int64]
    fanin: NDArray[np.int32]
    chain_entries: NDArray[np.int32]
    dropped: int
    views: Sequence[tuple[View, ...]]
    scalars: Sequence[tuple[int, ...]]
    scopes: Scopes
    map_entries: MapEntries
    launches: Mapping[int, Launch] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kernel)

    def __repr__(self) -> str:
        return (
            f"TaskGraph({self.name}: {self.task_count} tasks, {self.alloc_count} allocs, "
            f"{self.edge_count} edges)"
        )

    @property
    def task_count(self) -> int:
        """Tasks that run on cores; hidden allocs and dummy tasks are not among them."""
        return int(np.count_nonzero(self.kernel >= 0))

    @cached_property
    def alloc_count(self) -> int:
        """Hidden alloc submits."""
        return int(np.count_nonzero(self.kernel == ALLOC))

    @property
    def edge_count(self) -> int:
        """Edges, those from allocs included."""
        return len(self.fanin)

    @cached_property
    def consumer_count(self) -> NDArray[np.int64]:
        """Fan-out of each submit, shape (n,)."""
        return np.bincount(self.fanin, minlength=len(self)).astype(np.int64)

    @cached_property
    def fanout(self) -> tuple[list[int], list[int]]:
        """Where each submit's consumers begin, and the consumers, in program order (CSR)."""
        start = np.concatenate(([0], np.cumsum(self.consumer_count)))
        consumer = np.repeat(np.arange(len(self)), np.diff(self.fanin_start))
        return start.tolist(), consumer[np.argsort(self.fanin, kind="stable")].tolist()

    @cached_property
    def shape(self) -> NDArray[np.int8]:
        """What each submit needs, as the index of its ready queue; shape (n,).

        An alloc needs nothing and has that of a vector task.
        """
        shapes = {CoreType.AIC: AIC, CoreType.AIV: AIV, CoreType.MIX: MIX}
        per_kernel = [shapes[kernel.core] for kernel in self.kernels]
        return np.array([*per_kernel, NO_CORE, AIV], dtype=np.int8)[self.kernel]

    @cached_property
    def is_aic(self) -> NDArray[np.bool_]:
        """Whether each submit is a task for a cube core, shape (n,)."""
        return np.asarray(self.shape == AIC)

    @cached_property
    def made_tensors(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tensors that the runtime allocates: the submit that makes each, and its bytes."""
        makes = [False] * len(self.kernels) + [False, True]  # DUMMY is -2 and ALLOC is -1
        for number, kernel in enumerate(self.kernels):
            makes[number] = any(p.direction is Direction.OUT for p in kernel.parameters)
        made = [
            (submit, view.buffer.nbytes)
            for submit in np.flatnonzero(np.array(makes)[self.kernel]).tolist()
            for view in self.views[submit]
            if view.buffer.owner == submit
        ]
        columns = np.array(made, dtype=np.int64).reshape(-1, 2)
        return columns[:, 0], columns[:, 1]

    def producers(self, submit: int) -> NDArray[np.int32]:
        """Producers of one submit."""
        return self.fanin[self.fanin_start[submit] : self.fanin_start[submit + 1]]

    @cached_property
    def level(self) -> NDArray[np.int32]:
        """Tasks on the longest path that ends in each submit, allocs not counted; shape (n,)."""
        ones = (self.kernel >= 0).astype(np.float64)
        return longest_to(ones, self.fanin_start, self.fanin).astype(np.int32)

    @cached_property
    def depth(self) -> int:
        """Tasks on the longest path, allocs not counted."""
        return int(self.level.max(initial=0))
