"""Reading a task graph with kernel times from the project's own JSON."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from runtime.arguments import ScalarArguments, TensorArguments
from runtime.graph import TaskGraph, View
from runtime.launch import Launch
from runtime.map_entries import NEVER_REMOVED, MapEntries, no_entries
from runtime.scopes import Scopes
from runtime.submits import Submits
from workloads.formats.assumed import Assumed
from workloads.formats.attributes import MOST_RING
from workloads.formats.columns import Columns
from workloads.formats.graph_json import (
    FORMAT,
    NOT_REMOVED,
    VERSION,
    Entries,
    GraphFile,
    Header,
    LaunchRecord,
    Program,
    ScopeColumns,
)
from workloads.formats.graph_json_arguments import Arguments
from workloads.formats.imported import Imported
from workloads.formats.json_content import from_json
from workloads.formats.named_producers import named_producers, shared_numbers

__all__ = ["GRAPH_JSON_ENDINGS", "read_graph_json"]

GRAPH_JSON_ENDINGS = (".json",)

_NO_OPERATIONS = (
    "What kernels do inside is not in the file: their times are those of the file, and they may "
    "touch all of the tensors that they name."
)
_LARGEST = 2**31 - 1


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
        durations_us = self._durations_us(graph.kernel)
        content = self._content
        program, has_tensors = content.program, content.tensors is not None
        notes = tuple(dict.fromkeys((*content.notes, _NO_OPERATIONS)))
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
        chain_entries = columns.whole("submits.chain_entries", entries, most=_LARGEST, count=count)
        own = [] if content.program is None else content.program.arguments
        views, tensors = arguments.views(content.tensors, own)
        fanin_start, fanin = self._edges()
        graph = TaskGraph(
            name=content.name,
            kernels=arguments.kernels,
            kernel=kernel.astype(np.int32),
            ring=ring.astype(np.int8),
            fanin_start=fanin_start,
            fanin=fanin.astype(np.int32),
            chain_entries=chain_entries.astype(np.int32),
            dropped=content.edges.dropped,
            views=views,
            scalars=arguments.scalars(content.scalars),
            scopes=self._scopes(content.scopes),
            map_entries=self._entries(content.map_entries),
            launches=self._launches(content.launches, kernel),
        )
        return graph, tensors

    def _durations_us(self, kernel: NDArray[np.int32]) -> NDArray[np.float64]:
        field, values = "submits.duration_us", self._content.submits.duration_us
        self._columns.counted(field, values, self._count)
        times_us = np.array(values, dtype=np.float64)
        wrong = np.flatnonzero(~(times_us >= 0.0) | ((kernel < 0) & (times_us > 0.0)))
        if len(wrong):
            place = int(wrong[0])
            why = "0 or more, and 0 for allocs and dummy tasks"
            raise self._columns.error(f"{field}[{place}]", f"is {times_us[place]:g} us; {why}")
        return times_us

    def _edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        edges, columns, count = self._content.edges, self._columns, self._count
        fanin = columns.whole("edges.producer", edges.producer, most=count - 1)
        start = columns.starts("edges.start", edges.start, count, len(fanin))
        consumer = np.repeat(np.arange(count), np.diff(start))
        wrong = np.flatnonzero(fanin >= consumer)
        if len(wrong):
            place = int(wrong[0])
            raise columns.error(
                f"edges.producer[{place}]",
                f"submit {consumer[place]} waits for submit {fanin[place]}, which is not before "
                "it; edges would lead in a circle",
            )
        order = np.lexsort((fanin, consumer))
        same = (np.diff(fanin[order]) == 0) & (np.diff(consumer[order]) == 0)
        if same.any():
            place = int(order[1:][same][0])
            why = f"edge {fanin[place]} -> {consumer[place]} is there twice"
            raise columns.error(f"edges.producer[{place}]", why)
        return start, fanin

    def _scopes(self, scopes: ScopeColumns) -> Scopes:
        columns, count = self._columns, self._count
        end = columns.whole("scopes.end", scopes.end, least=1, most=count)
        of = columns.whole("scopes.of", scopes.of, most=len(end) - 1, count=count)
        line = columns.whole("scopes.line", scopes.line, most=_LARGEST, count=len(end))
        late = np.flatnonzero(end[of] <= np.arange(count))
        if len(late):
            why = f"is a scope that ended when there were {end[of[late[0]]]} submits"
            raise columns.error(f"scopes.of[{late[0]}]", why)
        return Scopes(of.astype(np.int32), end, line.astype(np.int32))

    def _entries(self, entries: Entries | None) -> MapEntries:
        if entries is None:
            return no_entries()
        columns, last = self._columns, self._count - 1
        writer = columns.whole("map_entries.writer", entries.writer, most=last)
        if (np.diff(writer) < 0).any():
            raise columns.error("map_entries.writer", "is not in ascending order")
        removed_by = columns.whole(
            "map_entries.removed_by",
            entries.removed_by,
            least=NOT_REMOVED,
            most=last,
            count=len(writer),
        )
        buffer = columns.whole(
            "map_entries.buffer", entries.buffer, most=_LARGEST, count=len(writer)
        )
        walks = np.array([], dtype=np.int64).reshape(0, 3)
        if entries.walks:
            flat = [number for walk in entries.walks for number in walk]
            walks = columns.whole("map_entries.walks", flat, most=_LARGEST).reshape(-1, 3)
            columns.whole("map_entries.walks", walks[:, 0].tolist(), most=last)
        return MapEntries(
            writer.astype(np.int32),
            np.where(removed_by == NOT_REMOVED, NEVER_REMOVED, removed_by).astype(np.int32),
            buffer.astype(np.int32),
            walks.astype(np.int32),
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
            explicit = named_producers(graph.fanin_start, graph.fanin, number)
            manual = set(explicit)
        else:
            file = program.file
            depth = columns.whole(
                "program.depth", program.depth, most=_LARGEST, count=count
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
