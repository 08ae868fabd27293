"""Qwen3-32B decode, scope 2: rotary embedding, writes to the caches, attention over the context."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from runtime import language as pl

__all__ = ["SEQ_TILE", "build_scope2", "longest_contexts", "query_groups"]

Q_HEADS = 8
"""Query heads of a task; they share one head of keys and values."""
Q_ROWS = 16
"""Rows of a task's tile of queries: the cube has no smaller tiles, so half of them are padding."""
SEQ_TILE = 64
"""Tokens of a block."""
BLOCKS = 64
"""Blocks of a task, of which it skips those that the context does not reach."""
KV_HEAD_CHUNK = 8
"""Heads of keys and values that a task of the rotary embedding takes."""


def longest_contexts(*, batch: int, max_seq: int, **_: int) -> dict[str, NDArray[Any]]:
    """Lengths that the orchestration reads if nobody gives others: all caches are full."""
    return {"seq_lens": np.full(batch, max_seq, dtype=np.int32)}


def query_groups(num_heads: int, num_kv_heads: int) -> int:
    """Tiles of query heads for each head of keys and values.

    Raises
    ------
    InputError
        The heads do not fill their tiles.
    """
    tile = Q_HEADS * num_kv_heads
    if num_heads % tile:
        below = num_heads // tile * tile
        raise InputError(
            f"{Q_HEADS} query heads of one head of keys make a tile: num_heads {num_heads} is not "
            f"a multiple of {Q_HEADS} * num_kv_heads = {tile}; "
            f"the nearest that fit: {f'{below} or ' if below else ''}{below + tile}"
        )
    return num_heads // tile


def build_scope2(
    batch: int, max_seq: int, num_heads: int, num_kv_heads: int, head_dim: int
) -> pl.Program:
    """Four tasks for every batch item and group of query heads: QK, softmax, SV, their sum.

    The orchestration reads `seq_lens`. It submits as many tasks for a short context as for a long
    one of the same `BLOCKS`; how much they do depends on the length.

    Parameters
    ----------
    batch : int
        Requests, of one new token each.
    max_seq : int
        Tokens for which the caches have room, per request and head.
    num_heads, num_kv_heads, head_dim : int
        Heads of queries, heads of keys and of values, elements of a head.

    Raises
    ------
    InputError
        The heads do not fill their tiles (see `query_groups`).
    """
    B, D, S = batch, head_dim, max_seq
    HALF = head_dim // 2
    H, KV = num_heads * head_dim, num_kv_heads * head_dim
    CACHE = batch * num_kv_heads * max_seq
    PER_KV = num_heads // num_kv_heads
    GROUPS_PER_KV = query_groups(num_heads, num_kv_heads)
    GROUPS = num_kv_heads * GROUPS_PER_KV
    MOST_BLOCKS = max_seq // SEQ_TILE
    SCALE = head_dim**-0.5

    @pl.program
    class Qwen3Scope2:
        @pl.function
        def qwen3_scope2(
            self,
            q_proj: pl.Tensor[[B, H], pl.FP32],
            k_proj: pl.Tensor[[B, KV], pl.FP32],
            v_proj: pl.Tensor[[B, KV], pl.FP32],
            seq_lens: pl.Tensor[[B], pl.INT32],
            rope_cos: pl.Tensor[[S, D], pl.FP32],
            rope_sin: pl.Tensor[[S, D], pl.FP32],
            k_cache: pl.Tensor[[CACHE, D], pl.BF16],
            v_cache: pl.Tensor[[CACHE, D], pl.BF16],
            attn_out: pl.Out[pl.Tensor[[B, H], pl.BF16]],
        ) -> pl.Tensor[[B, H], pl.BF16]:
            all_q_padded = pl.create_tensor([B * GROUPS * Q_ROWS, D], dtype=pl.BF16)
            with pl.incore():
                for idx in pl.range(B * GROUPS):
                    zero = pl.full([Q_ROWS - Q_HEADS, D], dtype=pl.FP32, value=0.0)
                    padding = pl.cast(zero, target_type=pl.BF16)
                    all_q_padded = pl.assemble(all_q_padded, padding, [idx * Q_ROWS + Q_HEADS, 0])

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
            return attn_out

    return Qwen3Scope2
