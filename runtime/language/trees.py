"""Syntax trees that are never changed: a new one shares what it has in common with an old one.

So what has been found out about an expression, its names or its compiled code, holds for good, and
is found out once however often a program is traced.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from runtime.language.liveness import names_in

__all__ = ["Atom", "replaced", "rewritten", "with_parts_rewritten"]

Atom = ast.Name | ast.Constant


def rewritten(node: ast.expr, rule: Callable[[ast.expr], ast.expr]) -> ast.expr:
    """An expression in which `rule` has been applied to every part, innermost first.

    Parameters
    ----------
    node : ast.expr
        The old expression, which stays as it is.
    rule : callable
        Gives what takes the place of a part, of which the parts have been rewritten already; the
        same object if nothing does.
    """
    return rule(with_parts_rewritten(node, rule))


_Node = TypeVar("_Node", bound=ast.AST)


def with_parts_rewritten(node: _Node, rule: Callable[[ast.expr], ast.expr]) -> _Node:
    """The same for the parts of `node`, but not for itself."""
    new: dict[str, Any] = {}
    for name in node._fields:
        old = getattr(node, name, None)
        if isinstance(old, list):
            value = [_part(each, rule) for each in old]
            if value != old:
                new[name] = value
        elif (part := _part(old, rule)) is not old:
            new[name] = part
    return type(node)(**{**vars(node), **new}) if new else node


def _part(old: object, rule: Callable[[ast.expr], ast.expr]) -> object:
    if isinstance(old, ast.expr):
        return rewritten(old, rule)
    return with_parts_rewritten(old, rule) if isinstance(old, ast.AST) and old._fields else old


def replaced(node: ast.expr, mapping: Mapping[str, Atom]) -> ast.expr:
    """An expression with names and constants in place of names."""
    names = sorted(names_in(node) & mapping.keys())
    return _replaced(node, tuple((name, _spelled(mapping[name])) for name in names))


_Spelled = tuple[type, Any]
"""A name or constant without its place in the source: alike for two that are written alike."""


def _spelled(atom: Atom) -> _Spelled:
    if isinstance(atom, ast.Name):
        return ast.Name, atom.id
    return type(atom.value), atom.value


@lru_cache(maxsize=1 << 14)
def _replaced(node: ast.expr, changes: tuple[tuple[str, _Spelled], ...]) -> ast.expr:
    mapping = dict(changes)

    def rule(part: ast.expr) -> ast.expr:
        if not isinstance(part, ast.Name) or part.id not in mapping:
            return part
        kind, value = mapping[part.id]
        atom = ast.Name(str(value), ast.Load()) if kind is ast.Name else ast.Constant(value)
        return ast.copy_location(atom, part)

    return rewritten(node, rule) if changes else node
