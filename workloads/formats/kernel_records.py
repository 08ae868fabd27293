"""Kernels as the project's own files of graphs have them: without what they do inside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from devices.dtypes import BY_NAME, DType
from devices.errors import unknown_name
from devices.expression import Symbol
from devices.kernel import CoreType, Direction, Kernel, Parameter
from workloads.formats.columns import Columns
from workloads.formats.graph_json import KernelRecord, ParameterRecord

__all__ = ["MOST_TENSOR_BYTES", "checked_dtype", "checked_shape", "kernel_of", "kernel_record"]

MOST_TENSOR_BYTES = 2**62
"""Of a tensor, so that sums of bytes fit into 64 bits."""

_CORES = {core.value: core for core in CoreType}
_DIRECTIONS = {direction.value: direction for direction in Direction}

_T = TypeVar("_T")


def kernel_of(columns: Columns, number: int, record: KernelRecord) -> Kernel:
    """The kernel of a record, the `number`-th of the file.

    Raises
    ------
    InputError
        It has a core, a direction, a dtype, a shape or shares that no kernel has.
    """
    where = f"kernels[{number}]"
    core = _known(columns, f"{where}.core", record.core, _CORES)
    shares = tuple(record.core_shares)
    if core is CoreType.MIX:
        if len(shares) != 3 or max(shares) != 1.0 or min(shares) < 0.0 or shares.count(0.0) > 1:
            why = "a MIX kernel has three shares from 0 to 1, the most 1, two above 0"
            raise columns.error(f"{where}.core_shares", why)
    elif shares:
        raise columns.error(f"{where}.core_shares", "only a MIX kernel has them")
    parameters = []
    for place, p in enumerate(record.parameters):
        field = f"{where}.parameters[{place}]"
        dtype = checked_dtype(columns, f"{field}.dtype", p.dtype)
        direction = _known(columns, f"{field}.direction", p.direction, _DIRECTIONS)
        shape = checked_shape(columns, f"{field}.shape", p.shape, dtype)
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


def kernel_record(kernel: Kernel) -> KernelRecord:
    """What a file has of a kernel."""
    return KernelRecord(
        kernel.name,
        kernel.core.value,
        kernel.line,
        [
            ParameterRecord(p.name, list(p.shape), p.dtype.name, p.direction.value)
            for p in kernel.parameters
        ],
        [symbol.name for symbol in kernel.scalars],
        list(kernel.core_shares),
    )


def checked_shape(
    columns: Columns, field: str, sizes: Sequence[int], dtype: DType
) -> tuple[int, ...]:
    """The shape of a tensor.

    Raises
    ------
    InputError
        It is empty, or larger than any.
    """
    if not sizes or min(sizes) < 1 or dtype.nbytes(math.prod(sizes)) > MOST_TENSOR_BYTES:
        raise columns.error(field, "has a size below 1, none, or more than 2^62 bytes")
    return tuple(sizes)


def checked_dtype(columns: Columns, field: str, name: str) -> DType:
    """The dtype of a name.

    Raises
    ------
    InputError
        There is none of that name.
    """
    return _known(columns, field, name, BY_NAME)


def _known(columns: Columns, field: str, name: str, known: Mapping[str, _T]) -> _T:
    if name not in known:
        raise columns.error(field, str(unknown_name("name", name[:60], known)))
    return known[name]
