"""The smallest program whose result depends on the order of two tasks that nothing orders."""

from __future__ import annotations

from runtime import language as pl

__all__ = ["build_zero_init"]


def build_zero_init(rows: int, inner: int, columns: int) -> pl.Program:
    """``out = x + a @ b``, with the product written into a tile that another task fills with 0.

    Both tasks only write the tile. A write-only argument looks nothing up in the TensorMap, so the
    graph has no edge between them, and the zeros may come last.

    Parameters
    ----------
    rows, inner, columns : int
        ``a`` is [rows, inner] and ``b`` [inner, columns], in elements.
    """
    M, K, N = rows, inner, columns

    @pl.program
    class ZeroInit:
        @pl.function
        def zero_init(
            self,
            a: pl.Tensor[[M, K], pl.BF16],
            b: pl.Tensor[[K, N], pl.BF16],
            x: pl.Tensor[[M, N], pl.FP32],
            out: pl.Out[pl.Tensor[[M, N], pl.FP32]],
        ):
            tile = pl.create_tensor([M, N], dtype=pl.FP32)
            with pl.incore():
                zero = pl.full([M, N], dtype=pl.FP32, value=0.0)
                tile = pl.assemble(tile, zero, [0, 0])
            with pl.incore():
                product = pl.matmul(a, b, out_dtype=pl.FP32)
                tile = pl.assemble(tile, product, [0, 0])
            with pl.incore():
                out = pl.assemble(out, pl.add(tile, x), [0, 0])
            return out  # noqa: RET504 - a program names what it returns

    return ZeroInit
