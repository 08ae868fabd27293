"""Edges by the rules of the runtime's TensorMap, on accesses written out by hand."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_programs import producers, recorded

from devices.dtypes import BY_NAME
from devices.kernel import Direction
from runtime import language as pl
from runtime.graph import ALLOC, Buffer, View
from runtime.tensormap import TensorMap, build_graph

FP32 = BY_NAME["FP32"]
IN, INOUT, OUT_EXISTING = Direction.IN, Direction.INOUT, Direction.OUT_EXISTING

ROWS = pl.Tensor[[16, 512], pl.FP32]
TILE = pl.Tensor[[16, 64], pl.FP32]


def buffer(*shape, owner=-1):
    return Buffer("b", shape, FP32, owner)


def part(of, start, stop):
    """Elements ``start:stop`` of a buffer of one dimension."""
    return View(of, (stop - start,), (start,))


def box(of, rows, columns):
    (top, bottom), (left, right) = rows, columns
    return View(of, (bottom - top, right - left), (top, left))


def edges(*tasks, cap=16):
    """Producers of every task, given what each one accesses."""
    found = TensorMap(cap)
    return [found.submit(number, accesses) for number, accesses in enumerate(tasks)]


# The table: what a task depends on, by what came before and how the task uses the tensor


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        (INOUT, IN, [0]),
        (INOUT, INOUT, [0]),
        (INOUT, OUT_EXISTING, []),
        (OUT_EXISTING, IN, [0]),
        (OUT_EXISTING, INOUT, [0]),
        (OUT_EXISTING, OUT_EXISTING, []),
        (IN, IN, []),
        (IN, INOUT, []),
        (IN, OUT_EXISTING, []),
    ],
)
def test_edges_between_two_uses_of_one_tensor(earlier, later, expected):
    b = buffer(8)
    assert edges([(part(b, 0, 8), earlier)], [(part(b, 0, 8), later)]) == [[], expected]


@pytest.mark.parametrize("direction", [IN, INOUT, OUT_EXISTING])
def test_every_use_depends_on_the_task_that_created_the_tensor(direction):
    created = buffer(8, owner=0)
    assert edges([], [(part(created, 2, 4), direction)]) == [[], [0]]


def test_a_creator_comes_before_the_writers_of_its_tensor():
    created = buffer(8, owner=0)
    whole = part(created, 0, 8)
    assert edges([], [(whole, OUT_EXISTING)], [(whole, INOUT)], [(whole, IN)]) == [
        [],
        [0],
        [0, 1],
        [0, 2],
    ]


def test_a_task_does_not_depend_on_itself():
    b = buffer(8)
    task = [(part(b, 0, 4), INOUT), (part(b, 2, 8), IN), (part(b, 0, 8), OUT_EXISTING)]
    assert edges(task, task) == [[], [0]]


def test_a_producer_of_several_arguments_counts_once():
    a, b = buffer(8, owner=0), buffer(8, owner=0)
    both = [(part(a, 0, 8), OUT_EXISTING), (part(b, 0, 8), OUT_EXISTING)]
    reads = [(part(a, 0, 8), IN), (part(b, 0, 8), IN)]
    assert edges([], both, reads) == [[], [0], [0, 1]]


def test_tensors_of_one_name_are_different():
    assert edges([(part(buffer(8), 0, 8), INOUT)], [(part(buffer(8), 0, 8), INOUT)]) == [[], []]


# Overlap


@pytest.mark.parametrize(
    ("written", "read", "overlaps"),
    [
        ((0, 4), (4, 8), False),  # touching
        ((4, 8), (0, 4), False),
        ((0, 5), (4, 8), True),
        ((2, 3), (0, 8), True),  # inside
        ((0, 8), (2, 3), True),
        ((0, 1), (0, 1), True),
        ((0, 1), (7, 8), False),
    ],
)
def test_overlap_along_one_dimension(written, read, overlaps):
    b = buffer(8)
    found = edges([(part(b, *written), OUT_EXISTING)], [(part(b, *read), IN)])
    assert found == [[], [0] if overlaps else []]


@pytest.mark.parametrize(
    ("rows", "columns", "overlaps"),
    [
        ((0, 4), (0, 4), True),
        ((0, 2), (2, 4), False),  # corner to corner with the written rectangle
        ((0, 3), (2, 4), True),
        ((2, 4), (0, 1), False),
        ((1, 2), (0, 1), False),
        ((1, 3), (1, 3), True),
    ],
)
def test_rectangles_overlap_in_every_dimension(rows, columns, overlaps):
    b = buffer(4, 4)
    written = box(b, (2, 4), (1, 3))
    found = edges([(written, OUT_EXISTING)], [(box(b, rows, columns), IN)])
    assert found == [[], [0] if overlaps else []]


# What leaves the map


def reads_after(*tasks, cap=16):
    """Producers of a task that reads the whole tensor after `tasks`."""
    whole = View(tasks[0][0][0].buffer, (8,), (0,))
    return edges(*tasks, [(whole, IN)], cap=cap)[-1]


def test_an_inout_removes_what_it_covers():
    b = buffer(8)
    first, second = [(part(b, 2, 4), OUT_EXISTING)], [(part(b, 0, 5), INOUT)]
    assert reads_after(first, second) == [1]


def test_an_inout_keeps_what_it_covers_in_part():
    b = buffer(8)
    first, second = [(part(b, 2, 6), OUT_EXISTING)], [(part(b, 0, 5), INOUT)]
    assert reads_after(first, second) == [1, 0]


def test_an_inout_keeps_what_it_does_not_touch():
    b = buffer(8)
    first, second = [(part(b, 5, 6), OUT_EXISTING)], [(part(b, 0, 5), INOUT)]
    assert edges(first, second)[1] == []
    assert reads_after(first, second) == [1, 0]


@pytest.mark.parametrize("direction", [IN, OUT_EXISTING])
def test_only_an_inout_removes(direction):
    b = buffer(8)
    first, second = [(part(b, 2, 4), INOUT)], [(part(b, 0, 8), direction)]
    assert reads_after(first, second) == ([0] if direction is IN else [1, 0])


def test_a_chain_of_inouts_keeps_one_entry():
    b = buffer(8)
    step = [(part(b, 0, 8), INOUT)]
    found = TensorMap(16)
    assert [found.submit(task, step) for task in range(4)] == [[], [0], [1], [2]]
    assert found.walked == 3


def test_chains_on_different_parts_do_not_meet():
    b = buffer(8)
    steps = [[(part(b, 2 * (n % 4), 2 * (n % 4) + 2), INOUT)] for n in range(12)]
    assert edges(*steps) == [[]] * 4 + [[n - 4] for n in range(4, 12)]


def test_an_inout_in_two_parts_removes_both():
    b = buffer(8)
    first = [(part(b, 0, 2), OUT_EXISTING), (part(b, 4, 6), OUT_EXISTING)]
    second = [(part(b, 0, 3), INOUT), (part(b, 3, 8), INOUT)]
    assert edges(first, second)[1] == [0]
    assert reads_after(first, second) == [1]


# The cap of a lookup


@pytest.mark.parametrize(
    ("writers", "cap", "kept", "dropped"),
    [(16, 16, 16, 0), (17, 16, 16, 1), (40, 16, 16, 24), (40, None, 40, 0), (3, 2, 2, 1)],
)
def test_a_lookup_keeps_the_newest_and_counts_the_rest(writers, cap, kept, dropped):
    b = buffer(64)
    found = TensorMap(cap)
    for task in range(writers):
        assert found.submit(task, [(part(b, task, task + 1), OUT_EXISTING)]) == []
    newest_first = list(range(writers - 1, -1, -1))
    assert found.submit(writers, [(part(b, 0, 64), IN)]) == newest_first[:kept]
    assert found.dropped == dropped
    assert found.walked == writers


def test_the_cap_is_for_each_argument():
    a, b = buffer(8), buffer(8)
    writes = [[(part(of, n, n + 1), OUT_EXISTING)] for of in (a, b) for n in range(4)]
    reads = [(part(a, 0, 8), IN), (part(b, 0, 8), IN)]
    assert edges(*writes, reads, cap=2)[-1] == [3, 2, 7, 6]


def test_what_does_not_overlap_does_not_count_towards_the_cap():
    b = buffer(64)
    writes = [[(part(b, n, n + 1), OUT_EXISTING)] for n in range(40)]
    assert edges(*writes, [(part(b, 0, 4), IN)])[-1] == [3, 2, 1, 0]


def test_an_inout_removes_only_what_its_lookup_returned():
    b = buffer(32)
    writes = [[(part(b, n, n + 1), OUT_EXISTING)] for n in range(20)]
    whole = part(b, 0, 32)
    found = edges(*writes, [(whole, INOUT)], [(whole, INOUT)], [(whole, IN)])
    assert found[20] == list(range(19, 3, -1))
    assert found[21] == [20, 3, 2, 1, 0]
    assert found[22] == [21]


# Graphs of programs


def test_a_graph_has_the_edges_the_entries_and_the_dropped_results():
    def gathered(x: ROWS, y: ROWS, z: TILE):
        for i in pl.range(20):
            with pl.incore():
                t = pl.add(pl.slice(x, [16, 8], [0, i * 8]), 1.0)
            y = pl.assemble(y, t, [0, i * 8])
        with pl.incore():
            z = pl.assemble(z, pl.slice(y, [16, 64], [0, 0]), [0, 0])

    submits = recorded(gathered)
    graph = build_graph(submits, lookup_cap=16, rings=4)
    assert producers(graph) == [[]] * 20 + [list(range(4, 20))]
    assert (graph.edge_count, graph.dropped, graph.depth) == (16, 4, 2)
    assert graph.chain_entries.tolist() == [0] * 20 + [20]
    assert graph.level.tolist() == [1] * 20 + [2]
    assert graph.consumer_count.tolist() == [0] * 4 + [1] * 16 + [0]
    uncapped = build_graph(submits, lookup_cap=None, rings=4)
    assert (uncapped.edge_count, uncapped.dropped) == (20, 0)


def test_a_graph_can_be_built_on_other_accesses_than_the_named_ones():
    def one_by_one(y: ROWS):
        for i in pl.range(3):
            with pl.incore():
                t = pl.slice(y, [16, 64], [0, i * 64])
                y = pl.assemble(y, pl.exp(t), [0, i * 64])

    submits = recorded(one_by_one)
    assert producers(build_graph(submits, lookup_cap=16, rings=4)) == [[], [0], [1]]
    argument = submits.arguments[0].buffer
    apart = [[(View(argument, (16, 64), (0, 64 * n)), INOUT)] for n in range(3)]
    graph = build_graph(submits, lookup_cap=16, rings=4, accesses=apart)
    assert producers(graph) == [[], [], []]


def test_allocs_produce_and_never_consume():
    def created(x: TILE, y: TILE):
        t = pl.create_tensor([16, 64], dtype=pl.FP32)
        for _ in pl.range(2):
            with pl.incore():
                t = pl.assemble(t, pl.add(x, 1.0), [0, 0])
        with pl.incore():
            y = pl.assemble(y, pl.add(t, 1.0), [0, 0])

    graph = build_graph(recorded(created), lookup_cap=16, rings=4)
    assert graph.kernel.tolist() == [ALLOC, 0, 0, 1]
    # Two write-only uses are not ordered; both precede the reader.
    assert producers(graph) == [[], [0], [0], [0, 1, 2]]
    assert graph.depth == 2
    assert repr(graph) == "TaskGraph(created: 3 tasks, 1 allocs, 5 edges)"


# Against an oracle that compares elements instead of rectangles


class ElementMap:
    """The rules of the TensorMap, on sets of elements."""

    def __init__(self, cap):
        self.cap = cap
        self.dropped = 0
        self.writers = []  # (task, buffer, elements), oldest first

    def submit(self, task, accesses):
        found = []
        for view, direction in accesses:
            if view.buffer.owner not in (-1, task):
                found.append(view.buffer.owner)
            if direction is OUT_EXISTING:
                continue
            mine = elements(view)
            hits = [w for w in reversed(self.writers) if w[1] is view.buffer and w[2] & mine]
            seen = hits if self.cap is None else hits[: self.cap]
            self.dropped += len(hits) - len(seen)
            found += [writer[0] for writer in seen]
            if direction is INOUT:
                gone = [id(w) for w in seen if w[2] <= mine]
                self.writers = [w for w in self.writers if id(w) not in gone]
        self.writers += [(task, v.buffer, elements(v)) for v, d in accesses if d is not IN]
        return list(dict.fromkeys(found))


def elements(view):
    spans = zip(view.offset, view.shape, strict=True)
    return frozenset(itertools.product(*(range(start, start + n) for start, n in spans)))


@st.composite
def programs(draw):
    buffers = [
        buffer(6),
        buffer(6, owner=0),
        buffer(3, 4),
        buffer(3, 4, owner=draw(st.integers(-1, 1))),
    ]

    def view():
        of = draw(st.sampled_from(buffers))
        if draw(st.integers(0, 3)) == 0:
            return View(of, of.shape, (0,) * len(of.shape))
        spans = [
            sorted(draw(st.tuples(st.integers(0, n - 1), st.integers(1, n)))) for n in of.shape
        ]
        spans = [(a, b) if a < b else (a - 1, b) for a, b in spans]
        return View(of, tuple(b - a for a, b in spans), tuple(a for a, _ in spans))

    directions = st.sampled_from([IN, INOUT, OUT_EXISTING])
    return [
        [(view(), draw(directions)) for _ in range(draw(st.integers(0, 3)))]
        for _ in range(draw(st.integers(1, 10)))
    ]


@settings(deadline=None)
@given(programs(), st.sampled_from([1, 2, 3, 16, None]))
def test_edges_are_those_of_the_rules_on_elements(tasks, cap):
    by_rectangles, by_elements = TensorMap(cap), ElementMap(cap)
    for number, accesses in enumerate(tasks):
        found = by_rectangles.submit(number, accesses)
        assert found == by_elements.submit(number, accesses)
    assert by_rectangles.dropped == by_elements.dropped
