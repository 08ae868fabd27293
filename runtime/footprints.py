"""Which lines of global memory each task touches, in cells that tasks touch as a whole."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.dtypes import DType
from devices.footprints import Footprints, Kinds, Touches
from runtime.arguments import ScalarArguments, TensorArguments
from runtime.cells import Grids
from runtime.distinct import distinct_rows
from runtime.garbage import garbage_collection_paused
from runtime.graph import Buffer, TaskGraph
from runtime.patterns import Patterns, find_patterns

__all__ = ["find_footprints"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


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


@dataclass(frozen=True, slots=True)
class _Places:
    """Rectangles that tasks touch in tensors, in the order of each task.

    Attributes
    ----------
    task, tensor : int32 array, shape (p,)
        Who touches what.
    lines : int32 array, shape (p, 4)
        First row and row behind the last; first line of a row and line behind the last. Rows count
        as if each began with a new line.
    first_bytes : float64 array, shape (p,)
        Bytes of the loads that are the first to touch their lines: a load narrower than a line
        fetches all of it for those beside it.
    """

    task: NDArray[np.int32]
    tensor: NDArray[np.int32]
    lines: NDArray[np.int32]
    first_bytes: Floats


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
        self.loads: list[_Places] = []
        self.stores: list[_Places] = []
        self.loaded = np.zeros(len(graph))
        self.moved = np.zeros(len(graph))

    def footprints(self) -> Footprints:
        """Find them."""
        for number, kernel in enumerate(self.graph.kernels):
            tasks = np.flatnonzero(self.graph.kernel == number)
            if not len(tasks) or not kernel.body:
                continue
            scalars = self.scalars.table(tasks, len(kernel.scalars))
            for patterns in find_patterns(kernel, scalars):
                self.loaded[tasks] += patterns.loaded
                self._add(patterns, tasks[patterns.rows])
        self.moved += self.loaded
        grids = Grids(self.tensors.rows(self.line_bytes))
        for places in (*self.loads, *self.stores):
            grids.bound(places.tensor, places.lines)
        grids.divide()
        kinds = Kinds()
        return Footprints(
            _touches(len(self.graph), self.loads, grids, kinds),
            _touches(len(self.graph), self.stores, grids, kinds),
            kinds,
            array("d", np.maximum(self.loaded, 1.0).tobytes()),
            array("d", self.moved.tobytes()),
            array("q", grids.cell_bytes.tobytes()),
        )

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
            width = min(dtype.nbytes(patterns.columns), row_bytes)
            touched = (lines[:, 1] - lines[:, 0]) * (lines[:, 3] - lines[:, 2])
            task = tasks[chosen.row]
            if patterns.is_store:
                self.moved += np.bincount(task, nbytes, len(self.moved))
            places = _Places(
                task.astype(np.int32),
                tensor[chosen.row].astype(np.int32),
                lines.astype(np.int32),
                np.minimum(touched * width, nbytes).astype(np.float64),
            )
            (self.stores if patterns.is_store else self.loads).append(places)


class _Tensors:
    """The tensors that the arguments of submits are in.

    Attributes
    ----------
    number : int64 array
        Tensor of each view.
    """

    def __init__(self, views: TensorArguments) -> None:
        known: dict[Buffer, int] = {}
        kinds: dict[tuple[tuple[int, ...], DType], int] = {}
        self.number = np.array(
            [known.setdefault(view.buffer, len(known)) for view in views.views], dtype=np.int64
        )
        self._kind = np.array(
            [kinds.setdefault((b.shape, b.dtype), len(kinds)) for b in known], dtype=np.int64
        )
        self._kinds = list(kinds)
        ranks = [len(view.offset) for view in views.views]
        self._start = np.cumsum([0, *ranks])
        self._offset = np.array([x for view in views.views for x in view.offset], dtype=np.int64)

    def offsets(self, views: Ints) -> Ints:
        """Offsets of views that have as many dimensions, shape (len(views), dimensions)."""
        if not len(views):
            return np.zeros((0, 1), dtype=np.int64)
        rank = self._start[views[0] + 1] - self._start[views[0]]
        offsets: Ints = self._offset[self._start[views][:, None] + np.arange(rank)]
        return offsets

    def alike(self, tensors: Ints) -> Iterator[tuple[tuple[int, ...], DType, Ints]]:
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
    """Rows and lines of rectangles in tensors of one size, as in `_Places`."""
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


def _touches(count: int, all_places: list[_Places], grids: Grids, kinds: Kinds) -> Touches:
    """Cells of all places, by the submits that touch them."""
    tasks, cells, kind_of = [], [], []
    for places in all_places:
        cell, shapes = grids.cells(places.tensor, places.lines)
        line_bytes = grids.line_bytes(places.tensor, places.lines)
        table = np.column_stack([shapes, places.first_bytes.astype(np.int64), line_bytes])
        first, number = distinct_rows(table)
        new = [kinds.add(d, a, s, float(f), float(b)) for d, a, s, f, b in table[first].tolist()]
        tasks.append(places.task)
        cells.append(cell.astype(np.int32))
        kind_of.append(np.array(new, dtype=np.int32)[number])
    task = np.concatenate([np.zeros(0, dtype=np.int32), *tasks])
    order = np.argsort(task, kind="stable")
    start = np.concatenate(([0], np.cumsum(np.bincount(task, minlength=count))))
    cell_column, kind_column = (
        np.concatenate([np.zeros(0, dtype=np.int32), *column])[order] for column in (cells, kind_of)
    )
    return Touches(
        array("i", start.astype(np.int32).tobytes()),
        array("i", cell_column.tobytes()),
        array("i", kind_column.tobytes()),
    )
