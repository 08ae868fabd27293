"""Reading a function of a program: regions become kernels, the rest the orchestration."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from devices.dtypes import DType
from devices.expression import Symbol, Table
from devices.kernel import Kernel
from runtime.language.blocks import RegionKind
from runtime.language.control import ControlFlow
from runtime.language.declarations import Program, ScalarType, TensorType
from runtime.language.emission import Orchestration, emit
from runtime.language.enumerations import SplitMode
from runtime.language.evaluation import Evaluator, Names
from runtime.language.expansion import Expander
from runtime.language.hand_kernels import HandKernels
from runtime.language.kernels import Region, read_region
from runtime.language.liveness import assigned, needed_before
from runtime.language.orchestration import Handle, OrchestrationTracer, SubmitTask
from runtime.language.parameters import read_parameters
from runtime.language.passes import add_pipe_buffer, promote_outputs
from runtime.language.splitting import Splitter
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
from runtime.language.values import tracing

__all__ = ["Lowered", "Lowering", "lower"]


@dataclass(frozen=True)
class Lowered:
    """A program, lowered: parameters, kernels and the orchestration that submits them."""

    name: str
    file: str
    parameters: tuple[tuple[str, TensorType], ...]
    scalars: tuple[tuple[str, DType], ...]
    kernels: tuple[Kernel, ...]
    orchestration: Orchestration
    tables: tuple[Table, ...]


class Lowering(StrEnum):
    """Rules of the compiler that decide the directions of arguments, by date."""

    APRIL = "2026-04"
    """An argument that a region only writes is OUT_EXISTING."""
    AUGUST = "2026-08"
    """It is INOUT where other tasks may write it before (see `promote_outputs`)."""


def lower(program: Program, lowering: Lowering = Lowering.APRIL) -> Lowered:
    """Lower a program by the rules of the compiler of April 2026.

    Parameters
    ----------
    program : Program
        What to lower.
    lowering : Lowering
        Whose directions the arguments have.

    Raises
    ------
    LanguageError
        Misuse of the language, at its file and line.
    """
    function = program.entry
    syntax = read_function(function.python)
    evaluator = Evaluator(syntax.file, function.namespace)
    body = Expander(evaluator).expanded(syntax.body)
    lowerer = _Lowerer(evaluator, syntax.name, body, program)
    names: Names = {}
    tensors, scalars, inouts = [], [], []
    for parameter in read_parameters(evaluator, function, syntax):
        if isinstance(parameter.type, ScalarType):
            dtype = parameter.type.dtype
            names[parameter.name] = Symbol(parameter.name, dtype.is_float)
            scalars.append((parameter.name, dtype))
            continue
        handle = lowerer.tracer.handle(parameter.type.shape, parameter.type.dtype)
        handle.parameter = parameter.name
        names[parameter.name] = handle
        tensors.append((parameter.name, parameter.type))
        inouts += [names[parameter.name]] if parameter.wrapper == "InOut" else []
    given = dict(names)
    with tracing(lowerer.tracer):
        lowerer.block(body, names, set())
    if not lowerer.kernels:
        raise evaluator.error(
            syntax.line,
            f"{syntax.name} submits nothing: it has no region; put the work into pl.incore()",
        )
    add_pipe_buffer(lowerer.tracer, lowerer.kernels, lowerer.clustered)
    if lowering is Lowering.AUGUST:
        promote_outputs(lowerer.tracer.block, lowerer.kernels, inouts)
    orchestration = emit(
        syntax.name,
        syntax.line,
        [given[name].variable for name, _ in tensors],
        [given[name] for name, _ in scalars],
        lowerer.tracer.block,
        lowerer.tracer.assemblies,
        evaluator.error,
    )
    return Lowered(
        syntax.name,
        syntax.file,
        tuple(tensors),
        tuple(scalars),
        tuple(lowerer.kernels),
        orchestration,
        tuple(lowerer.tracer.tables.values()),
    )


class _Lowerer:
    """Walks the statements outside regions.

    Attributes
    ----------
    kernels : list of Kernel
        The kernels so far, numbered in the order in which the program submits them first.
    clustered : set of int
        Those that a cluster block made.
    """

    def __init__(
        self, evaluator: Evaluator, name: str, body: Sequence[Statement], program: Program
    ) -> None:
        self.evaluator = evaluator
        self.name = name
        self.body = body
        self.tracer = OrchestrationTracer()
        self.control = ControlFlow(evaluator, self.tracer)
        self.splitter = Splitter(evaluator)
        self.kernels: list[Kernel] = []
        self.clustered: set[int] = set()
        self.regions = 0
        self.by_hand = HandKernels(program, self.kernels)
        self.split_mode = SplitMode.NONE

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
                    self.control.repeat(statement, spec, names, later, self.block, self.undo)
                case If():
                    self.control.choose(statement, names, later, self.block)
                case With(header=header, body=body):
                    region = self.evaluator.region(header, names, statement.line)
                    if region.kind is RegionKind.AUTO:
                        self.split_mode = region.split or SplitMode.NONE
                        self.automatic(self.splitter.flattened(body), names, later)
                        self.split_mode = SplitMode.NONE
                    elif region.kind is RegionKind.CLUSTER:
                        self.cluster(statement, names, later)
                    else:
                        self.region(body, names, later, statement.line)
                case Return():
                    self.finish(statement, names)

    def statement(self, statement: Assign | Bare, names: Names) -> None:
        """Lower a statement that makes no task."""
        if isinstance(statement, Assign):
            self.tracer.creating = statement.targets[0]
        self.tracer.line = statement.line
        call = statement.value
        if not (isinstance(call, ast.Call) and calls_kernel(call)):
            self.evaluator.execute(statement, names)
            return
        number, tensors, scalars, results = self.by_hand.submit(call, names, self.evaluator)
        self.tracer.block.nodes.append(SubmitTask(number, tensors, scalars))
        if isinstance(statement, Assign):
            self.evaluator.assign(statement, results, names)

    def undo(self) -> Callable[[], None]:
        """What takes back everything that is lowered from now on."""
        kernels, assemblies = len(self.kernels), len(self.tracer.assemblies)
        regions, clustered = self.regions, set(self.clustered)

        def take_back() -> None:
            del self.kernels[kernels:], self.tracer.assemblies[assemblies:]
            self.regions, self.clustered = regions, clustered
            self.by_hand.forget(kernels)

        return take_back

    def finish(self, statement: Return, names: Names) -> None:
        """Check that a return ends the function, and what it returns."""
        if statement is not self.body[-1]:
            raise self.evaluator.error(statement.line, "return before the function's end; use if")
        if statement.value is not None:
            self.evaluator.evaluate(statement.value, names)

    # Regions

    def cluster(self, block: With, names: Names, after: set[str]) -> None:
        """Lower a cluster block: its regions are one kernel on a cluster."""
        inside: list[Statement] = []
        for statement in block.body:
            if not isinstance(statement, With):
                raise self.evaluator.error(
                    statement.line, "pl.cluster() holds pl.incore() regions and nothing else"
                )
            self.evaluator.region(statement.header, names, statement.line)
            inside += statement.body
        name = f"{self.name}_cluster_{len(self.clustered)}"
        self.clustered.add(len(self.kernels))
        self.region(inside, names, after, block.line, name)

    def region(
        self,
        body: Sequence[Statement],
        names: Names,
        after: set[str],
        line: int,
        name: str = "",
    ) -> None:
        """Lower a region to a kernel and its submit."""
        if not name:
            name = f"{self.name}_incore_{self.regions}"
            self.regions += 1
        carried = self.control.carried
        split, tables = self.split_mode, self.tracer.tables
        region = read_region(self.evaluator, body, names, after, carried, name, line, split, tables)
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
                    self.control.repeat(first, spec, names, later, self.automatic, self.undo)
                case If():
                    self.control.choose(first, names, later, self.automatic)
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
