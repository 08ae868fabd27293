"""What has to hold between the columns of a task graph, whatever file they are from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runtime.map_entries import NEVER_REMOVED, MapEntries
from runtime.scopes import Scopes
from workloads.formats.columns import Columns, Integers, Whole
from workloads.formats.graph_json import NOT_REMOVED

__all__ = [
    "LARGEST",
    "checked_durations_us",
    "checked_edges",
    "checked_entries",
    "checked_scopes",
]

LARGEST = 2**31 - 1
"""Most that a column of 32 bits holds."""


def checked_durations_us(
    columns: Columns, values: Sequence[float] | NDArray[np.float64], kernel: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Kernel time of each submit, shape (n,).

    Raises
    ------
    InputError
        One is no time, or an alloc or dummy task takes any.
    """
    field = "submits.duration_us"
    columns.counted(field, values, len(kernel))
    times_us = np.asarray(values, dtype=np.float64)
    is_time = (times_us >= 0.0) & (times_us < np.inf)
    wrong = np.flatnonzero(~is_time | ((kernel < 0) & (times_us > 0.0)))
    if len(wrong):
        place = int(wrong[0])
        why = "0 or more, and 0 for allocs and dummy tasks"
        raise columns.error(f"{field}[{place}]", f"is {times_us[place]:g} us; {why}")
    return times_us


def checked_edges(
    columns: Columns, start: Whole, producer: Whole, count: int
) -> tuple[Integers, Integers]:
    """Where the producers of each of `count` submits begin, and the producers (CSR).

    Raises
    ------
    InputError
        A producer is none, comes after its consumer or is there twice.
    """
    fanin = columns.whole("edges.producer", producer, most=count - 1)
    starts = columns.starts("edges.start", start, count, len(fanin))
    consumer = np.repeat(np.arange(count), np.diff(starts))
    wrong = np.flatnonzero(fanin >= consumer)
    if len(wrong):
        place = int(wrong[0])
        raise columns.error(
            f"edges.producer[{place}]",
            f"submit {consumer[place]} waits for submit {fanin[place]}, which is not before "
            "it; edges would lead in a circle",
        )
    edges = consumer * count + fanin
    if (np.diff(np.sort(edges)) == 0).any():
        order = np.argsort(edges, kind="stable")
        place = int(order[1:][np.diff(edges[order]) == 0][0])
        why = f"edge {fanin[place]} -> {consumer[place]} is there twice"
        raise columns.error(f"edges.producer[{place}]", why)
    return starts, fanin


def checked_scopes(columns: Columns, of: Whole, end: Whole, line: Whole, count: int) -> Scopes:
    """The scopes of `count` submits.

    Raises
    ------
    InputError
        A submit is in a scope that has ended or is none.
    """
    ends = columns.whole("scopes.end", end, least=1, most=count)
    scope = columns.whole("scopes.of", of, most=len(ends) - 1, count=count)
    lines = columns.whole("scopes.line", line, most=LARGEST, count=len(ends))
    late = np.flatnonzero(ends[scope] <= np.arange(count))
    if len(late):
        why = f"is a scope that ended when there were {ends[scope[late[0]]]} submits"
        raise columns.error(f"scopes.of[{late[0]}]", why)
    return Scopes(scope.astype(np.int32), ends, lines.astype(np.int32))


def checked_entries(
    columns: Columns, writer: Whole, removed_by: Whole, buffer: Whole, walks: Whole, count: int
) -> MapEntries:
    """What the TensorMap held; `walks` are three numbers after each other for each lookup.

    Raises
    ------
    InputError
        A number is that of no submit, or entries are in another order than they were made.
    """
    last = count - 1
    writers = columns.whole("map_entries.writer", writer, most=last)
    if (np.diff(writers) < 0).any():
        raise columns.error("map_entries.writer", "is not in ascending order")
    removers = columns.whole(
        "map_entries.removed_by", removed_by, least=NOT_REMOVED, most=last, count=len(writers)
    )
    buffers = columns.whole("map_entries.buffer", buffer, most=LARGEST, count=len(writers))
    flat = columns.whole("map_entries.walks", walks, most=LARGEST)
    if len(flat) % 3:
        raise columns.error("map_entries.walks", "three numbers belong to each lookup")
    triples = flat.reshape(-1, 3)
    columns.whole("map_entries.walks", triples[:, 0], most=last)
    return MapEntries(
        writers.astype(np.int32),
        np.where(removers == NOT_REMOVED, NEVER_REMOVED, removers).astype(np.int32),
        buffers.astype(np.int32),
        triples.astype(np.int32),
    )
