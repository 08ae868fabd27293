"""The project's own file of a task graph: JSON that holds all of it, version 1.

A file is an object with ``format`` ``"tilesim-graph"`` and ``version`` 1; a reader of a version
refuses files of others. Everything that belongs to submits is in columns, an element per submit
in program order. Where submits have several of something, such as producers, ``start`` has where
those of each submit begin, and one number more for where the last ones end. The order of the
producers of a submit is that in which the runtime found them.

A simulation of what was read gives the same trace as one of what was written, with the same
kernel times. Left out is what kernels do inside: their operations and what they move.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

__all__ = [
    "FORMAT",
    "NOT_REMOVED",
    "VERSION",
    "BufferRecord",
    "Edges",
    "Entries",
    "GraphFile",
    "Header",
    "KernelRecord",
    "LaunchRecord",
    "ParameterRecord",
    "Program",
    "Scalars",
    "ScopeColumns",
    "SubmitColumns",
    "Tensors",
    "ViewRecord",
]

FORMAT = "tilesim-graph"
VERSION = 1

NOT_REMOVED = -1
"""Stands for a submit where an entry of the TensorMap stays."""

_Text = Annotated[str, Meta(max_length=4096)]
_Sizes = Annotated[list[int], Meta(max_length=16)]


class Header(Struct):
    """What every file of the format begins with."""

    format: str | None = None
    version: int | None = None


class _Record(Struct, forbid_unknown_fields=True):
    """A part of a file, of which every field has to be known."""


class ParameterRecord(_Record):
    """An argument of a kernel; `direction` is a value of `devices.kernel.Direction`."""

    name: _Text
    shape: _Sizes
    dtype: str
    direction: str


class KernelRecord(_Record):
    """A kernel.

    Attributes
    ----------
    name, core : str
        What it is called, and the core that runs it: aic, aiv or mix.
    line : int
        Line of the program, 0 where it is not known.
    parameters : list of ParameterRecord
        Tensor arguments.
    scalars : list of str
        Names of scalar arguments.
    core_shares : list of float
        Of a MIX kernel: for which part of its time it keeps the cube core and each vector core.
    """

    name: _Text
    core: str
    line: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    parameters: list[ParameterRecord] = []
    scalars: list[_Text] = []
    core_shares: list[float] = []


class SubmitColumns(_Record):
    """Columns of submits.

    Attributes
    ----------
    kernel : list of int
        Index into the kernels, -1 for an alloc, -2 for a dummy task.
    ring : list of int
        Task ring.
    duration_us : list of float
        Kernel time, 0 for allocs and dummy tasks.
    chain_entries : list of int
        Entries of the TensorMap that the lookups walked; empty if none did.
    """

    kernel: Annotated[list[int], Meta(min_length=1)]
    ring: list[int]
    duration_us: list[float]
    chain_entries: list[int] = []


class Edges(_Record):
    """Producers of each submit, and how many more the runtime's lookup cap left out in all."""

    start: list[int]
    producer: list[int]
    dropped: Annotated[int, Meta(ge=0, le=2**62)] = 0


class LaunchRecord(_Record):
    """How a submit is launched that does not run once on one core or cluster."""

    submit: int
    blocks: Annotated[int, Meta(ge=1, le=1 << 16)] = 1
    sync_start: bool = False
    allows_early: bool = False


class ScopeColumns(_Record):
    """Scopes.

    Attributes
    ----------
    of : list of int
        The scope that encloses each submit.
    end : list of int
        How many submits there are when each scope ends.
    line : list of int
        Line of the program at which each scope begins, 0 where it is not known.
    """

    of: list[int]
    end: list[int]
    line: list[int]


class BufferRecord(_Record):
    """A tensor; `owner` is the submit that allocates it, -1 for an argument of the program."""

    name: _Text
    shape: _Sizes
    dtype: str
    owner: int


class ViewRecord(_Record):
    """A rectangle of a buffer, in elements."""

    buffer: int
    shape: _Sizes
    offset: _Sizes


class Tensors(_Record):
    """Tensors, their rectangles, and which of these each submit names as its arguments.

    Attributes
    ----------
    start, view : list of int
        The views of each submit; the tensors made, for an alloc.
    """

    buffers: list[BufferRecord]
    views: list[ViewRecord]
    start: list[int]
    view: list[int]


class Scalars(_Record):
    """Scalar arguments of each submit.

    Which of a kernel's are real the file does not say, so any may be.
    """

    start: list[int]
    value: list[int | float]


class Entries(_Record):
    """Columns of `runtime.map_entries.MapEntries`, with -1 for entries that stay."""

    writer: list[int]
    removed_by: list[int]
    buffer: list[int]
    walks: list[tuple[int, int, int]]


class Program(_Record):
    """What the submits of the program have and the graph found from them has not.

    Attributes
    ----------
    file : str
        Where the program is from.
    depth : list of int
        Scope depth of each submit.
    arguments : list of int
        Views that are the program's own tensors.
    explicit : list of (int, list of int)
        Producers that the program names for a submit.
    manual : list of int
        Submits for which no producer is looked for.
    """

    file: _Text
    depth: list[int]
    arguments: list[int] = []
    explicit: list[tuple[int, list[int]]] = []
    manual: list[int] = []


class GraphFile(_Record):
    """A file."""

    format: str
    version: int
    name: _Text
    kernels: list[KernelRecord]
    submits: SubmitColumns
    edges: Edges
    scopes: ScopeColumns
    launches: list[LaunchRecord] = []
    tensors: Tensors | None = None
    scalars: Scalars | None = None
    map_entries: Entries | None = None
    program: Program | None = None
    notes: Annotated[list[_Text], Meta(max_length=100)] = msgspec.field(default_factory=list)
