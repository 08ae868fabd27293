"""Integer expressions of loop variables and scalar arguments.

A kernel is recorded once and executed many times; what differs between executions is the values
of its scalars. Offsets and loop bounds are therefore kept as expressions, and evaluated either
for one task (with integers) or for all tasks of a kernel at once (with numpy arrays).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError

__all__ = [
    "Expression",
    "Lookup",
    "Operation",
    "Scalar",
    "Symbol",
    "Table",
    "bending",
    "constant_difference",
    "evaluate",
    "source",
    "symbols",
]

_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "min": np.minimum,
    "max": np.maximum,
    "and": np.logical_and,
    "or": np.logical_or,
}


class Expression:
    """An integer that is known when a task is submitted, not when its kernel is recorded."""

    __slots__ = ()

    def __add__(self, other: Scalar) -> Scalar:
        return self if _is(other, 0) else Operation("+", self, other)

    def __radd__(self, other: Scalar) -> Scalar:
        return self if _is(other, 0) else Operation("+", other, self)

    def __sub__(self, other: Scalar) -> Scalar:
        return self if _is(other, 0) else Operation("-", self, other)

    def __rsub__(self, other: Scalar) -> Scalar:
        return Operation("-", other, self)

    def __mul__(self, other: Scalar) -> Scalar:
        return self if _is(other, 1) else Operation("*", self, other)

    def __rmul__(self, other: Scalar) -> Scalar:
        return self if _is(other, 1) else Operation("*", other, self)

    def __floordiv__(self, other: Scalar) -> Scalar:
        return self if _is(other, 1) else Operation("//", self, other)

    def __rfloordiv__(self, other: Scalar) -> Scalar:
        return Operation("//", other, self)

    # The language has one division for integers, and it is an integer division.
    __truediv__ = __floordiv__
    __rtruediv__ = __rfloordiv__

    def __mod__(self, other: Scalar) -> Scalar:
        return Operation("%", self, other)

    def __rmod__(self, other: Scalar) -> Scalar:
        return Operation("%", other, self)

    def __neg__(self) -> Scalar:
        return Operation("-", 0, self)

    def __lt__(self, other: Scalar) -> Operation:
        return Operation("<", self, other)

    def __le__(self, other: Scalar) -> Operation:
        return Operation("<=", self, other)

    def __gt__(self, other: Scalar) -> Operation:
        return Operation(">", self, other)

    def __ge__(self, other: Scalar) -> Operation:
        return Operation(">=", self, other)

    def __bool__(self) -> bool:
        raise TypeError("this condition is known only when the program runs")


Scalar = int | Expression


@dataclass(frozen=True, slots=True, eq=False)
class Symbol(Expression):
    """A loop variable or a scalar argument; two symbols of one name are different.

    Attributes
    ----------
    is_float : bool
        Whether it stands for a scalar argument that is no integer.
    """

    name: str
    is_float: bool = False

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, eq=False)
class Operation(Expression):
    """A binary operation on scalars."""

    function: str
    left: Scalar
    right: Scalar

    def __repr__(self) -> str:
        return f"({self.left!r} {self.function} {self.right!r})"


@dataclass(eq=False, slots=True)
class Table:
    """Integers in memory that kernels read one by one.

    Attributes
    ----------
    name : str
        The tensor that holds them.
    line : int
        Where a kernel reads one first.
    values : integer array or None
        What it holds; known when the program runs.
    """

    name: str
    line: int
    values: NDArray[np.int64] | None = None

    def at(self, index: Sequence[Any]) -> Any:
        """The integer at an index, or those at arrays of indices.

        Arrays also have iterations that do not run, so outside of the table they give what is at
        its border.

        Raises
        ------
        InputError
            The one index is outside.
        """
        assert self.values is not None, "filled when the program runs"  # noqa: S101 - narrows
        shape = self.values.shape
        if all(isinstance(i, int) for i in index):
            if not all(0 <= i < size for i, size in zip(index, shape, strict=True)):
                raise InputError(
                    f"line {self.line}: element {list(index)} is outside {self.name!r}, of which "
                    f"there are {list(shape)} elements"
                )
            return int(self.values[tuple(index)])
        inside = [np.clip(i, 0, size - 1) for i, size in zip(index, shape, strict=True)]
        return self.values[tuple(inside)]


@dataclass(frozen=True, slots=True, eq=False)
class Lookup(Expression):
    """One integer of a table."""

    table: Table
    index: tuple[Scalar, ...]

    def __repr__(self) -> str:
        return f"{self.table.name}{list(self.index)}"


def _is(value: object, number: int) -> bool:
    return isinstance(value, int) and value == number


def evaluate(expression: Scalar, values: Mapping[Symbol, Any]) -> Any:
    """Value of `expression` where `values` gives each symbol an integer or an integer array.

    Raises
    ------
    KeyError
        A symbol has no value.
    InputError
        A table is read outside of it.
    """
    if isinstance(expression, Symbol):
        return values[expression]
    if isinstance(expression, Operation):
        left = evaluate(expression.left, values)
        right = evaluate(expression.right, values)
        return _FUNCTIONS[expression.function](left, right)
    if isinstance(expression, Lookup):
        return expression.table.at([evaluate(i, values) for i in expression.index])
    return expression


def symbols(expression: Scalar) -> Iterator[Symbol]:
    """The symbols in `expression`, with repetitions."""
    if isinstance(expression, Symbol):
        yield expression
    elif isinstance(expression, Operation):
        yield from symbols(expression.left)
        yield from symbols(expression.right)
    elif isinstance(expression, Lookup):
        for index in expression.index:
            yield from symbols(index)


def bending(expression: Scalar) -> Iterator[Symbol]:
    """The symbols in `expression` that do more than add a constant multiple of themselves."""
    if isinstance(expression, Operation) and expression.function in ("+", "-", "*"):
        sides = expression.left, expression.right
        if expression.function != "*" or any(isinstance(side, int) for side in sides):
            yield from bending(sides[0])
            yield from bending(sides[1])
            return
    if not isinstance(expression, Symbol):
        yield from symbols(expression)


def source(expression: Scalar, name: Callable[[Symbol], str]) -> str:
    """Python source of `expression`, with symbols spelled by `name`."""
    if isinstance(expression, Symbol):
        return name(expression)
    if isinstance(expression, Operation):
        left, right = source(expression.left, name), source(expression.right, name)
        if expression.function in ("min", "max"):
            return f"{expression.function}({left}, {right})"
        return f"({left} {expression.function} {right})"
    return repr(expression)


def constant_difference(left: Scalar, right: Scalar) -> int | None:
    """``left - right`` where that is one number whatever the symbols are, else None.

    Examples
    --------
    >>> i = Symbol("i")
    >>> constant_difference((i + 1) * 64, i * 64)
    64
    >>> constant_difference(i // 8 * 64 + 32, i // 8 * 64)
    32
    """
    terms = _terms(left)
    for term, factor in _terms(right).items():
        terms[term] = terms.get(term, 0) - factor
    constant = terms.pop(None, 0)
    return None if any(terms.values()) else constant


def _terms(expression: Scalar) -> dict[Hashable, int]:
    """Factor of each term of a sum, and the constant under None.

    What is no sum and no multiple of one, as a quotient, is a term as a whole.
    """
    if isinstance(expression, int):
        return {None: expression}
    if isinstance(expression, Operation) and expression.function in ("+", "-", "*"):
        left, right = _terms(expression.left), _terms(expression.right)
        if expression.function != "*":
            sign = 1 if expression.function == "+" else -1
            return {t: left.get(t, 0) + sign * right.get(t, 0) for t in {**left, **right}}
        for factors, others in ((right, left), (left, right)):
            if factors.keys() <= {None}:
                return {t: factor * factors.get(None, 0) for t, factor in others.items()}
    return {_structure(expression): 1}


def _structure(expression: Scalar) -> Hashable:
    """What is equal for expressions that are written alike."""
    if isinstance(expression, Operation):
        return expression.function, _structure(expression.left), _structure(expression.right)
    if isinstance(expression, Lookup):
        return expression.table, *map(_structure, expression.index)
    return expression
