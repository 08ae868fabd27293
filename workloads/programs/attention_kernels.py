"""The kernels of paged attention: scores, softmax of a group of blocks, product and update.

A task has the queries of some requests, `rows` of each, and the same number of blocks of each.
"""

from __future__ import annotations

from devices.kernel import Kernel
from runtime import language as pl
from runtime.handwritten import kernel_of

__all__ = ["product_kernel", "score_kernel", "softmax_kernel", "update_kernel"]


def score_kernel(requests: int, blocks: int, rows: int, head_dim: int, block: int) -> Kernel:
    """QK, on a cube core: every query times the keys of its request."""
    R, N, H, D, B = requests, blocks, rows, head_dim, block

    @pl.program
    class Score:
        @pl.function
        def qk(
            self,
            q: pl.Tensor[[R * H, D], pl.BF16],
            k: pl.Tensor[[R * N * B, D], pl.BF16],
            s: pl.Out[pl.Tensor[[R * H, N * B], pl.FP32]],
        ):
            with pl.incore():
                for r in pl.range(0, R):
                    for n in pl.range(0, N):
                        query = pl.slice(q, [H, D], [r * H, 0])
                        keys = pl.slice(k, [B, D], [(r * N + n) * B, 0])
                        score = pl.matmul(query, keys, b_trans=True, out_dtype=pl.FP32)
                        s = pl.assemble(s, score, [r * H, n * B])

    return kernel_of(Score, "qk", fresh=["s"])


def softmax_kernel(requests: int, blocks: int, rows: int, head_dim: int, block: int) -> Kernel:
    """SF, on a vector core: weights of the scores, their largest and their sum, row by row.

    The first pass over the blocks finds the largest, the second the weights.
    """
    R, N, H, B = requests, blocks, rows, block
    scale = head_dim**-0.5

    @pl.program
    class Softmax:
        @pl.function
        def sf(
            self,
            s: pl.Tensor[[R * H, N * B], pl.FP32],
            p: pl.Out[pl.Tensor[[R * H, N * B], pl.BF16]],
            m: pl.Out[pl.Tensor[[R * H, 1], pl.FP32]],
            l: pl.Out[pl.Tensor[[R * H, 1], pl.FP32]],  # noqa: E741 - the field's name for it
        ):
            with pl.incore():
                for r in pl.range(0, R):
                    first = pl.mul(pl.slice(s, [H, B], [r * H, 0]), scale)
                    largest = pl.row_max(first)
                    for n in pl.range(1, N):
                        some = pl.mul(pl.slice(s, [H, B], [r * H, n * B]), scale)
                        largest = pl.maximum(largest, pl.row_max(some))
                    total = pl.mul(largest, 0.0)
                    for n in pl.range(0, N):
                        some = pl.mul(pl.slice(s, [H, B], [r * H, n * B]), scale)
                        weight = pl.exp(pl.row_expand_sub(some, largest))
                        total = pl.add(total, pl.row_sum(weight))
                        p = pl.assemble(p, pl.cast(weight, target_type=pl.BF16), [r * H, n * B])
                    m = pl.assemble(m, largest, [r * H, 0])
                    l = pl.assemble(l, total, [r * H, 0])  # noqa: E741 - as above

    return kernel_of(Softmax, "sf", fresh=["p", "m", "l"])


def product_kernel(requests: int, blocks: int, rows: int, head_dim: int, block: int) -> Kernel:
    """PV, on a cube core: weights times the values of their request, summed over the blocks."""
    R, N, H, D, B = requests, blocks, rows, head_dim, block

    @pl.program
    class Product:
        @pl.function
        def pv(
            self,
            p: pl.Tensor[[R * H, N * B], pl.BF16],
            v: pl.Tensor[[R * N * B, D], pl.BF16],
            o: pl.Out[pl.Tensor[[R * H, D], pl.FP32]],
        ):
            with pl.incore():
                for r in pl.range(0, R):
                    weight = pl.slice(p, [H, B], [r * H, 0])
                    values = pl.slice(v, [B, D], [r * N * B, 0])
                    total = pl.matmul(weight, values, out_dtype=pl.FP32)
                    for n in pl.range(1, N):
                        more = pl.slice(p, [H, B], [r * H, n * B])
                        other = pl.slice(v, [B, D], [(r * N + n) * B, 0])
                        total = pl.matmul_acc(total, more, other)
                    o = pl.assemble(o, total, [r * H, 0])

    return kernel_of(Product, "pv", fresh=["o"])


def update_kernel(requests: int, blocks: int, rows: int, head_dim: int, block: int) -> Kernel:
    """UP, on a vector core: new blocks enter the accumulators; the last ones end the row.

    Its scalar says whether these are the first blocks (1), the last (2), or both (3).
    """
    del blocks, block  # the same for any number
    R, H, D = requests, rows, head_dim

    @pl.program
    class Update:
        @pl.function
        def up(
            self,
            m: pl.Tensor[[R * H, 1], pl.FP32],
            l: pl.Tensor[[R * H, 1], pl.FP32],  # noqa: E741 - the field's name for it
            o: pl.Tensor[[R * H, D], pl.FP32],
            mi: pl.InOut[pl.Tensor[[R * H, 1], pl.FP32]],
            li: pl.InOut[pl.Tensor[[R * H, 1], pl.FP32]],
            oi: pl.InOut[pl.Tensor[[R * H, D], pl.FP32]],
            out: pl.Out[pl.Tensor[[R * H, D], pl.FP32]],
        ):
            for flags in pl.range(0, 4):
                with pl.incore():
                    for r in pl.range(0, R):
                        m_new = pl.slice(m, [H, 1], [r * H, 0])
                        l_new = pl.slice(l, [H, 1], [r * H, 0])
                        o_new = pl.slice(o, [H, D], [r * H, 0])
                        if flags % 2 == 1:
                            mi = pl.assemble(mi, pl.mul(m_new, 1.0), [r * H, 0])
                            li = pl.assemble(li, pl.mul(l_new, 1.0), [r * H, 0])
                            oi = pl.assemble(oi, pl.mul(o_new, 1.0), [r * H, 0])
                        else:
                            m_old = pl.slice(mi, [H, 1], [r * H, 0])
                            larger = pl.maximum(m_old, m_new)
                            old = pl.exp(pl.sub(m_old, larger))
                            new = pl.exp(pl.sub(m_new, larger))
                            l_old = pl.slice(li, [H, 1], [r * H, 0])
                            o_old = pl.slice(oi, [H, D], [r * H, 0])
                            l_sum = pl.add(pl.mul(l_old, old), pl.mul(l_new, new))
                            o_sum = pl.add(
                                pl.row_expand_mul(o_old, old), pl.row_expand_mul(o_new, new)
                            )
                            mi = pl.assemble(mi, larger, [r * H, 0])
                            li = pl.assemble(li, l_sum, [r * H, 0])
                            oi = pl.assemble(oi, o_sum, [r * H, 0])
                        if flags // 2 == 1:
                            l_end = pl.slice(li, [H, 1], [r * H, 0])
                            o_end = pl.slice(oi, [H, D], [r * H, 0])
                            row = pl.row_expand_div(o_end, l_end)
                            out = pl.assemble(out, row, [r * H, 0])

    return kernel_of(Update, "up")
