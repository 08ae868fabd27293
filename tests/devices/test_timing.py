import math
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.description import with_values
from devices.device import load_device
from devices.dtypes import BY_NAME, DType
from devices.errors import InputError
from devices.expression import Scalar, Symbol
from devices.kernel import (
    Box,
    Branch,
    CoreType,
    Direction,
    Kernel,
    Loop,
    Memory,
    Parameter,
    Statement,
    Tile,
    TileOp,
)
from devices.timing import KernelTime, kernel_time_us, timing_symbols

BF16, FP16, FP32, INT8 = (BY_NAME[name] for name in ("BF16", "FP16", "FP32", "INT8"))
# The constants that the documented times were computed with, which calibration has changed since
A2A3 = with_values(
    load_device("a2a3"),
    {
        "kernel.start_us": 0.45,
        "kernel.commit_us": 0.30,
        "kernel.load_latency_us": 0.27,
        "kernel.pipelined_latency_us": 0.15,
        "cube.row_issue_us": 0.0018,
        "cube.row_miss_us": 0.0,
        "cube.miss_gbps": 120,
        "cube.hit_gbps": 260,
        "cube.l0a_bytes_per_cycle": 129.7,
        "cube.l0b_bytes_per_cycle": 85.4,
        "cube.matmul_head_cycles": 21,
        "cube.drain_fixed_cycles": 164,
        "cube.drain_row_cycles": 4.45,
        "cube.drain_bytes_per_cycle": 118,
        "cube.drain_odd_cycles": 2.6,
        "vector.load_gbps": 80,
        "vector.store_gbps": 90,
        "vector.head_cycles": 24,
        "vector.sync_us": 0.027,
    },
)
# The constants with the latency that the published vector times were computed with
AT_023 = with_values(A2A3, {"kernel.load_latency_us": 0.23})
EARLIER = with_values(AT_023, {"cube.row_issue_us": 0.0023})
FIXED_US = 0.45 + 0.30


def _kernel(core: CoreType, parameters, *body: Statement, scalars=()) -> Kernel:
    specs = tuple(
        Parameter(f"p{i}", shape, dtype, Direction.IN)
        for i, (shape, dtype) in enumerate(parameters)
    )
    return Kernel("f_incore_0", core, specs, tuple(scalars), body, 1)


def cube(parameters, *body: Statement, scalars=()) -> Kernel:
    return _kernel(CoreType.AIC, parameters, *body, scalars=scalars)


def vector(parameters, *body: Statement, scalars=()) -> Kernel:
    return _kernel(CoreType.AIV, parameters, *body, scalars=scalars)


def ub(*shape: int, dtype: DType = FP32) -> Tile:
    return Tile(shape, dtype, Memory.UB)


def load(tile: Tile, parameter: int, shape=None) -> TileOp:
    shape = shape or tile.shape
    return TileOp("tile.load", tile, (), 7, Box(parameter, shape, (0,) * len(shape)))


def store(tile: Tile, parameter: int) -> TileOp:
    return TileOp("tile.store", None, (tile,), 7, Box(parameter, tile.shape, (0, 0)))


def op(name: str, result: Tile, *operands: Tile) -> TileOp:
    return TileOp(f"tile.{name}", result, operands, 7)


def loop(trips: Scalar, *body: Statement, stages: int = 1, variable: Symbol | None = None) -> Loop:
    return Loop(Symbol("i") if variable is None else variable, 0, 1, trips, body, (), stages)


def step(m: int, k: int, n: int, dtype: DType = BF16, transposed: bool = False):
    """The operations of one k-block: parameter 0 is the activations, parameter 1 the weights."""
    a, w = Tile((m, k), dtype, Memory.L1), Tile((k, n), dtype, Memory.L1)
    left, right = Tile((m, k), dtype, Memory.L0A), Tile((k, n), dtype, Memory.L0B)
    acc, total = Tile((m, n), FP32, Memory.L0C), Tile((m, n), FP32, Memory.L0C)
    return (
        load(a, 0),
        load(w, 1, (n, k) if transposed else (k, n)),
        op("move", left, a),
        op("move", right, w),
        op("matmul_acc", total, acc, left, right),
    )


def projection(steps: int, m: int, k: int, n: int, stages: int = 1) -> Kernel:
    """A column block of a wide product, as the compiler emits it: first step, loop, store."""
    acc = Tile((m, n), FP32, Memory.L0C)
    arguments = [((m, 8192), BF16), ((8192, 25600), BF16), ((m, n), FP32)]
    first, rest = step(m, k, n), step(m, k, n)
    return cube(arguments, *first, loop(steps - 1, *rest, stages=stages), store(acc, 2))


def total(kernel: Kernel, device=A2A3, values=None, missed=1.0) -> float:
    return kernel_time_us(kernel, device, values, missed).total_us


def only_weights_miss(m, k, n):
    """Part of the bytes of a product [m, k] x [k, n] that are weights."""
    return k * n / (m * k + k * n)


# The cube: published figures


@pytest.mark.parametrize(
    ("m", "k", "n", "device", "tau_us"),
    [
        (16, 128, 64, A2A3, 0.831),
        (16, 64, 128, A2A3, 0.699),
        (16, 128, 64, EARLIER, 0.863),
        (16, 64, 128, EARLIER, 0.699),
    ],
)
def test_the_time_of_a_step_is_the_documented_one(m, k, n, device, tau_us):
    missed = only_weights_miss(m, k, n)
    three, two = (total(projection(b, m, k, n), device, missed=missed) for b in (3, 2))
    assert three - two == pytest.approx(tau_us, abs=5e-4)


@pytest.mark.parametrize(
    ("steps", "k", "n", "documented_us"),
    [(40, 128, 64, 35.4), (64, 128, 64, 56.1), (400, 64, 128, 280.6), (1, 64, 128, 1.576)],
)
def test_the_time_of_a_projection_is_the_documented_one(steps, k, n, documented_us):
    missed = only_weights_miss(16, k, n)
    simulated_us = total(projection(steps, 16, k, n), EARLIER, missed=missed)
    assert simulated_us == pytest.approx(documented_us, rel=1e-3)


def test_the_time_of_a_step_adds_up_by_hand():
    kernel = cube([((16, 8192), BF16), ((8192, 8192), BF16)], *step(16, 128, 64))
    one = kernel_time_us(kernel, A2A3, missed=only_weights_miss(16, 128, 64))
    assert one.start_us == 0.45
    assert one.load_latency_us == 0.27
    activations_us = 16 * (0.0018 + 256 / 260e3)
    weights_us = 128 * (0.0018 + 128 / 120e3)
    assert one.load_stream_us == pytest.approx(activations_us + weights_us)
    assert one.move_us == pytest.approx((4096 / 129.7 + 16384 / 85.4) / 1850)
    assert one.cube_us == pytest.approx((21 + 1 * 8 * 4) / 1850)
    assert one.vector_us == one.sync_us == one.store_us == 0
    assert one.commit_us == 0.30


# The cube: rules


@pytest.mark.parametrize(
    ("tensor", "box", "requests"),
    [
        ((16, 8192), (16, 64), 16),  # 128 B of each row
        ((16, 64), (16, 64), 4),  # 2 KB in one piece
        ((512, 64), (16, 64), 4),  # whole rows follow each other
        ((64, 8192), (1, 128), 1),  # part of one row
        ((1, 100), (1, 100), 1),  # less than a line
        ((4, 16, 64), (2, 16, 64), 8),  # a slab
        ((4, 16, 64), (2, 4, 64), 2),  # two pieces of 512 B
        ((4, 16, 64), (2, 4, 32), 8),  # parts of rows of a slab
        ((256, 512), (16, 512), 16),  # rows longer than a line
        ((16, 384), (16, 384), 16),  # rows of 768 B, which a line does not divide
    ],
)
def test_rows_that_follow_each_other_merge_into_bursts(tensor, box, requests):
    tile = Tile(box, BF16, Memory.L1)
    stream_us = kernel_time_us(cube([(tensor, BF16)], load(tile, 0)), A2A3).load_stream_us
    assert stream_us == pytest.approx(requests * 0.0018 + 2 * math.prod(box) / 120e3)


@pytest.mark.parametrize("missed", [0.0, 0.25, 1.0])
def test_what_is_in_l2_streams_at_its_rate(missed):
    kernel = cube([((16, 8192), BF16)], load(Tile((16, 128), BF16, Memory.L1), 0))
    stream_us = kernel_time_us(kernel, A2A3, missed=missed).load_stream_us
    missed_us, hit_us = missed * 4096 / 120e3, (1.0 - missed) * 4096 / 260e3
    assert stream_us == pytest.approx(16 * 0.0018 + missed_us + hit_us)


def test_a_transposed_weight_streams_the_rows_of_its_box():
    arguments = [((16, 128), BF16), ((64, 8192), BF16)]
    time_us = kernel_time_us(cube(arguments, *step(16, 128, 64, transposed=True)), A2A3)
    activations_us = 8 * (0.0018 + 512 / 120e3)
    assert time_us.load_stream_us - activations_us == pytest.approx(64 * (0.0018 + 256 / 120e3))


@pytest.mark.parametrize(
    ("m", "k", "n", "dtype", "cycles"),
    [
        (16, 128, 64, BF16, 21 + 8 * 4),
        (8, 128, 64, BF16, 21 + 8 * 4),  # a fractal has 16 rows, used or not
        (17, 128, 64, FP16, 21 + 2 * 8 * 4),
        (16, 120, 50, BF16, 21 + 8 * 4),
        (64, 256, 64, FP32, 21 + 2 * 4 * 32 * 4),
        (64, 128, 128, INT8, 21 + 4 * 4 * 8),
    ],
)
def test_the_cube_counts_fractals(m, k, n, dtype, cycles):
    arguments = [((m, 8192), dtype), ((8192, n), dtype)]
    time_us = kernel_time_us(cube(arguments, *step(m, k, n, dtype)), A2A3)
    assert time_us.cube_us == pytest.approx(cycles / 1850)


@pytest.mark.parametrize(
    ("m", "n", "cycles"),
    [
        (16, 64, 164 + 16 * 4.45),
        (16, 256, 164 + 16 * 1024 / 118),
        (64, 128, 164 + 64 * 4.45),
        (16, 24, 164 + 16 * (4.45 + 2 * 2.6)),  # 3 blocks of 8
        (16, 48, 164 + 16 * (4.45 + 2 * 2.6)),
        (16, 40, 164 + 16 * (4.45 + 4 * 2.6)),
        (16, 4, 164 + 16 * 4.45),
    ],
)
def test_a_drain_has_an_odd_term_that_vanishes_for_powers_of_two(m, n, cycles):
    drain = cube([((m, n), FP32)], store(Tile((m, n), FP32, Memory.L0C), 0))
    assert kernel_time_us(drain, A2A3).store_us == pytest.approx(cycles / 1850)


# Vector operations: published figures


def _zero(*, narrowed: bool) -> Kernel:
    wide, tile = ub(16, 64), ub(16, 64, dtype=BF16) if narrowed else ub(16, 64)
    if narrowed:
        block = (op("full", wide), op("cast", tile, wide), store(tile, 0))
    else:
        block = (op("full", tile), store(tile, 0))
    return vector([((16, 8192), tile.dtype)], loop(8, *block))


def _residual() -> Kernel:
    acc, narrow, wide, result = ub(16, 64), ub(16, 64, dtype=BF16), ub(16, 64), ub(16, 64)
    return vector(
        [((16, 8192), BF16), ((16, 64), FP32), ((16, 8192), FP32)],
        load(acc, 1),
        load(narrow, 0),
        op("cast", wide, narrow),
        op("add", result, acc, wide),
        store(result, 2),
    )


def _silu() -> Kernel:
    gate, up, t = ub(16, 64), ub(16, 64), [ub(16, 64) for _ in range(6)]
    narrow = ub(16, 64, dtype=BF16)
    return vector(
        [((16, 64), FP32), ((16, 64), FP32), ((16, 64), BF16)],
        load(gate, 0),
        load(up, 1),
        op("neg", t[0], gate),
        op("exp", t[1], t[0]),
        op("adds", t[2], t[1]),
        op("recip", t[3], t[2]),
        op("mul", t[4], gate, t[3]),
        op("mul", t[5], t[4], up),
        op("cast", narrow, t[5]),
        store(narrow, 2),
    )


def _accumulate(*, narrowed: bool = False) -> Kernel:
    a, b, added, narrow = ub(16, 128), ub(16, 128), ub(16, 128), ub(16, 128, dtype=BF16)
    end = (op("cast", narrow, added), store(narrow, 2)) if narrowed else (store(added, 2),)
    out = BF16 if narrowed else FP32
    return vector(
        [((16, 128), FP32), ((16, 8192), FP32), ((16, 8192), out)],
        load(a, 0),
        load(b, 1),
        op("add", added, a, b),
        *end,
    )


@pytest.mark.parametrize(
    ("kernel", "documented_us"),
    [
        (_zero(narrowed=False), 1.50),
        (_zero(narrowed=True), 1.71),
        (_residual(), 1.21),
        (_silu(), 1.51),
        (_accumulate(), 1.35),
        (_accumulate(narrowed=True), 1.36),
    ],
    ids=["zero resid1", "zero mlp", "residual", "SiLU", "accumulate", "final"],
)
def test_the_time_of_a_vector_kernel_is_the_documented_one(kernel, documented_us):
    assert total(kernel, AT_023) == pytest.approx(documented_us, abs=6e-3)


def _rms_norm(blocks: int, *, zero_fills: bool) -> Kernel:
    """RMSNorm over blocks of 128 columns, operation by operation as the compiler emitted it."""
    x, squares, scratch, sums = ub(16, 128), ub(16, 128), ub(16, 128), ub(16, 1)
    row, carried, moved, column = ub(1, 16), ub(1, 16), ub(1, 16), ub(16, 1)
    y, gamma, scaled, normed = ub(16, 128), ub(1, 128), ub(16, 128), ub(16, 128)
    narrow, zeros = ub(16, 128, dtype=BF16), ub(16, 128)
    squared = loop(
        blocks,
        load(x, 0),
        op("mul", squares, x, x),
        op("create", scratch),
        op("row_sum", sums, squares, scratch),
        op("reshape", row, sums),
        op("add", carried, moved, row),
        op("move", moved, carried),
    )
    scale = [op(name, ub(1, 16), moved) for name in ("muls", "adds", "sqrt", "recip")]
    fill = (op("full", zeros), store(zeros, 3)) if zero_fills else ()
    applied = loop(
        blocks,
        load(y, 0),
        load(gamma, 1),
        op("reshape", column, row),
        op("row_expand_mul", scaled, y, column),
        op("col_expand_mul", normed, scaled, gamma),
        op("cast", narrow, normed),
        store(narrow, 2),
        *fill,
    )
    width = blocks * 128
    arguments = [
        ((16, width), FP32),
        ((1, width), FP32),
        ((16, width), BF16),
        ((16, width), FP32),
    ]
    return vector(arguments, op("full", ub(1, 16)), squared, *scale, applied)


@pytest.mark.parametrize(
    ("blocks", "zero_fills", "documented_us"), [(64, False, 78), (40, True, 55)]
)
def test_the_time_of_rms_norm_is_the_documented_one(blocks, zero_fills, documented_us):
    assert total(_rms_norm(blocks, zero_fills=zero_fills), AT_023) == pytest.approx(
        documented_us, rel=5e-3
    )


# Vector operations: rules


def test_the_time_of_a_vector_kernel_adds_up_by_hand():
    time_us = kernel_time_us(_accumulate(), A2A3)
    assert time_us == KernelTime(
        start_us=0.45,
        load_latency_us=0.27,
        load_stream_us=pytest.approx(16384 / 80e3),
        vector_us=pytest.approx((24 + 2 * 32) / 1850),
        sync_us=0.027,
        store_us=pytest.approx(8192 / 90e3),
        commit_us=0.30,
    )


def test_a_cast_counts_its_wider_side_and_a_reduction_its_input():
    def cycles(operation: TileOp) -> float:
        return kernel_time_us(vector([], operation), A2A3).vector_us * 1850

    wide, narrow = ub(16, 64), ub(16, 64, dtype=BF16)
    assert cycles(op("cast", narrow, wide)) == pytest.approx(24 + 16)
    assert cycles(op("cast", wide, narrow)) == pytest.approx(24 + 16)
    assert cycles(op("row_sum", ub(16, 1), wide)) == pytest.approx(24 + 5 * 16)
    assert cycles(op("add", ub(1, 16), ub(1, 16), ub(1, 16))) == pytest.approx(24 + 2)


def test_scratch_space_is_not_data():
    data, scratch, sums = ub(8, 64), ub(8, 128), ub(8, 1)
    kernel = vector([], op("create", scratch), op("row_max", sums, data, scratch))
    assert kernel_time_us(kernel, A2A3).vector_us == pytest.approx((24 + 5 * 8) / 1850)


def test_create_and_reshape_cost_nothing():
    column, row = ub(16, 1), ub(1, 16)
    assert total(vector([], op("create", column), op("reshape", row, column))) == FIXED_US


def test_an_operation_without_a_cost_is_refused_with_its_place():
    tile = ub(16, 64)
    with pytest.raises(InputError) as caught:
        total(vector([], op("frobnicate", tile, tile)))
    assert str(caught.value) == (
        "f_incore_0 on AIV, line 7: device a2a3 has no cost for tile.frobnicate; "
        "add vector.cycles_per_repeat.frobnicate to the device's file"
    )


def test_cube_cores_refuse_what_they_cannot_do():
    tile = Tile((16, 64), FP32, Memory.L0C)
    for name in ("add", "move"):
        with pytest.raises(InputError, match=f"on AIC, line 7: .* no cost for tile.{name}$"):
            total(cube([], op(name, tile, tile)))
    with pytest.raises(InputError, match=r"add cube\.cycles_per_fractal\.HF8 to"):
        total(cube([((16, 64), FP32), ((64, 16), FP32)], *step(16, 64, 16, BY_NAME["HF8"])))
    with pytest.raises(InputError, match=r"no cost for tile\.load$"):
        total(cube([], TileOp("tile.load", tile, (), 7)))


# Blocks, loops and branches


def test_the_latency_is_exposed_once_per_block_that_loads():
    def latency_us(*body: Statement) -> float:
        return kernel_time_us(vector([((16, 8192), FP32)], *body), A2A3).load_latency_us

    a, b = load(ub(16, 64), 0), load(ub(16, 64), 0)
    fill = op("full", ub(16, 64))
    assert latency_us(fill) == 0
    assert latency_us(a, fill, b) == 0.27
    assert latency_us(a, loop(5, fill)) == 0.27
    assert latency_us(loop(5, a, b)) == pytest.approx(5 * 0.27)
    assert latency_us(a, loop(5, b), b) == pytest.approx(6 * 0.27)
    assert latency_us(loop(0, a)) == 0
    assert latency_us(Branch(1, (a,), (fill,))) == 0.27
    assert latency_us(Branch(0, (a,), (fill,))) == 0


FILL_US = (24 + 16) / 1850 + 0.027


def _fill() -> TileOp:
    return op("full", ub(16, 64))


def test_loops_take_the_trips_that_scalars_give():
    n = Symbol("n")
    kernel = vector([], loop(n * 2, _fill()), scalars=[n])
    assert timing_symbols(kernel.body) == {n}
    for count in (-1, 0, 3):
        assert total(kernel, values={n: count}) == pytest.approx(
            FIXED_US + max(count, 0) * 2 * FILL_US
        )
    with pytest.raises(InputError, match=r"time depends on scalars without a value: n$"):
        total(kernel)


def test_a_branch_on_the_loop_variable_is_taken_per_iteration():
    i, n, first = Symbol("i"), Symbol("n"), Symbol("first")
    branch = Branch(i < n, (_fill(), _fill()), (_fill(),))
    kernel = vector([], Loop(i, first, 2, 10, (branch,)), scalars=[n, first])
    assert timing_symbols(kernel.body) == {n, first}
    # 4, 6, ... 22 against 9: three of ten iterations
    assert total(kernel, values={n: 9, first: 4}) == pytest.approx(FIXED_US + 13 * FILL_US)


def test_an_inner_loop_may_depend_on_the_outer_one():
    i = Symbol("i")
    kernel = vector([], loop(5, loop(i, _fill()), variable=i))
    assert timing_symbols(kernel.body) == frozenset()
    assert total(kernel) == pytest.approx(FIXED_US + 10 * FILL_US)


def test_constant_loops_are_multiplied_and_not_unrolled():
    kernel = vector([], loop(10**9, loop(10**9, _fill())))
    begin = time.perf_counter()
    assert total(kernel) == pytest.approx(10**18 * FILL_US)
    assert time.perf_counter() - begin < 0.1


def test_the_name_of_a_kernel_does_not_matter():
    kernel = projection(5, 16, 128, 64)
    other = Kernel("other", kernel.core, kernel.parameters, (), kernel.body, 99)
    assert kernel_time_us(other, A2A3) == kernel_time_us(kernel, A2A3)


# Pipelined loops


def _pipelined(kernel: Kernel) -> Kernel:
    body = tuple(replace(s, stages=2) if isinstance(s, Loop) else s for s in kernel.body)
    return Kernel(kernel.name, kernel.core, kernel.parameters, kernel.scalars, body, kernel.line)


def _score_mat() -> Kernel:
    """16 x ([64, 128] x [128, 128]^T) of int8: a kept left operand, 16 KB of keys a step."""
    q, key = Tile((64, 128), INT8, Memory.L1), Tile((128, 128), INT8, Memory.L1)
    left, right = Tile((64, 128), INT8, Memory.L0A), Tile((128, 128), INT8, Memory.L0B)
    scores = Tile((64, 128), BY_NAME["INT32"], Memory.L0C)
    body = (
        load(key, 1),
        op("move", right, key),
        op("matmul", scores, left, right),
        store(scores, 2),
    )
    arguments = [((64, 128), INT8), ((2048, 128), INT8), ((64, 2048), BY_NAME["INT32"])]
    return cube(arguments, load(q, 0), op("move", left, q), loop(16, *body))


@pytest.mark.parametrize(
    "serial",
    [_score_mat(), projection(64, 16, 128, 64), projection(400, 16, 64, 128)],
    ids=["score_mat", "gate", "down"],
)
def test_a_pipeline_is_faster_than_its_serial_loop(serial):
    assert total(_pipelined(serial)) < total(serial)


def test_a_pipeline_costs_its_slowest_stage_and_one_latency():
    arguments = [((16, 8192), BF16), ((8192, 25600), BF16)]
    once = kernel_time_us(cube(arguments, *step(16, 128, 64)), A2A3)
    piped = kernel_time_us(cube(arguments, loop(10, *step(16, 128, 64), stages=2)), A2A3)
    assert piped.load_latency_us == pytest.approx(0.27 + 10 * 0.15)
    assert piped.load_stream_us == pytest.approx(10 * once.load_stream_us)
    assert piped.move_us == piped.cube_us == piped.store_us == 0
    assert total(cube(arguments, loop(0, *step(16, 128, 64), stages=2))) == FIXED_US


def test_a_vector_pipeline_overlaps_loads_operations_and_stores():
    a, results = ub(16, 64), [ub(16, 64) for _ in range(4)]
    chain = [op("exp", result, a) for result in results]
    body = (load(a, 0), *chain, store(results[-1], 1))
    arguments = [((16, 8192), FP32), ((16, 8192), FP32)]
    piped = kernel_time_us(vector(arguments, loop(10, *body, stages=2)), A2A3)
    assert piped.load_latency_us == 0.27
    assert piped.vector_us == pytest.approx(10 * 4 * (24 + 32) / 1850)
    assert piped.sync_us == pytest.approx(10 * 4 * 0.027)
    assert piped.load_stream_us == piped.store_us == 0


def test_latencies_inside_a_pipelined_body_stay_exposed():
    inner = loop(3, load(ub(16, 64), 0))
    piped = kernel_time_us(vector([((16, 64), FP32)], loop(10, inner, stages=2)), A2A3)
    assert piped.load_latency_us == pytest.approx(10 * 3 * 0.27)
    assert piped.load_stream_us == pytest.approx(10 * 3 * 4096 / 80e3)


def _stored_steps(trips: int, drained: int) -> Kernel:
    """A loop of products, each stored, of `drained` columns."""
    acc = Tile((16, drained), FP32, Memory.L0C)
    arguments = [((16, 8192), BF16), ((8192, 8192), BF16), ((16, 8192), FP32)]
    products = step(16, 128, drained)[:-1]
    product = op("matmul", acc, *(p.result for p in products[-2:]))
    return cube(arguments, loop(trips, *products, product, store(acc, 2)))


def test_a_serial_loop_waits_for_its_last_drain_only():
    times = [kernel_time_us(_stored_steps(n, 64), A2A3) for n in (1, 10)]
    drain_us = (164 + 16 * 4.45) / 1850
    assert [time.store_us for time in times] == pytest.approx([drain_us, drain_us])
    assert times[1].load_stream_us == pytest.approx(10 * times[0].load_stream_us)


def test_what_is_left_of_a_long_drain_when_the_next_product_is_due_is_waited_for():
    slow = with_values(A2A3, {"cube.drain_fixed_cycles": 1850.0})  # 1 us and more
    one, ten = (kernel_time_us(_stored_steps(n, 64), slow) for n in (1, 10))
    drain_us = one.store_us
    between_us = one.load_latency_us + one.load_stream_us + one.move_us
    assert ten.store_us == pytest.approx(10 * (drain_us - between_us) + between_us)


# Any body

ARGUMENTS = [((64, 8192), FP32), ((64, 8192), FP32)]


def _operations() -> st.SearchStrategy[Statement]:
    tiles = st.builds(ub, st.integers(1, 64), st.integers(1, 256))
    names = st.sampled_from(["add", "exp", "muls", "full", "cast", "move", "create", "reshape"])
    return st.one_of(
        st.builds(lambda tile: load(tile, 0), tiles),
        st.builds(lambda tile: store(tile, 1), tiles),
        st.builds(op, names, tiles, tiles),
    )


def _bodies(stages: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[Statement, ...]]:
    def deeper(inner: st.SearchStrategy[tuple[Statement, ...]]):
        loops = st.builds(
            lambda n, body, s: loop(n, *body, stages=s), st.integers(0, 9), inner, stages
        )
        branches = st.builds(Branch, st.integers(0, 1), inner, inner)
        return st.lists(st.one_of(_operations(), loops, branches), max_size=4).map(tuple)

    return st.recursive(st.lists(_operations(), max_size=4).map(tuple), deeper, max_leaves=8)


@given(_bodies(st.integers(1, 3)))
def test_the_parts_add_up_to_the_total(body):
    time_us = kernel_time_us(vector(ARGUMENTS, *body), A2A3)
    assert time_us.total_us == pytest.approx(sum(time_us.parts.values()))
    assert min(time_us.parts.values()) >= -1e-9
    assert time_us.total_us >= FIXED_US


@given(_bodies(st.integers(1, 3)), st.integers(0, 1000))
def test_a_serial_loop_is_its_trips_times_its_body(body, trips):
    once_us = total(vector(ARGUMENTS, *body)) - FIXED_US
    looped_us = total(vector(ARGUMENTS, loop(trips, *body))) - FIXED_US
    assert looped_us == pytest.approx(trips * once_us, abs=1e-9)


def _unrolled(body: tuple[Statement, ...]) -> float:
    """Time of a serial body, one operation at a time."""
    time_us = 0.27 if any(isinstance(s, TileOp) and s.name == "tile.load" for s in body) else 0.0
    for statement in body:
        if isinstance(statement, Loop):
            time_us += sum(_unrolled(statement.body) for _ in range(statement.trips))
        elif isinstance(statement, Branch):
            time_us += _unrolled(statement.then if statement.condition else statement.orelse)
        else:
            alone = kernel_time_us(vector(ARGUMENTS, statement), A2A3)
            time_us += alone.total_us - FIXED_US - alone.load_latency_us
    return time_us


@given(_bodies(st.just(1)))
def test_a_serial_body_is_the_sum_of_what_it_executes(body):
    assert total(vector(ARGUMENTS, *body)) == pytest.approx(FIXED_US + _unrolled(body))
