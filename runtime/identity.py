"""How the runtime numbers tasks: by task ring, and within each ring in order of submission."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from runtime.graph import TaskGraph

__all__ = ["RING_SHIFT", "numbers_in_rings", "task_ids"]

RING_SHIFT = 32
"""A task id is the ring above these bits and the number in the ring below them (`PTO2TaskId`)."""


def numbers_in_rings(graph: TaskGraph) -> NDArray[np.int64]:
    """Number of each submit within its ring, shape (n,)."""
    local = np.zeros(len(graph), dtype=np.int64)
    for ring in np.unique(graph.ring):
        members = graph.ring == ring
        local[members] = np.arange(np.count_nonzero(members))
    return local


def task_ids(graph: TaskGraph) -> NDArray[np.int64]:
    """The runtime's id of each submit, shape (n,)."""
    return (graph.ring.astype(np.int64) << RING_SHIFT) | numbers_in_rings(graph)
