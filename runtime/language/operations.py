"""Operations on tensors: names, signatures and result types of ``pypto.language``.

Every function checks its arguments and leaves the meaning to the current tracer.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from devices.dtypes import BY_NAME, DType
from devices.errors import InputError
from devices.expression import Expression, Operation, Scalar
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


# Arguments


def _tensor(value: object, role: str) -> TensorValue:
    if not isinstance(value, TensorValue):
        raise InputError(f"{role} is a tensor, not {value!r}")
    return value


def _shape(shape: object) -> tuple[int, ...]:
    if not isinstance(shape, Sequence) or not all(
        isinstance(d, int) and not isinstance(d, bool) and d > 0 for d in shape
    ):
        raise InputError(f"a shape is a list of positive integer constants, not {shape!r}")
    return tuple(shape)


def _offset(offset: object, rank: int) -> tuple[Scalar, ...]:
    if not isinstance(offset, Sequence) or not all(
        isinstance(o, int | Expression) and not isinstance(o, bool) for o in offset
    ):
        raise InputError(f"an offset is a list of integers, not {offset!r}")
    if len(offset) != rank:
        raise InputError(f"offset {list(offset)} needs {rank} entries, one per dimension")
    return tuple(offset)


def _dtype(dtype: object) -> DType:
    if not isinstance(dtype, DType):
        raise InputError(f"dtype is one of pl.{', pl.'.join(BY_NAME)}, not {dtype!r}")
    return dtype


def _promoted(lhs: DType, rhs: DType) -> DType:
    if lhs == rhs:
        return lhs
    if lhs.is_float and rhs.is_float:
        return lhs if lhs.bits >= rhs.bits else rhs
    if lhs.is_float != rhs.is_float:
        return lhs if lhs.is_float else rhs
    return lhs if lhs.bits >= rhs.bits else rhs


def _compute(
    name: str, shape: tuple[int, ...], dtype: DType, *operands: TensorValue, **attributes: Any
) -> TensorValue:
    return current_tracer().compute(name, shape, dtype, operands, attributes)


# Data movement and creation


def create_tensor(shape: Sequence[int], dtype: DType, layout: object = None) -> TensorValue:
    """Uninitialised tensor of `shape` (elements) and `dtype`; `layout` is accepted as ND."""
    del layout
    return current_tracer().create(_shape(shape), _dtype(dtype))


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
    source, extent = _tensor(tensor, "slice's tensor"), _shape(shape)
    start = _offset(offset, len(extent))
    if len(extent) != len(source.shape):
        raise InputError(f"slice of {source!r} needs a shape of rank {len(source.shape)}")
    _check_inside(source, extent, start)
    return current_tracer().slice(source, extent, start)


def assemble(target: TensorValue, source: TensorValue, offset: Sequence[Scalar]) -> TensorValue:
    """`target` with `source` written at `offset` (elements)."""
    into, tile = _tensor(target, "assemble's target"), _tensor(source, "assemble's source")
    if len(into.shape) != len(tile.shape):
        raise InputError(f"cannot assemble {tile!r} into {into!r}: their ranks differ")
    start = _offset(offset, len(into.shape))
    _check_inside(into, tile.shape, start)
    return current_tracer().assemble(into, tile, start)


def _check_inside(tensor: TensorValue, shape: tuple[int, ...], offset: tuple[Scalar, ...]) -> None:
    for size, extent, start in zip(tensor.shape, shape, offset, strict=True):
        first = start if isinstance(start, int) else 0
        if first < 0 or first + extent > size:
            raise InputError(f"{list(shape)} at offset {list(offset)} does not fit into {tensor!r}")


def full(shape: Sequence[int], dtype: DType, value: float) -> TensorValue:
    """Tensor filled with `value`."""
    if not isinstance(value, int | float):
        raise InputError(f"full's value is a constant, not {value!r}")
    return _compute("full", _shape(shape), _dtype(dtype), value=value)


def cast(tensor: TensorValue, target_type: DType, mode: str = "round") -> TensorValue:
    """`tensor` in another dtype."""
    if mode not in _ROUNDING:
        raise InputError(f"cast mode is one of {', '.join(_ROUNDING)}, not {mode!r}")
    source = _tensor(tensor, "cast's argument")
    return _compute("cast", source.shape, _dtype(target_type), source, mode=mode)


def reshape(tensor: TensorValue, shape: Sequence[int]) -> TensorValue:
    """Same elements in another shape; costs nothing on chip."""
    source, new = _tensor(tensor, "reshape's argument"), _shape(shape)
    if np.prod(source.shape) != np.prod(new):
        raise InputError(f"cannot reshape {source!r} to {list(new)}: element counts differ")
    return _compute("reshape", new, source.dtype, source)


def concat(src0: TensorValue, src1: TensorValue) -> TensorValue:
    """Columns of `src0`, then those of `src1`."""
    left, right = _tensor(src0, "concat's first"), _tensor(src1, "concat's second")
    if left.shape[:-1] != right.shape[:-1] or left.dtype != right.dtype:
        raise InputError(f"cannot concat {left!r} and {right!r}: rows or dtypes differ")
    shape = (*left.shape[:-1], left.shape[-1] + right.shape[-1])
    return _compute("concat", shape, left.dtype, left, right)


def dim(tensor: TensorValue, axis: int) -> int:
    """Size of `tensor` along `axis`."""
    shape = _tensor(tensor, "dim's tensor").shape
    if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
        raise InputError(f"axis {axis!r} is not a dimension of a tensor of rank {len(shape)}")
    return shape[axis]


# Elementwise


def _binary(name: str, lhs: object, rhs: object) -> TensorValue:
    left = _tensor(lhs, f"{name}'s first argument")
    if isinstance(rhs, TensorValue):
        try:
            shape = np.broadcast_shapes(left.shape, rhs.shape)
        except ValueError:
            raise InputError(f"{name}: shapes of {left!r} and {rhs!r} do not broadcast") from None
        return _compute(name, shape, _promoted(left.dtype, rhs.dtype), left, rhs)
    if isinstance(rhs, int | float | Expression) and not isinstance(rhs, bool):
        dtype = FP32 if isinstance(rhs, float) else left.dtype
        return _compute(name, left.shape, dtype, left, scalar=rhs)
    raise InputError(f"{name}'s second argument is a tensor or a number, not {rhs!r}")


def add(lhs: TensorValue, rhs: TensorValue | Scalar | float) -> TensorValue:
    """Elementwise sum, with broadcasting."""
    return _binary("add", lhs, rhs)


def sub(lhs: TensorValue, rhs: TensorValue | Scalar | float) -> TensorValue:
    """Elementwise difference, with broadcasting."""
    return _binary("sub", lhs, rhs)


def mul(lhs: TensorValue, rhs: TensorValue | Scalar | float) -> TensorValue:
    """Elementwise product, with broadcasting."""
    return _binary("mul", lhs, rhs)


def div(lhs: TensorValue, rhs: TensorValue | Scalar | float) -> TensorValue:
    """Elementwise quotient, with broadcasting."""
    return _binary("div", lhs, rhs)


def maximum(lhs: TensorValue, rhs: TensorValue) -> TensorValue:
    """Elementwise maximum of two tensors, with broadcasting."""
    return _binary("maximum", lhs, _tensor(rhs, "maximum's second argument"))


def _unary(name: str, tensor: object) -> TensorValue:
    source = _tensor(tensor, f"{name}'s argument")
    keeps = source.dtype.is_float or name == "neg"
    return _compute(name, source.shape, source.dtype if keeps else FP32, source)


def neg(tensor: TensorValue) -> TensorValue:
    """Elementwise negation."""
    return _unary("neg", tensor)


def exp(tensor: TensorValue) -> TensorValue:
    """Elementwise exponential."""
    return _unary("exp", tensor)


def recip(tensor: TensorValue) -> TensorValue:
    """Elementwise reciprocal."""
    return _unary("recip", tensor)


def sqrt(tensor: TensorValue) -> TensorValue:
    """Elementwise square root."""
    return _unary("sqrt", tensor)


def rsqrt(tensor: TensorValue) -> TensorValue:
    """Elementwise reciprocal square root."""
    return _unary("rsqrt", tensor)


# Rows and columns


def _reduction(name: str, tensor: object) -> TensorValue:
    source = _tensor(tensor, f"{name}'s argument")
    return _compute(name, (*source.shape[:-1], 1), source.dtype, source)


def row_sum(tensor: TensorValue) -> TensorValue:
    """Sum of each row: [M, N] to [M, 1]."""
    return _reduction("row_sum", tensor)


def row_max(tensor: TensorValue) -> TensorValue:
    """Maximum of each row: [M, N] to [M, 1]."""
    return _reduction("row_max", tensor)


def row_min(tensor: TensorValue) -> TensorValue:
    """Minimum of each row: [M, N] to [M, 1]."""
    return _reduction("row_min", tensor)


def _expansion(name: str, axis: int) -> Callable[[TensorValue, TensorValue], TensorValue]:
    kind, operation = name.split("_expand_")
    vector = "[M, 1]" if axis == -1 else "[1, N]"

    def operate(tensor: TensorValue, values: TensorValue) -> TensorValue:
        left, right = _tensor(tensor, f"{name}'s first"), _tensor(values, f"{name}'s second")
        wanted = list(left.shape)
        wanted[axis] = 1
        if list(right.shape) != wanted:
            raise InputError(
                f"{name}: second argument of {left!r} has shape {wanted}, not {right!r}"
            )
        return _compute(name, left.shape, _promoted(left.dtype, right.dtype), left, right)

    operate.__name__ = operate.__qualname__ = name
    operate.__doc__ = f"``{operation}`` of [M, N] with the {kind} vector {vector}."
    return operate


row_expand_mul = _expansion("row_expand_mul", -1)
row_expand_div = _expansion("row_expand_div", -1)
row_expand_add = _expansion("row_expand_add", -1)
row_expand_sub = _expansion("row_expand_sub", -1)
col_expand_mul = _expansion("col_expand_mul", -2)
col_expand_div = _expansion("col_expand_div", -2)
col_expand_sub = _expansion("col_expand_sub", -2)


def col_expand(tensor: TensorValue, values: TensorValue) -> TensorValue:
    """The row vector `values` [1, N] repeated to the shape of `tensor` [M, N]."""
    into, row = _tensor(tensor, "col_expand's first"), _tensor(values, "col_expand's second")
    return _compute("col_expand", into.shape, _promoted(into.dtype, row.dtype), into, row)


def row_expand(tensor: TensorValue) -> TensorValue:
    """First element of each row repeated along the row."""
    source = _tensor(tensor, "row_expand's argument")
    return _compute("row_expand", source.shape, source.dtype, source)


def expands(target: TensorValue, scalar: Scalar | float) -> TensorValue:
    """`scalar` repeated to the shape of `target`."""
    into = _tensor(target, "expands' target")
    if not isinstance(scalar, int | float | Expression):
        raise InputError(f"expands' scalar is a number, not {scalar!r}")
    return _compute("expands", into.shape, into.dtype, into, scalar=scalar)


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
    left, right = _tensor(lhs, "matmul's first"), _tensor(rhs, "matmul's second")
    shape = _product_shape(left, right, a_trans=a_trans, b_trans=b_trans)
    dtype = _promoted(left.dtype, right.dtype) if out_dtype is None else _dtype(out_dtype)
    return current_tracer().matmul(shape, dtype, (left, a_trans), (right, b_trans), None)


def matmul_acc(
    acc: TensorValue,
    lhs: TensorValue,
    rhs: TensorValue,
    a_trans: bool = False,
    b_trans: bool = False,
) -> TensorValue:
    """``acc + lhs x rhs`` in `acc`'s place, which is float32 (int32 for integers)."""
    total = _tensor(acc, "matmul_acc's accumulator")
    left, right = _tensor(lhs, "matmul_acc's second"), _tensor(rhs, "matmul_acc's third")
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
