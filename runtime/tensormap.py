"""Dependence discovery: from submits to edges, by the rules of the runtime's TensorMap.

An argument depends on the task that created its tensor, and, if the task reads it, on every
earlier writer of an overlapping rectangle that is still in the map. Writers enter the map; only
an INOUT that covers an older entry removes it. Write-only arguments look nothing up, so
write-after-write between them goes unseen, as does write-after-read always.

The rule is *no retirement*: edges are those of a runtime in which no task has retired, so they
depend on the program alone and not on its timing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from devices.kernel import Direction
from runtime.graph import Buffer, TaskGraph, View
from runtime.map_entries import NEVER_REMOVED, MapEntries
from runtime.submits import Submits

__all__ = ["Access", "TensorMap", "build_graph", "named_accesses"]

Access = tuple[View, Direction]
"""A rectangle that a task reads or writes."""

_Entry = tuple[int, View, int]
"""A writer, the rectangle that it wrote, and the number of the entry."""


class TensorMap:
    """Producers by the rectangles that they wrote.

    Parameters
    ----------
    lookup_cap : int or None
        Most producers that one lookup returns, newest first; None for all.

    Attributes
    ----------
    walked : int
        Entries that lookups have looked at.
    dropped : int
        Producers that lookups found beyond the cap.
    entry_writer, entry_removed_by, entry_buffer, walks : list
        Columns of `MapEntries`.
    """

    def __init__(self, lookup_cap: int | None) -> None:
        self.lookup_cap = lookup_cap
        self.walked = 0
        self.dropped = 0
        self.entry_writer: list[int] = []
        self.entry_removed_by: list[int] = []
        self.entry_buffer: list[int] = []
        self.walks: list[tuple[int, int, int]] = []
        self._numbers: dict[Buffer, int] = {}
        self._writers: dict[Buffer, list[_Entry]] = {}

    def submit(self, task: int, accesses: Iterable[Access]) -> list[int]:
        """Producers of `task`, without repetition, in the order in which they are found."""
        producers: dict[int, None] = {}  # a dict keeps the order that a set would lose
        written: list[View] = []
        for view, direction in accesses:
            owner = view.buffer.owner
            if direction is Direction.OUT:
                continue  # nobody else knows the tensor yet; its owner stands for the writer
            if owner >= 0 and owner != task:
                producers[owner] = None
            if direction is Direction.NO_DEP:
                continue
            if direction is not Direction.OUT_EXISTING:
                self._look_up(task, view, direction, producers)
            if direction is not Direction.IN:
                written.append(view)
        for view in written:
            self._writers.setdefault(view.buffer, []).append((task, view, len(self.entry_writer)))
            self.entry_writer.append(task)
            self.entry_removed_by.append(NEVER_REMOVED)
            self.entry_buffer.append(self._number(view.buffer))
        return list(producers)

    def _number(self, buffer: Buffer) -> int:
        return self._numbers.setdefault(buffer, len(self._numbers))

    def _look_up(
        self, task: int, view: View, direction: Direction, producers: dict[int, None]
    ) -> None:
        entries = self._writers.get(view.buffer)
        if not entries:
            return
        self.walked += len(entries)
        if len(entries) > 1:
            self.walks.append((task, self._number(view.buffer), len(entries)))
        covers_all = view.shape == view.buffer.shape
        found = [e for e in reversed(entries) if covers_all or _overlap(view, e[1])]
        if self.lookup_cap is not None and len(found) > self.lookup_cap:
            self.dropped += len(found) - self.lookup_cap
            del found[self.lookup_cap :]
        for producer, _, _ in found:
            producers[producer] = None
        if direction is Direction.INOUT:
            covered = [e for e in found if covers_all or _covers(view, e[1])]
            for entry in covered:
                entries.remove(entry)
                self.entry_removed_by[entry[2]] = task


def _overlap(a: View, b: View) -> bool:
    """Whether two rectangles of one buffer share an element; touching is not sharing."""
    return all(
        x < y + n and y < x + m
        for x, m, y, n in zip(a.offset, a.shape, b.offset, b.shape, strict=True)
    )


def _covers(a: View, b: View) -> bool:
    """Whether rectangle `a` contains all of `b`."""
    return all(
        x <= y and y + n <= x + m
        for x, m, y, n in zip(a.offset, a.shape, b.offset, b.shape, strict=True)
    )


def named_accesses(submits: Submits) -> Iterable[Sequence[Access]]:
    """What each submit names as its arguments: the rectangles that the real runtime compares."""
    directions = [[p.direction for p in kernel.parameters] for kernel in submits.kernels]
    for kernel, views in zip(submits.kernel, submits.views, strict=True):
        yield () if kernel < 0 else tuple(zip(views, directions[kernel], strict=True))


def build_graph(
    submits: Submits,
    *,
    lookup_cap: int | None,
    rings: int,
    accesses: Iterable[Sequence[Access]] | None = None,
) -> TaskGraph:
    """Find the edges between submits.

    Parameters
    ----------
    submits : Submits
        A recorded program.
    lookup_cap : int or None
        Most producers per lookup, None for all.
    rings : int
        Task rings of the runtime; the scope depth selects one.
    accesses : iterable of sequence of Access, optional
        What each submit reads and writes; by default the arguments that it names.
    """
    tensor_map = TensorMap(lookup_cap)
    fanin: list[list[int]] = []
    entries: list[int] = []
    for task, touched in enumerate(named_accesses(submits) if accesses is None else accesses):
        before = tensor_map.walked
        found = [] if task in submits.manual else tensor_map.submit(task, touched)
        if task in submits.explicit:
            found = list(dict.fromkeys([*found, *submits.explicit[task]]))
        fanin.append(found)
        entries.append(tensor_map.walked - before)
    counts = np.fromiter(map(len, fanin), dtype=np.int64, count=len(fanin))
    return TaskGraph(
        name=submits.name,
        kernels=submits.kernels,
        kernel=np.array(submits.kernel, dtype=np.int32),
        ring=np.minimum(np.array(submits.depth), rings - 1).astype(np.int8),
        fanin_start=np.concatenate(([0], np.cumsum(counts))),
        fanin=np.fromiter(chain.from_iterable(fanin), dtype=np.int32, count=int(counts.sum())),
        chain_entries=np.array(entries, dtype=np.int32),
        dropped=tensor_map.dropped,
        views=submits.views,
        scalars=submits.scalars,
        scopes=submits.scopes,
        map_entries=MapEntries(
            np.array(tensor_map.entry_writer, dtype=np.int32),
            np.array(tensor_map.entry_removed_by, dtype=np.int32),
            np.array(tensor_map.entry_buffer, dtype=np.int32),
            np.array(tensor_map.walks, dtype=np.int32).reshape(-1, 3),
        ),
        launches=submits.launches,
    )
