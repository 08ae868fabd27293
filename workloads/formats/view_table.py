"""Tensors and their rectangles in columns, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from devices.dtypes import DType
from runtime.graph import Buffer, View
from runtime.view_rows import ViewRows, distinct_views

__all__ = ["ViewColumns", "ViewTable", "view_columns"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ViewColumns:
    """Buffers and views, a row for each; sizes and offsets of a row stand after each other.

    Attributes
    ----------
    name : sequence of str
        Name of each buffer.
    dtypes : sequence of DType
        Those that buffers may have.
    dtype : int64 array, shape (b,)
        Index into `dtypes` of each buffer.
    axes : int64 array, shape (b,)
        How many axes each buffer has.
    owner : int64 array, shape (b,)
        Submit that allocates it, -1 for an argument of the program.
    buffer_shape : int64 array
        Sizes of all buffers, `axes` of each.
    buffer : int64 array, shape (v,)
        Buffer of each view.
    shape, offset : int64 array
        Sizes and offsets of all views, as many of each as its buffer has axes.
    """

    name: Sequence[str]
    dtypes: Sequence[DType]
    dtype: Integers
    axes: Integers
    owner: Integers
    buffer_shape: Integers
    buffer: Integers
    shape: Integers
    offset: Integers


class ViewTable(Sequence[View]):
    """Views by number; makes each, and its buffer, once, when somebody looks at it.

    A million of them take more than a second to make, and a run looks at few.
    """

    def __init__(self, columns: ViewColumns) -> None:
        self.columns = columns
        self._buffer_start = _starts(columns.axes)
        self._view_start = _starts(columns.axes[columns.buffer])
        self._buffers: dict[int, Buffer] = {}
        self._views: dict[int, View] = {}

    def __len__(self) -> int:
        return len(self.columns.buffer)

    @overload
    def __getitem__(self, number: int) -> View: ...

    @overload
    def __getitem__(self, number: slice) -> list[View]: ...

    def __getitem__(self, number: int | slice) -> View | list[View]:
        if isinstance(number, slice):
            return [self[each] for each in range(len(self))[number]]
        number = range(len(self))[number]
        found = self._views.get(number)
        if found is None:
            part = slice(self._view_start[number], self._view_start[number + 1])
            columns = self.columns
            found = self._views[number] = View(
                self._buffer(int(columns.buffer[number])),
                tuple(columns.shape[part].tolist()),
                tuple(columns.offset[part].tolist()),
            )
        return found

    def numbers(self, views: Sequence[View]) -> list[int] | None:
        """Numbers of views that this table has made; None if it has not made all of them."""
        known = {id(view): number for number, view in self._views.items()}
        found = [known.get(id(view)) for view in views]
        numbers = [number for number in found if number is not None]
        return numbers if len(numbers) == len(views) else None

    def _buffer(self, number: int) -> Buffer:
        found = self._buffers.get(number)
        if found is None:
            part = slice(self._buffer_start[number], self._buffer_start[number + 1])
            columns = self.columns
            found = self._buffers[number] = Buffer(
                columns.name[number],
                tuple(columns.buffer_shape[part].tolist()),
                columns.dtypes[columns.dtype[number]],
                int(columns.owner[number]),
            )
        return found


def view_columns(
    views: Sequence[View], others: Sequence[View]
) -> tuple[ViewColumns, Integers, Integers]:
    """Columns of views, and the number in them of each, and of each of a few others.

    What is the same object is there once, in the order in which it comes first.
    """
    distinct, number, other = _distinct(views, others)
    rows = ViewRows(distinct)
    columns = ViewColumns(
        name=rows.names,
        dtypes=rows.dtypes,
        dtype=np.asarray(rows.dtype),
        axes=np.asarray(rows.axes),
        owner=np.asarray(rows.owner),
        buffer_shape=np.asarray(rows.buffer_shape),
        buffer=np.asarray(rows.buffer),
        shape=np.asarray(rows.shape),
        offset=np.asarray(rows.offset),
    )
    return columns, number, other


def _distinct(
    views: Sequence[View], others: Sequence[View]
) -> tuple[list[View], Integers, Integers]:
    """Views, each object once, and which is at each place of both sequences."""
    ids = np.fromiter(map(id, views), dtype=np.int64, count=len(views))
    if (np.diff(np.sort(ids)) == 0).any():
        found, at = distinct_views([*views, *others])
        number = np.asarray(at, dtype=np.int64)
        return found, number[: len(views)], number[len(views) :]
    # As mostly; to find that out takes a tenth of the time of numbering them one by one.
    found, places = list(views), []
    more: dict[int, int] = {}
    for view in others:
        same = np.flatnonzero(ids == id(view))
        place = int(same[0]) if len(same) else more.setdefault(id(view), len(found))
        if place == len(found):
            found.append(view)
        places.append(place)
    return found, np.arange(len(views)), np.array(places, dtype=np.int64)


def _starts(counts: Integers) -> Integers:
    return np.concatenate(([0], np.cumsum(counts)))
