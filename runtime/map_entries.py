"""Entries of the TensorMap: which submit made each, and which one removed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MapEntries", "no_entries"]

NEVER_REMOVED = np.iinfo(np.int32).max
"""Stands for a submit where an entry stays until its writer retires."""


@dataclass(frozen=True, eq=False)
class MapEntries:
    """What the TensorMap held, an entry per rectangle that a submit wrote; `e` of them.

    Attributes
    ----------
    writer : int32 array, shape (e,)
        The submit that inserted each entry, in ascending order.
    removed_by : int32 array, shape (e,)
        The submit whose INOUT argument covered it, or `NEVER_REMOVED`.
    buffer : int32 array, shape (e,)
        Number of the buffer in whose chain it is.
    walks : int32 array, shape (w, 3)
        Lookups that met more than one entry: submit, buffer, and how many.
    """

    writer: NDArray[np.int32]
    removed_by: NDArray[np.int32]
    buffer: NDArray[np.int32]
    walks: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.writer)

    def regrouped(self, members: Sequence[tuple[int, ...]]) -> MapEntries:
        """The entries where each new submit stands for some of the old ones."""
        new_of = {old: new for new, group in enumerate(members) for old in group}
        new_of[NEVER_REMOVED] = NEVER_REMOVED
        columns = (self.writer.tolist(), self.removed_by.tolist(), self.buffer.tolist())
        kept = [
            (new_of[writer], new_of.get(remover, NEVER_REMOVED), buffer)
            for writer, remover, buffer in zip(*columns, strict=True)
            if writer in new_of
        ]
        kept.sort()
        walks = [
            (new_of[submit], buffer, count)
            for submit, buffer, count in self.walks.tolist()
            if submit in new_of
        ]
        table = np.array(kept, dtype=np.int32).reshape(-1, 3)
        return MapEntries(
            table[:, 0],
            table[:, 1],
            table[:, 2],
            np.array(sorted(walks), dtype=np.int32).reshape(-1, 3),
        )


def no_entries() -> MapEntries:
    """An empty TensorMap."""
    none = np.array([], dtype=np.int32)
    return MapEntries(none, none, none, none.reshape(0, 3))
