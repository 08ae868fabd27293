"""The full graph as the runtime writes it beside a swimlane: `deps.json`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from devices.dtypes import BY_NAME, DType
from devices.errors import InputError, unknown_name
from devices.kernel import Direction
from workloads.formats.blocks import DEFAULT_LIMITS, FileLimits
from workloads.formats.json_pieces import Nesting, json_pieces
from workloads.formats.records import MOST_RINGS, RecordTable

__all__ = ["DTYPE_NAMES", "TYPE_NAMES", "Argument", "DepTask", "Dependences", "read_dependences"]

_NESTING = dict.fromkeys(("tasks", "tensors", "edges"), Nesting.ARRAY)

TYPE_NAMES = {
    "INPUT": Direction.IN,
    "OUTPUT": Direction.OUT,
    "INOUT": Direction.INOUT,
    "OUTPUT_EXISTING": Direction.OUT_EXISTING,
    "NO_DEP": Direction.NO_DEP,
}
"""What the runtime calls the directions of arguments (`TensorArgType`)."""

DTYPE_NAMES = {
    "FLOAT32": "FP32",
    "FLOAT16": "FP16",
    "BFLOAT16": "BF16",
    **{name: name for name in BY_NAME},
}
"""What the runtime calls element types (`DataType`), and what the language calls them.

Types that the runtime has no name for are written by that of the language."""

_MOST_ELEMENTS = 1 << 48

_Number = Annotated[str, Meta(max_length=20, pattern="^[0-9]+$")] | Annotated[int, Meta(ge=0)]
"""A 64-bit integer, which JSON readers would round, is written as a string."""

_Extent = Annotated[int, Meta(ge=1, le=_MOST_ELEMENTS)]
_Stride = Annotated[int, Meta(ge=0, le=_MOST_ELEMENTS)]
_Kernel = Annotated[int, Meta(ge=-1, lt=1 << 31)]


class _Argument(Struct):
    type: str
    tensor_id: _Number | None = None
    dtype: str | None = None
    shape: Annotated[list[_Extent], Meta(max_length=8)] = []
    start_offset: _Number = 0
    strides: Annotated[list[_Stride], Meta(max_length=8)] = []


class _Task(Struct):
    task_id: _Number
    kernel_ids: Annotated[list[_Kernel], Meta(min_length=3, max_length=3)]
    scope: str = "auto"
    block_num: Annotated[int, Meta(ge=1, lt=1 << 16)] = 1
    args: list[_Argument] = []
    early_dispatch: bool = False


class _Tensor(Struct):
    tensor_id: _Number
    buffer_addr: _Number = 0
    buffer_numel: _Number = 0


class _Edge(Struct):
    pred: _Number
    succ: _Number
    source: str = ""
    flags: tuple[str, ...] = ("wait",)
    tensor_id: _Number | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """A tensor that a task names: where it lies in its buffer, in elements.

    `tensor` is None where the runtime allocates it for the task.
    """

    direction: Direction
    tensor: int | None
    dtype: DType | None
    shape: tuple[int, ...]
    start: int
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DepTask:
    """A submitted task.

    Attributes
    ----------
    functions : tuple of int
        What the cube core and the vector cores execute; -1 for nothing.
    blocks : int
        How many times.
    allows_early : bool
        Whether consumers may be staged while it runs.
    manual : bool
        Whether it is in a manual scope.
    arguments : tuple of Argument
        Its tensors.
    """

    functions: tuple[int, int, int]
    blocks: int
    allows_early: bool
    manual: bool
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Dependences:
    """What `deps.json` has.

    Attributes
    ----------
    path : Path
        The file.
    tasks : dict of int to DepTask
        By task id; allocs are not among them.
    tensors : dict of int to (int, int)
        Address and elements of the buffer that each tensor is in, by tensor id.
    producer, consumer : int64 array, shape (e,)
        The edges that a consumer waits for, by task id.
    is_explicit : bool array, shape (e,)
        Whether the program names the producer.
    creators : list of (int, int)
        Tensor and the task that made it, for each edge to a creator.
    """

    path: Path
    tasks: dict[int, DepTask]
    tensors: dict[int, tuple[int, int]]
    producer: NDArray[np.int64]
    consumer: NDArray[np.int64]
    is_explicit: NDArray[np.bool_]
    creators: list[tuple[int, int]]


class _Parts:
    """What has been read so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tasks: dict[int, DepTask] = {}
        self.tensors: dict[int, tuple[int, int]] = {}
        self.creators: list[tuple[int, int]] = []
        self.counts = dict.fromkeys(_NESTING, 0)
        self._shared: dict[Argument, Argument] = {}

    def places(self, name: str, count: int) -> Iterator[str]:
        """Names of the next records of a kind."""
        first = self.counts[name]
        self.counts[name] += count
        return (f"{self.path}: {name}[{number}]" for number in range(first, first + count))

    def add_tasks(self, tasks: list[_Task]) -> list[NDArray[Any]]:
        """Take tasks in."""
        for task, place in zip(tasks, self.places("tasks", len(tasks)), strict=True):
            number = _task_id(task.task_id, f"{place}.task_id")
            if number in self.tasks:
                raise InputError(f"{place}.task_id: {number} is there twice")
            arguments = tuple(
                [self._argument(a, f"{place}.args[{n}]") for n, a in enumerate(task.args)]
            )
            cube, first, second = task.kernel_ids
            self.tasks[number] = DepTask(
                (cube, first, second),
                task.block_num,
                task.early_dispatch,
                task.scope == "manual",
                arguments,
            )
        return [np.zeros(len(tasks), dtype=np.int8)]

    def add_tensors(self, tensors: list[_Tensor]) -> list[NDArray[Any]]:
        """Take tensors in."""
        for tensor, place in zip(tensors, self.places("tensors", len(tensors)), strict=True):
            number = int(tensor.tensor_id)
            elements = int(tensor.buffer_numel)
            if number in self.tensors:
                raise InputError(f"{place}.tensor_id: {number} is there twice")
            if elements > _MOST_ELEMENTS:
                raise InputError(f"{place}.buffer_numel: {elements} is more than any memory holds")
            self.tensors[number] = int(tensor.buffer_addr), elements
        return [np.zeros(len(tensors), dtype=np.int8)]

    def add_edges(self, edges: list[_Edge]) -> list[NDArray[Any]]:
        """Take edges in."""
        rows = []
        for edge, place in zip(edges, self.places("edges", len(edges)), strict=True):
            producer = _task_id(edge.pred, f"{place}.pred")
            consumer = _task_id(edge.succ, f"{place}.succ")
            if producer == consumer:
                raise InputError(f"{place}: task {producer} waits for itself")
            if edge.source == "creator" and edge.tensor_id is not None:
                self.creators.append((int(edge.tensor_id), producer))
            if "wait" in edge.flags:
                rows.append((producer, consumer, edge.source == "explicit"))
        columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
        return list(columns.T)

    def _argument(self, argument: _Argument, place: str) -> Argument:
        direction = TYPE_NAMES.get(argument.type)
        if direction is None:
            raise InputError(
                f"{place}.type: {unknown_name('type', argument.type[:40], TYPE_NAMES)}"
            )
        dtype = None
        if argument.dtype is not None:
            if argument.dtype not in DTYPE_NAMES:
                raise InputError(
                    f"{place}.dtype: {unknown_name('dtype', argument.dtype[:40], DTYPE_NAMES)}"
                )
            dtype = BY_NAME[DTYPE_NAMES[argument.dtype]]
        if len(argument.shape) != len(argument.strides):
            raise InputError(f"{place}: shape and strides have different lengths")
        tensor = None if argument.tensor_id is None else int(argument.tensor_id)
        if tensor is not None and dtype is None:
            raise InputError(f"{place}.dtype: is missing; a tensor has one")
        start = int(argument.start_offset)
        last = start + sum(
            (n - 1) * s for n, s in zip(argument.shape, argument.strides, strict=True)
        )
        if last >= _MOST_ELEMENTS:
            raise InputError(f"{place}: ends at element {last}, more than any memory holds")
        made = Argument(
            direction, tensor, dtype, tuple(argument.shape), start, tuple(argument.strides)
        )
        return self._shared.setdefault(made, made)  # the same views come again and again


def read_dependences(path: Path, limits: FileLimits = DEFAULT_LIMITS) -> Dependences:
    """Read a `deps.json`, plain or packed.

    Raises
    ------
    InputError
        It is none, or a record is not as it has to be; the message names file, record and field.
    """
    parts = _Parts(path)
    tables: dict[str, RecordTable[Any]] = {
        "tasks": RecordTable(path, "tasks", _Task, parts.add_tasks, limits),
        "tensors": RecordTable(path, "tensors", _Tensor, parts.add_tensors, limits),
        "edges": RecordTable(path, "edges", _Edge, parts.add_edges, limits),
    }
    first = dict.fromkeys(tables, 0)
    for piece in json_pieces(path, _NESTING, limits):
        if piece.key in tables:
            first[piece.key] += tables[piece.key].add(piece.content, None, first[piece.key])
    if not parts.tasks:
        raise InputError(f"{path}: tasks: is empty or missing; it is no deps.json of a run")
    producer, consumer, is_explicit = tables["edges"].columns()
    return Dependences(
        path,
        parts.tasks,
        parts.tensors,
        producer.astype(np.int64),
        consumer.astype(np.int64),
        is_explicit.astype(np.bool_),
        parts.creators,
    )


def _task_id(value: str | int, place: str) -> int:
    number = int(value)
    if number >= MOST_RINGS << 32:
        raise InputError(
            f"{place}: {number} is out of range; the ring is above 32 bits and below {MOST_RINGS}"
        )
    return number
