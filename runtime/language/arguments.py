"""Checks of what a program passes to the operations of the language.

Every function raises `InputError` for what it does not accept.
"""

from __future__ import annotations

from collections.abc import Sequence

from devices.dtypes import BY_NAME, DType
from devices.errors import InputError
from devices.expression import Expression, Scalar
from runtime.language.values import TensorValue

__all__ = [
    "check_inside",
    "dtype_argument",
    "offset_argument",
    "promoted",
    "shape_argument",
    "tensor_argument",
]


def tensor_argument(value: object, role: str) -> TensorValue:
    """`value`, which has to be a tensor; `role` names it in the error."""
    if not isinstance(value, TensorValue):
        raise InputError(f"{role} is a tensor, not {value!r}")
    return value


def shape_argument(shape: object) -> tuple[int, ...]:
    """A shape: positive constants."""
    if not isinstance(shape, Sequence) or not all(
        isinstance(d, int) and not isinstance(d, bool) and d > 0 for d in shape
    ):
        raise InputError(f"a shape is a list of positive integer constants, not {shape!r}")
    return tuple(shape)


def offset_argument(offset: object, rank: int) -> tuple[Scalar, ...]:
    """An offset with one entry per dimension, constants or scalars of the program."""
    if not isinstance(offset, Sequence) or not all(
        isinstance(o, int | Expression) and not isinstance(o, bool) for o in offset
    ):
        raise InputError(f"an offset is a list of integers, not {offset!r}")
    if len(offset) != rank:
        raise InputError(f"offset {list(offset)} needs {rank} entries, one per dimension")
    return tuple(offset)


def dtype_argument(dtype: object) -> DType:
    """A dtype."""
    if not isinstance(dtype, DType):
        raise InputError(f"dtype is one of pl.{', pl.'.join(BY_NAME)}, not {dtype!r}")
    return dtype


def promoted(lhs: DType, rhs: DType) -> DType:
    """Dtype of an operation on two dtypes: floats win over integers, wider ones over narrower."""
    if lhs == rhs:
        return lhs
    if lhs.is_float and rhs.is_float:
        return lhs if lhs.bits >= rhs.bits else rhs
    if lhs.is_float != rhs.is_float:
        return lhs if lhs.is_float else rhs
    return lhs if lhs.bits >= rhs.bits else rhs


def check_inside(tensor: TensorValue, shape: tuple[int, ...], offset: tuple[Scalar, ...]) -> None:
    """Refuse a rectangle that certainly leaves `tensor`; offsets that vary count as 0."""
    for size, extent, start in zip(tensor.shape, shape, offset, strict=True):
        first = start if isinstance(start, int) else 0
        if first < 0 or first + extent > size:
            raise InputError(f"{list(shape)} at offset {list(offset)} does not fit into {tensor!r}")
