"""Programs and graphs of which nothing but tasks and edges is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from devices.kernel import Kernel
from runtime.arguments import ScalarArguments, TensorArguments
from runtime.graph import TaskGraph
from runtime.launch import Launch
from runtime.map_entries import no_entries
from runtime.submits import Submits
from workloads.formats.draft_edges import Producers
from workloads.formats.named_producers import named_producers, shared_numbers

__all__ = ["graph_of_edges", "program_of_edges"]


def program_of_edges(
    name: str,
    file: str,
    kernels: Sequence[Kernel],
    columns: tuple[list[int], list[int]],
    launches: dict[int, Launch],
    producers: Producers,
) -> Submits:
    """A program that names all its producers, each submit with a scope of its own.

    Parameters
    ----------
    name, file, kernels, launches
        As in `Submits`.
    columns : lists of int, shape (n,)
        Kernel and ring of each submit.
    producers : Producers
        Of each submit.
    """
    kernel, ring = columns
    count = len(producers)
    number = shared_numbers(count)
    return Submits(
        name,
        file,
        (),
        kernels,
        (),
        kernel=kernel,
        depth=ring,
        views=TensorArguments([()] * count),
        scalars=ScalarArguments([()] * count),
        launches=launches,
        explicit=named_producers(producers.start, producers.producer, number),
        scope=number[:count],
        scope_line=[0] * count,
        scope_end=number[1:],
    )


def graph_of_edges(submits: Submits, producers: Producers) -> TaskGraph:
    """The graph of such a program."""
    count = len(submits)
    return TaskGraph(
        name=submits.name,
        kernels=submits.kernels,
        kernel=np.array(submits.kernel, dtype=np.int32),
        ring=np.array(submits.depth, dtype=np.int8),
        fanin_start=producers.start,
        fanin=producers.producer.astype(np.int32),
        chain_entries=np.zeros(count, dtype=np.int32),
        dropped=0,
        views=submits.views,
        scalars=submits.scalars,
        scopes=submits.scopes,
        map_entries=no_entries(),
        launches=submits.launches,
    )
