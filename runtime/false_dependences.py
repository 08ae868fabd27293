"""False dependences: edges between tasks that touch no byte in common, and a graph without them.

The runtime compares the tensors that tasks name. Where kernels slice what they are given, many
of its edges order tasks that have nothing to do with each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from runtime.accesses import touched_accesses
from runtime.graph import ALLOC, TaskGraph
from runtime.submits import Submits
from runtime.true_order import Conflicts, find_conflicts, keep_order

__all__ = ["FalseDependences", "KernelPair", "find_false_dependences"]


@dataclass(frozen=True, slots=True)
class KernelPair:
    """False edges from tasks of one kernel to tasks of another.

    Attributes
    ----------
    producer, consumer : int
        Numbers of the kernels in the graph.
    count : int
        False edges between their tasks.
    """

    producer: int
    consumer: int
    count: int


@dataclass(frozen=True)
class FalseDependences:
    """The false edges of a graph.

    Attributes
    ----------
    graph : TaskGraph
        The graph that has them.
    edge : int64 array, shape (m,)
        Positions of the false edges in `graph.fanin`, ascending.
    conflicts : Conflicts
        Which tasks write the bytes that each task touches.
    """

    graph: TaskGraph
    edge: NDArray[np.int64]
    conflicts: Conflicts = field(repr=False)

    @cached_property
    def producer(self) -> NDArray[np.int32]:
        """Submit from which each false edge comes, shape (m,)."""
        return self.graph.fanin[self.edge]

    @cached_property
    def consumer(self) -> NDArray[np.int32]:
        """Submit to which each false edge goes, shape (m,)."""
        after = np.searchsorted(self.graph.fanin_start, self.edge, side="right")
        return (after - 1).astype(np.int32)

    @cached_property
    def pairs(self) -> tuple[KernelPair, ...]:
        """False edges by kernels: the most first, then by the kernels' numbers."""
        kernel = self.graph.kernel
        names = zip(kernel[self.producer].tolist(), kernel[self.consumer].tolist(), strict=True)
        found = [KernelPair(*pair, count) for pair, count in Counter(names).items()]
        return tuple(sorted(found, key=lambda p: (-p.count, p.producer, p.consumer)))

    def without(self, pairs: Collection[tuple[int, int]] | None = None) -> TaskGraph:
        """The graph without false edges, and with all order that bytes ask for.

        Tasks that depended on each other truly, but only through edges that are dropped, get an
        edge of their own. What else the graph says stays as it was.

        Parameters
        ----------
        pairs : collection of (int, int), optional
            Kernels, by number, from and to whose tasks false edges are dropped; by default all.

        Raises
        ------
        InputError
            There is no false edge between two of these kernels.
        """
        dropped = self.edge if pairs is None else self.edge[self._between(pairs)]
        if not len(dropped):
            return self.graph
        graph = self.graph
        stays = np.ones(graph.edge_count, dtype=np.bool_)
        stays[dropped] = False
        start = np.concatenate(([0], np.cumsum(stays)))[graph.fanin_start]
        before = _rows(graph.fanin_start, graph.fanin)
        kept = keep_order(before, _rows(start, graph.fanin[stays]), self.conflicts)
        return replace(
            graph,
            fanin_start=np.cumsum([0, *map(len, kept)], dtype=np.int64),
            fanin=np.array(list(chain.from_iterable(kept)), dtype=np.int32),
        )

    def _between(self, pairs: Collection[tuple[int, int]]) -> NDArray[np.bool_]:
        """Which false edges are those of `pairs`."""
        known = {(pair.producer, pair.consumer) for pair in self.pairs}
        kernel = self.graph.kernel
        chosen = np.zeros(len(self.edge), dtype=np.bool_)
        for pair in pairs:
            if pair not in known:
                raise InputError(
                    f"{self.graph.name} has no false dependence from kernel {pair[0]} to kernel "
                    f"{pair[1]}; give pairs of those found: {', '.join(map(str, sorted(known)))}"
                )
            chosen |= (kernel[self.producer] == pair[0]) & (kernel[self.consumer] == pair[1])
        return chosen


def find_false_dependences(submits: Submits, graph: TaskGraph) -> FalseDependences:
    """Find the edges whose tasks touch no byte in common.

    An edge is true if its producer writes an element that its consumer reads or writes; edges
    from allocs and those that the program names are always true. As for the runtime, a read before
    a write asks for no order.

    Parameters
    ----------
    submits : Submits
        The recorded program.
    graph : TaskGraph
        Its graph, found on the tensors that tasks name.

    Raises
    ------
    InputError
        The graph is not one of this program.
    """
    if len(submits) != len(graph) or not np.array_equal(submits.kernel, graph.kernel):
        raise InputError(
            f"the graph {graph.name!r} is not that of the recorded program {submits.name!r}; "
            f"find it from these submits"
        )
    conflicts = find_conflicts(touched_accesses(submits))
    written_by = [frozenset(tasks) for tasks in conflicts.writers]
    is_alloc = (graph.kernel == ALLOC).tolist()
    false: list[int] = []
    position = 0
    for task, (producers, touched) in enumerate(
        zip(_rows(graph.fanin_start, graph.fanin), conflicts.touched, strict=True)
    ):
        named = submits.explicit.get(task, ())
        for producer in producers:
            if not is_alloc[producer] and producer not in named:
                for rectangle in touched:
                    if producer in written_by[rectangle]:
                        break
                else:
                    false.append(position)
            position += 1
    return FalseDependences(graph, np.array(false, dtype=np.int64), conflicts)


def _rows(start: NDArray[np.int64], fanin: NDArray[np.int32]) -> list[list[int]]:
    """Producers of each submit."""
    flat = fanin.tolist()
    return [flat[first:last] for first, last in pairwise(start.tolist())]
