"""A batch of matrix products in groups, written by hand as the runtime's own benchmark is."""

from __future__ import annotations

from devices.dtypes import BY_NAME
from devices.kernel import Kernel
from runtime import language as pl
from runtime.graph import View
from runtime.handwritten import Orchestration, kernel_of

__all__ = ["build_bgemm"]


def build_bgemm(groups: int, steps: int, tile: int) -> Orchestration:
    """Products that are added up, group by group.

    Each group is a scope. Each of its steps multiplies two tiles into a tensor that the runtime
    allocates, and adds that to the group's tile of the result.

    Parameters
    ----------
    groups, steps : int
        Tiles of the result, and products that make up each.
    tile : int
        Rows and columns of a tile, in elements.
    """
    o = Orchestration("bgemm")
    fp32 = BY_NAME["FP32"]
    a = o.tensor("a", (groups * steps * tile, tile), fp32)
    b = o.tensor("b", (groups * steps * tile, tile), fp32)
    c = o.tensor("c", (groups * tile, tile), fp32)
    gemm, add = _gemm(tile), _add(tile)

    def part(tensor: View, number: int) -> View:
        return View(tensor.buffer, (tile, tile), (number * tile, 0))

    for group in range(groups):
        with o.scope():
            for step in range(steps):
                number = group * steps + step
                product = o.submit(gemm, part(a, number), part(b, number)).outputs[0]
                o.submit(add, part(c, group), product)
    return o


def _gemm(tile: int) -> Kernel:
    T = tile

    @pl.program
    class Gemm:
        @pl.function
        def gemm(
            self,
            a: pl.Tensor[[T, T], pl.FP32],
            b: pl.Tensor[[T, T], pl.FP32],
            product: pl.Out[pl.Tensor[[T, T], pl.FP32]],
        ):
            with pl.incore():
                product = pl.assemble(product, pl.matmul(a, b), [0, 0])

    return kernel_of(Gemm, "gemm", fresh=["product"])


def _add(tile: int) -> Kernel:
    T = tile

    @pl.program
    class Add:
        @pl.function
        def add(
            self,
            c: pl.InOut[pl.Tensor[[T, T], pl.FP32]],
            product: pl.Tensor[[T, T], pl.FP32],
        ):
            with pl.incore():
                c = pl.assemble(c, pl.add(c, product), [0, 0])

    return kernel_of(Add, "add")
