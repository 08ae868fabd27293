"""From what a simulation noted of each task to the columns of a trace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runtime.graph import DUMMY, TaskGraph

__all__ = ["executions", "real_releaser"]


def executions(
    graph: TaskGraph, parts: Sequence[int]
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """What executes on cores, in order of submission.

    Parameters
    ----------
    graph : TaskGraph
        What ran.
    parts : sequence of int
        The task of each part of a task that took several cores; parts are numbered on from the
        submits.

    Returns
    -------
    number, task : array, shape (t,)
        Number of each execution, and the submit that it belongs to.
    """
    whole = np.array(parts, dtype=np.intp)
    is_one = graph.kernel >= 0
    is_one[whole] = False
    alone = np.flatnonzero(is_one)
    number = np.concatenate([alone, len(graph) + np.arange(len(whole))])
    task = np.concatenate([alone, whole])
    order = np.argsort(task, kind="stable")
    return number[order], task[order].astype(np.int32)


def real_releaser(graph: TaskGraph, released_by: Sequence[int]) -> NDArray[np.int32]:
    """The task whose completion made each one ready; a dummy task stands for its own releaser."""
    found = list(released_by)
    for dummy in np.flatnonzero(graph.kernel == DUMMY).tolist():
        while found[dummy] >= 0 and graph.kernel[found[dummy]] == DUMMY:
            found[dummy] = found[found[dummy]]
    kernel = graph.kernel.tolist()
    return np.array(
        [found[task] if task >= 0 and kernel[task] == DUMMY else task for task in found],
        dtype=np.int32,
    )
