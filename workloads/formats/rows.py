"""Rows of different lengths in columns, of which an element is made when somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows"]

_T = TypeVar("_T")


class Rows(Sequence[tuple[_T, ...]]):
    """A tuple for each row, as a list of tuples would have them.

    A million tuples take a second to make and hundreds of bytes each, and a run looks at few.

    Parameters
    ----------
    start : int64 array, shape (n + 1,)
        Where the elements of each row begin, and the last ones end.
    value : array
        What the elements are made of.
    element : callable
        ``element(value)`` makes one.
    table : object, optional
        What `element` makes them from, for those who want the columns of it.
    """

    def __init__(
        self,
        start: NDArray[np.int64],
        value: NDArray[np.generic],
        element: Callable[..., _T],
        table: object = None,
    ) -> None:
        self.start = start
        self.value = value
        self.table = table
        self._element = element

    def __len__(self) -> int:
        return len(self.start) - 1

    @overload
    def __getitem__(self, place: int) -> tuple[_T, ...]: ...

    @overload
    def __getitem__(self, place: slice) -> list[tuple[_T, ...]]: ...

    def __getitem__(self, place: int | slice) -> tuple[_T, ...] | list[tuple[_T, ...]]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        row = range(len(self))[place]  # from the end, or past it, as in a list
        return tuple(map(self._element, self.value[self.start[row] : self.start[row + 1]].tolist()))

    def __iter__(self) -> Iterator[tuple[_T, ...]]:
        values = self.value.tolist()
        for first, last in pairwise(self.start.tolist()):
            yield tuple(map(self._element, values[first:last]))
