"""Vector operations: elementwise, along rows and along columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from devices.dtypes import BY_NAME, DType
from devices.errors import InputError
from devices.expression import Expression, Scalar, Symbol
from runtime.language.arguments import promoted, tensor_argument
from runtime.language.values import TensorValue, current_tracer

__all__ = [
    "add",
    "col_expand",
    "col_expand_div",
    "col_expand_mul",
    "col_expand_sub",
    "computed",
    "div",
    "exp",
    "expands",
    "maximum",
    "mul",
    "neg",
    "recip",
    "row_expand",
    "row_expand_add",
    "row_expand_div",
    "row_expand_mul",
    "row_expand_sub",
    "row_max",
    "row_min",
    "row_sum",
    "rsqrt",
    "sqrt",
    "sub",
]

FP32 = BY_NAME["FP32"]


def computed(
    name: str, shape: tuple[int, ...], dtype: DType, *operands: TensorValue, **attributes: Any
) -> TensorValue:
    """Result of a vector operation, as the current tracer has it."""
    return current_tracer().compute(name, shape, dtype, operands, attributes)


def _binary(name: str, lhs: object, rhs: object) -> TensorValue:
    left = tensor_argument(lhs, f"{name}'s first argument")
    if isinstance(rhs, TensorValue):
        try:
            shape = np.broadcast_shapes(left.shape, rhs.shape)
        except ValueError:
            raise InputError(f"{name}: shapes of {left!r} and {rhs!r} do not broadcast") from None
        return computed(name, shape, promoted(left.dtype, rhs.dtype), left, rhs)
    if isinstance(rhs, int | float | Expression) and not isinstance(rhs, bool):
        is_float = isinstance(rhs, float) or (isinstance(rhs, Symbol) and rhs.is_float)
        dtype = FP32 if is_float else left.dtype
        return computed(name, left.shape, dtype, left, scalar=rhs)
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
    return _binary("maximum", lhs, tensor_argument(rhs, "maximum's second argument"))


def _unary(name: str, tensor: object) -> TensorValue:
    source = tensor_argument(tensor, f"{name}'s argument")
    keeps = source.dtype.is_float or name == "neg"
    return computed(name, source.shape, source.dtype if keeps else FP32, source)


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


def _reduction(name: str, tensor: object, scratch: object) -> TensorValue:
    source = tensor_argument(tensor, f"{name}'s argument")
    operands = [source]
    if scratch is not None:
        operands.append(tensor_argument(scratch, f"{name}'s scratch tile"))
    return computed(name, (*source.shape[:-1], 1), source.dtype, *operands)


def row_sum(tensor: TensorValue, tmp_tile: TensorValue | None = None) -> TensorValue:
    """Sum of each row: [M, N] to [M, 1]; a kernel written by hand gives a scratch tile as well."""
    return _reduction("row_sum", tensor, tmp_tile)


def row_max(tensor: TensorValue, tmp_tile: TensorValue | None = None) -> TensorValue:
    """Maximum of each row: [M, N] to [M, 1]; a scratch tile as in `row_sum`."""
    return _reduction("row_max", tensor, tmp_tile)


def row_min(tensor: TensorValue, tmp_tile: TensorValue | None = None) -> TensorValue:
    """Minimum of each row: [M, N] to [M, 1]; a scratch tile as in `row_sum`."""
    return _reduction("row_min", tensor, tmp_tile)


def _expansion(name: str, axis: int) -> Callable[[TensorValue, TensorValue], TensorValue]:
    kind, operation = name.split("_expand_")
    vector = "[M, 1]" if axis == -1 else "[1, N]"

    def operate(tensor: TensorValue, values: TensorValue) -> TensorValue:
        left, right = (
            tensor_argument(tensor, f"{name}'s first"),
            tensor_argument(values, f"{name}'s second"),
        )
        wanted = list(left.shape)
        wanted[axis] = 1
        if list(right.shape) != wanted:
            raise InputError(
                f"{name}: second argument of {left!r} has shape {wanted}, not {right!r}"
            )
        return computed(name, left.shape, promoted(left.dtype, right.dtype), left, right)

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
    into, row = (
        tensor_argument(tensor, "col_expand's first"),
        tensor_argument(values, "col_expand's second"),
    )
    return computed("col_expand", into.shape, promoted(into.dtype, row.dtype), into, row)


def row_expand(tensor: TensorValue) -> TensorValue:
    """First element of each row repeated along the row."""
    source = tensor_argument(tensor, "row_expand's argument")
    return computed("row_expand", source.shape, source.dtype, source)


def expands(target: TensorValue, scalar: Scalar | float) -> TensorValue:
    """`scalar` repeated to the shape of `target`."""
    into = tensor_argument(target, "expands' target")
    if not isinstance(scalar, int | float | Expression):
        raise InputError(f"expands' scalar is a number, not {scalar!r}")
    return computed("expands", into.shape, into.dtype, into, scalar=scalar)
