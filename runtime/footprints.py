"""Which lines of global memory each task touches, in cells that tasks touch as a whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from devices.l2 import Touch, Use
from devices.traffic import Footprints
from runtime.accesses import Rectangle
from runtime.garbage import garbage_collection_paused
from runtime.graph import Buffer, TaskGraph
from runtime.patterns import find_patterns

__all__ = ["find_footprints"]

_MOST_CELLS = 1 << 16
"""Of one tensor. Where it would need more, a part of a cell stands for all of it."""
_MOST_CELL_BYTES = 1 << 20
"""Cells are halved down to this where that can be, so that L2 replaces little at once."""

Ints = NDArray[np.int64]


def find_footprints(graph: TaskGraph, line_bytes: int) -> Footprints:
    """Find what each submit reads and writes, from the operations that its kernel records.

    Parameters
    ----------
    graph : TaskGraph
        What runs.
    line_bytes : int
        Line of L2: memory moves whole ones.
    """
    with garbage_collection_paused():
        return _footprints(graph, line_bytes)


def _footprints(graph: TaskGraph, line_bytes: int) -> Footprints:
    tensors = _Tensors(line_bytes)
    loads: list[list[_Named]] = [[] for _ in range(len(graph))]
    stores: list[list[_Named]] = [[] for _ in range(len(graph))]
    moved = np.zeros(len(graph))
    for number, kernel in enumerate(graph.kernels):
        tasks = np.flatnonzero(graph.kernel == number)
        if not len(tasks) or not kernel.body:
            continue
        patterns, loaded = find_patterns(kernel, [graph.scalars[task] for task in tasks.tolist()])
        moved[tasks] += loaded
        for pattern in patterns:
            rows = tasks[pattern.rows]
            dtype, touches = kernel.parameters[pattern.parameter].dtype, loads
            if pattern.is_store:
                touches = stores
                moved[rows] += sum(
                    dtype.nbytes(math.prod(shape)) for _, shape in pattern.rectangles
                )
            views = [graph.views[task][pattern.parameter] for task in rows.tolist()]
            origins = pattern.origins + np.array([view.offset for view in views])
            buffers = [view.buffer for view in views]
            for rectangle in pattern.rectangles:
                for indices, places in tensors.places(buffers, origins, rectangle, pattern.columns):
                    shares = places.first_bytes / np.maximum(loaded[pattern.rows[indices]], 1.0)
                    named = zip(rows[indices].tolist(), places.number, shares.tolist(), strict=True)
                    for task, place, share in named:
                        touches[task].append((place, share))
    return tensors.footprints(loads, stores, moved.tolist())


_Named = tuple[int, float]
"""A place by its number, and the part of a task's loads that it may miss."""


class _Places:
    """Places of one rectangle in tensors of one shape.

    Attributes
    ----------
    number : list of int
        Of each.
    first_bytes : float64 array
        Bytes of the loads that are the first to touch their lines: a load narrower than a line
        fetches all of it for those beside it.
    """

    def __init__(self, number: list[int], first_bytes: NDArray[np.float64]) -> None:
        self.number = number
        self.first_bytes = first_bytes


class _Tensors:
    """All tensors, and the places in them that tasks touch."""

    def __init__(self, line_bytes: int) -> None:
        self._line_bytes = line_bytes
        self._tensors: dict[Buffer, _Tensor] = {}
        self._places: dict[tuple[_Tensor, int, int, int, int], int] = {}

    def places(
        self, buffers: Sequence[Buffer], origins: Ints, rectangle: Rectangle, columns: int
    ) -> Iterator[tuple[Ints, _Places]]:
        """Number a rectangle at some origins, by the shapes of the tensors.

        Yields
        ------
        indices : int64 array
            Which of the origins are in tensors of one shape.
        places : _Places
            Where the rectangle is there.
        """
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for index, buffer in enumerate(buffers):
            by_shape.setdefault(buffer.shape, []).append(index)
        for chosen in by_shape.values():
            indices = np.array(chosen)
            first = buffers[chosen[0]]
            tensor = self._tensor(first)
            lines = tensor.lines(origins[indices], rectangle)
            width = min(first.dtype.nbytes(columns), tensor.line_bytes)
            touched = (lines[:, 1] - lines[:, 0]) * (lines[:, 3] - lines[:, 2])
            nbytes = first.dtype.nbytes(math.prod(rectangle[1]))
            numbers = [
                self._places.setdefault((self._tensor(buffers[index]), *line), len(self._places))
                for index, line in zip(chosen, map(tuple, lines.tolist()), strict=True)
            ]
            yield indices, _Places(numbers, np.minimum(touched * width, nbytes).astype(np.float64))

    def _tensor(self, buffer: Buffer) -> _Tensor:
        tensor = self._tensors.get(buffer)
        if tensor is None:
            tensor = self._tensors[buffer] = _Tensor(buffer, self._line_bytes)
        return tensor

    def footprints(
        self,
        loads: Sequence[Sequence[_Named]],
        stores: Sequence[Sequence[_Named]],
        moved: Sequence[float],
    ) -> Footprints:
        """Divide all tensors into cells, and say of each submit which it touches."""
        places = list(self._places)
        for tensor, *place in places:
            tensor.bounds.append(place)
        cell_bytes: list[int] = []
        for tensor in self._tensors.values():
            tensor.divide(cell_bytes)
        cells = [tensor.cells(*place) for tensor, *place in places]
        known: dict[_Named, Touch] = {}

        def touch(named: _Named) -> Touch:
            found = known.get(named)
            if found is None:
                (touched, nbytes), share = cells[named[0]], named[1]
                found = known[named] = Touch(touched, share / len(touched), nbytes / len(touched))
            return found

        uses = [
            Use(tuple(map(touch, loaded)), tuple(map(touch, stored)), nbytes)
            for loaded, stored, nbytes in zip(loads, stores, moved, strict=True)
        ]
        return Footprints(uses, cell_bytes)


class _Tensor:
    """A tensor's lines, in a grid of cells.

    Attributes
    ----------
    line_bytes : int
        Bytes of a line; of a row, if that is shorter.
    bounds : list
        First row and row behind the last, first line of a row and line behind the last, of
        everything that tasks touch.
    """

    def __init__(self, buffer: Buffer, line_bytes: int) -> None:
        self.bounds: list[Sequence[int]] = []
        self._buffer = buffer
        self._rows = math.prod(buffer.shape[:-1])
        row_bytes = buffer.dtype.nbytes(buffer.shape[-1])
        self._lines = -(-row_bytes // line_bytes)
        self._full_line_bytes = line_bytes
        self.line_bytes = min(row_bytes, line_bytes)

    def lines(self, origins: Ints, rectangle: Rectangle) -> Ints:
        """Rows and lines of a rectangle at each of some origins, shape (t, 4), as in `bounds`.

        Rows count as if each began with a new line.
        """
        offset, shape = rectangle
        sizes, nbytes = self._buffer.shape, self._buffer.dtype.nbytes
        axes = range(len(shape) - 1)  # none, in a tensor of one row
        strides = np.array([math.prod(sizes[axis + 1 : -1]) for axis in axes], dtype=np.int64)
        start = origins + offset
        first = start[:, :-1] @ strides
        last = first + (np.array(shape[:-1], dtype=np.int64) - 1) @ strides + 1
        left = start[:, -1] * nbytes(1)
        right = left + nbytes(shape[-1])
        line = self._full_line_bytes
        return np.stack([first, last, left // line, -(-right // line)], axis=1)

    def divide(self, cell_bytes: list[int]) -> None:
        """Find the cells that every place is made of, and append the bytes of each."""
        if self.bounds.count(self.bounds[0]) == len(self.bounds):  # one place: one cell
            self.bounds = self.bounds[:1]
        wide = _step(self._lines, _MOST_CELLS, (x for _, _, *ends in self.bounds for x in ends))
        self._columns = -(-self._lines // wide)
        most = _MOST_CELLS // self._columns
        high = _step(self._rows, most, (x for *ends, _, _ in self.bounds for x in ends))
        while high % 2 == 0 and high * wide * self.line_bytes > _MOST_CELL_BYTES:
            high //= 2
        self._high, self._wide = high, wide
        self._first_cell = len(cell_bytes)
        nbytes = high * wide * self.line_bytes
        cell_bytes.extend([nbytes] * (-(-self._rows // high) * self._columns))

    def cells(self, first: int, last: int, left: int, right: int) -> tuple[tuple[int, ...], int]:
        """Cells of a place, and bytes of its lines."""
        down = range(first // self._high, -(-last // self._high))
        along = range(left // self._wide, -(-right // self._wide))
        cells = tuple([self._first_cell + i * self._columns + j for i in down for j in along])
        return cells, (last - first) * (right - left) * self.line_bytes


def _step(size: int, most: int, bounds: Iterator[int]) -> int:
    """The largest step that all bounds are multiples of, or one that is taken `most` times."""
    return max(math.gcd(*bounds) or size, -(-size // most))
