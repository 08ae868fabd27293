"""Reading a task graph with kernel times from the project's own JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from devices.dtypes import BY_NAME, DType
from devices.errors import InputError, unknown_name
from devices.expression import Symbol
from devices.kernel import CoreType, Direction, Kernel, Parameter
from runtime.graph import DUMMY, Buffer, TaskGraph, View
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
    KernelRecord,
    LaunchRecord,
    ScopeColumns,
    Tensors,
)
from workloads.formats.imported import Imported
from workloads.formats.json_content import from_json

__all__ = ["GRAPH_JSON_ENDINGS", "read_graph_json"]

GRAPH_JSON_ENDINGS = (".json",)

_NO_OPERATIONS = (
    "What kernels do inside is not in the file: their times are those of the file, and they may "
    "touch all of the tensors that they name."
)
_MOST_BYTES = 2**62
"""Of a tensor, so that sums of bytes fit into 64 bits."""

_LARGEST = 2**31 - 1
_CORES = {core.value: core for core in CoreType}
_DIRECTIONS = {direction.value: direction for direction in Direction}

_T = TypeVar("_T")


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
        content, columns, count = self._content, self._columns, self._count
        kernels = [self._kernel(n, record) for n, record in enumerate(content.kernels)]
        kernel = columns.whole(
            "submits.kernel", content.submits.kernel, least=DUMMY, most=len(kernels) - 1
        )
        if not (kernel >= 0).any():
            raise columns.error("submits.kernel", "has no task; there is nothing to simulate")
        ring = columns.whole("submits.ring", content.submits.ring, most=MOST_RING, count=count)
        entries = content.submits.chain_entries or [0] * count
        chain_entries = columns.whole("submits.chain_entries", entries, most=_LARGEST, count=count)
        views, arguments = self._views(content.tensors, kernels, kernel)
        fanin_start, fanin = self._edges()
        graph = TaskGraph(
            name=content.name,
            kernels=kernels,
            kernel=kernel.astype(np.int32),
            ring=ring.astype(np.int8),
            fanin_start=fanin_start,
            fanin=fanin.astype(np.int32),
            chain_entries=chain_entries.astype(np.int32),
            dropped=content.edges.dropped,
            views=views,
            scalars=self._scalars(kernels, kernel),
            scopes=self._scopes(content.scopes),
            map_entries=self._entries(content.map_entries),
            launches=self._launches(content.launches, kernel),
        )
        return Imported(
            name=content.name,
            format=f"tilesim graph {VERSION}",
            submits=self._submits(graph, arguments),
            graph=graph,
            durations_us=self._durations_us(kernel),
            has_tensors=content.tensors is not None,
            notes=tuple(dict.fromkeys((*content.notes, _NO_OPERATIONS))),
        )

    def _known(self, field: str, name: str, known: dict[str, _T]) -> _T:
        if name not in known:
            raise self._columns.error(field, str(unknown_name("name", name[:60], known)))
        return known[name]

    def _dtype(self, field: str, name: str) -> DType:
        return self._known(field, name, BY_NAME)

    def _kernel(self, number: int, record: KernelRecord) -> Kernel:
        where = f"kernels[{number}]"
        core = self._known(f"{where}.core", record.core, _CORES)
        shares = tuple(record.core_shares)
        if core is CoreType.MIX:
            if len(shares) != 3 or max(shares) != 1.0 or min(shares) < 0.0 or shares.count(0.0) > 1:
                why = "a MIX kernel has three shares from 0 to 1, the most 1, two above 0"
                raise self._columns.error(f"{where}.core_shares", why)
        elif shares:
            raise self._columns.error(f"{where}.core_shares", "only a MIX kernel has them")
        parameters = []
        for place, p in enumerate(record.parameters):
            field = f"{where}.parameters[{place}]"
            dtype = self._dtype(f"{field}.dtype", p.dtype)
            direction = self._known(f"{field}.direction", p.direction, _DIRECTIONS)
            shape = self._shape(f"{field}.shape", p.shape, dtype)
            parameters.append(Parameter(p.name, shape, dtype, direction))
        return Kernel(
            record.name,
            core,
            tuple(parameters),
            tuple(Symbol(name) for name in record.scalars),
            (),
            record.line,
            recorded=False,
            core_shares=shares,
        )

    def _shape(self, field: str, sizes: Sequence[int], dtype: DType) -> tuple[int, ...]:
        if not sizes or min(sizes) < 1 or dtype.nbytes(math.prod(sizes)) > _MOST_BYTES:
            raise self._columns.error(field, "has a size below 1, none, or more than 2^62 bytes")
        return tuple(sizes)

    def _durations_us(self, kernel: NDArray[np.int64]) -> NDArray[np.float64]:
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

    def _views(
        self, tensors: Tensors | None, kernels: Sequence[Kernel], kernel: NDArray[np.int64]
    ) -> tuple[list[tuple[View, ...]], tuple[View, ...]]:
        """Views of each submit, and the program's arguments."""
        needed = [len(k.parameters) for k in kernels]
        of_submits: list[tuple[View, ...]] = [()] * self._count
        arguments: tuple[View, ...] = ()
        if tensors is not None:
            views = self._view_table(tensors)
            chosen = self._columns.whole("tensors.view", tensors.view, most=len(views) - 1)
            start = self._columns.starts("tensors.start", tensors.start, self._count, len(chosen))
            of_submits = _rows(start.tolist(), [views[n] for n in chosen.tolist()])
            if self._content.program is not None:
                named = self._columns.whole(
                    "program.arguments", self._content.program.arguments, most=len(views) - 1
                )
                arguments = tuple(views[n] for n in named.tolist())
        for submit, number in enumerate(kernel.tolist()):
            if number >= 0 and len(of_submits[submit]) != needed[number]:
                raise self._columns.error(
                    "tensors.start",
                    f"submit {submit} has {len(of_submits[submit])} tensors; kernel "
                    f"{kernels[number].name!r} has {needed[number]} parameters",
                )
        return of_submits, arguments

    def _view_table(self, tensors: Tensors) -> list[View]:
        buffers = []
        for n, b in enumerate(tensors.buffers):
            dtype = self._dtype(f"tensors.buffers[{n}].dtype", b.dtype)
            shape = self._shape(f"tensors.buffers[{n}].shape", b.shape, dtype)
            if not -1 <= b.owner < self._count:
                raise self._columns.error(f"tensors.buffers[{n}].owner", f"{b.owner} is no submit")
            buffers.append(Buffer(b.name, shape, dtype, b.owner))
        views = []
        for n, v in enumerate(tensors.views):
            if not 0 <= v.buffer < len(buffers):
                raise self._columns.error(f"tensors.views[{n}].buffer", f"{v.buffer} is none")
            whole = buffers[v.buffer].shape
            if not (len(v.shape) == len(v.offset) == len(whole)) or any(
                size < 1 or first < 0 or first + size > most
                for size, first, most in zip(v.shape, v.offset, whole, strict=True)
            ):
                why = f"{v.shape} at {v.offset} is no part of {list(whole)}"
                raise self._columns.error(f"tensors.views[{n}]", why)
            views.append(View(buffers[v.buffer], tuple(v.shape), tuple(v.offset)))
        return views

    def _scalars(
        self, kernels: Sequence[Kernel], kernel: NDArray[np.int64]
    ) -> list[tuple[int, ...]]:
        rows: list[tuple[int, ...]] = [()] * self._count
        scalars = self._content.scalars
        if scalars is not None:
            value = self._columns.whole("scalars.value", scalars.value, least=-(2**63) + 1)
            start = self._columns.starts("scalars.start", scalars.start, self._count, len(value))
            rows = _rows(start.tolist(), value.tolist())
        needed = [*(len(k.scalars) for k in kernels), 0, 0]  # the last two are DUMMY and ALLOC
        for submit, number in enumerate(kernel.tolist()):
            if len(rows[submit]) != needed[number]:
                why = f"submit {submit} has {len(rows[submit])}; its kernel has {needed[number]}"
                raise self._columns.error("scalars.start", why)
        return rows

    def _submits(self, graph: TaskGraph, arguments: tuple[View, ...]) -> Submits:
        """The program; where the file does not have it, one that names all producers itself."""
        program, columns, count = self._content.program, self._columns, self._count
        manual: set[int] = set()
        if program is None:
            file, depth = self._file, graph.ring.tolist()
            explicit = {
                n: tuple(found) for n in range(count) if (found := graph.producers(n).tolist())
            }
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
            [0] * len(graph.kernels),
            (),
            kernel=graph.kernel.tolist(),
            depth=depth,
            views=list(graph.views),
            scalars=list(graph.scalars),
            launches=dict(graph.launches),
            explicit=explicit,
            manual=manual,
            scope=graph.scopes.of.tolist(),
            scope_line=graph.scopes.line.tolist(),
            scope_end=graph.scopes.end.tolist(),
        )


def _rows(start: Sequence[int], values: Sequence[_T]) -> list[tuple[_T, ...]]:
    return [tuple(values[a:b]) for a, b in pairwise(start)]
