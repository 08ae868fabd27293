"""Attention of requests whose contexts differ in length: some chains end long before others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devices.dtypes import BY_NAME
from devices.errors import InputError
from runtime.handwritten import Orchestration
from workloads.programs.paged_attention import AttentionKernels, attend

__all__ = ["build_ragged_attention", "draw_blocks"]


def draw_blocks(*, requests: int, fewest: int, most: int, seed: int, **_: int) -> NDArray[np.int64]:
    """Blocks of each request's context, drawn evenly from `fewest` to `most`.

    Raises
    ------
    InputError
        There is no such number.
    """
    if fewest > most:
        raise InputError(
            f"ragged-attention: contexts have at least {fewest} blocks (fewest) and at most {most} "
            "(most); give a smaller or a larger one"
        )
    return np.random.default_rng(seed).integers(fewest, most, requests, endpoint=True)


def build_ragged_attention(
    requests: int,
    heads: int,
    rows: int,
    head_dim: int,
    block: int,
    fewest: int,
    most: int,
    seed: int,
) -> Orchestration:
    """A chain of QK, softmax, PV and update for each request and head, as long as its context.

    Of a chain of n blocks there are one alloc and ``4 * n`` tasks on ``n + 3`` levels.

    Parameters
    ----------
    requests, heads : int
        Requests, and heads of keys and values of each.
    rows : int
        Queries of a head: how many heads of queries share it.
    head_dim, block : int
        Elements of a head, and tokens of a block.
    fewest, most : int
        Blocks of the shortest and of the longest context that may be drawn.
    seed : int
        Of the lengths.
    """
    lengths = draw_blocks(requests=requests, fewest=fewest, most=most, seed=seed).tolist()
    o = Orchestration("ragged_attention")
    fp32, bf16 = BY_NAME["FP32"], BY_NAME["BF16"]
    queries, tokens = requests * heads * rows, sum(lengths) * heads * block
    q = o.tensor("q", (queries, head_dim), bf16)
    k = o.tensor("k", (tokens, head_dim), bf16)
    v = o.tensor("v", (tokens, head_dim), bf16)
    out = o.tensor("out", (queries, head_dim), fp32)
    kernels = AttentionKernels(rows, head_dim, block)
    chain = token = 0
    for blocks in lengths:
        for _ in range(heads):
            attend(o, kernels, (q, k, v, out), chain * rows, token, blocks)
            chain, token = chain + 1, token + blocks * block
    return o
