"""What all tasks of a kernel touch: the same pattern of rectangles, each at a place of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.kernel import Kernel
from runtime.accesses import Rectangle, merged, touched_offsets

__all__ = ["Pattern", "find_patterns"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Rectangles of one argument that tasks of a kernel read, or write.

    Attributes
    ----------
    parameter : int
        Position of the argument among the kernel's parameters.
    is_store : bool
        Whether they write.
    rows : int64 array, shape (t,)
        Which of the tasks.
    origins : int64 array, shape (t, dimensions)
        Where the pattern is, in elements of the argument.
    rectangles : sequence of Rectangle
        The pattern, joined where it can be, relative to the origin.
    columns : int
        Columns that one load or store has at the least.
    """

    parameter: int
    is_store: bool
    rows: NDArray[np.int64]
    origins: NDArray[np.int64]
    rectangles: Sequence[Rectangle]
    columns: int


def find_patterns(
    kernel: Kernel, scalars: Sequence[tuple[int, ...]]
) -> tuple[list[Pattern], NDArray[np.float64]]:
    """Find what tasks of a kernel touch.

    Parameters
    ----------
    kernel : Kernel
        What they execute.
    scalars : sequence of tuple of int
        The scalar arguments of each.

    Returns
    -------
    patterns : list of Pattern
        In the order of the kernel's loads and stores.
    loaded : float64 array, shape (len(scalars),)
        Bytes that each task loads; twice what it loads twice.
    """
    loaded = np.zeros(len(scalars))
    grouped: dict[tuple[int, bool], list[_Offsets]] = {}
    for touch, blocks in touched_offsets(kernel, scalars):
        nbytes = kernel.parameters[touch.parameter].dtype.nbytes(math.prod(touch.shape))
        if not touch.is_store:
            loaded += nbytes * np.concatenate([on.sum(axis=1) for _, on in blocks])
        found = grouped.setdefault((touch.parameter, touch.is_store), [])
        found.append((touch.shape, blocks))
    patterns: list[Pattern] = []
    for (parameter, is_store), offsets in grouped.items():
        columns = min(shape[-1] for shape, _ in offsets)
        for rows, origins, rectangles in _joined(offsets, len(scalars)):
            patterns.append(Pattern(parameter, is_store, rows, origins, rectangles, columns))
    return patterns, loaded


_Blocks = Sequence[tuple[NDArray[np.int64], NDArray[np.bool_]]]
_Offsets = tuple[tuple[int, ...], _Blocks]
_Joined = tuple[NDArray[np.int64], NDArray[np.int64], list[Rectangle]]


def _joined(offsets: Sequence[_Offsets], tasks: int) -> list[_Joined]:
    """One pattern for all tasks if they have the same, else one for each."""
    if all(len(blocks) == 1 for _, blocks in offsets):
        base = offsets[0][1][0][0][:, :1]
        if base.shape[1]:
            relative = [(shape, o - base, on) for shape, [(o, on)] in offsets]
            if all(on.all() and (rel == rel[0]).all() for _, rel, on in relative):
                boxes = [(tuple(o), shape) for shape, rel, _ in relative for o in rel[0].tolist()]
                return [(np.arange(tasks), base[:, 0], merged(boxes))]
    found: list[_Joined] = []
    for task in range(tasks):
        boxes = [box for shape, blocks in offsets for box in _boxes(shape, blocks, task)]
        if boxes:
            origin = np.zeros((1, len(boxes[0][0])), dtype=np.int64)
            found.append((np.array([task]), origin, merged(boxes)))
    return found


def _boxes(shape: tuple[int, ...], blocks: _Blocks, task: int) -> list[Rectangle]:
    offsets, enabled = blocks[0] if len(blocks) == 1 else blocks[task]
    row = task if len(blocks) == 1 else 0
    return [(tuple(offset), shape) for offset in offsets[row][enabled[row]].tolist()]
