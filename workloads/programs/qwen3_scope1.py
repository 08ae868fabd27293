"""Qwen3-32B decode, scope 1: RMSNorm of the hidden states, then the Q, K and V projections."""

from __future__ import annotations

from runtime import language as pl

__all__ = ["build_scope1"]

BATCH_TILE = 16
RMS_EPSILON = 1e-6


def build_scope1(
    batch: int, hidden: int, num_kv_heads: int, head_dim: int, k_chunk: int, out_chunk: int
) -> pl.Program:
    """Every projection task writes a view of its own, so the graph has no chain.

    Parameters
    ----------
    batch, hidden : int
        Rows of the activations and model width, in elements.
    num_kv_heads, head_dim : int
        Their product is the width of K and V.
    k_chunk, out_chunk : int
        Step along the model width, and columns of a projection task.
    """
    B, H, KV = batch, hidden, num_kv_heads * head_dim
    K, Q = k_chunk, out_chunk
    MEAN = 1.0 / hidden

    @pl.program
    class Qwen3Scope1:
        @pl.function
        def qwen3_scope1(
            self,
            hidden_states: pl.Tensor[[B, H], pl.BF16],
            input_rms_weight: pl.Tensor[[1, H], pl.FP32],
            wq: pl.Tensor[[H, H], pl.BF16],
            wk: pl.Tensor[[H, KV], pl.BF16],
            wv: pl.Tensor[[H, KV], pl.BF16],
            q_proj: pl.Out[pl.Tensor[[B, H], pl.FP32]],
            k_proj: pl.Out[pl.Tensor[[B, KV], pl.FP32]],
            v_proj: pl.Out[pl.Tensor[[B, KV], pl.FP32]],
        ):
            for b0 in pl.range(0, B, BATCH_TILE):
                normed_tile = pl.create_tensor([BATCH_TILE, H], dtype=pl.BF16)
                with pl.incore():
                    sq_sum = pl.full([1, BATCH_TILE], dtype=pl.FP32, value=0.0)
                    for kb in pl.range(0, H // K):
                        x_bf16 = pl.slice(hidden_states, [BATCH_TILE, K], [b0, kb * K])
                        x_chunk = pl.cast(x_bf16, target_type=pl.FP32)
                        squares = pl.row_sum(pl.mul(x_chunk, x_chunk))
                        sq_sum = pl.add(sq_sum, pl.reshape(squares, [1, BATCH_TILE]))
                    variance = pl.reshape(
                        pl.add(pl.mul(sq_sum, MEAN), RMS_EPSILON), [BATCH_TILE, 1]
                    )
                    inv_rms = pl.recip(pl.sqrt(variance))
                    for kb in pl.range(0, H // K):
                        k0 = kb * K
                        x_bf16 = pl.slice(hidden_states, [BATCH_TILE, K], [b0, k0])
                        x_chunk = pl.cast(x_bf16, target_type=pl.FP32)
                        gamma = pl.slice(input_rms_weight, [1, K], [0, k0])
                        normed = pl.col_expand_mul(pl.row_expand_mul(x_chunk, inv_rms), gamma)
                        normed_bf16 = pl.cast(normed, target_type=pl.BF16)
                        normed_tile = pl.assemble(normed_tile, normed_bf16, [0, k0])

                for ob in pl.range(0, H // Q):
                    q0 = ob * Q
                    with pl.incore():
                        first_x = pl.slice(normed_tile, [BATCH_TILE, K], [0, 0])
                        first_w = pl.slice(wq, [K, Q], [0, q0])
                        q_acc = pl.matmul(first_x, first_w, out_dtype=pl.FP32)
                        for kb in pl.range(1, H // K):
                            x_chunk = pl.slice(normed_tile, [BATCH_TILE, K], [0, kb * K])
                            w_chunk = pl.slice(wq, [K, Q], [kb * K, q0])
                            q_acc = pl.matmul_acc(q_acc, x_chunk, w_chunk)
                    q_proj = pl.assemble(q_proj, q_acc, [b0, q0])

                for ob in pl.range(0, KV // Q):
                    kv0 = ob * Q
                    with pl.incore():
                        first_x = pl.slice(normed_tile, [BATCH_TILE, K], [0, 0])
                        first_w = pl.slice(wk, [K, Q], [0, kv0])
                        k_acc = pl.matmul(first_x, first_w, out_dtype=pl.FP32)
                        for kb in pl.range(1, H // K):
                            x_chunk = pl.slice(normed_tile, [BATCH_TILE, K], [0, kb * K])
                            w_chunk = pl.slice(wk, [K, Q], [kb * K, kv0])
                            k_acc = pl.matmul_acc(k_acc, x_chunk, w_chunk)
                    k_proj = pl.assemble(k_proj, k_acc, [b0, kv0])
                    with pl.incore():
                        first_x = pl.slice(normed_tile, [BATCH_TILE, K], [0, 0])
                        first_w = pl.slice(wv, [K, Q], [0, kv0])
                        v_acc = pl.matmul(first_x, first_w, out_dtype=pl.FP32)
                        for kb in pl.range(1, H // K):
                            x_chunk = pl.slice(normed_tile, [BATCH_TILE, K], [0, kb * K])
                            w_chunk = pl.slice(wv, [K, Q], [kb * K, kv0])
                            v_acc = pl.matmul_acc(v_acc, x_chunk, w_chunk)
                    v_proj = pl.assemble(v_proj, v_acc, [b0, kv0])
            return q_proj, k_proj, v_proj

    return Qwen3Scope1
