"""What one execution of a kernel does: its operations, how often, and the bytes that it moves."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.dtypes import BY_NAME
from devices.expression import Symbol, evaluate
from devices.kernel import (
    Box,
    Branch,
    CoreType,
    Direction,
    Kernel,
    Loop,
    Memory,
    Parameter,
    Tile,
    TileOp,
    executions,
    global_bytes,
    walk,
)

FP32, BF16, INT4 = BY_NAME["FP32"], BY_NAME["BF16"], BY_NAME["INT4"]
N, M = Symbol("n"), Symbol("m")


def op(name, box=None):
    return TileOp(name, Tile((4, 8), FP32, Memory.UB), (), 1, box)


def load(parameter, shape, dtype=FP32):
    tile = Tile(shape, dtype, Memory.UB)
    return TileOp("tile.load", tile, (), 1, Box(parameter, shape, (0,) * len(shape)))


def store(parameter, shape, dtype=FP32):
    tile = Tile(shape, dtype, Memory.UB)
    return TileOp("tile.store", None, (tile,), 1, Box(parameter, shape, (0,) * len(shape)))


def loop(trips, *body, variable=None, start=0, step=1):
    return Loop(Symbol("i") if variable is None else variable, start, step, trips, body)


def kernel(*body, parameters=(), scalars=()):
    return Kernel("k", CoreType.AIV, parameters, scalars, body, 1)


def counts(body, values=None):
    found = Counter()
    for executed, times in executions(body, values or {}):
        found[executed.name] += times
    return found


def test_operations_outside_loops_run_once_and_in_order():
    body = (op("a"), op("b"), op("a"))
    assert [(o.name, times) for o, times in executions(body, {})] == [("a", 1), ("b", 1), ("a", 1)]


def test_loops_multiply():
    body = (op("a"), loop(3, op("b"), loop(5, op("c")), op("d")))
    assert counts(body) == {"a": 1, "b": 3, "c": 15, "d": 3}


@pytest.mark.parametrize("trips", [0, -2])
def test_a_loop_without_trips_runs_nothing(trips):
    n = Symbol("n")
    assert counts((loop(trips, op("a")),)) == {}
    assert counts((loop(n, op("a"), loop(4, op("b"))),), {n: trips}) == {}


@pytest.mark.parametrize(("n", "m"), [(0, 0), (1, 3), (4, 2)])
def test_bounds_can_be_scalars(n, m):
    body = (loop(N, op("a"), loop(M + 1, op("b"))),)
    assert counts(body, {N: n, M: m}) == Counter({"a": n, "b": n * (m + 1)})


def test_an_inner_loop_can_be_as_long_as_the_outer_one_says():
    i = Symbol("i")
    body = (loop(4, loop(i, op("a")), variable=i, start=2, step=3),)
    assert counts(body) == {"a": 2 + 5 + 8 + 11}


@pytest.mark.parametrize(("n", "taken"), [(0, {"b": 1}), (1, {"a": 1}), (2, {"b": 1})])
def test_one_side_of_a_branch_runs(n, taken):
    assert counts((Branch(N % 2, (op("a"),), (op("b"),)),), {N: n}) == taken


def test_a_branch_in_a_loop_is_decided_in_every_iteration():
    i = Symbol("i")
    branch = Branch(i < N, (op("a"), loop(2, op("b"))), (op("c"),))
    body = (loop(5, branch, op("d"), variable=i),)
    assert counts(body, {N: 3}) == {"a": 3, "b": 6, "c": 2, "d": 5}


def test_a_branch_deep_in_a_loop_sees_the_variables_around_it():
    i, j = Symbol("i"), Symbol("j")
    inner = loop(3, Branch(j <= i, (op("a"),), ()), variable=j)
    assert counts((loop(3, inner, variable=i),)) == {"a": 1 + 2 + 3}


def test_every_operation_is_listed_once_whether_it_runs_or_not():
    body = (op("a"), loop(0, op("b"), Branch(N < 1, (op("c"),), (op("d"),))), op("e"))
    assert [o.name for o in walk(body)] == ["a", "b", "c", "d", "e"]


def test_bytes_are_counted_by_argument_and_side():
    x = Parameter("x", (64, 64), BF16, Direction.IN)
    y = Parameter("y", (64, 64), FP32, Direction.INOUT)
    z = Parameter("z", (64, 64), FP32, Direction.IN)
    body = (
        load(1, (4, 8)),
        loop(N, load(0, (4, 8), BF16), loop(2, store(1, (8, 8)))),
        op("tile.add"),
    )
    moved = global_bytes(kernel(*body, parameters=(x, y, z), scalars=(N,)), {N: 3})
    assert moved == ([3 * 4 * 8 * 2, 4 * 8 * 4, 0], [0, 3 * 2 * 8 * 8 * 4, 0])


def test_bytes_follow_the_branch_that_is_taken():
    x = Parameter("x", (64, 64), FP32, Direction.IN)
    body = Branch(N < 2, (load(0, (4, 8)),), (load(0, (8, 8)), load(0, (8, 8))))
    either = kernel(body, parameters=(x,), scalars=(N,))
    assert global_bytes(either, {N: 1}) == ([4 * 8 * 4], [0])
    assert global_bytes(either, {N: 2}) == ([2 * 8 * 8 * 4], [0])


def test_bytes_in_memory_are_those_of_the_arguments_dtype():
    """A tile may be wider than the tensor that it is stored to: products are."""
    y = Parameter("y", (64, 64), BF16, Direction.OUT_EXISTING)
    assert global_bytes(kernel(store(0, (4, 8), FP32), parameters=(y,)), {}) == ([0], [64])
    packed = Parameter("w", (64, 64), INT4, Direction.IN)
    assert global_bytes(kernel(load(0, (1, 7), INT4), parameters=(packed,)), {}) == ([4], [0])


def test_a_tile_knows_its_bytes_and_how_the_compiler_prints_it():
    tile = Tile((16, 64), BF16, Memory.L0A)
    assert tile.nbytes == 2048
    assert repr(tile) == "BF16[16,64]@Left"
    assert tile != Tile((16, 64), BF16, Memory.L0A)
    assert [m.value for m in Memory] == ["GM", "Mat", "Left", "Right", "Acc", "Vec"]


# Random kernels against running them step by step


@st.composite
def bodies(draw, known=(N, M), depth=3):
    """A block of operations, loops and branches on the symbols around it."""
    block = []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["op", "loop", "branch"] if depth else ["op"]))
        if kind == "op":
            block.append(op(draw(st.sampled_from("abc"))))
        elif kind == "loop":
            variable = Symbol("i")
            trips = draw(st.one_of(st.integers(0, 3), st.sampled_from(known)))
            inner = draw(bodies((*known, variable), depth - 1))
            start = draw(st.one_of(st.integers(0, 2), st.sampled_from(known)))
            block.append(Loop(variable, start, draw(st.integers(1, 2)), trips, inner))
        else:
            condition = draw(st.sampled_from(known)) < draw(st.integers(0, 3))
            then, orelse = draw(bodies(known, depth - 1)), draw(bodies(known, depth - 1))
            block.append(Branch(condition, then, orelse))
    return tuple(block)


def run(body, values, found):
    for statement in body:
        if isinstance(statement, TileOp):
            found[statement.name] += 1
        elif isinstance(statement, Branch):
            taken = statement.then if evaluate(statement.condition, values) else statement.orelse
            run(taken, values, found)
        else:
            current = evaluate(statement.start, values)
            for _ in range(evaluate(statement.trips, values)):
                run(statement.body, {**values, statement.variable: current}, found)
                current += statement.step


@settings(deadline=None)
@given(bodies(), st.integers(0, 3), st.integers(0, 3))
def test_counts_are_those_of_running_the_kernel_step_by_step(body, n, m):
    literal = Counter()
    run(body, {N: n, M: m}, literal)
    assert counts(body, {N: n, M: m}) == literal
