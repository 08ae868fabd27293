"""What small programs become: tasks, kernels, arguments and edges, by the compiler's rules."""

# ruff: noqa: ARG001, B007, F841, RET504

import importlib.util
import itertools
import textwrap

import pytest
from small_programs import directions, graph_of, producers, recorded

import runtime.language as dialect
from devices.dtypes import BY_NAME
from devices.expression import evaluate
from devices.kernel import Branch, CoreType, Loop, Memory, TileOp, executions, walk
from runtime import language as pl
from runtime.accesses import touched_accesses
from runtime.graph import ALLOC
from runtime.language import add, auto_incore, parallel, record
from runtime.language import assemble as put
from runtime.language import slice as window
from runtime.tensormap import build_graph

BIG = pl.Tensor[[64, 512], pl.FP32]
ROWS = pl.Tensor[[16, 512], pl.FP32]
TILE = pl.Tensor[[16, 64], pl.FP32]
SQUARE = pl.Tensor[[64, 64], pl.BF16]


def task_count(python):
    return graph_of(python).task_count


def written_boxes(python):
    """Offsets of what every task stores into the program's last tensor, in order of submits."""
    submits = recorded(python)
    buffer = submits.arguments[-1].buffer
    stored = []
    for kernel, views, scalars in zip(submits.kernel, submits.views, submits.scalars, strict=True):
        stored.append([])
        if kernel != ALLOC:
            collect(submits.kernels[kernel], views, scalars, buffer, stored[-1])
    return stored


def collect(kernel, views, scalars, buffer, found):
    """Run a kernel's loops one by one, which `touched_accesses` and `executions` do not."""

    def run(body, values):
        for statement in body:
            if isinstance(statement, Loop):
                start, step, trips = (
                    evaluate(x, values) for x in (statement.start, statement.step, statement.trips)
                )
                for trip in range(trips):
                    run(statement.body, {**values, statement.variable: start + trip * step})
            elif isinstance(statement, Branch):
                chosen = (
                    statement.then if evaluate(statement.condition, values) else statement.orelse
                )
                run(chosen, values)
            elif statement.name == "tile.store" and views[statement.box.parameter].buffer is buffer:
                base = views[statement.box.parameter].offset
                offset = (evaluate(o, values) for o in statement.box.offset)
                found.append(tuple(a + b for a, b in zip(base, offset, strict=True)))

    run(kernel.body, dict(zip(kernel.scalars, scalars, strict=True)))


# Chunked loops: the table of reference/language.md 3.1


@pytest.mark.parametrize(
    ("start", "stop", "step", "chunk", "tasks"),
    [
        (0, 8, 1, 4, 2),
        (0, 8, 1, 1, 8),
        (0, 8, 1, 8, 1),
        (0, 10, 1, 4, 3),
        (0, 3, 1, 8, 1),
        (5, 60, 8, 3, 3),
        (2, 9, 7, 4, 1),
    ],
)
def test_a_chunked_parallel_loop_makes_a_task_per_chunk_and_one_for_the_rest(
    start, stop, step, chunk, tasks
):
    def chunked(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(start, stop, step, chunk=chunk):
                y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])

    rows = [[row for row, _ in stored] for stored in written_boxes(chunked)]
    assert len(rows) == tasks
    assert list(itertools.chain(*rows)) == list(range(start, stop, step))
    assert all(len(task) == chunk for task in rows[:-1])


def test_the_remainder_gets_no_loop_scalar():
    def chunked(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(0, 10, 1, chunk=4):
                y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])

    submits = recorded(chunked)
    assert [len(k.scalars) for k in submits.kernels] == [1, 0]
    assert submits.scalars == [(0,), (1,), ()]


def test_a_chunked_sequential_loop_makes_one_task():
    def chunked(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.range(0, 10, 1, chunk=4):
                y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])

    assert written_boxes(chunked) == [[(row, 0) for row in range(10)]]


def test_a_loop_with_a_bound_of_run_time_always_makes_a_task_for_the_rest():
    def chunked(x: BIG, y: BIG):
        for n in pl.range(2, 5):
            with pl.auto_incore():
                for i in pl.parallel(0, n, 1, chunk=2):
                    y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])

    rows = [[row for row, _ in stored] for stored in written_boxes(chunked)]
    assert rows == [[0, 1], [], [0, 1], [2], [0, 1], [2, 3], []]


@pytest.mark.parametrize(
    ("outer", "inner", "tasks"),
    [
        ((8, 4), (8, 2), 2 * 4),  # both even
        ((10, 4), (8, 2), (2 + 2) * 4),  # remainder rows stay a loop of the orchestration
        ((8, 4), (5, 2), 2),  # not perfect: the inner loop goes into the outer task
        ((10, 4), (5, 2), 2 + 2 * (2 + 1)),
        ((3, 4), (8, 2), 3 * 4),
        ((8, 4), (2, 4), 2),
    ],
)
def test_nested_chunked_loops_are_interchanged(outer, inner, tasks):
    (rows, row_chunk), (columns, column_chunk) = outer, inner

    def nested(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(0, rows, 1, chunk=row_chunk):
                for j in pl.parallel(0, columns, 1, chunk=column_chunk):
                    t = pl.add(pl.slice(x, [1, 64], [i, j * 64]), 1.0)
                    y = pl.assemble(y, t, [i, j * 64])

    stored = written_boxes(nested)
    assert len(stored) == tasks
    boxes = sorted(itertools.chain(*stored))
    assert boxes == [(i, 64 * j) for i in range(rows) for j in range(columns)]


def test_interchange_puts_the_loops_over_chunks_outside():
    def nested(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(0, 4, 1, chunk=2):
                for j in pl.parallel(0, 6, 1, chunk=3):
                    t = pl.add(pl.slice(x, [1, 64], [i, j * 64]), 1.0)
                    y = pl.assemble(y, t, [i, j * 64])

    submits = recorded(nested)
    assert submits.scalars == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [s.name for s in submits.kernels[0].scalars] == ["i", "j"]
    (outer,) = submits.kernels[0].body
    (inner,) = outer.body
    assert (outer.trips, inner.trips) == (2, 3)
    assert written_boxes(nested)[1] == [(0, 192), (0, 256), (0, 320), (1, 192), (1, 256), (1, 320)]


def test_three_nested_chunked_loops_are_interchanged():
    def nested(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(0, 4, 1, chunk=2):
                for j in pl.parallel(0, 4, 1, chunk=2):
                    for k in pl.parallel(0, 2, 1, chunk=1):
                        t = pl.add(pl.slice(x, [1, 64], [i, j * 64]), 1.0)
                        y = pl.assemble(y, t, [i, j * 128 + k * 64])

    assert task_count(nested) == 8


def test_a_statement_between_the_headers_keeps_the_inner_chunks_in_the_outer_task():
    def nested(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(0, 8, 1, chunk=4):
                row = i * 2
                for j in pl.parallel(0, 8, 1, chunk=2):
                    t = pl.add(pl.slice(x, [1, 64], [row, j * 64]), 1.0)
                    y = pl.assemble(y, t, [row, j * 64])

    assert task_count(nested) == 2


def test_a_statement_after_an_inner_chunked_loop_stays_with_it():
    def nested(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(0, 8, 1, chunk=4):
                for j in pl.parallel(0, 4, 1, chunk=2):
                    t = pl.add(pl.slice(x, [1, 64], [i, j * 64]), 1.0)
                    y = pl.assemble(y, t, [i, j * 64])
                last = pl.mul(pl.slice(x, [1, 64], [i, 448]), 1.0)
                y = pl.assemble(y, last, [i, 448])

    first, second = written_boxes(nested)
    columns = (0, 64, 128, 192, 448)
    assert first == [(i, column) for i in range(4) for column in columns]
    assert second == [(i, column) for i in range(4, 8) for column in columns]


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (4, 4), (4, 3), (9, 2)])
def test_a_chunked_loop_without_iterations_makes_no_task(start, stop):
    def empty(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(start, stop, 1, chunk=2):
                y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])
        with pl.incore():
            y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [8, 0]), 1.0), [8, 0])

    assert written_boxes(empty) == [[(8, 0)]]


def test_a_sequential_inner_chunk_keeps_the_whole_loop_in_one_task():
    def nested(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(0, 8, 1, chunk=4):
                for j in pl.range(0, 8, 1, chunk=2):
                    t = pl.add(pl.slice(x, [1, 64], [i, j * 64]), 1.0)
                    y = pl.assemble(y, t, [i, j * 64])

    assert task_count(nested) == 1


def test_an_unchunked_loop_around_a_chunked_one_repeats_its_tasks():
    def nested(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(8):
                for j in pl.parallel(0, 8, 1, chunk=2):
                    t = pl.add(pl.slice(x, [1, 64], [i, j * 64]), 1.0)
                    y = pl.assemble(y, t, [i, j * 64])

    assert task_count(nested) == 32
    assert recorded(nested).scalars[:5] == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]


def test_an_unchunked_loop_in_a_chunk_stays_in_the_kernel():
    def nested(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(0, 8, 1, chunk=4):
                for j in pl.range(3):
                    t = pl.add(pl.slice(x, [1, 64], [i, j * 64]), 1.0)
                    y = pl.assemble(y, t, [i, j * 64])

    assert [len(stored) for stored in written_boxes(nested)] == [12, 12]


def test_a_region_in_a_chunk_makes_a_task_per_iteration():
    def nested(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(0, 8, 1, chunk=4):
                with pl.incore():
                    y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])

    assert [len(stored) for stored in written_boxes(nested)] == [1] * 8


@pytest.mark.parametrize("stop", [8, 10])
def test_a_chunked_loop_that_only_copies_is_split_all_the_same(stop):
    def copied(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(0, stop, 1, chunk=4):
                y = pl.assemble(y, pl.slice(x, [1, 64], [i, 0]), [i, 0])

    stored = written_boxes(copied)
    assert stored == [[(i, 0) for i in range(n, min(n + 4, stop))] for n in range(0, stop, 4)]


# Runs of statements in auto_incore


def test_an_unchunked_loop_in_auto_incore_is_one_task():
    def unchunked(x: ROWS, y: ROWS):
        with pl.auto_incore():
            for i in pl.parallel(8):
                t = pl.slice(x, [16, 64], [0, i * 64])
                y = pl.assemble(y, pl.add(t, 1.0), [0, i * 64])

    assert written_boxes(unchunked) == [[(0, 64 * i) for i in range(8)]]


def test_consecutive_operations_are_one_task():
    def run(x: TILE, y: TILE):
        with pl.auto_incore():
            a = pl.add(x, 1.0)
            b = pl.mul(a, 2.0)
            c = pl.exp(b)
            y = pl.assemble(y, c, [0, 0])

    (kernel,) = recorded(run).kernels
    assert [op.name for op in walk(kernel.body)] == [
        "tile.load",
        "tile.adds",
        "tile.muls",
        "tile.exp",
        "tile.store",
    ]


@pytest.mark.parametrize("between", ["slice", "create", "assemble", "nothing"])
def test_what_makes_no_task_splits_a_run(tmp_path, between):
    statement = {
        "slice": "b = pl.slice(x, [16, 64], [0, 64])",
        "create": "b = pl.create_tensor([16, 64], dtype=pl.FP32)",
        "assemble": "z = pl.assemble(z, a, [0, 0])",
        "nothing": "pass",
    }[between]
    module = imported(
        tmp_path,
        f"""
        from runtime import language as pl

        def split(x: pl.Tensor[[16, 512], pl.FP32], z: pl.Tensor[[16, 64], pl.FP32],
                  y: pl.Tensor[[16, 64], pl.FP32]):
            with pl.auto_incore():
                a = pl.add(pl.slice(x, [16, 64], [0, 0]), 1.0)
                {statement}
                c = pl.mul(a, 2.0)
                y = pl.assemble(y, c, [0, 0])
        """,
    )
    assert task_count(module.split) == (1 if between == "nothing" else 2)


def test_a_branch_with_operations_in_auto_incore_is_one_task():
    def branched(x: BIG, y: BIG):
        for i in pl.range(3):
            with pl.auto_incore():
                if i > 1:
                    y = pl.assemble(y, pl.exp(pl.slice(x, [1, 64], [i, 0])), [i, 0])
                else:
                    y = pl.assemble(y, pl.neg(pl.slice(x, [1, 64], [i, 0])), [i, 64])

    assert written_boxes(branched) == [[(0, 64)], [(1, 64)], [(2, 0)]]
    (kernel,) = recorded(branched).kernels
    assert isinstance(kernel.body[0], Branch)


def test_a_branch_around_regions_in_auto_incore_stays_outside():
    def branched(x: BIG, y: BIG):
        for i in pl.range(3):
            with pl.auto_incore():
                if i > 1:
                    with pl.incore():
                        y = pl.assemble(y, pl.exp(pl.slice(x, [1, 64], [i, 0])), [i, 0])
                    y = pl.assemble(y, pl.neg(pl.slice(x, [1, 64], [i, 0])), [i, 64])

    assert written_boxes(branched) == [[(2, 0)], [(2, 64)]]


def test_nested_operations_are_taken_apart_and_a_nested_slice_becomes_a_view():
    def nested(x: ROWS, y: ROWS):
        with pl.auto_incore():
            y = pl.assemble(y, pl.add(pl.slice(x, [16, 64], [0, 64]), 1.0), [0, 128])

    submits = recorded(nested)
    (source, result) = submits.views[0]
    assert (source.buffer.name, source.shape, source.offset) == ("x", (16, 64), (0, 64))
    assert (result.buffer.name, result.shape, result.offset) == ("y", (16, 64), (0, 128))
    assert directions(submits.kernels[0]) == [("y__tmp_v0", "in"), ("ret0__out", "out_existing")]


def test_nested_operations_of_two_statements_do_not_meet_under_one_name():
    def nested(x: ROWS, y: ROWS):
        with pl.auto_incore():
            y = pl.assemble(y, pl.add(pl.slice(x, [4, 64], [0, 0]), 1.0), [0, 0])
            y = pl.assemble(y, pl.add(pl.slice(x, [8, 64], [4, 0]), 1.0), [4, 0])

    submits = recorded(nested)
    assert [views[1].shape for views in submits.views] == [(4, 64), (8, 64)]
    assert [views[1].offset for views in submits.views] == [(0, 0), (4, 0)]


# Arguments


def test_parameters_come_in_the_byte_order_of_their_names():
    def ordered(a: TILE, A: TILE, ab: TILE, a1: TILE, _b: TILE, y: TILE):  # noqa: N803
        for ib in pl.range(2):
            for i in pl.range(2):
                for i1 in pl.range(2):
                    with pl.incore():
                        t = pl.add(pl.add(pl.add(ab, a), a1), pl.add(_b, A))
                        t = pl.mul(pl.mul(pl.mul(t, ib), i), i1)
                        y = pl.assemble(y, t, [0, 0])

    (kernel,) = recorded(ordered).kernels
    assert [p.name for p in kernel.parameters] == ["A", "_b", "a1", "a", "ab", "y"]
    assert [s.name for s in kernel.scalars] == ["i1", "i", "ib"]
    assert recorded(ordered).scalars[1:3] == [(1, 0, 0), (0, 1, 0)]


def test_directions_say_whether_a_kernel_loads_and_stores():
    def both(x: ROWS, acc: ROWS, y: ROWS):
        with pl.incore():
            t = pl.add(pl.slice(acc, [16, 64], [0, 0]), pl.slice(x, [16, 64], [0, 0]))
            acc = pl.assemble(acc, t, [0, 64])
            y = pl.assemble(y, t, [0, 0])

    (kernel,) = recorded(both).kernels
    assert directions(kernel) == [("acc", "inout"), ("x", "in"), ("y", "out_existing")]


def test_a_tensor_of_which_only_the_size_is_used_is_no_argument():
    def sized(x: TILE, w: ROWS, y: TILE):
        with pl.incore():
            y = pl.assemble(y, pl.mul(x, pl.dim(w, -1)), [0, 0])

    (kernel,) = recorded(sized).kernels
    assert directions(kernel) == [("x", "in"), ("y", "out_existing")]
    assert kernel.body[1].attributes["scalar"] == 512


def test_a_scalar_computed_outside_is_one_argument():
    def scaled(x: BIG, y: BIG):
        for i in pl.range(4):
            row = i * 8 + 3
            with pl.incore():
                y = pl.assemble(y, pl.add(pl.slice(x, [8, 64], [row, 0]), 1.0), [row, 0])

    submits = recorded(scaled)
    assert [s.name for s in submits.kernels[0].scalars] == ["row"]
    assert submits.scalars == [(3,), (11,), (19,), (27,)]
    assert written_boxes(scaled) == [[(3, 0)], [(11, 0)], [(19, 0)], [(27, 0)]]


def test_a_scalar_of_an_outer_loop_survives_an_inner_loop_of_the_same_name():
    def shadowed(x: BIG, y: BIG):
        for i in pl.range(2):
            row = i * 8
            for i in pl.range(3):  # noqa: PLW2901
                with pl.incore():
                    t = pl.exp(pl.slice(x, [1, 64], [row, i * 64]))
                    y = pl.assemble(y, t, [row, i * 64])

    assert written_boxes(shadowed) == [[(row, 64 * i)] for row in (0, 8) for i in range(3)]


def test_scalars_follow_the_integer_arithmetic_of_the_language():
    def arithmetic(x: BIG, y: BIG):
        for i in pl.range(5, 8):
            k = pl.min(3, i // 2) + pl.max(i % 3, 1) + i / 4 - (-i + 8)
            with pl.incore():
                y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [k, 0]), 1.0), [k, 0])

    assert recorded(arithmetic).scalars == [
        (min(i // 2, 3) + max(i % 3, 1) + i // 4 - (8 - i),) for i in (5, 6, 7)
    ]


def test_slices_outside_a_region_are_views_and_inside_it_loads():
    def outside(x: ROWS, y: TILE):
        for i in pl.range(2):
            v = pl.slice(x, [16, 64], [0, i * 64])
            with pl.incore():
                y = pl.assemble(y, pl.add(v, 1.0), [0, 0])

    def inside(x: ROWS, y: TILE):
        for i in pl.range(2):
            with pl.incore():
                v = pl.slice(x, [16, 64], [0, i * 64])
                y = pl.assemble(y, pl.add(v, 1.0), [0, 0])

    view, whole = recorded(outside), recorded(inside)
    assert [views[0].offset for views in view.views] == [(0, 0), (0, 64)]
    assert {views[0].shape for views in view.views} == {(16, 64)}
    assert view.scalars == [(), ()]
    assert {(views[0].offset, views[0].shape) for views in whole.views} == {((0, 0), (16, 512))}
    assert whole.scalars == [(0,), (1,)]


def test_views_of_views_add_their_offsets():
    def nested(x: BIG, y: TILE):
        rows = pl.slice(x, [32, 256], [16, 128])
        tile = pl.slice(rows, [16, 64], [8, 64])
        with pl.incore():
            part = pl.slice(tile, [12, 48], [4, 0])
            corner = pl.slice(part, [8, 32], [1, 2])
            y = pl.assemble(y, pl.add(corner, 1.0), [0, 0])

    submits = recorded(nested)
    assert submits.views[0][0].offset == (24, 192)
    assert touched_accesses(submits)[0][0][0].offset == (24 + 4 + 1, 192 + 2)


def test_subscripts_are_slices():
    def subscripted(x: ROWS, y: TILE):
        v = x[4:12, 64:]
        for i in pl.range(2):
            with pl.incore():
                y = pl.assemble(y, pl.add(v[i, i : 64 + i], 1.0), [0, 0])
                y = pl.assemble(y, pl.add(v[i, i : i + 64], 1.0), [0, 0])

    submits = recorded(subscripted)
    assert (submits.views[0][0].shape, submits.views[0][0].offset) == ((8, 448), (4, 64))
    load = next(walk(submits.kernels[0].body))
    assert load.box.shape == (1, 64)
    touched = [accesses[0][0].offset for accesses in touched_accesses(submits)]
    assert touched == [(4, 64), (5, 65)]


# Results of regions


def test_a_result_that_is_assembled_outside_is_written_into_the_target_at_once():
    def fused(x: ROWS, y: ROWS):
        for i in pl.range(4):
            with pl.incore():
                t = pl.add(pl.slice(x, [16, 64], [0, i * 64]), 1.0)
            y = pl.assemble(y, t, [0, i * 64])
            with pl.incore():
                u = pl.mul(t, 2.0)
            y = pl.assemble(y, u, [0, 256 + i * 64])

    graph = graph_of(fused)
    assert graph.alloc_count == 0
    assert [v.offset for v in graph.views[2]] == [(0, 0), (0, 64)]
    assert [v.offset for v in graph.views[3]] == [(0, 64), (0, 320)]
    # Disjoint boxes of one tensor: each product depends on its own sum and on nothing else.
    assert producers(graph) == [[], [0], [], [2], [], [4], [], [6]]


def test_a_result_that_is_assembled_inside_takes_the_whole_target():
    def whole(x: ROWS, y: ROWS):
        for i in pl.range(4):
            with pl.incore():
                t = pl.mul(pl.slice(y, [16, 64], [0, i * 64]), 2.0)
                y = pl.assemble(y, t, [0, i * 64])

    graph = graph_of(whole)
    assert {views[0].shape for views in graph.views} == {(16, 512)}
    assert producers(graph) == [[], [0], [1], [2]]


def test_a_created_tensor_can_become_a_view_of_its_target():
    def written_later(x: TILE, y: ROWS):
        t = pl.create_tensor([16, 64], dtype=pl.FP32)
        y = pl.assemble(y, t, [0, 128])
        with pl.incore():
            t = pl.assemble(t, pl.add(x, 1.0), [0, 0])

    graph = graph_of(written_later)
    assert graph.alloc_count == 0
    assert graph.views[0][0].buffer is graph.views[0][0].buffer
    assert [(v.buffer.name, v.offset) for v in graph.views[0]] == [("y", (0, 128)), ("x", (0, 0))]


def test_a_target_created_further_down_exists_from_the_start_of_its_block():
    def hoisted(x: TILE, y: ROWS):
        with pl.incore():
            t = pl.add(x, 1.0)
        buffer = pl.create_tensor([16, 128], dtype=pl.FP32)
        buffer = pl.assemble(buffer, t, [0, 64])
        with pl.incore():
            y = pl.assemble(y, pl.add(buffer, 1.0), [0, 0])

    graph = graph_of(hoisted)
    assert graph.kernel.tolist() == [ALLOC, 0, 1]
    assert [v.buffer.name for v in graph.views[0]] == ["buffer"]
    assert graph.views[1][1].offset == (0, 64)
    assert producers(graph) == [[], [0], [0, 1]]


def test_a_result_becomes_a_new_argument_at_the_end():
    def results(x: TILE, a: TILE, y: TILE):
        with pl.incore():
            c = pl.add(x, 1.0)
            b = pl.mul(x, 2.0)
            a = pl.assemble(a, c, [0, 0])
        with pl.incore():
            y = pl.assemble(y, pl.add(pl.add(a, b), c), [0, 0])

    submits = recorded(results)
    assert directions(submits.kernels[0]) == [
        ("a", "out_existing"),
        ("x", "in"),
        ("ret0__out", "out_existing"),
        ("ret1__out", "out_existing"),
    ]
    # Outputs are numbered by name, and the alloc makes them in the same order.
    assert [v.buffer.name for v in submits.views[0]] == ["b", "c"]
    assert [v.buffer.name for v in submits.views[1]] == ["a", "x", "b", "c"]


def test_a_tensor_created_in_the_region_is_numbered_among_the_results_by_its_name():
    def results(x: TILE, y: TILE):
        with pl.incore():
            t = pl.create_tensor([16, 64], dtype=pl.FP32)
            a = pl.add(x, 1.0)
            t = pl.assemble(t, a, [0, 0])
        with pl.incore():
            y = pl.assemble(y, pl.add(a, t), [0, 0])

    submits = recorded(results)
    assert [p.name for p in submits.kernels[0].parameters] == ["x", "ret0__out", "ret1__out"]
    assert [v.buffer.name for v in submits.views[1]] == ["x", "a", "t"]


def test_two_names_for_a_created_tensor_are_one_result():
    def results(x: TILE, y: TILE):
        with pl.incore():
            t = pl.create_tensor([16, 64], dtype=pl.FP32)
            u = pl.assemble(t, pl.add(x, 1.0), [0, 0])
        with pl.incore():
            y = pl.assemble(y, pl.add(t, u), [0, 0])

    submits = recorded(results)
    assert [p.name for p in submits.kernels[0].parameters] == ["x", "ret0__out"]
    assert submits.views[2][0].buffer is submits.views[2][1].buffer


def test_a_region_without_used_results_is_still_a_task():
    def unused(x: TILE, y: TILE):
        with pl.incore():
            t = pl.add(x, 1.0)
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 2.0), [0, 0])

    graph = graph_of(unused)
    assert graph.task_count == 2
    assert directions(graph.kernels[0]) == [("x", "in")]


def test_a_returned_result_is_allocated():
    def returned(x: TILE):
        with pl.incore():
            t = pl.add(x, 1.0)
        return t

    assert graph_of(returned).kernel.tolist() == [ALLOC, 0]


@pytest.mark.parametrize(
    ("created", "allocs"), [(1, [1]), (16, [16]), (17, [16, 1]), (33, [16, 16, 1])]
)
def test_an_alloc_makes_at_most_sixteen_tensors(tmp_path, created, allocs):
    creates = "\n    ".join(
        f"t{n} = pl.create_tensor([16, 64], dtype=pl.FP32)" for n in range(created)
    )
    module = imported(
        tmp_path,
        f"""
from runtime import language as pl

def creating(x: pl.Tensor[[16, 64], pl.FP32]):
    {creates}
    with pl.incore():
        t0 = pl.assemble(t0, pl.add(x, 1.0), [0, 0])
""",
    )
    submits = recorded(module.creating)
    assert [
        len(v) for v, k in zip(submits.views, submits.kernel, strict=True) if k == ALLOC
    ] == allocs
    assert submits.kernel == [ALLOC] * len(allocs) + [0]


def test_creates_are_allocated_at_the_start_of_their_own_block():
    def blocks(x: ROWS, y: ROWS):
        with pl.incore():
            y = pl.assemble(y, pl.add(pl.slice(x, [16, 64], [0, 0]), 1.0), [0, 0])
        outer = pl.create_tensor([16, 64], dtype=pl.FP32)
        for i in pl.range(2):
            with pl.incore():
                t = pl.add(pl.slice(x, [16, 64], [0, i * 64]), 1.0)
            inner = pl.create_tensor([16, 64], dtype=pl.FP32)
            with pl.incore():
                inner = pl.assemble(inner, pl.neg(t), [0, 0])
                outer = pl.assemble(outer, pl.add(t, 1.0), [0, 0])

    submits = recorded(blocks)
    assert submits.kernel == [ALLOC, 0, ALLOC, 1, 2, ALLOC, 1, 2]
    assert [v.buffer.name for v in submits.views[2]] == ["t", "inner"]
    assert submits.depth == [1, 1, 2, 2, 2, 2, 2, 2]
    assert submits.views[2][0].buffer is not submits.views[5][0].buffer


# Values carried through loops


def test_two_carried_results_are_updated_in_place():
    def carried(x: ROWS, y: TILE):
        with pl.incore():
            s = pl.full([16, 64], dtype=pl.FP32, value=0.0)
            m = pl.full([16, 64], dtype=pl.FP32, value=1.0)
        for i in pl.range(4):
            with pl.incore():
                q = pl.slice(x, [16, 64], [0, i * 64])
                s = pl.add(s, q)
                m = pl.maximum(m, q)
        with pl.incore():
            y = pl.assemble(y, pl.add(s, m), [0, 0])

    graph = graph_of(carried)
    assert directions(graph.kernels[1]) == [("m", "inout"), ("s", "inout"), ("x", "in")]
    assert graph.alloc_count == 1
    assert producers(graph) == [[], [0], [0, 1], [0, 2], [0, 3], [0, 4], [0, 5]]


def test_one_carried_result_is_a_new_tensor_in_every_iteration():
    def carried(x: ROWS, y: TILE):
        with pl.incore():
            s = pl.full([16, 64], dtype=pl.FP32, value=0.0)
        for i in pl.range(3):
            with pl.incore():
                s = pl.add(s, pl.slice(x, [16, 64], [0, i * 64]))
        with pl.incore():
            y = pl.assemble(y, pl.add(s, 1.0), [0, 0])

    graph = graph_of(carried)
    assert directions(graph.kernels[1]) == [
        ("s", "in"),
        ("x", "in"),
        ("ret0__out", "out_existing"),
    ]
    # alloc, full, (alloc, add) three times, add: each sum reads the one before it
    assert graph.kernel.tolist() == [ALLOC, 0, ALLOC, 1, ALLOC, 1, ALLOC, 1, 2]
    assert producers(graph) == [[], [0], [], [0, 1, 2], [], [2, 3, 4], [], [4, 5, 6], [6, 7]]


def test_a_carried_name_keeps_its_first_value_where_the_loop_does_not_run():
    def carried(x: ROWS, y: TILE):
        with pl.incore():
            s = pl.full([16, 64], dtype=pl.FP32, value=0.0)
        for i in pl.range(0):
            with pl.incore():
                s = pl.add(s, pl.slice(x, [16, 64], [0, i * 64]))
        with pl.incore():
            y = pl.assemble(y, pl.add(s, 1.0), [0, 0])

    graph = graph_of(carried)
    assert graph.kernel.tolist() == [ALLOC, 0, 2]
    assert producers(graph)[2] == [0, 1]


def test_names_that_loops_carry_through_two_levels_keep_their_meaning():
    def carried(x: ROWS, y: TILE):
        with pl.incore():
            s = pl.full([16, 64], dtype=pl.FP32, value=0.0)
        for i in pl.range(2):
            for j in pl.range(2):
                with pl.incore():
                    s = pl.add(s, pl.slice(x, [16, 64], [0, i * 128 + j * 64]))
        with pl.incore():
            y = pl.assemble(y, pl.add(s, 1.0), [0, 0])

    graph = graph_of(carried)
    tasks = [t for t in range(len(graph)) if graph.kernel[t] != ALLOC]
    assert graph.depth == len(tasks) == 6
    for before, after in itertools.pairwise(tasks):
        assert before in graph.producers(after)


def test_another_name_keeps_the_value_from_before_the_loop():
    def carried(x: ROWS, y: TILE):
        with pl.incore():
            first = pl.full([16, 64], dtype=pl.FP32, value=0.0)
        s = first
        for i in pl.range(3):
            with pl.incore():
                s = pl.add(s, pl.slice(x, [16, 64], [0, i * 64]))
        with pl.incore():
            y = pl.assemble(y, pl.sub(first, s), [0, 0])

    graph = graph_of(carried)
    assert [v.buffer.name for v in graph.views[-1]] == ["first", "s", "y"]
    assert producers(graph)[-1] == [0, 1, 6, 7]


def test_two_names_can_change_places_in_a_loop():
    def ping_pong(x: TILE, y: TILE):
        a = pl.create_tensor([16, 64], dtype=pl.FP32)
        b = pl.create_tensor([16, 64], dtype=pl.FP32)
        with pl.incore():
            a = pl.assemble(a, pl.add(x, 1.0), [0, 0])
        for _ in pl.range(3):
            with pl.incore():
                b = pl.assemble(b, pl.add(a, 1.0), [0, 0])
            a, b = b, a
        with pl.incore():
            y = pl.assemble(y, pl.add(a, 1.0), [0, 0])

    submits = recorded(ping_pong)
    steps = [[v.buffer.name for v in views] for views in submits.views[2:]]
    assert steps == [["a", "b"], ["b", "a"], ["a", "b"], ["b", "y"]]


# Kernels


def test_a_kernel_loop_carries_a_tile():
    def accumulate(x: ROWS, y: TILE):
        with pl.incore():
            s = pl.full([16, 64], dtype=pl.FP32, value=0.0)
            for i in pl.range(8):
                s = pl.add(s, pl.slice(x, [16, 64], [0, i * 64]))
            y = pl.assemble(y, s, [0, 0])

    first, loop, store = recorded(accumulate).kernels[0].body
    (carried,) = loop.carried
    assert carried.initial is first.result
    assert store.operands == (carried.result,)
    load, addition, move = loop.body
    assert addition.operands == (carried.argument, load.result)
    assert (move.operands, move.result) == ((addition.result,), carried.updated)


def test_a_product_accumulates_in_place():
    def accumulate(x: pl.Tensor[[16, 512], pl.BF16], w: pl.Tensor[[512, 64], pl.BF16], y: TILE):
        with pl.incore():
            a, b = pl.slice(x, [16, 64], [0, 0]), pl.slice(w, [64, 64], [0, 0])
            acc = pl.matmul(a, b, out_dtype=pl.FP32)
            for k in pl.range(1, 8):
                a, b = pl.slice(x, [16, 64], [0, k * 64]), pl.slice(w, [64, 64], [k * 64, 0])
                acc = pl.matmul_acc(acc, a, b)
            y = pl.assemble(y, acc, [0, 0])

    (kernel,) = recorded(accumulate).kernels
    assert kernel.core is CoreType.AIC
    (loop,) = (s for s in kernel.body if isinstance(s, Loop))
    (carried,) = loop.carried
    product = loop.body[-1]
    assert product.name == "tile.matmul_acc"
    assert product.operands[0] is carried.argument
    assert carried.updated is product.result
    assert carried.result.memory is Memory.L0C
    assert [op.name for op in walk(loop.body)].count("tile.move") == 2  # operands, and no result


def test_kernel_loops_nest():
    def nested(x: BIG, y: BIG):
        with pl.incore():
            for i in pl.range(2, 6, 2):
                for j in pl.range(3):
                    t = pl.slice(x, [2, 64], [i, j * 64])
                    y = pl.assemble(y, pl.add(t, 1.0), [i, j * 64])

    (kernel,) = recorded(nested).kernels
    (outer,) = kernel.body
    (inner,) = outer.body
    assert (outer.start, outer.step, outer.trips, inner.trips) == (2, 2, 2, 3)
    assert kernel.scalars == ()
    assert written_boxes(nested) == [[(i, 64 * j) for i in (2, 4) for j in range(3)]]


def test_a_kernel_loop_accumulates_into_the_value_of_a_tensor_from_outside():
    def accumulate(x: ROWS, y: TILE):
        with pl.incore():
            s = pl.full([16, 64], dtype=pl.FP32, value=1.0)
        with pl.incore():
            for i in pl.range(8):
                s = pl.add(s, pl.slice(x, [16, 64], [0, i * 64]))
        with pl.incore():
            y = pl.assemble(y, pl.mul(s, 2.0), [0, 0])

    graph = graph_of(accumulate)
    load, loop, store = graph.kernels[1].body
    (carried,) = loop.carried
    assert carried.initial is load.result
    assert store.operands == (carried.result,)
    assert directions(graph.kernels[1])[-1] == ("ret0__out", "out_existing")
    assert producers(graph) == [[], [0], [0, 1], [0, 2]]
    assert graph.views[3][0].buffer is graph.views[2][-1].buffer


def test_a_kernel_loop_that_replaces_a_value_replaces_it_for_what_follows():
    def overwrite(x: ROWS, y: TILE):
        with pl.incore():
            s = pl.full([16, 64], dtype=pl.FP32, value=1.0)
        with pl.incore():
            for i in pl.range(8):
                s = pl.exp(pl.slice(x, [16, 64], [0, i * 64]))
        with pl.incore():
            y = pl.assemble(y, pl.mul(s, 2.0), [0, 0])

    graph = graph_of(overwrite)
    last, read = graph.views[2][-1], graph.views[3][0]
    assert read.buffer is last.buffer
    assert 2 in graph.producers(3)


def test_a_tensor_that_a_kernel_loop_rewrites_is_loaded_in_every_iteration():
    def repeated(y: TILE):
        with pl.incore():
            for _ in pl.range(4):
                y = pl.assemble(y, pl.add(y, 1.0), [0, 0])

    (kernel,) = recorded(repeated).kernels
    assert [(op.name, n) for op, n in executions(kernel.body, {})] == [
        ("tile.load", 4),
        ("tile.adds", 4),
        ("tile.store", 4),
    ]


def test_a_tensor_that_is_only_read_is_loaded_once():
    def repeated(x: TILE, y: BIG):
        with pl.incore():
            for i in pl.range(4):
                y = pl.assemble(y, pl.add(x, i), [i * 16, 0])

    (kernel,) = recorded(repeated).kernels
    counts = {op.name: n for op, n in executions(kernel.body, {})}
    assert counts == {"tile.load": 1, "tile.adds": 4, "tile.store": 4}


def test_what_was_stored_is_loaded_again():
    def again(x: TILE, y: TILE, z: TILE):
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
            z = pl.assemble(z, pl.mul(y, 2.0), [0, 0])

    (kernel,) = recorded(again).kernels
    assert [op.name for op in kernel.body] == [
        "tile.load",
        "tile.adds",
        "tile.store",
        "tile.load",
        "tile.muls",
        "tile.store",
    ]


@pytest.mark.parametrize(
    ("a_trans", "b_trans", "left", "right"),
    [
        (False, False, [16, 64], [64, 32]),
        (True, False, [64, 16], [64, 32]),
        (False, True, [16, 64], [32, 64]),
        (True, True, [64, 16], [32, 64]),
    ],
)
def test_a_transposed_operand_is_turned_by_its_load(a_trans, b_trans, left, right):
    def product(a: pl.Tensor[left, pl.BF16], b: pl.Tensor[right, pl.BF16], y: TILE):
        with pl.incore():
            c = pl.matmul(a, b, out_dtype=pl.FP32, a_trans=a_trans, b_trans=b_trans)
            y = pl.assemble(y, c, [0, 0])

    ops = recorded(product).kernels[0].body
    first, second = (op for op in ops if op.name == "tile.load")
    assert [list(op.box.shape) for op in (first, second)] == [left, right]
    assert (first.result.shape, second.result.shape) == ((16, 64), (64, 32))
    assert first.attributes.get("transposed", False) is a_trans
    assert second.attributes.get("transposed", False) is b_trans
    (result,) = (op.result for op in ops if op.name == "tile.matmul")
    assert repr(result) == "FP32[16,32]@Acc"


@pytest.mark.parametrize(("columns", "scratch"), [(64, 128), (128, 128), (256, 256)])
def test_a_reduction_gets_a_scratch_tile(columns, scratch):
    def reduced(x: pl.Tensor[[16, columns], pl.FP32], y: pl.Tensor[[16, 1], pl.FP32]):
        with pl.incore():
            y = pl.assemble(y, pl.row_max(x), [0, 0])

    load, create, reduction, _ = recorded(reduced).kernels[0].body
    assert repr(create.result) == f"FP32[16,{scratch}]@Vec"
    assert reduction.operands == (load.result, create.result)
    assert repr(reduction.result) == "FP32[16,1]@Vec"


def test_a_pipelined_loop_says_how_deep():
    def pipelined(x: ROWS, y: ROWS):
        with pl.incore():
            for i in pl.pipeline(8, stage=3):
                t = pl.slice(x, [16, 64], [0, i * 64])
                y = pl.assemble(y, pl.add(t, 1.0), [0, i * 64])
            for i in pl.pipeline(0, 8, 2):
                t = pl.slice(x, [16, 64], [0, i * 64])
                y = pl.assemble(y, pl.add(t, 1.0), [0, i * 64])
            for i in pl.range(8):
                t = pl.slice(x, [16, 64], [0, i * 64])
                y = pl.assemble(y, pl.add(t, 1.0), [0, i * 64])

    (kernel,) = recorded(pipelined).kernels
    assert [(loop.stages, loop.trips) for loop in kernel.body] == [(3, 8), (2, 4), (1, 8)]


def test_a_subscript_may_start_at_any_scalar():
    def columns(x: BIG, y: TILE):
        for i in pl.range(4):
            v = x[0:16, i * 64 + 64 : (i + 2) * 64]
            with pl.incore():
                y = pl.assemble(y, pl.add(v, 1.0), [0, 0])

    submits = recorded(columns)
    assert [views[0].offset for views in submits.views] == [(0, 64 * i) for i in range(1, 5)]
    assert {views[0].shape for views in submits.views} == {(16, 64)}


def test_a_chunk_of_none_is_no_chunk():
    def whole(x: BIG, y: BIG):
        with pl.auto_incore():
            for i in pl.parallel(8, chunk=None):
                y = pl.assemble(y, pl.add(pl.slice(x, [16, 64], [0, i * 64]), 1.0), [0, i * 64])

    assert len(recorded(whole)) == 1


# Conditions


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("i == 2", [2]),
        ("2 == i", [2]),
        ("i != 2", [0, 1, 3]),
        ("i < 2", [0, 1]),
        ("i <= 2", [0, 1, 2]),
        ("i > 2", [3]),
        ("2 >= i", [0, 1, 2]),
        ("i % 2 == 0", [0, 2]),
        ("(i == 2) == 0", [0, 1, 3]),
        ("not i == 2", [0, 1, 3]),
        ("i > 0 and i < 3", [1, 2]),
        ("i == 0 or i > 2", [0, 3]),
        ("i > 0 and i < 3 and i != 1 or i == 0", [0, 2]),
        ("not (i > 0 and True)", [0]),
    ],
)
@pytest.mark.parametrize("place", ["orchestration", "kernel"])
def test_a_condition_is_decided_for_every_iteration(tmp_path, condition, holds, place):
    body = "y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])"
    loop = {
        "orchestration": f"for i in pl.range(4):\n  if {condition}:\n   with pl.incore():\n",
        "kernel": f"with pl.incore():\n  for i in pl.range(4):\n   if {condition}:\n",
    }[place]
    text = "from runtime import language as pl\nBIG = pl.Tensor[[64, 512], pl.FP32]\n"
    text += "def chosen(x: BIG, y: BIG):\n " + (loop + "    " + body).replace("\n", "\n ") + "\n"
    stored = written_boxes(imported(tmp_path, text).chosen)
    assert list(itertools.chain(*stored)) == [(i, 0) for i in holds]
    assert len(stored) == (len(holds) if place == "orchestration" else 1)


def test_both_sides_of_a_condition_are_kernels():
    def either(x: BIG, y: BIG):
        for i in pl.range(4):
            if i == 0:
                with pl.incore():
                    y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])
            elif i == 3:
                with pl.incore():
                    y = pl.assemble(y, pl.mul(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])
            else:
                with pl.incore():
                    y = pl.assemble(y, pl.exp(pl.slice(x, [1, 64], [i, 0])), [i, 0])

    submits = recorded(either)
    assert submits.kernel == [0, 2, 2, 1]
    assert submits.depth == [3, 4, 4, 4]  # a branch is a scope, and so is its elif


def test_a_constant_condition_leaves_only_its_side():
    def constant(x: TILE, y: TILE):
        if pl.dim(x, 0) == 16:
            with pl.incore():
                y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
        else:
            with pl.incore():
                y = pl.assemble(y, pl.mul(x, 1.0), [0, 0])
        with pl.incore():
            if pl.dim(x, 0) != 16:
                y = pl.assemble(y, pl.exp(x), [0, 0])
            y = pl.assemble(y, pl.sqrt(x), [0, 0])

    first, second = recorded(constant).kernels
    assert [op.name for op in first.body] == ["tile.load", "tile.adds", "tile.store"]
    assert [op.name for op in second.body] == ["tile.load", "tile.sqrt", "tile.store"]


# Types of results


@pytest.mark.parametrize(
    ("expression", "shape", "dtype"),
    [
        ("pl.add(f32, bf16)", (16, 64), "FP32"),
        ("pl.add(bf16, f32)", (16, 64), "FP32"),
        ("pl.add(bf16, f16)", (16, 64), "BF16"),
        ("pl.mul(f16, bf16)", (16, 64), "FP16"),
        ("pl.mul(i32, bf16)", (16, 64), "BF16"),
        ("pl.sub(i8, i32)", (16, 64), "INT32"),
        ("pl.add(bf16, 1.0)", (16, 64), "FP32"),
        ("pl.add(bf16, 1)", (16, 64), "BF16"),
        ("pl.mul(i32, 2.0)", (16, 64), "FP32"),
        ("pl.exp(i32)", (16, 64), "FP32"),
        ("pl.exp(bf16)", (16, 64), "BF16"),
        ("pl.neg(i32)", (16, 64), "INT32"),
        ("pl.add(row, column)", (16, 64), "FP32"),
        ("pl.row_sum(bf16)", (16, 1), "BF16"),
        ("pl.row_max(f32)", (16, 1), "FP32"),
        ("pl.row_expand_mul(bf16, column)", (16, 64), "FP32"),
        ("pl.col_expand_sub(f32, row)", (16, 64), "FP32"),
        ("pl.col_expand(bf16, row)", (16, 64), "FP32"),
        ("pl.expands(bf16, 0.5)", (16, 64), "BF16"),
        ("pl.concat(bf16, bf16)", (16, 128), "BF16"),
        ("pl.cast(f32, target_type=pl.INT8, mode='rint')", (16, 64), "INT8"),
        ("pl.full([2, 8], dtype=pl.INT32, value=3)", (2, 8), "INT32"),
        ("pl.matmul(bf16, bf16, b_trans=True)", (16, 16), "BF16"),
        ("pl.matmul(bf16, bf16, out_dtype=pl.FP32, b_trans=True)", (16, 16), "FP32"),
        ("pl.matmul(i8, i8, a_trans=True)", (64, 64), "INT8"),
    ],
)
def test_results_have_the_type_that_the_language_gives_them(tmp_path, expression, shape, dtype):
    names = {"f32": "FP32", "f16": "FP16", "bf16": "BF16", "i32": "INT32", "i8": "INT8"}
    tensors = [f"{name}: pl.Tensor[[16, 64], pl.{of}]" for name, of in names.items()]
    tensors += ["row: pl.Tensor[[1, 64], pl.FP32]", "column: pl.Tensor[[16, 1], pl.FP32]"]
    text = f"""
from runtime import language as pl

def typed({", ".join(tensors)}):
    with pl.incore():
        result = {expression}
    return result
"""
    result = recorded(imported(tmp_path, text).typed).kernels[0].parameters[-1]
    assert (result.shape, result.dtype) == (shape, BY_NAME[dtype])


def test_products_accumulate_in_thirty_two_bits_whatever_their_result_is():
    def product(a: SQUARE, y: SQUARE):
        with pl.incore():
            y = pl.assemble(y, pl.matmul(a, a), [0, 0])

    (store,) = (op for op in recorded(product).kernels[0].body if op.name == "tile.store")
    assert repr(store.operands[0]) == "FP32[64,64]@Acc"


# Spellings


def outline(kernel):
    """A kernel as text, without the identity of its tiles and symbols."""

    def lines(body, indent):
        for statement in body:
            if isinstance(statement, TileOp):
                box = statement.box and (statement.box.parameter, statement.box.offset)
                yield f"{indent}{statement.name} {statement.result} {statement.operands} {box}"
            else:
                yield f"{indent}{statement.variable} {statement.start} {statement.trips}"
                yield from lines(statement.body, indent + " ")

    return [
        kernel.core,
        kernel.parameters,
        [s.name for s in kernel.scalars],
        *lines(kernel.body, ""),
    ]


def test_at_core_group_is_incore_and_with_the_optimizer_auto_incore():
    def old(x: BIG, y: BIG):
        for i in pl.range(2):
            with pl.incore():
                y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])
        with pl.auto_incore(split=pl.SplitMode.UP_DOWN):
            for i in pl.parallel(0, 10, 1, chunk=4):
                y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])

    def new(x: BIG, y: BIG):
        for i in pl.range(2):
            with pl.at(level=pl.Level.CORE_GROUP):
                y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])
        with pl.at(level=pl.Level.CORE_GROUP, optimization=pl.chunked_loop_optimizer):
            for i in pl.parallel(0, 10, 1, chunk=4):
                y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])

    def called(x: BIG, y: BIG):
        for i in pl.range(2):
            with pl.at(pl.Level.CORE_GROUP):
                y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])
        with pl.at(
            level=pl.Level.CORE_GROUP,
            optimization=pl.chunked_loop_optimizer(split=pl.SplitMode.LEFT_RIGHT),
        ):
            for i in pl.parallel(0, 10, 1, chunk=4):
                y = pl.assemble(y, pl.add(pl.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])

    first, *others = (recorded(python) for python in (old, new, called))
    for other in others:
        assert other.kernel == first.kernel == [0, 0, 1, 1, 2]
        assert other.scalars == first.scalars
        assert list(map(outline, other.kernels)) == list(map(outline, first.kernels))


def test_the_language_can_go_by_any_name():
    def prefixed(x: BIG, y: BIG):
        with dialect.auto_incore():
            for i in dialect.parallel(0, 10, 1, chunk=4):
                y = dialect.assemble(y, dialect.add(dialect.slice(x, [1, 64], [i, 0]), 1.0), [i, 0])

    def bare(x: BIG, y: BIG):
        with auto_incore():
            for i in parallel(0, 10, 1, chunk=4):
                y = put(y, add(window(x, [1, 64], [i, 0]), 1.0), [i, 0])

    rows = [(row, 0) for row in range(10)]
    assert written_boxes(prefixed) == written_boxes(bare) == [rows[:4], rows[4:8], rows[8:]]


def test_a_helper_function_is_pasted_into_the_region():
    def silu(t):
        return pl.mul(t, pl.recip(pl.add(pl.exp(pl.neg(t)), 1.0)))

    def activated(x: TILE, y: TILE):
        with pl.incore():
            y = pl.assemble(y, silu(x), [0, 0])

    (kernel,) = recorded(activated).kernels
    assert [op.name for op in kernel.body][1:-1] == [
        "tile.neg",
        "tile.exp",
        "tile.adds",
        "tile.recip",
        "tile.mul",
    ]


def test_constants_come_from_the_builder_and_its_module(tmp_path):
    module = imported(
        tmp_path,
        """
        from __future__ import annotations

        from runtime import language as pl

        CHUNK = 64
        SHAPE = [16, CHUNK]

        def build(width, scale=0.5):
            steps = width // CHUNK
            F = scale * 2

            @pl.program
            class Scaled:
                @pl.function(type=pl.FunctionType.Opaque)
                def scaled(
                    self,
                    x: pl.Tensor[[16, width], pl.FP32],
                    y: pl.Out[pl.Tensor[[16, width], pl.FP32]],
                ) -> pl.Tensor[[16, width], pl.FP32]:
                    for i in pl.range(steps):
                        with pl.incore():
                            t = pl.mul(pl.slice(x, SHAPE, [0, i * CHUNK]), F)
                            y = pl.assemble(y, t, [0, i * CHUNK])
                    return y

            return Scaled
        """,
    )
    submits = record(module.build(256))
    assert submits.name == "scaled"
    assert [(v.buffer.name, v.shape) for v in submits.arguments] == [
        ("x", (16, 256)),
        ("y", (16, 256)),
    ]
    assert submits.kernel == [0, 0, 0, 0]
    (multiplied,) = (op for op in submits.kernels[0].body if op.name == "tile.muls")
    assert multiplied.attributes["scalar"] == 1.0
    assert len(record(module.build(512))) == 8


def test_reading_a_program_twice_gives_the_same():
    def repeatable(x: ROWS, y: TILE):
        with pl.incore():
            s = pl.full([16, 64], dtype=pl.FP32, value=0.0)
        for i in pl.range(3):
            with pl.incore():
                s = pl.add(s, pl.slice(x, [16, 64], [0, i * 64]))
        with pl.incore():
            y = pl.assemble(y, pl.add(s, 1.0), [0, 0])

    first, second = graph_of(repeatable), graph_of(repeatable)
    assert producers(first) == producers(second)
    assert list(map(outline, first.kernels)) == list(map(outline, second.kernels))


def test_the_last_function_that_is_no_kernel_is_the_program():
    @pl.program
    class Two:
        @pl.function
        def first(self, x: TILE, y: pl.Out[TILE]) -> TILE:
            with pl.incore():
                y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
            return y

        @pl.function(type=pl.FunctionType.Opaque)
        def second(self, x: TILE, y: pl.InOut[TILE]) -> TILE:
            with pl.incore():
                y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
            return y

        @pl.function(type=pl.FunctionType.InCore)
        def kernel(self, x: TILE) -> TILE:
            return x

    submits = record(Two)
    assert (submits.name, submits.kernels[0].name) == ("second", "second_incore_0")


def test_kernels_are_numbered_in_the_order_of_the_text():
    def numbered(x: ROWS, y: ROWS):
        for i in pl.range(2):
            with pl.incore():
                y = pl.assemble(y, pl.add(pl.slice(x, [16, 64], [0, i * 64]), 1.0), [0, i * 64])
            with pl.incore():
                y = pl.assemble(y, pl.mul(pl.slice(x, [16, 64], [0, i * 64]), 1.0), [0, i * 64])

    submits = recorded(numbered)
    assert [k.name for k in submits.kernels] == ["numbered_incore_0", "numbered_incore_1"]
    assert submits.kernel == [0, 1, 0, 1]
    lines = [k.line for k in submits.kernels]
    assert lines[1] - lines[0] == 2


def test_rings_follow_the_depth_of_scopes():
    def deep(x: TILE, y: TILE):
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
        for i in pl.range(1):
            with pl.incore():
                y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
            for j in pl.range(1):
                with pl.auto_incore():
                    y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
                for k in pl.range(1):
                    with pl.incore():
                        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])

    submits = recorded(deep)
    assert submits.depth == [1, 2, 3, 4]
    assert build_graph(submits, lookup_cap=16, rings=4).ring.tolist() == [1, 2, 3, 3]
    assert build_graph(submits, lookup_cap=16, rings=2).ring.tolist() == [1, 1, 1, 1]


def imported(folder, text):
    """The module that has this text, from a file."""
    path = folder / "written_here.py"
    path.write_text(textwrap.dedent(text).lstrip("\n"))
    spec = importlib.util.spec_from_file_location("written_here", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Column vectors


COLUMN = pl.Tensor[[16, 1], pl.FP32]


def columns(x: TILE, y: COLUMN):
    with pl.incore():
        sums = pl.row_sum(x)
        means = pl.mul(sums, 1.0 / 64)
        y = pl.assemble(y, pl.maximum(pl.exp(means), sums), [0, 0])


def test_columns_are_computed_on_as_rows():
    (kernel,) = recorded(columns).kernels
    names = [(op.name, op.result and op.result.shape) for op in walk(kernel.body)]
    assert names[3:] == [
        ("tile.reshape", (1, 16)),
        ("tile.muls", (1, 16)),
        ("tile.reshape", (16, 1)),
        ("tile.reshape", (1, 16)),
        ("tile.exp", (1, 16)),
        ("tile.reshape", (16, 1)),
        ("tile.reshape", (1, 16)),
        ("tile.reshape", (1, 16)),
        ("tile.maximum", (1, 16)),
        ("tile.reshape", (16, 1)),
        ("tile.store", None),
    ]


def broadcast(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, pl.row_sum(x)), [0, 0])


def test_a_column_that_is_repeated_along_rows_stays_a_column():
    (kernel,) = recorded(broadcast).kernels
    assert "tile.reshape" not in {op.name for op in walk(kernel.body)}
