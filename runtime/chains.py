"""Chains of the TensorMap during a run: what a lookup still has to walk.

The graph is found as if nothing retired, because edges must not depend on timing. What a lookup
costs does: entries of submits that have retired are skipped. Lookups that meet at most one entry
are charged as found.
"""

from __future__ import annotations

from runtime.graph import TaskGraph
from runtime.map_entries import NEVER_REMOVED
from runtime.rings import Rings

__all__ = ["Chains"]


class Chains:
    """The chains that are ever longer than one entry.

    Parameters
    ----------
    graph : TaskGraph
        What runs.
    rings : Rings
        Knows what has retired.

    Attributes
    ----------
    walks : dict of int to list of (int, int)
        For each submit with such lookups: the buffers, and the entries that were there when the
        graph was found.
    """

    def __init__(self, graph: TaskGraph, rings: Rings) -> None:
        entries = graph.map_entries
        self.walks: dict[int, list[tuple[int, int]]] = {}
        for submit, buffer, count in entries.walks.tolist():
            self.walks.setdefault(submit, []).append((buffer, count))
        long = {buffer for walks in self.walks.values() for buffer, _ in walks}
        self._rings = rings
        self._changes: list[tuple[int, int, int, int, bool]] = []
        rows = zip(
            entries.writer.tolist(),
            entries.removed_by.tolist(),
            entries.buffer.tolist(),
            strict=True,
        )
        for number, (writer, remover, buffer) in enumerate(rows):
            if buffer in long:
                self._changes.append((writer, 1, buffer, number, True))
                if remover != NEVER_REMOVED:  # looked up, and removed, before anything is inserted
                    self._changes.append((remover, 0, buffer, number, False))
        self._changes.sort()
        self._done = 0
        self._writer = entries.writer.tolist()
        self._there: dict[int, dict[int, None]] = {buffer: {} for buffer in long}

    def skipped(self, submit: int, now_us: float) -> int:
        """Entries that the lookups of a submit need not walk any more, as they have retired."""
        self._rings.retire_all(submit, now_us)
        while self._done < len(self._changes) and self._changes[self._done][0] < submit:
            _, _, buffer, entry, is_new = self._changes[self._done]
            if is_new:
                self._there[buffer][entry] = None
            else:
                self._there[buffer].pop(entry, None)
            self._done += 1
        skipped = 0
        for buffer, found in self.walks[submit]:
            there = self._there[buffer]
            for entry in [e for e in there if self._rings.has_retired(self._writer[e])]:
                del there[entry]
            skipped += found - len(there)
        return skipped
