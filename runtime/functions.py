"""Functions: what the device tools count. A MIX task executes one on each core of its cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from devices.kernel import CoreType, Kernel

if TYPE_CHECKING:
    from runtime.graph import TaskGraph
    from runtime.trace import Trace

__all__ = ["function_columns", "functions_of", "row_kernels", "sides_by_place"]

_Key = tuple[str, CoreType]

_SLOTS = 3
"""Cores of a cluster: the cube core and two vector cores."""


def functions_of(graph: TaskGraph) -> tuple[Kernel, ...]:
    """The functions of a graph, in order of its kernels.

    A MIX kernel that was put together from kernels is their functions, any other kernel is one.
    Kernels of one name and core are one function, which takes other tensors.
    """
    found: dict[_Key, Kernel] = {}
    for kernel in graph.kernels:
        for one in kernel.sides or (kernel,):
            if one is not None:
                found.setdefault(_key(one), one)
    return tuple(found.values())


def function_columns(trace: Trace) -> NDArray[np.int32]:
    """The function that each row executed, as index into `functions_of`, shape (t,)."""
    kernels = trace.graph.kernels
    number = {_key(function): place for place, function in enumerate(functions_of(trace.graph))}
    alone = [-1 if kernel.sides else number[_key(kernel)] for kernel in kernels]
    return _of_rows(trace, alone, number)


def row_kernels(trace: Trace) -> tuple[tuple[Kernel, ...], NDArray[np.int32]]:
    """What to call rows by: their kernels, but for a MIX kernel put together, its functions.

    Returns
    -------
    tuple of Kernel
        The kernels of the graph, and behind them functions that are none of these.
    int32 array, shape (t,)
        Which of them each row executed.
    """
    kernels = list(trace.graph.kernels)
    number: dict[_Key, int] = {}
    for place, kernel in enumerate(trace.graph.kernels):
        if not kernel.sides:
            number.setdefault(_key(kernel), place)
    for kernel in trace.graph.kernels:
        for side in kernel.sides:
            if side is not None and number.setdefault(_key(side), len(kernels)) == len(kernels):
                kernels.append(side)
    return tuple(kernels), _of_rows(trace, range(len(kernels)), number)


def _of_rows(trace: Trace, alone: Sequence[int], number: Mapping[_Key, int]) -> NDArray[np.int32]:
    """A number for each row: that of its kernel in `alone`, or that of the side it executed."""
    kernels = trace.graph.kernels
    table = np.empty((len(kernels), _SLOTS), dtype=np.int32)
    for place, kernel in enumerate(kernels):
        known = [number[_key(side)] for side in kernel.sides if side is not None]
        # Where a side is absent no core runs it; the number there is never asked for.
        table[place] = [
            known[0] if side is None else number[_key(side)] for side in kernel.sides
        ] or alone[place]
    side = sides_by_place(trace) if trace.side is None else trace.side
    return table[trace.kernel, side]


def sides_by_place(trace: Trace) -> NDArray[np.int8]:
    """Which core of its cluster each row ran on, shape (t,): 0 is the cube core."""
    per_cluster = max(trace.aiv_count // max(trace.aic_count, 1), 1)
    lane = (trace.core - trace.aic_count) % per_cluster
    # Only clusters of one cube core and two vector cores run MIX tasks.
    side = np.where(trace.core < trace.aic_count, 0, 1 + np.minimum(lane, 1))
    return side.astype(np.int8)


def _key(kernel: Kernel) -> _Key:
    return kernel.name, kernel.core
