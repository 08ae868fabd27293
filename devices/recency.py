"""The order in which cells were touched last."""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i32

__all__ = ["Recency"]


class Recency:
    """Cells that are in L2, those touched longest ago first.

    A ring of neighbours: each cell knows which was touched before and after it. What stands behind
    the last cell is no cell, but where the ring begins and ends.

    Parameters
    ----------
    count : int
        Cells, in L2 or not.
    """

    def __init__(self, count: int) -> None:
        self._end = count
        self._older = vec[i32]([0] * (count + 1))
        self._newer = vec[i32]([0] * (count + 1))
        self._older[count] = self._newer[count] = count

    def add(self, cell: int) -> None:
        """Bring a cell in, as the one touched last."""
        newest: int = self._older[self._end]
        self._newer[newest] = cell
        self._older[cell] = newest
        self._newer[cell] = self._end
        self._older[self._end] = cell

    def touch(self, cell: int) -> None:
        """Make a cell that is there the one touched last."""
        self._remove(cell)
        self.add(cell)

    def take_oldest(self) -> int:
        """Take out the cell touched longest ago; there has to be one."""
        oldest: int = self._newer[self._end]
        self._remove(oldest)
        return oldest

    def _remove(self, cell: int) -> None:
        older: int = self._older[cell]
        newer: int = self._newer[cell]
        self._newer[older] = newer
        self._older[newer] = older
