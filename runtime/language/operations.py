"""Operations on tensors: names, signatures and result types of ``pypto.language``.

Every function checks its arguments and leaves the meaning to the current tracer.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence

import numpy as np

from devices.dtypes import BY_NAME, DType
from devices.errors import InputError
from devices.expression import Expression, Operation, Scalar
from runtime.language.arguments import (
    check_inside,
    dtype_argument,
    offset_argument,
    promoted,
    shape_argument,
    tensor_argument,
)
from runtime.language.elementwise import (
    add,
    col_expand,
    col_expand_div,
    col_expand_mul,
    col_expand_sub,
    computed,
    div,
    exp,
    expands,
    maximum,
    mul,
    neg,
    recip,
    row_expand,
    row_expand_add,
    row_expand_div,
    row_expand_mul,
    row_expand_sub,
    row_max,
    row_min,
    row_sum,
    rsqrt,
    sqrt,
    sub,
)
from runtime.language.values import TensorValue, current_tracer

__all__ = [
    "add",
    "assemble",
    "cast",
    "col_expand",
    "col_expand_div",
    "col_expand_mul",
    "col_expand_sub",
    "concat",
    "create_tensor",
    "dim",
    "div",
    "exp",
    "expands",
    "full",
    "is_compute",
    "is_operation",
    "matmul",
    "matmul_acc",
    "max",
    "maximum",
    "min",
    "mul",
    "neg",
    "recip",
    "reshape",
    "row_expand",
    "row_expand_add",
    "row_expand_div",
    "row_expand_mul",
    "row_expand_sub",
    "row_max",
    "row_min",
    "row_sum",
    "rsqrt",
    "slice",
    "sqrt",
    "static_assert",
    "static_print",
    "sub",
]

FP32 = BY_NAME["FP32"]
INT32 = BY_NAME["INT32"]
_ROUNDING = ("none", "rint", "round", "floor", "ceil", "trunc", "odd")
_MOVES_ONLY = ("create_tensor", "slice", "assemble", "reshape", "dim", "min", "max")


def is_operation(function: object) -> bool:
    """Whether `function` is an operation on tensors or scalars."""
    name = getattr(function, "__name__", "")
    return name in __all__ and globals().get(name) is function


def is_compute(function: object) -> bool:
    """Whether `function` computes, so that a statement with it needs a region."""
    name = getattr(function, "__name__", "")
    is_static = name.startswith(("static_", "is_"))
    return is_operation(function) and name not in _MOVES_ONLY and not is_static


# Data movement and creation


def create_tensor(shape: Sequence[int], dtype: DType, layout: object = None) -> TensorValue:
    """Uninitialised tensor of `shape` (elements) and `dtype`; `layout` is accepted as ND."""
    del layout
    return current_tracer().create(shape_argument(shape), dtype_argument(dtype))


def slice(
    tensor: TensorValue,
    shape: Sequence[int],
    offset: Sequence[Scalar],
    valid_shape: Sequence[Scalar] | None = None,
) -> TensorValue:
    """Rectangle of `tensor`: `shape` elements from `offset`.

    Orchestration makes a view of it; in a region it is a load of just that rectangle.
    """
    if valid_shape is not None:
        raise InputError("valid_shape is not supported; slice the valid part")
    source, extent = tensor_argument(tensor, "slice's tensor"), shape_argument(shape)
    start = offset_argument(offset, len(extent))
    if len(extent) != len(source.shape):
        raise InputError(f"slice of {source!r} needs a shape of rank {len(source.shape)}")
    check_inside(source, extent, start)
    return current_tracer().slice(source, extent, start)


def assemble(target: TensorValue, source: TensorValue, offset: Sequence[Scalar]) -> TensorValue:
    """`target` with `source` written at `offset` (elements)."""
    into, tile = (
        tensor_argument(target, "assemble's target"),
        tensor_argument(source, "assemble's source"),
    )
    if len(into.shape) != len(tile.shape):
        raise InputError(f"cannot assemble {tile!r} into {into!r}: their ranks differ")
    start = offset_argument(offset, len(into.shape))
    check_inside(into, tile.shape, start)
    return current_tracer().assemble(into, tile, start)


def full(shape: Sequence[int], dtype: DType, value: float) -> TensorValue:
    """Tensor filled with `value`."""
    if not isinstance(value, int | float):
        raise InputError(f"full's value is a constant, not {value!r}")
    return computed("full", shape_argument(shape), dtype_argument(dtype), value=value)


def cast(tensor: TensorValue, target_type: DType, mode: str = "round") -> TensorValue:
    """`tensor` in another dtype."""
    if mode not in _ROUNDING:
        raise InputError(f"cast mode is one of {', '.join(_ROUNDING)}, not {mode!r}")
    source = tensor_argument(tensor, "cast's argument")
    return computed("cast", source.shape, dtype_argument(target_type), source, mode=mode)


def reshape(tensor: TensorValue, shape: Sequence[int]) -> TensorValue:
    """Same elements in another shape; costs nothing on chip."""
    source, new = tensor_argument(tensor, "reshape's argument"), shape_argument(shape)
    if np.prod(source.shape) != np.prod(new):
        raise InputError(f"cannot reshape {source!r} to {list(new)}: element counts differ")
    return computed("reshape", new, source.dtype, source)


def concat(src0: TensorValue, src1: TensorValue) -> TensorValue:
    """Columns of `src0`, then those of `src1`."""
    left, right = tensor_argument(src0, "concat's first"), tensor_argument(src1, "concat's second")
    if left.shape[:-1] != right.shape[:-1] or left.dtype != right.dtype:
        raise InputError(f"cannot concat {left!r} and {right!r}: rows or dtypes differ")
    shape = (*left.shape[:-1], left.shape[-1] + right.shape[-1])
    return computed("concat", shape, left.dtype, left, right)


def dim(tensor: TensorValue, axis: int) -> int:
    """Size of `tensor` along `axis`."""
    shape = tensor_argument(tensor, "dim's tensor").shape
    if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
        raise InputError(f"axis {axis!r} is not a dimension of a tensor of rank {len(shape)}")
    return shape[axis]


# Cube


def _product_shape(
    lhs: TensorValue, rhs: TensorValue, *, a_trans: bool, b_trans: bool
) -> tuple[int, int]:
    if len(lhs.shape) != 2 or len(rhs.shape) != 2:
        raise InputError(f"matmul takes matrices, not {lhs!r} and {rhs!r}")
    rows, inner = reversed(lhs.shape) if a_trans else lhs.shape
    other, columns = reversed(rhs.shape) if b_trans else rhs.shape
    if inner != other:
        raise InputError(f"matmul: inner sizes of {lhs!r} and {rhs!r} differ: {inner} and {other}")
    return rows, columns


def matmul(
    lhs: TensorValue,
    rhs: TensorValue,
    out_dtype: DType | None = None,
    a_trans: bool = False,
    b_trans: bool = False,
    c_matrix_nz: bool = False,
) -> TensorValue:
    """Product [M, K] x [K, N], accumulated in float32 (int32 for integers).

    The result's dtype is `out_dtype`, or the promoted dtype of the operands.
    """
    del c_matrix_nz
    left, right = tensor_argument(lhs, "matmul's first"), tensor_argument(rhs, "matmul's second")
    shape = _product_shape(left, right, a_trans=a_trans, b_trans=b_trans)
    dtype = promoted(left.dtype, right.dtype) if out_dtype is None else dtype_argument(out_dtype)
    return current_tracer().matmul(shape, dtype, (left, a_trans), (right, b_trans), None)


def matmul_acc(
    acc: TensorValue,
    lhs: TensorValue,
    rhs: TensorValue,
    a_trans: bool = False,
    b_trans: bool = False,
) -> TensorValue:
    """``acc + lhs x rhs`` in `acc`'s place, which is float32 (int32 for integers)."""
    total = tensor_argument(acc, "matmul_acc's accumulator")
    left, right = (
        tensor_argument(lhs, "matmul_acc's second"),
        tensor_argument(rhs, "matmul_acc's third"),
    )
    shape = _product_shape(left, right, a_trans=a_trans, b_trans=b_trans)
    wanted = FP32 if left.dtype.is_float else INT32
    if total.shape != shape or total.dtype != wanted:
        raise InputError(f"matmul_acc: accumulator {total!r} must be {wanted}{list(shape)}")
    return current_tracer().matmul(shape, total.dtype, (left, a_trans), (right, b_trans), total)


# Scalars and messages


def _extreme(name: str, lhs: Scalar, rhs: Scalar) -> Scalar:
    if isinstance(lhs, Expression) or isinstance(rhs, Expression):
        return Operation(name, lhs, rhs)
    if isinstance(lhs, TensorValue) or isinstance(rhs, TensorValue):
        raise InputError(f"pl.{name} takes two scalars; use pl.maximum or pl.row_{name}")
    return builtins.min(lhs, rhs) if name == "min" else builtins.max(lhs, rhs)


def min(lhs: Scalar, rhs: Scalar) -> Scalar:
    """Smaller of two scalars."""
    return _extreme("min", lhs, rhs)


def max(lhs: Scalar, rhs: Scalar) -> Scalar:
    """Larger of two scalars."""
    return _extreme("max", lhs, rhs)


def static_print(*values: object) -> None:
    """Accepted and ignored: there is no compile log to print to."""
    del values


def static_assert(condition: object, message: str = "") -> None:
    """Check a constant when the program is read.

    Raises
    ------
    InputError
        The condition does not hold.
    """
    if not condition:
        raise InputError(f"static_assert failed: {message or 'no message'}")
