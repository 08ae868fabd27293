"""Hazards: pairs of tasks that touch the same bytes, one of them writing, in no certain order.

The runtime finds read-after-write by overlap, write-after-write only through INOUT arguments and
write-after-read never, and one version of it keeps no more than 16 producers of a lookup. What it
leaves out, a graph leaves to chance: to which task happens to run first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from devices.kernel import Direction
from runtime.accesses import touched_accesses
from runtime.dependencies import Dependencies
from runtime.graph import Buffer, TaskGraph, View
from runtime.submits import Submits
from runtime.task_sets import TaskSets, last_uses
from runtime.tensormap import Access
from runtime.true_order import Conflicts, find_conflicts

__all__ = ["Cause", "Hazard", "Hazards", "Kind", "find_hazards"]

MOST_PAIRS = 1_000
"""Pairs that a hazard names one by one; all are counted."""


_FEW = 4
"""Tasks at one rectangle that are compared one by one."""


class Kind(StrEnum):
    """What would have to stay in order, the earlier submit named last."""

    RAW = "raw"
    """A read after a write."""
    WAW = "waw"
    """A write after a write."""
    WAR = "war"
    """A write after a read."""


class Cause(StrEnum):
    """Why the runtime has found no edge."""

    LOOKUP_CAP = "lookup cap"
    """The lookup found more producers than it returns, and dropped the oldest."""
    WRITE_ONLY = "write-only argument"
    """The later task only writes the tensor, and such an argument looks nothing up."""
    READER = "reader not tracked"
    """Only writers enter the TensorMap."""
    ABSENT = "edge not in the graph"
    """The runtime would have found it; the graph has been changed since."""


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


Key = tuple[Kind, Cause, int, int]
"""Kind, cause, and the kernels of the earlier and the later task."""


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
    _scan: _Scan = field(repr=False)

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
    scan = _Scan(submits, graph, accesses, dependencies)
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


class _Scan:
    """Goes through the submits in order, with the set of tasks that precede each one."""

    def __init__(
        self,
        submits: Submits,
        graph: TaskGraph,
        accesses: Sequence[Sequence[Access]],
        dependencies: Dependencies,
    ) -> None:
        self.kernel = graph.kernel
        self.lookup_cause = Cause.LOOKUP_CAP if graph.dropped else Cause.ABSENT
        self.conflicts = find_conflicts(accesses)
        rows = graph.fanin.tolist()
        self.fanin = [rows[a:b] for a, b in pairwise(graph.fanin_start.tolist())]
        self.blind = _blind_writes(submits, accesses, self.conflicts, dependencies)
        self.members = _uncertain(self.fanin, self.conflicts)
        self.last_touch = _last_touches(len(graph), self.conflicts)

    def unordered(self) -> Iterator[tuple[Key, int, NDArray[np.int64]]]:
        """Hazard's key, later task and earlier tasks, ascending by later task."""
        for task, _, sets, found in self._walk(frozenset()):
            for (kind, cause), members in found.items():
                earlier = sets.tasks(members)
                kernels = self.kernel[earlier]
                for kernel in np.unique(kernels).tolist():
                    key = kind, cause, kernel, int(self.kernel[task])
                    yield key, task, earlier[kernels == kernel]

    def repaired(self, kinds: frozenset[Kind]) -> list[list[int]]:
        """Producers of each submit, with the missing ones behind them."""
        fanin: list[list[int]] = [list(row) for row in self.fanin]
        for task, added, _, _ in self._walk(kinds):
            fanin[task] += added
        return fanin

    def _walk(
        self, repaired: frozenset[Kind]
    ) -> Iterator[tuple[int, list[int], TaskSets, dict[tuple[Kind, Cause], int]]]:
        """Tasks with a conflict that no path orders: added producers, and the unordered sets."""
        sets = TaskSets(self.members, self.last_touch)
        ending = last_uses(self.fanin, self.last_touch)
        masks: tuple[dict[int, int], dict[int, int]] = {}, {}
        before: dict[int, int] = {}  # the tasks that precede each submit, itself included
        for task, producers in enumerate(self.fanin):
            ordered = 0
            for producer in producers:
                ordered |= before[producer]
            found = self._conflicting(task, sets, masks, ordered)
            added: list[int] = []
            if found:
                lost = 0
                for (kind, _), members in found.items():
                    lost |= members if kind in repaired else 0
                while lost:
                    newest = sets.newest(lost)
                    added.append(newest)
                    ordered |= before[newest]
                    lost &= ~ordered
                yield task, added, sets, found
            before[task] = ordered | sets.of(task)
            for ended in ending.pop(task, ()):
                del before[ended]
            if sets.forget(task, before):
                for known in masks:
                    known.clear()

    def _conflicting(
        self,
        task: int,
        sets: TaskSets,
        masks: tuple[dict[int, int], dict[int, int]],
        ordered: int,
    ) -> dict[tuple[Kind, Cause], int]:
        """Earlier tasks that conflict with `task` and are not in `ordered`."""
        conflicts, (writers, readers) = self.conflicts, masks
        if not conflicts.touched[task]:
            return {}
        loose = sets.before(task) & ~ordered
        found: dict[tuple[Kind, Cause], int] = {}
        if not loose:
            return found

        def note(kind: Kind, cause: Cause, members: int) -> None:
            if members & loose:
                found[kind, cause] = found.get((kind, cause), 0) | members & loose

        for rectangle in conflicts.read[task]:
            if rectangle not in writers:
                writers[rectangle] = sets.among(conflicts.writers[rectangle])
            note(Kind.RAW, self.lookup_cause, writers[rectangle])
        blind = self.blind[task]
        for rectangle in conflicts.written[task]:
            if rectangle not in writers:
                writers[rectangle] = sets.among(conflicts.writers[rectangle])
            if rectangle not in readers:
                readers[rectangle] = sets.among(conflicts.readers[rectangle])
            cause = Cause.WRITE_ONLY if rectangle in blind else self.lookup_cause
            note(Kind.WAW, cause, writers[rectangle])
            note(Kind.WAR, Cause.READER, readers[rectangle])
        return found


def _blind_writes(
    submits: Submits,
    accesses: Sequence[Sequence[Access]],
    conflicts: Conflicts,
    dependencies: Dependencies,
) -> list[frozenset[int]]:
    """Rectangles that each task writes through arguments that look nothing up."""
    directions = [[p.direction for p in kernel.parameters] for kernel in submits.kernels]
    blind: list[frozenset[int]] = []
    for task, kernel in enumerate(submits.kernel):
        if dependencies is Dependencies.TILE:
            blind.append(frozenset(conflicts.written[task]) - frozenset(conflicts.read[task]))
            continue
        looked_up: set[Buffer] = set()
        if kernel >= 0:
            for view, direction in zip(submits.views[task], directions[kernel], strict=True):
                if direction is not Direction.OUT_EXISTING:
                    looked_up.add(view.buffer)
        written = [v.buffer for v, how in accesses[task] if how is not Direction.IN]
        pairs = zip(conflicts.written[task], written, strict=True)
        blind.append(frozenset([r for r, buffer in pairs if buffer not in looked_up]))
    return blind


def _uncertain(fanin: Sequence[Sequence[int]], conflicts: Conflicts) -> list[int]:
    """Tasks whose order with those they conflict with is not plain from single edges."""
    uncertain: set[int] = set()
    done: set[int] = set()
    for task, rectangles in enumerate(conflicts.touched):
        for rectangle in rectangles:
            if rectangle in done:
                continue
            sharers = {*conflicts.writers[rectangle], *conflicts.readers[rectangle]}
            # To look at every pair of many sharers takes longer than to carry their bits.
            if len(sharers) > _FEW or any(t < task and t not in fanin[task] for t in sharers):
                uncertain |= sharers
                done.add(rectangle)
    return sorted(uncertain)


def _last_touches(count: int, conflicts: Conflicts) -> list[int]:
    """Last submit that touches what each of `count` submits touched; itself, if none does."""
    last_of = [-1] * len(conflicts.writers)
    for task, rectangles in enumerate(conflicts.touched):
        for rectangle in rectangles:
            last_of[rectangle] = task
    last = list(range(count))
    for rectangle, tasks in enumerate(zip(conflicts.writers, conflicts.readers, strict=True)):
        for task in chain.from_iterable(tasks):
            last[task] = max(last[task], last_of[rectangle])
    return last
