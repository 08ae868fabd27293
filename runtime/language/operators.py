"""Operators that Python answers at once, also where the operands are known only at run time.

``==``, ``!=``, ``and``, ``or`` and ``not`` cannot be overloaded to give an expression, so they are
turned into calls before an expression is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from devices.errors import InputError
from devices.expression import Expression, Operation
from runtime.language.trees import rewritten
from runtime.language.values import TensorValue

__all__ = ["OPERATORS", "with_operators"]


def _late(function: str, left: object, right: object) -> Operation | None:
    """The operation, where an operand is known only at run time."""
    if not any(isinstance(o, Expression | TensorValue) for o in (left, right)):
        return None
    if not isinstance(left, int | Expression) or not isinstance(right, int | Expression):
        raise InputError(f"{function} takes two scalars, not {left!r} and {right!r}")
    return Operation(function, left, right)


def _equal(left: object, right: object) -> object:
    late = _late("==", left, right)
    return left == right if late is None else late


def _unequal(left: object, right: object) -> object:
    late = _late("!=", left, right)
    return left != right if late is None else late


def _both(left: object, right: object) -> object:
    late = _late("and", left, right)
    return (left and right) if late is None else late


def _either(left: object, right: object) -> object:
    late = _late("or", left, right)
    return (left or right) if late is None else late


def _negated(value: object) -> object:
    if isinstance(value, TensorValue):
        raise InputError(f"not takes a scalar, not {value!r}")
    return Operation("==", value, 0) if isinstance(value, Expression) else not value


OPERATORS: dict[str, Callable[..., object]] = {
    "<equal>": _equal,
    "<unequal>": _unequal,
    "<and>": _both,
    "<or>": _either,
    "<not>": _negated,
}
"""What the calls mean; no program can spell these names."""


def with_operators(node: ast.expr) -> ast.expr:
    """`node` with calls in place of the operators."""
    return rewritten(node, _called)


def _called(node: ast.expr) -> ast.expr:
    """A call in place of one operator; all else as it is."""
    match node:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            return _call("<equal>", node, left, right)
        case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[right]):
            return _call("<unequal>", node, left, right)
        case ast.BoolOp(op=op, values=[result, *others]):
            name = "<and>" if isinstance(op, ast.And) else "<or>"
            for other in others:
                result = _call(name, node, result, other)
            return result
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _call("<not>", node, operand)
    return node


def _call(name: str, place: ast.expr, *arguments: ast.expr) -> ast.expr:
    call = ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
    return ast.fix_missing_locations(ast.copy_location(call, place))
