"""Attention over a cache: what the programs by hand compute, as a plain softmax in float64.

The kernels mask nothing, so a last block that the context only begins counts whole, as if the
context were rounded up to blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import numpy as np
from numpy.typing import NDArray

from workloads.numbers import Array, Numbers, uniform

__all__ = ["ATTENTION_SOURCE", "PAGED_NUMBERS", "SHARPNESS", "attended"]

SHARPNESS = 4.0
"""Queries and keys are drawn from [-2, 2): scores are then far enough apart that weights differ."""

ATTENTION_SOURCE = (
    "golden function of tilesim's own; weights are rounded to BF16, each by 2**-9 of itself at "
    "most, and values are below 0.5, so no mean of them is off by more than 0.001"
)


def attended(queries: Array, keys: Array, values: Array) -> NDArray[np.float32]:
    """Softmax attention of some queries over one cache.

    Parameters
    ----------
    queries : array, shape (rows, head_dim)
    keys, values : array, shape (tokens, head_dim)
        All of any dtype; computed in float64.

    Returns
    -------
    float32 array, shape (rows, head_dim)
    """
    q, k, v = (x.astype(np.float64) for x in (queries, keys, values))
    scores = q @ k.T / np.sqrt(q.shape[1])
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    means: NDArray[np.float64] = weights @ v / weights.sum(axis=1, keepdims=True)
    return means.astype(np.float32)


def _inputs(
    rng: np.random.Generator,
    *,
    batch: int,
    heads: int,
    head_dim: int,
    block: int,
    context: int,
    **_: int,
) -> dict[str, Array]:
    tokens = batch * ceil(context / block) * block
    return {
        "q": uniform(rng, (batch * heads, head_dim), SHARPNESS),
        "k": uniform(rng, (tokens, head_dim), SHARPNESS),
        "v": uniform(rng, (tokens, head_dim)),
    }


def _golden(
    inputs: Mapping[str, Array],
    *,
    batch: int,
    heads: int,
    block: int,
    context: int,
    chunk: int = 1,
    **_: int,
) -> dict[str, Array]:
    blocks = ceil(context / block)
    out = np.empty(inputs["q"].shape, dtype=np.float32)
    for request in range(batch):
        # Blocks of one number of the requests of a chunk lie next to each other.
        first = request // chunk * chunk
        beside = min(chunk, batch - first)
        numbers = first * blocks + np.arange(blocks) * beside + request - first
        tokens = (numbers[:, None] * block + np.arange(block)).reshape(-1)
        rows = slice(request * heads, (request + 1) * heads)
        out[rows] = attended(inputs["q"][rows], inputs["k"][tokens], inputs["v"][tokens])
    return {"out": out}


PAGED_NUMBERS = Numbers(
    inputs=_inputs,
    golden=_golden,
    rtol=1e-4,
    atol=1e-3,
    source=ATTENTION_SOURCE,
)
"""For `paged-attention` and the two ways of making its tasks larger."""
