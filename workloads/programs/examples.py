"""Small programs that teach the language: elementwise, products, normalisations, rotation.

Each is one function with one chunked parallel loop (or two, nested), so that a task has several
iterations. All tensors are FP32.
"""

from __future__ import annotations

from runtime import language as pl

__all__ = [
    "build_gemm",
    "build_hello_world",
    "build_layer_norm",
    "build_matmul",
    "build_rms_norm",
    "build_rope",
    "build_softmax",
]

LAYER_NORM_EPSILON = 1e-5
RMS_EPSILON = 1e-6


def build_hello_world(rows: int, cols: int, row_chunk: int) -> pl.Program:
    """``y = x + 1`` row by row, [rows, cols]; `row_chunk` rows a task."""
    R, C, CHUNK = rows, cols, row_chunk

    @pl.program
    class HelloWorld:
        @pl.function
        def add_one(
            self, x: pl.Tensor[[R, C], pl.FP32], y: pl.Out[pl.Tensor[[R, C], pl.FP32]]
        ) -> pl.Tensor[[R, C], pl.FP32]:
            with pl.auto_incore():
                for r in pl.parallel(0, R, 1, chunk=CHUNK):
                    row = pl.slice(x, [1, C], [r, 0])
                    y = pl.assemble(y, pl.add(row, 1.0), [r, 0])
            return y

    return HelloWorld


def build_matmul(
    m: int, n: int, k: int, m_tile: int, n_tile: int, m_chunk: int, n_chunk: int
) -> pl.Program:
    """``c = a @ b``, [m, k] x [k, n], with all of `k` in one product.

    Parameters
    ----------
    m, n, k : int
        Sizes in elements.
    m_tile, n_tile : int
        Rows and columns of a product.
    m_chunk, n_chunk : int
        Products of a task in each direction.
    """
    M, N, K = m, n, k
    TM, TN = m_tile, n_tile
    CM, CN = m_chunk, n_chunk

    @pl.program
    class Matmul:
        @pl.function
        def matmul(
            self,
            a: pl.Tensor[[M, K], pl.FP32],
            b: pl.Tensor[[K, N], pl.FP32],
            c: pl.Out[pl.Tensor[[M, N], pl.FP32]],
        ) -> pl.Tensor[[M, N], pl.FP32]:
            with pl.auto_incore():
                for mb in pl.parallel(0, M, TM, chunk=CM):
                    for nb in pl.parallel(0, N, TN, chunk=CN):
                        rows = pl.slice(a, [TM, K], [mb, 0])
                        columns = pl.slice(b, [K, TN], [0, nb])
                        c = pl.assemble(c, pl.matmul(rows, columns), [mb, nb])
            return c

    return Matmul


def build_gemm(
    m: int, n: int, k: int, m_tile: int, n_tile: int, k_tile: int, m_chunk: int, n_chunk: int
) -> pl.Program:
    """``c = a @ b`` as `build_matmul`, with `k` in steps of `k_tile` that accumulate."""
    M, N, K = m, n, k
    TM, TN, TK = m_tile, n_tile, k_tile
    CM, CN = m_chunk, n_chunk

    @pl.program
    class Gemm:
        @pl.function
        def gemm(
            self,
            a: pl.Tensor[[M, K], pl.FP32],
            b: pl.Tensor[[K, N], pl.FP32],
            c: pl.Out[pl.Tensor[[M, N], pl.FP32]],
        ) -> pl.Tensor[[M, N], pl.FP32]:
            with pl.auto_incore():
                for mb in pl.parallel(0, M, TM, chunk=CM):
                    for nb in pl.parallel(0, N, TN, chunk=CN):
                        first_a = pl.slice(a, [TM, TK], [mb, 0])
                        first_b = pl.slice(b, [TK, TN], [0, nb])
                        acc = pl.matmul(first_a, first_b)
                        for kb in pl.range(1, K // TK):
                            next_a = pl.slice(a, [TM, TK], [mb, kb * TK])
                            next_b = pl.slice(b, [TK, TN], [kb * TK, nb])
                            acc = pl.matmul_acc(acc, next_a, next_b)
                        c = pl.assemble(c, acc, [mb, nb])
            return c

    return Gemm


def build_layer_norm(rows: int, hidden: int, row_chunk: int) -> pl.Program:
    """Rows of [rows, hidden] less their mean, over their deviation, times gamma, plus beta.

    `row_chunk` rows make a tile, and a task.
    """
    R, H, T = rows, hidden, row_chunk
    MEAN = 1.0 / hidden
    # Added to every square before they are summed up.
    EPSILON = LAYER_NORM_EPSILON / hidden

    @pl.program
    class LayerNorm:
        @pl.function
        def layer_norm(
            self,
            x: pl.Tensor[[R, H], pl.FP32],
            gamma: pl.Tensor[[1, H], pl.FP32],
            beta: pl.Tensor[[1, H], pl.FP32],
            y: pl.Out[pl.Tensor[[R, H], pl.FP32]],
        ) -> pl.Tensor[[R, H], pl.FP32]:
            with pl.auto_incore():
                for r in pl.parallel(0, R, T, chunk=1):
                    tile = pl.slice(x, [T, H], [r, 0])
                    gain = pl.slice(gamma, [1, H], [0, 0])
                    shift = pl.slice(beta, [1, H], [0, 0])
                    mean = pl.row_sum(pl.mul(tile, MEAN))
                    centred = pl.row_expand_sub(tile, mean)
                    squares = pl.mul(pl.mul(centred, centred), MEAN)
                    variance = pl.row_sum(pl.add(squares, EPSILON))
                    deviation = pl.sqrt(pl.reshape(variance, [1, T]))
                    normed = pl.row_expand_div(centred, pl.reshape(deviation, [T, 1]))
                    scaled = pl.col_expand_mul(normed, gain)
                    ones = pl.add(pl.sub(tile, tile), 1.0)
                    y = pl.assemble(y, pl.add(scaled, pl.col_expand_mul(ones, shift)), [r, 0])
            return y

    return LayerNorm


def build_rms_norm(rows: int, hidden: int, row_chunk: int, hidden_chunk: int) -> pl.Program:
    """Rows of [rows, hidden] over their root mean square, times gamma, in two passes.

    The sum of squares begins as a tile that nothing has written, times 0, as in the published
    program: that is 0 only where the memory happened to hold numbers.

    Parameters
    ----------
    rows, hidden : int
        Sizes in elements.
    row_chunk, hidden_chunk : int
        Rows of a task, and columns of a step.
    """
    R, H, T, C = rows, hidden, row_chunk, hidden_chunk
    MEAN = 1.0 / hidden

    @pl.program
    class RMSNorm:
        @pl.function
        def rms_norm(
            self,
            x: pl.Tensor[[R, H], pl.FP32],
            gamma: pl.Tensor[[1, H], pl.FP32],
            y: pl.Out[pl.Tensor[[R, H], pl.FP32]],
        ) -> pl.Tensor[[R, H], pl.FP32]:
            with pl.auto_incore():
                for r in pl.parallel(0, R, T, chunk=1):
                    sq_sum = pl.create_tensor([1, T], dtype=pl.FP32)
                    sq_sum = pl.mul(sq_sum, 0.0)
                    for hb in pl.range(0, H // C):
                        part = pl.slice(x, [T, C], [r, hb * C])
                        squares = pl.row_sum(pl.mul(part, part))
                        sq_sum = pl.add(sq_sum, pl.reshape(squares, [1, T]))
                    inv_rms = pl.rsqrt(pl.add(pl.mul(sq_sum, MEAN), RMS_EPSILON))
                    scale = pl.reshape(inv_rms, [T, 1])
                    for hb in pl.range(0, H // C):
                        part = pl.slice(x, [T, C], [r, hb * C])
                        gain = pl.slice(gamma, [1, C], [0, hb * C])
                        normed = pl.col_expand_mul(pl.row_expand_mul(part, scale), gain)
                        y = pl.assemble(y, normed, [r, hb * C])
            return y

    return RMSNorm


def build_rope(batch: int, num_heads: int, head_dim: int, batch_chunk: int) -> pl.Program:
    """Rotary embedding of [batch * num_heads, head_dim] at one position.

    Parameters
    ----------
    batch, num_heads, head_dim : int
        Sizes in elements; the halves of a head rotate into each other.
    batch_chunk : int
        Batch items of a task.
    """
    B, H, D, CHUNK = batch, num_heads, head_dim, batch_chunk
    HALF = head_dim // 2

    @pl.program
    class RoPE:
        @pl.function
        def rope(
            self,
            x: pl.Tensor[[B * H, D], pl.FP32],
            cos: pl.Tensor[[1, D], pl.FP32],
            sin: pl.Tensor[[1, D], pl.FP32],
            y: pl.Out[pl.Tensor[[B * H, D], pl.FP32]],
        ) -> pl.Tensor[[B * H, D], pl.FP32]:
            with pl.auto_incore():
                for b in pl.parallel(0, B, 1, chunk=CHUNK):
                    row = b * H
                    cos_lo = pl.slice(cos, [1, HALF], [0, 0])
                    cos_hi = pl.slice(cos, [1, HALF], [0, HALF])
                    sin_lo = pl.slice(sin, [1, HALF], [0, 0])
                    sin_hi = pl.slice(sin, [1, HALF], [0, HALF])
                    x_lo = pl.slice(x, [H, HALF], [row, 0])
                    x_hi = pl.slice(x, [H, HALF], [row, HALF])
                    rot_lo = pl.sub(
                        pl.col_expand_mul(x_lo, cos_lo), pl.col_expand_mul(x_hi, sin_lo)
                    )
                    rot_hi = pl.add(
                        pl.col_expand_mul(x_hi, cos_hi), pl.col_expand_mul(x_lo, sin_hi)
                    )
                    y = pl.assemble(y, rot_lo, [row, 0])
                    y = pl.assemble(y, rot_hi, [row, HALF])
            return y

    return RoPE


def build_softmax(rows: int, cols: int, row_chunk: int) -> pl.Program:
    """Softmax of each row of [rows, cols], less its maximum first; `row_chunk` rows a task."""
    R, C, T = rows, cols, row_chunk

    @pl.program
    class Softmax:
        @pl.function
        def softmax(
            self, x: pl.Tensor[[R, C], pl.FP32], y: pl.Out[pl.Tensor[[R, C], pl.FP32]]
        ) -> pl.Tensor[[R, C], pl.FP32]:
            with pl.auto_incore():
                for r in pl.parallel(0, R, T, chunk=1):
                    tile = pl.slice(x, [T, C], [r, 0])
                    powers = pl.exp(pl.row_expand_sub(tile, pl.row_max(tile)))
                    y = pl.assemble(y, pl.row_expand_div(powers, pl.row_sum(powers)), [r, 0])
            return y

    return Softmax
