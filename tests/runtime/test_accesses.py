"""What tasks really touch, against running their kernels element by element."""

import itertools
from contextlib import nullcontext

import networkx as nx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small_programs import producers, recorded

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
)
from runtime import language as pl
from runtime.accesses import check_bounds, touched_accesses
from runtime.errors import LanguageError
from runtime.graph import ALLOC, Buffer, View
from runtime.rectangles import merged
from runtime.submits import AllocGroup, Submits
from runtime.tensormap import build_graph

FP32 = BY_NAME["FP32"]
IN, INOUT, OUT_EXISTING = Direction.IN, Direction.INOUT, Direction.OUT_EXISTING

BIG = pl.Tensor[[64, 512], pl.FP32]
ROWS = pl.Tensor[[16, 512], pl.FP32]
TILE = pl.Tensor[[16, 64], pl.FP32]


def elements(offset, shape):
    return set(itertools.product(*(range(o, o + n) for o, n in zip(offset, shape, strict=True))))


def union(rectangles):
    return set().union(*(elements(*r) for r in rectangles))


def touched(python):
    """Per task and tensor: ``(offset, shape, direction)`` of everything it touches."""
    submits = recorded(python)
    found = []
    for kernel, accesses in zip(submits.kernel, touched_accesses(submits), strict=True):
        if kernel == ALLOC:
            assert accesses == ()
            continue
        found.append({})
        for view, direction in accesses:
            side = found[-1].setdefault(view.buffer.name, [])
            side.append((view.offset, view.shape, direction.value))
    return found


# Joining rectangles


def rectangles_of(dimensions):
    spans = st.tuples(*[st.tuples(st.integers(0, 5), st.integers(1, 4))] * dimensions)
    one = spans.map(lambda s: (tuple(o for o, _ in s), tuple(n for _, n in s)))
    return st.lists(one, max_size=10)


@settings(deadline=None)
@given(st.integers(1, 3).flatmap(rectangles_of))
@example([((0, 0), (2, 2)), ((0, 0), (2, 2))])
@example([((0, 0), (4, 1)), ((0, 1), (2, 1)), ((2, 1), (2, 1))])
def test_joining_keeps_the_union_exactly(rectangles):
    joined = merged(rectangles)
    assert union(joined) == union(rectangles)
    assert len(joined) <= len(set(rectangles))
    assert joined == sorted(joined)
    assert merged(joined) == joined
    assert merged(rectangles[::-1]) == joined


@settings(deadline=None)
@given(rectangles_of(1))
def test_joined_intervals_are_as_few_as_possible(intervals):
    joined = merged(intervals)
    for ((before,), (length,)), ((after,), _) in itertools.pairwise(joined):
        assert before + length < after


@pytest.mark.parametrize(
    ("apart", "joined"),
    [
        ([((0, 0), (2, 2)), ((0, 2), (2, 2))], [((0, 0), (2, 4))]),  # side by side
        ([((0, 0), (2, 2)), ((2, 0), (2, 2))], [((0, 0), (4, 2))]),  # one above the other
        ([((0, 0), (2, 3)), ((0, 2), (2, 3))], [((0, 0), (2, 5))]),  # overlapping
        ([((0, 0), (2, 8)), ((0, 2), (2, 2))], [((0, 0), (2, 8))]),  # inside
        ([((0, 0), (2, 2)), ((2, 2), (2, 2))], None),  # corner to corner
        ([((0, 0), (2, 2)), ((0, 2), (3, 2))], None),  # of unequal height
        ([((0, 0), (2, 2)), ((0, 3), (2, 2))], None),  # with a gap
        ([(o, (1, 1)) for o in itertools.product(range(3), range(3))], [((0, 0), (3, 3))]),
        ([], []),
    ],
)
def test_rectangles_join_where_they_make_one(apart, joined):
    assert merged(apart) == (apart if joined is None else joined)


# What small programs touch


def test_a_loop_over_neighbouring_columns_is_one_rectangle():
    def columns(x: ROWS, y: ROWS):
        for c in pl.range(2):
            with pl.incore():
                for i in pl.range(4):
                    t = pl.slice(x, [16, 32], [0, c * 256 + i * 32])
                    y = pl.assemble(y, pl.add(t, 1.0), [0, c * 256 + i * 32])

    assert touched(columns) == [
        {"x": [((0, start), (16, 128), "in")], "y": [((0, start), (16, 128), "out_existing")]}
        for start in (0, 256)
    ]


def test_blocks_with_gaps_stay_apart():
    def strided(x: ROWS, y: ROWS):
        with pl.incore():
            for i in pl.range(0, 6, 2):
                t = pl.slice(x, [16, 64], [0, i * 64])
                y = pl.assemble(y, pl.add(t, 1.0), [0, i * 64])

    (task,) = touched(strided)
    assert task["x"] == [((0, start), (16, 64), "in") for start in (0, 128, 256)]


def test_a_block_that_is_read_and_written_is_inout():
    def update(x: ROWS, y: ROWS):
        for i in pl.range(2):
            with pl.incore():
                t = pl.add(pl.slice(y, [16, 64], [0, i * 64]), pl.slice(x, [16, 64], [0, 0]))
                y = pl.assemble(y, t, [0, i * 64])

    assert touched(update) == [
        {"x": [((0, 0), (16, 64), "in")], "y": [((0, start), (16, 64), "inout")]}
        for start in (0, 64)
    ]


def test_what_is_read_beyond_what_is_written_is_told_apart():
    def shifted(y: ROWS):
        with pl.incore():
            y = pl.assemble(y, pl.exp(pl.slice(y, [16, 128], [0, 0])), [0, 256])

    (task,) = touched(shifted)
    assert task["y"] == [((0, 0), (16, 128), "in"), ((0, 256), (16, 128), "out_existing")]


def test_a_view_moves_what_is_touched():
    def viewed(x: BIG, y: BIG):
        for i in pl.range(2):
            v, w = pl.slice(x, [32, 256], [i * 32, 128]), pl.slice(y, [32, 256], [i * 32, 0])
            with pl.incore():
                w = pl.assemble(w, pl.exp(pl.slice(v, [8, 64], [16, 64])), [8, 192])

    assert touched(viewed) == [
        {
            "x": [((32 * i + 16, 192), (8, 64), "in")],
            "y": [((32 * i + 8, 192), (8, 64), "out_existing")],
        }
        for i in range(2)
    ]


def test_a_condition_in_a_kernel_decides_what_is_touched():
    def conditional(x: ROWS, y: ROWS):
        for n in pl.range(3):
            with pl.incore():
                for i in pl.range(4):
                    if i < n:
                        y = pl.assemble(y, pl.exp(pl.slice(x, [16, 64], [0, i * 64])), [0, i * 64])
                    else:
                        t = pl.slice(x, [16, 64], [0, 256 + i * 64])
                        y = pl.assemble(y, pl.exp(t), [0, i * 64])

    read = [
        [(offset[1], shape[1]) for offset, shape, _ in task["x"]] for task in touched(conditional)
    ]
    assert read == [[(256, 256)], [(0, 64), (320, 192)], [(0, 128), (384, 128)]]


def test_a_bound_that_is_a_scalar_decides_what_is_touched():
    def bounded(x: ROWS, y: ROWS):
        for n in pl.range(3):
            with pl.incore():
                for i in pl.range(n, 2 * n):
                    y = pl.assemble(y, pl.exp(pl.slice(x, [16, 64], [0, i * 64])), [0, i * 64])

    assert [task.get("x", []) for task in touched(bounded)] == [
        [],
        [((0, 64), (16, 64), "in")],
        [((0, 128), (16, 128), "in")],
    ]


def test_an_inner_loop_may_be_shorter_in_some_iterations():
    def triangle(x: BIG, y: BIG):
        with pl.incore():
            for i in pl.range(4):
                for j in pl.range(i):
                    t = pl.exp(pl.slice(x, [1, 64], [i, j * 64]))
                    y = pl.assemble(y, t, [i, j * 64])

    (task,) = touched(triangle)
    assert task["x"] == [((i, 0), (1, 64 * i), "in") for i in (1, 2, 3)]


def test_an_inner_loop_may_depend_on_one_that_does_not_run():
    def triangle(x: BIG, y: BIG):
        for n in pl.range(3):
            with pl.incore():
                for i in pl.range(1, n):
                    for j in pl.range(i):
                        t = pl.exp(pl.slice(x, [1, 64], [i, j * 64]))
                        y = pl.assemble(y, t, [i, j * 64])

    assert [task.get("x", []) for task in touched(triangle)] == [[], [], [((1, 0), (1, 64), "in")]]


def test_a_task_that_touches_nothing_has_no_accesses():
    def idle(x: ROWS, y: ROWS):
        with pl.incore():
            pl.full([16, 64], dtype=pl.FP32, value=0.0)
        with pl.incore():
            y = pl.assemble(y, pl.exp(pl.slice(x, [16, 64], [0, 0])), [0, 0])

    assert [list(task) for task in touched(idle)] == [[], ["x", "y"]]


def test_a_kernel_that_never_runs_is_passed_over():
    def never(x: ROWS, y: ROWS):
        with pl.incore():
            y = pl.assemble(y, pl.exp(pl.slice(x, [16, 64], [0, 0])), [0, 0])
        for i in pl.range(0):
            with pl.incore():
                y = pl.assemble(y, pl.exp(pl.slice(x, [16, 64], [0, i * 64])), [0, 0])

    assert [list(task) for task in touched(never)] == [["x", "y"]]


# Random kernels against running them


N, M = Symbol("n"), Symbol("m")
PARAMETERS = tuple(Parameter(name, (64, 64), FP32, INOUT) for name in "xy")


@st.composite
def bodies(draw, known=(N, M), depth=3):
    """A block of loads, stores, loops and branches on the symbols around it."""
    block = []
    for _ in range(draw(st.integers(0, 2))):
        kind = draw(st.sampled_from(["touch", "touch", "loop", "branch"] if depth else ["touch"]))
        if kind == "touch":
            shape = draw(st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)]))
            tile = Tile(shape, FP32, Memory.UB)
            offset = tuple(
                draw(st.sampled_from([0, *known])) * draw(st.integers(1, 3))
                + draw(st.integers(0, 2))
                for _ in range(2)
            )
            box = Box(draw(st.integers(0, 1)), shape, offset)
            if draw(st.booleans()):
                block.append(TileOp("tile.load", tile, (), 1, box))
            else:
                block.append(TileOp("tile.store", None, (tile,), 1, box))
        elif kind == "loop":
            variable = Symbol("i")
            trips = draw(st.one_of(st.integers(0, 3), st.sampled_from(known)))
            start = draw(st.one_of(st.integers(0, 2), st.sampled_from(known)))
            inner = draw(bodies((*known, variable), depth - 1))
            block.append(Loop(variable, start, draw(st.integers(1, 2)), trips, inner))
        else:
            condition = draw(st.sampled_from(known)) < draw(st.integers(0, 3))
            then, orelse = draw(bodies(known, depth - 1)), draw(bodies(known, depth - 1))
            block.append(Branch(condition, then, orelse))
    return tuple(block)


def run(body, values, read, written):
    """Collect the elements that a kernel loads and stores, one iteration after the other."""
    for statement in body:
        if isinstance(statement, Loop):
            current = evaluate(statement.start, values)
            for _ in range(evaluate(statement.trips, values)):
                run(statement.body, {**values, statement.variable: current}, read, written)
                current += statement.step
        elif isinstance(statement, Branch):
            taken = statement.then if evaluate(statement.condition, values) else statement.orelse
            run(taken, values, read, written)
        else:
            offset = [evaluate(o, values) for o in statement.box.offset]
            side = written if statement.result is None else read
            side[statement.box.parameter] |= elements(offset, statement.box.shape)


@settings(deadline=None)
@given(bodies(), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4))
def test_what_a_kernel_touches_is_what_it_loads_and_stores_when_run(body, tasks):
    kernel = Kernel("k", CoreType.AIV, PARAMETERS, (N, M), body, 1)
    views = tuple(View(Buffer(p.name, p.shape, FP32, -1), p.shape, (0, 0)) for p in PARAMETERS)
    submits = Submits("random", "random.py", views, [kernel], [AllocGroup((), 1)])
    submits.alloc(0)
    for scalars in tasks:
        submits.submit(0, views, scalars, 1)
    nothing, *found = touched_accesses(submits)
    assert nothing == ()
    for (n, m), accesses in zip(tasks, found, strict=True):
        read, written = [set(), set()], [set(), set()]
        run(body, {N: n, M: m}, read, written)
        for number, view in enumerate(views):
            mine = [(v.offset, v.shape, d) for v, d in accesses if v.buffer is view.buffer]
            assert union((o, s) for o, s, d in mine if d is not OUT_EXISTING) == read[number]
            assert union((o, s) for o, s, d in mine if d is not IN) == written[number]


@settings(deadline=None)
@given(bodies(), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4))
def test_a_program_is_refused_exactly_if_a_task_leaves_its_tensors(body, tasks):
    small = tuple(Parameter(name, (12, 12), FP32, INOUT) for name in "xy")
    kernel = Kernel("k", CoreType.AIV, small, (N, M), body, 1)
    views = tuple(View(Buffer(p.name, p.shape, FP32, -1), p.shape, (0, 0)) for p in small)
    submits = Submits("random", "random.py", views, [kernel], [])
    touched = [set(), set()]
    for n, m in tasks:
        submits.submit(0, views, (n, m), 1)
        run(body, {N: n, M: m}, touched, touched)
    leaves = any(place >= 12 for element in touched[0] | touched[1] for place in element)
    with pytest.raises(LanguageError) if leaves else nullcontext():
        check_bounds(submits)


# Graphs on what is touched


def both_graphs(python):
    submits = recorded(python)
    named = build_graph(submits, lookup_cap=None, rings=4)
    true = build_graph(submits, lookup_cap=None, rings=4, accesses=touched_accesses(submits))
    return named, true


def accumulate(x: ROWS, y: ROWS):
    for _ in pl.range(3):
        for i in pl.range(4):
            with pl.incore():
                t = pl.add(pl.slice(y, [16, 128], [0, i * 128]), pl.slice(x, [16, 128], [0, 0]))
                y = pl.assemble(y, t, [0, i * 128])


def written_by_chunks(x: ROWS, y: ROWS, z: ROWS):
    with pl.auto_incore():
        for i in pl.parallel(0, 8, 1, chunk=2):
            y = pl.assemble(y, pl.exp(pl.slice(x, [16, 64], [0, i * 64])), [0, i * 64])
    with pl.auto_incore():
        for i in pl.parallel(0, 8, 1, chunk=3):
            z = pl.assemble(z, pl.exp(pl.slice(y, [16, 64], [0, i * 64])), [0, i * 64])


def whole_and_parts(x: ROWS, y: ROWS, z: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.exp(x), [0, 0])
    for i in pl.range(8):
        with pl.incore():
            y = pl.assemble(y, pl.exp(pl.slice(y, [16, 64], [0, i * 64])), [0, i * 64])
    with pl.incore():
        z = pl.assemble(z, pl.exp(pl.slice(y, [16, 64], [0, 64])), [0, 0])


def carried_and_created(x: ROWS, y: TILE):
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


def test_a_false_chain_of_accumulates_falls_apart_into_true_ones():
    named, true = both_graphs(accumulate)
    assert producers(named) == [[]] + [[n - 1] for n in range(1, 12)]
    assert producers(true) == [[]] * 4 + [[n - 4] for n in range(4, 12)]
    assert (named.depth, true.depth) == (12, 3)


def test_a_reader_waits_only_for_those_who_wrote_what_it_reads():
    named, true = both_graphs(written_by_chunks)
    assert producers(named) == [[]] * 4 + [[0, 1, 2, 3]] * 3
    assert producers(true) == [[]] * 4 + [[0, 1], [1, 2], [3]]


def test_a_part_depends_on_the_whole_and_on_its_own_update():
    named, true = both_graphs(whole_and_parts)
    assert producers(true)[1:9] == [[0]] * 8
    assert producers(named)[1:9] == [[n] for n in range(8)]
    assert producers(true)[9] == [0, 2]
    assert producers(named)[9] == [8]


@pytest.mark.parametrize(
    "python", [accumulate, written_by_chunks, whole_and_parts, carried_and_created]
)
def test_whatever_depends_by_bytes_depends_by_arguments(python):
    """With no cap, every true edge is a path among the named ones."""
    named, true = both_graphs(python)
    order = nx.DiGraph()
    order.add_nodes_from(range(len(named)))
    order.add_edges_from((p, c) for c, found in enumerate(producers(named)) for p in found)
    for consumer, found in enumerate(producers(true)):
        assert set(found) <= nx.ancestors(order, consumer)
