"""Edges whose tasks share no byte, and the graph without them, against brute force."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_programs import producers, recorded

from devices.dtypes import BY_NAME
from devices.errors import InputError
from devices.kernel import Box, CoreType, Direction, Kernel, Memory, Parameter, Tile, TileOp
from runtime import language as pl
from runtime.accesses import touched_accesses
from runtime.false_dependences import KernelPair, find_false_dependences
from runtime.graph import Buffer, View
from runtime.language import record
from runtime.submits import AllocGroup, Submits, TensorSpec
from runtime.tensormap import build_graph
from runtime.true_order import Conflicts, keep_order
from workloads.catalogue import find_workload

ROWS = pl.Tensor[[16, 512], pl.FP32]
TILE = pl.Tensor[[16, 64], pl.FP32]
FP32 = BY_NAME["FP32"]
BASELINE, RESTRUCTURED = "qwen3-scope3-baseline", "qwen3-scope3-restructured"
SMALL = {"hidden": 1024, "intermediate": 2048}


def found_in(submits, cap=16):
    return find_false_dependences(submits, build_graph(submits, lookup_cap=cap, rings=4))


def edges(found):
    return list(zip(found.producer.tolist(), found.consumer.tolist(), strict=True))


# What small programs have


def accumulate(x: ROWS, y: ROWS):
    for _ in pl.range(3):
        for i in pl.range(4):
            with pl.incore():
                t = pl.add(pl.slice(y, [16, 128], [0, i * 128]), pl.slice(x, [16, 128], [0, 0]))
                y = pl.assemble(y, t, [0, i * 128])


def update_then_read(x: ROWS, y: ROWS, z: TILE):
    for i in pl.range(4):
        with pl.incore():
            y = pl.assemble(y, pl.exp(pl.slice(x, [16, 64], [0, i * 64])), [0, i * 64])
    for i in pl.range(4):
        with pl.incore():
            y = pl.assemble(y, pl.exp(pl.slice(y, [16, 64], [0, i * 64])), [0, i * 64])
    with pl.incore():
        z = pl.assemble(z, pl.exp(pl.slice(y, [16, 64], [0, 64])), [0, 0])


def test_a_chain_over_columns_falls_apart_into_one_chain_per_column():
    found = found_in(recorded(accumulate))
    assert edges(found) == [(n - 1, n) for n in range(1, 12)]
    assert found.pairs == (KernelPair(0, 0, 11),)
    graph = found.without()
    assert producers(graph) == [[]] * 4 + [[n - 4] for n in range(4, 12)]  # never named before
    assert (found.graph.depth, graph.depth) == (12, 3)
    assert (found.producer.dtype, found.consumer.dtype) == (np.int32, np.int32)


def test_only_the_edges_change():
    found = found_in(recorded(accumulate), cap=1)
    before, after = found.graph, found.without()
    assert after.edge_count != before.edge_count
    assert after.chain_entries is before.chain_entries
    assert (after.views, after.scalars, after.kernels) == (
        before.views,
        before.scalars,
        before.kernels,
    )
    assert (after.dropped, after.name) == (before.dropped, before.name)
    assert after.fanin.dtype == np.int32
    assert after.fanin_start.dtype == np.int64


def test_kernels_are_freed_one_pair_at_a_time():
    found = found_in(recorded(update_then_read))
    # Writes depend on nothing, updates 4 to 7 on the one before, the first on all writes.
    named = [[], [], [], [], [0, 1, 2, 3], [4], [5], [6], [7]]
    assert producers(found.graph) == named
    assert found.pairs == (KernelPair(0, 1, 3), KernelPair(1, 1, 3), KernelPair(1, 2, 1))
    assert producers(found.without()) == [[], [], [], [], [0], [1], [2], [3], [5]]
    # The updates stay a chain, but its head no longer waits for the other writes in their place.
    kept_behind = [[], [], [], [], [0], [1, 4], [2, 5], [3, 6], [7]]
    assert producers(found.without([(0, 1)])) == kept_behind
    chainless = found.without([(1, 1)])
    assert producers(chainless) == [[], [], [], [], [0, 1, 2, 3], [1], [2], [3], [5, 7]]
    assert producers(found.without([(1, 2)]))[8] == [5]
    assert producers(found.without([(1, 2), (1, 1), (0, 1)])) == producers(found.without())


def test_no_pair_is_no_change():
    found = found_in(recorded(accumulate))
    assert found.without([]) is found.graph


def test_a_program_without_false_edges_stays_as_it_is():
    def chain(x: ROWS, y: ROWS):
        for _ in pl.range(3):
            with pl.incore():
                y = pl.assemble(y, pl.add(y, x), [0, 0])

    found = found_in(recorded(chain))
    assert (edges(found), found.pairs) == ([], ())
    assert found.without() is found.graph


def test_edges_from_allocs_are_true():
    def through_memory(x: TILE, y: TILE):
        with pl.incore():
            t = pl.exp(x)
        with pl.incore():
            y = pl.assemble(y, pl.exp(t), [0, 0])

    found = found_in(recorded(through_memory))
    assert found.graph.alloc_count == 1
    assert edges(found) == []


def test_what_the_lookup_cap_lost_is_not_put_back():
    found = found_in(recorded(update_then_read), cap=1)
    # The first update finds only the newest of four writes, so the others were never waited for.
    assert producers(found.graph)[4] == [3]
    # The others stay in the map, and later updates find newer ones first.
    assert producers(found.without()) == [[], [], [], [], [], [], [], [3], [5]]


def test_pairs_that_are_not_there_are_refused_with_those_that_are():
    found = found_in(recorded(accumulate))
    with pytest.raises(InputError, match=r"from kernel 0 to kernel 3; .* found: \(0, 0\)"):
        found.without([(0, 3)])


def test_the_graph_of_another_program_is_refused():
    other = build_graph(recorded(update_then_read), lookup_cap=16, rings=4)
    with pytest.raises(InputError, match="not that of the recorded program 'accumulate'"):
        find_false_dependences(recorded(accumulate), other)


# Keeping order in any graph


@st.composite
def thinned_graphs(draw):
    """Producers before and after dropping edges, and what has to stay in order."""
    count = draw(st.integers(1, 12))
    before = [
        sorted(draw(st.sets(st.integers(0, task - 1), max_size=3))) if task else []
        for task in range(count)
    ]
    after = [[p for p in found if draw(st.booleans())] for found in before]
    writers = draw(st.lists(st.sets(st.integers(0, count - 1)).map(sorted), max_size=4))
    numbers = st.sets(st.integers(0, len(writers) - 1)) if writers else st.just(set())
    touched = [sorted(draw(numbers)) for _ in before]
    return before, after, Conflicts(touched, [], [], writers, [])  # which reads does not matter


def closure(rows):
    """Everything that each submit waits for."""
    waits = []
    for row in rows:
        waits.append(set(row).union(*(waits[p] for p in row)))
    return waits


@settings(deadline=None, max_examples=300)
@given(thinned_graphs())
def test_conflicting_tasks_stay_in_order_by_as_few_edges_as_possible(case):
    before, after, conflicts = case
    kept = keep_order(before, after, conflicts)
    ordered, now = closure(before), closure(kept)
    for task, row in enumerate(kept):
        assert row[: len(after[task])] == after[task]
        assert len(set(row)) == len(row)
        needed = {w for r in conflicts.touched[task] for w in conflicts.writers[r]}
        assert needed & ordered[task] <= now[task]
        assert now[task] <= ordered[task]
        for added in row[len(after[task]) :]:
            assert added in needed
            spared = [[p for p in r if (t, p) != (task, added)] for t, r in enumerate(kept)]
            assert added not in closure(spared)[task]


# Random programs: every task has a kernel of its own, with fixed rectangles of shared tensors


LENGTH = 6


def load_or_store(kind, parameter, start, length):
    box = Box(parameter, (length,), (start,))
    tile = Tile((length,), FP32, Memory.UB)
    if kind == "load":
        return TileOp("tile.load", tile, (), 1, box)
    return TileOp("tile.store", None, (tile,), 1, box)


@st.composite
def programs(draw):
    """Tasks that name whole tensors or parts and load and store smaller parts of them."""
    arguments = tuple(
        View(Buffer(name, (LENGTH,), FP32, -1), (LENGTH,), (0,)) for name in ("x", "y")
    )
    made = AllocGroup((TensorSpec("t", (LENGTH,), FP32),), depth=1)
    kernels = []
    submits = Submits("random", "random.py", arguments, kernels, [made])
    tensors = [*arguments, *submits.alloc(0)]
    for number in range(draw(st.integers(1, 9))):
        parameters, body, views = [], [], []
        for position in range(draw(st.integers(1, 2))):
            tensor = draw(st.sampled_from(tensors))
            first = draw(st.integers(0, 1))
            size = draw(st.sampled_from([LENGTH - first, LENGTH - first, 3]))
            kinds = draw(st.lists(st.sampled_from(["load", "store"]), min_size=1, max_size=3))
            for kind in kinds:
                start = draw(st.integers(0, size - 1))
                length = draw(st.integers(1, size - start))
                body.append(load_or_store(kind, position, start, length))
            direction = Direction.INOUT
            if len(set(kinds)) == 1:
                direction = Direction.IN if kinds[0] == "load" else Direction.OUT_EXISTING
            parameters.append(Parameter(f"p{position}", (size,), FP32, direction))
            views.append(submits.view(tensor, (size,), (first,)))
        kernels.append(Kernel(f"k{number}", CoreType.AIV, tuple(parameters), (), tuple(body), 1))
        submits.submit(number, tuple(views), (), 1)
    return submits


def bytes_of(accesses, *directions):
    return {
        (view.buffer, element)
        for view, direction in accesses
        if direction in directions
        for element in range(view.offset[0], view.offset[0] + view.shape[0])
    }


def true_pairs(submits):
    """Producer and consumer for which the first writes what the other reads or writes."""
    touched = touched_accesses(submits)
    written = [bytes_of(a, Direction.INOUT, Direction.OUT_EXISTING) for a in touched]
    anything = [bytes_of(a, *Direction) for a in touched]
    pairs = itertools.combinations(range(len(submits)), 2)
    return {(p, c) for p, c in pairs if written[p] & anything[c]}


@settings(deadline=None, max_examples=300)
@given(programs(), st.sampled_from([1, 2, 16, None]), st.randoms(use_true_random=False))
def test_random_programs_lose_false_edges_and_no_true_order(submits, cap, random):
    found = found_in(submits, cap)
    graph, true = found.graph, true_pairs(submits)
    before = {(p, c) for c, row in enumerate(producers(graph)) for p in row}
    false = {(p, c) for p, c in before if (p, c) not in true and graph.kernel[p] >= 0}
    assert set(edges(found)) == false
    assert sum(pair.count for pair in found.pairs) == len(false)
    chosen = [(p.producer, p.consumer) for p in found.pairs if random.random() < 0.7]
    for pairs in (None, chosen):
        gone = {
            (p, c) for p, c in false if pairs is None or (graph.kernel[p], graph.kernel[c]) in pairs
        }
        result = found.without(pairs)
        after = {(p, c) for c, row in enumerate(producers(result)) for p in row}
        assert len(after) == result.edge_count  # none twice
        assert not after & gone
        assert after - before <= true
        old, new = closure(producers(graph)), closure(producers(result))
        assert all(p in new[c] for p, c in true if p in old[c])
        assert all(now <= was for now, was in zip(new, old, strict=True))


@settings(deadline=None, max_examples=200)
@given(programs())
def test_without_a_cap_the_rules_of_the_runtime_on_tiles_are_kept(submits):
    tiled = build_graph(submits, lookup_cap=None, rings=4, accesses=touched_accesses(submits))
    kept = closure(producers(found_in(submits, None).without()))
    assert all(set(row) <= kept[task] for task, row in enumerate(producers(tiled)))


# Real programs


@pytest.fixture(scope="module")
def baseline():
    return found_in(record(find_workload(BASELINE).program()))


@pytest.fixture(scope="module")
def small():
    submits = record(find_workload(BASELINE).program(SMALL))
    return submits, found_in(submits)


def test_the_false_dependences_of_the_baseline(baseline):
    # Kernels: 0 zeros, 2 adds the residual, 8 accumulates and 9 is the last add.
    assert baseline.pairs == (
        KernelPair(8, 8, 15_999),
        KernelPair(2, 2, 79),
        KernelPair(2, 9, 39),
        KernelPair(8, 9, 39),
        KernelPair(0, 2, 9),
    )
    assert (baseline.graph.edge_count, len(baseline.edge)) == (116_061, 16_165)


def test_without_them_the_baseline_is_as_deep_as_its_tiles(baseline):
    graph = baseline.without()
    assert (baseline.graph.depth, graph.depth) == (16_086, 407)
    assert graph.edge_count == 116_053


def test_freeing_the_accumulates_alone_leaves_the_residual_chain(baseline):
    graph = baseline.without([(8, 8), (8, 9)])
    # The chain of 80 residual adds takes the place of one, and the first project is before it.
    assert graph.depth == 407 + 79
    accumulates = np.flatnonzero(graph.kernel == 8).tolist()
    for earlier, later in zip(accumulates, accumulates[40:], strict=False):
        assert earlier in graph.producers(later)


def test_the_small_baseline_keeps_the_order_of_its_tiles(small):
    submits, found = small
    graph = found.without()
    tiled = build_graph(submits, lookup_cap=None, rings=4, accesses=touched_accesses(submits))
    assert graph.depth == tiled.depth == 39
    order = nx.DiGraph((p, c) for c, row in enumerate(producers(graph)) for p in row)
    for consumer, row in enumerate(producers(tiled)):
        if row:
            assert set(row) <= nx.ancestors(order, consumer)


def test_parts_of_a_program_that_share_nothing_do_not_change_each_other(small):
    # Sixteen blocks of rows; by the last, the writers of the first are long forgotten.
    _, one = small
    many = found_in(record(find_workload(BASELINE).program({**SMALL, "batch": 256})))
    size = len(one.graph)
    assert len(many.graph) == 16 * size
    expected = producers(one.without())
    for submit, row in enumerate(producers(many.without())):
        assert row == [submit // size * size + p for p in expected[submit % size]]


@pytest.mark.parametrize(
    ("settings", "cap", "pairs", "edges_after"),
    [
        ({}, 16, {(2, 9): 1008}, 5955),
        (SMALL, 16, {(2, 9): 112}, 591),
        ({}, None, {(2, 9): 8064, (0, 9): 960}, 34_035),
    ],
)
def test_the_restructured_program_has_false_edges_only_into_its_last_add(
    settings, cap, pairs, edges_after
):
    found = found_in(record(find_workload(RESTRUCTURED).program(settings)), cap)
    assert {(p.producer, p.consumer): p.count for p in found.pairs} == pairs
    graph = found.without()
    assert (graph.edge_count, graph.depth) == (edges_after, 7)
