"""Chains of the TensorMap during a run: what a lookup still has to walk.

The graph is found as if nothing retired, because edges must not depend on timing. What a lookup
costs does: entries of submits that have retired are skipped. Lookups that meet at most one entry
are charged as found.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from devices.columns import integers
from runtime.graph import TaskGraph
from runtime.map_entries import NEVER_REMOVED
from runtime.rings import Rings

__all__ = ["Chains"]

_REMOVED: Final = -1
"""Stands for a writer where an entry goes."""


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
        entries, rings_used = graph.map_entries, int(graph.ring.max(initial=0)) + 1
        walks = entries.walks[np.argsort(entries.walks[:, 0], kind="stable")]
        walked = np.zeros(len(graph), dtype=np.bool_)
        walked[walks[:, 0]] = True
        self.walks = walked.tobytes()
        self._rings = rings
        self._rings_used = rings_used
        # The lookups of each submit that walks: where they end, and how many entries they met.
        _, first, number = np.unique(walks[:, 0], return_index=True, return_counts=True)
        self._end = integers(first + number)
        self._met = integers(np.add.reduceat(walks[:, 2], first) if len(first) else first)
        buffers, place = np.unique(walks[:, 1], return_inverse=True)
        self._slot = integers(place.reshape(-1) * rings_used)
        self._submit = 0  # the next one that walks, by its number among those
        self._walk = 0  # and its first lookup
        # Writers of the entries that are there, by buffer and ring, oldest first: so they retire.
        self._there: list[dict[int, int]] = [{} for _ in range(len(buffers) * rings_used)]
        # What is inserted and removed, in order: a submit looks up and removes before it inserts.
        entry = np.flatnonzero(np.isin(entries.buffer, buffers))
        removed = entry[entries.removed_by[entry] != NEVER_REMOVED]
        changed = np.concatenate((removed, entry))
        submit = np.concatenate((entries.removed_by[removed], entries.writer[entry]))
        order = np.argsort(submit, kind="stable")
        changed, writer = changed[order], entries.writer[changed[order]]
        slot = np.searchsorted(buffers, entries.buffer[changed]) * rings_used + graph.ring[writer]
        self._done = 0
        self._change_submit = integers(submit[order])
        self._change_entry = integers(changed)
        self._change_slot = integers(slot)
        self._change_writer = integers(np.where(order >= len(removed), writer, _REMOVED))

    def skipped(self, submit: int, now_us: float) -> int:
        """Entries that the lookups of a submit need not walk any more, as they have retired.

        To be asked of all submits that walk, in order.
        """
        self._rings.retire_all(submit, now_us)
        self._come_to(submit)
        skipped: int = self._met[self._submit]
        end: int = self._end[self._submit]
        for walk in range(self._walk, end):
            first: int = self._slot[walk]
            for slot in range(first, first + self._rings_used):
                there = self._there[slot]
                if there:
                    self._drop_retired(there)
                    skipped -= len(there)
        self._submit, self._walk = self._submit + 1, end
        return skipped

    def _come_to(self, submit: int) -> None:
        """Insert and remove what the submits before this one do."""
        done, count = self._done, len(self._change_submit)
        while done < count and self._change_submit[done] < submit:
            slot: int = self._change_slot[done]
            entry: int = self._change_entry[done]
            writer: int = self._change_writer[done]
            there = self._there[slot]
            if writer == _REMOVED:
                there.pop(entry, None)
            else:
                there[entry] = writer
            done += 1
        self._done = done

    def _drop_retired(self, there: dict[int, int]) -> None:
        retired: list[int] = []
        for entry, writer in there.items():
            if not self._rings.has_retired(writer):
                break
            retired.append(entry)
        for entry in retired:
            del there[entry]
