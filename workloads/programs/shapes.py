"""Graphs of two plain shapes: chains side by side, and stages that fork and join."""

from __future__ import annotations

from devices.dtypes import BY_NAME
from devices.kernel import Kernel
from runtime import language as pl
from runtime.graph import View
from runtime.handwritten import Orchestration, kernel_of
from workloads.programs.generator_kernels import product_kernel, sum_kernel

__all__ = ["build_chains", "build_fork_join"]

MOST_PRODUCERS = 16
"""Parts that a join names in one view: of more writers, some versions of the runtime lose some."""


def build_chains(chains: int, length: int, tile: int) -> Orchestration:
    """Chains that share nothing; each adds a tile to its own, again and again.

    There are ``chains * length`` tasks on vector cores and ``chains * (length - 1)`` edges. Chains
    are submitted side by side: the first task of each, then the second of each.

    Parameters
    ----------
    chains, length : int
        Chains, and tasks of each.
    tile : int
        Rows and columns of a tile, in elements.
    """
    o = Orchestration("chains")
    fp32, shape = BY_NAME["FP32"], (chains * tile, tile)
    x, y = o.tensor("x", shape, fp32), o.tensor("y", shape, fp32)
    step = _step(tile)
    for _ in range(length):
        with o.scope():  # so that what is done can leave the task ring
            for chain in range(chains):
                own = [View(t.buffer, (tile, tile), (chain * tile, 0)) for t in (x, y)]
                o.submit(step, *own)
    return o


def _step(tile: int) -> Kernel:
    T = tile

    @pl.program
    class Step:
        @pl.function
        def step(self, x: pl.InOut[pl.Tensor[[T, T], pl.FP32]], y: pl.Tensor[[T, T], pl.FP32]):
            with pl.incore():
                x = pl.assemble(x, pl.add(x, y), [0, 0])

    return kernel_of(Step, "step")


def build_fork_join(stages: int, width: int, tile: int) -> Orchestration:
    """Stages one after the other: tasks that read one tile, and one that joins their results.

    There are ``stages * (width + 1)`` tasks, products on cube cores and joins on vector cores, and
    ``(2 * stages - 1) * width`` edges.

    Parameters
    ----------
    stages, width : int
        Stages, and products of each.
    tile : int
        Rows and columns of a tile, in elements.
    """
    o = Orchestration("fork_join")
    fp32, shape = BY_NAME["FP32"], (tile, tile)
    weights = o.tensor("w", (width * tile, tile), fp32)
    whole = o.tensor("x0", shape, fp32)
    full, rest = divmod(width, MOST_PRODUCERS)
    heights = [MOST_PRODUCERS] * full + [rest] * (rest > 0)
    fork, join = product_kernel([1], tile), sum_kernel(heights, tile)
    for stage in range(stages):
        parts = o.tensor(f"parts{stage}", (width * tile, tile), fp32)
        joined = o.tensor(f"x{stage + 1}", shape, fp32)
        with o.scope():
            for number in range(width):
                weight, part = (View(t.buffer, shape, (number * tile, 0)) for t in (weights, parts))
                o.submit(fork, whole, weight, part, scalars=[1])
            groups = [
                View(parts.buffer, (height * tile, tile), (n * MOST_PRODUCERS * tile, 0))
                for n, height in enumerate(heights)
            ]
            o.submit(join, *groups, joined, scalars=[1])
        whole = joined
    return o
