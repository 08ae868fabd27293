"""Hazards: every unordered conflict and no other, why its edge is missing, and its repair."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_programs import computing_programs
from small_programs import producers, recorded
from toys import make_device, make_runtime

from devices.errors import InputError
from devices.kernel import Direction
from runtime import language as pl
from runtime.accesses import touched_accesses
from runtime.dependencies import Dependencies, find_graph
from runtime.hazards import find_hazards
from runtime.margins import find_margins
from runtime.simulation import simulate
from runtime.tensormap import build_graph
from runtime.unordered import Cause, Kind

WIDE = pl.Tensor[[16, 256], pl.FP32]
TILE = pl.Tensor[[16, 64], pl.FP32]


def hazards_of(python, cap=16):
    submits = recorded(python)
    return find_hazards(submits, build_graph(submits, lookup_cap=cap, rings=4))


def table(hazards):
    return [(h.kind, h.cause, h.earlier, h.later, h.pairs.tolist()) for h in hazards.found]


# Toy programs: one rule each


def zero_then_write(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.full([16, 64], dtype=pl.FP32, value=0.0), [0, 0])
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


def test_two_writes_by_write_only_arguments_are_unordered():
    found = hazards_of(zero_then_write)
    assert table(found) == [(Kind.WAW, Cause.WRITE_ONLY, 0, 1, [[0, 1]])]
    (view,) = (hazard.view for hazard in found.found)
    assert (view.buffer.name, view.offset, view.shape) == ("y", (0, 0), (16, 64))
    assert (found.count(Kind.WAW), found.count(Kind.RAW)) == (1, 0)


def read_then_write(x: TILE, y: TILE, z: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
    with pl.incore():
        x = pl.assemble(x, pl.add(z, 1.0), [0, 0])


def test_a_write_does_not_wait_for_earlier_readers():
    assert table(hazards_of(read_then_write)) == [(Kind.WAR, Cause.READER, 0, 1, [[0, 1]])]


def write_then_read(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
    with pl.incore():
        x = pl.assemble(x, pl.add(y, 1.0), [0, 0])


def test_a_read_waits_for_the_write_and_orders_what_was_read_before():
    assert table(hazards_of(write_then_read)) == []  # x is read, then written, behind an edge


def four_columns_then_all(x: WIDE, y: WIDE, z: WIDE):
    for i in pl.range(0, 4):
        with pl.incore():
            column = pl.slice(x, [16, 64], [0, i * 64])
            y = pl.assemble(y, pl.add(column, 1.0), [0, i * 64])
    with pl.incore():
        z = pl.assemble(z, pl.add(y, 1.0), [0, 0])


def test_the_lookup_cap_drops_the_oldest_writers():
    assert table(hazards_of(four_columns_then_all)) == []
    found = hazards_of(four_columns_then_all, cap=3)
    assert table(found) == [(Kind.RAW, Cause.LOOKUP_CAP, 0, 1, [[0, 4]])]
    assert found.found[0].view.offset == (0, 0)
    assert found.found[0].view.shape == (16, 64)  # what both touch, not what they name


def columns_apart(x: WIDE, y: WIDE):
    for i in pl.range(0, 4):
        with pl.incore():
            column = pl.slice(x, [16, 64], [0, i * 64])
            y = pl.assemble(y, pl.add(column, 1.0), [0, i * 64])


def test_tasks_that_name_one_tensor_and_touch_it_in_different_places_do_not_conflict():
    assert table(hazards_of(columns_apart)) == []


def update_after_write(x: TILE, y: TILE):
    with pl.incore():
        y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
    with pl.incore():
        y = pl.assemble(y, pl.add(y, 1.0), [0, 0])
    with pl.incore():
        y = pl.assemble(y, pl.full([16, 64], dtype=pl.FP32, value=0.0), [0, 0])


def test_what_is_ordered_by_a_path_is_no_hazard():
    found = hazards_of(update_after_write)
    # The last write is unordered with the update, and so with the first write as well.
    assert table(found) == [
        (Kind.WAW, Cause.WRITE_ONLY, 0, 2, [[0, 2]]),
        (Kind.WAW, Cause.WRITE_ONLY, 1, 2, [[1, 2]]),
        (Kind.WAR, Cause.READER, 1, 2, [[1, 2]]),
    ]


def update_of_parts(x: WIDE, y: WIDE):
    for i in pl.range(0, 2):
        with pl.incore():
            y = pl.assemble(y, pl.add(pl.slice(x, [16, 128], [0, i * 128]), 1.0), [0, i * 128])
    with pl.incore():
        part = pl.slice(y, [16, 64], [0, 128])
        y = pl.assemble(y, pl.add(part, 1.0), [0, 64])


@pytest.mark.parametrize(
    ("dependencies", "cap", "cause"),
    [
        # The whole tensor is named as INOUT and looked up, which finds both writes.
        (Dependencies.TENSOR, 16, None),
        (Dependencies.TENSOR, 1, Cause.LOOKUP_CAP),
        # On tiles, columns 64 to 128 are written only.
        (Dependencies.TILE, 16, Cause.WRITE_ONLY),
    ],
)
def test_the_cause_depends_on_what_was_looked_up(dependencies, cap, cause):
    submits, runtime = recorded(update_of_parts), make_runtime()
    graph = find_graph(submits, runtime, dependencies=dependencies, lookup_cap=cap)
    found = find_hazards(submits, graph, dependencies)
    assert table(found) == ([(Kind.WAW, cause, 0, 1, [[0, 2]])] if cause else [])


def test_an_edge_that_somebody_took_out_is_said_to_be_absent():
    submits = recorded(write_then_read)
    graph = build_graph(submits, lookup_cap=16, rings=4)
    bare = build_graph(submits, lookup_cap=16, rings=4, accesses=[()] * len(graph))
    assert {(h.kind, h.cause) for h in find_hazards(submits, bare).found} == {
        (Kind.RAW, Cause.ABSENT),
        (Kind.WAR, Cause.READER),
    }


def test_the_graph_of_another_program_is_refused():
    other = build_graph(recorded(four_columns_then_all), lookup_cap=16, rings=4)
    with pytest.raises(InputError, match="not that of the recorded program 'zero_then_write'"):
        find_hazards(recorded(zero_then_write), other)


# Repair


def test_a_repair_adds_the_edge_and_nothing_else():
    found = hazards_of(zero_then_write)
    assert producers(found.repaired([Kind.WAW])) == [[], [0]]
    assert producers(found.repaired([Kind.RAW, Kind.WAR])) == [[], []]


def chain_of_writes(x: TILE, y: TILE):
    for _ in pl.range(0, 4):
        with pl.incore():
            y = pl.assemble(y, pl.add(x, 1.0), [0, 0])


def test_a_repair_adds_as_few_edges_as_paths_allow():
    found = hazards_of(chain_of_writes)
    assert found.found[0].count == 6  # every pair of four writes
    assert producers(found.repaired([Kind.WAW])) == [[], [0], [1], [2]]


# How near it was


def test_margins_tell_in_which_order_pairs_came_out():
    submits = recorded(chain_of_writes)
    graph = build_graph(submits, lookup_cap=16, rings=4)
    hazards = find_hazards(submits, graph)
    runtime = make_runtime(dispatch_us=1.0)
    # One thread dispatches every 1 us; each task runs on a vector core of its own.
    trace = simulate(
        graph, make_device(2), runtime, profiling=False, durations=[0.25, 2.5, 0.25, 0.25]
    )
    ((key, margin),) = find_margins(hazards, trace).items()
    assert key == (Kind.WAW, Cause.WRITE_ONLY, 0, 0)
    assert trace.start_us.tolist() == pytest.approx([1.0, 2.0, 3.0, 4.0], abs=0.1)
    # 0 ended before 1, 2 and 3 started, and 2 before 3; 1 ran beside 2 and 3.
    assert (margin.in_order, margin.overlapping, margin.reversed) == (4, 2, 0)
    starts, ends = trace.start_us, trace.end_us
    assert margin.nearest_us == min(starts[1] - ends[0], starts[3] - ends[2])


def test_margins_see_what_came_out_the_other_way_round():
    submits = recorded(zero_then_write)
    graph = build_graph(submits, lookup_cap=16, rings=4)
    hazards = find_hazards(submits, graph)
    trace = simulate(graph, make_device(1), make_runtime())
    swapped = trace.start_us[::-1], trace.end_us[::-1]
    late = type(trace)(
        **{**vars(trace), "start_us": swapped[0] + [9, 0], "end_us": swapped[1] + [9, 0]}
    )
    (margin,) = find_margins(hazards, late).values()
    assert (margin.in_order, margin.overlapping, margin.reversed) == (0, 0, 1)
    assert margin.nearest_us is None


# Random programs, against looking at every pair of elements


def expected(submits, graph):
    """Kind and tasks of every unordered conflict, by brute force."""
    touched = touched_accesses(submits)

    def elements(task, *directions):
        return {
            (view.buffer, element)
            for view, direction in touched[task]
            if direction in directions
            for element in range(view.offset[0], view.offset[0] + view.shape[0])
        }

    reads = [elements(t, Direction.IN, Direction.INOUT) for t in range(len(graph))]
    writes = [elements(t, Direction.OUT_EXISTING, Direction.INOUT) for t in range(len(graph))]
    waits: list[set[int]] = []
    for task in range(len(graph)):
        row = graph.producers(task).tolist()
        waits.append(set(row).union(*(waits[p] for p in row)))
    found = set()
    for earlier, later in itertools.combinations(range(len(graph)), 2):
        if earlier in waits[later]:
            continue
        if writes[earlier] & reads[later]:
            found.add((Kind.RAW, earlier, later))
        if writes[earlier] & writes[later]:
            found.add((Kind.WAW, earlier, later))
        if reads[earlier] & writes[later]:
            found.add((Kind.WAR, earlier, later))
    return found


def named(hazards):
    return [(h.kind, a, b) for h in hazards.found for a, b in h.pairs.tolist()]


@settings(deadline=None, max_examples=300)
@given(computing_programs(), st.sampled_from([1, 2, 16, None]), st.data())
def test_exactly_the_unordered_conflicts_are_found_and_repaired(submits, cap, data):
    graph = build_graph(submits, lookup_cap=cap, rings=4)
    hazards = find_hazards(submits, graph)
    pairs = Counter(named(hazards))
    # A write through an argument that is looked up and one that is not may be the same pair.
    assert set(pairs) == expected(submits, graph)
    kinds = data.draw(st.sets(st.sampled_from(list(Kind))))
    repaired = hazards.repaired(kinds)
    assert {p for p in expected(submits, repaired) if p[0] in kinds} == set()
    for task in range(len(graph)):
        before = graph.producers(task).tolist()
        assert repaired.producers(task).tolist()[: len(before)] == before
    if cap is None:
        assert hazards.count(Kind.RAW) == 0  # the rules of the runtime miss no read without a cap
    for hazard in hazards.found:
        assert hazard.count == len(hazard.pairs)


@settings(deadline=None, max_examples=50)
@given(computing_programs())
def test_no_edge_of_a_repair_can_be_spared(submits):
    graph = build_graph(submits, lookup_cap=1, rings=4)
    repaired = find_hazards(submits, graph).repaired(list(Kind))
    for task in range(len(graph)):
        row = repaired.producers(task).tolist()
        for added in row[len(graph.producers(task)) :]:
            others = [p for p in row if p != added]
            spared = closure_of(repaired, task, others)
            assert added not in spared


def closure_of(graph, task, row):
    waits = set(row)
    for producer in sorted(row, reverse=True):
        waits |= closure_of(graph, producer, graph.producers(producer).tolist())
    assert task not in waits
    return waits


def test_counts_are_exact_beyond_the_pairs_that_are_named(monkeypatch):
    monkeypatch.setattr("runtime.hazards.MOST_PAIRS", 4)
    (hazard,) = hazards_of(chain_of_writes).found
    assert hazard.count == 6
    assert hazard.pairs.tolist() == [[0, 1], [0, 2], [1, 2], [0, 3]]
    assert hazard.pairs.dtype == np.int64
