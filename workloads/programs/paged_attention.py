"""Paged attention for decoding: one query per request against its blocks of keys and values.

Written by hand as the runtime's own examples are: for each tile of queries one alloc of the
accumulators, then for each block (or several, or the blocks of several requests) the scores QK, the
softmax SF, the product PV and the update UP of the accumulators.

No kernel masks what lies behind a request's last token, so its last block counts whole.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from devices.dtypes import BY_NAME
from devices.errors import InputError
from devices.kernel import Kernel
from runtime.graph import View
from runtime.handwritten import Orchestration
from workloads.programs.attention_kernels import (
    product_kernel,
    score_kernel,
    softmax_kernel,
    update_kernel,
)

__all__ = [
    "AttentionKernels",
    "attend",
    "build_batch_paged_attention",
    "build_paged_attention",
    "build_paged_attention_unroll",
]

QUERIES = 16
"""Most heads of one query tile, as in all published cases (16 heads, one tile a request)."""

FIRST, LAST = 1, 2
"""What an update is told: whether it is the first of its tile, and whether the last."""


def build_paged_attention(
    batch: int, heads: int, head_dim: int, block: int, context: int
) -> Orchestration:
    """Paged attention with four tasks for each block of each query tile.

    Parameters
    ----------
    batch, heads, head_dim : int
        Requests, query heads of each, and elements of a head.
    block, context : int
        Tokens of a block of the cache, and of each request.
    """
    return _attention("paged_attention", batch, heads, head_dim, block, context, unroll=1, chunk=1)


def build_paged_attention_unroll(
    batch: int, heads: int, head_dim: int, block: int, context: int, unroll: int
) -> Orchestration:
    """The same with four tasks for every `unroll` blocks; the last group may have fewer."""
    return _attention(
        "paged_attention_unroll", batch, heads, head_dim, block, context, unroll=unroll, chunk=1
    )


def build_batch_paged_attention(
    batch: int, heads: int, head_dim: int, block: int, context: int, chunk: int
) -> Orchestration:
    """The same with four tasks for each block of `chunk` requests; the last chunk may be less."""
    return _attention(
        "batch_paged_attention", batch, heads, head_dim, block, context, unroll=1, chunk=chunk
    )


def _attention(
    name: str,
    batch: int,
    heads: int,
    head_dim: int,
    block: int,
    context: int,
    *,
    unroll: int,
    chunk: int,
) -> Orchestration:
    o = Orchestration(name)
    fp32, bf16 = BY_NAME["FP32"], BY_NAME["BF16"]
    blocks = ceil(context / block)
    rows = min(heads, QUERIES)  # of a query tile
    if heads % rows:
        raise InputError(f"{name}: heads {heads} is more than {QUERIES} and no multiple of it")
    q = o.tensor("q", (batch * heads, head_dim), bf16)
    k = o.tensor("k", (batch * blocks * block, head_dim), bf16)
    v = o.tensor("v", (batch * blocks * block, head_dim), bf16)
    out = o.tensor("out", (batch * heads, head_dim), fp32)
    kernels = AttentionKernels(rows, head_dim, block)

    # The cache holds the blocks of one number of all requests of a chunk next to each other.
    for first in range(0, batch, chunk):
        requests = min(chunk, batch - first)
        for tile in range(0, heads, rows):
            attend(
                o,
                kernels,
                (q, k, v, out),
                first * heads + tile,
                first * blocks * block,
                blocks,
                requests=requests,
                unroll=unroll,
            )
    return o


def attend(
    o: Orchestration,
    kernels: AttentionKernels,
    tensors: tuple[View, View, View, View],
    row: int,
    token: int,
    blocks: int,
    *,
    requests: int = 1,
    unroll: int = 1,
) -> None:
    """Submit the tasks of one tile of queries, in a scope of their own.

    Parameters
    ----------
    o : Orchestration
        To which.
    kernels : AttentionKernels
        What they execute.
    tensors : tuple of View
        Queries, keys, values and the result, whole.
    row, token : int
        The first row of the tile in queries and result, and the first token of its cache.
    blocks : int
        Blocks of each request's cache.
    requests : int
        Requests of which the tile has queries; blocks of one number lie next to each other.
    unroll : int
        Blocks of each request in one task.
    """
    q, k, v, out = tensors
    fp32, many = BY_NAME["FP32"], requests * kernels.rows

    def part(tensor: View, first: int, count: int) -> View:
        return View(tensor.buffer, (count, kernels.head_dim), (first, 0))

    queries, results = part(q, row, many), part(out, row, many)
    with o.scope():
        total, largest, summed = o.alloc(
            ("o", (many, kernels.head_dim), fp32), ("m", (many, 1), fp32), ("l", (many, 1), fp32)
        )
        for number in range(0, blocks, unroll):
            there = min(unroll, blocks - number)
            qk, sf, pv, up = kernels.of(requests, there)
            begin = token + number * kernels.block * requests
            keys = requests * there * kernels.block
            score = o.submit(qk, queries, part(k, begin, keys)).outputs
            weight, most, summed_up = o.submit(sf, *score).outputs
            value = o.submit(pv, weight, part(v, begin, keys)).outputs
            flags = FIRST * (number == 0) + LAST * (number + there == blocks)
            o.submit(
                up,
                *(most, summed_up, *value),
                *(largest, summed, total, results),
                scalars=[flags],
            )


class AttentionKernels:
    """The four kernels, made once for each number of requests and blocks of a task.

    Parameters
    ----------
    rows, head_dim, block : int
        Queries of a request in a tile, elements of each, and tokens of a block.
    """

    def __init__(self, rows: int, head_dim: int, block: int) -> None:
        self.rows = rows
        self.head_dim = head_dim
        self.block = block
        self._made: dict[tuple[int, int], tuple[Kernel, Kernel, Kernel, Kernel]] = {}

    def of(self, requests: int, blocks: int) -> tuple[Kernel, Kernel, Kernel, Kernel]:
        """QK, SF, PV and UP of so many requests and blocks."""
        key = requests, blocks
        if key not in self._made:
            make: list[Callable[[int, int, int, int, int], Kernel]] = [
                score_kernel,
                softmax_kernel,
                product_kernel,
                update_kernel,
            ]
            qk, sf, pv, up = (
                one(requests, blocks, self.rows, self.head_dim, self.block) for one in make
            )
            self._made[key] = qk, sf, pv, up
        return self._made[key]
