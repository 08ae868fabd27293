"""A kernel while it is recorded: its arguments, and its statements in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from devices.dtypes import DType
from devices.errors import InputError
from devices.expression import Symbol, symbols
from devices.kernel import (
    Branch,
    CoreType,
    Loop,
    Parameter,
    Statement,
    TileOp,
    home,
    passed_by,
    renumbered,
    walk,
)
from runtime.language.enumerations import SplitMode
from runtime.language.tiles import GlobalArgument, Slot

__all__ = ["KernelRecord", "flatten", "free_symbols"]


_RELABELS = ("tile.reshape", "tile.slice")
"""Operations that take another view of a tile, wherever it is."""


class KernelRecord:
    """Collects a kernel.

    Attributes
    ----------
    line : int
        Line of the statement being read.
    entry : Slot
        The kernel's entry.
    creates_output : bool
        Whether a tensor created by this statement leaves the region.
    """

    def __init__(self) -> None:
        self.arguments: list[GlobalArgument] = []
        self.line = 0
        self.creates_output = False
        self.entry = Slot()
        self._blocks: list[list[Slot | Statement]] = [[self.entry]]

    def argument(
        self, name: str, shape: tuple[int, ...], dtype: DType, *, fresh: bool
    ) -> GlobalArgument:
        """Add a tensor argument; `fresh` ones are allocated for the kernel's results."""
        value = GlobalArgument(name, shape, dtype, len(self.arguments), fresh=fresh)
        self.arguments.append(value)
        return value

    @contextmanager
    def block(
        self, block: list[Slot | Statement] | None = None
    ) -> Iterator[list[Slot | Statement]]:
        """Collect what is recorded inside the ``with`` in a block of its own, or go on with one."""
        block = [] if block is None else block
        self._blocks.append(block)
        try:
            yield block
        finally:
            self._blocks.pop()

    @contextmanager
    def rewriting(self, values: Sequence[object]) -> Iterator[None]:
        """Load anew, inside the ``with``, those arguments that a loop stores into."""
        arguments = [v for v in values if isinstance(v, GlobalArgument)]
        for argument in arguments:
            argument.rewriting += 1
        try:
            yield
        finally:
            for argument in arguments:
                argument.rewriting -= 1

    def append(self, statement: Statement) -> None:
        """Record a statement."""
        self._blocks[-1].append(statement)

    def slot(self) -> Slot:
        """A place here for what is known only later."""
        slot = Slot()
        self._blocks[-1].append(slot)
        return slot

    def move_to_end(self, argument: GlobalArgument) -> None:
        """Let `argument` follow those that the kernel has so far."""
        self.arguments.remove(argument)
        self.arguments.append(argument)

    def used_arguments(self) -> list[GlobalArgument]:
        """Arguments that the kernel loads or stores: captured ones by name, then fresh ones."""
        used = [a for a in self.arguments if a.loaded or a.stored]
        return [a for a in used if not a.fresh] + [a for a in used if a.fresh]

    def parameters(self) -> tuple[Parameter, ...]:
        """The kernel's tensor parameters."""
        return tuple(
            Parameter(a.name, a.shape, a.dtype, a.direction) for a in self.used_arguments()
        )

    def body(self, arguments: Sequence[GlobalArgument]) -> tuple[Statement, ...]:
        """Everything recorded, with arguments numbered by their place among `arguments`."""
        places = {a.index: place for place, a in enumerate(arguments)}
        return renumbered(flatten(self._blocks[0]), places)

    def core(self, split: SplitMode = SplitMode.NONE) -> CoreType:
        """The core type that the recorded operations need.

        Parameters
        ----------
        split : SplitMode
            How two vector cores share the vector work, if there is cube work as well.

        Raises
        ------
        InputError
            The two sides of a MIX kernel pass tiles of different sizes both ways, or tiles that
            cannot be halved.
        """
        ops = [op for op in walk(flatten(self._blocks[0])) if op.name not in _RELABELS]
        memories = {home(op) for op in ops}
        if len(memories) > 1:
            passing = [op for op in ops if passed_by(op) is not None]
            _check_sizes(passing)
            _check_halves(passing, split)
            return CoreType.MIX
        return CoreType.AIC if CoreType.AIC in memories else CoreType.AIV


def _check_sizes(passing: Sequence[TileOp]) -> None:
    """Refuse what the compiler refuses: one kernel has one size of tiles that pass."""
    sides, sizes = map(passed_by, passing), (op.operands[0].nbytes for op in passing)
    if len(set(sides)) > 1 and len(set(sizes)) > 1:
        raise InputError(
            "tiles of different sizes pass between the cube core and the vector cores both ways, "
            "which the compiler refuses (a MIX task has one slot size); use two regions"
        )


def _check_halves(passing: Sequence[TileOp], split: SplitMode) -> None:
    """Refuse what the compiler refuses: each vector core has half of every tile that passes."""
    if split is SplitMode.NONE:
        return
    axis, what = (-2, "rows") if split is SplitMode.UP_DOWN else (-1, "columns")
    for op in passing:
        size = op.operands[0].shape[axis]
        if size % 2:
            raise InputError(
                f"the {size} {what} of a tile that passes between the cube core and the vector "
                f"cores cannot be halved, as split=pl.SplitMode.{split.name} asks for; have an "
                "even number, or another split"
            )


def flatten(block: Sequence[Slot | Statement]) -> tuple[Statement, ...]:
    """A recorded block with the loads in their places."""
    out: list[Statement] = []
    for entry in block:
        if isinstance(entry, Slot):
            out.extend(entry.ops)
        else:
            out.append(entry)
    return tuple(out)


def free_symbols(body: Sequence[Statement]) -> set[Symbol]:
    """Symbols in `body` that are not variables of its loops."""
    found: set[Symbol] = set()
    for statement in body:
        if isinstance(statement, Loop):
            inner = free_symbols(statement.body) - {statement.variable}
            bounds = (statement.start, statement.step, statement.trips)
            found |= inner.union(*(symbols(b) for b in bounds))
        elif isinstance(statement, Branch):
            found |= free_symbols(statement.then) | free_symbols(statement.orelse)
            found.update(symbols(statement.condition))
        else:
            offsets = statement.box.offset if statement.box else ()
            attributes = statement.attributes
            others = [attributes.get("scalar", 0)]
            others += [*(attributes.get("valid") or ()), *(attributes.get("offset") or ())]
            found = found.union(*(symbols(x) for x in (*offsets, *others)))
    return found
