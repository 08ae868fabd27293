"""Operations on scalars, and what is said and checked when a program is read."""

from __future__ import annotations

import builtins

from devices.dtypes import DType
from devices.errors import InputError
from devices.expression import Expression, Operation, Scalar
from runtime.language.arguments import dtype_argument, tensor_argument
from runtime.language.values import TensorValue

__all__ = ["const", "dim", "max", "min", "static_assert", "static_print"]


def dim(tensor: TensorValue, axis: int) -> int:
    """Size of `tensor` along `axis`."""
    shape = tensor_argument(tensor, "dim's tensor").shape
    if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
        raise InputError(f"axis {axis!r} is not a dimension of a tensor of rank {len(shape)}")
    return shape[axis]


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


def const(value: float, dtype: DType) -> int | float:
    """`value` as a constant of a dtype."""
    dtype_argument(dtype)
    if not isinstance(value, int | float):
        raise InputError(f"const's value is a number, not {value!r}")
    return value


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
