"""What a graph asks of the runtime's resources: a ring place, heap, dependency pool, TensorMap."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from librt.vecs import vec
from mypy_extensions import i32, i64
from numpy.typing import NDArray

from devices.columns import integers
from devices.errors import InputError
from runtime.graph import ALLOC, TaskGraph
from runtime.map_entries import NEVER_REMOVED
from runtime.version import RuntimeVersion

__all__ = ["Demand", "Limits", "Resource", "RingDemand", "heap_bytes"]


Integers = NDArray[np.int64]


class Resource(IntEnum):
    """What the orchestrator may have to wait for."""

    TASK_WINDOW = 0
    """Places of a task ring."""
    HEAP = 1
    """Bytes of a ring's heap."""
    DEP_POOL = 2
    """Entries of a ring's dependency pool: consumers in producers' lists."""
    TENSORMAP = 3
    """Entries of the TensorMap."""

    @property
    def label(self) -> str:
        """What it is called in tables."""
        return ("task window", "heap", "dependency pool", "TensorMap")[self]

    @property
    def key(self) -> str:
        """Key of its size in the description of a runtime."""
        return ("task_window", "heap_bytes", "dep_pool_entries", "tensormap_entries")[self]


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of the resources of one ring, and of the one TensorMap; 0 is no limit.

    With `holds_scopes`, tasks do not run before their scope ends.
    """

    rings: int
    task_window: int
    heap_bytes: int
    output_alignment_bytes: int
    dep_pool_entries: int
    tensormap_entries: int
    holds_scopes: bool

    @staticmethod
    def of(runtime: RuntimeVersion) -> Limits:
        """The sizes that a runtime has."""
        return Limits(
            runtime.rings,
            runtime.task_window,
            runtime.heap_bytes,
            runtime.output_alignment_bytes,
            runtime.dep_pool_entries,
            runtime.tensormap_entries,
            holds_scopes=runtime.rules.orchestration == "scope",
        )

    def size(self, resource: Resource) -> int:
        """Size of one resource."""
        return int(getattr(self, resource.key))


def heap_bytes(graph: TaskGraph, alignment: int) -> Integers:
    """Heap that each submit takes for the tensors that it makes, shape (n,), in bytes."""
    made_by, nbytes = graph.made_tensors
    total = np.zeros(len(graph), dtype=np.int64)
    np.add.at(total, made_by, -(-nbytes // alignment) * alignment)
    return total


@dataclass(frozen=True, slots=True)
class RingDemand:
    """What the submits of one ring ask for, in their order; `k` of them.

    Attributes
    ----------
    submits : column of int
        Their numbers.
    heap_end : column of int
        Where the heap's head stands after each, counted on without wrapping; a submit whose
        bytes would straddle the end of the heap begins at its start.
    producers : column of int
        Producers of all submits up to and with each that are tasks; an alloc is complete before
        anyone waits for it.
    """

    submits: vec[i32]
    heap_end: vec[i64]
    producers: vec[i64]

    @staticmethod
    def of(submits: Integers, nbytes: Integers, producers: Integers, heap: int) -> RingDemand:
        """The demand of submits that need so many bytes and have so many producers each."""
        return RingDemand(integers(submits), place(nbytes, heap), vec[i64](np.cumsum(producers)))


def place(nbytes: Integers, heap: int) -> vec[i64]:
    """Where the head stands after each allocation in a heap of that size, without wrapping."""
    if not heap or nbytes.sum() <= heap:
        return vec[i64](np.cumsum(nbytes))
    ends, head = [], 0
    for size in nbytes.tolist():
        if size and head % heap + size > heap:
            head += heap - head % heap
        head += size
        ends.append(head)
    return vec[i64](ends)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a graph asks for.

    Attributes
    ----------
    rings : tuple of RingDemand
        By ring.
    position : column of int
        Place of each submit among those of its ring.
    inserted : column of int
        TensorMap entries of all submits up to and with each.
    removed : dict of int to list of int
        The writers whose entries a submit removes, once for each entry.
    """

    rings: tuple[RingDemand, ...]
    position: vec[i32]
    inserted: vec[i64]
    removed: dict[int, list[int]]

    @staticmethod
    def of(graph: TaskGraph, limits: Limits) -> Demand:
        """The demand of a graph on rings of such a size.

        Raises
        ------
        InputError
            The graph uses more rings than there are.
        """
        count = len(graph)
        if int(graph.ring.max(initial=0)) >= limits.rings:
            raise InputError(
                f"{graph.name} has submits in ring {graph.ring.max()}, but the runtime has rings 0 "
                f"to {limits.rings - 1} only; choose another --runtime or other rings"
            )
        nbytes = heap_bytes(graph, limits.output_alignment_bytes)
        is_task = np.concatenate(([0], np.cumsum(graph.kernel[graph.fanin] != ALLOC)))
        producers = np.diff(is_task[graph.fanin_start])
        position = np.zeros(count, dtype=np.int64)
        rings = []
        for ring in range(limits.rings):
            own = np.flatnonzero(graph.ring == ring)
            position[own] = np.arange(len(own))
            rings.append(RingDemand.of(own, nbytes[own], producers[own], limits.heap_bytes))
        entries = graph.map_entries
        removed: dict[int, list[int]] = {}
        gone = np.flatnonzero(entries.removed_by != NEVER_REMOVED)
        for writer, remover in zip(
            entries.writer[gone].tolist(), entries.removed_by[gone].tolist(), strict=True
        ):
            removed.setdefault(remover, []).append(writer)
        inserted = vec[i64](np.cumsum(np.bincount(entries.writer, minlength=count)))
        return Demand(tuple(rings), integers(position), inserted, removed)
