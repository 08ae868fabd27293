"""A kernel for vector cores and one for cube cores, as small as they can be."""

from runtime import language as pl


@pl.program
class Scale:
    @pl.function
    def scale(self, x: pl.Tensor[[16, 64], pl.FP32], y: pl.Out[pl.Tensor[[16, 64], pl.FP32]]):
        with pl.incore():
            y = pl.assemble(y, pl.mul(x, 2.0), [0, 0])


@pl.program
class Square:
    @pl.function
    def square(self, a: pl.Tensor[[16, 16], pl.FP32], b: pl.Out[pl.Tensor[[16, 16], pl.FP32]]):
        with pl.incore():
            b = pl.assemble(b, pl.matmul(a, a), [0, 0])
