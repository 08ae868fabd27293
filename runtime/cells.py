"""Cells of tensors: groups of lines of global memory that tasks touch as a whole."""

from __future__ import annotations

import numpy as np
from librt.vecs import vec
from mypy_extensions import i32
from numpy.typing import NDArray

from devices.columns import integers

__all__ = ["Grids"]

_MOST_CELLS = 1 << 16
"""Of one tensor. Where it would need more, a part of a cell stands for all of it."""
_MOST_CELL_BYTES = 1 << 20
"""Cells are halved down to this where that can be, so that L2 replaces little at once."""
_LARGEST_CELL_BYTES = (1 << 31) - 1
"""Bytes of cells are 32 bits. Here, too, a part of a cell stands for all of it."""

Ints = NDArray[np.int64]
Int32s = NDArray[np.int32]


class Grids:
    """A grid of cells for each tensor that tasks touch.

    Parameters
    ----------
    rows : int64 array, shape (tensors, 3)
        Rows, lines of a row, and bytes of a line of each tensor.
    """

    def __init__(self, rows: Ints) -> None:
        self._rows, self._lines, self._line_bytes = rows.T
        self._is_touched = np.zeros(len(rows), dtype=np.bool_)
        # Steps in rows and in lines that all bounds of places are multiples of.
        self._high = np.zeros(len(rows), dtype=np.int64)
        self._wide = np.zeros(len(rows), dtype=np.int64)
        # Rows and lines of all places together.
        self._tall = np.zeros(len(rows), dtype=np.int64)
        self._broad = np.zeros(len(rows), dtype=np.int64)
        self._down = np.ones(len(rows), dtype=np.int64)
        self._columns = np.ones(len(rows), dtype=np.int64)
        self._by_column = np.zeros(len(rows), dtype=np.bool_)
        self._first = np.zeros(len(rows), dtype=np.int64)
        self._counts = np.zeros(len(rows), dtype=np.int64)

    def bound(self, tensor: Int32s, lines: Ints) -> None:
        """Take note of places that tasks touch.

        Parameters
        ----------
        tensor : int32 array, shape (p,)
            Where they are.
        lines : int64 array, shape (p, 4)
            First row and row behind the last; first line of a row and line behind the last. Rows
            count as if each began with a new line.
        """
        if not len(tensor):
            return
        if (np.diff(tensor) < 0).any():
            order = np.argsort(tensor, kind="stable")
            tensor, lines = tensor[order], lines[order]
        start = np.flatnonzero(np.diff(tensor, prepend=-1))
        which = tensor[start]
        self._is_touched[which] = True
        for steps, bounds in ((self._high, lines[:, :2]), (self._wide, lines[:, 2:])):
            common = np.gcd.reduceat(np.gcd(bounds[:, 0], bounds[:, 1]), start)
            steps[which] = np.gcd(steps[which], common)
        self._tall[which] += np.add.reduceat(lines[:, 1] - lines[:, 0], start)
        self._broad[which] += np.add.reduceat(lines[:, 3] - lines[:, 2], start)

    def divide(self) -> None:
        """Divide the tensors into cells, as large as all places allow."""
        touched = self._is_touched
        rows, lines, line_bytes = self._rows, self._lines, self._line_bytes
        wide = np.where(self._wide > 0, self._wide, lines)
        wide = np.maximum(np.maximum(wide, -(-lines // _MOST_CELLS)), 1)
        self._wide = np.minimum(wide, _LARGEST_CELL_BYTES // np.maximum(line_bytes, 1))
        self._columns = -(-lines // self._wide)
        most = np.maximum(_MOST_CELLS // np.maximum(self._columns, 1), 1)
        high = np.maximum(np.where(self._high > 0, self._high, rows), -(-rows // most))
        while True:
            halved = (high > 0) & (high % 2 == 0)
            halved &= high * self._wide * line_bytes > _MOST_CELL_BYTES
            if not halved.any():
                break
            high = np.where(halved, high // 2, high)
        most_high = _LARGEST_CELL_BYTES // np.maximum(self._wide * line_bytes, 1)
        self._high = np.minimum(np.maximum(high, 1), most_high)
        self._down = -(-rows // self._high)
        self._counts = np.where(touched, self._down * self._columns, 0)
        self._first = np.cumsum(self._counts) - self._counts
        # Numbered so that places are few runs of neighbours: few numbers say which they are.
        self._by_column = self._broad * self._high < self._tall * self._wide

    def cell_bytes(self) -> vec[i32]:
        """Bytes of each cell, tensor after tensor."""
        nbytes = self._high * self._wide * self._line_bytes
        return integers(np.repeat(nbytes.astype(np.int32), self._counts))

    def cells(self, tensor: Int32s, lines: Ints) -> tuple[Ints, Ints]:
        """First cell of places, shape (p,); runs, cells of a run and their step, shape (p, 3)."""
        high, wide, by_column = self._high[tensor], self._wide[tensor], self._by_column[tensor]
        top, left = lines[:, 0] // high, lines[:, 2] // wide
        down, along = -(-lines[:, 1] // high) - top, -(-lines[:, 3] // wide) - left
        step = np.where(by_column, self._down[tensor], self._columns[tensor])
        cell = self._first[tensor] + np.where(by_column, left * step + top, top * step + left)
        runs, cells = np.where(by_column, (along, down), (down, along))
        return cell, np.stack([runs, cells, np.where(runs > 1, step, 0)], axis=1)

    def line_bytes(self, tensor: Int32s, lines: Ints) -> Ints:
        """Bytes of the lines of places, shape (p,)."""
        count = (lines[:, 1] - lines[:, 0]) * (lines[:, 3] - lines[:, 2])
        nbytes: Ints = count * self._line_bytes[tensor]
        return nbytes
