"""Columns of whole numbers of a file, checked before anything is found by them."""

from __future__ import annotations

from collections.abc import Sequence, Sized

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError

__all__ = ["Columns", "Integers", "Whole"]

Integers = NDArray[np.int64]

Whole = Sequence[int] | NDArray[np.integer]
"""A column as a file has it."""

_LARGEST = 2**63 - 1


class Columns:
    """Checks columns of one file.

    Parameters
    ----------
    file : str
        Its name, for messages.
    """

    def __init__(self, file: str) -> None:
        self._file = file

    def error(self, field: str, why: str) -> InputError:
        """The error of a field."""
        return InputError(f"{self._file}: {field}: {why}")

    def whole(
        self,
        field: str,
        values: Whole,
        *,
        least: int = 0,
        most: int = _LARGEST,
        count: int | None = None,
    ) -> Integers:
        """A column of whole numbers.

        Raises
        ------
        InputError
            One is out of range, or there are not `count` of them; names the element.
        """
        self.counted(field, values, count)
        try:
            column = np.asarray(values, dtype=np.int64)
        except OverflowError:
            place = next(n for n, value in enumerate(values) if not -_LARGEST <= value <= _LARGEST)
            raise self.error(f"{field}[{place}]", "is no number of 64 bits") from None
        if len(column) and (column.min() < least or column.max() > most):
            place = int(np.flatnonzero((column < least) | (column > most))[0])
            bounds = f"{least} to {most}" if most < _LARGEST else f"{least} or more"
            raise self.error(f"{field}[{place}]", f"is {column[place]}; {bounds}")
        return column

    def counted(self, field: str, values: Sized, count: int | None) -> None:
        """Refuse a column of another length."""
        if count is not None and len(values) != count:
            raise self.error(field, f"has {len(values):,} elements; {count:,} are needed")

    def starts(self, field: str, values: Whole, rows: int, total: int) -> Integers:
        """Where the elements of each of so many rows begin among `total` elements, and end."""
        start = self.whole(field, values, most=total, count=rows + 1)
        if start[0] != 0 or start[-1] != total:
            raise self.error(field, f"leads from {start[0]} to {start[-1]}, not from 0 to {total}")
        falls = np.flatnonzero(np.diff(start) < 0)
        if len(falls):
            raise self.error(f"{field}[{falls[0] + 1}]", "is less than the one before it")
        return start
