"""Programs that measure the runtime rather than the cores."""

from __future__ import annotations

from runtime import language as pl

__all__ = ["build_alternating_matmul_add"]


def build_alternating_matmul_add(
    batch: int, matmuls: int, adds: int, matmul_batch: int, add_batch: int, tile: int
) -> pl.Program:
    """Products and sums in turn, none of which depends on another, to measure submits.

    Every task names three views of the program's own tensors, so a submit looks up what nobody
    writes and the graph has no edge.

    Parameters
    ----------
    batch : int
        Repetitions.
    matmuls, adds : int
        Products and sums of each repetition, in tiles.
    matmul_batch, add_batch : int
        Products and sums of one task.
    tile : int
        Rows and columns of a tile, in elements.
    """
    B, T = batch, tile
    MM, AA = matmul_batch, add_batch
    PRODUCTS, SUMS = matmuls // matmul_batch, adds // add_batch

    @pl.program
    class AlternatingMatmulAdd:
        @pl.function
        def alternate(
            self,
            a: pl.Tensor[[B * PRODUCTS * MM * T, T], pl.FP32],
            b: pl.Tensor[[B * PRODUCTS * MM * T, T], pl.FP32],
            c: pl.Out[pl.Tensor[[B * PRODUCTS * MM * T, T], pl.FP32]],
            x: pl.Tensor[[B * SUMS * AA * T, T], pl.FP32],
            y: pl.Tensor[[B * SUMS * AA * T, T], pl.FP32],
            z: pl.Out[pl.Tensor[[B * SUMS * AA * T, T], pl.FP32]],
        ):
            for r in pl.range(0, B):
                for i in pl.range(0, PRODUCTS):
                    m0 = (r * PRODUCTS + i) * MM * T
                    a_view = pl.slice(a, [MM * T, T], [m0, 0])
                    b_view = pl.slice(b, [MM * T, T], [m0, 0])
                    c_view = pl.slice(c, [MM * T, T], [m0, 0])
                    with pl.incore():
                        for j in pl.range(0, MM):
                            left = pl.slice(a_view, [T, T], [j * T, 0])
                            right = pl.slice(b_view, [T, T], [j * T, 0])
                            c_view = pl.assemble(c_view, pl.matmul(left, right), [j * T, 0])
                for i in pl.range(0, SUMS):
                    s0 = (r * SUMS + i) * AA * T
                    x_view = pl.slice(x, [AA * T, T], [s0, 0])
                    y_view = pl.slice(y, [AA * T, T], [s0, 0])
                    z_view = pl.slice(z, [AA * T, T], [s0, 0])
                    with pl.incore():
                        for j in pl.range(0, AA):
                            left = pl.slice(x_view, [T, T], [j * T, 0])
                            right = pl.slice(y_view, [T, T], [j * T, 0])
                            z_view = pl.assemble(z_view, pl.add(left, right), [j * T, 0])

    return AlternatingMatmulAdd
