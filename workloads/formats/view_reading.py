"""Checking the columns of tensors and their rectangles that a file has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workloads.formats.columns import Integers
from workloads.formats.graph_npz import NpzHeader
from workloads.formats.kernel_records import MOST_TENSOR_BYTES, checked_dtype
from workloads.formats.npz_columns import NpzColumns
from workloads.formats.view_table import ViewColumns, ViewTable

__all__ = ["read_view_table"]

MOST_AXES = 16
"""As in the project's own JSON."""


def read_view_table(header: NpzHeader, columns: NpzColumns, submits: int) -> ViewTable:
    """The tensors and views of a file with so many submits.

    Raises
    ------
    InputError
        A tensor has no size, an owner that is no submit, or an unknown dtype; or a view leaves its
        tensor.
    """
    count = len(header.buffers)
    dtypes = [
        checked_dtype(columns, f"header.dtypes[{n}]", name) for n, name in enumerate(header.dtypes)
    ]
    dtype = columns.column("buffers.dtype", most=len(dtypes) - 1, count=count)
    axes = columns.column("buffers.axes", least=1, most=MOST_AXES, count=count)
    owner = columns.column("buffers.owner", least=-1, most=submits - 1, count=count)
    buffer_shape = columns.column("buffers.shape", least=1, count=int(axes.sum()))
    bits = np.array([each.bits for each in dtypes], dtype=np.float64)[dtype]
    _check_sizes(columns, bits, axes, buffer_shape)
    buffer = columns.column("views.buffer", most=count - 1)
    total = int(axes[buffer].sum())
    shape = columns.column("views.shape", least=1, count=total)
    offset = columns.column("views.offset", count=total)
    _check_inside(columns, axes, buffer_shape, buffer, shape, offset)
    return ViewTable(
        ViewColumns(header.buffers, dtypes, dtype, axes, owner, buffer_shape, buffer, shape, offset)
    )


def _check_sizes(
    columns: NpzColumns, bits: NDArray[np.float64], axes: Integers, shape: Integers
) -> None:
    """Refuse tensors of more bytes than 64 bits count."""
    log2 = np.log2(bits / 8)
    np.add.at(log2, np.repeat(np.arange(len(axes)), axes), np.log2(shape))
    wrong = np.flatnonzero(log2 > np.log2(MOST_TENSOR_BYTES))
    if len(wrong):
        raise columns.error("buffers.shape", f"buffer {wrong[0]} has more than 2^62 bytes")


def _check_inside(
    columns: NpzColumns,
    axes: Integers,
    buffer_shape: Integers,
    buffer: Integers,
    shape: Integers,
    offset: Integers,
) -> None:
    """Refuse views that leave their tensors."""
    first = (np.cumsum(axes) - axes)[buffer]  # where the sizes of each view's tensor begin
    ranks = axes[buffer]
    begin = np.cumsum(ranks) - ranks
    view = np.repeat(np.arange(len(buffer)), ranks)
    whole = buffer_shape[first[view] + np.arange(len(view)) - begin[view]]
    # Both are below 2^62 bytes where the view is inside; so compared, nothing overflows.
    wrong = np.flatnonzero((shape > whole) | (offset > whole - shape))
    if len(wrong):
        number = int(view[wrong[0]])
        part = slice(begin[number], begin[number] + ranks[number])
        raise columns.error(
            "views.shape",
            f"view {number}: {shape[part].tolist()} at {offset[part].tolist()} is no part of "
            f"{whole[part].tolist()}",
        )
