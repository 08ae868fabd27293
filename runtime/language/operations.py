"""Operations on tensors: names, signatures and result types of ``pypto.language``.

Every function checks its arguments and leaves the meaning to the current tracer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from devices.dtypes import BY_NAME, DType
from devices.errors import InputError
from devices.expression import Expression, Scalar
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
from runtime.language.enumerations import PadValue
from runtime.language.scalar_operations import (
    const,
    dim,
    max,
    min,
    static_assert,
    static_print,
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
    "const",
    "create_tensor",
    "dim",
    "div",
    "exp",
    "expands",
    "fillpad",
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
    "read",
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
    "scatter_update",
    "slice",
    "sqrt",
    "static_assert",
    "static_print",
    "sub",
    "transpose",
    "write",
]

FP32 = BY_NAME["FP32"]
INT32 = BY_NAME["INT32"]
_ROUNDING = ("none", "rint", "round", "floor", "ceil", "trunc", "odd")
_MOVES_ONLY = (
    "create_tensor",
    "slice",
    "assemble",
    "reshape",
    "dim",
    "min",
    "max",
    "read",
    "write",
    "const",
)


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

    Orchestration makes a view of it; in a region it is a load of just that rectangle, of which
    `valid_shape` marks the part that holds data (see `fillpad`).
    """
    source, extent = tensor_argument(tensor, "slice's tensor"), shape_argument(shape)
    if len(extent) != len(source.shape):
        raise InputError(
            f"slice of {source!r} needs a shape of rank {len(source.shape)}, not {list(extent)}; "
            "pl.reshape the slice"
        )
    start = offset_argument(offset, len(extent))
    check_inside(source, extent, start)
    valid = None if valid_shape is None else offset_argument(valid_shape, len(extent))
    return current_tracer().slice(source, extent, start, valid)


def read(tensor: TensorValue, index: Scalar | Sequence[Scalar]) -> Scalar:
    """One element of `tensor`, with an index for each of its dimensions.

    Orchestration reads a tensor of the program from memory; no task does, and none is waited for.
    """
    source = tensor_argument(tensor, "read's tensor")
    return current_tracer().read(source, _element(source, index))


def write(tensor: TensorValue, index: Scalar | Sequence[Scalar], value: Scalar) -> None:
    """Write one element of `tensor`; where the program orchestrates no task does."""
    target = tensor_argument(tensor, "write's tensor")
    if not isinstance(value, int | float | Expression):
        raise InputError(f"write takes a number, not {value!r}")
    current_tracer().write(target, _element(target, index), value)


def _element(tensor: TensorValue, index: Scalar | Sequence[Scalar]) -> tuple[Scalar, ...]:
    return offset_argument(index if isinstance(index, Sequence) else [index], len(tensor.shape))


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


def cast(
    tensor: TensorValue | Scalar, target_type: DType, mode: str = "round"
) -> TensorValue | Scalar:
    """`tensor`, or a scalar, in another dtype."""
    if mode not in _ROUNDING:
        raise InputError(f"cast mode is one of {', '.join(_ROUNDING)}, not {mode!r}")
    if isinstance(tensor, int | float | Expression):
        dtype_argument(target_type)
        return tensor
    source = tensor_argument(tensor, "cast's argument")
    return computed("cast", source.shape, dtype_argument(target_type), source, mode=mode)


def reshape(tensor: TensorValue, shape: Sequence[int]) -> TensorValue:
    """Same elements in another shape; costs nothing on chip."""
    source, new = tensor_argument(tensor, "reshape's argument"), shape_argument(shape)
    if np.prod(source.shape) != np.prod(new):
        raise InputError(f"cannot reshape {source!r} to {list(new)}: element counts differ")
    return computed("reshape", new, source.dtype, source)


def fillpad(tensor: TensorValue, pad_value: PadValue = PadValue.zero) -> TensorValue:
    """`tensor` with `pad_value` outside the part that its slice called valid."""
    source = tensor_argument(tensor, "fillpad's argument")
    if not isinstance(pad_value, PadValue):
        raise InputError(f"fillpad takes a pl.PadValue, not {pad_value!r}")
    return computed("fillpad", source.shape, source.dtype, source, pad=pad_value.value)


def transpose(tensor: TensorValue, axis1: int, axis2: int) -> TensorValue:
    """Refuse, as the compiler does for tensors."""
    del tensor, axis1, axis2
    raise InputError(
        "pl.transpose of a tensor is not in the language (the compiler refuses it); pass a_trans "
        "or b_trans to the product, or store the tensor transposed"
    )


def scatter_update(*_: object, **__: object) -> TensorValue:
    """Refuse: it writes where the data say, which nothing here follows."""
    raise InputError(
        "pl.scatter_update is not supported; assemble the rows at offsets that the orchestration "
        "reads with pl.tensor.read"
    )


def concat(src0: TensorValue, src1: TensorValue) -> TensorValue:
    """Columns of `src0`, then those of `src1`."""
    left, right = tensor_argument(src0, "concat's first"), tensor_argument(src1, "concat's second")
    if left.shape[:-1] != right.shape[:-1] or left.dtype != right.dtype:
        raise InputError(f"cannot concat {left!r} and {right!r}: rows or dtypes differ")
    shape = (*left.shape[:-1], left.shape[-1] + right.shape[-1])
    return computed("concat", shape, left.dtype, left, right)


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
