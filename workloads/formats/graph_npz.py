"""The project's own file of a task graph for millions of tasks: columns as numpy saves them.

A file is an npz: a zip of arrays, which `numpy.load` reads as well. It holds what the project's own
JSON holds (`workloads.formats.graph_json`), under the same names: every array is a column, such as
``submits.kernel`` or ``edges.producer``, and the array ``header`` has the few things that are none,
as JSON. Tensors are in columns, too: their sizes stand after each other, as do sizes and offsets of
views.

A simulation of what was read gives the same trace as one of what was written, with the same
kernel times. Left out is what kernels do inside: their operations and what they move.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from workloads.formats.graph_json import FORMAT, KernelRecord

__all__ = ["COLUMNS", "GRAPH_NPZ_ENDINGS", "HEADER", "NPZ_VERSION", "NpzHeader"]

GRAPH_NPZ_ENDINGS = (".npz",)

NPZ_VERSION = 1
HEADER = "header"

COLUMNS = (
    "submits.kernel",  # index into the kernels, -1 for an alloc, -2 for a dummy task
    "submits.ring",
    "submits.duration_us",
    "submits.chain_entries",
    "edges.start",  # where the producers of each submit begin, and the last ones end
    "edges.producer",
    "scopes.of",
    "scopes.end",
    "scopes.line",
    "launches.submit",
    "launches.blocks",
    "launches.sync_start",
    "launches.allows_early",
    "buffers.dtype",  # index into the dtypes of the header
    "buffers.axes",
    "buffers.owner",
    "buffers.shape",
    "views.buffer",
    "views.shape",
    "views.offset",
    "tensors.start",  # where the views of each submit begin, and the last ones end
    "tensors.view",
    "scalars.start",
    "scalars.value",
    "map_entries.writer",
    "map_entries.removed_by",  # -1 for entries that stay
    "map_entries.buffer",
    "map_entries.walks",  # three numbers for each lookup
    "program.depth",
    "program.arguments",  # views
    "program.is_manual",  # whether no producers are looked for, of each submit
    "program.start",  # where the producers begin that the program names for each submit
    "program.producer",
)
"""The arrays of a file besides the header; `workloads.formats.graph_json` says what they mean."""

_Text = Annotated[str, Meta(max_length=4096)]


class NpzHeader(Struct, forbid_unknown_fields=True):
    """What a file has that is no column.

    Attributes
    ----------
    format, version : str and int
        `FORMAT` and `NPZ_VERSION`.
    name, program : str
        Name of the graph, and where its program is from.
    kernels : list of KernelRecord
        The kernels.
    dropped : int
        Producers that the runtime's lookup cap left out.
    dtypes : list of str
        Those that buffers may have.
    buffers : list of str
        Name of each buffer.
    notes : list of str
        What a reader of results has to know.
    """

    name: _Text
    program: _Text
    kernels: list[KernelRecord]
    dtypes: list[str]
    buffers: list[_Text]
    dropped: Annotated[int, Meta(ge=0, le=2**62)] = 0
    notes: Annotated[list[_Text], Meta(max_length=100)] = []
    format: str = FORMAT
    version: int = NPZ_VERSION
