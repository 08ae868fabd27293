"""Chains of the TensorMap during a run: what a lookup still has to walk.

The graph is found as if nothing retired, because edges must not depend on timing. What a lookup
costs does: entries of submits that have retired are skipped. Lookups that meet at most one entry
are charged as found.
"""

from __future__ import annotations

import numpy as np

from runtime.graph import TaskGraph
from runtime.map_entries import NEVER_REMOVED
from runtime.rings import Rings
from scheduler.links import integers

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
    walks : bytes
        Whether each submit has lookups in them.
    """

    def __init__(self, graph: TaskGraph, rings: Rings) -> None:
        entries = graph.map_entries
        walks = entries.walks[np.argsort(entries.walks[:, 0], kind="stable")]
        walked = np.zeros(len(graph), dtype=np.bool_)
        walked[walks[:, 0]] = True
        self.walks = walked.tobytes()
        self._rings = rings
        self._ring = graph.ring.astype(np.uint8).tobytes()
        self._walk = 0  # the next one, with its submit, buffer and entries when it was recorded
        self._walk_submit = integers(walks[:, 0])
        self._walk_buffer = integers(walks[:, 1])
        self._walk_count = integers(walks[:, 2])
        self._writer = integers(entries.writer)
        # Entries that come and go, in order: a submit looks up and removes before it inserts.
        number = np.flatnonzero(np.isin(entries.buffer, walks[:, 1]))
        removed = number[entries.removed_by[number] != NEVER_REMOVED]
        submit = np.concatenate((entries.removed_by[removed], entries.writer[number]))
        entry = np.concatenate((removed, number))
        order = np.argsort(submit, kind="stable")
        self._done = 0
        self._change_submit = integers(submit[order])
        self._change_entry = integers(entry[order])
        self._is_new = (order >= len(removed)).tobytes()
        self._buffer = integers(entries.buffer)
        # Entries by buffer and ring of the writer, oldest first: so they retire.
        self._there: dict[int, list[dict[int, None]]] = {}
        ring_count = int(graph.ring.max(initial=0)) + 1
        for buffer in np.unique(walks[:, 1]).tolist():
            self._there[buffer] = [{} for _ in range(ring_count)]

    def skipped(self, submit: int, now_us: float) -> int:
        """Entries that the lookups of a submit need not walk any more, as they have retired.

        To be asked of all submits that walk, in order.
        """
        self._rings.retire_all(submit, now_us)
        self._come_to(submit)
        skipped = 0
        while self._walk < len(self._walk_submit) and self._walk_submit[self._walk] == submit:
            skipped += self._walk_count[self._walk]
            for there in self._there[self._walk_buffer[self._walk]]:
                self._drop_retired(there)
                skipped -= len(there)
            self._walk += 1
        return skipped

    def _come_to(self, submit: int) -> None:
        """Insert and remove what the submits before this one do."""
        while self._done < len(self._change_submit) and self._change_submit[self._done] < submit:
            entry = self._change_entry[self._done]
            there = self._there[self._buffer[entry]][self._ring[self._writer[entry]]]
            if self._is_new[self._done]:
                there[entry] = None
            else:
                there.pop(entry, None)
            self._done += 1

    def _drop_retired(self, there: dict[int, None]) -> None:
        while there:
            oldest = next(iter(there))
            if not self._rings.has_retired(self._writer[oldest]):
                break
            del there[oldest]
