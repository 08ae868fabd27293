"""Kernels of a graph by name."""

from __future__ import annotations

import numpy as np

from devices.errors import unknown_name
from runtime.graph import TaskGraph

__all__ = ["kernel_number"]


def kernel_number(graph: TaskGraph, name: str) -> int:
    """Number of the kernel of a name, of those that have tasks.

    Raises
    ------
    InputError
        None has; the message names those that are nearest.
    """
    used: list[int] = np.unique(graph.kernel[graph.kernel >= 0]).tolist()
    names = {graph.kernels[number].name: number for number in used}
    if name not in names:
        raise unknown_name(f"kernel of {graph.name}", name, names)
    return names[name]
