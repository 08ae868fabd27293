"""Which rectangles of its arguments a task really touches, from its recorded tile operations.

A task names whole tensors where its kernel slices them itself, and the runtime compares what is
named. The same rules applied to what is touched show which edges are true.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.expression import Scalar, Symbol, evaluate
from devices.kernel import Branch, Direction, Kernel, Loop, Statement
from runtime.errors import LanguageError
from runtime.graph import View
from runtime.submits import Submits
from runtime.tensormap import Access

__all__ = [
    "Rectangle",
    "Touched",
    "check_bounds",
    "merged",
    "touched_accesses",
    "touched_offsets",
]

Ints = NDArray[np.int64]

Rectangle = tuple[tuple[int, ...], tuple[int, ...]]
"""Offset and shape, in elements."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A load or store in a kernel, with what surrounds it, outermost first."""

    parameter: int
    is_store: bool
    shape: tuple[int, ...]
    offset: tuple[Scalar, ...]
    loops: tuple[Loop, ...]
    conditions: tuple[tuple[Scalar, bool], ...]
    line: int


def check_bounds(submits: Submits) -> None:
    """Refuse a program whose tasks touch memory outside the tensors that they name.

    Raises
    ------
    LanguageError
        Names file and line of the load or store, the tensor, and where it reaches.
    """
    kernels = np.array(submits.kernel)
    for number, kernel in enumerate(submits.kernels):
        tasks = np.flatnonzero(kernels == number).tolist()
        columns = _columns(kernel, [submits.scalars[task] for task in tasks])
        for touch in _touches(kernel.body, (), ()) if tasks else ():
            size = kernel.parameters[touch.parameter].shape
            for offsets, enabled in _blocks(touch, kernel, columns):
                outside = (offsets < 0) | (offsets + touch.shape > size)
                outside &= enabled[..., None]
                if outside.any():
                    offset = offsets[outside.any(axis=-1)][0].tolist()
                    verb = "stores" if touch.is_store else "loads"
                    raise LanguageError(
                        f"{submits.file}:{touch.line}: {verb} {list(touch.shape)} at offset "
                        f"{offset} of {kernel.parameters[touch.parameter].name!r}, which has "
                        f"shape {list(size)}; check the loop bounds and sizes"
                    )


def touched_offsets(
    kernel: Kernel, scalars: Sequence[tuple[int, ...]]
) -> Iterator[tuple[Touched, list[tuple[Ints, NDArray[np.bool_]]]]]:
    """Where each load and store of a kernel is, in every iteration.

    Yields
    ------
    touch : Touched
        The load or store.
    blocks : list of (offsets, enabled)
        Offsets in elements, shape (tasks, iterations, dimensions), and whether it takes place,
        shape (tasks, iterations): in one block for all tasks, or in one for each.
    """
    columns = _columns(kernel, scalars)
    for touch in _touches(kernel.body, (), ()):
        yield touch, list(_blocks(touch, kernel, columns))


def touched_accesses(submits: Submits) -> list[Sequence[Access]]:
    """What each submit reads and writes: exact rectangles instead of named arguments.

    A rectangle that is read and written counts as INOUT, one that is only written as
    OUT_EXISTING. Allocs touch nothing. A kernel that is not recorded may touch all that it names.
    """
    accesses: list[Sequence[Access]] = [()] * len(submits)
    kernels = np.array(submits.kernel)
    for number, kernel in enumerate(submits.kernels):
        tasks = np.flatnonzero(kernels == number).tolist()
        if not tasks:
            continue
        if not kernel.recorded:
            for task in tasks:
                accesses[task] = _named(kernel, submits.views[task])
            continue
        scalars = [submits.scalars[task] for task in tasks]
        for task, rectangles in zip(tasks, _rectangles(kernel, scalars), strict=True):
            views = submits.views[task]
            accesses[task] = [
                (_within(views[parameter], rectangle), direction)
                for parameter, rectangle, direction in rectangles
            ]
    return accesses


def _named(kernel: Kernel, views: Sequence[View]) -> list[Access]:
    """Arguments of a task, but for those of which nobody knows whether it reads or writes them."""
    written = {Direction.OUT: Direction.OUT_EXISTING}
    return [
        (view, written.get(parameter.direction, parameter.direction))
        for view, parameter in zip(views, kernel.parameters, strict=True)
        if parameter.direction is not Direction.NO_DEP
    ]


def _within(view: View, rectangle: Rectangle) -> View:
    offset, shape = rectangle
    start = tuple([a + b for a, b in zip(view.offset, offset, strict=True)])
    return View(view.buffer, shape, start)


def _rectangles(
    kernel: Kernel, scalars: Sequence[tuple[int, ...]]
) -> Iterator[list[tuple[int, Rectangle, Direction]]]:
    """Parameter, rectangle and direction of everything that each task touches, in order."""
    columns = _columns(kernel, scalars)
    touches = list(_touches(kernel.body, (), ()))
    per_touch = [_per_task(touch, kernel, columns) for touch in touches]
    for task in range(len(scalars)):
        found = [rectangles[task] for rectangles in per_touch]
        read: dict[int, list[Rectangle]] = {}
        written: dict[int, list[Rectangle]] = {}
        for touch, rectangles in zip(touches, found, strict=True):
            side = written if touch.is_store else read
            side.setdefault(touch.parameter, []).extend(rectangles)
        yield [
            (parameter, rectangle, direction)
            for parameter in range(len(kernel.parameters))
            for rectangle, direction in _directions(
                _union(read.get(parameter, [])), _union(written.get(parameter, []))
            )
        ]


def _directions(
    read: list[Rectangle], written: list[Rectangle]
) -> Iterator[tuple[Rectangle, Direction]]:
    for rectangle in read:
        yield rectangle, Direction.INOUT if rectangle in written else Direction.IN
    for rectangle in written:
        if rectangle not in read:
            yield rectangle, Direction.OUT_EXISTING


def _touches(
    body: Sequence[Statement],
    loops: tuple[Loop, ...],
    conditions: tuple[tuple[Scalar, bool], ...],
) -> Iterator[Touched]:
    for statement in body:
        if isinstance(statement, Loop):
            yield from _touches(statement.body, (*loops, statement), conditions)
        elif isinstance(statement, Branch):
            holds, fails = (statement.condition, True), (statement.condition, False)
            yield from _touches(statement.then, loops, (*conditions, holds))
            yield from _touches(statement.orelse, loops, (*conditions, fails))
        elif statement.box is not None:
            box, is_store = statement.box, statement.result is None
            yield Touched(
                box.parameter,
                is_store,
                box.shape,
                box.offset,
                loops,
                conditions,
                statement.line,
            )


def _columns(kernel: Kernel, scalars: Sequence[tuple[int, ...]]) -> Ints:
    """Scalar arguments, shape (tasks, scalars)."""
    return np.array(scalars, dtype=np.int64).reshape(len(scalars), len(kernel.scalars))


def _blocks(
    touch: Touched, kernel: Kernel, columns: Ints
) -> Iterator[tuple[Ints, NDArray[np.bool_]]]:
    """`_offsets` of all tasks at once, or of one after the other where their trips differ."""
    if all(isinstance(loop.trips, int) for loop in touch.loops):
        values = dict(zip(kernel.scalars, columns.T, strict=True))
        yield _offsets(touch, values, len(columns))
    else:
        for row in columns:
            values = dict(zip(kernel.scalars, row[:, None], strict=True))
            yield _offsets(touch, values, 1)


def _per_task(touch: Touched, kernel: Kernel, columns: Ints) -> list[list[Rectangle]]:
    """Rectangles of one load or store, for each row of scalars."""
    found: list[list[Rectangle]] = []
    for offsets, enabled in _blocks(touch, kernel, columns):
        steps = offsets - offsets[:, :1]
        if enabled.all() and (steps == steps[0]).all() and offsets.shape[1]:
            # Every task touches the same pattern at another place.
            pattern = merged([(tuple(o), touch.shape) for o in steps[0].tolist()])
            found += [_moved(pattern, origin) for origin in offsets[:, 0].tolist()]
        else:
            rows = zip(offsets, enabled, strict=True)
            found += [merged([(tuple(o), touch.shape) for o in r[on].tolist()]) for r, on in rows]
    return found


def _moved(pattern: list[Rectangle], origin: list[int]) -> list[Rectangle]:
    return [
        (tuple([a + b for a, b in zip(offset, origin, strict=True)]), shape)
        for offset, shape in pattern
    ]


def _offsets(
    touch: Touched, values: Mapping[Symbol, Ints], tasks: int
) -> tuple[Ints, NDArray[np.bool_]]:
    """Offsets of a touch in every iteration of its loops.

    Returns
    -------
    offsets : int64 array, shape (tasks, iterations, dimensions)
    enabled : bool array, shape (tasks, iterations)
        Whether the loops around it run that far and the conditions hold.
    """
    axes = len(touch.loops)
    known: dict[Symbol, Any] = {s: v.reshape(-1, *[1] * axes) for s, v in values.items()}
    shape = [tasks]
    runs: list[Any] = []
    for axis, loop in enumerate(touch.loops):
        limit = evaluate(loop.trips, known)
        trips = int(np.max(limit, initial=0))
        index = np.arange(trips).reshape(-1, *[1] * (axes - axis - 1))
        if not isinstance(loop.trips, int):  # shorter, perhaps, in some iterations of an outer one
            runs.append(index < limit)
        known[loop.variable] = evaluate(loop.start, known) + index * evaluate(loop.step, known)
        shape.append(trips)
    along = [np.broadcast_to(evaluate(o, known), shape).reshape(tasks, -1) for o in touch.offset]
    enabled = np.ones((tasks, along[0].shape[1]), dtype=np.bool_)
    for run in runs:
        enabled &= np.broadcast_to(run, shape).reshape(tasks, -1)
    for condition, wanted in touch.conditions:
        holds = np.broadcast_to(evaluate(condition, known), shape).reshape(tasks, -1)
        enabled &= holds.astype(np.bool_) == wanted
    return np.stack(along, axis=-1), enabled


def _union(rectangles: list[Rectangle]) -> list[Rectangle]:
    return rectangles if len(rectangles) < 2 else merged(rectangles)


def merged(rectangles: Sequence[Rectangle]) -> list[Rectangle]:
    """Join rectangles that touch or overlap along one dimension and agree in all others.

    The union stays exactly the same; rectangles that make no larger rectangle stay apart.

    Examples
    --------
    >>> merged([((0, 0), (4, 2)), ((0, 2), (4, 2)), ((0, 8), (4, 2))])
    [((0, 0), (4, 4)), ((0, 8), (4, 2))]
    """
    current = sorted(set(rectangles))
    changed = True
    while changed and len(current) > 1:
        changed = False
        for axis in reversed(range(len(current[0][0]))):
            joined = _joined_along(current, axis)
            changed = changed or len(joined) < len(current)
            current = joined
    return sorted(current)


def _joined_along(rectangles: Sequence[Rectangle], axis: int) -> list[Rectangle]:
    lines: dict[Any, list[tuple[int, int]]] = {}
    for offset, shape in rectangles:
        others = (offset[:axis], offset[axis + 1 :], shape[:axis], shape[axis + 1 :])
        lines.setdefault(others, []).append((offset[axis], offset[axis] + shape[axis]))
    joined: list[Rectangle] = []
    for (before, after, wide, deep), spans in lines.items():
        spans.sort()
        first, last = spans[0]
        for start, stop in [*spans[1:], (spans[-1][1] + 1, 0)]:
            if start <= last and stop:
                last = max(last, stop)
                continue
            joined.append(((*before, first, *after), (*wide, last - first, *deep)))
            first, last = start, stop
    return joined
