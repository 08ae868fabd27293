"""Hazards: pairs of tasks that touch the same bytes, one of them writing, in no certain order.

The runtime finds read-after-write by overlap, write-after-write only through INOUT arguments and
write-after-read never, and one version of it keeps no more than 16 producers of a lookup. What it
leaves out, a graph leaves to chance: to which task happens to run first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from devices.kernel import Direction
from runtime.accesses import touched_accesses
from runtime.dependencies import Dependencies
from runtime.graph import TaskGraph, View
from runtime.submits import Submits
from runtime.tensormap import Access
from runtime.unordered import Cause, Key, Kind, UnorderedPairs

__all__ = ["Hazard", "Hazards", "find_hazards"]

MOST_PAIRS = 1_000
"""Pairs that a hazard names one by one; all are counted."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """Unordered pairs of tasks of two kernels.

    Attributes
    ----------
    kind, cause : Kind, Cause
        What is not in order, and why.
    earlier, later : int
        Numbers of the kernels, in the order in which the program submits their tasks.
    count : int
        Pairs of tasks.
    pairs : int64 array, shape (min(count, 1000), 2)
        The first pairs: earlier and later task.
    view : View
        The bytes that the first pair has in common: a rectangle of a tensor.
    """

    kind: Kind
    cause: Cause
    earlier: int
    later: int
    count: int
    pairs: NDArray[np.int64]
    view: View


@dataclass(frozen=True)
class Hazards:
    """All hazards of a graph.

    Attributes
    ----------
    graph : TaskGraph
        The graph that has them.
    found : tuple of Hazard
        Grouped; reads after writes first, then by count.
    """

    graph: TaskGraph
    found: tuple[Hazard, ...]
    _scan: UnorderedPairs = field(repr=False)

    def count(self, kind: Kind) -> int:
        """Unordered pairs of a kind."""
        return sum(hazard.count for hazard in self.found if hazard.kind is kind)

    def unordered(self) -> Iterator[tuple[Key, int, NDArray[np.int64]]]:
        """Every unordered pair: the hazard's key, the later task, and the earlier ones."""
        return self._scan.unordered()

    def repaired(self, kinds: Collection[Kind]) -> TaskGraph:
        """The graph with the edges that put the pairs of some kinds in order.

        An edge is added only where no path orders a pair yet, from the newest tasks first, for
        every edge costs a scheduler thread time. What else the graph says stays as it was.
        """
        fanin = self._scan.repaired(frozenset(kinds))
        return replace(
            self.graph,
            fanin_start=np.cumsum([0, *map(len, fanin)], dtype=np.int64),
            fanin=np.array(list(chain.from_iterable(fanin)), dtype=np.int32),
        )


def find_hazards(
    submits: Submits, graph: TaskGraph, dependencies: Dependencies = Dependencies.TENSOR
) -> Hazards:
    """Find every pair of tasks that conflicts and that no path of edges orders.

    Two tasks conflict if both touch an element of a tensor and at least one writes it. What tasks
    touch is exact, loop by loop; a tensor that they both name but touch in different places is no
    conflict. A pair may appear once for each kind.

    Parameters
    ----------
    submits : Submits
        The recorded program.
    graph : TaskGraph
        Its graph.
    dependencies : Dependencies
        What the graph's dependences were tracked on; decides the cause that is named.

    Raises
    ------
    InputError
        The graph is not one of this program.
    """
    if not np.array_equal(submits.kernel, graph.kernel):
        raise InputError(
            f"the graph {graph.name!r} is not that of the recorded program {submits.name!r}; "
            "find it from these submits"
        )
    accesses = touched_accesses(submits)
    scan = UnorderedPairs(submits, graph, accesses, dependencies)
    groups: dict[Key, list[NDArray[np.int64]]] = {}
    counts: dict[Key, int] = {}
    for key, later, earlier in scan.unordered():
        known = counts.get(key, 0)
        counts[key] = known + len(earlier)
        if known < MOST_PAIRS:
            first = earlier[: MOST_PAIRS - known]
            pairs = np.column_stack((first, np.full(len(first), later)))
            groups.setdefault(key, []).append(pairs)
    found = [
        Hazard(*key, counts[key], (pairs := np.concatenate(rows)), _common(accesses, key, pairs[0]))
        for key, rows in groups.items()
    ]
    found.sort(key=lambda h: (list(Kind).index(h.kind), -h.count, h.earlier, h.later))
    return Hazards(graph, tuple(found), scan)


def _common(accesses: Sequence[Sequence[Access]], key: Key, pair: NDArray[np.int64]) -> View:
    """The first rectangle in which two tasks conflict."""
    kind = key[0]
    for view, direction in accesses[int(pair[0])]:
        for other, how in accesses[int(pair[1])]:
            if other.buffer is not view.buffer:
                continue
            if direction is (Direction.OUT_EXISTING if kind is Kind.WAR else Direction.IN):
                continue
            if how is (Direction.OUT_EXISTING if kind is Kind.RAW else Direction.IN):
                continue
            start = np.maximum(view.offset, other.offset)
            end = np.minimum(np.add(view.offset, view.shape), np.add(other.offset, other.shape))
            if (start < end).all():
                return View(view.buffer, tuple((end - start).tolist()), tuple(start.tolist()))
    raise AssertionError("tasks that conflict have bytes in common")
