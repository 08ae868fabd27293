"""Which names a block needs from before it: ordinary backward liveness on the statement tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
        effect = _effect(statement)
        live -= effect.sets
        live |= effect.reads
    return live


@dataclass(frozen=True, slots=True)
class _Effect:
    """What is needed before a statement: what it reads, and what is needed later but not set."""

    reads: frozenset[str]
    sets: frozenset[str]


_NOTHING: frozenset[str] = frozenset()


@lru_cache(maxsize=1 << 14)
def _effect(statement: Statement) -> _Effect:
    match statement:
        case Assign(targets=targets, value=value):
            return _Effect(names_in(value), frozenset(targets))
        case Bare(value=value) | Return(value=value):
            return _Effect(names_in(value), _NOTHING)
        case If(condition=condition, then=then, orelse=orelse):
            one, other = _effects(then), _effects(orelse)
            return _Effect(one.reads | other.reads | names_in(condition), one.sets & other.sets)
        case With(header=header, body=body):
            inside = _effects(body)
            return _Effect(inside.reads | names_in(header), inside.sets)
        case For(variable=variable, header=header, body=body):
            # It may run not at all, so it sets nothing. What an iteration needs from the one
            # before it needs from before the loop as well.
            reads = _effects(body).reads - {variable}
            return _Effect(reads | names_in(header), _NOTHING)
    raise AssertionError(statement)


def _effects(block: Sequence[Statement]) -> _Effect:
    """The effect of statements one after the other."""
    reads, sets = _NOTHING, _NOTHING
    for statement in reversed(block):
        effect = _effect(statement)
        reads = (reads - effect.sets) | effect.reads
        sets |= effect.sets
    return _Effect(reads, sets)


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
