"""What a file of another tool holds, in this project's terms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.graph import TaskGraph
from runtime.submits import Submits
from runtime.trace import Trace

__all__ = ["Imported"]


@dataclass(frozen=True)
class Imported:
    """A task graph with kernel times, and the run that was recorded, if one was.

    Attributes
    ----------
    name : str
        What to call it: the file's name without its ending, or what the file says.
    format : str
        Which format it was, in words, with its version.
    submits : Submits
        The submits of the graph in order. Where the file names no tensors they have none, and
        `has_tensors` is false.
    graph : TaskGraph
        What runs; its edges are those of the file.
    durations_us : float64 array, shape (n,)
        Kernel time of each submit, 0 for allocs and dummy tasks.
    trace : Trace or None
        The recorded run.
    has_tensors : bool
        Whether the submits name their tensors, so that hazards can be found.
    notes : tuple of str
        What the file does not say and a reader of results has to know, a sentence each.
    """

    name: str
    format: str
    submits: Submits
    graph: TaskGraph
    durations_us: NDArray[np.float64]
    trace: Trace | None = None
    has_tensors: bool = False
    notes: tuple[str, ...] = ()
