"""Tasks cut otherwise: splitting, merging and fusing, on toys, random graphs and real programs."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_programs import recorded
from toys import make_device, make_runtime

from devices.device import load_device
from devices.dtypes import BY_NAME
from devices.errors import InputError
from devices.kernel import CoreType, Direction, Kernel, Parameter
from runtime import language as pl
from runtime.contraction import Group, contract
from runtime.graph import ALLOC, TaskGraph
from runtime.language import record
from runtime.map_entries import no_entries
from runtime.scopes import one_scope
from runtime.simulation import simulate
from runtime.tensormap import build_graph
from runtime.times import durations_us
from runtime.transforms import Work, fuse_kernels, merge_tasks, split_tasks
from workloads.catalogue import find_workload

AIC, AIV = CoreType.AIC, CoreType.AIV


def make_work(tasks, edges=None, times=None):
    """One submit per letter: kernels are letters, capitals run on cube cores, a dot is an alloc."""
    names = sorted(set(tasks) - {"."})
    parameter = Parameter("t", (1,), BY_NAME["FP32"], Direction.IN)
    kernels = [Kernel(n, AIC if n.isupper() else AIV, (parameter,), (), (), 1) for n in names]
    rows = edges or [[] for _ in tasks]
    graph = TaskGraph(
        name="toy",
        kernels=kernels,
        kernel=np.array([names.index(t) if t != "." else ALLOC for t in tasks], dtype=np.int32),
        ring=np.arange(len(tasks), dtype=np.int8) % 4,
        fanin_start=np.cumsum([0, *map(len, rows)]),
        fanin=np.array([p for row in rows for p in row], dtype=np.int32),
        chain_entries=np.arange(len(tasks), dtype=np.int32),
        dropped=7,
        views=[()] * len(tasks),
        scalars=[(n,) for n in range(len(tasks))],
        scopes=one_scope(len(tasks)),
        map_entries=no_entries(),
    )
    given_us = times or [0.0 if t == "." else 1.0 for t in tasks]
    return Work(graph, np.array(given_us, dtype=np.float64))


def names(work):
    kernels = work.graph.kernels
    return ["." if k == ALLOC else kernels[k].name for k in work.graph.kernel.tolist()]


def edges(work):
    return [work.graph.producers(n).tolist() for n in range(len(work.graph))]


def message(call, *arguments):
    with pytest.raises(InputError) as raised:
        call(*arguments)
    return str(raised.value)


# Splitting


def test_parts_share_producers_and_consumers_and_the_time_beyond_the_fixed():
    work = make_work(".abc", [[], [0], [0, 1], [2, 1]], [0, 1, 5, 2])
    done = split_tasks(work, "b", 2, fixed_us=1.0)
    assert names(done.work) == [".", "a", "b /2", "b /2", "c"]
    assert edges(done.work) == [[], [0], [0, 1], [0, 1], [2, 3, 1]]
    assert done.work.durations_us.tolist() == [0, 1, 3, 3, 2]
    assert (done.changed, done.left_alone) == (1, 0)
    graph = done.work.graph
    assert graph.scalars == [(0,), (1,), (2,), (2,), (3,)]
    assert graph.ring.tolist() == [0, 1, 2, 2, 3]
    assert graph.chain_entries.tolist() == [0, 1, 2, 2, 3]
    assert graph.dropped == 7
    assert graph.kernels[graph.kernel[2]].core is AIV


def test_chains_split_into_chains():
    work = make_work("abbbc", [[], [0], [0, 1], [0, 2], [3]])
    done = split_tasks(work, "b", 3, fixed_us=0.0)
    chains = [[0], [0], [0], [0, 1], [0, 2], [0, 3], [0, 4], [0, 5], [0, 6]]
    assert edges(done.work) == [[], *chains, [7, 8, 9]]
    assert done.changed == 3
    assert done.work.graph.depth == work.graph.depth
    assert done.work.durations_us.sum() == pytest.approx(work.durations_us.sum())


def test_a_task_shorter_than_the_fixed_time_is_all_fixed():
    done = split_tasks(make_work("aa", None, [0.25, 3.0]), "a", 4, fixed_us=1.0)
    assert done.work.durations_us.tolist() == [0.25] * 4 + [1.5] * 4


# Merging


def test_consecutive_tasks_become_one_and_the_last_are_fewer():
    work = make_work("aaaaab", [[], [], [], [], [], [0, 3, 4]], [1, 2, 3, 4, 5, 6])
    done = merge_tasks(work, "a", 2, fixed_us=0.5)
    assert names(done.work) == ["a x2", "a x2", "a", "b"]
    assert edges(done.work) == [[], [], [], [0, 1, 2]]
    assert done.work.durations_us.tolist() == [2.5, 6.5, 5.0, 6.0]
    assert (done.changed, done.left_alone) == (2, 0)
    graph = done.work.graph
    assert graph.scalars == [(), (), (4,), (5,)]
    assert graph.ring.tolist() == [0, 2, 0, 1]
    assert graph.chain_entries.tolist() == [1, 5, 4, 5]
    assert [len(k.parameters) for k in graph.kernels] == [1, 1, 2]  # a, b, a x2


def test_the_rest_has_a_kernel_of_its_own():
    done = merge_tasks(make_work("aaaaa"), "a", 3, fixed_us=0.0)
    assert names(done.work) == ["a x3", "a x2"]
    assert merge_tasks(make_work("aaa"), "a", 99, fixed_us=0.0).work.durations_us.tolist() == [3]


def test_what_lies_between_moves_before_or_behind():
    # a1 needs x, and y needs a0: the merged task stands between them.
    work = make_work("yayxaz", [[], [], [1], [], [3], [0]])
    done = merge_tasks(work, "a", 2, fixed_us=0.0)
    assert names(done.work) == ["y", "x", "a x2", "y", "z"]
    assert edges(done.work) == [[], [], [1], [2], [0]]


def test_a_merged_task_stands_as_early_as_it_can():
    done = merge_tasks(make_work("abcab", [[], [0], [], [], [3]]), "a", 2, fixed_us=0.0)
    assert names(done.work) == ["a x2", "b", "c", "b"]


def test_a_task_between_two_others_leaves_them_alone():
    # a0 -> b -> a1 would be a task that waits for itself; a2 and a3 have nothing between them.
    work = make_work("abaaa", [[], [0], [1], [], []])
    done = merge_tasks(work, "a", 2, fixed_us=0.0)
    assert (done.changed, done.left_alone) == (1, 1)
    assert names(done.work) == ["a", "b", "a", "a x2"]
    assert edges(done.work) == [[], [0], [1], []]


def test_members_of_a_chain_merge():
    work = make_work("aaaa", [[], [0], [0, 1], [2]])
    done = merge_tasks(work, "a", 2, fixed_us=0.0)
    assert edges(done.work) == [[], [0]]
    assert done.work.graph.depth == 2


def test_a_merged_task_takes_as_long_as_its_longest_at_least():
    done = merge_tasks(make_work("aaa", None, [1.0, 4.0, 1.0]), "a", 3, fixed_us=3.0)
    assert done.work.durations_us.tolist() == [4.0]


def test_merging_twice_uses_one_kernel():
    work = make_work("abaaa", [[], [0], [1], [], []])
    once = merge_tasks(work, "a", 2, fixed_us=0.0).work
    assert names(once) == ["a", "b", "a", "a x2"]
    apart = Work(make_work("aaaa").graph, np.ones(4))
    fused = merge_tasks(fuse_kernels(work, "a", "b", None, 0.0).work, "a", 2, 0.0).work
    assert names(fused) == ["a+b", "a x2", "a"]
    twice = merge_tasks(merge_tasks(apart, "a", 2, 0.0).work, "a x2", 2, 0.0).work
    assert names(twice) == ["a x2 x2"]
    assert len(twice.graph.kernels[twice.graph.kernel[0]].parameters) == 4


# Fusing


def test_a_task_and_its_only_follower_become_one():
    work = make_work("abcab", [[], [0], [1], [], [3]], [1, 2, 3, 4, 5])
    done = fuse_kernels(work, "a", "b", None, fixed_us=0.5)
    assert names(done.work) == ["a+b", "c", "a+b"]
    assert edges(done.work) == [[], [0], []]
    assert done.work.durations_us.tolist() == [2.5, 3.0, 8.5]
    assert (done.changed, done.left_alone) == (2, 0)
    kernel = done.work.graph.kernels[done.work.graph.kernel[0]]
    assert (kernel.name, kernel.core, len(kernel.parameters)) == ("a+b", AIV, 2)
    assert (kernel.scalars, kernel.body) == ((), ())


@pytest.mark.parametrize(
    ("tasks", "rows", "pairs"),
    [
        ("abb", [[], [0], [0]], 0),  # two followers
        ("aab", [[], [], [0, 1]], 0),  # two tasks followed
        ("aabb", [[], [], [0], [0, 1]], 0),  # the second follower of the one, two for the other
        ("abab", [[], [0], [], [1, 2]], 2),  # along a chain
        ("abac", [[], [0], [1], [2]], 1),  # an a with another follower
    ],
)
def test_only_clear_pairs_are_fused(tasks, rows, pairs):
    work = make_work(tasks, rows)
    if pairs:
        assert fuse_kernels(work, "a", "b", None, 0.0).changed == pairs
    else:
        assert "nothing to fuse" in message(fuse_kernels, work, "a", "b", None, 0.0)


def test_pairs_alternate_along_a_chain():
    rows = [[], [0], [1], [2], [3], [4]]
    done = fuse_kernels(make_work("ababab", rows), "a", "b", None, fixed_us=0.0)
    assert (names(done.work), edges(done.work)) == (["a+b"] * 3, [[], [0], [1]])


def test_a_chain_of_one_kernel_fuses_in_pairs():
    rows = [[], [0], [1], [2], [3]]
    done = fuse_kernels(make_work("aaaaa", rows), "a", "a", None, fixed_us=0.0)
    assert (names(done.work), edges(done.work)) == (["a+a", "a+a", "a"], [[], [0], [1]])


def test_a_producer_in_another_pair_does_not_make_a_pair_unclear():
    done = fuse_kernels(make_work("aaaa", [[], [0], [], [1, 2]]), "a", "a", None, fixed_us=0.0)
    assert (names(done.work), edges(done.work)) == (["a+a", "a+a"], [[], [0]])


def test_pairs_with_another_task_between_them_are_left_alone():
    work = make_work("axbab", [[], [0], [0, 1], [], [3]])
    done = fuse_kernels(work, "a", "b", None, fixed_us=0.0)
    assert (done.changed, done.left_alone) == (1, 1)
    assert names(done.work) == ["a", "x", "b", "a+b"]


def test_pairs_that_wait_for_each_other_do_not_both_fuse():
    # Neighbours exchange through x: each b needs its own a and the other's x.
    work = make_work("aaxxbb", [[], [], [0], [1], [0, 3], [1, 2]])
    done = fuse_kernels(work, "a", "b", None, fixed_us=0.0)
    assert (done.changed, done.left_alone) == (1, 1)
    assert names(done.work) == ["a", "x", "a+b", "x", "b"]
    assert edges(done.work) == [[], [0], [1], [2], [0, 3]]


def test_of_a_ring_of_exchanges_every_other_pair_fuses():
    count = 100
    rows = [[] for _ in range(count)] + [[n] for n in range(count)]
    rows += [[n, count + (n - 1) % count, count + (n + 1) % count] for n in range(count)]
    work = make_work("a" * count + "x" * count + "b" * count, rows)
    done = fuse_kernels(work, "a", "b", None, fixed_us=0.0)
    assert (done.changed, done.left_alone) == (count // 2, count // 2)


def test_kernels_of_two_core_types_need_a_core():
    work = make_work("Ab", [[], [0]])
    assert "runs on aic and 'b' on aiv; say on which" in message(
        fuse_kernels, work, "A", "b", None, 0.0
    )
    for core in (AIC, AIV):
        graph = fuse_kernels(work, "A", "b", core, fixed_us=0.0).work.graph
        assert graph.kernels[graph.kernel[0]].core is core
        assert graph.is_aic.tolist() == [core is AIC]


# Bad input


@pytest.mark.parametrize("count", [1, 0, -3, 2.0, True, "2", None])
def test_a_count_is_a_number_from_2_on(count):
    work = make_work("aa")
    assert f"from 2 on, not {count!r}" in message(split_tasks, work, "a", count, 0.0)
    assert f"from 2 on, not {count!r}" in message(merge_tasks, work, "a", count, 0.0)


@pytest.mark.parametrize("fixed_us", [-0.1, float("nan"), float("inf")])
def test_a_fixed_time_is_a_time(fixed_us):
    work = make_work("ab", [[], [0]])
    for call in (
        lambda: split_tasks(work, "a", 2, fixed_us),
        lambda: merge_tasks(work, "a", 2, fixed_us),
        lambda: fuse_kernels(work, "a", "b", None, fixed_us),
    ):
        assert f"is 0 us or more, not {fixed_us}" in message(call)


def test_unknown_kernels_are_refused_with_the_nearest_names():
    work = make_work("ab", [[], [0]])
    for call in (
        lambda name: split_tasks(work, name, 2, 0.0),
        lambda name: merge_tasks(work, name, 2, 0.0),
        lambda name: fuse_kernels(work, name, "b", None, 0.0),
        lambda name: fuse_kernels(work, "a", name, None, 0.0),
    ):
        assert "unknown kernel 'q' (known: a, b)" in message(call, "q")


def test_kernels_without_tasks_are_refused_with_those_that_have():
    work = split_tasks(make_work("ab"), "a", 2, 0.0).work
    text = "no task of toy executes kernel 'a'; those that run: a /2, b"
    assert message(split_tasks, work, "a", 2, 0.0) == text
    assert message(merge_tasks, work, "a", 2, 0.0) == text
    assert message(fuse_kernels, work, "a", "b", None, 0.0) == text


def test_one_task_has_nothing_to_merge_with():
    assert "only one task of kernel 'a'" in message(merge_tasks, make_work("ab"), "a", 2, 0.0)


def test_work_has_a_time_for_each_submit_and_edges_that_lead_forward():
    graph = make_work("ab", [[], [0]]).graph
    assert "3 durations for a graph of 2 submits" in message(Work, graph, np.ones(3))
    assert "they are 0 us or more" in message(Work, graph, np.array([1.0, np.nan]))
    assert "they are 0 us or more" in message(Work, graph, np.array([1.0, -1.0]))
    assert "submit 0 of toy depends on submit 1" in message(make_work, "ab", [[1], []])


def test_allocs_and_tasks_of_two_groups_are_not_contracted():
    work = make_work(".ab", [[], [0], [0]])
    kernel = work.graph.kernels[0]
    both = [Group((1, 2), kernel), Group((2,), kernel)]
    assert "submit 0 of toy is an alloc" in message(contract, work.graph, [Group((0, 1), kernel)])
    assert "submit 2 of toy is in two groups" in message(contract, work.graph, both)


# Any graph


@st.composite
def works(draw):
    count = draw(st.integers(2, 14))
    tasks = "aa" + "".join(draw(st.lists(st.sampled_from("aab."), min_size=count, max_size=count)))
    rows = []
    for task, kind in enumerate(tasks):
        known = st.sets(st.integers(0, task - 1), max_size=3) if task else st.just(set())
        rows.append([] if kind == "." else sorted(draw(known)))
    times = [0.0 if kind == "." else float(draw(st.integers(0, 8))) for kind in tasks]
    return make_work(tasks, rows, times)


@st.composite
def grouped_works(draw):
    work = draw(works())
    tasks = np.flatnonzero(work.graph.kernel != ALLOC).tolist()
    mixed = draw(st.permutations(tasks))
    groups = []
    while len(mixed) > 1 and len(groups) < 5:
        size = draw(st.integers(2, 3))
        groups.append(tuple(sorted(mixed[:size])))
        mixed = mixed[size:]
    return work, groups


def digraph(work):
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(work.graph)))
    graph.add_edges_from((p, c) for c, row in enumerate(edges(work)) for p in row)
    return graph


def check_edges(graph):
    for submit in range(len(graph)):
        row = graph.producers(submit).tolist()
        assert len(set(row)) == len(row)
        assert all(0 <= p < submit for p in row)
    assert graph.fanin.dtype == np.int32
    assert graph.fanin_start.dtype == np.int64
    assert len(graph.views) == len(graph.scalars) == len(graph.ring) == len(graph)


@settings(deadline=None, max_examples=400)
@given(grouped_works())
def test_contraction_is_that_of_a_quotient_graph_as_long_as_it_has_no_cycle(case):
    work, groups = case
    kernel = work.graph.kernels[0]
    result = contract(work.graph, [Group(members, kernel) for members in groups])
    # The oracle contracts group by group and looks for cycles in the whole graph.
    label = {n: n for n in range(len(work.graph))}
    left_alone = 0
    for members in groups:
        tried = {**label, **dict.fromkeys(members, members[0])}
        quotient = nx.DiGraph((tried[p], tried[c]) for p, c in digraph(work).edges)
        quotient.remove_edges_from(list(nx.selfloop_edges(quotient)))
        if nx.is_directed_acyclic_graph(quotient):
            label = tried
        else:
            left_alone += 1
    assert result.left_alone == left_alone
    blocks = {}
    for n, of in label.items():
        blocks.setdefault(of, []).append(n)
    assert sorted(result.members) == sorted(map(tuple, blocks.values()))
    check_edges(result.graph)
    number = {old: new for new, members in enumerate(result.members) for old in members}
    expected = {(number[p], number[c]) for p, c in digraph(work).edges if number[p] != number[c]}
    found = {(p, c) for c in range(len(result.graph)) for p in result.graph.producers(c).tolist()}
    assert found == expected
    # Of the submits that could come next, always the first of the program does.
    order = [members[0] for members in result.members]
    quotient = nx.DiGraph((order[p], order[c]) for p, c in expected)
    quotient.add_nodes_from(order)
    assert order == list(nx.lexicographical_topological_sort(quotient))


@settings(deadline=None, max_examples=200)
@given(works(), st.integers(2, 4), st.sampled_from(["merge", "fuse"]))
def test_contraction_keeps_time_and_all_order(work, count, how):
    if how == "merge":
        done = merge_tasks(work, "a", count, fixed_us=0.0)
    else:
        try:
            done = fuse_kernels(work, "a", "a", None, fixed_us=0.0)
        except InputError:
            return
    assert done.work.durations_us.sum() == work.durations_us.sum()
    assert len(done.work.graph) <= len(work.graph)
    assert done.work.graph.alloc_count == work.graph.alloc_count
    check_edges(done.work.graph)
    # The critical path gets no shorter: no task starts before what it waited for.
    assert critical_us(done.work) >= critical_us(work)


def critical_us(work):
    end = []
    for row, time in zip(edges(work), work.durations_us.tolist(), strict=True):
        end.append(time + max((end[p] for p in row), default=0.0))
    return max(end)


@settings(deadline=None, max_examples=200)
@given(works(), st.integers(2, 3), st.sampled_from([0.0, 1.0]))
def test_splitting_keeps_time_and_all_order(work, parts, fixed_us):
    done = split_tasks(work, "a", parts, fixed_us)
    graph = done.work.graph
    check_edges(graph)
    kernel = {n: k.name for n, k in enumerate(work.graph.kernels)} | {ALLOC: "."}
    split = [kernel[k] == "a" for k in work.graph.kernel.tolist()]
    copies = [parts if one else 1 for one in split]
    begin = np.cumsum([0, *copies]).tolist()
    expected = set()
    for p, c in digraph(work).edges:
        for i in range(copies[p]):
            for j in range(copies[c]):
                if not (split[p] and split[c]) or i == j:
                    expected.add((begin[p] + i, begin[c] + j))
    assert set(digraph(done.work).edges) == expected
    extra = sum(
        (parts - 1) * min(fixed_us, time)
        for time, one in zip(work.durations_us.tolist(), split, strict=True)
        if one
    )
    assert done.work.durations_us.sum() == pytest.approx(work.durations_us.sum() + extra)
    assert critical_us(done.work) <= critical_us(work) + 1e-9
    assert done.changed == sum(split)


# Tensors


ROWS = pl.Tensor[[16, 256], pl.FP32]


def through_memory(x: ROWS, y: ROWS):
    for i in pl.range(4):
        with pl.incore():
            t = pl.exp(pl.slice(x, [16, 64], [0, i * 64]))
        with pl.incore():
            y = pl.assemble(y, pl.add(t, 1.0), [0, i * 64])


def tensors_fit(graph):
    """Arguments match kernels, and each buffer is one object that knows the alloc that made it."""
    for submit, kernel in enumerate(graph.kernel.tolist()):
        views = graph.views[submit]
        if kernel == ALLOC:
            assert all(view.buffer.owner == submit for view in views)
            continue
        assert len(views) == len(graph.kernels[kernel].parameters)
        for view in views:
            owner = view.buffer.owner
            assert owner == -1 or owner in graph.producers(submit)
            if owner >= 0:
                assert any(view.buffer is made.buffer for made in graph.views[owner])


def test_buffers_follow_their_allocs():
    graph = build_graph(recorded(through_memory), lookup_cap=16, rings=4)
    work = Work(graph, (graph.kernel != ALLOC).astype(np.float64))
    first, second = (kernel.name for kernel in graph.kernels)
    for done in (
        split_tasks(work, first, 3, 0.0),
        split_tasks(work, second, 2, 0.0),
        merge_tasks(work, first, 2, 0.0),
        merge_tasks(work, second, 3, 0.0),
        fuse_kernels(work, first, second, None, 0.0),
    ):
        tensors_fit(done.work.graph)
        names = Counter(view.buffer.name for views in graph.views for view in views)
        after = Counter(view.buffer.name for views in done.work.graph.views for view in views)
        assert after.keys() == names.keys()
    assert all(
        view.buffer.owner in (-1, submit) or view.buffer.owner < submit
        for submit, views in enumerate(graph.views)
        for view in views
    )  # and the old graph has its own buffers still


# In simulated time


def run(work, clusters=1):
    runtime = make_runtime(threads=1)
    durations = work.durations_us.tolist()
    trace = simulate(
        work.graph, make_device(clusters), runtime, profiling=False, durations=durations
    )
    return max(trace.end_us.tolist())


def test_transformed_graphs_run_on_the_simulator():
    work = make_work("AbAbAb", [[], [0], [], [2], [], [4]], [8, 2, 8, 2, 8, 2])
    assert run(work) == pytest.approx(26.0, abs=0.1)  # one cube core
    assert run(split_tasks(work, "A", 2, 0.0).work, clusters=6) == pytest.approx(6.0, abs=0.1)
    assert run(merge_tasks(work, "A", 3, 1.0).work, clusters=6) == pytest.approx(24.0, abs=0.1)
    fused = fuse_kernels(work, "A", "b", AIC, fixed_us=1.0).work
    assert run(fused) == pytest.approx(27.0, abs=0.1)
    fused = fuse_kernels(work, "A", "b", AIV, fixed_us=1.0).work
    assert run(fused) == pytest.approx(18.0, abs=0.1)  # two vector cores


# Real programs


SMALL = {"hidden": 1024, "intermediate": 2048}


def program_work(settings):
    submits = record(find_workload("qwen3-scope3-baseline").program(settings))
    graph = build_graph(submits, lookup_cap=16, rings=4)
    return Work(graph, np.array(durations_us(graph, load_device("a2a3"))))


@pytest.fixture(scope="module")
def small():
    return program_work(SMALL)


def kernel(work, number):
    return work.graph.kernels[number].name


@pytest.mark.parametrize("number", range(10))
def test_every_kernel_of_a_program_splits_and_merges(small, number):
    name = kernel(small, number)
    count = int(np.count_nonzero(small.graph.kernel == number))
    split = split_tasks(small, name, 3, 0.5)
    assert split.changed == count
    assert split.work.graph.task_count == small.graph.task_count + 2 * count
    assert split.work.graph.depth == small.graph.depth
    tensors_fit(split.work.graph)
    if count == 1:
        assert "only one task" in message(merge_tasks, small, name, 5, 0.5)
        return
    merged = merge_tasks(small, name, 5, 0.5)
    assert (merged.changed, merged.left_alone) == (count // 5 + (count % 5 > 1), 0)
    assert merged.work.graph.task_count == small.graph.task_count - count + -(-count // 5)
    tensors_fit(merged.work.graph)
    for each in (split.work, merged.work):
        check_edges(each.graph)


def test_fusing_down_projections_with_their_accumulates(small):
    # 32 blocks of the MLP times 8 columns; the chain of accumulates stays as long.
    done = fuse_kernels(small, kernel(small, 7), kernel(small, 8), AIC, fixed_us=0.5)
    assert (done.changed, done.left_alone) == (256, 0)
    assert done.work.graph.depth == small.graph.depth - 1
    assert done.work.durations_us.sum() == pytest.approx(small.durations_us.sum() - 256 * 0.5)
    tensors_fit(done.work.graph)
    trace = simulate(
        done.work.graph,
        load_device("a2a3"),
        make_runtime(threads=3),
        durations=done.work.durations_us.tolist(),
    )
    assert len(trace.task) == done.work.graph.task_count


def test_the_whole_baseline_fuses_and_merges():
    work = program_work({})
    fused = fuse_kernels(work, kernel(work, 7), kernel(work, 8), AIC, fixed_us=0.5)
    assert (fused.changed, fused.left_alone) == (16_000, 0)
    found = fused.work.graph
    assert (found.task_count, found.edge_count, found.depth) == (17_411, 84_061, 16_085)
    merged = merge_tasks(work, kernel(work, 8), 40, fixed_us=0.5)
    found = merged.work.graph
    assert (found.task_count, found.edge_count, found.depth) == (17_811, 84_861, 486)
