"""Qwen3-32B decode, the whole layer: the text of its three scopes one after another.

The language of that date has nothing to put programs together with, so the published program
repeats the text, and so does this one.
"""

from __future__ import annotations

from runtime import language as pl
from workloads.programs.products import accumulated_product
from workloads.programs.qwen3_scope2 import (
    BLOCKS,
    KV_HEAD_CHUNK,
    Q_HEADS,
    Q_ROWS,
    SEQ_TILE,
    query_groups,
)
from workloads.programs.qwen3_scope3 import BATCH_TILE, RMS_EPSILON

__all__ = ["build_decode_layer"]


def build_decode_layer(
    batch: int,
    max_seq: int,
    num_heads: int,
    num_kv_heads: int,
    head_dim: int,
    intermediate: int,
    k_chunk: int,
    out_chunk: int,
    mlp_chunk: int,
) -> pl.Program:
    """Projections, attention over the caches and MLP, with what passes between them on the heap.

    Of a group of query heads a task more than in `build_scope2` first fills with zeroes what the
    others write; nothing orders its writes and theirs. The model width is
    ``num_heads * head_dim``.

    Parameters
    ----------
    batch, max_seq, num_heads, num_kv_heads, head_dim : int
        As of `build_scope2`.
    intermediate : int
        Width of the MLP.
    k_chunk, out_chunk, mlp_chunk : int
        As of `build_restructured`; `out_chunk` also of the projections to Q, K and V.

    Raises
    ------
    InputError
        The heads do not fill their tiles (see `query_groups`).
    """
    B, D, S, M = batch, head_dim, max_seq, intermediate
    K, Q, F = k_chunk, out_chunk, mlp_chunk
    HALF = head_dim // 2
    H, KV = num_heads * head_dim, num_kv_heads * head_dim
    CACHE = batch * num_kv_heads * max_seq
    PER_KV = num_heads // num_kv_heads
    GROUPS_PER_KV = query_groups(num_heads, num_kv_heads)
    GROUPS = num_kv_heads * GROUPS_PER_KV
    MOST_BLOCKS = max_seq // SEQ_TILE
    SCALE = head_dim**-0.5
    MEAN = 1.0 / H

    @pl.program
    class Qwen3DecodeLayer:
        @pl.function
        def qwen3_decode(
            self,
            hidden_states: pl.Tensor[[B, H], pl.BF16],
            input_rms_weight: pl.Tensor[[1, H], pl.FP32],
            wq: pl.Tensor[[H, H], pl.BF16],
            wk: pl.Tensor[[H, KV], pl.BF16],
            wv: pl.Tensor[[H, KV], pl.BF16],
            seq_lens: pl.Tensor[[B], pl.INT32],
            rope_cos: pl.Tensor[[S, D], pl.FP32],
            rope_sin: pl.Tensor[[S, D], pl.FP32],
            k_cache: pl.Tensor[[CACHE, D], pl.BF16],
            v_cache: pl.Tensor[[CACHE, D], pl.BF16],
            wo: pl.Tensor[[H, H], pl.BF16],
            post_rms_weight: pl.Tensor[[1, H], pl.FP32],
            w_gate: pl.Tensor[[H, M], pl.BF16],
            w_up: pl.Tensor[[H, M], pl.BF16],
            w_down: pl.Tensor[[M, H], pl.BF16],
            out: pl.Out[pl.Tensor[[B, H], pl.BF16]],
        ) -> pl.Tensor[[B, H], pl.BF16]:
            q_proj = pl.create_tensor([B, H], dtype=pl.FP32)
            k_proj = pl.create_tensor([B, KV], dtype=pl.FP32)
            v_proj = pl.create_tensor([B, KV], dtype=pl.FP32)

            # Scope 1
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
                        q_acc = accumulated_product(
                            normed_tile, wq, 0, q0, BATCH_TILE, K, Q, H // K
                        )
                    q_proj = pl.assemble(q_proj, q_acc, [b0, q0])

                for ob in pl.range(0, KV // Q):
                    kv0 = ob * Q
                    with pl.incore():
                        k_acc = accumulated_product(
                            normed_tile, wk, 0, kv0, BATCH_TILE, K, Q, H // K
                        )
                    k_proj = pl.assemble(k_proj, k_acc, [b0, kv0])
                    with pl.incore():
                        v_acc = accumulated_product(
                            normed_tile, wv, 0, kv0, BATCH_TILE, K, Q, H // K
                        )
                    v_proj = pl.assemble(v_proj, v_acc, [b0, kv0])

            # Scope 2
            all_q_padded = pl.create_tensor([B * GROUPS * Q_ROWS, D], dtype=pl.BF16)
            with pl.incore():
                for idx in pl.range(B * GROUPS):
                    zero = pl.full([Q_ROWS - Q_HEADS, D], dtype=pl.FP32, value=0.0)
                    padding = pl.cast(zero, target_type=pl.BF16)
                    all_q_padded = pl.assemble(all_q_padded, padding, [idx * Q_ROWS + Q_HEADS, 0])

            attn_out = pl.create_tensor([B, H], dtype=pl.BF16)
            for b in pl.range(B):
                ctx_len = pl.tensor.read(seq_lens, [b])
                ctx_blocks = (ctx_len + SEQ_TILE - 1) // SEQ_TILE
                pos = ctx_len - 1
                cos_row = pl.slice(rope_cos, [1, D], [pos, 0])
                sin_row = pl.slice(rope_sin, [1, D], [pos, 0])
                cos_lo = pl.slice(cos_row, [1, HALF], [0, 0])
                cos_hi = pl.slice(cos_row, [1, HALF], [0, HALF])
                sin_lo = pl.slice(sin_row, [1, HALF], [0, 0])
                sin_hi = pl.slice(sin_row, [1, HALF], [0, HALF])

                with pl.auto_incore():
                    for ki in pl.parallel(0, num_kv_heads, chunk=KV_HEAD_CHUNK):
                        k0 = ki * D
                        row = b * num_kv_heads * S + ki * S + pos
                        k_lo = pl.slice(k_proj, [1, HALF], [b, k0])
                        k_hi = pl.slice(k_proj, [1, HALF], [b, k0 + HALF])
                        k_rot_lo = pl.sub(
                            pl.col_expand_mul(k_lo, cos_lo), pl.col_expand_mul(k_hi, sin_lo)
                        )
                        k_rot_hi = pl.add(
                            pl.col_expand_mul(k_hi, cos_hi), pl.col_expand_mul(k_lo, sin_hi)
                        )
                        k_cache = pl.assemble(
                            k_cache, pl.cast(k_rot_lo, target_type=pl.BF16), [row, 0]
                        )
                        k_cache = pl.assemble(
                            k_cache, pl.cast(k_rot_hi, target_type=pl.BF16), [row, HALF]
                        )
                        value = pl.slice(v_proj, [1, D], [b, k0])
                        v_cache = pl.assemble(
                            v_cache, pl.cast(value, target_type=pl.BF16), [row, 0]
                        )
                        for qi in pl.range(PER_KV):
                            q0 = (ki * PER_KV + qi) * D
                            group = ki * GROUPS_PER_KV + qi // Q_HEADS
                            q_row = (b * GROUPS + group) * Q_ROWS + qi % Q_HEADS
                            q_lo = pl.slice(q_proj, [1, HALF], [b, q0])
                            q_hi = pl.slice(q_proj, [1, HALF], [b, q0 + HALF])
                            q_rot_lo = pl.sub(
                                pl.col_expand_mul(q_lo, cos_lo), pl.col_expand_mul(q_hi, sin_lo)
                            )
                            q_lo_bf16 = pl.cast(q_rot_lo, target_type=pl.BF16)
                            q_rot_hi = pl.add(
                                pl.col_expand_mul(q_hi, cos_hi), pl.col_expand_mul(q_lo, sin_hi)
                            )
                            q_hi_bf16 = pl.cast(q_rot_hi, target_type=pl.BF16)
                            all_q_padded = pl.assemble(all_q_padded, q_lo_bf16, [q_row, 0])
                            all_q_padded = pl.assemble(all_q_padded, q_hi_bf16, [q_row, HALF])

                attn_row = pl.create_tensor([1, H], dtype=pl.BF16)
                for gi in pl.range(GROUPS):
                    kvh = gi // GROUPS_PER_KV
                    q_base = kvh * PER_KV + (gi - kvh * GROUPS_PER_KV) * Q_HEADS
                    q_padded = pl.slice(
                        all_q_padded, [Q_ROWS, D], [b * GROUPS * Q_ROWS + gi * Q_ROWS, 0]
                    )
                    all_raw_scores = pl.create_tensor(
                        [MOST_BLOCKS * Q_ROWS, SEQ_TILE], dtype=pl.FP32
                    )
                    all_exp_padded = pl.create_tensor(
                        [MOST_BLOCKS * Q_ROWS, SEQ_TILE], dtype=pl.BF16
                    )
                    all_oi_tmp = pl.create_tensor([MOST_BLOCKS * Q_ROWS, D], dtype=pl.FP32)
                    all_cur_mi = pl.create_tensor([MOST_BLOCKS * Q_HEADS, 1], dtype=pl.FP32)
                    all_cur_li = pl.create_tensor([MOST_BLOCKS * Q_HEADS, 1], dtype=pl.FP32)

                    for sb0 in pl.range(0, ctx_blocks, BLOCKS):
                        with pl.incore():
                            for si in pl.range(BLOCKS):
                                sb = sb0 + si
                                if sb < ctx_blocks:
                                    zero_scores = pl.full(
                                        [Q_ROWS, SEQ_TILE], dtype=pl.FP32, value=0.0
                                    )
                                    all_raw_scores = pl.assemble(
                                        all_raw_scores, zero_scores, [sb * Q_ROWS, 0]
                                    )
                                    zero_exp = pl.full([Q_ROWS, SEQ_TILE], dtype=pl.FP32, value=0.0)
                                    all_exp_padded = pl.assemble(
                                        all_exp_padded,
                                        pl.cast(zero_exp, target_type=pl.BF16),
                                        [sb * Q_ROWS, 0],
                                    )
                                    zero_oi = pl.full([Q_ROWS, D], dtype=pl.FP32, value=0.0)
                                    all_oi_tmp = pl.assemble(all_oi_tmp, zero_oi, [sb * Q_ROWS, 0])
                                    zero_mi = pl.full([1, Q_HEADS], dtype=pl.FP32, value=0.0)
                                    all_cur_mi = pl.assemble(
                                        all_cur_mi,
                                        pl.reshape(zero_mi, [Q_HEADS, 1]),
                                        [sb * Q_HEADS, 0],
                                    )
                                    zero_li = pl.full([1, Q_HEADS], dtype=pl.FP32, value=0.0)
                                    all_cur_li = pl.assemble(
                                        all_cur_li,
                                        pl.reshape(zero_li, [Q_HEADS, 1]),
                                        [sb * Q_HEADS, 0],
                                    )

                    for sb0 in pl.range(0, ctx_blocks, BLOCKS):
                        with pl.incore():
                            for si in pl.range(BLOCKS):
                                sb = sb0 + si
                                if sb < ctx_blocks:
                                    row = (b * num_kv_heads + kvh) * S + sb * SEQ_TILE
                                    keys = pl.slice(k_cache, [SEQ_TILE, D], [row, 0])
                                    scores = pl.matmul(
                                        q_padded, keys, b_trans=True, out_dtype=pl.FP32
                                    )
                                    all_raw_scores = pl.assemble(
                                        all_raw_scores, scores, [sb * Q_ROWS, 0]
                                    )

                    for sb0 in pl.range(0, ctx_blocks, BLOCKS):
                        with pl.incore():
                            for si in pl.range(BLOCKS):
                                sb = sb0 + si
                                if sb < ctx_blocks:
                                    valid_len = pl.min(SEQ_TILE, ctx_len - sb * SEQ_TILE)
                                    raw = pl.slice(
                                        all_raw_scores,
                                        [Q_HEADS, SEQ_TILE],
                                        [sb * Q_ROWS, 0],
                                        valid_shape=[Q_HEADS, valid_len],
                                    )
                                    scores = pl.mul(
                                        pl.fillpad(raw, pad_value=pl.PadValue.min), SCALE
                                    )
                                    cur_mi = pl.row_max(scores)
                                    powers = pl.exp(pl.row_expand_sub(scores, cur_mi))
                                    powers_bf16 = pl.cast(powers, target_type=pl.BF16)
                                    cur_li = pl.row_sum(pl.cast(powers_bf16, target_type=pl.FP32))
                                    all_exp_padded = pl.assemble(
                                        all_exp_padded, powers_bf16, [sb * Q_ROWS, 0]
                                    )
                                    all_cur_mi = pl.assemble(all_cur_mi, cur_mi, [sb * Q_HEADS, 0])
                                    all_cur_li = pl.assemble(all_cur_li, cur_li, [sb * Q_HEADS, 0])

                    for sb0 in pl.range(0, ctx_blocks, BLOCKS):
                        with pl.incore():
                            for si in pl.range(BLOCKS):
                                sb = sb0 + si
                                if sb < ctx_blocks:
                                    row = (b * num_kv_heads + kvh) * S + sb * SEQ_TILE
                                    powers = pl.slice(
                                        all_exp_padded, [Q_ROWS, SEQ_TILE], [sb * Q_ROWS, 0]
                                    )
                                    values = pl.slice(v_cache, [SEQ_TILE, D], [row, 0])
                                    oi_tmp = pl.matmul(powers, values, out_dtype=pl.FP32)
                                    all_oi_tmp = pl.assemble(all_oi_tmp, oi_tmp, [sb * Q_ROWS, 0])

                    with pl.incore():
                        oi = pl.slice(all_oi_tmp, [Q_HEADS, D], [0, 0])
                        mi = pl.slice(all_cur_mi, [Q_HEADS, 1], [0, 0])
                        li = pl.slice(all_cur_li, [Q_HEADS, 1], [0, 0])
                        for sb in pl.range(1, ctx_blocks):
                            oi_tmp = pl.slice(all_oi_tmp, [Q_HEADS, D], [sb * Q_ROWS, 0])
                            cur_mi = pl.slice(all_cur_mi, [Q_HEADS, 1], [sb * Q_HEADS, 0])
                            cur_li = pl.slice(all_cur_li, [Q_HEADS, 1], [sb * Q_HEADS, 0])
                            mi_new = pl.maximum(mi, cur_mi)
                            alpha = pl.exp(pl.sub(mi, mi_new))
                            beta = pl.exp(pl.sub(cur_mi, mi_new))
                            li = pl.add(pl.mul(alpha, li), pl.mul(beta, cur_li))
                            oi = pl.add(
                                pl.row_expand_mul(oi, alpha), pl.row_expand_mul(oi_tmp, beta)
                            )
                            mi = mi_new
                        ctx = pl.reshape(pl.row_expand_div(oi, li), [1, Q_HEADS * D])
                        ctx_bf16 = pl.cast(ctx, target_type=pl.BF16)
                        attn_row = pl.assemble(attn_row, ctx_bf16, [0, q_base * D])
                attn_out = pl.assemble(attn_out, attn_row, [b, 0])

            # Scope 3
            for b0 in pl.range(0, B, BATCH_TILE):
                resid1_tile = pl.create_tensor([BATCH_TILE, H], dtype=pl.FP32)

                for ob in pl.range(0, H // Q):
                    o0 = ob * Q
                    with pl.incore():
                        o_acc = accumulated_product(attn_out, wo, b0, o0, BATCH_TILE, K, Q, H // K)
                    with pl.incore():
                        hidden_part = pl.slice(hidden_states, [BATCH_TILE, Q], [b0, o0])
                        resid = pl.cast(hidden_part, target_type=pl.FP32)
                        resid_sum = pl.add(o_acc, resid)
                        resid1_tile = pl.assemble(resid1_tile, resid_sum, [0, o0])

                post_norm_tile = pl.create_tensor([BATCH_TILE, H], dtype=pl.BF16)
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

                mlp_tile = pl.create_tensor([BATCH_TILE, M], dtype=pl.BF16)
                for ob in pl.range(0, M // F):
                    o0 = ob * F
                    with pl.incore():
                        gate_acc = accumulated_product(
                            post_norm_tile, w_gate, 0, o0, BATCH_TILE, K, F, H // K
                        )
                    with pl.incore():
                        up_acc = accumulated_product(
                            post_norm_tile, w_up, 0, o0, BATCH_TILE, K, F, H // K
                        )
                    with pl.incore():
                        sigmoid = pl.recip(pl.add(pl.exp(pl.neg(gate_acc)), 1.0))
                        mlp_chunk_fp32 = pl.mul(pl.mul(gate_acc, sigmoid), up_acc)
                        mlp_chunk_bf16 = pl.cast(mlp_chunk_fp32, target_type=pl.BF16)
                    mlp_tile = pl.assemble(mlp_tile, mlp_chunk_bf16, [0, o0])

                for dob in pl.range(0, H // K):
                    d0 = dob * K
                    with pl.incore():
                        down_acc = accumulated_product(
                            mlp_tile, w_down, 0, d0, BATCH_TILE, F, K, M // F
                        )
                    with pl.incore():
                        resid = pl.slice(resid1_tile, [BATCH_TILE, K], [0, d0])
                        out_bf16 = pl.cast(pl.add(down_acc, resid), target_type=pl.BF16)
                        out = pl.assemble(out, out_bf16, [b0, d0])
            return out

    return Qwen3DecodeLayer
