"""Operations of kernels that are written by hand: loads, moves and stores of tiles.

Vector operations and products take tiles where regions have tensors, under the same names.
"""

from __future__ import annotations

from collections.abc import Sequence

from devices.dtypes import DType
from devices.errors import InputError
from devices.expression import Scalar
from devices.kernel import Memory
from runtime.language.arguments import (
    check_inside,
    dtype_argument,
    offset_argument,
    shape_argument,
    tensor_argument,
)
from runtime.language.enumerations import MemorySpace
from runtime.language.values import TensorValue, current_tracer

__all__ = ["create_tile", "load", "move", "store"]


def load(
    tensor: TensorValue,
    offsets: Sequence[Scalar],
    shapes: Sequence[int],
    target_memory: MemorySpace = MemorySpace.Vec,
    valid_shapes: Sequence[Scalar] | None = None,
    transpose: bool = False,
) -> TensorValue:
    """Tile with the rectangle of `shapes` elements at `offsets` of a tensor in global memory.

    A transposed one goes to L1 (``Mat``) only.
    """
    source, extent = tensor_argument(tensor, "load's tensor"), shape_argument(shapes)
    start = offset_argument(offsets, len(extent))
    check_inside(source, extent, start)
    memory = _memory(target_memory, "load")
    if memory not in (Memory.UB, Memory.L1):
        raise InputError("load goes to pl.MemorySpace.Vec or Mat; pl.move goes on from there")
    if transpose and memory is not Memory.L1:
        raise InputError("load transposes only into pl.MemorySpace.Mat")
    valid = None if valid_shapes is None else offset_argument(valid_shapes, len(extent))
    return current_tracer().load(
        source, start, extent, memory, transposed=bool(transpose), valid=valid
    )


def store(
    tile: TensorValue,
    offsets: Sequence[Scalar],
    output_tensor: TensorValue,
    shapes: Sequence[int] | None = None,
) -> TensorValue:
    """`output_tensor` with `tile` written at `offsets` (elements)."""
    source = tensor_argument(tile, "store's tile")
    into = tensor_argument(output_tensor, "store's tensor")
    if shapes is not None and shape_argument(shapes) != source.shape:
        raise InputError(f"store writes the whole tile {source!r}, not {list(shapes)} of it")
    start = offset_argument(offsets, len(into.shape))
    if len(source.shape) != len(into.shape):
        raise InputError(f"cannot store {source!r} into {into!r}: their ranks differ")
    check_inside(into, source.shape, start)
    return current_tracer().store(source, start, into)


def move(
    tile: TensorValue,
    target_memory: MemorySpace,
    blayout: object = None,
    slayout: object = None,
) -> TensorValue:
    """The tile in another memory on chip; layouts are accepted and have no cost of their own."""
    del blayout, slayout
    return current_tracer().move(
        tensor_argument(tile, "move's tile"), _memory(target_memory, "move")
    )


def create_tile(
    shape: Sequence[int], dtype: DType, target_memory: MemorySpace = MemorySpace.Vec
) -> TensorValue:
    """Uninitialised tile."""
    memory = _memory(target_memory, "create_tile")
    return current_tracer().create_tile(shape_argument(shape), dtype_argument(dtype), memory)


def _memory(space: object, operation: str) -> Memory:
    if not isinstance(space, MemorySpace):
        names = ", ".join(f"pl.MemorySpace.{choice.name}" for choice in MemorySpace)
        raise InputError(f"{operation}'s target_memory is one of {names}, not {space!r}")
    return space.value
