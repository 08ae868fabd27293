"""Tasks that take more or less than one core, with exact stamps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import make_device, make_graph, make_runtime
from trace_rules import check_edges, check_parts

from devices.errors import InputError
from runtime.explanation import explain
from runtime.launch import Launch
from runtime.simulation import simulate

# A submit takes 1 us, a dispatch 0.5 us, an empty loop 0.25 us, and nothing else takes time.
COSTS = {"submit_us": 1.0, "dispatch_us": 0.5, "idle_loop_us": 0.25}


def run(graph, durations, clusters=1, threads=1):
    runtime = make_runtime(threads, **COSTS)
    return simulate(graph, make_device(clusters), runtime, profiling=False, durations=durations)


def rows(trace):
    """Task, core, dispatch and finish of every execution, by dispatch."""
    order = np.lexsort((trace.core, trace.dispatch_us))
    columns = (trace.task, trace.core, trace.dispatch_us, trace.finish_us)
    return list(zip(*(column[order].tolist() for column in columns), strict=True))


def test_a_mix_task_takes_the_cube_core_and_then_both_vector_cores():
    trace = run(make_graph("m"), [4.0])
    assert rows(trace) == [(0, 0, 1.5, 5.5), (0, 1, 2.0, 6.0), (0, 2, 2.5, 6.5)]


def test_a_mix_task_waits_for_a_cluster_that_is_idle_as_a_whole():
    # The vector task holds one of the cores of the only cluster until 11.5.
    trace = run(make_graph("vm"), [10.0, 1.0])
    assert rows(trace)[0] == (0, 1, 1.5, 11.5)
    assert [row[0] for row in rows(trace)[1:]] == [1, 1, 1]
    assert min(row[2] for row in rows(trace)[1:]) == 12.0


def test_half_a_mix_leaves_the_other_vector_core_to_others():
    trace = run(make_graph("hv"), [10.0, 1.0])
    assert rows(trace)[:2] == [(0, 0, 1.5, 11.5), (0, 1, 2.0, 12.0)]
    assert rows(trace)[2][:2] == (1, 2)


def test_a_consumer_waits_for_the_last_part():
    trace = run(make_graph("mv", [[], [0]]), [4.0, 1.0])
    assert trace.ready_us[trace.task == 1].tolist() == [6.5]


def test_blocks_take_one_cluster_each_and_the_rest_waits():
    graph = make_graph("c", launches={0: Launch(blocks=3)})
    trace = run(graph, [4.0], clusters=2)
    # Clusters 0 and 1 take a block each; the third goes to the core that is idle first.
    assert rows(trace) == [(0, 0, 1.5, 5.5), (0, 1, 2.0, 6.25), (0, 0, 6.0, 10.0)]


def test_vector_blocks_fill_a_cluster_before_the_next():
    graph = make_graph("v", launches={0: Launch(blocks=3)})
    assert [row[1] for row in rows(run(graph, [4.0], clusters=2))] == [2, 3, 4]


def test_blocks_that_start_together_wait_until_all_fit():
    # One of two cube cores is busy until 21.5; both blocks are dispatched after that.
    graph = make_graph("cc", launches={1: Launch(blocks=2, sync_start=True)})
    trace = run(graph, [20.0, 1.0], clusters=2)
    together = [row for row in rows(trace) if row[0] == 1]
    assert [row[1] for row in together] == [0, 1]
    assert together[0][2] > 21.5
    assert together[1][2] - together[0][2] == 0.5


def test_blocks_that_start_together_get_the_cores_of_all_threads():
    graph = make_graph("ccc", launches={2: Launch(blocks=4, sync_start=True)})
    trace = run(graph, [20.0, 9.0, 1.0], clusters=4, threads=2)
    together = [row for row in rows(trace) if row[0] == 2]
    assert {row[1] for row in together} == {0, 1, 2, 3}
    assert np.ptp([row[2] for row in together]) == 1.5  # one dispatch after the other


def test_nobody_dispatches_while_blocks_wait_to_start_together():
    graph = make_graph("ccc", launches={1: Launch(blocks=2, sync_start=True)})
    trace = run(graph, [20.0, 1.0, 1.0], clusters=2)
    begun = {task: dispatch for task, _, dispatch, _ in reversed(rows(trace))}
    assert begun[2] > begun[1]  # though a core was idle all the time


@pytest.mark.parametrize(
    ("letter", "blocks", "cores"), [("c", 3, "2 clusters"), ("v", 5, "4 vector cores")]
)
def test_more_blocks_than_cores_cannot_start_together(letter, blocks, cores):
    graph = make_graph(letter, launches={0: Launch(blocks=blocks, sync_start=True)})
    with pytest.raises(InputError, match=f"starts {blocks} blocks together .* has {cores}"):
        run(graph, [1.0], clusters=2)
    alone = make_graph(letter, launches={0: Launch(blocks=blocks)})
    assert len(run(alone, [1.0], clusters=2)) == blocks


def test_a_task_of_no_block_is_refused():
    with pytest.raises(InputError, match="has no block to run"):
        run(make_graph("c", launches={0: Launch(blocks=0)}), [1.0])


def test_a_dummy_task_orders_others_and_takes_no_core():
    graph = make_graph("vvdv", [[], [], [0, 1], [2]])
    trace = run(graph, [5.0, 7.0, 0.0, 1.0])
    assert trace.task.tolist() == [0, 1, 3]
    # 1 is dispatched at 2.5 and ends at 9.5; then the dummy is complete, and 3 is ready.
    assert trace.ready_us.tolist()[2] == 9.5
    assert trace.released_by.tolist() == [-1, -1, 1]


def test_a_dummy_task_without_producers_is_complete_when_a_thread_has_looked():
    trace = run(make_graph("dv", [[], [0]]), [0.0, 1.0])
    assert trace.ready_us.tolist() == [2.0]


@st.composite
def cases(draw):
    count = draw(st.integers(1, 14))
    letters = "".join(draw(st.sampled_from("ccvvmhd")) for _ in range(count))
    producers = [
        sorted(draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else [] for n in range(count)
    ]
    clusters, threads = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    launches = {}
    for number, letter in enumerate(letters):
        blocks = draw(st.integers(1, 7))
        if letter in "cvmh" and blocks > 1:
            most = 2 * clusters if letter == "v" else clusters
            launches[number] = Launch(blocks, sync_start=draw(st.booleans()) and blocks <= most)
    durations = [float(draw(st.integers(0, 9))) for _ in letters]
    return make_graph(letters, producers, launches=launches), durations, clusters, threads


@settings(max_examples=400, deadline=None)
@given(cases())
def test_every_part_runs_once_on_a_core_of_its_own_after_all_producers(case):
    graph, durations, clusters, threads = case
    if not graph.task_count:
        return
    trace = run(graph, durations, clusters, threads)
    check_parts(trace, graph)
    for core in set(trace.core.tolist()):
        mine = trace.core == core
        begin, end = np.sort(trace.dispatch_us[mine]), np.sort(trace.finish_us[mine])
        assert (begin[1:] >= end[:-1]).all()
    check_edges(trace, graph)
    explanation = explain(trace)
    assert explanation.part_us.sum() == pytest.approx(trace.wall_clock_us, abs=1e-6)
