"""Tiled Cholesky factorization: ``a = l @ l.T`` in tasks POTRF, TRSM, SYRK and GEMM."""

from __future__ import annotations

from devices.dtypes import BY_NAME
from devices.kernel import Kernel
from runtime import language as pl
from runtime.graph import View
from runtime.handwritten import Orchestration, kernel_of

__all__ = ["build_cholesky"]


def build_cholesky(tiles: int, tile: int) -> Orchestration:
    """The factorization, column by column of tiles.

    For each column k: POTRF factors its diagonal tile, TRSM solves for each tile below, SYRK
    updates the diagonal and GEMM the other tiles to the right. There are
    ``tiles * (tiles + 1) * (tiles + 2) / 6`` tasks on ``3 * tiles - 2`` levels.

    Updates are products and run on cube cores, factors and solves on vector cores. A cube core can
    only add, so the updates of a tile are added up in ``s`` (which is zero at first), and the
    vector core takes them from ``a`` when the tile's turn comes; and it accumulates only what it
    has multiplied, so the sum so far comes in as its product with ``eye``.

    Parameters
    ----------
    tiles : int
        Tiles in each dimension.
    tile : int
        Rows and columns of a tile, in elements.
    """
    o = Orchestration("cholesky")
    fp32, size = BY_NAME["FP32"], tiles * tile
    a, s, l = (o.tensor(name, (size, size), fp32) for name in ("a", "s", "l"))  # noqa: E741 - the field's name for it
    u = o.tensor("u", (size, tile), fp32)
    eye = o.tensor("eye", (tile, tile), fp32)
    potrf, trsm, syrk, gemm = _potrf(tile), _trsm(tile), _syrk(tile), _gemm(tile)

    def part(tensor: View, row: int, column: int) -> View:
        return View(tensor.buffer, (tile, tile), (row * tile, column * tile))

    for k in range(tiles):
        with o.scope():
            o.submit(potrf, part(a, k, k), part(s, k, k), part(l, k, k), part(u, k, 0))
            for i in range(k + 1, tiles):
                o.submit(trsm, part(a, i, k), part(u, k, 0), part(s, i, k), part(l, i, k))
            for i in range(k + 1, tiles):
                for j in range(k + 1, i):
                    o.submit(gemm, part(s, i, j), part(l, i, k), part(l, j, k), eye)
                o.submit(syrk, part(s, i, i), part(l, i, k), eye)
    return o


def _potrf(tile: int) -> Kernel:
    """Factor of a diagonal tile, and its transpose, column by column.

    ``s`` has what is to be taken from the tile, and then what is left of it.
    """
    T = tile

    @pl.program
    class Potrf:
        @pl.function
        def potrf(
            self,
            a: pl.Tensor[[T, T], pl.FP32],
            s: pl.InOut[pl.Tensor[[T, T], pl.FP32]],
            l: pl.Out[pl.Tensor[[T, T], pl.FP32]],  # noqa: E741 - the field's name for it
            u: pl.Out[pl.Tensor[[T, T], pl.FP32]],
        ):
            with pl.incore():
                s = pl.assemble(s, pl.sub(a, s), [0, 0])
                for j in pl.range(0, T):
                    column = pl.slice(s, [T, 1], [0, j])
                    row = pl.slice(s, [1, T], [j, 0])
                    pivot = pl.slice(s, [1, 1], [j, j])
                    left = pl.slice(s, [T, T], [0, 0])
                    root = pl.sqrt(pivot)
                    scaled = pl.div(row, root)
                    solved = pl.div(column, root)
                    l = pl.assemble(l, solved, [0, j])  # noqa: E741 - as above
                    u = pl.assemble(u, scaled, [j, 0])
                    outer = pl.row_expand_mul(pl.col_expand(left, scaled), solved)
                    s = pl.assemble(s, pl.sub(left, outer), [0, 0])

    return kernel_of(Potrf, "potrf")


def _trsm(tile: int) -> Kernel:
    """A tile below the diagonal: ``l @ u = a - s``, column by column; ``s`` as in POTRF."""
    T = tile

    @pl.program
    class Trsm:
        @pl.function
        def trsm(
            self,
            a: pl.Tensor[[T, T], pl.FP32],
            u: pl.Tensor[[T, T], pl.FP32],
            s: pl.InOut[pl.Tensor[[T, T], pl.FP32]],
            l: pl.Out[pl.Tensor[[T, T], pl.FP32]],  # noqa: E741 - the field's name for it
        ):
            with pl.incore():
                s = pl.assemble(s, pl.sub(a, s), [0, 0])
                for j in pl.range(0, T):
                    column = pl.slice(s, [T, 1], [0, j])
                    pivot = pl.slice(u, [1, 1], [j, j])
                    row = pl.slice(u, [1, T], [j, 0])
                    left = pl.slice(s, [T, T], [0, 0])
                    solved = pl.div(column, pivot)
                    l = pl.assemble(l, solved, [0, j])  # noqa: E741 - as above
                    outer = pl.row_expand_mul(pl.col_expand(left, row), solved)
                    s = pl.assemble(s, pl.sub(left, outer), [0, 0])

    return kernel_of(Trsm, "trsm")


def _syrk(tile: int) -> Kernel:
    """Update of a diagonal tile: ``s += l @ l.T``."""
    T = tile

    @pl.program
    class Syrk:
        @pl.function
        def syrk(
            self,
            s: pl.InOut[pl.Tensor[[T, T], pl.FP32]],
            l: pl.Tensor[[T, T], pl.FP32],  # noqa: E741 - the field's name for it
            eye: pl.Tensor[[T, T], pl.FP32],
        ):
            with pl.incore():
                total = pl.matmul(s, eye)
                total = pl.matmul_acc(total, l, l, b_trans=True)
                s = pl.assemble(s, total, [0, 0])

    return kernel_of(Syrk, "syrk")


def _gemm(tile: int) -> Kernel:
    """Update of a tile below the diagonal: ``s += left @ right.T``."""
    T = tile

    @pl.program
    class Gemm:
        @pl.function
        def gemm(
            self,
            s: pl.InOut[pl.Tensor[[T, T], pl.FP32]],
            left: pl.Tensor[[T, T], pl.FP32],
            right: pl.Tensor[[T, T], pl.FP32],
            eye: pl.Tensor[[T, T], pl.FP32],
        ):
            with pl.incore():
                total = pl.matmul(s, eye)
                total = pl.matmul_acc(total, left, right, b_trans=True)
                s = pl.assemble(s, total, [0, 0])

    return kernel_of(Gemm, "gemm")
