"""Writing a task graph with kernel times into the project's own JSON."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain
from math import isfinite

import msgspec
import numpy as np

from devices.errors import InputError
from runtime.graph import Buffer, View
from runtime.launch import Launch
from runtime.map_entries import NEVER_REMOVED
from workloads.formats.graph_json import (
    FORMAT,
    NOT_REMOVED,
    VERSION,
    BufferRecord,
    Edges,
    Entries,
    GraphFile,
    LaunchRecord,
    Program,
    Scalars,
    ScopeColumns,
    SubmitColumns,
    Tensors,
    ViewRecord,
)
from workloads.formats.imported import Imported
from workloads.formats.kernel_records import kernel_record

__all__ = ["graph_json_of"]


def graph_json_of(held: Imported) -> bytes:
    """What a file of the graph holds; the same graph gives the same bytes."""
    graph, submits = held.graph, held.submits
    tables = _Tables()
    of_submits = [tables.views(views) for views in graph.views]
    arguments = tables.views(submits.arguments)
    has_scalars = any(graph.scalars)
    content = GraphFile(
        format=FORMAT,
        version=VERSION,
        name=graph.name,
        kernels=[kernel_record(kernel) for kernel in graph.kernels],
        submits=SubmitColumns(
            graph.kernel.tolist(),
            graph.ring.tolist(),
            held.durations_us.tolist(),
            graph.chain_entries.tolist() if graph.chain_entries.any() else [],
        ),
        edges=Edges(graph.fanin_start.tolist(), graph.fanin.tolist(), graph.dropped),
        scopes=ScopeColumns(
            graph.scopes.of.tolist(), graph.scopes.end.tolist(), graph.scopes.line.tolist()
        ),
        launches=[_launch(submit, launch) for submit, launch in sorted(graph.launches.items())],
        tensors=tables.tensors(of_submits) if tables.buffers else None,
        scalars=_scalars(graph.name, graph.scalars) if has_scalars else None,
        map_entries=_entries(held) if len(graph.map_entries) else None,
        program=Program(
            submits.file,
            list(submits.depth),
            arguments,
            [(submit, list(named)) for submit, named in sorted(submits.explicit.items())],
            sorted(submits.manual),
        ),
        notes=list(held.notes),
    )
    return msgspec.json.encode(content)


class _Tables:
    """Buffers and views, each once."""

    def __init__(self) -> None:
        self.buffers: dict[Buffer, int] = {}
        self._views: dict[View, int] = {}

    def views(self, views: tuple[View, ...]) -> list[int]:
        """Numbers of views."""
        for view in views:
            self.buffers.setdefault(view.buffer, len(self.buffers))
        return [self._views.setdefault(view, len(self._views)) for view in views]

    def tensors(self, of_submits: list[list[int]]) -> Tensors:
        """The tables, with the numbers of the views of each submit."""
        return Tensors(
            [BufferRecord(b.name, list(b.shape), b.dtype.name, b.owner) for b in self.buffers],
            [
                ViewRecord(self.buffers[v.buffer], list(v.shape), list(v.offset))
                for v in self._views
            ],
            _start(of_submits),
            list(chain.from_iterable(of_submits)),
        )


def _start(rows: list[list[int]]) -> list[int]:
    return [0, *accumulate(map(len, rows))]


def _launch(submit: int, launch: Launch) -> LaunchRecord:
    return LaunchRecord(submit, launch.blocks, launch.sync_start, launch.allows_early)


def _scalars(name: str, scalars: Sequence[tuple[int, ...]]) -> Scalars:
    rows = [list(row) for row in scalars]
    for submit, row in enumerate(rows):
        if not all(map(isfinite, row)):
            raise InputError(
                f"{name}: submit {submit} has the scalars {row}, and JSON has no such numbers; "
                "write .npz"
            )
    return Scalars(_start(rows), list(chain.from_iterable(rows)))


def _entries(held: Imported) -> Entries:
    entries = held.graph.map_entries
    removed_by = np.where(entries.removed_by == NEVER_REMOVED, NOT_REMOVED, entries.removed_by)
    return Entries(
        entries.writer.tolist(),
        removed_by.tolist(),
        entries.buffer.tolist(),
        [(submit, buffer, count) for submit, buffer, count in entries.walks.tolist()],
    )
