"""Loads and stores of a kernel, and where they are for given scalars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.expression import Scalar, Symbol, bending, evaluate, symbols
from devices.kernel import Branch, Kernel, Loop, Statement

__all__ = ["Touched", "offsets_at", "offsets_of", "pattern_symbols", "touches_of"]

Ints = NDArray[np.int64]
Values = Mapping[Symbol, Ints]


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


def touches_of(kernel: Kernel) -> list[Touched]:
    """The loads and stores of a kernel, in order."""
    return list(_touches(kernel.body, (), ()))


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


def pattern_symbols(touch: Touched) -> set[Symbol]:
    """Symbols that change what a touch touches, rather than move all of it."""
    found = {s for condition, _ in touch.conditions for s in symbols(condition)}
    for offset in touch.offset:
        found.update(bending(offset))
    for loop in touch.loops:
        found.update(symbols(loop.trips), symbols(loop.step), bending(loop.start))
    for loop in reversed(touch.loops):  # an inner one may begin where an outer one is
        if loop.variable in found:
            found.update(symbols(loop.start))
    return found


def offsets_of(
    touch: Touched, values: Values, tasks: int
) -> tuple[Ints, NDArray[np.bool_], tuple[int, ...]]:
    """Offsets of a touch in every iteration of its loops.

    Parameters
    ----------
    touch : Touched
        The load or store.
    values : mapping of Symbol to int64 array, shape (tasks,)
        The scalars of some tasks.
    tasks : int
        How many they are.

    Returns
    -------
    offsets : int64 array, shape (tasks, iterations, dimensions)
    enabled : bool array, shape (tasks, iterations)
        Whether the loops around it run that far and the conditions hold.
    trips : tuple of int
        Most trips of each loop; iterations are those of the innermost first.
    """
    axes = len(touch.loops)
    known: dict[Symbol, Any] = {s: v.reshape(-1, *[1] * axes) for s, v in values.items()}
    shape = [tasks]
    runs: list[Any] = []
    for axis, loop in enumerate(touch.loops):
        limit = evaluate(loop.trips, known)
        trips = max(0, int(np.max(limit, initial=0)))
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
    return np.stack(along, axis=-1), enabled, tuple(shape[1:])


def offsets_at(touch: Touched, values: Values, tasks: int, iteration: Sequence[int]) -> Ints:
    """Offsets of a touch in one iteration, shape (tasks, dimensions); one index for each loop."""
    known: dict[Symbol, Any] = dict(values)
    for loop, index in zip(touch.loops, iteration, strict=True):
        known[loop.variable] = evaluate(loop.start, known) + index * evaluate(loop.step, known)
    along = [np.broadcast_to(evaluate(o, known), (tasks,)) for o in touch.offset]
    return np.stack(along, axis=-1).astype(np.int64)
