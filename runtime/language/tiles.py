"""What names stand for inside a region: arguments, windows on them, and tiles."""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.dtypes import DType
from devices.expression import Scalar
from devices.kernel import Direction, Memory, Tile, TileOp
from runtime.language.values import TensorValue

__all__ = ["GlobalArgument", "OnChip", "Slot", "Uninitialised", "Valid", "Window"]

Valid = tuple[Scalar, ...] | None
"""How many elements of a tile hold data, in every dimension; None if all do."""


class GlobalArgument(TensorValue):
    """A tensor argument of the kernel, in global memory."""

    __slots__ = ("entry_tile", "fresh", "index", "loaded", "name", "rewriting", "stored")

    def __init__(
        self, name: str, shape: tuple[int, ...], dtype: DType, index: int, *, fresh: bool
    ) -> None:
        super().__init__(shape, dtype)
        self.name = name
        self.index = index
        self.fresh = fresh
        self.loaded = False
        self.stored = False
        self.rewriting = 0
        self.entry_tile: Tile | None = None

    @property
    def direction(self) -> Direction:
        """What the kernel does with it, offsets not considered."""
        if not self.stored:
            return Direction.IN
        return Direction.INOUT if self.loaded else Direction.OUT_EXISTING


class OnChip(TensorValue):
    """A tile. Its dtype is the program's, which for products may be narrower than the tile's."""

    __slots__ = ("tile", "valid")

    def __init__(self, tile: Tile, dtype: DType, valid: Valid = None) -> None:
        super().__init__(tile.shape, dtype)
        self.tile = tile
        self.valid = valid


@dataclass(slots=True)
class Slot:
    """A place in a block where loads appear once it is known which memory needs them."""

    ops: list[TileOp] = field(default_factory=list)


class Window(TensorValue):
    """A slice of an argument, not loaded before its use says into which memory."""

    __slots__ = ("argument", "line", "offset", "slot", "tiles", "valid")

    def __init__(
        self,
        argument: GlobalArgument,
        shape: tuple[int, ...],
        offset: tuple[Scalar, ...],
        slot: Slot,
        line: int,
        valid: Valid = None,
    ) -> None:
        super().__init__(shape, argument.dtype)
        self.valid = valid
        self.argument = argument
        self.offset = offset
        self.slot = slot
        self.line = line
        self.tiles: dict[tuple[Memory, bool], Tile] = {}


class Uninitialised(TensorValue):
    """A tensor created inside the region, with the place of its ``tile.create``."""

    __slots__ = ("line", "slot", "tile")

    def __init__(self, shape: tuple[int, ...], dtype: DType, slot: Slot, line: int) -> None:
        super().__init__(shape, dtype)
        self.slot = slot
        self.line = line
        self.tile: Tile | None = None
