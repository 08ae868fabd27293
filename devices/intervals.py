"""Bounds of integer expressions, from bounds of their symbols."""

from __future__ import annotations

from collections.abc import Mapping

from devices.expression import Operation, Scalar, Symbol

__all__ = ["Interval", "interval"]

Interval = tuple[int, int]
"""The least value and the largest one."""


def interval(expression: Scalar, known: Mapping[Symbol, Interval]) -> Interval | None:
    """Bounds of all values of `expression`, or None where that is not known.

    Exact where each symbol occurs once. Otherwise the bounds may be wider than the values, as
    symbols count as independent of each other (interval arithmetic).

    Parameters
    ----------
    expression : int or Expression
        What is bounded.
    known : mapping of Symbol to Interval
        Bounds of its symbols.

    Examples
    --------
    >>> i = Symbol("i")
    >>> interval(i % 8 * 64 + 32, {i: (0, 99)})
    (32, 480)
    """
    if isinstance(expression, int):
        return expression, expression
    if isinstance(expression, Symbol):
        return known.get(expression)
    if not isinstance(expression, Operation):
        return None
    left, right = interval(expression.left, known), interval(expression.right, known)
    if left is None or right is None:
        return None
    return _combined(expression.function, left, right)


def _combined(function: str, left: Interval, right: Interval) -> Interval | None:
    (a, b), (c, d) = left, right
    match function:
        case "+":
            return a + c, b + d
        case "-":
            return a - d, b - c
        case "*":
            corners = a * c, a * d, b * c, b * d
            return min(corners), max(corners)
        case "//" if c > 0:
            corners = a // c, a // d, b // c, b // d
            return min(corners), max(corners)
        case "%" if c == d > 0:
            return (a % c, b % c) if a // c == b // c else (0, c - 1)
        case "min":
            return min(a, c), min(b, d)
        case "max":
            return max(a, c), max(b, d)
    return None
