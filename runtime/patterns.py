"""What all tasks of a kernel touch: few patterns of rectangles, each task at a place of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.kernel import Kernel
from runtime.distinct import distinct_rows
from runtime.rectangles import Rectangle, merged
from runtime.touches import (
    Touched,
    Values,
    offsets_at,
    offsets_of,
    pattern_symbols,
    touches_of,
)

__all__ = ["Patterns", "find_patterns"]

Ints = NDArray[np.int64]

_AT_ONCE = 512
"""Tasks that touch differently and are looked at together."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """Rectangles of one argument that tasks of a kernel read, or write.

    Attributes
    ----------
    parameter : int
        Position of the argument among the kernel's parameters.
    is_store : bool
        Whether they write.
    columns : int
        Columns that one load or store has at the least.
    loaded : float64 array, shape (tasks,)
        Bytes that each task loads of the argument; twice what it loads twice.
    rows : int64 array, shape (t,)
        Which of the tasks touch it at all.
    number : int64 array, shape (t,)
        Pattern of each.
    origins : int64 array, shape (t, dimensions)
        Where its pattern is, in elements of the argument.
    rectangles : sequence of sequence of Rectangle
        The patterns, joined where they can be, relative to the origin.
    """

    parameter: int
    is_store: bool
    columns: int
    loaded: NDArray[np.float64]
    rows: Ints
    number: Ints
    origins: Ints
    rectangles: Sequence[Sequence[Rectangle]]


def find_patterns(kernel: Kernel, scalars: Ints) -> Iterator[Patterns]:
    """Find what tasks of a kernel touch.

    Most scalars only move what a task touches. So the loops of a kernel are gone through once for
    all tasks that agree in the others.

    Parameters
    ----------
    kernel : Kernel
        What they execute.
    scalars : int64 array, shape (tasks, scalars)
        The scalar arguments of each.

    Yields
    ------
    Patterns
        In the order of the kernel's loads and stores.
    """
    grouped: dict[tuple[int, bool], list[Touched]] = {}
    for touch in touches_of(kernel):
        grouped.setdefault((touch.parameter, touch.is_store), []).append(touch)
    for touches in grouped.values():
        yield _Finder(kernel, touches, scalars).patterns()


_Shape = tuple["_Part | None", ...]
"""What each touch of an argument touches, if anything."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Boxes of one touch, relative to the first, and the iteration that has that one."""

    first: tuple[int, ...]
    steps: Ints


class _Finder:
    """Finds the patterns of one argument."""

    def __init__(self, kernel: Kernel, touches: Sequence[Touched], scalars: Ints) -> None:
        self.kernel = kernel
        self.touches = touches
        self.scalars = scalars
        self.rectangles: list[list[Rectangle]] = []

    def patterns(self) -> Patterns:
        """Find them."""
        first = self.touches[0]
        dtype = self.kernel.parameters[first.parameter].dtype
        shapes, shape_of = self._shapes()
        count = len(self.scalars)
        box_bytes = [dtype.nbytes(math.prod(touch.shape)) for touch in self.touches]
        nbytes = [
            sum(size * len(part.steps) for size, part in zip(box_bytes, shape, strict=True) if part)
            for shape in shapes
        ]
        found = []
        for number, shape in enumerate(shapes):
            rows = np.arange(count) if len(shapes) == 1 else np.flatnonzero(shape_of == number)
            if any(shape):
                found.append((rows, *self._moved(shape, self._values(rows), len(rows))))
        axes = len(first.shape)
        loaded = np.array(nbytes, dtype=np.float64)[shape_of] if nbytes else np.zeros(count)
        return Patterns(
            first.parameter,
            first.is_store,
            min(touch.shape[-1] for touch in self.touches),
            np.zeros(count) if first.is_store else loaded,
            np.concatenate([np.zeros(0, dtype=np.int64), *(rows for rows, _, _ in found)]),
            np.concatenate([np.zeros(0, dtype=np.int64), *(number for _, number, _ in found)]),
            np.concatenate([np.zeros((0, axes), dtype=np.int64), *(at for _, _, at in found)]),
            self.rectangles,
        )

    def _values(self, rows: Ints) -> Values:
        columns = self.scalars[rows].T
        return dict(zip(self.kernel.scalars, columns, strict=True))

    def _shapes(self) -> tuple[list[_Shape], Ints]:
        """What tasks touch, wherever it is, and which of these each task touches."""
        changing = {symbol for touch in self.touches for symbol in pattern_symbols(touch)}
        columns = [n for n, symbol in enumerate(self.kernel.scalars) if symbol in changing]
        chosen, alike = distinct_rows(self.scalars[:, columns])
        shapes: dict[tuple[object, ...], int] = {}
        found: list[_Shape] = []
        numbers: list[int] = []
        for start in range(0, len(chosen), _AT_ONCE):
            rows = chosen[start : start + _AT_ONCE]
            values = self._values(rows)
            parts = [_parts(touch, values, len(rows)) for touch in self.touches]
            for shape in zip(*parts, strict=True):
                key = tuple([part and (part.first, part.steps.tobytes()) for part in shape])
                number = shapes.setdefault(key, len(found))
                if number == len(found):
                    found.append(shape)
                numbers.append(number)
        return found, np.array(numbers, dtype=np.int64)[alike]

    def _moved(self, shape: _Shape, values: Values, tasks: int) -> tuple[Ints, Ints]:
        """Pattern and origin of tasks that touch a shape, whose parts may move apart."""
        parts = [(t, part) for t, part in zip(self.touches, shape, strict=True) if part]
        firsts = [offsets_at(touch, values, tasks, part.first) for touch, part in parts]
        apart = np.concatenate([at - firsts[0] for at in firsts], axis=1)
        chosen, number = distinct_rows(apart)
        known = len(self.rectangles)
        axes = len(self.touches[0].shape)
        for row in apart[chosen]:
            boxes = [
                (tuple(offset), touch.shape)
                for (touch, part), shift in zip(parts, row.reshape(-1, axes), strict=True)
                for offset in (part.steps + shift).tolist()
            ]
            self.rectangles.append(merged(boxes))
        return number + known, firsts[0]


def _parts(touch: Touched, values: Values, tasks: int) -> list[_Part | None]:
    """Boxes of one touch for each of some tasks."""
    offsets, enabled, trips = offsets_of(touch, values, tasks)
    found: list[_Part | None] = []
    for at, on in zip(offsets, enabled, strict=True):
        places = np.flatnonzero(on)
        if not len(places):
            found.append(None)
            continue
        first = tuple([int(i) for i in np.unravel_index(places[0], trips)]) if trips else ()
        found.append(_Part(first, at[places] - at[places[0]]))
    return found
