"""Kernels, tensors and scalar arguments of a graph in the project's own JSON."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeVar

from runtime.graph import DUMMY, Buffer, View
from workloads.formats.columns import Columns
from workloads.formats.content import shown
from workloads.formats.graph_json import KernelRecord, Scalars, Tensors
from workloads.formats.kernel_records import checked_dtype, checked_shape, kernel_of

__all__ = ["Arguments"]

_T = TypeVar("_T")


class Arguments:
    """Reads what kernels and submits have as arguments, and checks that they fit together.

    Parameters
    ----------
    columns : Columns
        Checks the columns of the file.
    kernels : sequence of KernelRecord
        Its kernels.
    kernel : sequence of int
        Which of them each submit executes.

    Attributes
    ----------
    kernels : list of Kernel
        The kernels.
    kernel : int64 array, shape (n,)
        Index into `kernels`, `ALLOC` or `DUMMY`.
    """

    def __init__(
        self, columns: Columns, kernels: Sequence[KernelRecord], kernel: Sequence[int]
    ) -> None:
        self._columns = columns
        self._count = len(kernel)
        self.kernels = [kernel_of(columns, n, record) for n, record in enumerate(kernels)]
        self.kernel = columns.whole(
            "submits.kernel", kernel, least=DUMMY, most=len(self.kernels) - 1
        )

    def views(
        self, tensors: Tensors | None, arguments: Sequence[int]
    ) -> tuple[list[tuple[View, ...]], tuple[View, ...]]:
        """Views of each submit, and of the program's `arguments`, given by number.

        Raises
        ------
        InputError
            A number is none, or a submit has not as many as its kernel has parameters.
        """
        columns, table = self._columns, [] if tensors is None else self._view_table(tensors)
        named = columns.whole("program.arguments", arguments, most=len(table) - 1)
        of_submits: list[tuple[View, ...]] = [()] * self._count
        if tensors is not None:
            chosen = columns.whole("tensors.view", tensors.view, most=len(table) - 1)
            start = columns.starts("tensors.start", tensors.start, self._count, len(chosen))
            of_submits = _rows(start.tolist(), [table[n] for n in chosen.tolist()])
        needed = [len(kernel.parameters) for kernel in self.kernels]
        for submit, number in enumerate(self.kernel.tolist()):
            if number >= 0 and len(of_submits[submit]) != needed[number]:
                raise columns.error(
                    "tensors.start",
                    f"submit {submit} has {len(of_submits[submit])} tensors; kernel "
                    f"{shown(self.kernels[number].name)} has {needed[number]} parameters",
                )
        return of_submits, tuple(table[n] for n in named.tolist())

    def scalars(self, scalars: Scalars | None) -> list[tuple[int, ...]]:
        """Scalar arguments of each submit.

        Raises
        ------
        InputError
            A submit has not as many as its kernel has.
        """
        columns = self._columns
        rows: list[tuple[int, ...]] = [()] * self._count
        if scalars is not None:
            value: list[Any] = scalars.value
            whole = [0 if isinstance(each, float) else each for each in value]
            columns.whole("scalars.value", whole, least=-(2**63) + 1)
            start = columns.starts("scalars.start", scalars.start, self._count, len(value))
            rows = _rows(start.tolist(), value)
        needed = [*(len(k.scalars) for k in self.kernels), 0, 0]  # the last: DUMMY and ALLOC
        for submit, number in enumerate(self.kernel.tolist()):
            if len(rows[submit]) != needed[number]:
                why = f"submit {submit} has {len(rows[submit])}; its kernel has {needed[number]}"
                raise columns.error("scalars.start", why)
        return rows

    def _view_table(self, tensors: Tensors) -> list[View]:
        columns, buffers = self._columns, []
        for n, b in enumerate(tensors.buffers):
            dtype = checked_dtype(columns, f"tensors.buffers[{n}].dtype", b.dtype)
            shape = checked_shape(columns, f"tensors.buffers[{n}].shape", b.shape, dtype)
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


def _rows(start: Sequence[int], values: Sequence[_T]) -> list[tuple[_T, ...]]:
    return [tuple(values[a:b]) for a, b in pairwise(start)]
