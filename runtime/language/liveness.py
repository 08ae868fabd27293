"""Which names a block needs from before it: ordinary backward liveness on the statement tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache

from runtime.language.blocks import LoopSpec
from runtime.language.syntax import Assign, Bare, For, If, Return, Statement, With

__all__ = ["assigned", "loop_variables", "names_in", "needed_before"]


@lru_cache(maxsize=1 << 14)
def names_in(node: ast.expr | LoopSpec | None) -> frozenset[str]:
    """Names that an expression reads."""
    if node is None or isinstance(node, LoopSpec):
        return frozenset()
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))


def needed_before(block: Sequence[Statement], after: set[str]) -> set[str]:
    """Names whose value on entry to `block` may be read in it or, if `after` has them, later."""
    live = set(after)
    for statement in reversed(block):
        live = _before(statement, live)
    return live


def _before(statement: Statement, after: set[str]) -> set[str]:
    match statement:
        case Assign(targets=targets, value=value):
            return (after - set(targets)) | names_in(value)
        case Bare(value=value) | Return(value=value):
            return after | names_in(value)
        case If(condition=condition, then=then, orelse=orelse):
            branches = needed_before(then, after) | needed_before(orelse, after)
            return branches | names_in(condition)
        case With(header=header, body=body):
            return needed_before(body, after) | names_in(header)
        case For(variable=variable, header=header, body=body):
            # Twice: the second pass sees what one iteration needs from the one before.
            once = needed_before(body, after) - {variable}
            again = needed_before(body, after | once) - {variable}
            return after | again | names_in(header)
    raise AssertionError(statement)


def assigned(block: Sequence[Statement]) -> Iterator[str]:
    """Names that a block assigns, loop variables not among them; may repeat."""
    for statement in block:
        match statement:
            case Assign(targets=targets):
                yield from targets
            case For(body=body) | With(body=body):
                yield from assigned(body)
            case If(then=then, orelse=orelse):
                yield from assigned(then)
                yield from assigned(orelse)


def loop_variables(block: Sequence[Statement]) -> Iterator[str]:
    """Names of the variables of all loops in a block, and of what they carry; may repeat."""
    for statement in block:
        match statement:
            case For(variable=variable, carried=carried, body=body):
                yield variable
                yield from carried
                yield from loop_variables(body)
            case With(body=body):
                yield from loop_variables(body)
            case If(then=then, orelse=orelse):
                yield from loop_variables((*then, *orelse))
