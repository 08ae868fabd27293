"""Columns of a file of numpy arrays, by name."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workloads.formats.columns import Columns, Integers
from workloads.formats.npz_content import Array

__all__ = ["NpzColumns"]

_LARGEST = 2**63 - 1


class NpzColumns(Columns):
    """Checks columns of one file.

    Parameters
    ----------
    file : str
        Its name, for messages.
    arrays : mapping of str to array
        What it holds.
    """

    def __init__(self, file: str, arrays: Mapping[str, Array]) -> None:
        super().__init__(file)
        self._arrays = arrays

    def integers(self, name: str) -> Integers:
        """A column of whole numbers, whatever they are.

        Raises
        ------
        InputError
            It has others, or such as 64 bits with a sign cannot hold.
        """
        array = self._arrays[name]
        if array.dtype.kind not in "iub" or array.dtype == np.uint64:
            raise self.error(name, f"has the dtype {array.dtype}; whole numbers, signed, are read")
        return array.astype(np.int64)

    def column(
        self, name: str, *, least: int = 0, most: int = _LARGEST, count: int | None = None
    ) -> Integers:
        """A column of whole numbers in a range, of so many elements.

        Raises
        ------
        InputError
            It is another; names the element.
        """
        return self.whole(name, self.integers(name), least=least, most=most, count=count)

    def starts_of(self, name: str, rows: int, total: int) -> Integers:
        """A column of where each of so many rows begins among `total` elements, and ends.

        Raises
        ------
        InputError
            It is none.
        """
        return self.starts(name, self.integers(name), rows, total)

    def reals(self, name: str) -> NDArray[np.float64]:
        """A column of real numbers.

        Raises
        ------
        InputError
            It has others.
        """
        array = self._arrays[name]
        if array.dtype.kind != "f":
            raise self.error(name, f"has the dtype {array.dtype}; write it as float64")
        return array.astype(np.float64)

    def is_real(self, name: str) -> bool:
        """Whether a column has real numbers."""
        return self._arrays[name].dtype.kind == "f"
