"""Reading a region: its statements become one kernel."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devices.errors import InputError
from devices.expression import Expression, Operation, Scalar, Symbol, symbols
from devices.kernel import Branch, Carried, CoreType, Kernel, Loop, Memory, Statement, Tile
from runtime.language.evaluation import Evaluator, Names
from runtime.language.liveness import assigned, needed_before
from runtime.language.operations import assemble, is_operation
from runtime.language.orchestration import Handle
from runtime.language.recording import KernelTracer, flatten
from runtime.language.syntax import Assign, Bare, For, If, Return, With
from runtime.language.syntax import Statement as Syntax
from runtime.language.tiles import GlobalArgument, OnChip
from runtime.language.values import TensorValue, tracing

__all__ = ["Region", "read_region", "ssa_order"]


def ssa_order(name: str) -> str:
    """Sort key of a name among a kernel's parameters: bytes of ``name__role_vN``."""
    return name + "__"


@dataclass(frozen=True)
class Region:
    """A region as a kernel, and how its task is submitted.

    Attributes
    ----------
    kernel : Kernel
        The code.
    tensors : sequence of Handle or str
        Argument of each parameter; a string names the output for which one has to be created.
    scalars : sequence of int or Expression
        Argument of each scalar parameter.
    results : dict of str to Handle or str
        What each name that the region assigns stands for afterwards: the captured tensor that it
        was stored into, or the name of a created one.
    """

    kernel: Kernel
    tensors: tuple[Handle | str, ...]
    scalars: tuple[Scalar, ...]
    results: dict[str, Handle | str]


def read_region(
    evaluator: Evaluator,
    body: Sequence[Syntax],
    names: Names,
    after: set[str],
    carried: set[str],
    kernel_name: str,
    line: int,
    lanes: int,
) -> Region:
    """Record a region.

    Parameters
    ----------
    evaluator : Evaluator
        Of the function that has the region.
    body : sequence of statements
        The region's statements.
    names : dict
        What names stand for before it.
    after : set of str
        Names that are used after it.
    carried : set of str
        Names that the enclosing loop carries from one iteration to the next.
    kernel_name : str
        Name of the kernel.
    line : int
        Where the region begins.
    lanes : int
        Vector cores that share the vector work, if there is cube work as well.

    Raises
    ------
    LanguageError
        Misuse, at its line.
    """
    reader = _RegionReader(evaluator, set(assigned(body)) & after)
    inner = reader.outermost = reader.capture(body, names)
    with tracing(reader.tracer):
        reader.block(body, inner, after)
        try:
            results = reader.outputs(inner, carried)
            reader.check_created()
            core = reader.tracer.core()
        except InputError as error:
            raise evaluator.error(line, str(error)) from error
    statements = reader.tracer.body()
    free = _free_symbols(statements)
    scalars = sorted(free, key=lambda s: ssa_order(s.name))
    kernel = Kernel(
        kernel_name,
        core,
        reader.tracer.parameters(),
        tuple(scalars),
        statements,
        line,
        vector_lanes=lanes if core is CoreType.MIX else 1,
    )
    tensors = tuple(reader.sources[a] for a in reader.tracer.used_arguments())
    return Region(kernel, tensors, tuple(reader.values.get(s, s) for s in scalars), results)


class _RegionReader:
    """Walks the statements of a region."""

    def __init__(self, evaluator: Evaluator, outputs: set[str]) -> None:
        self.evaluator = evaluator
        self.output_names = sorted(outputs, key=ssa_order)
        self.tracer = KernelTracer()
        self.sources: dict[GlobalArgument, Handle | str] = {}
        self.values: dict[Symbol, Scalar] = {}
        self.captured: dict[str, GlobalArgument] = {}
        self.outermost: Names = {}

    # Entry and exit

    def capture(self, body: Sequence[Syntax], names: Names) -> Names:
        """What names stand for inside: tensors as arguments, computed scalars as symbols."""
        inner: Names = {}
        # An output that only a loop or a branch assigns may keep the value from before.
        needed = needed_before(body, set(self.output_names))
        for name in sorted(needed & names.keys(), key=ssa_order):
            value = names[name]
            if isinstance(value, Handle):
                argument = self.tracer.argument(name, value.shape, value.dtype, fresh=False)
                self.sources[argument] = value
                self.captured[name] = inner[name] = argument
            elif isinstance(value, Operation):
                inner[name] = symbol = Symbol(name)
                self.values[symbol] = value
            else:
                inner[name] = value
        return inner

    def outputs(self, inner: Names, carried: set[str]) -> dict[str, Handle | str]:
        """Store the results that leave the region on chip; say what every output stands for."""
        names = [name for name in self.output_names if name in inner]
        results: dict[str, Handle | str] = {}
        for name in names:
            value = inner[name]
            if isinstance(value, Expression | int | float):
                raise InputError(
                    f"the scalar {name!r} is computed in the region and used after it; compute it "
                    "outside"
                )
            if isinstance(value, GlobalArgument):
                if value.fresh and value not in self.sources:
                    value.name, self.sources[value] = _label(results), name
                    self.tracer.move_to_end(value)
                results[name] = self.sources[value]
                continue
            # With two results or more the compiler writes carried ones into the tensors that
            # carry them; with one it does not, and allocates a new tensor in every iteration.
            into = self.captured.get(name) if name in carried and len(names) > 1 else None
            if into is None:
                into = self.tracer.argument(_label(results), value.shape, value.dtype, fresh=True)
                self.sources[into] = name
            self.tracer.store(value, into, (0,) * len(value.shape))
            results[name] = self.sources[into]
        return results

    def check_created(self) -> None:
        """Refuse a created tensor that was stored to, but that no name stands for any more."""
        if any(a not in self.sources for a in self.tracer.used_arguments()):
            raise InputError(
                "a tensor created in the region is written, and then another one takes its name; "
                "give them two names"
            )

    # Statements

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
            if isinstance(value, GlobalArgument) and not self.computes(statement.body, name):
                continue  # assembled into: it stays the same tensor
            if not isinstance(value, TensorValue):
                raise self.evaluator.error(
                    statement.line,
                    f"the scalar {name!r} is carried through a loop; compute it from the loop's "
                    "variable",
                )
            initial = self.tracer.tile(value)
            carried[name] = initial, Tile(initial.shape, initial.dtype, initial.memory)
        return carried

    def computes(self, body: Sequence[Syntax], name: str) -> bool:
        """Whether a block gives `name` a new tile, and not a tensor that it has assembled into."""
        for statement in body:
            match statement:
                case Assign(targets=targets, value=ast.Call(func=function)) if name in targets:
                    made_by = self.evaluator.resolve(function)
                    if is_operation(made_by) and made_by is not assemble:
                        return True
                case For(body=inside):
                    if self.computes(inside, name):
                        return True
                case If(then=then, orelse=orelse):
                    if self.computes((*then, *orelse), name):
                        return True
        return False

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
        sides = []
        for side in (statement.then, statement.orelse):
            inner = dict(names)
            with self.tracer.block() as block:
                self.block(side, inner, after)
            self.check_unchanged(statement, names, inner, after)
            self.evaluator.forget(inner, inner.keys() - names.keys(), statement.line)
            sides.append(flatten(block))
        self.tracer.append(Branch(condition, sides[0], sides[1]))


def _label(results: Mapping[str, Handle | str]) -> str:
    """The compiler's name for the next tensor that has to be created for a result."""
    return f"ret{len({r for r in results.values() if isinstance(r, str)})}__out"


def _free_symbols(body: Sequence[Statement]) -> set[Symbol]:
    """Symbols of a kernel that are not loop variables of it."""
    found: set[Symbol] = set()
    for statement in body:
        if isinstance(statement, Loop):
            inner = _free_symbols(statement.body) - {statement.variable}
            bounds = (statement.start, statement.step, statement.trips)
            found |= inner.union(*(symbols(b) for b in bounds))
        elif isinstance(statement, Branch):
            found |= _free_symbols(statement.then) | _free_symbols(statement.orelse)
            found.update(symbols(statement.condition))
        else:
            offsets = statement.box.offset if statement.box else ()
            scalar = statement.attributes.get("scalar", 0)
            found = found.union(*(symbols(x) for x in (*offsets, scalar)))
    return found
