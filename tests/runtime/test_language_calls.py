"""Calls inside other expressions, and what they stand for there."""

import numpy as np
import pytest
from small_programs import directions, program

from devices.kernel import CoreType, Memory, walk
from runtime import language as pl
from runtime.language import record
from runtime.numerics.run import compute_numbers

# ruff: noqa: SIM108 - programs are read, not run

TILE = pl.Tensor[[16, 64], pl.FP32]
SQUARE = pl.Tensor[[16, 16], pl.FP32]
X = np.arange(16 * 64, dtype=np.float32).reshape(16, 64) % 7 - 3


def computed(submits, **inputs):
    tasks = [task for task, kernel in enumerate(submits.kernel) if kernel >= 0]
    return compute_numbers(submits, inputs, tasks)


# Kernels and inlined functions


@pl.program
class Nested:
    @pl.function(type=pl.FunctionType.InCore)
    def twice(self, x: TILE, y: pl.Out[TILE]):
        return pl.store(pl.tile.muls(pl.tile.load(x, [0, 0], [16, 64]), 2.0), [0, 0], y)

    @pl.function(type=pl.FunctionType.InCore)
    def split(self, x: TILE, y: pl.Out[TILE], z: pl.Out[TILE]):
        t = pl.load(x, [0, 0], [16, 64])
        return pl.store(pl.tile.adds(t, 1.0), [0, 0], y), pl.store(pl.tile.subs(t, 1.0), [0, 0], z)

    @pl.function(type=pl.FunctionType.Orchestration)
    def main(self, x: TILE, y: pl.Out[TILE], z: pl.Out[TILE]):
        t = pl.create_tensor([16, 64], dtype=pl.FP32)
        return self.split(self.twice(self.twice(x, t), y), y, z)


def test_kernels_are_called_in_the_arguments_of_others_and_returned():
    submits = record(Nested)
    assert [submits.kernels[k].name for k in submits.kernel if k >= 0] == [
        "twice",
        "twice",
        "split",
    ]
    found = computed(submits, x=X)
    assert np.array_equal(found["y"], 4 * X + 1)
    assert np.array_equal(found["z"], 4 * X - 1)


@pl.inline
def square(t):
    return pl.mul(t, t)


@pl.inline
def both(t, offset=1.0):
    more = pl.add(t, offset)
    less = pl.sub(t, offset)
    return more, less


def test_inlined_functions_are_called_in_the_arguments_of_others():
    def nested(x: TILE, y: TILE, z: TILE):
        with pl.incore():
            more, less = both(square(square(x)), offset=2.0)
            y = pl.assemble(y, pl.neg(square(more)), [0, 0])
            z = pl.assemble(z, less, [0, 0])

    found = computed(record(program(nested)), x=X)
    assert np.array_equal(found["y"], -((X**4 + 2) ** 2))
    assert np.array_equal(found["z"], X**4 - 2)


# Subscripts


def test_a_subscript_takes_what_is_constant_behind_any_scalars():
    def folded(n: pl.Tensor[[4], pl.INT32], x: TILE, y: TILE):
        for i in pl.range(4):
            row = i // 2 * 8 + i % 2
            with pl.incore():
                first = pl.read(n, [i])
                part = x[first : first + 2, row % 4 * 16 : row % 4 * 16 + 16]
                y = pl.assemble(y, pl.mul(part, 2.0), [row, 0])

    n = np.array([3, 0, 14, 5], np.int32)
    found = computed(record(program(folded), inputs={"n": n}), x=X, n=n)["y"]
    for i, row in enumerate([0, 1, 8, 9]):
        rows = 1 if row in (0, 8) else 2  # the second of two rows is written once more
        block = 2 * X[n[i] : n[i] + rows, row % 4 * 16 : row % 4 * 16 + 16]
        assert np.array_equal(found[row : row + rows, :16], block)


# Products whose first is chosen by a condition


def by_condition(x: TILE, y: SQUARE):
    with pl.incore():
        total = pl.create_tensor([16, 16], dtype=pl.FP32)
        for k in pl.range(4):
            block = pl.slice(x, [16, 16], [0, k * 16])
            if k == 0:
                total = pl.matmul(block, block, b_trans=True)
            else:
                total = pl.matmul_acc(total, block, block, b_trans=True)
        y = pl.assemble(y, total, [0, 0])


@pl.program
class ByHand:
    @pl.function(type=pl.FunctionType.InCore)
    def product(self, x: TILE, y: pl.Out[SQUARE]):
        total = pl.create_tile([16, 16], dtype=pl.FP32, target_memory=pl.Mem.Acc)
        for k in pl.range(4):
            block = pl.load(x, [0, k * 16], [16, 16], target_memory=pl.Mem.Mat)
            turned = pl.load(x, [0, k * 16], [16, 16], target_memory=pl.Mem.Mat, transpose=True)
            left = pl.move(block, target_memory=pl.Mem.Left)
            right = pl.move(turned, target_memory=pl.Mem.Right)
            if k == 0:
                total = pl.matmul(left, right)
            else:
                total = pl.matmul_acc(total, left, right)
        return pl.store(total, [0, 0], y)

    @pl.function(type=pl.FunctionType.Orchestration)
    def main(self, x: TILE, y: pl.Out[SQUARE]):
        return self.product(x, y)


@pytest.mark.parametrize("made", [program(by_condition), ByHand], ids=["region", "by hand"])
def test_products_stay_on_the_cube_core_whichever_comes_first(made):
    submits = record(made)
    (kernel,) = submits.kernels
    assert kernel.core is CoreType.AIC
    assert directions(kernel) == [("x", "in"), ("y", "out_existing")]
    assert not any(op.result and op.result.memory is Memory.UB for op in walk(kernel.body))
    assert np.array_equal(computed(submits, x=X)["y"], X @ X.T)
