"""Reading a task graph with kernel times from columns of numpy."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from devices.kernel import Kernel
from runtime.arguments import ScalarArguments, TensorArguments, as_scalars, as_tensors
from runtime.graph import DUMMY, TaskGraph, View
from runtime.launch import Launch
from runtime.submits import Submits
from workloads.formats.assumed import Assumed
from workloads.formats.attributes import MOST_BLOCKS, MOST_RING
from workloads.formats.columns import Integers
from workloads.formats.content import shown
from workloads.formats.graph_checks import (
    LARGEST,
    checked_durations_us,
    checked_edges,
    checked_entries,
    checked_scopes,
)
from workloads.formats.graph_json import FORMAT
from workloads.formats.graph_json_reader import NO_OPERATIONS
from workloads.formats.graph_npz import COLUMNS, HEADER, NPZ_VERSION, NpzHeader
from workloads.formats.imported import Imported
from workloads.formats.json_content import from_json
from workloads.formats.kernel_records import kernel_of
from workloads.formats.named_producers import named_producers
from workloads.formats.npz_columns import NpzColumns
from workloads.formats.npz_content import npz_arrays
from workloads.formats.view_reading import read_view_table
from workloads.formats.view_table import ViewTable

__all__ = ["MOST_NPZ_BYTES", "read_graph_npz"]

MOST_NPZ_BYTES = 250_000_000
"""Most bytes of all columns, so that reading takes less than 2 GB of memory."""

MOST_ELEMENTS = 100_000_000
"""Of all columns: one may take a byte in the file and 16 when it is read."""


def read_graph_npz(content: bytes, file: str, assumed: Assumed) -> Imported:
    """Read a task graph; nothing has to be assumed of it.

    Raises
    ------
    InputError
        The file has another format or version, or a column of the wrong type, length or range.
    """
    del assumed  # all readers are called alike
    arrays = npz_arrays(content, file, MOST_NPZ_BYTES)
    if sum(map(len, arrays.values())) > MOST_ELEMENTS:
        raise InputError(
            f"{file}: its columns have more than {MOST_ELEMENTS:,} elements, the most that is "
            "read; take a smaller part of the graph"
        )
    columns = NpzColumns(file, arrays)
    for name in (HEADER, *COLUMNS):
        if name not in arrays:
            raise columns.error(name, "is missing; the file holds no task graph of tilesim")
    for name in arrays:
        if name != HEADER and name not in COLUMNS:
            raise columns.error(name, "is no column of a task graph")
    header = from_json(arrays[HEADER].tobytes(), NpzHeader, file)
    if (header.format, header.version) != (FORMAT, NPZ_VERSION):
        raise InputError(
            f"{file}: is {header.format!r}, version {header.version}, and only {FORMAT!r}, version "
            f"{NPZ_VERSION}, can be read; read it with the version of tilesim that wrote it"
        )
    return _Reader(header, columns, len(arrays["submits.kernel"])).imported()


class _Reader:
    """Checks the columns of a file and puts them together."""

    def __init__(self, header: NpzHeader, columns: NpzColumns, count: int) -> None:
        self._header = header
        self._columns = columns
        self._count = count

    def imported(self) -> Imported:
        """What the file holds."""
        header, columns = self._header, self._columns
        kernels = [kernel_of(columns, n, record) for n, record in enumerate(header.kernels)]
        kernel = columns.column("submits.kernel", least=DUMMY, most=len(kernels) - 1)
        if not (kernel >= 0).any():
            raise columns.error("submits.kernel", "has no task; there is nothing to simulate")
        table = read_view_table(header, columns, self._count)
        graph = self._graph(kernels, kernel, table)
        return Imported(
            name=graph.name,
            format=f"tilesim graph, columns {NPZ_VERSION}",
            submits=self._submits(graph, table),
            graph=graph,
            durations_us=checked_durations_us(
                columns, columns.reals("submits.duration_us"), graph.kernel
            ),
            has_tensors=len(header.buffers) > 0,
            notes=tuple(dict.fromkeys((*header.notes, NO_OPERATIONS))),
        )

    def _graph(self, kernels: list[Kernel], kernel: Integers, table: ViewTable) -> TaskGraph:
        columns, count = self._columns, self._count
        named = columns.column("tensors.view", most=len(table) - 1)
        views = columns.starts_of("tensors.start", count, len(named))
        self._check_counts("tensors.start", views, kernels, kernel)
        value: NDArray[np.generic] = (
            columns.reals("scalars.value")
            if columns.is_real("scalars.value")
            else columns.integers("scalars.value")
        )
        scalars = columns.starts_of("scalars.start", count, len(value))
        self._check_counts("scalars.start", scalars, kernels, kernel)
        fanin_start, fanin = checked_edges(
            columns, columns.integers("edges.start"), columns.integers("edges.producer"), count
        )
        return TaskGraph(
            name=self._header.name,
            kernels=kernels,
            kernel=kernel.astype(np.int32),
            ring=self._of_submits("submits.ring", MOST_RING).astype(np.int8),
            fanin_start=fanin_start,
            fanin=fanin.astype(np.int32),
            chain_entries=self._of_submits("submits.chain_entries", LARGEST).astype(np.int32),
            dropped=self._header.dropped,
            # A list is for those who record; nobody adds to what was read.
            views=TensorArguments.of_columns(cast("list[View]", table), named, views),
            scalars=ScalarArguments.of_columns(scalars, value),
            scopes=checked_scopes(
                columns,
                columns.integers("scopes.of"),
                columns.integers("scopes.end"),
                columns.integers("scopes.line"),
                count,
            ),
            map_entries=checked_entries(
                columns,
                columns.integers("map_entries.writer"),
                columns.integers("map_entries.removed_by"),
                columns.integers("map_entries.buffer"),
                columns.integers("map_entries.walks"),
                count,
            ),
            launches=self._launches(kernel),
        )

    def _check_counts(
        self, field: str, start: Integers, kernels: list[Kernel], kernel: Integers
    ) -> None:
        """Refuse a task that has not as many arguments as its kernel."""
        is_tensors = field.startswith("tensors")
        needed = [len(k.parameters if is_tensors else k.scalars) for k in kernels]
        # The last two are DUMMY and ALLOC; what an alloc makes are as many tensors as it likes.
        most = np.array([*needed, 0, 0], dtype=np.int64)[kernel]
        have = np.diff(start)
        checked = (kernel >= 0) if is_tensors else np.ones(len(kernel), dtype=np.bool_)
        wrong = np.flatnonzero(checked & (have != most))
        if len(wrong):
            submit = int(wrong[0])
            what = shown(kernels[kernel[submit]].name) if kernel[submit] >= 0 else "of none"
            raise self._columns.error(
                field, f"submit {submit} has {have[submit]}; its kernel {what} has {most[submit]}"
            )

    def _launches(self, kernel: Integers) -> dict[int, Launch]:
        columns = self._columns
        submit = columns.column("launches.submit", most=self._count - 1)
        wrong = np.flatnonzero((kernel[submit] < 0) | (np.diff(submit, prepend=-1) <= 0))
        if len(wrong):
            place = int(wrong[0])
            why = f"{submit[place]} is no task, or not after the one before it"
            raise columns.error(f"launches.submit[{place}]", why)
        count = len(submit)
        blocks = columns.column("launches.blocks", least=1, most=MOST_BLOCKS, count=count)
        sync_start = columns.column("launches.sync_start", most=1, count=count)
        allows_early = columns.column("launches.allows_early", most=1, count=count)
        rows = zip(blocks.tolist(), sync_start.tolist(), allows_early.tolist(), strict=True)
        known: dict[tuple[int, int, int], Launch] = {}
        launches = [
            known.get(row) or known.setdefault(row, Launch(row[0], row[1] == 1, row[2] == 1))
            for row in rows
        ]
        return dict(zip(submit.tolist(), launches, strict=True))

    def _submits(self, graph: TaskGraph, table: ViewTable) -> Submits:
        arguments = self._columns.column("program.arguments", most=len(table) - 1)
        return Submits(
            graph.name,
            self._header.program,
            tuple(table[number] for number in arguments.tolist()),
            graph.kernels,
            (),
            kernel=graph.kernel.tolist(),
            depth=self._of_submits("program.depth", LARGEST).tolist(),
            views=as_tensors(graph.views),
            scalars=as_scalars(graph.scalars),
            launches=dict(graph.launches),
            explicit=self._explicit(),
            manual=set(np.flatnonzero(self._of_submits("program.is_manual", 1)).tolist()),
            scope=graph.scopes.of.tolist(),
            scope_line=graph.scopes.line.tolist(),
            scope_end=graph.scopes.end.tolist(),
        )

    def _explicit(self) -> dict[int, tuple[int, ...]]:
        columns = self._columns
        producer = columns.column("program.producer", most=self._count - 1)
        start = columns.starts_of("program.start", self._count, len(producer))
        consumer = np.repeat(np.arange(self._count), np.diff(start))
        late = np.flatnonzero(producer >= consumer)
        if len(late):
            why = (
                f"{producer[late[0]]} is not before submit {consumer[late[0]]}, which waits for it"
            )
            raise columns.error(f"program.producer[{late[0]}]", why)
        return named_producers(start, producer)

    def _of_submits(self, name: str, most: int) -> Integers:
        """A column with a number from 0 on for each submit."""
        return self._columns.column(name, most=most, count=self._count)
