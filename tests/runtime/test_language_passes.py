"""Passes over a lowered function: directions of arguments by date, and the pipe of MIX kernels."""

from __future__ import annotations

import numpy as np

from devices.kernel import CoreType, Direction
from runtime import language as pl
from runtime.graph import ALLOC
from runtime.language import Lowering, record
from runtime.numerics.orders import program_order
from runtime.numerics.run import compute_numbers
from runtime.tensormap import build_graph
from workloads.catalogue import find_workload

T = pl.Tensor[[16, 64], pl.FP32]
OUT, INOUT = Direction.OUT_EXISTING, Direction.INOUT


def directions(program, lowering=Lowering.AUGUST):
    submits = record(program, lowering)
    return [[p.direction for p in kernel.parameters] for kernel in submits.kernels]


def rows(loop):
    @pl.program
    class Rows:
        @pl.function
        def rows(self, x: T, y: pl.Out[T]):
            for i in loop(0, 4):
                with pl.incore():
                    part = pl.slice(x, [4, 64], [i * 4, 0])
                    y = pl.assemble(y, pl.neg(part), [i * 4, 0])

    return Rows


def test_what_a_sequential_loop_only_writes_is_inout_from_august_on():
    assert directions(rows(pl.range), Lowering.APRIL) == [[Direction.IN, OUT]]
    assert directions(rows(pl.range)) == [[Direction.IN, INOUT]]
    assert directions(rows(pl.parallel)) == [[Direction.IN, OUT]]


def test_iterations_of_a_sequential_loop_become_a_chain():
    april, august = (
        build_graph(record(rows(pl.range), lowering), lookup_cap=None, rings=4)
        for lowering in Lowering
    )
    assert (april.depth, august.depth) == (1, 4)


def test_what_was_written_before_is_inout():
    @pl.program
    class Twice:
        @pl.function
        def twice(self, x: T, y: pl.Out[T], z: pl.Out[T]):
            with pl.incore():
                y = pl.assemble(y, pl.neg(x), [0, 0])
            with pl.incore():
                z = pl.assemble(z, pl.neg(x), [0, 0])
            with pl.incore():
                y = pl.assemble(y, pl.exp(x), [0, 0])

    assert [d[1] for d in directions(Twice)] == [OUT, OUT, INOUT]


def test_an_inout_parameter_of_the_program_stays_one():
    @pl.program
    class Given:
        @pl.function
        def given(self, x: T, y: pl.InOut[T]):
            with pl.incore():
                y = pl.assemble(y, pl.neg(x), [0, 0])

    assert directions(Given) == [[Direction.IN, INOUT]]


def test_the_restructured_program_would_have_chains_again():
    program = find_workload("qwen3-scope3-restructured").program()
    graph = build_graph(record(program, Lowering.AUGUST), lookup_cap=None, rings=4)
    assert (
        graph.depth == 212
    )  # 128 residual adds, then 64 last ones in a row, and what lies between


def mixed():
    @pl.program
    class Mixed:
        @pl.function
        def mixed(self, x: pl.Tensor[[16, 16], pl.FP32], y: pl.Out[pl.Tensor[[16, 16], pl.FP32]]):
            with pl.incore():
                y = pl.assemble(y, pl.add(pl.matmul(x, x), 1.0), [0, 0])

    return Mixed


def test_a_mix_kernel_gets_a_pipe_that_is_allocated_once_and_not_tracked():
    submits = record(mixed())
    (kernel,) = submits.kernels
    assert kernel.core is CoreType.MIX
    assert kernel.parameters[-1].name == "__gm_pipe_buffer"
    assert kernel.parameters[-1].direction is Direction.NO_DEP
    # Eight slots of a tile of 16 x 16 x 4 bytes, counted in FP32.
    assert kernel.parameters[-1].shape == (8 * 16 * 16,)
    graph = build_graph(submits, lookup_cap=None, rings=4)
    assert graph.kernel.tolist() == [ALLOC, 0]
    assert graph.producers(1).tolist() == [0]


def test_a_mix_kernel_computes_what_its_region_says():
    submits = record(mixed())
    graph = build_graph(submits, lookup_cap=None, rings=4)
    x = np.random.default_rng(0).standard_normal((16, 16)).astype(np.float32)
    inputs = {"x": x, "y": np.zeros_like(x)}
    found = compute_numbers(submits, inputs, program_order(graph))["y"]
    np.testing.assert_allclose(found, x @ x + 1.0, rtol=1e-5, atol=1e-5)
