"""Recording a region as a kernel: tensor operations become tile operations.

The order of loads, moves and stores follows the compiler of April 2026: a slice loads where it
stands; an argument used whole by vector operations loads once, at the kernel's entry; matrix
operands pass through L1 into L0A and L0B; results that leave the region are stored at its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from devices.dtypes import BY_NAME, DType
from devices.errors import InputError
from devices.expression import Scalar
from devices.kernel import (
    Box,
    CoreType,
    Memory,
    Parameter,
    Statement,
    Tile,
    TileOp,
    home,
    passed_by,
    renumbered,
    walk,
)
from runtime.language.tiles import GlobalArgument, OnChip, Slot, Uninitialised, Window
from runtime.language.values import TensorValue

__all__ = ["KernelTracer", "flatten"]

_SCRATCH_COLUMNS = 128
"""Least width of a reduction's scratch tile; 64 columns get 128 in every published kernel."""

_REDUCTIONS = ("row_sum", "row_max", "row_min")

_WITH_SCALAR_FORM = ("add", "sub", "mul", "div")
"""Operations whose tile operation has another name when the second operand is a scalar."""


class KernelTracer:
    """Gives operations their meaning inside a region, and collects the kernel.

    Attributes
    ----------
    line : int
        Line of the statement being read.
    creates_output : bool
        Whether a tensor created by this statement leaves the region.
    """

    def __init__(self) -> None:
        self.arguments: list[GlobalArgument] = []
        self.line = 0
        self.creates_output = False
        self._entry = Slot()
        self._blocks: list[list[Slot | Statement]] = [[self._entry]]
        self._passes: dict[Tile, Tile] = {}

    # Structure

    def argument(
        self, name: str, shape: tuple[int, ...], dtype: DType, *, fresh: bool
    ) -> GlobalArgument:
        """Add a tensor argument; `fresh` ones are allocated for the kernel's results."""
        value = GlobalArgument(name, shape, dtype, len(self.arguments), fresh=fresh)
        self.arguments.append(value)
        return value

    @contextmanager
    def block(self) -> Iterator[list[Slot | Statement]]:
        """Collect what is recorded inside the ``with`` in a block of its own."""
        block: list[Slot | Statement] = []
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

    def body(self) -> tuple[Statement, ...]:
        """Everything recorded, with arguments numbered by their place among the parameters."""
        places = {a.index: place for place, a in enumerate(self.used_arguments())}
        return renumbered(flatten(self._blocks[0]), places)

    def core(self) -> CoreType:
        """The core type that the recorded operations need.

        Raises
        ------
        InputError
            The two sides of a MIX kernel pass tiles of different sizes both ways.
        """
        ops = [op for op in walk(flatten(self._blocks[0])) if op.name != "tile.reshape"]
        memories = {home(op) for op in ops}
        if len(memories) > 1:
            _check_pipes(ops)
            return CoreType.MIX
        return CoreType.AIC if CoreType.AIC in memories else CoreType.AIV

    # Tiles

    def tile(self, value: TensorValue) -> Tile:
        """The tile of `value` where vector operations can read it, loaded if it has to be."""
        if isinstance(value, OnChip):
            return value.tile
        if isinstance(value, Window):
            return self._load_window(value, Memory.UB, transposed=False)
        if isinstance(value, GlobalArgument):
            return self._load_whole(value)
        if isinstance(value, Uninitialised):
            if value.tile is None:
                value.tile = Tile(value.shape, value.dtype, Memory.UB)
                value.slot.ops.append(TileOp("tile.create", value.tile, (), value.line))
            return value.tile
        raise InputError(f"{value!r} is not a value of this region")

    def _load_window(self, window: Window, memory: Memory, *, transposed: bool) -> Tile:
        key = (memory, transposed)
        if key not in window.tiles:
            window.tiles[key] = tile = _tile_of(window, memory, transposed=transposed)
            box = Box(window.argument.index, window.shape, window.offset)
            window.slot.ops.append(_load(tile, box, window.line, transposed=transposed))
            window.argument.loaded = True
        return window.tiles[key]

    def _load_whole(self, argument: GlobalArgument) -> Tile:
        # What was stored is newer than what the kernel's entry could load.
        if argument.stored or argument.rewriting:
            return self._load_here(argument, Memory.UB, transposed=False)
        if argument.entry_tile is None:
            argument.entry_tile = tile = _tile_of(argument, Memory.UB, transposed=False)
            self._entry.ops.append(_load(tile, _whole(argument), self.line, transposed=False))
            argument.loaded = True
        return argument.entry_tile

    def _load_here(self, argument: GlobalArgument, memory: Memory, *, transposed: bool) -> Tile:
        tile = _tile_of(argument, memory, transposed=transposed)
        self.append(_load(tile, _whole(argument), self.line, transposed=transposed))
        argument.loaded = True
        return tile

    def copy_of(self, tile: Tile) -> Tile:
        """Record the move of a loop-carried tile into the buffer that carries it."""
        moved = Tile(tile.shape, tile.dtype, tile.memory)
        self.append(TileOp("tile.move", moved, (tile,), self.line))
        return moved

    def store(self, source: TensorValue, target: GlobalArgument, offset: Sequence[Scalar]) -> None:
        """Record a store of `source` into `target` at `offset`."""
        box = Box(target.index, source.shape, tuple(offset))
        self.append(TileOp("tile.store", None, (self.tile(source),), self.line, box))
        target.stored = True

    # Operations

    def create(self, shape: tuple[int, ...], dtype: DType) -> TensorValue:
        """A tile, or a fresh argument where the tensor leaves the region."""
        if self.creates_output:
            return self.argument("created", shape, dtype, fresh=True)
        slot = Slot()
        self._blocks[-1].append(slot)
        return Uninitialised(shape, dtype, slot, self.line)

    def slice(
        self, tensor: TensorValue, shape: tuple[int, ...], offset: tuple[Scalar, ...]
    ) -> TensorValue:
        """A window on an argument; loads just that rectangle when something uses it."""
        if isinstance(tensor, Window):
            offset = tuple(a + b for a, b in zip(tensor.offset, offset, strict=True))
            tensor = tensor.argument
        if not isinstance(tensor, GlobalArgument):
            raise InputError(
                "slicing a tile inside its region is not supported; slice the tensor before "
                "computing on it, or assemble the tile into a tensor first"
            )
        slot = Slot()
        self._blocks[-1].append(slot)
        return Window(tensor, shape, offset, slot, self.line)

    def assemble(
        self, target: TensorValue, source: TensorValue, offset: tuple[Scalar, ...]
    ) -> TensorValue:
        """Store `source` into an argument."""
        if not isinstance(target, GlobalArgument):
            raise InputError(
                "assembling into a tile is not supported; assemble into a tensor of the program"
            )
        if isinstance(source, GlobalArgument):
            raise InputError(
                "a whole tensor cannot be assembled without computing on it (the compiler has no "
                "code for that copy); slice it first"
            )
        self.store(source, target, offset)
        return target

    def compute(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: DType,
        operands: Sequence[TensorValue],
        attributes: Mapping[str, Any],
    ) -> TensorValue:
        """Record a vector operation."""
        tiles = tuple(self.tile(value) for value in operands)
        if name != "reshape":
            tiles = tuple(self._passed(tile, Memory.UB) for tile in tiles)
        if name in _REDUCTIONS:
            columns = max(tiles[0].shape[-1], _SCRATCH_COLUMNS)
            scratch = Tile((*tiles[0].shape[:-1], columns), tiles[0].dtype, Memory.UB)
            self.append(TileOp("tile.create", scratch, (), self.line))
            tiles = (*tiles, scratch)
        memory = tiles[0].memory if tiles else Memory.UB
        result = Tile(shape, dtype, memory)
        suffix = "s" if name in _WITH_SCALAR_FORM and "scalar" in attributes else ""
        self.append(
            TileOp(f"tile.{name}{suffix}", result, tiles, self.line, attributes=dict(attributes))
        )
        return OnChip(result, dtype)

    def matmul(
        self,
        shape: tuple[int, int],
        dtype: DType,
        lhs: tuple[TensorValue, bool],
        rhs: tuple[TensorValue, bool],
        accumulator: TensorValue | None,
    ) -> TensorValue:
        """Record the loads and moves of the operands and the multiply(-accumulate)."""
        inputs = (self._matrix(*lhs), self._matrix(*rhs))
        left = self._moved(inputs[0], Memory.L0A)
        right = self._moved(inputs[1], Memory.L0B)
        # The cube accumulates in 32 bits whatever the program's result dtype is.
        wide = BY_NAME["FP32" if left.dtype.is_float else "INT32"]
        result = Tile(shape, wide, Memory.L0C)
        name, operands = "tile.matmul", (left, right)
        if accumulator is not None:
            total = self.tile(accumulator)
            if total.memory is not Memory.L0C:
                raise InputError(
                    "matmul_acc needs the result of a matmul of the same region as accumulator"
                )
            name, operands = "tile.matmul_acc", (total, left, right)  # type: ignore[assignment]  # one operand more
        self.append(TileOp(name, result, operands, self.line))
        return OnChip(result, dtype)

    def _matrix(self, value: TensorValue, transposed: bool) -> Tile:
        if isinstance(value, Window):
            return self._load_window(value, Memory.L1, transposed=transposed)
        if isinstance(value, GlobalArgument):
            return self._load_here(value, Memory.L1, transposed=transposed)
        tile = self.tile(value)
        if tile.memory is Memory.UB and not transposed:
            return self._passed(tile, Memory.L1)
        raise InputError(
            "a matmul takes tensors, slices of them or results of vector operations as they are; "
            "store another matmul's result, or what is to be transposed, into a tensor first"
        )

    def _passed(self, tile: Tile, memory: Memory) -> Tile:
        """A tile where the other core of the cluster can use it, passed on if it has to be."""
        is_there = tile.memory is memory or (memory is Memory.UB and tile.memory is not Memory.L0C)
        if is_there:
            return tile
        known = self._passes.get(tile)
        if known is None:
            known = self._passes[tile] = self._moved(tile, memory)
        return known

    def _moved(self, tile: Tile, memory: Memory) -> Tile:
        moved = Tile(tile.shape, tile.dtype, memory)
        self.append(TileOp("tile.move", moved, (tile,), self.line))
        return moved


def _tile_of(value: TensorValue, memory: Memory, *, transposed: bool) -> Tile:
    shape = tuple(reversed(value.shape)) if transposed else value.shape
    return Tile(shape, value.dtype, memory)


def _whole(argument: GlobalArgument) -> Box:
    return Box(argument.index, argument.shape, (0,) * len(argument.shape))


def _load(tile: Tile, box: Box, line: int, *, transposed: bool) -> TileOp:
    attributes = {"transposed": True} if transposed else {}
    return TileOp("tile.load", tile, (), line, box, attributes)


def _check_pipes(ops: Sequence[TileOp]) -> None:
    """Refuse what the compiler refuses: one kernel has one size of tiles that pass."""
    passing = {(passed_by(op), op.operands[0].nbytes) for op in ops if passed_by(op) is not None}
    if len({side for side, _ in passing}) > 1 and len({size for _, size in passing}) > 1:
        raise InputError(
            "tiles of different sizes pass between the cube core and the vector cores both ways, "
            "which the compiler refuses (a MIX task has one slot size); use two regions"
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
