"""The statements of a kernel: assignments, loops that carry tiles, conditionals."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from devices.expression import Expression, Symbol
from devices.kernel import Branch, Carried, Loop, Memory, Statement, Tile
from runtime.language.evaluation import Evaluator, Names
from runtime.language.kernel_record import flatten
from runtime.language.liveness import assigned, needed_before
from runtime.language.operations import assemble, is_operation, matmul, matmul_acc
from runtime.language.recording import KernelTracer
from runtime.language.syntax import Assign, Bare, For, If, Return, With
from runtime.language.syntax import Statement as Syntax
from runtime.language.tiles import GlobalArgument, OnChip, Slot
from runtime.language.values import TensorValue

__all__ = ["StatementReader"]


class StatementReader:
    """Walks the statements of a kernel and records what they do.

    Attributes
    ----------
    tracer : KernelTracer
        Where they are recorded.
    output_names : list of str
        Names that leave the kernel, whose tensors are arguments from the start if the kernel
        creates them.
    outermost : dict
        What names stand for directly in the kernel.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.tracer = KernelTracer()
        self.output_names: list[str] = []
        self.outermost: Names = {}

    def block(self, statements: Sequence[Syntax], names: Names, after: set[str]) -> None:
        """Record statements; `after` are names that are used later."""
        for position, statement in enumerate(statements):
            self.tracer.line = statement.line
            match statement:
                case Assign(targets=targets):
                    # A tensor created here that leaves the region is an argument from the start.
                    is_output = names is self.outermost and targets[0] in self.output_names
                    self.tracer.creates_output = is_output
                    self.evaluator.execute(statement, names)
                case Bare():
                    self.evaluator.execute(statement, names)
                case For():
                    self.loop(statement, names, needed_before(statements[position + 1 :], after))
                case If():
                    self.branch(statement, names, needed_before(statements[position + 1 :], after))
                case With():
                    raise self.evaluator.error(
                        statement.line, "a region inside a region; end the outer one first"
                    )
                case Return():
                    self.finish(statement, names)

    def finish(self, statement: Return, names: Names) -> None:
        """Refuse a return; a kernel that is a function has one."""
        del names
        raise self.evaluator.error(statement.line, "return inside a region")

    def loop(self, statement: For, names: Names, after: set[str]) -> None:
        """Record a loop with the tiles that it carries."""
        spec = self.evaluator.loop(statement.header, names, statement.line)
        variable = Symbol(statement.variable)
        live = needed_before([statement], after)
        carried = self.carried(statement, names, live | after)
        inner = {**names, statement.variable: variable}
        inner.update({n: OnChip(argument, names[n].dtype) for n, (_, argument) in carried.items()})
        written = [names[n] for n in assigned(statement.body) if n in names and n not in carried]
        with self.tracer.block() as block, self.tracer.rewriting(written):
            self.block(statement.body, inner, after | live)
            self.check_unchanged(statement, names, inner, (after | live) - carried.keys())
            updates = {name: self.updated(inner[name], a) for name, (_, a) in carried.items()}
        records = []
        for name, (initial, argument) in carried.items():
            result = Tile(argument.shape, argument.dtype, argument.memory)
            records.append(Carried(initial, argument, updates[name], result))
            names[name] = OnChip(result, names[name].dtype)
        self.evaluator.forget(inner, inner.keys() - names.keys(), statement.line)
        self.tracer.append(
            Loop(
                variable,
                spec.start,
                spec.step,
                spec.trips,
                flatten(block),
                tuple(records),
                spec.stages,
            )
        )

    def carried(self, statement: For, names: Names, live: set[str]) -> dict[str, tuple[Tile, Tile]]:
        """Names whose tile changes from iteration to iteration: (initial, in the body)."""
        carried: dict[str, tuple[Tile, Tile]] = {}
        for name in dict.fromkeys(assigned(statement.body)):
            value = names.get(name)
            if name not in live or value is None:
                continue
            makers = self.makers(statement.body, name)
            if isinstance(value, GlobalArgument) and makers <= {assemble}:
                continue  # assembled into: it stays the same tensor
            if not isinstance(value, TensorValue):
                raise self.evaluator.error(
                    statement.line,
                    f"the scalar {name!r} is carried through a loop; compute it from the loop's "
                    "variable",
                )
            is_product = matmul in makers <= {matmul, matmul_acc}
            initial = self.tracer.accumulator(value) if is_product else self.tracer.tile(value)
            carried[name] = initial, Tile(initial.shape, initial.dtype, initial.memory)
        return carried

    def makers(self, body: Sequence[Syntax], name: str) -> set[object]:
        """The operations of a block that make what `name` stands for, over other names as well."""
        makers, sources, pending = set[object](), set[str](), [name]
        while pending:
            sought = pending.pop()
            if sought in sources:
                continue
            sources.add(sought)
            for statement in _assignments(body):
                if sought not in statement.targets:
                    continue
                value = statement.value
                if isinstance(value, ast.Tuple):  # several names at once, as pl.yield_ gives them
                    value = value.elts[statement.targets.index(sought)]
                if isinstance(value, ast.Name):
                    pending.append(value.id)
                elif isinstance(value, ast.Call):
                    made_by = self.evaluator.resolve(value.func)
                    makers |= {made_by} if is_operation(made_by) else set()
        return makers

    def check_unchanged(
        self, statement: For | If, names: Names, inner: Names, live: set[str]
    ) -> None:
        """Refuse a name that stands for something else after a block that may not run."""
        for name in sorted(set(assigned([statement])) & names.keys() & live):
            if inner[name] is not names[name]:
                raise self.evaluator.error(
                    statement.line,
                    f"the tile {name!r} depends on a condition or a loop; assemble it into a "
                    "tensor instead",
                )

    def updated(self, value: TensorValue, argument: Tile) -> Tile:
        """The carried tile at the end of the body, in the buffer that carries it."""
        tile = self.tracer.tile(value)
        # A product accumulates in place; a vector result has a buffer of its own.
        in_place = tile is argument or tile.memory is Memory.L0C
        return tile if in_place else self.tracer.copy_of(tile)

    def branch(self, statement: If, names: Names, after: set[str]) -> None:
        """Record a conditional, or only its side if the condition is a constant."""
        condition = self.evaluator.condition(statement.condition, names)
        if not isinstance(condition, Expression):
            self.block(statement.then if condition else statement.orelse, names, after)
            return
        sides: list[list[Slot | Statement]] = []
        meanings: list[Names] = []
        for side in (statement.then, statement.orelse):
            inner = dict(names)
            with self.tracer.block() as block:
                self.block(side, inner, after)
            sides.append(block)
            meanings.append(inner)
        self.join(statement, names, after, sides, meanings)
        for inner in meanings:
            self.evaluator.forget(inner, inner.keys() - names.keys(), statement.line)
        self.tracer.append(Branch(condition, flatten(sides[0]), flatten(sides[1])))

    def join(
        self,
        statement: If,
        names: Names,
        after: set[str],
        sides: Sequence[list[Slot | Statement]],
        meanings: Sequence[Names],
    ) -> None:
        """Give the tiles that differ by the side which ran a buffer that both sides fill."""
        then, orelse = meanings
        for name in sorted(set(assigned([statement])) & then.keys() & orelse.keys() & after):
            one, other = then[name], orelse[name]
            if one is other:
                continue
            if not all(isinstance(v, TensorValue) for v in (one, other)):
                raise self.evaluator.error(
                    statement.line,
                    f"the scalar {name!r} depends on a condition in a region; compute it with "
                    "pl.min and pl.max, or outside",
                )
            if any(isinstance(v, GlobalArgument) and v.stored for v in (one, other)):
                raise self.evaluator.error(
                    statement.line,
                    f"{name!r} would be a tensor that is written, or something else, by the side "
                    "that runs; assemble into the same tensor on both",
                )
            if (one.shape, one.dtype) != (other.shape, other.dtype):
                raise self.evaluator.error(
                    statement.line, f"{name!r} would be {one!r} or {other!r}; give it one type"
                )
            products = all(
                isinstance(v, OnChip) and v.tile.memory is Memory.L0C for v in (one, other)
            )
            joined = Tile(one.shape, one.dtype, Memory.L0C if products else Memory.UB)
            for side, value in zip(sides, (one, other), strict=True):
                with self.tracer.block(side):
                    self.tracer.move_into(joined, value)
            names[name] = OnChip(joined, one.dtype)


def _assignments(body: Sequence[Syntax]) -> Iterator[Assign]:
    """Every assignment in a block, at any depth."""
    for statement in body:
        match statement:
            case Assign():
                yield statement
            case For(body=inside):
                yield from _assignments(inside)
            case If(then=then, orelse=orelse):
                yield from _assignments((*then, *orelse))
