"""From the nodes of an orchestration to a Python function that submits.

Creates of one statement sequence are batched into hidden allocs of at most 16 tensors at its
start, but a created tensor whose only use as a source is one assemble becomes a view of that
assemble's target (the compiler's FuseCreateAssembleToSlice).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devices.errors import InputError
from devices.expression import Scalar, Symbol, source
from runtime.language.orchestration import (
    Assembly,
    Block,
    Choose,
    Create,
    CreateSite,
    Handle,
    Let,
    MakeView,
    Node,
    ReadElement,
    Rebind,
    Repeat,
    SubmitTask,
    WriteElement,
)
from runtime.submits import AllocGroup, TensorSpec

__all__ = ["Orchestration", "emit"]

_TENSORS_PER_ALLOC = 16
"""Most tensors of one alloc_tensors call."""

_OUTERMOST_DEPTH = 1
"""Scope depth of a function body: the executor's own scope, depth 0, encloses it."""


@dataclass(frozen=True)
class Orchestration:
    """A program's orchestration as a function.

    Attributes
    ----------
    run : callable
        ``run(submits, *arguments)`` makes every submit of the program; the arguments are its
        tensors, then its scalars.
    alloc_groups : sequence of AllocGroup
        The places that allocate.
    text : str
        The function's source, for the curious and for debugging.
    """

    run: Callable[..., None]
    alloc_groups: Sequence[AllocGroup]
    text: str


def emit(
    name: str,
    line: int,
    parameters: Sequence[str],
    scalars: Sequence[Symbol],
    body: Block,
    assemblies: Sequence[Assembly],
    error: Callable[[int, str], InputError],
) -> Orchestration:
    """Make the function.

    Parameters
    ----------
    name : str
        Name of the program's function.
    line : int
        Where it begins.
    parameters : sequence of str
        Variables of the program's tensor parameters, in order.
    scalars : sequence of Symbol
        Its scalar parameters, in order.
    body : Block
        Its nodes.
    assemblies : sequence of Assembly
        All assembles outside regions.
    error : callable
        Makes the error at a line of the program.
    """
    emitter = _Emitter({a.source: a for a in assemblies}, set(parameters), error)
    given = [*parameters, *map(emitter.name, scalars)]
    lines = [f"def orchestrate(submits{''.join(f', {p}' for p in given)}):"]
    lines += ["    alloc, view, submit = submits.alloc, submits.view, submits.submit"]
    lines += ["    read, write = submits.read, submits.write"]
    lines += ["    enter, leave = submits.enter_scope, submits.leave_scope"]
    lines += emitter.block(body, _OUTERMOST_DEPTH, "    ", line)
    text = "\n".join(lines) + "\n"
    scope: dict[str, Any] = {}
    exec(compile(text, f"<orchestration of {name}>", "exec"), scope)  # noqa: S102 - made above
    run: Callable[..., None] = scope["orchestrate"]
    return Orchestration(run, emitter.alloc_groups, text)


class _Emitter:
    """Writes nodes as Python statements."""

    def __init__(
        self,
        fused: Mapping[CreateSite, Assembly],
        defined: set[str],
        error: Callable[[int, str], InputError],
    ) -> None:
        self.fused = fused
        self.defined = defined
        self.error = error
        self.alloc_groups: list[AllocGroup] = []
        self._names: dict[Symbol, str] = {}

    def block(self, block: Block, depth: int, indent: str, begin: int) -> Iterator[str]:
        """Statements of a scope that begins at a line of the program."""
        lines = [f"enter({begin})", *self.allocs(block, depth)]
        for node in block.nodes:
            lines += self.node(node, depth)
        yield from (indent + line for line in (*lines, "leave()"))

    def allocs(self, block: Block, depth: int) -> Iterator[str]:
        created = [n.handle for n in block.nodes if isinstance(n, Create)]
        batch = [h for h in created if h.site not in self.fused]
        for first in range(0, len(batch), _TENSORS_PER_ALLOC):
            handles = batch[first : first + _TENSORS_PER_ALLOC]
            sites = [h.site for h in handles if h.site is not None]
            specs = tuple(TensorSpec(s.name, s.shape, s.dtype) for s in sites)
            yield f"{_tuple(h.variable for h in handles)} = alloc({len(self.alloc_groups)})"
            self.alloc_groups.append(AllocGroup(specs, depth))
            self.defined.update(h.variable for h in handles)

    def node(self, node: Node, depth: int) -> Iterator[str]:
        match node:
            case Create(handle=handle):
                yield from self.fused_create(handle)
            case MakeView(result=result, base=base, shape=shape, offset=offset):
                yield self.view(result, base, shape, offset)
            case SubmitTask(kernel=kernel, tensors=tensors, scalars=scalars):
                views = _tuple(t.variable for t in tensors)
                yield f"submit({kernel}, {views}, {self.scalars(scalars)}, {depth})"
            case Rebind(target=target, source=origin):
                self.defined.add(target.variable)
                yield f"{target.variable} = {origin.variable}"
            case Let() | ReadElement() | WriteElement():
                yield self.of_scalars(node)
            case Repeat():
                yield from self.repeat(node, depth)
            case Choose(condition=condition, then=then, orelse=orelse, line=line):
                yield f"if {self.scalar(condition)}:"
                yield from self.block(then, depth + 1, "    ", line)
                yield "else:"
                yield from self.block(orelse, depth + 1, "    ", line)

    def fused_create(self, handle: Handle) -> Iterator[str]:
        """A view in place of a created tensor whose data are assembled into another one."""
        if handle.site is None or handle.site not in self.fused:
            return
        assembly = self.fused[handle.site]
        if assembly.target.variable not in self.defined:
            raise self.error(
                assembly.line,
                "a result is assembled into a tensor that does not exist yet where the region "
                "that makes the result stands; create or slice the target before it",
            )
        yield self.view(handle, assembly.target, handle.shape, assembly.offset)

    def of_scalars(self, node: Let | ReadElement | WriteElement) -> str:
        """A statement that sets scalars, or has the control core touch one element."""
        if isinstance(node, Let):
            return f"{_tuple(map(self.name, node.symbols))} = {self.scalars(node.values)}"
        place = f"{node.tensor.variable}, {self.scalars(node.index)}"
        if isinstance(node, ReadElement):
            return f"{self.name(node.result)} = read({place}, {node.line})"
        return f"write({place}, {self.scalar(node.value)}, {node.line})"

    def repeat(self, node: Repeat, depth: int) -> Iterator[str]:
        start, step = self.scalar(node.start), self.scalar(node.step)
        stop = self.scalar(node.start + node.trips * node.step)
        yield f"for {self.name(node.variable)} in range({start}, {stop}, {step}):"
        yield from self.block(node.body, depth + 1, "    ", node.line)

    def view(
        self, result: Handle, base: Handle, shape: tuple[int, ...], offset: tuple[Scalar, ...]
    ) -> str:
        self.defined.add(result.variable)
        starts = self.scalars(offset)
        return f"{result.variable} = view({base.variable}, {shape!r}, {starts})"

    def scalars(self, values: Sequence[Scalar]) -> str:
        return _tuple(map(self.scalar, values))

    def scalar(self, value: Scalar) -> str:
        return source(value, self.name)

    def name(self, symbol: Symbol) -> str:
        return self._names.setdefault(symbol, f"{symbol.name}_{len(self._names)}")


def _tuple(items: Iterator[str] | map[str]) -> str:
    return "(" + "".join(f"{item}, " for item in items) + ")"
