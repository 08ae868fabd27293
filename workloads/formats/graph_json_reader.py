"""Reading a task graph with kernel times from the project's own JSON."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from runtime.arguments import ScalarArguments, TensorArguments
from runtime.graph import TaskGraph, View
from runtime.launch import Launch
from runtime.map_entries import MapEntries, no_entries
from runtime.submits import Submits
from workloads.formats.assumed import Assumed
from workloads.formats.attributes import MOST_RING
from workloads.formats.columns import Columns
from workloads.formats.graph_checks import (
    LARGEST,
    checked_durations_us,
    checked_edges,
    checked_entries,
    checked_scopes,
)
from workloads.formats.graph_json import (
    FORMAT,
    VERSION,
    Entries,
    GraphFile,
    Header,
    LaunchRecord,
    Program,
)
from workloads.formats.graph_json_arguments import Arguments
from workloads.formats.imported import Imported
from workloads.formats.json_content import from_json
from workloads.formats.named_producers import named_producers, shared_numbers

__all__ = ["GRAPH_JSON_ENDINGS", "NO_OPERATIONS", "read_graph_json"]

GRAPH_JSON_ENDINGS = (".json",)

NO_OPERATIONS = (
    "What kernels do inside is not in the file: their times are those of the file, and they may "
    "touch all of the tensors that they name."
)
"""What a reader of results has to know of a graph from one of the project's own files."""


def read_graph_json(content: bytes, file: str, assumed: Assumed) -> Imported:
    """Read a task graph; nothing has to be assumed of it.

    Raises
    ------
    InputError
        The file has another format or version, or a field of the wrong type, length or range.
    """
    del assumed  # all readers are called alike
    header = from_json(content, Header, file)
    if header.format != FORMAT:
        raise InputError(f"{file}: format: is {header.format!r}, not {FORMAT!r}")
    if header.version != VERSION:
        raise InputError(
            f"{file}: version: {header.version} cannot be read, only {VERSION}; read it with the "
            "version of tilesim that wrote it"
        )
    return _Reader(from_json(content, GraphFile, file), file).imported()


class _Reader:
    """Checks the parts of a file and puts them together."""

    def __init__(self, content: GraphFile, file: str) -> None:
        self._content = content
        self._file = file
        self._columns = Columns(file)
        self._count = len(content.submits.kernel)

    def imported(self) -> Imported:
        """What the file holds."""
        graph, arguments = self._graph()
        content = self._content
        durations_us = checked_durations_us(
            self._columns, content.submits.duration_us, graph.kernel
        )
        program, has_tensors = content.program, content.tensors is not None
        notes = tuple(dict.fromkeys((*content.notes, NO_OPERATIONS)))
        # The columns of the file take more memory than all that is made of them: they go first.
        del content, self._content
        return Imported(
            name=graph.name,
            format=f"tilesim graph {VERSION}",
            submits=self._submits(graph, program, arguments),
            graph=graph,
            durations_us=durations_us,
            has_tensors=has_tensors,
            notes=notes,
        )

    def _graph(self) -> tuple[TaskGraph, tuple[View, ...]]:
        """The graph, and the tensors of the program."""
        content, columns, count = self._content, self._columns, self._count
        arguments = Arguments(columns, content.kernels, content.submits.kernel)
        kernel = arguments.kernel
        if not (kernel >= 0).any():
            raise columns.error("submits.kernel", "has no task; there is nothing to simulate")
        ring = columns.whole("submits.ring", content.submits.ring, most=MOST_RING, count=count)
        entries = content.submits.chain_entries or [0] * count
        chain_entries = columns.whole("submits.chain_entries", entries, most=LARGEST, count=count)
        own = [] if content.program is None else content.program.arguments
        views, tensors = arguments.views(content.tensors, own)
        edges, scopes = content.edges, content.scopes
        fanin_start, fanin = checked_edges(columns, edges.start, edges.producer, count)
        graph = TaskGraph(
            name=content.name,
            kernels=arguments.kernels,
            kernel=kernel.astype(np.int32),
            ring=ring.astype(np.int8),
            fanin_start=fanin_start,
            fanin=fanin.astype(np.int32),
            chain_entries=chain_entries.astype(np.int32),
            dropped=edges.dropped,
            views=views,
            scalars=arguments.scalars(content.scalars),
            scopes=checked_scopes(columns, scopes.of, scopes.end, scopes.line, count),
            map_entries=self._entries(content.map_entries),
            launches=self._launches(content.launches, kernel),
        )
        return graph, tensors

    def _entries(self, entries: Entries | None) -> MapEntries:
        if entries is None:
            return no_entries()
        walks = [number for walk in entries.walks for number in walk]
        return checked_entries(
            self._columns, entries.writer, entries.removed_by, entries.buffer, walks, self._count
        )

    def _launches(
        self, records: Sequence[LaunchRecord], kernel: NDArray[np.int64]
    ) -> dict[int, Launch]:
        launches: dict[int, Launch] = {}
        for place, record in enumerate(records):
            field = f"launches[{place}].submit"
            if not 0 <= record.submit < self._count or kernel[record.submit] < 0:
                raise self._columns.error(field, f"{record.submit} is no task")
            if record.submit in launches:
                raise self._columns.error(field, f"{record.submit} is there twice")
            launches[record.submit] = Launch(record.blocks, record.sync_start, record.allows_early)
        return launches

    def _submits(
        self, graph: TaskGraph, program: Program | None, arguments: tuple[View, ...]
    ) -> Submits:
        """The program; where the file does not have it, one that names all producers itself."""
        columns, count = self._columns, self._count
        number = shared_numbers(count)
        manual: set[int] = set()
        if program is None:
            file, depth = self._file, graph.ring.tolist()
            explicit = named_producers(graph.fanin_start, graph.fanin)
            manual = set(explicit)
        else:
            file = program.file
            depth = columns.whole(
                "program.depth", program.depth, most=LARGEST, count=count
            ).tolist()
            manual = set(columns.whole("program.manual", program.manual, most=count - 1).tolist())
            explicit = {}
            for place, (submit, named) in enumerate(program.explicit):
                field = f"program.explicit[{place}]"
                columns.whole(field, [submit], most=count - 1)
                explicit[submit] = tuple(columns.whole(field, named, most=submit - 1).tolist())
        return Submits(
            graph.name,
            file,
            arguments,
            graph.kernels,
            (),
            kernel=graph.kernel.tolist(),
            depth=depth,
            views=TensorArguments(graph.views),
            scalars=ScalarArguments(graph.scalars),
            launches=dict(graph.launches),
            explicit=explicit,
            manual=manual,
            scope=[number[scope] for scope in graph.scopes.of],
            scope_line=graph.scopes.line.tolist(),
            scope_end=[number[end] for end in graph.scopes.end],
        )
