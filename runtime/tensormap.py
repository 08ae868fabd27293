"""Dependence discovery: from submits to edges, by the rules of the runtime's TensorMap.

An argument depends on the task that created its tensor, and, if the task reads it, on every
earlier writer of an overlapping rectangle that is still in the map. Writers enter the map; only
an INOUT that covers an older entry removes it. Write-only arguments look nothing up, so
write-after-write between them goes unseen, as does write-after-read always.

The rule is *no retirement*: edges are those of a runtime in which no task has retired, so they
depend on the program alone and not on its timing.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import itemgetter

import numpy as np

from devices.kernel import Direction
from runtime.arguments import TensorArguments
from runtime.garbage import garbage_collection_paused
from runtime.graph import Buffer, TaskGraph, View
from runtime.map_entries import NEVER_REMOVED, MapEntries
from runtime.overlaps import Overlaps, overlap
from runtime.submits import Submits

__all__ = ["Access", "TensorMap", "build_graph", "named_accesses"]

Access = tuple[View, Direction]
"""A rectangle that a task reads or writes."""

# Looked up once: the class looks its members up anew each time.
_IN, _INOUT, _NO_DEP = Direction.IN, Direction.INOUT, Direction.NO_DEP
_OUT, _OUT_EXISTING = Direction.OUT, Direction.OUT_EXISTING

_FEW = 4
"""Entries of a tensor that are compared one by one sooner than by where they are."""


class _Chain:
    """The entries of one tensor.

    Attributes
    ----------
    number : int
        Number of the tensor, by its first entry.
    entries : list of int
        Numbers of the entries, oldest first.
    overlaps : Overlaps or None
        The same by their rectangles, as soon as a lookup has to choose among many.
    """

    __slots__ = ("entries", "number", "overlaps")

    def __init__(self, number: int) -> None:
        self.number = number
        self.entries: list[int] = []
        self.overlaps: Overlaps | None = None


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
    entry_writer, entry_removed_by, entry_buffer, walks : int32 array
        Columns of `MapEntries`; `walks` row after row.
    """

    def __init__(self, lookup_cap: int | None) -> None:
        self.lookup_cap = lookup_cap
        self.walked = 0
        self.dropped = 0
        self.entry_writer = array("i")
        self.entry_removed_by = array("i")
        self.entry_buffer = array("i")
        self.walks = array("i")
        self._views: list[View] = []  # of each entry
        self._chains: dict[Buffer, _Chain] = {}
        self._count = 0

    def submit(self, task: int, accesses: Iterable[Access]) -> list[int]:
        """Producers of `task`, without repetition, in the order in which they are found."""
        producers: dict[int, None] = {}  # a dict keeps the order that a set would lose
        written: list[View] = []
        chains = self._chains
        for view, direction in accesses:
            if direction is _OUT:
                continue  # nobody else knows the tensor yet; its owner stands for the writer
            buffer = view.buffer
            if -1 < buffer.owner != task:
                producers[buffer.owner] = None
            if direction is _NO_DEP:
                continue
            if direction is not _OUT_EXISTING:
                chain = chains.get(buffer)
                if chain is not None and chain.entries:
                    self._look_up(task, chain, view, direction, producers)
            if direction is not _IN:
                written.append(view)
        for view in written:
            self._insert(task, view)
        return list(producers)

    def forget(self, buffer: Buffer) -> None:
        """Drop the entries of a tensor that nothing names any more."""
        self._chains.pop(buffer, None)

    def _insert(self, task: int, view: View) -> None:
        chain = self._chains.get(view.buffer)
        if chain is None:
            chain = self._chains[view.buffer] = _Chain(self._count)
            self._count += 1
        entry = len(self._views)
        self._views.append(view)
        self.entry_writer.append(task)
        self.entry_removed_by.append(NEVER_REMOVED)
        self.entry_buffer.append(chain.number)
        chain.entries.append(entry)
        if chain.overlaps is not None:
            chain.overlaps.keep(view.offset, view.shape, entry)

    def _look_up(
        self,
        task: int,
        chain: _Chain,
        view: View,
        direction: Direction,
        producers: dict[int, None],
    ) -> None:
        count = len(chain.entries)
        self.walked += count
        if count > 1:
            self.walks.extend((task, chain.number, count))
        cap = count if self.lookup_cap is None else self.lookup_cap
        covers_all = view.shape == view.buffer.shape
        if covers_all:
            found = chain.entries[: -cap - 1 : -1]
            self.dropped += count - len(found)
        else:
            found = self._overlapping(chain, view)
            if len(found) > cap:
                self.dropped += len(found) - cap
                del found[cap:]
        writers = self.entry_writer
        for entry in found:
            producers[writers[entry]] = None
        if direction is _INOUT:
            views = self._views
            for entry in found:
                if covers_all or _covers(view, views[entry]):
                    self._remove(chain, entry)
                    self.entry_removed_by[entry] = task

    def _overlapping(self, chain: _Chain, view: View) -> list[int]:
        """Entries whose rectangles overlap that of `view`, the newest first."""
        overlaps = chain.overlaps
        if overlaps is None:
            views = self._views
            if len(chain.entries) <= _FEW:
                return [e for e in reversed(chain.entries) if _overlaps(view, views[e])]
            overlaps = chain.overlaps = Overlaps()
            for entry in chain.entries:
                overlaps.keep(views[entry].offset, views[entry].shape, entry)
        return overlaps.overlapping(view.offset, view.shape)

    def _remove(self, chain: _Chain, entry: int) -> None:
        del chain.entries[bisect_left(chain.entries, entry)]
        if chain.overlaps is not None:
            view = self._views[entry]
            chain.overlaps.remove(view.offset, view.shape, entry)


def _overlaps(a: View, b: View) -> bool:
    """Whether two rectangles of one buffer share an element."""
    return overlap(a.offset, a.shape, b.offset, b.shape)


def _covers(a: View, b: View) -> bool:
    """Whether rectangle `a` contains all of `b`."""
    for x, m, y, n in zip(a.offset, a.shape, b.offset, b.shape, strict=True):
        if x > y or y + n > x + m:
            return False
    return True


def named_accesses(submits: Submits) -> Iterator[Iterable[Access]]:
    """What each submit names as its arguments: the rectangles that the real runtime compares."""
    directions = [[p.direction for p in kernel.parameters] for kernel in submits.kernels]
    for kernel, views in zip(submits.kernel, submits.views, strict=True):
        yield () if kernel < 0 else zip(views, directions[kernel], strict=True)


def _last_named(arguments: TensorArguments) -> list[tuple[int, Buffer]]:
    """The last submit that names each tensor, and the tensor; the earliest at the end."""
    last = np.zeros(len(arguments.views), dtype=np.int32)
    start = np.array(arguments.start)
    counts = start[1:] - start[:-1]
    last[np.array(arguments.number)] = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    of_buffer: dict[Buffer, int] = {}
    for view, submit in zip(arguments.views, last.tolist(), strict=True):
        if submit > of_buffer.get(view.buffer, -1):
            of_buffer[view.buffer] = submit
    named = [(submit, buffer) for buffer, submit in of_buffer.items()]
    named.sort(key=itemgetter(0), reverse=True)
    return named


def build_graph(
    submits: Submits,
    *,
    lookup_cap: int | None,
    rings: int,
    accesses: Iterable[Iterable[Access]] | None = None,
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
    accesses : iterable of iterable of Access, optional
        What each submit reads and writes; by default the arguments that it names.
    """
    tensor_map = TensorMap(lookup_cap)
    fanin, fanin_start, entries = array("i"), array("q", [0]), array("i")
    ending = _last_named(submits.views) if accesses is None else []
    with garbage_collection_paused():
        for task, touched in enumerate(named_accesses(submits) if accesses is None else accesses):
            before = tensor_map.walked
            found = [] if task in submits.manual else tensor_map.submit(task, touched)
            if task in submits.explicit:
                found = list(dict.fromkeys([*found, *submits.explicit[task]]))
            fanin.extend(found)
            fanin_start.append(len(fanin))
            entries.append(tensor_map.walked - before)
            while ending and ending[-1][0] == task:
                tensor_map.forget(ending.pop()[1])
    return TaskGraph(
        name=submits.name,
        kernels=submits.kernels,
        kernel=np.array(submits.kernel, dtype=np.int32),
        ring=np.minimum(np.array(submits.depth), rings - 1).astype(np.int8),
        fanin_start=np.array(fanin_start, dtype=np.int64),
        fanin=np.array(fanin, dtype=np.int32),
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
