"""From what a simulation noted of each task to the columns of a trace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from librt.vecs import vec
from mypy_extensions import i32
from numpy.typing import NDArray

from devices.cores import CorePool
from devices.traffic import Traffic
from runtime.graph import DUMMY, TaskGraph

__all__ = ["executions", "moved", "real_releaser"]

Floats = NDArray[np.float64]


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


def moved(
    traffic: Traffic | None, number: NDArray[np.intp], cores: CorePool
) -> tuple[Floats, Floats, Floats]:
    """What executions moved through global memory, by their numbers.

    Returns
    -------
    alone_us, hbm_bytes, gm_bytes : float64 array, shape (t,)
        Kernel time without others, and what HBM moved, and what was loaded and stored.
    """
    if traffic is None:
        exec_us = np.asarray(cores.end_us)[number] - np.asarray(cores.start_us)[number]
        return exec_us, np.zeros(len(number)), np.zeros(len(number))
    alone_us, hbm_bytes, gm_bytes = traffic.alone_us, traffic.hbm_bytes, traffic.gm_bytes
    return (
        np.asarray(alone_us)[number],
        np.asarray(hbm_bytes)[number],
        np.asarray(gm_bytes)[number],
    )


def real_releaser(graph: TaskGraph, released_by: vec[i32]) -> NDArray[np.int32]:
    """The task whose completion made each one ready; a dummy task stands for its own releaser."""
    found = np.array(released_by, dtype=np.int32)
    for dummy in np.flatnonzero(graph.kernel == DUMMY).tolist():
        while found[dummy] >= 0 and graph.kernel[found[dummy]] == DUMMY:
            found[dummy] = found[found[dummy]]
    is_dummy = np.append(graph.kernel == DUMMY, False)  # at -1: nothing has released it
    return np.where(is_dummy[found], found[found], found)
