"""Qwen3-32B decode, scope 2: what it computes, however it is cut into tasks.

With 16 requests the published program has tasks that conflict and that nothing orders: the product
with the keys of the last request looks up its tile of queries, finds the writes of all 16 and, at
the lookup cap of 16, leaves out the task that wrote the padding of the tile (RAW, 8 tasks). What
it reads there is in rows of the product that no task uses.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workloads.goldens.attention import SHARPNESS, attended
from workloads.numbers import BF16, Array, Numbers, as_float32, uniform
from workloads.programs.qwen3_scope2 import longest_contexts

__all__ = ["SCOPE2_NUMBERS", "attend_over_caches", "context_inputs"]

_ROPE_BASE = 1_000_000.0
"""Base of the rotary angles; Qwen3 technical report, 2025 (ABF, RoPE base frequency)."""


def context_inputs(
    rng: np.random.Generator,
    *,
    batch: int,
    max_seq: int,
    num_kv_heads: int,
    head_dim: int,
    **_: int,
) -> dict[str, Array]:
    """Lengths, tables of the rotary embedding and full caches; keys sharp, values in [-0.5, 0.5).

    ``rope_cos`` and ``rope_sin`` are float32 of shape (max_seq, head_dim), angles in radians; the
    caches are BF16 of shape (batch * num_kv_heads * max_seq, head_dim).
    """
    rates = _ROPE_BASE ** -(np.arange(head_dim // 2) / (head_dim // 2))
    angles = np.tile(np.arange(max_seq)[:, None] * rates, 2)
    cache = (batch * num_kv_heads * max_seq, head_dim)
    return {
        **longest_contexts(batch=batch, max_seq=max_seq),
        "rope_cos": np.cos(angles).astype(np.float32),
        "rope_sin": np.sin(angles).astype(np.float32),
        "k_cache": uniform(rng, cache, SHARPNESS),
        "v_cache": uniform(rng, cache),
    }


def _inputs(
    rng: np.random.Generator,
    *,
    batch: int,
    num_heads: int,
    num_kv_heads: int,
    head_dim: int,
    **sizes: int,
) -> dict[str, Array]:
    """Keys and queries as sharp as the cache's, and values like its."""
    float32 = np.dtype(np.float32)
    width = num_kv_heads * head_dim
    context = context_inputs(
        rng, batch=batch, num_kv_heads=num_kv_heads, head_dim=head_dim, **sizes
    )
    return {
        "q_proj": uniform(rng, (batch, num_heads * head_dim), SHARPNESS, float32),
        "k_proj": uniform(rng, (batch, width), SHARPNESS, float32),
        "v_proj": uniform(rng, (batch, width), 1.0, float32),
        **context,
    }


def _rotated(
    vectors: NDArray[np.float32], cos: NDArray[np.float32], sin: NDArray[np.float32]
) -> Array:
    """Rotary embedding of [heads, head_dim] at one position, halves into each other, as BF16."""
    low, high = np.split(vectors, 2, axis=1)
    turned = np.concatenate((-high, low), axis=1)
    return (vectors * cos + turned * sin).astype(BF16)


def attend_over_caches(
    projections: Mapping[str, NDArray[np.float32]],
    inputs: Mapping[str, Array],
    *,
    batch: int,
    max_seq: int,
    num_heads: int,
    num_kv_heads: int,
    head_dim: int,
    **_: int,
) -> dict[str, Array]:
    """Attention of each request over its valid tokens, the new one included.

    Parameters
    ----------
    projections : mapping
        ``q_proj``, ``k_proj`` and ``v_proj``, float32 of shape (batch, heads * head_dim).
    inputs : mapping
        As of `context_inputs`.

    Returns
    -------
    dict
        ``k_cache`` and ``v_cache`` with the new token, and ``attn_out``: BF16, shape
        (batch, num_heads * head_dim).
    """
    k_cache, v_cache = inputs["k_cache"].copy(), inputs["v_cache"].copy()
    attention = np.empty((batch, num_kv_heads, num_heads // num_kv_heads, head_dim), dtype=BF16)
    heads = {name: rows.reshape(batch, -1, head_dim) for name, rows in projections.items()}
    for request, length in enumerate(inputs["seq_lens"].tolist()):
        cos, sin = inputs["rope_cos"][length - 1], inputs["rope_sin"][length - 1]
        keys = _rotated(heads["k_proj"][request], cos, sin)
        queries = _rotated(heads["q_proj"][request], cos, sin)
        for head, own in enumerate(np.split(queries, num_kv_heads)):
            first = (request * num_kv_heads + head) * max_seq
            tokens = slice(first, first + length)
            k_cache[tokens.stop - 1] = keys[head]
            v_cache[tokens.stop - 1] = heads["v_proj"][request, head].astype(BF16)
            attention[request, head] = attended(own, k_cache[tokens], v_cache[tokens])
    out = attention.reshape(batch, num_heads * head_dim)
    return {"k_cache": k_cache, "v_cache": v_cache, "attn_out": out}


def _golden(inputs: Mapping[str, Array], **sizes: int) -> dict[str, Array]:
    """Rotary embedding, caches, attention."""
    projections = {name: as_float32(inputs[name]) for name in ("q_proj", "k_proj", "v_proj")}
    return attend_over_caches(projections, inputs, **sizes)


SCOPE2_NUMBERS = Numbers(
    inputs=_inputs,
    golden=_golden,
    rtol=1e-2,
    atol=1e-3,
    source=(
        "golden function of tilesim's own; results are BF16, whose neighbours are 2**-7 of a "
        "number apart at most, and weights are rounded to BF16 against their block's maximum, "
        "each by 2**-9 of itself at most"
    ),
)
