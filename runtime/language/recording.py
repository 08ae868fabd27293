"""Recording a region as a kernel: tensor operations become tile operations.

The order of loads, moves and stores follows the compiler of April 2026: a slice loads where it
stands; an argument used whole by vector operations loads once, at the kernel's entry; matrix
operands pass through L1 into L0A and L0B; results that leave the region are stored at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from devices.dtypes import BY_NAME, DType
from devices.errors import InputError
from devices.expression import Lookup, Scalar, Table
from devices.kernel import Box, Memory, Tile, TileOp
from runtime.language.kernel_record import KernelRecord
from runtime.language.tiles import GlobalArgument, OnChip, Uninitialised, Valid, Window
from runtime.language.values import TensorValue

__all__ = ["KernelTracer"]

_SCRATCH_COLUMNS = 128
"""Least width of a reduction's scratch tile; 64 columns get 128 in every published kernel."""

_REDUCTIONS = ("row_sum", "row_max", "row_min")

_ELEMENTWISE = frozenset(
    {"add", "sub", "mul", "div", "maximum", "neg", "exp", "recip", "sqrt", "rsqrt"}
)

_WITH_SCALAR_FORM = ("add", "sub", "mul", "div")
"""Operations whose tile operation has another name when the second operand is a scalar."""


_MATRIX_MEMORIES = (Memory.L0A, Memory.L0B)


class KernelTracer(KernelRecord):
    """Gives operations their meaning inside a kernel, and collects it.

    Attributes
    ----------
    table_of : callable
        Gives the table of an argument of which single elements can be read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.table_of: Callable[[GlobalArgument], Table | None] = lambda _: None
        self._passes: dict[Tile, Tile] = {}

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
            return self._created(value, Memory.UB)
        raise InputError(f"{value!r} is not a value of this region")

    def accumulator(self, value: TensorValue) -> Tile:
        """The tile of `value` that products fill, where it is one that nothing has filled yet."""
        return (
            self._created(value, Memory.L0C)
            if isinstance(value, Uninitialised)
            else self.tile(value)
        )

    def _created(self, value: Uninitialised, memory: Memory) -> Tile:
        if value.tile is None:
            value.tile = Tile(value.shape, value.dtype, memory)
            value.slot.ops.append(TileOp("tile.create", value.tile, (), value.line))
        return value.tile

    def _load_window(self, window: Window, memory: Memory, *, transposed: bool) -> Tile:
        key = (memory, transposed)
        if key not in window.tiles:
            window.tiles[key] = tile = _tile_of(window, memory, transposed=transposed)
            box = Box(window.argument.index, window.shape, window.offset)
            load = _load(tile, box, window.line, transposed=transposed, valid=window.valid)
            window.slot.ops.append(load)
            window.argument.loaded = True
        return window.tiles[key]

    def _load_whole(self, argument: GlobalArgument) -> Tile:
        # What was stored is newer than what the kernel's entry could load.
        if argument.stored or argument.rewriting:
            return self._load_here(argument, Memory.UB, transposed=False)
        if argument.entry_tile is None:
            argument.entry_tile = tile = _tile_of(argument, Memory.UB, transposed=False)
            self.entry.ops.append(_load(tile, _whole(argument), self.line, transposed=False))
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

    def move_into(self, result: Tile, value: TensorValue) -> None:
        """Record the move of a value into a tile that another path fills as well.

        Products are where they accumulate, whichever path they take.
        """
        tile = self.tile(value)
        name = "tile.reshape" if result.memory is tile.memory is Memory.L0C else "tile.move"
        self.append(TileOp(name, result, (tile,), self.line))

    def write_back(
        self, source: TensorValue, target: GlobalArgument, offset: Sequence[Scalar]
    ) -> None:
        """Record a store of `source` into `target` at `offset`."""
        box = Box(target.index, source.shape, tuple(offset))
        self.append(TileOp("tile.store", None, (self.tile(source),), self.line, box))
        target.stored = True

    # Operations

    def create(self, shape: tuple[int, ...], dtype: DType) -> TensorValue:
        """A tile, or a fresh argument where the tensor leaves the region."""
        if self.creates_output:
            return self.argument("created", shape, dtype, fresh=True)
        return Uninitialised(shape, dtype, self.slot(), self.line)

    def slice(
        self,
        tensor: TensorValue,
        shape: tuple[int, ...],
        offset: tuple[Scalar, ...],
        valid: Valid,
    ) -> TensorValue:
        """A window on an argument; loads just that rectangle when something uses it."""
        if isinstance(tensor, Window):
            offset = tuple(a + b for a, b in zip(tensor.offset, offset, strict=True))
            tensor = tensor.argument
        if not isinstance(tensor, GlobalArgument):
            part = Tile(shape, tensor.dtype, self.tile(tensor).memory)
            attributes = {"offset": offset}
            source = (self.tile(tensor),)
            self.append(TileOp("tile.slice", part, source, self.line, attributes=attributes))
            return OnChip(part, tensor.dtype, valid)
        return Window(tensor, shape, offset, self.slot(), self.line, valid)

    def assemble(
        self, target: TensorValue, source: TensorValue, offset: tuple[Scalar, ...]
    ) -> TensorValue:
        """Store `source` into an argument."""
        if not isinstance(target, GlobalArgument):
            return self._assembled(target, source, offset)
        if isinstance(source, GlobalArgument):
            raise InputError(
                "a whole tensor cannot be assembled without computing on it (the compiler has no "
                "code for that copy); slice it first"
            )
        self.write_back(source, target, offset)
        return target

    def _assembled(
        self, target: TensorValue, source: TensorValue, offset: tuple[Scalar, ...]
    ) -> TensorValue:
        """Record a copy of one tile into another, in its place."""
        tile = self.tile(target)
        if isinstance(target, Window):  # others may use what was loaded
            tile = self.copy_of(tile)
        operands = (tile, self._passed(self.tile(source), Memory.UB))
        attributes = {"offset": offset}
        self.append(TileOp("tile.assemble", tile, operands, self.line, attributes=attributes))
        return OnChip(tile, target.dtype)

    def read(self, tensor: TensorValue, index: tuple[Scalar, ...]) -> Scalar:
        """An integer that the kernel reads of a tensor that the program is given."""
        table = self.table_of(tensor) if isinstance(tensor, GlobalArgument) else None
        if table is None or not isinstance(tensor, GlobalArgument) or tensor.dtype.is_float:
            raise InputError(
                "a region reads single elements of integer tensors that the program is given, "
                "whole, and of nothing else; read it before the region and use the scalar in it"
            )
        tensor.loaded = True
        return Lookup(table, index)

    def write(self, tensor: TensorValue, index: tuple[Scalar, ...], value: Scalar) -> NoReturn:
        """Refuse, likewise."""
        del tensor, index, value
        raise InputError(
            "writing one element inside a region is not supported; assemble a tile of pl.full"
        )

    # Tiles of kernels that are written by hand

    def load(
        self,
        tensor: TensorValue,
        offset: tuple[Scalar, ...],
        shape: tuple[int, ...],
        memory: Memory,
        *,
        transposed: bool,
        valid: Valid,
    ) -> TensorValue:
        """Record a load."""
        if not isinstance(tensor, GlobalArgument):
            raise InputError("load reads a tensor of the kernel's parameters, not a tile")
        window = Window(tensor, shape, offset, self.slot(), self.line, valid)
        tile = self._load_window(window, memory, transposed=transposed)
        return OnChip(tile, tensor.dtype, valid)

    def store(
        self, tile: TensorValue, offset: tuple[Scalar, ...], tensor: TensorValue
    ) -> TensorValue:
        """Record a store."""
        if not isinstance(tensor, GlobalArgument):
            raise InputError("store writes a tensor of the kernel's parameters, not a tile")
        if not isinstance(tile, OnChip | Uninitialised):
            raise InputError("store takes a tile; load the tensor first")
        self.write_back(tile, tensor, offset)
        return tensor

    def move(self, tile: TensorValue, memory: Memory) -> TensorValue:
        """Record a move."""
        return OnChip(self._moved(self.tile(tile), memory), tile.dtype)

    def create_tile(self, shape: tuple[int, ...], dtype: DType, memory: Memory) -> TensorValue:
        """Record an uninitialised tile."""
        tile = Tile(shape, dtype, memory)
        self.append(TileOp("tile.create", tile, (), self.line))
        return OnChip(tile, dtype)

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
        valid = _valid_part(operands, shape)
        if name == "fillpad":
            attributes, valid = {**attributes, "valid": valid}, None
        if name != "reshape":
            tiles = tuple(self._passed(tile, Memory.UB) for tile in tiles)
        if name in _REDUCTIONS and len(tiles) == 1:
            columns = max(tiles[0].shape[-1], _SCRATCH_COLUMNS)
            scratch = Tile((*tiles[0].shape[:-1], columns), tiles[0].dtype, Memory.UB)
            self.append(TileOp("tile.create", scratch, (), self.line))
            tiles = (*tiles, scratch)
        memory = tiles[0].memory if tiles else Memory.UB
        # Cores compute on rows, so the compiler turns columns into rows and the result back.
        is_column = name in _ELEMENTWISE and all(_is_column(t.shape) for t in tiles)
        if is_column:
            tiles = tuple(self._reshaped(tile, (1, tile.shape[0])) for tile in tiles)
        result = Tile((1, shape[0]) if is_column else shape, dtype, memory)
        suffix = "s" if name in _WITH_SCALAR_FORM and "scalar" in attributes else ""
        self.append(
            TileOp(f"tile.{name}{suffix}", result, tiles, self.line, attributes=dict(attributes))
        )
        return OnChip(self._reshaped(result, shape) if is_column else result, dtype, valid)

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
        left = self._operand(inputs[0], Memory.L0A)
        right = self._operand(inputs[1], Memory.L0B)
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
        # Of tiles that were moved by hand the product is what the cube accumulates.
        by_hand = lhs[0] if isinstance(lhs[0], OnChip) else None
        is_tile = by_hand is not None and by_hand.tile.memory in _MATRIX_MEMORIES
        return OnChip(result, wide if is_tile else dtype)

    def _matrix(self, value: TensorValue, transposed: bool) -> Tile:
        if isinstance(value, Window):
            return self._load_window(value, Memory.L1, transposed=transposed)
        if isinstance(value, GlobalArgument):
            return self._load_here(value, Memory.L1, transposed=transposed)
        tile = self.tile(value)
        if tile.memory is Memory.UB and not transposed:
            return self._passed(tile, Memory.L1)
        if tile.memory in (Memory.L1, *_MATRIX_MEMORIES) and not transposed:
            return tile
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

    def _operand(self, tile: Tile, memory: Memory) -> Tile:
        """A matrix in the memory from which the cube reads that side."""
        if tile.memory in _MATRIX_MEMORIES and tile.memory is not memory:
            raise InputError(
                f"the cube reads that operand from {memory.value}, and it is in "
                f"{tile.memory.value}; move it there"
            )
        return tile if tile.memory is memory else self._moved(tile, memory)

    def _reshaped(self, tile: Tile, shape: tuple[int, ...]) -> Tile:
        reshaped = Tile(shape, tile.dtype, tile.memory)
        self.append(TileOp("tile.reshape", reshaped, (tile,), self.line))
        return reshaped

    def _moved(self, tile: Tile, memory: Memory) -> Tile:
        moved = Tile(tile.shape, tile.dtype, memory)
        self.append(TileOp("tile.move", moved, (tile,), self.line))
        return moved


def _tile_of(value: TensorValue, memory: Memory, *, transposed: bool) -> Tile:
    shape = tuple(reversed(value.shape)) if transposed else value.shape
    return Tile(shape, value.dtype, memory)


def _is_column(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and shape[0] > 1 and shape[1] == 1


def _whole(argument: GlobalArgument) -> Box:
    return Box(argument.index, argument.shape, (0,) * len(argument.shape))


def _valid_part(operands: Sequence[TensorValue], shape: tuple[int, ...]) -> Valid:
    """The part of a result that holds data: that of an operand of its shape."""
    for value in operands:
        if isinstance(value, Window | OnChip) and value.shape == shape and value.valid:
            return value.valid
    return None


def _load(tile: Tile, box: Box, line: int, *, transposed: bool, valid: Valid = None) -> TileOp:
    attributes: dict[str, Any] = {"transposed": True} if transposed else {}
    if valid is not None:
        attributes["valid"] = valid
    return TileOp("tile.load", tile, (), line, box, attributes)
