"""What `deps.json` says of a graph: tasks with their tensors, and edges with their sources."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from devices.kernel import Direction, Kernel
from runtime.functions import functions_of
from runtime.graph import ALLOC, Buffer, TaskGraph, View
from runtime.identity import task_ids
from runtime.launch import Launch
from workloads.formats.deps import DTYPE_NAMES, TYPE_NAMES

__all__ = ["deps_of"]

_TYPES = {direction: name for name, direction in TYPE_NAMES.items()}
_DTYPES = {ours: name for name, ours in reversed(DTYPE_NAMES.items())}

_ALIGNMENT = 1024
"""Bytes to which the runtime aligns tensors that it allocates."""

_ONCE = Launch()


def deps_of(graph: TaskGraph) -> dict[str, Any]:
    """The content of a `deps.json`; 64-bit integers are strings in it."""
    tensors = _Tensors(graph)
    ids = [str(number) for number in task_ids(graph).tolist()]
    functions = {(f.name, f.core): n for n, f in enumerate(functions_of(graph))}
    kernel_ids = [_kernel_ids(kernel, functions) for kernel in graph.kernels]
    tasks = []
    for submit, number in enumerate(graph.kernel.tolist()):
        if number == ALLOC:
            continue
        launch = graph.launches.get(submit, _ONCE)
        tasks.append(
            {
                "task_id": ids[submit],
                "scope": "auto",
                "early_dispatch": launch.allows_early,
                "kernel_ids": kernel_ids[number] if number >= 0 else [-1, -1, -1],
                "block_num": launch.blocks,
                "args": list(tensors.arguments(submit)),
            }
        )
    return {
        "tasks": tasks,
        "tensors": tensors.records(),
        "edges": list(_edges(graph, ids, tensors)),
    }


def _kernel_ids(kernel: Kernel, functions: dict[Any, int]) -> list[int]:
    """Numbers of the functions of the cube core and the vector cores; -1 for none."""
    if kernel.sides:
        sides = [-1 if side is None else functions[side.name, side.core] for side in kernel.sides]
        return [*sides, *[-1] * (3 - len(sides))]
    number = functions[kernel.name, kernel.core]
    if kernel.core.value == "mix":
        return [number, number, number if kernel.vector_lanes > 1 else -1]
    return [number, -1, -1] if kernel.core.value == "aic" else [-1, number, -1]


class _Tensors:
    """Numbers the buffers of a graph in the order in which they are made or first named."""

    def __init__(self, graph: TaskGraph) -> None:
        self._graph = graph
        self._number: dict[Buffer, int] = {}
        self._directions: list[list[Direction]] = [
            [p.direction for p in kernel.parameters] for kernel in graph.kernels
        ]
        for views in graph.views:
            for view in views:
                self._number.setdefault(view.buffer, len(self._number) + 1)

    def records(self) -> list[dict[str, Any]]:
        """All tensors, at addresses that follow each other."""
        address, found = _ALIGNMENT, []
        for buffer, number in self._number.items():
            found.append(
                {
                    "tensor_id": str(number),
                    "buffer_addr": str(address),
                    "version": 0,
                    "dtype": _DTYPES[buffer.dtype.name],
                    "buffer_numel": str(math.prod(buffer.shape)),
                }
            )
            address += max(-(-buffer.nbytes // _ALIGNMENT), 1) * _ALIGNMENT
        return found

    def named(self, submit: int) -> Iterator[tuple[int, View, Direction]]:
        """Place, view and direction of the tensors of a task; for others, nothing."""
        kernel = int(self._graph.kernel[submit])
        if kernel >= 0:
            pairs = zip(self._graph.views[submit], self._directions[kernel], strict=False)
            for place, (view, direction) in enumerate(pairs):
                yield place, view, direction

    def arguments(self, submit: int) -> Iterator[dict[str, Any]]:
        """The arguments of a task; of those that the runtime allocates no tensor is known yet."""
        for place, view, direction in self.named(submit):
            argument = {"idx": place, "type": _TYPES[direction]}
            if direction is not Direction.OUT:
                argument |= {"tensor_id": self.id(view)} | _place(view)
            yield argument

    def id(self, view: View) -> str:
        """Number of a view's tensor, as it is written."""
        return str(self._number[view.buffer])


def _place(view: View) -> dict[str, Any]:
    """Where a view lies in its buffer, in elements."""
    strides = [math.prod(view.buffer.shape[axis + 1 :]) for axis in range(len(view.shape))]
    start = sum(o * s for o, s in zip(view.offset, strides, strict=True))
    return {
        "dtype": _DTYPES[view.buffer.dtype.name],
        "shape": list(view.shape),
        "start_offset": str(start),
        "strides": strides,
    }


def _edges(graph: TaskGraph, ids: list[str], tensors: _Tensors) -> Iterator[dict[str, Any]]:
    """Edges by consumer; one that comes from the maker of several arguments is there for each."""
    touched: list[set[Buffer]] = [{view.buffer for view in views} for views in graph.views]
    for submit in range(len(graph)):
        producers = graph.producers(submit).tolist()
        made: dict[int, list[tuple[int, View]]] = {}
        for place, view, direction in tensors.named(submit):
            if direction is not Direction.OUT and view.buffer.owner >= 0:
                made.setdefault(view.buffer.owner, []).append((place, view))
        for producer in producers:
            ends = {"pred": ids[producer], "succ": ids[submit]}
            created = made.pop(producer, [])
            for place, view in created:
                yield ends | _source(place, "creator", ["wait", "retain"], view, tensors)
            if created:
                continue
            common = ((p, v) for p, v, _ in tensors.named(submit) if v.buffer in touched[producer])
            shared = next(common, None)
            if shared is None:
                yield ends | {"arg": -1, "source": "explicit", "flags": ["wait", "retain"]}
            else:
                yield ends | _source(shared[0], "tensormap", ["wait"], shared[1], tensors)
        for producer, views in made.items():  # what is kept alive without being waited for
            for place, view in views:
                ends = {"pred": ids[producer], "succ": ids[submit]}
                yield ends | _source(place, "creator", ["retain"], view, tensors)


def _source(
    place: int, source: str, flags: list[str], view: View, tensors: _Tensors
) -> dict[str, Any]:
    where = {f"consumer_{key}": value for key, value in _place(view).items()}
    return {"arg": place, "source": source, "flags": flags, "tensor_id": tensors.id(view)} | where
