"""Writing a task graph with kernel times as columns of numpy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from runtime.arguments import as_scalars, as_tensors
from runtime.graph import View
from runtime.map_entries import NEVER_REMOVED, MapEntries
from runtime.submits import Submits
from workloads.formats.graph_json import NOT_REMOVED
from workloads.formats.graph_npz import HEADER, NpzHeader
from workloads.formats.imported import Imported
from workloads.formats.kernel_records import kernel_record
from workloads.formats.named_producers import NamedProducers
from workloads.formats.npz_content import Array, write_npz
from workloads.formats.view_table import ViewColumns, ViewTable, view_columns

__all__ = ["write_graph_npz"]


def write_graph_npz(held: Imported, stream: BinaryIO) -> None:
    """Write a file of the graph; the same graph gives the same bytes."""
    graph, submits = held.graph, held.submits
    views, start, number, arguments = _views(graph.views, submits.arguments)
    scalars, values = _scalars(graph.scalars)
    header = NpzHeader(
        name=graph.name,
        program=submits.file,
        kernels=[kernel_record(kernel) for kernel in graph.kernels],
        dtypes=[dtype.name for dtype in views.dtypes],
        buffers=list(views.name),
        dropped=graph.dropped,
        notes=list(held.notes),
    )
    described = {HEADER: np.frombuffer(msgspec.json.encode(header), dtype=np.uint8)}
    columns: dict[str, Array] = {
        "submits.kernel": graph.kernel,
        "submits.ring": graph.ring,
        "submits.duration_us": held.durations_us,
        "submits.chain_entries": graph.chain_entries,
        "edges.start": graph.fanin_start,
        "edges.producer": graph.fanin,
        "scopes.of": graph.scopes.of,
        "scopes.end": graph.scopes.end,
        "scopes.line": graph.scopes.line,
        "buffers.dtype": views.dtype,
        "buffers.axes": views.axes,
        "buffers.owner": views.owner,
        "buffers.shape": views.buffer_shape,
        "views.buffer": views.buffer,
        "views.shape": views.shape,
        "views.offset": views.offset,
        "tensors.start": start,
        "tensors.view": number,
        "scalars.start": scalars,
        "scalars.value": values,
        "program.arguments": arguments,
    }
    columns |= _launches(submits) | _entries(graph.map_entries) | _program(submits)
    write_npz({name: _narrow(column) for name, column in columns.items()} | described, stream)


def _views(
    rows: Sequence[tuple[View, ...]], arguments: Sequence[View]
) -> tuple[ViewColumns, Array, Array, Array]:
    """Columns of views, where those of each submit begin, their numbers, and the arguments'."""
    own = as_tensors(rows)
    start, number = np.frombuffer(own.start, np.int32), np.frombuffer(own.number, np.int32)
    if isinstance(own.views, ViewTable):  # what was read in columns
        named = own.views.numbers(arguments)
        if named is not None:
            return own.views.columns, start, number, np.array(named, dtype=np.int64)
    columns, place, named_places = view_columns(own.views, arguments)
    return columns, start, place[number], named_places


def _scalars(rows: Sequence[tuple[int, ...]]) -> tuple[Array, Array]:
    return as_scalars(rows).columns()


def _launches(submits: Submits) -> dict[str, Array]:
    launches = sorted(submits.launches.items())
    return {
        "launches.submit": _whole([submit for submit, _ in launches]),
        "launches.blocks": _whole([launch.blocks for _, launch in launches]),
        "launches.sync_start": _whole([launch.sync_start for _, launch in launches]),
        "launches.allows_early": _whole([launch.allows_early for _, launch in launches]),
    }


def _entries(entries: MapEntries) -> dict[str, Array]:
    stays = entries.removed_by == NEVER_REMOVED
    return {
        "map_entries.writer": entries.writer,
        "map_entries.removed_by": np.where(stays, NOT_REMOVED, entries.removed_by),
        "map_entries.buffer": entries.buffer,
        "map_entries.walks": entries.walks.reshape(-1),
    }


def _program(submits: Submits) -> dict[str, Array]:
    count, named = len(submits), submits.explicit
    if isinstance(named, NamedProducers):
        start, producer = named.start, np.asarray(named.producer)
    else:
        rows = [named.get(submit, ()) for submit in range(count)] if named else [()] * count
        start, producer = _starts(rows), _whole(list(chain.from_iterable(rows)))
    is_manual = np.zeros(count, dtype=np.bool_)
    is_manual[_whole(submits.manual)] = True
    return {
        "program.depth": _whole(submits.depth),
        "program.is_manual": is_manual,
        "program.start": start,
        "program.producer": producer,
    }


def _whole(values: Collection[int]) -> NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64, count=len(values))


def _starts(rows: Collection[Sequence[object]]) -> NDArray[np.int64]:
    lengths: Iterable[int] = map(len, rows)
    counts = np.fromiter(lengths, dtype=np.int64, count=len(rows))
    return np.concatenate(([0], np.cumsum(counts)))


def _narrow(column: Array) -> Array:
    """The column with as few bytes for each number as all of them need."""
    if column.dtype.kind not in "iu" or not len(column):
        return column
    least, most = column.min(), column.max()
    for dtype in (np.int8, np.int16, np.int32):
        limits = np.iinfo(dtype)
        if limits.min <= least and most <= limits.max:
            return column.astype(dtype, copy=False)
    return column
