"""What the compiler does with a function before it looks for regions: copies and pastes.

An unrolled loop becomes copies of its body, a call of an inlined function becomes that function's
body, and explicit loop-carried values become names that the body re-assigns.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import count

from runtime.language import blocks
from runtime.language.blocks import LoopKind, LoopSpec
from runtime.language.declarations import Inline
from runtime.language.evaluation import Evaluator
from runtime.language.liveness import assigned, loop_variables, names_in
from runtime.language.syntax import (
    Assign,
    Bare,
    For,
    If,
    Return,
    Statement,
    With,
    calls_kernel,
    read_function,
)
from runtime.language.trees import Atom, replaced, rewritten, with_parts_rewritten

__all__ = ["Expander"]


class Expander:
    """Expands the statements of one function."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.pasted = count()
        self.hoisted = count()

    def expanded(self, statements: Sequence[Statement]) -> tuple[Statement, ...]:
        """`statements` without unrolled loops, calls of inlined functions and ``init_values``."""
        return tuple(new for old in statements for new in self.statement(old))

    def statement(self, statement: Statement) -> Iterator[Statement]:
        """What takes the place of one statement."""
        if isinstance(statement, Assign | Bare | Return) and statement.value is not None:
            hoister = _Hoister(self, whole=not isinstance(statement, Return))
            value = hoister.flattened(statement.value)
            for name, call in hoister.hoisted:
                yield from self.statement(Assign((name,), call, statement.line))
            if value is not statement.value:
                statement = replace(statement, value=value)
        match statement:
            case Assign(value=ast.Call() as call) | Bare(value=ast.Call() as call):
                function = self.evaluator.resolve(call.func)
                if isinstance(function, Inline):
                    targets = statement.targets if isinstance(statement, Assign) else ()
                    yield from self.pasting(call, function, targets, statement.line)
                else:
                    yield statement
            case For(header=ast.Call() as call) if self.made_by(call) is blocks.unroll:
                yield from self.copies(statement, call)
            case For(header=header, carried=carried) if carried or _initial(header):
                yield from self.carrying(statement)
            case For(body=body) | With(body=body):
                yield replace(statement, body=self.expanded(body))
            case If(then=then, orelse=orelse):
                yield replace(statement, then=self.expanded(then), orelse=self.expanded(orelse))
            case _:
                yield statement

    def made_by(self, call: ast.Call) -> object:
        """The function that a call calls, where that is known from outside the function."""
        return self.evaluator.resolve(call.func)

    def needs_statement(self, call: ast.Call) -> bool:
        """Whether a call is of what has to stand in a statement of its own."""
        return calls_kernel(call) or isinstance(self.made_by(call), Inline)

    # Unrolled loops

    def copies(self, loop: For, call: ast.Call) -> Iterator[Statement]:
        """The body of an unrolled loop, once for each value of its variable."""
        spec = self.evaluator.loop(call, {}, loop.line)
        assert spec.kind is LoopKind.UNROLL  # noqa: S101 - what unroll makes
        start, step, trips = spec.start, spec.step, spec.trips
        assert isinstance(start, int) and isinstance(step, int) and isinstance(trips, int)  # noqa: S101, PT018 - unroll has checked it
        for value in range(start, start + trips * step, step):
            body = substituted(loop.body, {loop.variable: ast.Constant(value)})
            yield from self.expanded(body)

    # Explicit loop-carried values

    def carrying(self, loop: For) -> Iterator[Statement]:
        """A loop whose carried values are names that its body re-assigns."""
        call = loop.header
        initial = _initial(call)
        if isinstance(call, ast.Call) and self.made_by(call) is blocks.while_:
            # Evaluated for the sake of what it refuses.
            self.evaluator.evaluate(ast.copy_location(ast.Call(call.func, [], []), call), {})
        if not isinstance(call, ast.Call) or not isinstance(initial, ast.Tuple | ast.List):
            raise self.evaluator.error(
                loop.line,
                "a loop that carries values is written "
                "`for i, (name, ...) in pl.range(..., init_values=(value, ...))`",
            )
        last = loop.body[-1]
        if not isinstance(last, Assign | Bare) or not self.yields(last.value):
            raise self.evaluator.error(
                loop.line, "the body of a loop with init_values ends in pl.yield_(...)"
            )
        assert isinstance(last.value, ast.Call)  # noqa: S101 - of yield_
        if not len(initial.elts) == len(loop.carried) == len(last.value.args):
            raise self.evaluator.error(
                last.line, "init_values, the loop's names and pl.yield_ have as many values each"
            )
        yield _assignment(loop.carried, initial.elts, loop.line)
        header = _without_initial(call)
        update = _assignment(loop.carried, last.value.args, last.line)
        body = (*self.expanded(loop.body[:-1]), update)
        yield replace(loop, header=header, body=body, carried=())
        if isinstance(last, Assign):
            names = [_name(n, call) for n in loop.carried]
            yield _assignment(last.targets, names, last.line)

    def yields(self, value: ast.expr) -> bool:
        """Whether an expression is a call of ``pl.yield_``."""
        return isinstance(value, ast.Call) and self.made_by(value) is blocks.yield_

    # Inlined functions

    def pasting(
        self, call: ast.Call, function: Inline, targets: tuple[str, ...], line: int
    ) -> Iterator[Statement]:
        """The body of an inlined function, with names of its own."""
        syntax = read_function(function.python)
        suffix = f"__inline{next(self.pasted)}"
        changed = {*assigned(syntax.body), *loop_variables(syntax.body)}
        mapping: dict[str, Atom] = {n: _name(n + suffix, call) for n in changed}
        for parameter, value in self.arguments(call, function, suffix).items():
            if isinstance(value, ast.Name | ast.Constant) and parameter not in changed:
                mapping[parameter] = value
            else:
                mapping[parameter] = _name(parameter + suffix, call)
                yield Assign((parameter + suffix,), value, line)
        for name in _free_names(syntax.body) - mapping.keys():
            meant = function.namespace.get(name)
            if meant is not None and meant is not self.evaluator.namespace.get(name):
                mapping[name] = _name(name + suffix, call)
                self.evaluator.namespace[name + suffix] = meant
        body = substituted(syntax.body, mapping)
        last = body[-1] if body else None
        if isinstance(last, Return):
            body = body[:-1]
        yield from self.expanded(body)
        if targets:
            if not isinstance(last, Return) or last.value is None:
                raise self.evaluator.error(line, f"{function.name} returns nothing to assign")
            yield Assign(targets, last.value, line)

    def arguments(self, call: ast.Call, function: Inline, suffix: str) -> dict[str, ast.expr]:
        """The argument of each parameter of an inlined function."""
        signature = inspect.signature(function.python)
        try:
            bound = signature.bind(*call.args, **{str(k.arg): k.value for k in call.keywords})
        except TypeError as error:
            raise self.evaluator.error(call.lineno, f"{function.name}: {error}") from error
        given: dict[str, ast.expr] = dict(bound.arguments)
        for name, parameter in signature.parameters.items():
            if name not in given:
                default = f"{name}{suffix}_default"
                self.evaluator.namespace[default] = parameter.default
                given[name] = _name(default, call)
        return given


class _Hoister:
    """Takes calls of kernels and inlined functions out of one expression, innermost first.

    Attributes
    ----------
    hoisted : list
        Name and call of each.
    """

    def __init__(self, expander: Expander, *, whole: bool) -> None:
        self.expander = expander
        self.whole = whole
        self.hoisted: list[tuple[str, ast.Call]] = []

    def flattened(self, node: ast.expr) -> ast.expr:
        """`node` with names in place of the calls; one that is all of it stays, if `whole`."""
        if not any(map(self.expander.needs_statement, _calls(node))):
            return node
        rewrite = with_parts_rewritten if self.whole else rewritten
        return rewrite(node, self.hoist)

    def hoist(self, node: ast.expr) -> ast.expr:
        """A name in place of a call that needs a statement of its own."""
        if not isinstance(node, ast.Call) or not self.expander.needs_statement(node):
            return node
        name = f"value__call{next(self.expander.hoisted)}"
        self.hoisted.append((name, node))
        return _name(name, node)


@lru_cache(maxsize=1 << 14)
def _calls(node: ast.expr) -> tuple[ast.Call, ...]:
    """All calls in an expression."""
    return tuple(part for part in ast.walk(node) if isinstance(part, ast.Call))


def _initial(header: ast.expr | LoopSpec) -> ast.expr | None:
    """The ``init_values`` of a loop's header."""
    if not isinstance(header, ast.Call):
        return None
    return next((k.value for k in header.keywords if k.arg == "init_values"), None)


@lru_cache(maxsize=1 << 10)
def _without_initial(call: ast.Call) -> ast.Call:
    keywords = [k for k in call.keywords if k.arg != "init_values"]
    return ast.copy_location(ast.Call(call.func, call.args, keywords), call)


@lru_cache(maxsize=1 << 14)
def _name(name: str, place: ast.expr) -> ast.Name:
    return ast.copy_location(ast.Name(name, ast.Load()), place)


def _assignment(targets: Sequence[str], values: Sequence[ast.expr], line: int) -> Assign:
    """An assignment of all values at once."""
    return Assign(tuple(targets), values[0] if len(values) == 1 else _tuple(tuple(values)), line)


@lru_cache(maxsize=1 << 10)
def _tuple(values: tuple[ast.expr, ...]) -> ast.Tuple:
    return ast.copy_location(ast.Tuple(list(values), ast.Load()), values[0])


def _free_names(statements: Sequence[Statement]) -> set[str]:
    """Every name that an expression of a block reads."""
    found: set[str] = set()
    for statement in statements:
        match statement:
            case Assign(value=value) | Bare(value=value) | Return(value=value):
                found |= names_in(value)
            case For(header=header, body=body) | With(header=header, body=body):
                found |= names_in(header) | _free_names(body)
            case If(condition=condition, then=then, orelse=orelse):
                found |= names_in(condition) | _free_names((*then, *orelse))
    return found


def substituted(
    statements: Sequence[Statement], mapping: Mapping[str, Atom]
) -> tuple[Statement, ...]:
    """A block with others in place of names; what is assigned gets another name."""

    def target(name: str) -> str:
        value = mapping.get(name)
        return value.id if isinstance(value, ast.Name) else name

    def statement(old: Statement) -> Statement:
        match old:
            case Assign(targets=targets, value=value):
                return replace(
                    old, targets=tuple(map(target, targets)), value=replaced(value, mapping)
                )
            case Bare(value=value):
                return replace(old, value=replaced(value, mapping))
            case For(variable=variable, header=header, body=body, carried=carried):
                return replace(
                    old,
                    variable=target(variable),
                    header=replaced(header, mapping) if isinstance(header, ast.expr) else header,
                    body=substituted(body, mapping),
                    carried=tuple(map(target, carried)),
                )
            case If(condition=condition, then=then, orelse=orelse):
                then, orelse = substituted(then, mapping), substituted(orelse, mapping)
                return replace(
                    old, condition=replaced(condition, mapping), then=then, orelse=orelse
                )
            case With(header=header, body=body):
                return replace(
                    old, header=replaced(header, mapping), body=substituted(body, mapping)
                )
            case Return(value=value):
                return replace(old, value=value and replaced(value, mapping))
        raise AssertionError(old)

    return tuple(map(statement, statements))
