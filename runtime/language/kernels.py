"""Reading a region: its statements become one kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devices.errors import InputError
from devices.expression import Expression, Operation, Scalar, Symbol, Table
from devices.kernel import CoreType, Kernel
from runtime.language.enumerations import SplitMode
from runtime.language.evaluation import Evaluator, Names
from runtime.language.kernel_record import free_symbols
from runtime.language.kernel_statements import StatementReader
from runtime.language.liveness import assigned, needed_before
from runtime.language.orchestration import Handle
from runtime.language.syntax import Statement as Syntax
from runtime.language.tiles import GlobalArgument
from runtime.language.values import tracing

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
    split: SplitMode,
    tables: dict[str, Table],
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
    split : SplitMode
        How two vector cores share the vector work, if there is cube work as well.
    tables : dict of str to Table
        What kernels read single elements of, to which that of this one are added.

    Raises
    ------
    LanguageError
        Misuse, at its line.
    """
    reader = _RegionReader(evaluator, set(assigned(body)) & after, tables)
    inner = reader.outermost = reader.capture(body, names)
    with tracing(reader.tracer):
        reader.block(body, inner, after)
        try:
            results = reader.outputs(inner, carried)
            reader.check_created()
            core = reader.tracer.core(split)
        except InputError as error:
            raise evaluator.error(line, str(error)) from error
    statements = reader.tracer.body(reader.tracer.used_arguments())
    free = free_symbols(statements)
    scalars = sorted(free, key=lambda s: ssa_order(s.name))
    kernel = Kernel(
        kernel_name,
        core,
        reader.tracer.parameters(),
        tuple(scalars),
        statements,
        line,
        vector_lanes=2 if core is CoreType.MIX and split is not SplitMode.NONE else 1,
    )
    tensors = tuple(reader.sources[a] for a in reader.tracer.used_arguments())
    return Region(kernel, tensors, tuple(reader.values.get(s, s) for s in scalars), results)


class _RegionReader(StatementReader):
    """Reads a region: what it captures, its statements, and what leaves it."""

    def __init__(self, evaluator: Evaluator, outputs: set[str], tables: dict[str, Table]) -> None:
        super().__init__(evaluator)
        self.tracer.table_of = self.table_of
        self.tables = tables
        self.output_names = sorted(outputs, key=ssa_order)
        self.sources: dict[GlobalArgument, Handle | str] = {}
        self.values: dict[Symbol, Scalar] = {}
        self.captured: dict[str, GlobalArgument] = {}

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
            self.tracer.write_back(value, into, (0,) * len(value.shape))
            results[name] = self.sources[into]
        return results

    def table_of(self, argument: GlobalArgument) -> Table | None:
        """The table of an argument that is a parameter of the program, whole."""
        source = self.sources.get(argument)
        if not isinstance(source, Handle) or not source.parameter:
            return None
        return self.tables.setdefault(source.parameter, Table(source.parameter, self.tracer.line))

    def check_created(self) -> None:
        """Refuse a created tensor that was stored to, but that no name stands for any more."""
        if any(a not in self.sources for a in self.tracer.used_arguments()):
            raise InputError(
                "a tensor created in the region is written, and then another one takes its name; "
                "give them two names"
            )


def _label(results: Mapping[str, Handle | str]) -> str:
    """The compiler's name for the next tensor that has to be created for a result."""
    return f"ret{len({r for r in results.values() if isinstance(r, str)})}__out"
