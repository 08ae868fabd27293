"""Loops and conditionals of the orchestration, and the names that change in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from devices.expression import Expression, Scalar, Symbol
from runtime.language.blocks import LoopKind, LoopSpec
from runtime.language.evaluation import Evaluator, Names
from runtime.language.liveness import assigned, needed_before
from runtime.language.orchestration import (
    Block,
    Choose,
    Handle,
    Let,
    Node,
    OrchestrationTracer,
    Rebind,
    Repeat,
)
from runtime.language.syntax import For, If, Statement

__all__ = ["ControlFlow", "LowerBody"]

LowerBody = Callable[[Sequence[Statement], Names, set[str]], None]
"""Lowers statements where names mean something, with the names that are used later."""


class ControlFlow:
    """Lowers loops and conditionals outside regions.

    Attributes
    ----------
    carried : set of str
        Names that the innermost loop carries from one iteration to the next.
    """

    def __init__(self, evaluator: Evaluator, tracer: OrchestrationTracer) -> None:
        self.evaluator = evaluator
        self.tracer = tracer
        self.carried: set[str] = set()

    def repeat(
        self,
        statement: For,
        spec: LoopSpec,
        names: Names,
        after: set[str],
        body: LowerBody,
        undo: Callable[[], Callable[[], None]],
    ) -> None:
        """Lower a loop whose body is lowered by `body`.

        Where names change from iteration to iteration the body is lowered once more, with
        variables for them; ``undo()`` before the first time gives what takes it back.
        """
        live = after | needed_before([statement], after)
        take_back = undo()
        variable, block, inner = self.iteration(statement, names, live, body)
        changed = self.changed(statement, names, inner, live)
        if changed:
            take_back()
            before = {name: names[name] for name in changed}
            for name in changed:
                names[name] = self.variable(name, before[name])
            self.tracer.block.nodes += self.bound(changed, names, before)
            variable, block, inner = self.iteration(statement, names, live, body)
            block.nodes += self.bound(changed, names, inner)
        self.tracer.block.nodes.append(
            Repeat(
                variable,
                spec.start,
                spec.step,
                spec.trips,
                block,
                statement.line,
                sequential=spec.kind is not LoopKind.PARALLEL,
            )
        )
        self.evaluator.forget(inner, inner.keys() - names.keys(), statement.line)

    def iteration(
        self, statement: For, names: Names, live: set[str], body: LowerBody
    ) -> tuple[Symbol, Block, Names]:
        """Lower a loop body once, into a block of its own."""
        made = statement.symbol
        variable, block = Symbol(statement.variable) if made is None else made, Block()
        inner = {**names, statement.variable: variable}
        outer, self.tracer.block = self.tracer.block, block
        carried, self.carried = self.carried, set(assigned(statement.body)) & names.keys() & live
        body(statement.body, inner, live)
        self.tracer.block, self.carried = outer, carried
        return variable, block, inner

    def choose(self, statement: If, names: Names, after: set[str], body: LowerBody) -> None:
        """Lower a conditional, or only its side if the condition is a constant.

        A name that means another tensor or scalar after one of the sides gets a variable that
        both of them set.
        """
        condition = self.evaluator.condition(statement.condition, names)
        if not isinstance(condition, Expression):
            body(statement.then if condition else statement.orelse, names, after)
            return
        sides: list[tuple[Block, Names]] = []
        outer = self.tracer.block
        for side in (statement.then, statement.orelse):
            inner, block = dict(names), Block()
            self.tracer.block = block
            body(side, inner, after)
            self.tracer.block = outer
            sides.append((block, inner))
        (then, after_then), (orelse, after_orelse) = sides
        changed = sorted(
            name
            for name in {*assigned(statement.then), *assigned(statement.orelse)} & after
            if name in after_then
            and name in after_orelse
            and not _same(after_then[name], after_orelse[name])
        )
        for name in changed:
            one, other = after_then[name], after_orelse[name]
            self.check_alike(name, one, other, statement.line)
            names[name] = self.variable(name, one)
        then.nodes += self.bound(changed, names, after_then)
        orelse.nodes += self.bound(changed, names, after_orelse)
        for inner in (after_then, after_orelse):
            self.evaluator.forget(inner, inner.keys() - names.keys(), statement.line)
        outer.nodes.append(Choose(condition, then, orelse, statement.line))

    # Names that change

    def changed(self, statement: For, names: Names, inner: Names, live: set[str]) -> list[str]:
        """Names that stand for something else after an iteration than before it."""
        changed = []
        for name in dict.fromkeys(assigned(statement.body)):
            before = names.get(name)
            if name not in live or before is None or _same(before, inner[name]):
                continue
            self.check_alike(name, before, inner[name], statement.line)
            changed.append(name)
        return changed

    def check_alike(self, name: str, one: object, other: object, line: int) -> None:
        """Refuse a name that is a tensor on one path and a scalar on another one."""
        tensors = [isinstance(value, Handle) for value in (one, other)]
        scalars = [isinstance(value, int | float | Expression) for value in (one, other)]
        alike = all(scalars) or (
            isinstance(one, Handle)
            and isinstance(other, Handle)
            and (one.shape, one.dtype) == (other.shape, other.dtype)
        )
        if not alike or any(tensors) == any(scalars):
            raise self.evaluator.error(
                line,
                f"{name!r} would be {one!r} or {other!r}, by how the program runs; give it one "
                "type on every path",
            )

    def variable(self, name: str, value: Handle | Scalar) -> Handle | Symbol:
        """A variable of the orchestration for what `name` stands for."""
        if isinstance(value, Handle):
            return self.tracer.handle(value.shape, value.dtype)
        return Symbol(name)

    def bound(self, changed: Sequence[str], targets: Names, values: Names) -> list[Node]:
        """Nodes that set the variables of several names at once, as a swap needs it."""
        tensors = [n for n in changed if isinstance(targets[n], Handle)]
        scalars = [n for n in changed if n not in tensors]
        nodes: list[Node] = []
        if len(tensors) == 1:
            nodes.append(Rebind(targets[tensors[0]], values[tensors[0]]))
        elif tensors:
            kept = {n: self.tracer.handle(targets[n].shape, targets[n].dtype) for n in tensors}
            nodes += [Rebind(kept[n], values[n]) for n in tensors]
            nodes += [Rebind(targets[n], kept[n]) for n in tensors]
        if scalars:
            symbols = tuple(targets[n] for n in scalars)
            nodes.append(Let(symbols, tuple(values[n] for n in scalars)))
        return nodes


def _same(one: object, other: object) -> bool:
    """Whether two values of a name are one: the same object, or equal numbers."""
    return one is other or (
        isinstance(one, int | float) and isinstance(other, int | float) and one == other
    )
