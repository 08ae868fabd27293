"""The orchestration of a program: what runs on the control core between the kernels.

Reading a program gives a tree of nodes: allocs, views, submits, loops. The tree is turned into a
Python function once, and that function then runs at native speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from devices.dtypes import DType
from devices.errors import InputError
from devices.expression import Scalar, Symbol, Table
from runtime.language.values import TensorValue

__all__ = [
    "Block",
    "Choose",
    "Create",
    "CreateSite",
    "Handle",
    "Let",
    "MakeView",
    "Node",
    "OrchestrationTracer",
    "ReadElement",
    "Rebind",
    "Repeat",
    "SubmitTask",
    "WriteElement",
]


class Handle(TensorValue):
    """A tensor that orchestration can name: a parameter, a created tensor, or a view of one.

    `parameter` is the name of the program's parameter, if it is one, whole.
    """

    __slots__ = ("parameter", "site", "variable")

    def __init__(
        self, variable: str, shape: tuple[int, ...], dtype: DType, site: CreateSite | None = None
    ) -> None:
        super().__init__(shape, dtype)
        self.variable = variable
        self.site = site
        self.parameter = ""


@dataclass(eq=False, slots=True)
class CreateSite:
    """A place that creates a tensor: written in the program, or made for a region's result."""

    name: str
    shape: tuple[int, ...]
    dtype: DType
    block: Block


@dataclass(frozen=True, slots=True)
class Create:
    """Where a created tensor begins to exist."""

    handle: Handle


@dataclass(frozen=True, slots=True)
class MakeView:
    """``result = base.view(shape, offset)``."""

    result: Handle
    base: Handle
    shape: tuple[int, ...]
    offset: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class SubmitTask:
    """Submit of a kernel."""

    kernel: int
    tensors: tuple[Handle, ...]
    scalars: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Rebind:
    """``target = source``, for names that stand for another tensor in every iteration."""

    target: Handle
    source: Handle


@dataclass(frozen=True, slots=True)
class Let:
    """``symbols = values``, all at once, for scalars that change while the program runs."""

    symbols: tuple[Symbol, ...]
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class ReadElement:
    """``result = tensor[index]``, read by the control core at a line of the program."""

    result: Symbol
    tensor: Handle
    index: tuple[Scalar, ...]
    line: int


@dataclass(frozen=True, slots=True)
class WriteElement:
    """``tensor[index] = value``, likewise."""

    tensor: Handle
    index: tuple[Scalar, ...]
    value: Scalar
    line: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """A counted loop; its body is a scope. `line` is that of the program.

    `sequential` says whether it is a ``pl.range``, whose iterations follow each other.
    """

    variable: Symbol
    start: Scalar
    step: Scalar
    trips: Scalar
    body: Block
    line: int
    sequential: bool


@dataclass(frozen=True, slots=True)
class Choose:
    """A conditional; each branch is a scope. `line` is that of the program."""

    condition: Scalar
    then: Block
    orelse: Block
    line: int


Node = Create | MakeView | SubmitTask | Rebind | Let | ReadElement | WriteElement | Repeat | Choose


@dataclass(eq=False, slots=True)
class Block:
    """A statement sequence of the orchestration: a function, loop or branch body."""

    nodes: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Assembly:
    """An assemble of a created tensor into another one."""

    source: CreateSite
    target: Handle
    offset: tuple[Scalar, ...]
    line: int


class OrchestrationTracer:
    """Gives operations their meaning outside regions.

    Attributes
    ----------
    block : Block
        Where nodes go.
    assemblies : list of Assembly
        Assembles met so far; which of them fuse is known only at the end of the function.
    creating : str
        Name that the statement being read assigns, for tensors that it creates.
    line : int
        Line of the statement being read.
    tables : dict of str to Table
        The parameters of the program of which kernels read single elements.
    """

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.block = Block()
        self.assemblies: list[Assembly] = []
        self.creating = "tensor"
        self.line = 0
        self._handles = 0

    def handle(
        self, shape: tuple[int, ...], dtype: DType, site: CreateSite | None = None
    ) -> Handle:
        """A tensor with a variable of its own."""
        self._handles += 1
        return Handle(f"t{self._handles}", shape, dtype, site)

    def new_tensor(self, name: str, shape: tuple[int, ...], dtype: DType) -> Handle:
        """Record the creation of a tensor here."""
        created = self.handle(shape, dtype, CreateSite(name, shape, dtype, self.block))
        self.block.nodes.append(Create(created))
        return created

    def create(self, shape: tuple[int, ...], dtype: DType) -> TensorValue:
        """A tensor of a hidden alloc."""
        return self.new_tensor(self.creating, shape, dtype)

    def slice(
        self,
        tensor: TensorValue,
        shape: tuple[int, ...],
        offset: tuple[Scalar, ...],
        valid: tuple[Scalar, ...] | None,
    ) -> TensorValue:
        """A view; it always has all of its elements, so `valid` changes nothing."""
        del valid
        base = _handle(tensor)
        view = self.handle(shape, tensor.dtype)
        self.block.nodes.append(MakeView(view, base, shape, offset))
        return view

    def assemble(
        self, target: TensorValue, source: TensorValue, offset: tuple[Scalar, ...]
    ) -> TensorValue:
        """`target`; the region that makes `source` will write straight into it."""
        tile, into = _handle(source), _handle(target)
        site = tile.site
        if site is None or site.shape != tile.shape:
            raise InputError(
                "assemble outside a region copies nothing: its source must be the whole result "
                "of a region; do the copy inside a region"
            )
        if any(assembly.source is site for assembly in self.assemblies):
            raise InputError(
                f"the result {site.name!r} is assembled twice, and the compiler copies it neither "
                "time; assemble it inside the region"
            )
        if site.block is not self.block:
            raise InputError(
                f"{site.name!r} is assembled in another loop or branch than the one that creates "
                "it; create it there, or assemble it inside the region"
            )
        self.assemblies.append(Assembly(site, into, offset, self.line))
        return target

    def read(self, tensor: TensorValue, index: tuple[Scalar, ...]) -> Scalar:
        """A scalar that the control core reads from memory when the program runs."""
        handle = _handle(tensor)
        if handle.site is not None:
            raise InputError(
                f"{handle.site.name!r} is created by the program, and nothing has written it when "
                "the orchestration reads it; read a tensor that the program is given"
            )
        result = Symbol(self.creating, tensor.dtype.is_float)
        self.block.nodes.append(ReadElement(result, handle, index, self.line))
        return result

    def write(self, tensor: TensorValue, index: tuple[Scalar, ...], value: Scalar) -> None:
        """Have the control core write an element."""
        self.block.nodes.append(WriteElement(_handle(tensor), index, value, self.line))

    def load(self, *_: object, **__: object) -> NoReturn:
        """Refuse: tiles live in kernels."""
        raise InputError(
            "pl.load, pl.store, pl.move and pl.create_tile belong into a function of type InCore"
        )

    store = move = create_tile = load

    def compute(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: DType,
        operands: Sequence[TensorValue],
        attributes: Mapping[str, Any],
    ) -> NoReturn:
        """Refuse: computing needs a region."""
        del shape, dtype, operands, attributes
        if name == "reshape":
            raise InputError(
                "pl.reshape stands outside regions, where nothing can do it; in pl.auto_incore() "
                "it ends the region before it, so put it with what computes into pl.incore()"
            )
        raise InputError(f"misplaced operation pl.{name}: compute inside pl.incore() or pl.at(...)")

    def matmul(
        self,
        shape: tuple[int, int],
        dtype: DType,
        lhs: tuple[TensorValue, bool],
        rhs: tuple[TensorValue, bool],
        accumulator: TensorValue | None,
    ) -> NoReturn:
        """Refuse: computing needs a region."""
        del shape, dtype, lhs, rhs
        name = "matmul" if accumulator is None else "matmul_acc"
        raise InputError(f"misplaced operation pl.{name}: compute inside pl.incore() or pl.at(...)")


def _handle(value: TensorValue) -> Handle:
    if not isinstance(value, Handle):
        raise InputError(
            f"the tile {value!r} is used after its region without being an output of it"
        )
    return value
