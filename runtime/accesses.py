"""Which rectangles of its arguments a task really touches, from its recorded tile operations.

A task names whole tensors where its kernel slices them itself, and the runtime compares what is
named. The same rules applied to what is touched show which edges are true.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from devices.expression import Symbol
from devices.intervals import Interval, interval
from devices.kernel import Direction, Kernel, Parameter
from runtime.errors import LanguageError
from runtime.graph import View
from runtime.patterns import Patterns, find_patterns
from runtime.rectangles import Rectangle, merged
from runtime.submits import Submits
from runtime.tensormap import Access
from runtime.touches import Touched, offsets_of, touches_of

__all__ = ["check_bounds", "touched_accesses"]

Ints = NDArray[np.int64]


def check_bounds(submits: Submits) -> None:
    """Refuse a program whose tasks touch memory outside the tensors that they name.

    Raises
    ------
    LanguageError
        Names file and line of the load or store, the tensor, and where it reaches.
    """
    kernels = np.array(submits.kernel)
    for number, kernel in enumerate(submits.kernels):
        tasks = np.flatnonzero(kernels == number)
        scalars = submits.scalars.table(tasks, len(kernel.scalars))
        if not len(tasks) or _is_sure_to_stay(kernel, scalars):
            continue
        outside = np.zeros(len(tasks), dtype=np.bool_)
        for patterns in find_patterns(kernel, scalars):
            outside[_outside(patterns, kernel.parameters[patterns.parameter].shape)] = True
        if outside.any():
            raise _leaves(submits.file, kernel, scalars[outside])


def _is_sure_to_stay(kernel: Kernel, scalars: Ints) -> bool:
    """Whether bounds of the scalars are enough to know that no task leaves its arguments.

    Mostly they are, and cost nothing, however many tasks there are.
    """
    least, most = scalars.min(axis=0).tolist(), scalars.max(axis=0).tolist()
    known: dict[Symbol, Interval] = dict(
        zip(kernel.scalars, zip(least, most, strict=True), strict=True)
    )
    return all(
        _stays(touch, kernel.parameters[touch.parameter], known) for touch in touches_of(kernel)
    )


def _stays(touch: Touched, argument: Parameter, known: dict[Symbol, Interval]) -> bool:
    """Whether a touch is sure to stay inside its argument; adds bounds of its loops' variables."""
    for loop in touch.loops:
        start, step, trips = (interval(e, known) for e in (loop.start, loop.step, loop.trips))
        if start is None or step is None or trips is None:
            return False
        if trips[1] <= 0:  # it never runs
            return True
        last = trips[1] - 1
        known[loop.variable] = (
            start[0] + min(0, step[0] * last),
            start[1] + max(0, step[1] * last),
        )
    for offset, extent, size in zip(touch.offset, touch.shape, argument.shape, strict=True):
        at = interval(offset, known)
        if at is None or at[0] < 0 or at[1] + extent > size:
            return False
    return True


def _outside(patterns: Patterns, size: tuple[int, ...]) -> Ints:
    """Rows of tasks whose pattern is not inside an argument of that size."""
    ends = [[np.add(*rectangle) for rectangle in each] for each in patterns.rectangles]
    starts = [[offset for offset, _ in each] for each in patterns.rectangles]
    if not starts:
        return patterns.rows
    least = np.array([np.min(each, axis=0) for each in starts])[patterns.number]
    most = np.array([np.max(each, axis=0) for each in ends])[patterns.number]
    outside = (patterns.origins + least < 0) | (patterns.origins + most > size)
    rows: Ints = patterns.rows[outside.any(axis=1)]
    return rows


def _leaves(file: str, kernel: Kernel, scalars: Ints) -> LanguageError:
    """The error of tasks that leave their arguments, at the first touch that does."""
    for touch in touches_of(kernel):
        size = kernel.parameters[touch.parameter].shape
        for offsets, enabled in _blocks(touch, kernel, scalars):
            outside = (offsets < 0) | (offsets + touch.shape > size)
            outside &= enabled[..., None]
            if outside.any():
                offset = offsets[outside.any(axis=-1)][0].tolist()
                verb = "stores" if touch.is_store else "loads"
                return LanguageError(
                    f"{file}:{touch.line}: {verb} {list(touch.shape)} at offset "
                    f"{offset} of {kernel.parameters[touch.parameter].name!r}, which has "
                    f"shape {list(size)}; check the loop bounds and sizes"
                )
    raise AssertionError("no touch leaves its argument")


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
        scalars = submits.scalars.table(np.array(tasks), len(kernel.scalars))
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


def _rectangles(kernel: Kernel, columns: Ints) -> Iterator[list[tuple[int, Rectangle, Direction]]]:
    """Parameter, rectangle and direction of everything that each task touches, in order."""
    touches = touches_of(kernel)
    per_touch = [_per_task(touch, kernel, columns) for touch in touches]
    for task in range(len(columns)):
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


def _blocks(
    touch: Touched, kernel: Kernel, columns: Ints
) -> Iterator[tuple[Ints, NDArray[np.bool_]]]:
    """`offsets_of` all tasks at once, or of one after the other where their trips differ."""
    if all(isinstance(loop.trips, int) for loop in touch.loops):
        values = dict(zip(kernel.scalars, columns.T, strict=True))
        yield offsets_of(touch, values, len(columns))[:2]
    else:
        for row in columns:
            values = dict(zip(kernel.scalars, row[:, None], strict=True))
            yield offsets_of(touch, values, 1)[:2]


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


def _union(rectangles: list[Rectangle]) -> list[Rectangle]:
    return rectangles if len(rectangles) < 2 else merged(rectangles)
