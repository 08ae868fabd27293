"""A stencil in one or two dimensions: every step, each cell becomes the mean around it."""

from __future__ import annotations

from devices.dtypes import BY_NAME
from devices.errors import InputError
from devices.kernel import Kernel
from runtime import language as pl
from runtime.graph import View
from runtime.handwritten import Orchestration, kernel_of

__all__ = ["build_stencil"]


def build_stencil(dimensions: int, tiles: int, steps: int, halo: int, tile: int) -> Orchestration:
    """Cells in tiles, a task for each tile and step, which reads the cells of its neighbours.

    A task names the cells that it reads, its own and a halo around them, so that it waits for the
    tasks of the step before that wrote tiles around its own. There are ``tiles ** dimensions``
    tasks a step, and between two steps ``(3 * tiles - 2) ** dimensions`` edges. Cells beyond the
    edge are given and stay as they are.

    Parameters
    ----------
    dimensions : int
        1: tiles below each other, and means down the columns. 2: a square of tiles, and means over
        squares.
    tiles : int
        Tiles in each dimension.
    steps : int
        How many there are.
    halo : int
        Cells on either side that enter a mean; at most `tile`.
    tile : int
        Rows and columns of a tile, in cells.
    """
    if halo > tile:
        raise InputError(
            f"stencil: halo {halo} reaches beyond the neighbouring tile of {tile} cells (tile); "
            "give a smaller halo or a larger tile"
        )
    o = Orchestration(f"stencil_{dimensions}d")
    beside = halo if dimensions == 2 else 0
    across = tiles if dimensions == 2 else 1
    shape = (tiles * tile + 2 * halo, across * tile + 2 * beside)
    fp32, kernel = BY_NAME["FP32"], _mean(tile, halo, beside)
    before = o.tensor("u0", shape, fp32)
    for step in range(steps):
        after = o.tensor(f"u{step + 1}", shape, fp32)
        with o.scope():
            for row in range(0, tiles * tile, tile):
                for column in range(0, across * tile, tile):
                    around = (tile + 2 * halo, tile + 2 * beside)
                    read = View(before.buffer, around, (row, column))
                    own = View(after.buffer, (tile, tile), (row + halo, column + beside))
                    o.submit(kernel, read, own)
        before = after
    return o


def _mean(tile: int, halo: int, beside: int) -> Kernel:
    T, H, W = tile, halo, beside
    part = 1.0 / ((2 * H + 1) * (2 * W + 1))

    @pl.program
    class Mean:
        @pl.function
        def mean(
            self,
            x: pl.Tensor[[T + 2 * H, T + 2 * W], pl.FP32],
            y: pl.Out[pl.Tensor[[T, T], pl.FP32]],
        ):
            with pl.incore():
                total = pl.full([T, T], dtype=pl.FP32, value=0.0)
                for r in pl.range(0, 2 * H + 1):
                    for c in pl.range(0, 2 * W + 1):
                        total = pl.add(total, pl.slice(x, [T, T], [r, c]))
                y = pl.assemble(y, pl.mul(total, part), [0, 0])

    return kernel_of(Mean, "mean")
