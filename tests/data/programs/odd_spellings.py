"""One program in the module itself, spelled as oddly as the language allows."""

from __future__ import annotations

import math
import os.path
from dataclasses import dataclass

import torch
import torch.nn.functional as F

import pypto.language as pl
from pypto.runtime import TensorSpec

torch.manual_seed(0)
TABLE = torch.cos(torch.arange(8).float())  # nobody reads it


@dataclass
class Config:
    """Sizes."""

    rows: int = 8
    cols: int = 64


CONFIG = Config()
ROWS, COLS = CONFIG.rows, CONFIG.cols
ROW = [1, COLS]
SCALE = 1.0 / math.sqrt(COLS)
HERE = os.path.dirname(__file__)


@pl.inline
def squares(x):
    # A comment before the docstring.
    """x * x."""
    return pl.mul(x, x)


@pl.inline
def normed(
    x,
    eps=1e-6,
):
    total = pl.row_sum(squares(x))
    return pl.row_expand_mul(x, pl.rsqrt(pl.add(total, eps)))


@pl.program(strict_ssa=False)
class Odd:
    "A docstring in single quotes."

    rows_per_task: int = 2

    # A comment between methods.
    @pl.function(type=pl.FunctionType.InCore)
    def halve(
        self,
        x: pl.Tensor[[1, COLS], pl.FP32, pl.ND],
        factor: pl.Scalar[pl.FP32],
        y: pl.Out[pl.Tensor[[1, COLS], pl.FP32]],
    ) -> pl.Tensor[[1, COLS], pl.FP32]:
        t: pl.Tile[[1, COLS], pl.FP32, pl.Mem.Vec] = pl.tile.load(x, offsets=[0, 0], shapes=[1, COLS])
        return pl.tile.store(pl.tile.muls(t, factor), [0, 0], output_tensor=y)

    @pl.function(type=pl.FunctionType.InCore)
    def softmax(self, x: pl.Tensor[[1, COLS], pl.FP32], y: pl.Tensor[[1, COLS], pl.FP32]):
        t = pl.load(x, [0, 0], [1, COLS])
        tmp = pl.create_tile([1, COLS], dtype=pl.FP32)
        e = pl.exp(pl.row_expand_sub(t, pl.row_max(t, tmp_tile=tmp)))
        pl.store(pl.row_expand_div(e, pl.row_sum(e, tmp)), [0, 0], y)

    @pl.function
    def main(
        self, n: pl.Tensor[[4], pl.INT32], x: pl.Tensor[[ROWS, COLS], pl.FP32], \
        y: pl.Out[pl.Tensor[[ROWS, COLS], pl.FP32]],
        z: pl.Tensor[(ROWS, COLS), pl.FP32],
    ) -> tuple[
        pl.Tensor[[ROWS, COLS], pl.FP32],
        pl.Tensor[[ROWS, COLS], pl.FP32],
    ]:
        # Not the first statement:
        """
    A string that begins further left than the code.
        """
        pl.static_assert(ROWS % 2 == 0, "rows are even")
        pl.static_print("cols", COLS)
        half = pl.const(0.5, pl.FP32)
        last = pl.max(0, pl.tensor.read(n, [1]) - 1)
        shape = ROW

        h = pl.tensor.create([ROWS, COLS], dtype=pl.FP32, layout=pl.TensorLayout.ND)
        for i in pl.parallel(pl.tensor.dim(x, 0)):
            """A string in a loop."""
            row = (i // 2) * 2 + i % 2
            self.halve(x[row : row + 1, :], half, h[row : (row + 1), 0:COLS])

        for i in pl.unroll(0, ROWS, 4):
            with pl.incore():  # a kernel for each
                pass
                y = pl.tensor.assemble(
                    target=y,
                    source=normed(
                        pl.slice(tensor=h, shape=shape, offset=[i, 0])
                    ),
                    offset=[i, 0],
                )

        for i in pl.range(0, ROWS, 4):
            if i <= last and not i == ROWS:
                with pl.at(pl.Level.CORE_GROUP):
                    acc0 = pl.full(ROW, dtype=pl.FP32, value=0.0)
                    best0 = pl.full(ROW, dtype=pl.FP32, value=-1.0)
                    for j, (acc, best) in pl.range(4, init_values=(acc0, best0)):
                        here = h[i + j : i + j + 1, :]
                        more = pl.add(acc, here)
                        better = pl.maximum(best, here)
                        total, most = pl.yield_(more, better)
                    y = pl.assemble(y, total, [i + 1, 0])
                    y = pl.assemble(y, most, [i + 2, 0])
            else:
                with pl.at(level=pl.Level.CORE_GROUP, optimization=None):
                    y = pl.assemble(y, pl.mul(h[i : i + 1, :], 0), [i + 1, 0])
                    y = pl.assemble(y, pl.mul(h[i : i + 1, :], SCALE), [i + 2, 0])
            with pl.auto_incore(split=pl.SplitMode.NONE):
                for j in pl.parallel(0, 1, 1, chunk=1, chunk_policy="leading_full"):
                    y = pl.assemble(y, pl.neg(pl.slice(h, ROW, [i + 3 + j, 0])), [i + 3 + j, 0])

        self.softmax(self.halve(x[0:1, :], 1.0, z[1:2, :]), z[0:1, :])
        return (y, z)


def build_tensor_specs():
    lengths = torch.full((4,), 1, dtype=torch.int32)
    lengths[1] = 3
    return [
        TensorSpec("n", [4], torch.int32, init_value=lengths),
        TensorSpec("x", [ROWS, COLS], torch.float32, init_value=torch.randn),
        TensorSpec("y", [ROWS, COLS], torch.float32, is_output=True),
        TensorSpec("z", [ROWS, COLS], torch.float32, is_output=True),
    ]


def golden(tensors, params=None):
    tensors["z"][0:1] = F.softmax(tensors["x"][0:1], dim=-1)


if __name__ == "__main__":
    raise SystemExit("not started as a program here")
