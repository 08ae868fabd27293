"""Kernels of generated graphs: sums and products of any number of tiles, as often as one likes.

The language fixes how many tensors a region names, so these are put together operation by
operation, as it would record them. Every kernel has one scalar argument, `passes`: it does its work
so many times over, with the same result. So tasks of one kernel take times of their own, and those
are what the device's model gives for the work.
"""

from __future__ import annotations

from collections.abc import Sequence

from devices.dtypes import BY_NAME
from devices.expression import Symbol
from devices.kernel import (
    Box,
    CoreType,
    Direction,
    Kernel,
    Loop,
    Memory,
    Parameter,
    Tile,
    TileOp,
)

__all__ = ["EPSILON", "product_kernel", "sum_kernel"]

EPSILON = 1e-6
"""Keeps the root of a row of zeros from being a divisor."""

FP32 = BY_NAME["FP32"]


def sum_kernel(heights: Sequence[int], tile: int) -> Kernel:
    """Sum of tiles, each row over its root mean square; on a vector core.

    Parameters
    ----------
    heights : sequence of int
        Tensors that a task names, and how many tiles lie one below the other in each.
    tile : int
        Rows and columns of a tile, in elements.
    """
    body = _Body(tile)
    first, *others = _places(heights)
    total = body.load(*first, Memory.UB)
    for other in others:
        total = body.op("add", Memory.UB, total, body.load(*other, Memory.UB))
    # Sums of sums would grow with every layer of a graph; normed, they stay near 1.
    column = (tile, 1)
    squares = body.op("mul", Memory.UB, total, total)
    scratch = body.op("create", Memory.UB)
    sums = body.op("row_sum", Memory.UB, squares, scratch, shape=column)
    means = body.op("muls", Memory.UB, sums, shape=column, scalar=1.0 / tile)
    shifted = body.op("adds", Memory.UB, means, shape=column, scalar=EPSILON)
    inverse = body.op("rsqrt", Memory.UB, shifted, shape=column)
    body.store(body.op("row_expand_mul", Memory.UB, total, inverse), len(heights))
    return _kernel("sum", CoreType.AIV, heights, (), body)


def product_kernel(heights: Sequence[int], tile: int) -> Kernel:
    """Sum of tiles times a weight ``w`` of one tile; on a cube core. Parameters as `sum_kernel`."""
    body, total = _Body(tile), None
    for tensor, row in _places(heights):
        left = body.op("move", Memory.L0A, body.load(tensor, row, Memory.L1))
        right = body.op("move", Memory.L0B, body.load(len(heights), 0, Memory.L1))
        if total is None:
            total = body.op("matmul", Memory.L0C, left, right)
        else:
            total = body.op("matmul_acc", Memory.L0C, total, left, right)
    body.store(total, len(heights) + 1)
    return _kernel("product", CoreType.AIC, heights, ("w",), body)


class _Body:
    """Collects the operations of one pass."""

    def __init__(self, tile: int) -> None:
        self.tile = tile
        self.ops: list[TileOp] = []

    def op(
        self,
        name: str,
        memory: Memory,
        *operands: Tile,
        shape: tuple[int, int] | None = None,
        **attributes: float,
    ) -> Tile:
        result = Tile(shape or (self.tile, self.tile), FP32, memory)
        self.ops.append(TileOp(f"tile.{name}", result, operands, 1, attributes=attributes))
        return result

    def load(self, parameter: int, row: int, memory: Memory) -> Tile:
        result = Tile((self.tile, self.tile), FP32, memory)
        box = Box(parameter, result.shape, (row * self.tile, 0))
        self.ops.append(TileOp("tile.load", result, (), 1, box))
        return result

    def store(self, tile: Tile, parameter: int) -> None:
        self.ops.append(TileOp("tile.store", None, (tile,), 1, Box(parameter, tile.shape, (0, 0))))


def _places(heights: Sequence[int]) -> list[tuple[int, int]]:
    """Tensor and row of every tile."""
    return [(tensor, row) for tensor, height in enumerate(heights) for row in range(height)]


def _kernel(
    name: str, core: CoreType, heights: Sequence[int], weights: Sequence[str], body: _Body
) -> Kernel:
    tile, passes = body.tile, Symbol("passes")
    parameters = (
        *(
            Parameter(f"x{n}", (height * tile, tile), FP32, Direction.IN)
            for n, height in enumerate(heights)
        ),
        *(Parameter(weight, (tile, tile), FP32, Direction.IN) for weight in weights),
        Parameter("y", (tile, tile), FP32, Direction.OUT_EXISTING),
    )
    loop = Loop(Symbol("n"), start=0, step=1, trips=passes, body=tuple(body.ops))
    return Kernel(f"{name}_{sum(heights)}", core, parameters, (passes,), (loop,), line=1)
