"""Qwen3-32B decode, scope 3: output projection, residual, RMSNorm, MLP, residual.

Two ways of cutting the same computation into tasks. The sizes are elements; a program is built
for one set of sizes, as the compiler builds it.
"""

from __future__ import annotations

from runtime import language as pl

__all__ = ["build_baseline", "build_restructured"]

BATCH_TILE = 16
CHUNK = 8
RMS_EPSILON = 1e-6


def build_baseline(
    batch: int, hidden: int, intermediate: int, k_chunk: int, out_chunk: int, mlp_chunk: int
) -> pl.Program:
    """Program as it was before the restructuring: the down projection accumulates in a tensor.

    Parameters
    ----------
    batch, hidden, intermediate : int
        Rows of the activations, model width and width of the MLP.
    k_chunk, out_chunk, mlp_chunk : int
        Step along a contracted dimension, columns of an output projection task and columns of a
        gate or up task.
    """
    B, H, M = batch, hidden, intermediate
    K, Q, F = k_chunk, out_chunk, mlp_chunk
    MEAN = 1.0 / hidden

    @pl.program
    class Qwen3Scope3:
        @pl.function(type=pl.FunctionType.Opaque)
        def scope3(
            self,
            attn_out: pl.Tensor[[B, H], pl.BF16],
            hidden_states: pl.Tensor[[B, H], pl.BF16],
            wo: pl.Tensor[[H, H], pl.BF16],
            post_rms_weight: pl.Tensor[[1, H], pl.FP32],
            w_gate: pl.Tensor[[H, M], pl.BF16],
            w_up: pl.Tensor[[H, M], pl.BF16],
            w_down: pl.Tensor[[M, H], pl.BF16],
            out: pl.Out[pl.Tensor[[B, H], pl.BF16]],
        ) -> pl.Tensor[[B, H], pl.BF16]:
            for b0 in pl.range(0, B, BATCH_TILE):
                resid1_tile = pl.create_tensor([BATCH_TILE, H], dtype=pl.FP32)
                with pl.auto_incore():
                    for ob in pl.parallel(0, H // Q, 1, chunk=CHUNK):
                        zero = pl.full([BATCH_TILE, Q], dtype=pl.FP32, value=0.0)
                        resid1_tile = pl.assemble(resid1_tile, zero, [0, ob * Q])

                for ob in pl.range(0, H // Q):
                    o0 = ob * Q
                    with pl.incore():
                        first_a = pl.slice(attn_out, [BATCH_TILE, K], [b0, 0])
                        first_w = pl.slice(wo, [K, Q], [0, o0])
                        o_acc = pl.matmul(first_a, first_w, out_dtype=pl.FP32)
                        for kb in pl.range(1, H // K):
                            a_chunk = pl.slice(attn_out, [BATCH_TILE, K], [b0, kb * K])
                            w_chunk = pl.slice(wo, [K, Q], [kb * K, o0])
                            o_acc = pl.matmul_acc(o_acc, a_chunk, w_chunk)
                        resid1_tile = pl.assemble(resid1_tile, o_acc, [0, o0])
                    with pl.incore():
                        hidden = pl.slice(hidden_states, [BATCH_TILE, Q], [b0, o0])
                        resid = pl.cast(hidden, target_type=pl.FP32)
                        projected = pl.slice(resid1_tile, [BATCH_TILE, Q], [0, o0])
                        resid_sum = pl.add(resid, projected)
                        resid1_tile = pl.assemble(resid1_tile, resid_sum, [0, o0])

                post_norm_tile = pl.create_tensor([BATCH_TILE, H], dtype=pl.BF16)
                down_proj_tile = pl.create_tensor([BATCH_TILE, H], dtype=pl.FP32)
                with pl.incore():
                    sq_sum = pl.full([1, BATCH_TILE], dtype=pl.FP32, value=0.0)
                    for kb in pl.range(0, H // K):
                        x_chunk = pl.slice(resid1_tile, [BATCH_TILE, K], [0, kb * K])
                        squares = pl.row_sum(pl.mul(x_chunk, x_chunk))
                        sq_sum = pl.add(sq_sum, pl.reshape(squares, [1, BATCH_TILE]))
                    inv_rms = pl.recip(pl.sqrt(pl.add(pl.mul(sq_sum, MEAN), RMS_EPSILON)))
                    for kb in pl.range(0, H // K):
                        k0 = kb * K
                        x_chunk = pl.slice(resid1_tile, [BATCH_TILE, K], [0, k0])
                        gamma = pl.slice(post_rms_weight, [1, K], [0, k0])
                        scale = pl.reshape(inv_rms, [BATCH_TILE, 1])
                        normed = pl.col_expand_mul(pl.row_expand_mul(x_chunk, scale), gamma)
                        normed_bf16 = pl.cast(normed, target_type=pl.BF16)
                        post_norm_tile = pl.assemble(post_norm_tile, normed_bf16, [0, k0])
                        down_zero = pl.full([BATCH_TILE, K], dtype=pl.FP32, value=0.0)
                        down_proj_tile = pl.assemble(down_proj_tile, down_zero, [0, k0])

                for ob in pl.range(0, M // F):
                    o0 = ob * F
                    with pl.incore():
                        first_x = pl.slice(post_norm_tile, [BATCH_TILE, K], [0, 0])
                        first_g = pl.slice(w_gate, [K, F], [0, o0])
                        gate_acc = pl.matmul(first_x, first_g, out_dtype=pl.FP32)
                        for kb in pl.range(1, H // K):
                            x_chunk = pl.slice(post_norm_tile, [BATCH_TILE, K], [0, kb * K])
                            g_chunk = pl.slice(w_gate, [K, F], [kb * K, o0])
                            gate_acc = pl.matmul_acc(gate_acc, x_chunk, g_chunk)
                    with pl.incore():
                        first_x = pl.slice(post_norm_tile, [BATCH_TILE, K], [0, 0])
                        first_u = pl.slice(w_up, [K, F], [0, o0])
                        up_acc = pl.matmul(first_x, first_u, out_dtype=pl.FP32)
                        for kb in pl.range(1, H // K):
                            x_chunk = pl.slice(post_norm_tile, [BATCH_TILE, K], [0, kb * K])
                            u_chunk = pl.slice(w_up, [K, F], [kb * K, o0])
                            up_acc = pl.matmul_acc(up_acc, x_chunk, u_chunk)
                    with pl.incore():
                        sigmoid = pl.recip(pl.add(pl.exp(pl.neg(gate_acc)), 1.0))
                        mlp_chunk_fp32 = pl.mul(pl.mul(gate_acc, sigmoid), up_acc)
                        mlp_chunk_bf16 = pl.cast(mlp_chunk_fp32, target_type=pl.BF16)
                    for dob in pl.range(0, H // K):
                        d0 = dob * K
                        with pl.incore():
                            w_down_chunk = pl.slice(w_down, [F, K], [o0, d0])
                            down_next = pl.matmul(mlp_chunk_bf16, w_down_chunk, out_dtype=pl.FP32)
                        with pl.incore():
                            down_prev = pl.slice(down_proj_tile, [BATCH_TILE, K], [0, d0])
                            down_sum = pl.add(down_prev, down_next)
                            down_proj_tile = pl.assemble(down_proj_tile, down_sum, [0, d0])

                for ob in pl.range(0, H // K):
                    o0 = ob * K
                    with pl.incore():
                        down = pl.slice(down_proj_tile, [BATCH_TILE, K], [0, o0])
                        resid = pl.slice(resid1_tile, [BATCH_TILE, K], [0, o0])
                        out_bf16 = pl.cast(pl.add(down, resid), target_type=pl.BF16)
                        out = pl.assemble(out, out_bf16, [b0, o0])
            return out

    return Qwen3Scope3


def build_restructured(
    batch: int,
    hidden: int,
    intermediate: int,
    k_chunk: int,
    out_chunk: int,
    mlp_chunk: int,
    norm_chunk: int | None = None,
    down_chunk: int | None = None,
    down_step: int | None = None,
    zero_chunk: int = CHUNK,
) -> pl.Program:
    """Program as published after the restructuring: the MLP's activations are stored first.

    Parameters
    ----------
    batch, hidden, intermediate, k_chunk, out_chunk, mlp_chunk : int
        As for `build_baseline`; `k_chunk` is that of all projections but the last.
    norm_chunk : int, optional
        Columns that the RMSNorm holds on chip at a time, `k_chunk` as published.
    down_chunk, down_step : int, optional
        Columns of a down projection task, `k_chunk` as published, and its step along the
        contracted dimension, `mlp_chunk` as published.
    zero_chunk : int
        Tiles that one task fills with zeroes.
    """
    B, H, M = batch, hidden, intermediate
    K, Q, F = k_chunk, out_chunk, mlp_chunk
    N, D, S = norm_chunk or k_chunk, down_chunk or k_chunk, down_step or mlp_chunk
    MEAN = 1.0 / hidden

    @pl.program
    class Qwen3Scope3:
        @pl.function(type=pl.FunctionType.Opaque)
        def scope3(
            self,
            attn_out: pl.Tensor[[B, H], pl.BF16],
            hidden_states: pl.Tensor[[B, H], pl.BF16],
            wo: pl.Tensor[[H, H], pl.BF16],
            post_rms_weight: pl.Tensor[[1, H], pl.FP32],
            w_gate: pl.Tensor[[H, M], pl.BF16],
            w_up: pl.Tensor[[H, M], pl.BF16],
            w_down: pl.Tensor[[M, H], pl.BF16],
            out: pl.Out[pl.Tensor[[B, H], pl.BF16]],
        ) -> pl.Tensor[[B, H], pl.BF16]:
            for b0 in pl.range(0, B, BATCH_TILE):
                resid1_tile = pl.create_tensor([BATCH_TILE, H], dtype=pl.FP32)
                with pl.auto_incore():
                    for ob in pl.parallel(0, H // Q, 1, chunk=zero_chunk):
                        zero = pl.full([BATCH_TILE, Q], dtype=pl.FP32, value=0.0)
                        resid1_tile = pl.assemble(resid1_tile, zero, [0, ob * Q])

                for ob in pl.range(0, H // Q):
                    o0 = ob * Q
                    with pl.incore():
                        first_a = pl.slice(attn_out, [BATCH_TILE, K], [b0, 0])
                        first_w = pl.slice(wo, [K, Q], [0, o0])
                        o_acc = pl.matmul(first_a, first_w, out_dtype=pl.FP32)
                        for kb in pl.range(1, H // K):
                            a_chunk = pl.slice(attn_out, [BATCH_TILE, K], [b0, kb * K])
                            w_chunk = pl.slice(wo, [K, Q], [kb * K, o0])
                            o_acc = pl.matmul_acc(o_acc, a_chunk, w_chunk)
                    with pl.incore():
                        hidden = pl.slice(hidden_states, [BATCH_TILE, Q], [b0, o0])
                        resid = pl.cast(hidden, target_type=pl.FP32)
                        resid_sum = pl.add(o_acc, resid)
                        resid1_tile = pl.assemble(resid1_tile, resid_sum, [0, o0])

                post_norm_tile = pl.create_tensor([BATCH_TILE, H], dtype=pl.BF16)
                with pl.incore():
                    sq_sum = pl.full([1, BATCH_TILE], dtype=pl.FP32, value=0.0)
                    for kb in pl.range(0, H // N):
                        x_chunk = pl.slice(resid1_tile, [BATCH_TILE, N], [0, kb * N])
                        squares = pl.row_sum(pl.mul(x_chunk, x_chunk))
                        sq_sum = pl.add(sq_sum, pl.reshape(squares, [1, BATCH_TILE]))
                    inv_rms = pl.recip(pl.sqrt(pl.add(pl.mul(sq_sum, MEAN), RMS_EPSILON)))
                    for kb in pl.range(0, H // N):
                        k0 = kb * N
                        x_chunk = pl.slice(resid1_tile, [BATCH_TILE, N], [0, k0])
                        gamma = pl.slice(post_rms_weight, [1, N], [0, k0])
                        scale = pl.reshape(inv_rms, [BATCH_TILE, 1])
                        normed = pl.col_expand_mul(pl.row_expand_mul(x_chunk, scale), gamma)
                        normed_bf16 = pl.cast(normed, target_type=pl.BF16)
                        post_norm_tile = pl.assemble(post_norm_tile, normed_bf16, [0, k0])

                mlp_tile = pl.create_tensor([BATCH_TILE, M], dtype=pl.BF16)
                with pl.auto_incore():
                    for ob in pl.parallel(0, M // F, 1, chunk=zero_chunk):
                        zero_fp32 = pl.full([BATCH_TILE, F], dtype=pl.FP32, value=0.0)
                        zero_bf16 = pl.cast(zero_fp32, target_type=pl.BF16)
                        mlp_tile = pl.assemble(mlp_tile, zero_bf16, [0, ob * F])

                for ob in pl.range(0, M // F):
                    o0 = ob * F
                    with pl.incore():
                        first_x = pl.slice(post_norm_tile, [BATCH_TILE, K], [0, 0])
                        first_g = pl.slice(w_gate, [K, F], [0, o0])
                        gate_acc = pl.matmul(first_x, first_g, out_dtype=pl.FP32)
                        for kb in pl.range(1, H // K):
                            x_chunk = pl.slice(post_norm_tile, [BATCH_TILE, K], [0, kb * K])
                            g_chunk = pl.slice(w_gate, [K, F], [kb * K, o0])
                            gate_acc = pl.matmul_acc(gate_acc, x_chunk, g_chunk)
                    with pl.incore():
                        first_x = pl.slice(post_norm_tile, [BATCH_TILE, K], [0, 0])
                        first_u = pl.slice(w_up, [K, F], [0, o0])
                        up_acc = pl.matmul(first_x, first_u, out_dtype=pl.FP32)
                        for kb in pl.range(1, H // K):
                            x_chunk = pl.slice(post_norm_tile, [BATCH_TILE, K], [0, kb * K])
                            u_chunk = pl.slice(w_up, [K, F], [kb * K, o0])
                            up_acc = pl.matmul_acc(up_acc, x_chunk, u_chunk)
                    with pl.incore():
                        sigmoid = pl.recip(pl.add(pl.exp(pl.neg(gate_acc)), 1.0))
                        mlp_chunk_fp32 = pl.mul(pl.mul(gate_acc, sigmoid), up_acc)
                        mlp_chunk_bf16 = pl.cast(mlp_chunk_fp32, target_type=pl.BF16)
                    mlp_tile = pl.assemble(mlp_tile, mlp_chunk_bf16, [0, o0])

                for db in pl.range(0, H // D):
                    d0 = db * D
                    with pl.incore():
                        first_m = pl.slice(mlp_tile, [BATCH_TILE, S], [0, 0])
                        first_d = pl.slice(w_down, [S, D], [0, d0])
                        down_acc = pl.matmul(first_m, first_d, out_dtype=pl.FP32)
                        for sb in pl.range(1, M // S):
                            m_chunk = pl.slice(mlp_tile, [BATCH_TILE, S], [0, sb * S])
                            d_chunk = pl.slice(w_down, [S, D], [sb * S, d0])
                            down_acc = pl.matmul_acc(down_acc, m_chunk, d_chunk)
                    with pl.incore():
                        resid = pl.slice(resid1_tile, [BATCH_TILE, D], [0, d0])
                        out_bf16 = pl.cast(pl.add(down_acc, resid), target_type=pl.BF16)
                        out = pl.assemble(out, out_bf16, [b0, d0])
            return out

    return Qwen3Scope3
