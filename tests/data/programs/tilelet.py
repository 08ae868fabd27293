"""Qwen3-32B single-layer decode, tilelet sized.

Vector tiles are <= 2 KiB, cube weight tiles 16 KiB. Every projection is a MIX task: the matmul is
pushed to a vector accumulator.
"""

import pypto.language as pl

BATCH = 16
MAX_SEQ = 4096
HIDDEN = 8192
NUM_HEADS = 64
NUM_KV_HEADS = 8
HEAD_DIM = 128
INTERMEDIATE = 25600

K_CHUNK = 128
Q_OUT_CHUNK = 64
KV_OUT_CHUNK = 64
SEQ_TILE = 64
MLP_OUT_CHUNK = 64
DOWN_OUT_CHUNK = 512
DOWN_TILE = 64
BATCH_TILE = 16
Q_HEAD_BATCH = 8
EPS = 1e-6


def build_qwen3_decode_tilelet_program(
    batch: int = BATCH,
    max_seq: int = MAX_SEQ,
    hidden_size: int = HIDDEN,
    num_heads: int = NUM_HEADS,
    num_kv_heads: int = NUM_KV_HEADS,
    head_dim: int = HEAD_DIM,
    intermediate_size: int = INTERMEDIATE,
):
    hidden = hidden_size
    kv_hidden = num_kv_heads * head_dim
    inter = intermediate_size
    hidden_blocks = hidden // K_CHUNK
    q_out_blocks = hidden // Q_OUT_CHUNK
    kv_out_blocks = kv_hidden // KV_OUT_CHUNK
    mlp_out_blocks = inter // MLP_OUT_CHUNK
    down_blocks = hidden // DOWN_OUT_CHUNK
    cache_rows = batch * num_kv_heads * max_seq
    half_dim = head_dim // 2
    q_per_kv = num_heads // num_kv_heads
    q_groups = q_per_kv // Q_HEAD_BATCH
    total_q_groups = num_kv_heads * q_groups
    attn_scale = 1.0 / (head_dim ** 0.5)

    @pl.program
    class Qwen3DecodeTilelet:
        @pl.function(type=pl.FunctionType.Opaque)
        def qwen3_decode(
            self,
            hidden_states: pl.Tensor[[batch, hidden], pl.BF16],
            input_rms_weight: pl.Tensor[[1, hidden], pl.FP32],
            wq: pl.Tensor[[hidden, hidden], pl.BF16],
            wk: pl.Tensor[[hidden, kv_hidden], pl.BF16],
            wv: pl.Tensor[[hidden, kv_hidden], pl.BF16],
            seq_lens: pl.Tensor[[batch], pl.INT32],
            rope_cos: pl.Tensor[[max_seq, head_dim], pl.FP32],
            rope_sin: pl.Tensor[[max_seq, head_dim], pl.FP32],
            k_cache: pl.Tensor[[cache_rows, head_dim], pl.BF16],
            v_cache: pl.Tensor[[cache_rows, head_dim], pl.BF16],
            wo: pl.Tensor[[hidden, hidden], pl.BF16],
            post_rms_weight: pl.Tensor[[1, hidden], pl.FP32],
            w_gate: pl.Tensor[[hidden, inter], pl.BF16],
            w_up: pl.Tensor[[hidden, inter], pl.BF16],
            w_down: pl.Tensor[[inter, hidden], pl.BF16],
            out: pl.Out[pl.Tensor[[batch, hidden], pl.BF16]],
        ) -> pl.Tensor[[batch, hidden], pl.BF16]:
            q_proj = pl.create_tensor([batch, hidden], dtype=pl.FP32)
            k_proj = pl.create_tensor([batch, kv_hidden], dtype=pl.FP32)
            v_proj = pl.create_tensor([batch, kv_hidden], dtype=pl.FP32)
            attn_out = pl.create_tensor([batch, hidden], dtype=pl.BF16)

            for b0 in pl.range(0, batch, BATCH_TILE):
                normed_tile = pl.create_tensor([BATCH_TILE, hidden], dtype=pl.BF16)
                with pl.incore():
                    partial_sq = pl.full([1, BATCH_TILE], dtype=pl.FP32, value=0.0)
                    for kb in pl.range(hidden_blocks):
                        k0 = kb * K_CHUNK
                        x_chunk = pl.cast(pl.slice(hidden_states, [BATCH_TILE, K_CHUNK], [b0, k0]), target_type=pl.FP32)
                        partial_sq = pl.add(
                            partial_sq, pl.reshape(pl.row_sum(pl.mul(x_chunk, x_chunk)), [1, BATCH_TILE]))
                    inv_rms = pl.reshape(
                        pl.rsqrt(pl.add(pl.mul(partial_sq, 1.0 / hidden), EPS)), [BATCH_TILE, 1])
                    for kb in pl.range(hidden_blocks):
                        k0 = kb * K_CHUNK
                        x_chunk = pl.cast(pl.slice(hidden_states, [BATCH_TILE, K_CHUNK], [b0, k0]), target_type=pl.FP32)
                        gamma = pl.slice(input_rms_weight, [1, K_CHUNK], [0, k0])
                        normed = pl.col_expand_mul(pl.row_expand_mul(x_chunk, inv_rms), gamma)
                        normed_tile = pl.assemble(normed_tile, pl.cast(normed, target_type=pl.BF16), [0, k0])

                with pl.auto_incore(split=pl.SplitMode.UP_DOWN):
                    for ob in pl.parallel(0, q_out_blocks, chunk=1):
                        q0 = ob * Q_OUT_CHUNK
                        q_acc = pl.mul(
                            pl.cast(pl.slice(hidden_states, [BATCH_TILE, Q_OUT_CHUNK], [b0, q0]), target_type=pl.FP32), 0.0)
                        for kb in pl.range(hidden_blocks):
                            k0 = kb * K_CHUNK
                            x_chunk = pl.slice(normed_tile, [BATCH_TILE, K_CHUNK], [0, k0])
                            wq_chunk = pl.slice(wq, [K_CHUNK, Q_OUT_CHUNK], [k0, q0])
                            q_acc = pl.add(q_acc, pl.matmul(x_chunk, wq_chunk, out_dtype=pl.FP32))
                        q_proj = pl.assemble(q_proj, q_acc, [b0, q0])

                with pl.at(level=pl.Level.CORE_GROUP, optimization=pl.chunked_loop_optimizer(split=pl.SplitMode.UP_DOWN)):
                    for ob in pl.parallel(0, kv_out_blocks, chunk=1):
                        kv0 = ob * KV_OUT_CHUNK
                        k_acc = pl.full([BATCH_TILE, KV_OUT_CHUNK], dtype=pl.FP32, value=0.0)
                        v_acc = pl.full([BATCH_TILE, KV_OUT_CHUNK], dtype=pl.FP32, value=0.0)
                        for kb in pl.range(hidden_blocks):
                            k0 = kb * K_CHUNK
                            x_chunk = pl.slice(normed_tile, [BATCH_TILE, K_CHUNK], [0, k0])
                            wk_chunk = pl.slice(wk, [K_CHUNK, KV_OUT_CHUNK], [k0, kv0])
                            k_acc = pl.add(k_acc, pl.matmul(x_chunk, wk_chunk, out_dtype=pl.FP32))
                            wv_chunk = pl.slice(wv, [K_CHUNK, KV_OUT_CHUNK], [k0, kv0])
                            v_acc = pl.add(v_acc, pl.matmul(x_chunk, wv_chunk, out_dtype=pl.FP32))
                        k_proj = pl.assemble(k_proj, k_acc, [b0, kv0])
                        v_proj = pl.assemble(v_proj, v_acc, [b0, kv0])

            for b in pl.parallel(0, batch, 1):
                ctx_len = pl.tensor.read(seq_lens, [b])
                pos = ctx_len - 1
                ctx_blocks = (ctx_len + SEQ_TILE - 1) // SEQ_TILE
                cos_lo = rope_cos[pos : pos + 1, 0:half_dim]
                cos_hi = rope_cos[pos : pos + 1, half_dim:head_dim]
                sin_lo = rope_sin[pos : pos + 1, 0:half_dim]
                sin_hi = rope_sin[pos : pos + 1, half_dim:head_dim]

                for kvh in pl.range(num_kv_heads):
                    cache_row = b * num_kv_heads * max_seq + kvh * max_seq + pos
                    with pl.incore():
                        k_lo = pl.slice(k_proj, [1, half_dim], [b, kvh * head_dim])
                        k_hi = pl.slice(k_proj, [1, half_dim], [b, kvh * head_dim + half_dim])
                        k_rot = pl.concat(
                            pl.sub(pl.col_expand_mul(k_lo, cos_lo), pl.col_expand_mul(k_hi, sin_lo)),
                            pl.add(pl.col_expand_mul(k_hi, cos_hi), pl.col_expand_mul(k_lo, sin_hi)),
                        )
                        k_cache = pl.assemble(k_cache, pl.cast(k_rot, target_type=pl.BF16), [cache_row, 0])
                        v_row = pl.slice(v_proj, [1, head_dim], [b, kvh * head_dim])
                        v_cache = pl.assemble(v_cache, pl.cast(v_row, target_type=pl.BF16), [cache_row, 0])

                attn_row = pl.create_tensor([1, hidden], dtype=pl.BF16)
                for gi in pl.parallel(0, total_q_groups, 1):
                    kvh = gi // q_groups
                    qg = gi - kvh * q_groups
                    q_base = kvh * q_per_kv + qg * Q_HEAD_BATCH

                    q_pad = pl.create_tensor([16, head_dim], dtype=pl.BF16)
                    oi = pl.create_tensor([Q_HEAD_BATCH, head_dim], dtype=pl.FP32)
                    li = pl.create_tensor([Q_HEAD_BATCH, 1], dtype=pl.FP32)
                    mi = pl.create_tensor([Q_HEAD_BATCH, 1], dtype=pl.FP32)
                    with pl.incore():
                        q_pad = pl.assemble(
                            q_pad, pl.cast(pl.full([8, head_dim], dtype=pl.FP32, value=0.0), target_type=pl.BF16), [8, 0])
                        for qi in pl.range(Q_HEAD_BATCH):
                            q_col = (q_base + qi) * head_dim
                            q_lo = q_proj[b, q_col : q_col + half_dim]
                            q_hi = q_proj[b, q_col + half_dim : q_col + head_dim]
                            rot_lo = pl.sub(pl.col_expand_mul(q_lo, cos_lo), pl.col_expand_mul(q_hi, sin_lo))
                            rot_hi = pl.add(pl.col_expand_mul(q_hi, cos_hi), pl.col_expand_mul(q_lo, sin_hi))
                            q_pad = pl.assemble(q_pad, pl.cast(rot_lo, target_type=pl.BF16), [qi, 0])
                            q_pad = pl.assemble(q_pad, pl.cast(rot_hi, target_type=pl.BF16), [qi, half_dim])
                    with pl.incore():
                        oi = pl.mul(oi, 0.0)
                        li = pl.mul(li, 0.0)
                        mi = pl.mul(mi, 0.0)

                    for sb in pl.range(ctx_blocks):
                        s0 = sb * SEQ_TILE
                        valid_len = pl.min(SEQ_TILE, ctx_len - s0)
                        cache_row0 = b * num_kv_heads * max_seq + kvh * max_seq + s0
                        with pl.incore():
                            k_tile = pl.slice(k_cache, [SEQ_TILE, head_dim], [cache_row0, 0])
                            scores = pl.matmul(q_pad, k_tile, b_trans=True, out_dtype=pl.FP32)
                        with pl.incore():
                            valid = pl.slice(scores, [Q_HEAD_BATCH, SEQ_TILE], [0, 0],
                                             valid_shape=[Q_HEAD_BATCH, valid_len])
                            padded = pl.mul(pl.fillpad(valid, pad_value=pl.PadValue.min), attn_scale)
                            cur_mi = pl.row_max(padded)
                            exp_scores = pl.exp(pl.row_expand_sub(padded, cur_mi))
                            exp_bf16 = pl.cast(exp_scores, target_type=pl.BF16)
                            cur_li = pl.row_sum(pl.cast(exp_bf16, target_type=pl.FP32))
                            exp_pad = pl.full([16, SEQ_TILE], dtype=pl.BF16, value=0.0)
                            exp_pad = pl.assemble(exp_pad, exp_bf16, [0, 0])
                        with pl.incore():
                            v_tile = pl.slice(v_cache, [SEQ_TILE, head_dim], [cache_row0, 0])
                            oi_tmp = pl.matmul(exp_pad, v_tile, out_dtype=pl.FP32)
                        with pl.incore():
                            oi_cur = pl.slice(oi_tmp, [Q_HEAD_BATCH, head_dim], [0, 0])
                            if sb == 0:
                                oi = oi_cur
                                li = cur_li
                                mi = cur_mi
                            else:
                                mi_new = pl.maximum(mi, cur_mi)
                                alpha = pl.exp(pl.sub(mi, mi_new))
                                beta = pl.exp(pl.sub(cur_mi, mi_new))
                                li = pl.add(pl.mul(alpha, li), pl.mul(beta, cur_li))
                                oi = pl.add(pl.row_expand_mul(oi, alpha), pl.row_expand_mul(oi_cur, beta))
                                mi = mi_new
                    with pl.incore():
                        ctx = pl.row_expand_div(oi, li)
                        ctx_flat = pl.reshape(ctx, [1, Q_HEAD_BATCH * head_dim])
                        attn_row = pl.assemble(attn_row, pl.cast(ctx_flat, target_type=pl.BF16), [0, q_base * head_dim])
                attn_out = pl.assemble(attn_out, attn_row, [b, 0])

            for b0 in pl.range(0, batch, BATCH_TILE):
                resid1_tile = pl.create_tensor([BATCH_TILE, hidden], dtype=pl.FP32)
                with pl.auto_incore(split=pl.SplitMode.UP_DOWN):
                    for ob in pl.parallel(0, q_out_blocks, chunk=1):
                        o0 = ob * Q_OUT_CHUNK
                        o_acc = pl.full([BATCH_TILE, Q_OUT_CHUNK], dtype=pl.FP32, value=0.0)
                        for kb in pl.range(hidden_blocks):
                            k0 = kb * K_CHUNK
                            a_chunk = pl.slice(attn_out, [BATCH_TILE, K_CHUNK], [b0, k0])
                            w_chunk = pl.slice(wo, [K_CHUNK, Q_OUT_CHUNK], [k0, o0])
                            o_acc = pl.add(o_acc, pl.matmul(a_chunk, w_chunk, out_dtype=pl.FP32))
                        resid = pl.cast(pl.slice(hidden_states, [BATCH_TILE, Q_OUT_CHUNK], [b0, o0]), target_type=pl.FP32)
                        resid1_tile = pl.assemble(resid1_tile, pl.add(o_acc, resid), [0, o0])

                post_norm_tile = pl.create_tensor([BATCH_TILE, hidden], dtype=pl.BF16)
                with pl.incore():
                    sq_sum = pl.full([1, BATCH_TILE], dtype=pl.FP32, value=0.0)
                    for kb in pl.range(hidden_blocks):
                        x_chunk = pl.slice(resid1_tile, [BATCH_TILE, K_CHUNK], [0, kb * K_CHUNK])
                        sq_sum = pl.add(sq_sum, pl.reshape(pl.row_sum(pl.mul(x_chunk, x_chunk)), [1, BATCH_TILE]))
                    inv_rms = pl.reshape(pl.rsqrt(pl.add(pl.mul(sq_sum, 1.0 / hidden), EPS)), [BATCH_TILE, 1])
                    for kb in pl.range(hidden_blocks):
                        x_chunk = pl.slice(resid1_tile, [BATCH_TILE, K_CHUNK], [0, kb * K_CHUNK])
                        gamma = pl.slice(post_rms_weight, [1, K_CHUNK], [0, kb * K_CHUNK])
                        post_norm_tile = pl.assemble(
                            post_norm_tile,
                            pl.cast(pl.col_expand_mul(pl.row_expand_mul(x_chunk, inv_rms), gamma), target_type=pl.BF16),
                            [0, kb * K_CHUNK],
                        )

                down_acc = pl.create_tensor([BATCH_TILE, hidden], dtype=pl.FP32)
                with pl.auto_incore(split=pl.SplitMode.UP_DOWN):
                    for db in pl.parallel(0, q_out_blocks, chunk=8):
                        down_acc = pl.assemble(
                            down_acc, pl.full([BATCH_TILE, Q_OUT_CHUNK], dtype=pl.FP32, value=0.0), [0, db * Q_OUT_CHUNK])

                    for ob in pl.range(mlp_out_blocks):
                        o0 = ob * MLP_OUT_CHUNK
                        gate_acc = pl.full([BATCH_TILE, MLP_OUT_CHUNK], dtype=pl.FP32, value=0.0)
                        up_acc = pl.full([BATCH_TILE, MLP_OUT_CHUNK], dtype=pl.FP32, value=0.0)
                        for kb in pl.range(hidden_blocks):
                            k0 = kb * K_CHUNK
                            post_chunk = pl.slice(post_norm_tile, [BATCH_TILE, K_CHUNK], [0, k0])
                            wg = pl.slice(w_gate, [K_CHUNK, MLP_OUT_CHUNK], [k0, o0])
                            gate_acc = pl.add(gate_acc, pl.matmul(post_chunk, wg, out_dtype=pl.FP32))
                            wu = pl.slice(w_up, [K_CHUNK, MLP_OUT_CHUNK], [k0, o0])
                            up_acc = pl.add(up_acc, pl.matmul(post_chunk, wu, out_dtype=pl.FP32))
                        sigmoid = pl.recip(pl.add(pl.exp(pl.neg(gate_acc)), 1.0))
                        mlp_chunk = pl.mul(pl.mul(gate_acc, sigmoid), up_acc)
                        mlp_chunk_bf16 = pl.cast(mlp_chunk, target_type=pl.BF16)

                        for dob in pl.parallel(0, down_blocks, chunk=1):
                            for di in pl.range(DOWN_OUT_CHUNK // DOWN_TILE):
                                d0 = dob * DOWN_OUT_CHUNK + di * DOWN_TILE
                                prev = pl.slice(down_acc, [BATCH_TILE, DOWN_TILE], [0, d0])
                                w_down_chunk = pl.slice(w_down, [MLP_OUT_CHUNK, DOWN_TILE], [o0, d0])
                                part = pl.matmul(mlp_chunk_bf16, w_down_chunk, out_dtype=pl.FP32)
                                down_acc = pl.assemble(down_acc, pl.add(prev, part), [0, d0])

                    for ob in pl.parallel(0, q_out_blocks, chunk=4):
                        o0 = ob * Q_OUT_CHUNK
                        final = pl.add(
                            pl.slice(down_acc, [BATCH_TILE, Q_OUT_CHUNK], [0, o0]),
                            pl.slice(resid1_tile, [BATCH_TILE, Q_OUT_CHUNK], [0, o0]),
                        )
                        out = pl.assemble(out, pl.cast(final, target_type=pl.BF16), [b0, o0])

            return out

    return Qwen3DecodeTilelet
