"""Kernels of which times were published, each in as many tasks as ran beside each other."""

from __future__ import annotations

from devices.errors import InputError
from devices.kernel import CoreType, Kernel
from runtime import language as pl
from runtime.handwritten import Orchestration

__all__ = [
    "build_empty",
    "build_projection",
    "build_projection_transposed",
    "build_rescale",
    "build_scores",
    "build_weighted_values",
]

_DTYPES = {1: pl.INT8, 2: pl.BF16, 4: pl.FP32}


def build_projection(
    m: int,
    k: int,
    n: int,
    n_tile: int,
    k_step: int,
    tiles: int,
    tile_stride: int,
    stages: int,
    element_bytes: int,
) -> pl.Program:
    """Activations times a weight, k in steps that accumulate.

    Parameters
    ----------
    m, k, n : int
        Rows of the activations, contracted width, columns of the weight.
    n_tile, k_step : int
        Columns of a tile of the result, and contracted width of one product.
    tiles, tile_stride : int
        Tiles of the result that one task computes, one after the other, and how far apart they
        are: 1 for neighbours, the number of tasks for tiles that are dealt out in turn.
    stages : int
        Depth of the software pipeline along k and from tile to tile, 1 for serial loops.
    element_bytes : int
        1 for INT8, 2 for BF16, 4 for FP32.
    """
    M, K, N, T, S, R, D = m, k, n, n_tile, k_step, tiles, tile_stride
    STAGES, IN, OUT = stages, *_in_and_out(element_bytes)

    @pl.program
    class Projection:
        @pl.function
        def projection(
            self,
            x: pl.Tensor[[M, K], IN],
            w: pl.Tensor[[K, N], IN],
            y: pl.Out[pl.Tensor[[M, N], OUT]],
        ):
            for task in pl.parallel(0, N // (T * R)):
                with pl.incore():
                    for tile in pl.pipeline(0, R, stage=STAGES):
                        n0 = (task // D * R * D + task % D + tile * D) * T
                        x_first = pl.slice(x, [M, S], [0, 0])
                        w_first = pl.slice(w, [S, T], [0, n0])
                        acc = pl.matmul(x_first, w_first, out_dtype=OUT)
                        for step in pl.pipeline(1, K // S, stage=STAGES):
                            x_step = pl.slice(x, [M, S], [0, step * S])
                            w_step = pl.slice(w, [S, T], [step * S, n0])
                            acc = pl.matmul_acc(acc, x_step, w_step)
                        y = pl.assemble(y, acc, [0, n0])

    return Projection


def build_projection_transposed(
    m: int,
    k: int,
    n: int,
    n_tile: int,
    k_step: int,
    tiles: int,
    tile_stride: int,
    stages: int,
    element_bytes: int,
) -> pl.Program:
    """The same with a weight that is stored [n, k]: a tile has fewer and longer rows."""
    M, K, N, T, S, R, D = m, k, n, n_tile, k_step, tiles, tile_stride
    STAGES, IN, OUT = stages, *_in_and_out(element_bytes)

    @pl.program
    class ProjectionTransposed:
        @pl.function
        def projection(
            self,
            x: pl.Tensor[[M, K], IN],
            w: pl.Tensor[[N, K], IN],
            y: pl.Out[pl.Tensor[[M, N], OUT]],
        ):
            for task in pl.parallel(0, N // (T * R)):
                with pl.incore():
                    for tile in pl.pipeline(0, R, stage=STAGES):
                        n0 = (task // D * R * D + task % D + tile * D) * T
                        x_first = pl.slice(x, [M, S], [0, 0])
                        w_first = pl.slice(w, [T, S], [n0, 0])
                        acc = pl.matmul(x_first, w_first, b_trans=True, out_dtype=OUT)
                        for step in pl.pipeline(1, K // S, stage=STAGES):
                            x_step = pl.slice(x, [M, S], [0, step * S])
                            w_step = pl.slice(w, [T, S], [n0, step * S])
                            acc = pl.matmul_acc(acc, x_step, w_step, b_trans=True)
                        y = pl.assemble(y, acc, [0, n0])

    return ProjectionTransposed


def build_scores(
    tasks: int, rows: int, keys: int, head_dim: int, block: int, stages: int, element_bytes: int
) -> pl.Program:
    """QK: the queries of a task times its keys, block by block, each product stored.

    Parameters
    ----------
    tasks : int
        Tasks, each with queries and keys of its own.
    rows, keys, head_dim : int
        Queries and keys of a task, and elements of each.
    block : int
        Keys of one product.
    stages, element_bytes : int
        As for `build_projection`.
    """
    T, R, L, D, B = tasks, rows, keys, head_dim, block
    STAGES, IN, OUT = stages, *_in_and_out(element_bytes)

    @pl.program
    class Scores:
        @pl.function
        def scores(
            self,
            q: pl.Tensor[[T * R, D], IN],
            k: pl.Tensor[[T * L, D], IN],
            s: pl.Out[pl.Tensor[[T * R, L], OUT]],
        ):
            for task in pl.parallel(0, T):
                with pl.incore():
                    query = pl.slice(q, [R, D], [task * R, 0])
                    for b in pl.pipeline(0, L // B, stage=STAGES):
                        key = pl.slice(k, [B, D], [task * L + b * B, 0])
                        score = pl.matmul(query, key, b_trans=True, out_dtype=OUT)
                        s = pl.assemble(s, score, [task * R, b * B])

    return Scores


def build_weighted_values(
    tasks: int, rows: int, keys: int, head_dim: int, block: int, stages: int
) -> pl.Program:
    """SV: the weights of a task times its values, block by block, each product stored.

    Parameters are those of `build_scores`.
    """
    T, R, L, D, B = tasks, rows, keys, head_dim, block
    STAGES = stages

    @pl.program
    class WeightedValues:
        @pl.function
        def values(
            self,
            p: pl.Tensor[[T * R, L], pl.BF16],
            v: pl.Tensor[[T * L, D], pl.BF16],
            o: pl.Out[pl.Tensor[[T * (L // B) * R, D], pl.FP32]],
        ):
            for task in pl.parallel(0, T):
                with pl.incore():
                    for b in pl.pipeline(0, L // B, stage=STAGES):
                        weight = pl.slice(p, [R, B], [task * R, b * B])
                        value = pl.slice(v, [B, D], [task * L + b * B, 0])
                        part = pl.matmul(weight, value, out_dtype=pl.FP32)
                        o = pl.assemble(o, part, [(task * (L // B) + b) * R, 0])

    return WeightedValues


def build_rescale(tasks: int, rows: int, columns: int, blocks: int, stages: int) -> pl.Program:
    """The update of an online softmax: for each block, an accumulator rescaled and added to.

    Parameters
    ----------
    tasks : int
        Tasks with data of their own.
    rows, columns : int
        Shape of the accumulator.
    blocks : int
        Blocks of each task.
    stages : int
        Depth of the software pipeline along the blocks, 1 for a serial loop.
    """
    T, R, C, B, STAGES = tasks, rows, columns, blocks, stages

    @pl.program
    class Rescale:
        @pl.function
        def rescale(
            self,
            o: pl.Tensor[[T * B * R, C], pl.FP32],
            alpha: pl.Tensor[[T * B * R, 1], pl.FP32],
            beta: pl.Tensor[[T * B * R, 1], pl.FP32],
            out: pl.Out[pl.Tensor[[T * R, C], pl.FP32]],
        ):
            for task in pl.parallel(0, T):
                with pl.incore():
                    total = pl.slice(o, [R, C], [task * B * R, 0])
                    for b in pl.pipeline(1, B, stage=STAGES):
                        row = (task * B + b) * R
                        part = pl.slice(o, [R, C], [row, 0])
                        old = pl.row_expand_mul(total, pl.slice(alpha, [R, 1], [row, 0]))
                        new = pl.row_expand_mul(part, pl.slice(beta, [R, 1], [row, 0]))
                        total = pl.add(old, new)
                    out = pl.assemble(out, total, [task * R, 0])

    return Rescale


def build_empty(tasks: int) -> Orchestration:
    """Tasks that do nothing, on vector cores: what every kernel costs however little it does."""
    o = Orchestration("empty")
    kernel = Kernel("empty", CoreType.AIV, (), (), (), line=1)
    for _ in range(tasks):
        o.submit(kernel)
    return o


def _in_and_out(element_bytes: int) -> tuple[object, object]:
    """Dtypes of operands of that size and of their products."""
    if element_bytes not in _DTYPES:
        raise InputError(f"element_bytes is 1 (INT8), 2 (BF16) or 4 (FP32), not {element_bytes}")
    return _DTYPES[element_bytes], pl.INT32 if element_bytes == 1 else pl.FP32
