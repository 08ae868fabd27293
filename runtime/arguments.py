"""The arguments of submits, in columns: of a million tasks, a tuple each would fill the memory.

Both classes read like a list of tuples, which they make as they are asked for.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from runtime.columns import append
from runtime.graph import View

__all__ = ["ScalarArguments", "TensorArguments"]

Ints = NDArray[np.int64]

_MOST_KNOWN = 1 << 14
"""Tensors that are looked for among those that were named before."""


class TensorArguments(Sequence[tuple[View, ...]]):
    """Tensor arguments of each submit.

    Parameters
    ----------
    rows : iterable of tuple of View, optional
        Those of the first submits.

    Attributes
    ----------
    views : list of View
        What submits name. An object that is named again soon is here once.
    number : int32 array
        Where each argument of each submit is in `views`.
    start : int32 array
        Where the arguments of each submit begin in `number`; at the end, how many there are.
    """

    __slots__ = ("_known", "number", "start", "views")

    def __init__(self, rows: Iterable[tuple[View, ...]] = ()) -> None:
        self.views: list[View] = []
        self.number = array("i")
        self.start = array("i", [0])
        self._known: dict[int, int] = {}
        for row in rows:
            self.append(row)

    def append(self, row: tuple[View, ...]) -> None:
        """Add those of one more submit."""
        known, number = self._known, self.number
        for view in row:
            # `views` keeps every object whose id is known, so that no other one can have it.
            place = known.get(id(view), -1)
            if place < 0:
                if len(known) == _MOST_KNOWN:
                    known.clear()
                place = known[id(view)] = len(self.views)
                self.views.append(view)
            number.append(place)
        self.start.append(len(number))

    def extend(self, others: TensorArguments, views: Sequence[View]) -> None:
        """Add those of more submits, with `views` in place of those that `others` names."""
        first = len(self.views)
        self.views.extend(views)
        append(self.start, np.array(others.start[1:]) + np.int32(len(self.number)))
        append(self.number, np.array(others.number) + np.int32(first))

    def __len__(self) -> int:
        return len(self.start) - 1

    @overload
    def __getitem__(self, submit: int) -> tuple[View, ...]: ...
    @overload
    def __getitem__(self, submit: slice) -> list[tuple[View, ...]]: ...
    def __getitem__(self, submit: int | slice) -> Any:
        if isinstance(submit, slice):
            return [self[each] for each in range(len(self))[submit]]
        submit = range(len(self))[submit]
        views = self.views
        places = self.number[self.start[submit] : self.start[submit + 1]]
        return tuple([views[place] for place in places])

    def __iter__(self) -> Iterator[tuple[View, ...]]:
        views, number = self.views, self.number
        for first, last in pairwise(self.start):
            yield tuple([views[place] for place in number[first:last]])

    def __eq__(self, other: object) -> bool:
        return _equal(self, other)

    __hash__ = None  # type: ignore[assignment]  # it grows

    def of(self, submits: Ints, argument: int) -> Ints:
        """Where one argument of each of some submits is in `views`."""
        start = np.frombuffer(self.start, dtype=np.int32)
        return np.frombuffer(self.number, dtype=np.int32)[start[submits] + argument].astype(
            np.int64
        )


class ScalarArguments(Sequence[tuple[int, ...]]):
    """Scalar arguments of each submit.

    Parameters
    ----------
    rows : iterable of tuple of int or float, optional
        Those of the first submits.
    """

    __slots__ = ("_others", "_start", "_values")

    def __init__(self, rows: Iterable[tuple[int, ...]] = ()) -> None:
        self._values = array("q")
        self._start = array("i", [0])
        self._others: dict[int, Any] = {}  # what is no integer of 64 bits, by its place
        for row in rows:
            self.append(row)

    def append(self, row: tuple[int, ...]) -> None:
        """Add those of one more submit."""
        values = self._values
        for value in row:
            if type(value) is int and -(1 << 63) <= value < 1 << 63:
                values.append(value)
            else:
                self._others[len(values)] = value
                values.append(0)
        self._start.append(len(values))

    def extend(self, others: ScalarArguments) -> None:
        """Add those of more submits."""
        first = len(self._values)
        self._others.update((first + place, value) for place, value in others._others.items())
        append(self._start, np.array(others._start[1:]) + np.int32(first))
        self._values.extend(others._values)

    def __len__(self) -> int:
        return len(self._start) - 1

    @overload
    def __getitem__(self, submit: int) -> tuple[int, ...]: ...
    @overload
    def __getitem__(self, submit: slice) -> list[tuple[int, ...]]: ...
    def __getitem__(self, submit: int | slice) -> Any:
        if isinstance(submit, slice):
            return [self[each] for each in range(len(self))[submit]]
        submit = range(len(self))[submit]
        return self._row(self._start[submit], self._start[submit + 1])

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        for first, last in pairwise(self._start):
            yield self._row(first, last)

    def _row(self, first: int, last: int) -> tuple[int, ...]:
        if first == last:
            return ()
        if self._others:
            return tuple([self._others.get(n, self._values[n]) for n in range(first, last)])
        return tuple(self._values[first:last])

    def __eq__(self, other: object) -> bool:
        return _equal(self, other)

    __hash__ = None  # type: ignore[assignment]  # it grows

    def table(self, submits: Ints, count: int) -> Ints:
        """The `count` scalars of each of some submits, as integers, shape (len(submits), count)."""
        start = np.frombuffer(self._start, dtype=np.int32)
        if not count or not len(submits):
            return np.zeros((len(submits), count), dtype=np.int64)
        values = np.frombuffer(self._values, dtype=np.int64)
        if self._others:
            values = values.copy()
            for place, value in self._others.items():
                values[place] = int(value)
        table: Ints = values[start[submits][:, None] + np.arange(count)]
        return table


def _equal(rows: Sequence[tuple[Any, ...]], other: object) -> bool:
    """Whether two sequences have the same rows."""
    if not isinstance(other, Sequence) or len(rows) != len(other):
        return False
    return all(a == b for a, b in zip(rows, other, strict=True))
