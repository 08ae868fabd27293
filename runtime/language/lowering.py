"""Reading a function of a program: regions become kernels, the rest the orchestration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from devices.errors import InputError
from devices.expression import Expression, Symbol
from devices.kernel import Kernel
from runtime.language.blocks import LoopKind, LoopSpec, RegionKind
from runtime.language.declarations import Argument, Function, ScalarType, SplitMode, TensorType
from runtime.language.emission import Orchestration, emit
from runtime.language.evaluation import Evaluator, Names
from runtime.language.kernels import Region, read_region
from runtime.language.liveness import assigned, needed_before
from runtime.language.orchestration import (
    Block,
    Choose,
    Handle,
    OrchestrationTracer,
    Rebind,
    Repeat,
    SubmitTask,
)
from runtime.language.passes import add_pipe_buffer, promote_outputs
from runtime.language.splitting import Splitter
from runtime.language.syntax import Assign, Bare, For, If, Return, Statement, With, read_function
from runtime.language.values import tracing

__all__ = ["Lowered", "Lowering", "lower"]


@dataclass(frozen=True)
class Lowered:
    """A program, lowered: tensor parameters, kernels and the orchestration that submits them."""

    name: str
    file: str
    parameters: tuple[tuple[str, TensorType], ...]
    kernels: tuple[Kernel, ...]
    orchestration: Orchestration


class Lowering(StrEnum):
    """Rules of the compiler that decide the directions of arguments, by date."""

    APRIL = "2026-04"
    """An argument that a region only writes is OUT_EXISTING."""
    AUGUST = "2026-08"
    """It is INOUT where other tasks may write it before (see `promote_outputs`)."""


def lower(function: Function, lowering: Lowering = Lowering.APRIL) -> Lowered:
    """Lower one function by the rules of the compiler of April 2026.

    Parameters
    ----------
    function : Function
        What to lower.
    lowering : Lowering
        Whose directions the arguments have.

    Raises
    ------
    LanguageError
        Misuse of the language, at its file and line.
    """
    syntax = read_function(function.python)
    evaluator = Evaluator(syntax.file, function.namespace)
    lowerer = _Lowerer(evaluator, syntax.name, syntax.body)
    parameters = []
    inouts = []
    names: Names = {}
    for name in syntax.parameters:
        line = syntax.parameters[name]
        kind, wrapper = _annotation(evaluator, function, name, line)
        if isinstance(kind, ScalarType):
            raise evaluator.error(
                line,
                f"scalar parameter {name!r} is not supported; make it a constant of the builder",
            )
        parameters.append((name, kind))
        names[name] = lowerer.tracer.handle(kind.shape, kind.dtype)
        inouts += [names[name]] if wrapper == "InOut" else []
    variables = [names[name].variable for name, _ in parameters]
    with tracing(lowerer.tracer):
        lowerer.block(syntax.body, names, set())
    if not lowerer.kernels:
        raise evaluator.error(
            syntax.line,
            f"{syntax.name} submits nothing: it has no region; put the work into pl.incore()",
        )
    add_pipe_buffer(lowerer.tracer, lowerer.kernels)
    if lowering is Lowering.AUGUST:
        promote_outputs(lowerer.tracer.block, lowerer.kernels, inouts)
    orchestration = emit(
        syntax.name,
        syntax.line,
        variables,
        lowerer.tracer.block,
        lowerer.tracer.assemblies,
        evaluator.error,
    )
    return Lowered(
        syntax.name, syntax.file, tuple(parameters), tuple(lowerer.kernels), orchestration
    )


def _annotation(
    evaluator: Evaluator, function: Function, name: str, line: int
) -> tuple[TensorType | ScalarType, str]:
    """Type of a parameter, and the direction that its author wrote, if any."""
    value, wrapper = function.python.__annotations__.get(name), ""
    if isinstance(value, str):  # the file postpones the evaluation of annotations
        try:
            value = eval(value, dict(evaluator.namespace))  # noqa: S307 - the user's own program
        except (NameError, InputError, TypeError, AttributeError) as error:
            raise evaluator.error(line, f"annotation of {name!r}: {error}") from error
    if isinstance(value, Argument):
        wrapper = value.wrapper
        value = value.type
    if not isinstance(value, TensorType | ScalarType):
        raise evaluator.error(line, f"parameter {name!r} needs an annotation pl.Tensor[[...], ...]")
    return value, wrapper


class _Lowerer:
    """Walks the statements outside regions."""

    def __init__(self, evaluator: Evaluator, name: str, body: Sequence[Statement]) -> None:
        self.evaluator = evaluator
        self.name = name
        self.body = body
        self.tracer = OrchestrationTracer()
        self.splitter = Splitter(evaluator)
        self.kernels: list[Kernel] = []
        self.carried: set[str] = set()
        self.split_mode: SplitMode | None = None

    def block(self, statements: Sequence[Statement], names: Names, after: set[str]) -> None:
        """Lower statements of a sequence; `after` are names that are used later."""
        for position, statement in enumerate(statements):
            later = needed_before(statements[position + 1 :], after)
            match statement:
                case Assign() | Bare():
                    self.statement(statement, names)
                case For():
                    spec = self.evaluator.loop(statement.header, names, statement.line)
                    if spec.chunk is not None:
                        raise self.evaluator.error(
                            statement.line, "chunk= is only for loops inside pl.auto_incore()"
                        )
                    self.repeat(statement, spec, names, later, self.block)
                case If():
                    self.choose(statement, names, later, self.block)
                case With(header=header, body=body):
                    region = self.evaluator.region(header, names, statement.line)
                    if region.kind is RegionKind.AUTO:
                        self.split_mode = region.split
                        self.automatic(self.splitter.flattened(body), names, later)
                        self.split_mode = None
                    else:
                        self.region(body, names, later, statement.line)
                case Return():
                    self.finish(statement, names)

    def statement(self, statement: Assign | Bare, names: Names) -> None:
        """Lower a statement that makes no task."""
        if isinstance(statement, Assign):
            self.tracer.creating = statement.targets[0]
        self.tracer.line = statement.line
        self.evaluator.execute(statement, names)

    def finish(self, statement: Return, names: Names) -> None:
        """Check that a return ends the function, and what it returns."""
        if statement is not self.body[-1]:
            raise self.evaluator.error(statement.line, "return before the function's end; use if")
        if statement.value is not None:
            self.evaluator.evaluate(statement.value, names)

    # Control flow

    def repeat(
        self,
        statement: For,
        spec: LoopSpec,
        names: Names,
        after: set[str],
        body: Callable[[Sequence[Statement], Names, set[str]], None],
    ) -> None:
        """Lower an orchestration loop whose body is lowered by `body`."""
        live = after | needed_before([statement], after)
        kernels, assemblies = len(self.kernels), len(self.tracer.assemblies)
        variable, block, inner = self.iteration(statement, names, live, body)
        changed = self.changed_tensors(statement, names, inner, live)
        if changed:  # lower the body again, with variables for what changes in every iteration
            del self.kernels[kernels:], self.tracer.assemblies[assemblies:]
            for name in changed:
                carrier = self.tracer.handle(names[name].shape, names[name].dtype)
                self.tracer.block.nodes.append(Rebind(carrier, names[name]))
                names[name] = carrier
            variable, block, inner = self.iteration(statement, names, live, body)
            block.nodes += self.rebound([(names[name], inner[name]) for name in changed])
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

    def rebound(self, pairs: Sequence[tuple[Handle, Handle]]) -> list[Rebind]:
        """Nodes that rebind several tensors at once, as a swap needs it."""
        if len(pairs) == 1:
            return [Rebind(*pairs[0])]
        kept = [self.tracer.handle(source.shape, source.dtype) for _, source in pairs]
        saved = [Rebind(k, source) for k, (_, source) in zip(kept, pairs, strict=True)]
        return saved + [Rebind(target, k) for k, (target, _) in zip(kept, pairs, strict=True)]

    def changed_tensors(
        self, statement: For, names: Names, inner: Names, live: set[str]
    ) -> list[str]:
        """Names that stand for another tensor after an iteration than before it."""
        changed = []
        for name in dict.fromkeys(assigned(statement.body)):
            before = names.get(name)
            if name not in live or before is None or before is inner.get(name):
                continue
            if not isinstance(before, Handle):
                raise self.evaluator.error(
                    statement.line,
                    f"the scalar {name!r} is carried through a loop; compute it from the loop's "
                    "variable",
                )
            changed.append(name)
        return changed

    def iteration(
        self,
        statement: For,
        names: Names,
        live: set[str],
        body: Callable[[Sequence[Statement], Names, set[str]], None],
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

    def choose(
        self,
        statement: If,
        names: Names,
        after: set[str],
        body: Callable[[Sequence[Statement], Names, set[str]], None],
    ) -> None:
        """Lower a conditional, or only its side if the condition is a constant."""
        condition = self.evaluator.condition(statement.condition, names)
        if not isinstance(condition, Expression):
            body(statement.then if condition else statement.orelse, names, after)
            return
        sides, outer = [], self.tracer.block
        for side in (statement.then, statement.orelse):
            inner, block = dict(names), Block()
            self.tracer.block = block
            body(side, inner, after)
            self.tracer.block = outer
            for name in set(assigned(side)) & names.keys() & after:
                if inner[name] is not names[name]:
                    raise self.evaluator.error(
                        statement.line,
                        f"{name!r} depends on a condition; assemble it into a tensor instead",
                    )
            self.evaluator.forget(inner, inner.keys() - names.keys(), statement.line)
            sides.append(block)
        outer.nodes.append(Choose(condition, sides[0], sides[1], statement.line))

    # Regions

    def region(self, body: Sequence[Statement], names: Names, after: set[str], line: int) -> None:
        """Lower a region to a kernel and its submit."""
        name = f"{self.name}_incore_{len(self.kernels)}"
        lanes = 1 if self.split_mode in (None, SplitMode.NONE) else 2
        region = read_region(self.evaluator, body, names, after, self.carried, name, line, lanes)
        created = self.create_results(region)
        tensors = tuple(created[t] if isinstance(t, str) else t for t in region.tensors)
        self.tracer.block.nodes.append(SubmitTask(len(self.kernels), tensors, region.scalars))
        self.kernels.append(region.kernel)
        for output, value in region.results.items():
            tensor = created[value] if isinstance(value, str) else value
            self.evaluator.bind(names, output, tensor, line)
        self.evaluator.forget(names, set(assigned(body)) - region.results.keys() - after, line)
        for lost in set(assigned(body)) - region.results.keys() - names.keys():
            self.evaluator.gone[lost] = line

    def create_results(self, region: Region) -> dict[str, Handle]:
        """Tensors for the results that no tensor of the program takes."""
        created = {}
        for parameter, tensor in zip(region.kernel.parameters, region.tensors, strict=True):
            if isinstance(tensor, str):
                created[tensor] = self.tracer.new_tensor(tensor, parameter.shape, parameter.dtype)
        return created

    def automatic(self, statements: Sequence[Statement], names: Names, after: set[str]) -> None:
        """Lower a block from which the compiler makes regions."""
        for run in self.splitter.runs(statements):
            later = needed_before(run.rest, after)
            first = run.statements[0]
            if run.is_region:
                self.region(run.statements, names, later, first.line)
                continue
            match first:
                case For() if self.splitter.splits(first):
                    self.split(first, names, later)
                case For():
                    spec = self.evaluator.loop(first.header, names, first.line)
                    self.repeat(first, spec, names, later, self.automatic)
                case If():
                    self.choose(first, names, later, self.automatic)
                case With(body=body):
                    self.region(body, names, later, first.line)
                case Assign() | Bare():
                    self.statement(first, names)
                case Return():
                    raise self.evaluator.error(first.line, "return inside pl.auto_incore()")

    def split(self, loop: For, names: Names, after: set[str]) -> None:
        """Lower a chunked loop: one task per chunk, then the remainder."""
        full, remainder = self.splitter.split(loop, names)
        parts = [part for part in (full, remainder) if part is not None]
        for position, part in enumerate(parts):
            later = needed_before(parts[position + 1 :], after)
            self.automatic([part], names, later)
