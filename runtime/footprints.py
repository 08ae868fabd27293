"""Which lines of global memory each task touches, in cells that tasks touch as a whole."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from devices.columns import integers, reals
from devices.dtypes import DType
from devices.footprints import Footprints, Kinds, Touches
from runtime.arguments import ScalarArguments, TensorArguments
from runtime.cells import Grids
from runtime.columns import append
from runtime.distinct import distinct_rows
from runtime.garbage import garbage_collection_paused
from runtime.graph import TaskGraph
from runtime.patterns import Patterns, find_patterns
from runtime.view_rows import ViewRows

__all__ = ["find_footprints"]

_AT_ONCE = 1 << 16
"""Tasks that are looked at together: there may be millions."""

Ints = NDArray[np.int64]
Int32s = NDArray[np.int32]


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
        return _Finder(graph, line_bytes).footprints()


class _Places:
    """Rectangles of lines that tasks touch in tensors; those of a task are in its order.

    Attributes
    ----------
    shapes : dict of (int, int, int) to int
        Rows, lines of a row, and bytes of the loads that are the first to touch their lines, by
        number: few, where tasks are many. A load narrower than a line fetches all of it for those
        beside it.
    """

    def __init__(self) -> None:
        self.shapes: dict[tuple[int, ...], int] = {}
        self._task, self._tensor, self._shape = array("i"), array("i"), array("i")
        # Rows count as if each began with a new line.
        self._row, self._line = array("i"), array("i")
        self._ends = [0]

    def add(self, task: Ints, tensor: Int32s, first: Ints, shapes: Ints) -> None:
        """Add some, those of a task together.

        Parameters
        ----------
        task, tensor : int array, shape (p,)
            Who touches what.
        first : int64 array, shape (p, 2)
            First row and first line.
        shapes : int64 array, shape (p, 3)
            As in `shapes`.
        """
        chosen, number = distinct_rows(shapes)
        known = self.shapes
        numbers = [known.setdefault(tuple(row), len(known)) for row in shapes[chosen].tolist()]
        columns = (self._task, self._tensor, self._row, self._line, self._shape)
        shape = np.array(numbers, dtype=np.int32)[number]
        values: tuple[Ints | Int32s, ...] = (task, tensor, first[:, 0], first[:, 1], shape)
        for kept, each in zip(columns, values, strict=True):
            append(kept, each.astype(np.int32))
        self._ends.append(len(self._task))

    def __iter__(self) -> Iterator[tuple[Int32s, Int32s, Ints, Ints]]:
        """Tasks, tensors, lines as in `Grids`, and bytes that are first, as they were added."""
        shapes = np.array(list(self.shapes), dtype=np.int64).reshape(-1, 3)
        columns = (self._task, self._tensor, self._row, self._line, self._shape)
        for start, end in pairwise(self._ends):
            task, tensor, row, line, number = (
                np.array(kept[start:end], dtype=np.int32) for kept in columns
            )
            shape = shapes[number]
            lines = np.stack([row, row + shape[:, 0], line, line + shape[:, 1]], axis=1)
            yield task, tensor, lines, shape[:, 2]

    def counts(self, count: int) -> Int32s:
        """How many each of `count` submits touches."""
        return np.bincount(np.array(self._task), minlength=count).astype(np.int32)


@dataclass(frozen=True, slots=True)
class _Boxes:
    """Rectangles of one argument: the row of each, and its offset and shape in elements."""

    row: Ints
    offset: Ints
    shape: Ints


class _Finder:
    """Finds the footprints of a graph."""

    def __init__(self, graph: TaskGraph, line_bytes: int) -> None:
        views, scalars = graph.views, graph.scalars
        self.graph = graph
        self.views = views if isinstance(views, TensorArguments) else TensorArguments(views)
        self.scalars = scalars if isinstance(scalars, ScalarArguments) else ScalarArguments(scalars)
        self.line_bytes = line_bytes
        self.tensors = _Tensors(self.views)
        self.loads = _Places()
        self.stores = _Places()
        self.loaded = np.zeros(len(graph))
        self.moved = np.zeros(len(graph))

    def footprints(self) -> Footprints:
        """Find them."""
        for number, kernel in enumerate(self.graph.kernels):
            all_tasks = np.flatnonzero(self.graph.kernel == number)
            for start in range(0, len(all_tasks) if kernel.body else 0, _AT_ONCE):
                tasks = all_tasks[start : start + _AT_ONCE]
                scalars = self.scalars.table(tasks, len(kernel.scalars))
                for patterns in find_patterns(kernel, scalars):
                    self.loaded[tasks] += patterns.loaded
                    self._add(patterns, tasks[patterns.rows])
        self.moved += self.loaded
        grids = Grids(self.tensors.rows(self.line_bytes))
        for _, tensor, lines, _ in chain(self.loads, self.stores):
            grids.bound(tensor, lines)
        grids.divide()
        kinds = Kinds()
        # The larger part first; what it was made of is freed.
        loads, self.loads = _touches(len(self.graph), self.loads, grids, kinds), _Places()
        stores, self.stores = _touches(len(self.graph), self.stores, grids, kinds), _Places()
        loaded, moved = reals(np.maximum(self.loaded, 1.0)), reals(self.moved)
        return Footprints(loads, stores, kinds, loaded, moved, grids.cell_bytes())

    def _add(self, patterns: Patterns, tasks: Ints) -> None:
        """Add what tasks touch of one argument."""
        views = self.views.of(tasks, patterns.parameter)
        tensor = self.tensors.number[views]
        boxes = _boxes(patterns, patterns.origins + self.tensors.offsets(views))
        for size, dtype, rows in self.tensors.alike(tensor):
            if len(rows) == len(tensor):
                chosen = boxes
            else:
                wanted = np.zeros(len(tensor), dtype=np.bool_)
                wanted[rows] = True
                at = wanted[boxes.row]
                chosen = _Boxes(boxes.row[at], boxes.offset[at], boxes.shape[at])
            lines = _lines(chosen, size, dtype, self.line_bytes)
            nbytes = _nbytes(dtype, chosen.shape.prod(axis=1))
            row_bytes = min(dtype.nbytes(size[-1]), self.line_bytes)
            line_bytes = min(dtype.nbytes(patterns.columns), row_bytes)
            task = tasks[chosen.row]
            if patterns.is_store:
                np.add.at(self.moved, task, nbytes)
            high, wide = lines[:, 1] - lines[:, 0], lines[:, 3] - lines[:, 2]
            first_bytes = np.minimum(high * wide * line_bytes, nbytes)
            places = self.stores if patterns.is_store else self.loads
            shapes = np.stack([high, wide, first_bytes], axis=1)
            places.add(task, tensor[chosen.row], lines[:, ::2], shapes)


class _Tensors:
    """The tensors that the arguments of submits are in.

    Attributes
    ----------
    number : int32 array
        Tensor of each view.
    """

    def __init__(self, views: TensorArguments) -> None:
        rows = ViewRows(views.views)
        self.number = np.asarray(rows.buffer)
        # Dtypes by identity, as it takes long to hash one.
        known: dict[tuple[tuple[int, ...], int], int] = {}
        keys = [(buffer.shape, id(buffer.dtype)) for buffer in rows.buffers]
        self._kind = np.array([known.setdefault(k, len(known)) for k in keys], dtype=np.int64)
        _, first = np.unique(self._kind, return_index=True)
        examples = [rows.buffers[place] for place in first.tolist()]
        self._kinds = [(buffer.shape, buffer.dtype) for buffer in examples]
        axes = np.array([len(shape) for shape, _ in self._kinds], dtype=np.int64)
        ranks = axes[self._kind[self.number]]
        self._start = np.concatenate(([0], np.cumsum(ranks)))
        self._offset = np.asarray(rows.offset)

    def offsets(self, views: Ints) -> Ints:
        """Offsets of views that have as many dimensions, shape (len(views), dimensions)."""
        if not len(views):
            return np.zeros((0, 1), dtype=np.int64)
        rank = self._start[views[0] + 1] - self._start[views[0]]
        offsets: Ints = self._offset[self._start[views][:, None] + np.arange(rank)]
        return offsets

    def alike(self, tensors: Int32s) -> Iterator[tuple[tuple[int, ...], DType, Ints]]:
        """Positions of tensors that have one shape and dtype, for each of these."""
        kind = self._kind[tensors]
        for each in np.unique(kind).tolist():
            yield *self._kinds[each], np.flatnonzero(kind == each)

    def rows(self, line_bytes: int) -> Ints:
        """Rows, lines of a row, and bytes of a line of each tensor, shape (tensors, 3).

        A row that is shorter than a line is a line.
        """
        of_kind = []
        for size, dtype in self._kinds:
            row_bytes = dtype.nbytes(size[-1])
            of_kind.append(
                (math.prod(size[:-1]), -(-row_bytes // line_bytes), min(row_bytes, line_bytes))
            )
        return np.array(of_kind, dtype=np.int64).reshape(-1, 3)[self._kind]


def _boxes(patterns: Patterns, origins: Ints) -> _Boxes:
    """The rectangles of patterns at some origins."""
    counts = np.array([len(each) for each in patterns.rectangles], dtype=np.int64)
    axes = origins.shape[1]
    flat = [rectangle for each in patterns.rectangles for rectangle in each]
    table = np.array(flat, dtype=np.int64).reshape(-1, 2, axes)
    if len(flat) == 1:
        shape = np.broadcast_to(table[0, 1], origins.shape)
        return _Boxes(np.arange(len(origins)), origins + table[0, 0], shape)
    of_row = counts[patterns.number]
    row = np.repeat(np.arange(len(origins)), of_row)
    first = (np.cumsum(counts) - counts)[patterns.number]
    within = np.arange(len(row)) - np.repeat(np.cumsum(of_row) - of_row, of_row)
    chosen = table[np.repeat(first, of_row) + within]
    return _Boxes(row, origins[row] + chosen[:, 0], chosen[:, 1])


def _lines(boxes: _Boxes, size: tuple[int, ...], dtype: DType, line_bytes: int) -> Ints:
    """Rows and lines of rectangles in tensors of one size, as in `Grids`."""
    # A tensor of one dimension is one row.
    strides = np.array([math.prod(size[axis + 1 : -1]) for axis in range(len(size) - 1)], np.int64)
    first = boxes.offset[:, :-1] @ strides
    last = first + (boxes.shape[:, :-1] - 1) @ strides + 1
    left = boxes.offset[:, -1] * dtype.nbytes(1)
    right = left + _nbytes(dtype, boxes.shape[:, -1])
    return np.stack([first, last, left // line_bytes, -(-right // line_bytes)], axis=1)


def _nbytes(dtype: DType, elements: Ints) -> Ints:
    """Bytes of packed elements, as `DType.nbytes`."""
    return -(-elements * dtype.bits // 8)


def _touches(count: int, places: _Places, grids: Grids, kinds: Kinds) -> Touches:
    """Cells of all places, by the submits that touch them."""
    start = np.concatenate(([0], np.cumsum(places.counts(count)))).astype(np.int32)
    cells, kind_of = (np.empty(start[-1], dtype=np.int32) for _ in range(2))
    free = start[:-1].copy()  # where the next touch of each submit goes
    known: dict[tuple[int, ...], int] = {}
    for task, tensor, lines, first_bytes in places:
        cell, shapes = grids.cells(tensor, lines)
        table = np.column_stack([shapes, first_bytes, grids.line_bytes(tensor, lines)])
        first, number = distinct_rows(table)
        numbers = []
        for row in map(tuple, table[first].tolist()):
            if row not in known:
                down, along, step, fetched, of_lines = row
                known[row] = kinds.add(down, along, step, float(fetched), float(of_lines))
            numbers.append(known[row])
        begins = np.flatnonzero(np.diff(task, prepend=-1))  # those of a submit are together
        lengths = np.diff(begins, append=len(task))
        at = np.repeat(free[task[begins]] - begins, lengths) + np.arange(len(task))
        cells[at] = cell
        kind_of[at] = np.array(numbers, dtype=np.int32)[number]
        free[task[begins]] += lengths.astype(np.int32)
    return Touches(integers(start), integers(cells), integers(kind_of))
