"""Operators that Python answers at once, also where the operands are known only at run time.

``==``, ``!=``, ``and``, ``or`` and ``not`` cannot be overloaded to give an expression, so they are
turned into calls before an expression is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from devices.errors import InputError
from devices.expression import Expression, Operation
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
    changed = _Operators().visit(node)
    assert isinstance(changed, ast.expr)  # noqa: S101 - every visit returns an expression
    return changed


class _Operators(ast.NodeTransformer):
    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        name = {ast.Eq: "<equal>", ast.NotEq: "<unequal>"}.get(type(node.ops[0]))
        return node if name is None else _call(name, node, node.left, node.comparators[0])

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        name = "<and>" if isinstance(node.op, ast.And) else "<or>"
        result, *others = node.values
        for other in others:
            result = _call(name, node, result, other)
        return result

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return _call("<not>", node, node.operand) if isinstance(node.op, ast.Not) else node


def _call(name: str, place: ast.expr, *arguments: ast.expr) -> ast.expr:
    call = ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
    return ast.fix_missing_locations(ast.copy_location(call, place))
