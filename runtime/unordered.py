"""Pairs of tasks that touch the same bytes, one of them writing, in no certain order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from devices.kernel import Direction
from runtime.dependencies import Dependencies
from runtime.graph import Buffer, TaskGraph
from runtime.submits import Submits
from runtime.task_sets import TaskSets, last_uses
from runtime.tensormap import Access
from runtime.true_order import Conflicts, find_conflicts, last_touches

__all__ = ["Cause", "Key", "Kind", "UnorderedPairs"]

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


Key = tuple[Kind, Cause, int, int]
"""Kind, cause, and the kernels of the earlier and the later task."""


class UnorderedPairs:
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
        sharers = map(chain, self.conflicts.writers, self.conflicts.readers)
        self.last_touch = last_touches(len(graph), self.conflicts, sharers)

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
                if direction in (Direction.IN, Direction.INOUT):
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
